// decrypt.cpp - who of the recipients an envelope serves, and its content.
#include <openssl/x509.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "milter/smime/envelope.h"
#include "milter/smime/gate.h"
#include "milter/smime/key_transport.h"
#include "milter/smime/smime.h"

namespace direct {
namespace {

using cms::Envelope;
using cms::RecipientEntry;

// A well-made envelope opens at the first try; who makes one with many different keys inside shall not
// have the content decrypted once for each.
constexpr int content_attempts_max = 4;

using Name = Handle<X509_NAME, &X509_NAME_free>;

/// Finds the entry meant for a certificate.
class Matcher {
public:
    explicit Matcher(const Envelope& envelope) : envelope_(envelope)
    {
        for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
            const auto& who = envelope.recipients[i].who;
            (who.key_id.empty() ? by_serial_ : by_key_id_)
                .emplace(who.key_id.empty() ? who.serial : who.key_id, i);
        }
    }

    /// The first one: a key works once for an envelope, however many entries name it.
    const RecipientEntry* find(const Certificate& c) const
    {
        auto best = envelope_.recipients.size();
        auto [from, to] = by_serial_.equal_range(c.serial_bytes());
        for (auto it = from; it != to; ++it)
            if (same_issuer(it->second, c)) best = std::min(best, it->second);
        if (!c.key_id().empty()) {
            auto [id_from, id_to] = by_key_id_.equal_range(c.key_id());
            for (auto it = id_from; it != id_to; ++it) best = std::min(best, it->second);
        }
        return best < envelope_.recipients.size() ? &envelope_.recipients[best] : nullptr;
    }

private:
    bool same_issuer(std::size_t index, const Certificate& c) const
    {
        std::string_view der = envelope_.recipients[index].who.issuer;
        if (der == c.issuer_der()) return true;
        // Some senders write a name anew, with other string types; compare as RFC 5280 section 7.1 says. The
        // widest type has four bytes for one. A longer name is not parsed: that takes twenty times its size.
        if (der.size() > 4 * c.issuer_der().size() + 64) return false;
        auto* p = reinterpret_cast<const unsigned char*>(der.data());
        Name name(d2i_X509_NAME(nullptr, &p, long(der.size())));
        ossl::take_errors();
        return name && X509_NAME_cmp(name.get(), X509_get_issuer_name(c.x509())) == 0;
    }

    const Envelope& envelope_;
    std::unordered_multimap<std::string_view, std::size_t> by_serial_, by_key_id_;
};

/// What a key of ours made of its entry; kept, so that it works once.
struct Tried {
    const RecipientEntry* entry = nullptr;
    std::optional<cms::UnwrappedKey> unwrapped;
    bool worked = false;
};

class Opener {
public:
    Opener(const Envelope& envelope, KeyOperationGate& gate)
        : envelope_(envelope), gate_(gate), matcher_(envelope)
    {
    }

    /// Whether the key opens the envelope's content. Fault: temporary from the gate.
    Result<bool> serves(const OwnKey& key)
    {
        Tried& tried = tried_of(key);
        if (!tried.entry) return false;
        matched_ = true;
        if (!tried.worked) {
            cms::InGate in(gate_);
            if (!in.status()) return fail(in.status().error());
            tried.unwrapped = cms::unwrap_key(*tried.entry, key.key.get(), envelope_.cipher->key_size);
            tried.worked = true;
        }
        if (!tried.unwrapped) return false;
        std::string_view content_key = tried.unwrapped->key.view();
        if (!out_key_.empty()) return note(tried, equal_in_constant_time(out_key_.view(), content_key));
        if (++attempts_ > content_attempts_max) return false;
        auto content = cms::open_content(envelope_, content_key);
        if (!content) return false;
        out.content = *std::move(content);
        out_key_ = tried.unwrapped->key.copy();
        return note(tried, true);
    }

    bool matched() const { return matched_; }
    bool opened() const { return !out_key_.empty(); }

    Opened out;

private:
    Tried& tried_of(const OwnKey& key)
    {
        auto [it, fresh] = tried_.try_emplace(key.certificate.der());
        if (fresh) it->second.entry = matcher_.find(key.certificate);
        return it->second;
    }

    bool note(const Tried& tried, bool served)
    {
        const std::string& how = tried.unwrapped->how;
        if (served &&
            std::find(out.key_transport.begin(), out.key_transport.end(), how) == out.key_transport.end())
            out.key_transport.push_back(how);
        return served;
    }

    const Envelope& envelope_;
    KeyOperationGate& gate_;
    Matcher matcher_;
    std::map<std::string_view, Tried> tried_;  // by the certificate's DER
    Secret out_key_;
    int attempts_ = 0;
    bool matched_ = false;
};

}  // namespace

Result<Opened> open_enveloped(std::string_view der, const std::vector<std::vector<const OwnKey*>>& candidates,
                              const CmsLimits& limits, KeyOperationGate& gate)
{
    TRY(Envelope envelope, cms::read_envelope(der, limits.infos));
    Opener opener(envelope, gate);
    for (const auto& keys : candidates) {
        const OwnKey* with = nullptr;
        for (const OwnKey* key : keys) {
            TRY(bool served, opener.serves(*key));
            if (!served) continue;
            with = key;
            break;
        }
        opener.out.opened_with.push_back(with);
    }
    if (!opener.matched())
        return fail(refuse(Reason::no_key, "no key of the recipients is named in the envelope"));
    if (!opener.opened()) return fail(refuse(Reason::cannot_decrypt, "the envelope does not open"));
    opener.out.cipher = envelope.cipher->name;
    return std::move(opener.out);
}

}  // namespace direct
