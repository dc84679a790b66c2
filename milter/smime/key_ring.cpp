// key_ring.cpp - which folders may hold a key for an address; see key_ring.h.
#include "milter/smime/key_ring.h"

#include <algorithm>
#include <filesystem>

#include "milter/smime/key_folder.h"

namespace direct {

namespace fs = std::filesystem;

KeyRing KeyRing::load(const std::string& folder)
{
    KeyRing ring;
    std::vector<fs::path> subs;
    std::error_code error, ignored;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        // store.key and its like are files of other rooms in the same folder.
        if (it->is_directory(ignored)) subs.push_back(it->path());
    if (error) ring.findings_.push_back(folder + ": " + error.message());
    std::sort(subs.begin(), subs.end());
    for (const auto& sub : subs) {
        auto owner = key_owner(sub.filename());
        if (!owner) {
            ring.findings_.push_back(sub.string() + ": the folder's name is neither address nor domain");
            continue;
        }
        ring.folders_.push_back(std::make_shared<KeyFolder>(*std::move(owner), sub));
        ring.by_name_.emplace(ring.folders_.back()->name(), ring.folders_.back().get());
    }
    return ring;
}

void KeyRing::add(OwnKey key)
{
    folders_.push_back(std::make_shared<KeyFolder>(std::move(key)));
    by_name_.emplace(folders_.back()->name(), folders_.back().get());
}

std::vector<KeyFolder*> KeyRing::folders_of(const std::string& name) const
{
    std::vector<KeyFolder*> out;
    auto [from, to] = by_name_.equal_range(name);
    for (auto it = from; it != to; ++it) out.push_back(it->second);
    return out;
}

std::vector<KeyFolder*> KeyRing::folders_of(const Address& address) const
{
    std::string exact = address.key(), plain = without_tag(address).key();
    auto out = folders_of(exact);
    auto add = [&](const std::string& name) {
        auto more = folders_of(name);
        out.insert(out.end(), more.begin(), more.end());
    };
    // Partners look a certificate up without the tag, and it is the same mailbox.
    if (plain != exact) add(plain);
    add(address.domain);
    return out;
}

std::vector<const OwnKey*> KeyRing::for_decryption(const Address& recipient) const
{
    std::vector<const OwnKey*> out;
    for (auto* folder : folders_of(recipient)) {
        auto keys = folder->keys(true);
        out.insert(out.end(), keys.begin(), keys.end());
    }
    return out;
}

std::vector<const OwnKey*> KeyRing::for_signing(const Address& sender, Time now) const
{
    std::vector<const OwnKey*> out;
    for (const std::string& name : {sender.key(), sender.domain}) {
        auto first = std::ptrdiff_t(out.size());
        for (auto* folder : folders_of(name))
            for (const auto* key : folder->keys(true)) {
                const Certificate& c = key->certificate;
                if (c.may_sign() && c.for_email() && c.not_before() <= now && now <= c.not_after())
                    out.push_back(key);
            }
        std::stable_sort(out.begin() + first, out.end(), [](const OwnKey* a, const OwnKey* b) {
            return a->certificate.not_before() > b->certificate.not_before();
        });
    }
    return out;
}

std::vector<Certificate> KeyRing::certificates_of(const Address& address) const
{
    std::vector<Certificate> out;
    for (const OwnKey* key : for_decryption(address))
        if (key->certificate.may_encrypt() && key->certificate.for_email()) out.push_back(key->certificate);
    return out;
}

std::vector<std::string> KeyRing::trouble(const Address& address) const
{
    std::vector<std::string> out;
    for (auto* folder : folders_of(address)) {
        auto told = folder->findings();
        out.insert(out.end(), told.begin(), told.end());
    }
    return out;
}

void KeyRing::read_all(const std::function<bool()>& go_on) const
{
    for (const auto& folder : folders_) {
        if (!go_on()) return;
        folder->keys(false);
    }
}

std::vector<const OwnKey*> KeyRing::all() const
{
    std::vector<const OwnKey*> out;
    for (const auto& folder : folders_) {
        auto keys = folder->keys(false);
        out.insert(out.end(), keys.begin(), keys.end());
    }
    return out;
}

std::vector<std::string> KeyRing::findings() const
{
    auto out = findings_;
    for (const auto& folder : folders_) {
        auto told = folder->findings();
        out.insert(out.end(), told.begin(), told.end());
    }
    return out;
}

}  // namespace direct
