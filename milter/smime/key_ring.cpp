// key_ring.cpp - reads our keys and refuses to use one that is kept carelessly.
#include "milter/smime/key_ring.h"

#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "milter/base/crypto.h"
#include "milter/base/text.h"

namespace direct {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t key_file_max = 64 * 1024;

/// Nobody but the owner may read a key; a file of root's that our own group may read is the one exception.
Status check_mode(const std::string& path)
{
    struct stat st {};
    if (stat(path.c_str(), &st) != 0) return fail(misconfigured("there is no key beside it"));
    if (!S_ISREG(st.st_mode)) return fail(misconfigured("the key is not a file"));
    bool root_for_our_group = st.st_uid == 0 && st.st_gid == getegid() && (st.st_mode & 0037) == 0;
    if ((st.st_mode & 0077) != 0 && !root_for_our_group)
        return fail(misconfigured("the key may be read by others; chmod 0400 it"));
    return Done{};
}

int no_passphrase(char*, int, int, void*)
{
    return -1;
}

Result<std::shared_ptr<EVP_PKEY>> load_key(const std::string& path)
{
    CHECK(check_mode(path));
    TRY(std::string pem, read_whole_file(path, key_file_max));
    CleanseAtEnd cleanse(pem);
    ossl::Bio in(BIO_new_mem_buf(pem.data(), int(pem.size())));
    EVP_PKEY* key = in ? PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr) : nullptr;
    ossl::take_errors();
    if (!key) return fail(misconfigured("the key cannot be read (PEM without a passphrase is expected)"));
    return std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free);
}

/// The address or domain a folder is named for.
struct Owner {
    std::string key;
    std::optional<Address> address;
    bool binds(const Certificate& c) const
    {
        return address ? c.bound_to_address(*address) : c.bound_to_domain(key);
    }
};

Result<Owner> owner_of(const std::string& folder_name)
{
    if (folder_name.find('@') == std::string::npos) {
        TRY(std::string domain, normal_domain(folder_name));
        return Owner{domain, {}};
    }
    TRY(Address address, parse_address(folder_name));
    std::string key = address.key();
    return Owner{key, std::move(address)};
}

Result<OwnKey> load_one(const Owner& owner, const fs::path& certificate_file)
{
    TRY(auto certificates, load_certificates(certificate_file));
    Certificate leaf = certificates.front();
    certificates.erase(certificates.begin());
    if (!owner.binds(leaf))
        return fail(misconfigured("the certificate is not for " + owner.key + ", whose folder this is"));
    TRY(auto key, load_key(fs::path(certificate_file).replace_extension(".key")));
    bool fits = X509_check_private_key(leaf.x509(), key.get()) == 1;
    ossl::take_errors();
    if (!fits) return fail(misconfigured("key and certificate do not fit together"));
    return OwnKey{owner.key, certificate_file, leaf, std::move(certificates), std::move(key)};
}

std::vector<fs::path> sorted_entries(const fs::path& folder, std::vector<std::string>& findings)
{
    std::vector<fs::path> out;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        out.push_back(it->path());
    if (error) findings.push_back(folder.string() + ": " + error.message());
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace

KeyRing KeyRing::load(const std::string& folder)
{
    KeyRing ring;
    for (const auto& sub : sorted_entries(folder, ring.findings_)) {
        std::error_code ignored;
        // store.key and its like are files of other rooms in the same folder.
        if (!fs::is_directory(sub, ignored)) continue;
        auto owner = owner_of(sub.filename());
        if (!owner) {
            ring.findings_.push_back(sub.string() + ": the folder's name is neither address nor domain");
            continue;
        }
        const auto findings = ring.findings_.size();
        const auto files = sorted_entries(sub, ring.findings_);
        if (ring.findings_.size() > findings) ring.at_fault_.insert(owner->key);  // the folder itself
        for (const auto& file : files) {
            if (file.extension() != ".crt") continue;
            if (auto one = load_one(*owner, file)) {
                ring.add(*std::move(one));
            } else {
                ring.at_fault_.insert(owner->key);
                ring.findings_.push_back(file.string() + ": " + one.error().why);
            }
        }
    }
    return ring;
}

void KeyRing::add(OwnKey key)
{
    by_name_.emplace(key.name, keys_.size());
    keys_.push_back(std::move(key));
}

std::vector<const OwnKey*> KeyRing::for_decryption(const Address& recipient) const
{
    std::vector<const OwnKey*> out;
    auto add_all = [&](const std::string& name) {
        auto [from, to] = by_name_.equal_range(name);
        for (auto it = from; it != to; ++it) out.push_back(&keys_[it->second]);
    };
    std::string exact = recipient.key(), plain = without_tag(recipient).key();
    add_all(exact);
    // Partners look a certificate up without the tag, and it is the same mailbox.
    if (plain != exact) add_all(plain);
    add_all(recipient.domain);
    return out;
}

bool KeyRing::at_fault(const Address& address) const
{
    return at_fault_.contains(address.key()) || at_fault_.contains(without_tag(address).key()) ||
           at_fault_.contains(address.domain);
}

std::vector<const OwnKey*> KeyRing::for_signing(const Address& sender, Time now) const
{
    std::vector<const OwnKey*> out;
    for (const std::string& name : {sender.key(), sender.domain}) {
        auto first = std::ptrdiff_t(out.size());
        auto [from, to] = by_name_.equal_range(name);
        for (auto it = from; it != to; ++it) {
            const Certificate& c = keys_[it->second].certificate;
            if (c.may_sign() && c.for_email() && c.not_before() <= now && now <= c.not_after())
                out.push_back(&keys_[it->second]);
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

}  // namespace direct
