// crl.cpp - see crl.h. OpenSSL parses and verifies; what is kept is a sorted table of serial numbers, a
// tenth of OpenSSL's own tree: lists of 100000 entries are in the field.
#include "policy/trust/crl.h"

#include <openssl/pem.h>

#include <algorithm>

#include "milter/base/text.h"

namespace direct {
namespace {

using List = Handle<X509_CRL, &X509_CRL_free>;
using Scope = Handle<ISSUING_DIST_POINT, &ISSUING_DIST_POINT_free>;
using Names = Handle<GENERAL_NAMES, &GENERAL_NAMES_free>;
using Enumerated = Handle<ASN1_ENUMERATED, &ASN1_ENUMERATED_free>;

constexpr std::size_t list_max = 256 * 1024 * 1024;
constexpr auto without_next_update = std::chrono::hours(1);
constexpr long reason_none = 0, reason_removed = 8;

struct Entry {
    std::string serial;  ///< content octets, as in the certificate
    std::uint32_t issuer = 0;
    long reason = reason_none;
    Time date{};
};

bool before(const Entry& a, const Entry& b)
{
    return std::tie(a.serial, a.issuer) < std::tie(b.serial, b.issuer);
}

Fault unusable(const std::string& what)
{
    ossl::take_errors();
    return refuse(Reason::malformed, "revocation list: " + what);
}

/// "-----BEGIN X509 CRL-----" around base64; anything else is DER.
Result<std::string> der_of(std::string_view bytes)
{
    if (!bytes.starts_with("-----BEGIN ") && bytes.find("-----BEGIN X509 CRL") == bytes.npos)
        return std::string(bytes);
    ossl::Bio in(BIO_new_mem_buf(bytes.data(), int(bytes.size())));
    char *name = nullptr, *header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    bool found = false;
    std::string der;
    while (!found && in && PEM_read_bio(in.get(), &name, &header, &data, &size) == 1) {
        found = std::string_view(name) == "X509 CRL";
        if (found) der.assign(reinterpret_cast<char*>(data), std::size_t(size));
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    if (!found) return fail(unusable("no X509 CRL in the PEM"));
    return der;
}

std::string_view name_der(const X509_NAME* name)
{
    const unsigned char* p = nullptr;
    std::size_t n = 0;
    if (!X509_NAME_get0_der(name, &p, &n)) return {};
    return {reinterpret_cast<const char*>(p), n};
}

std::string serial_of(const ASN1_INTEGER* number)
{
    unsigned char* encoded = nullptr;
    int n = i2d_ASN1_INTEGER(number, &encoded);
    // Longer ones than a one-byte length tells are in no certificate of ours.
    std::string out = n > 2 && n <= 2 + 127
                          ? std::string(reinterpret_cast<char*>(encoded) + 2, std::size_t(n - 2))
                          : std::string();
    OPENSSL_free(encoded);
    return out;
}

}  // namespace

struct Crl::Data {
    Time this_update{}, next_update{};
    std::vector<Entry> entries;
    std::vector<std::string> issuers;  ///< DER names; [0] is the list's own
    std::vector<std::string> names;    ///< URIs of its distribution point; empty: every one
    bool named = false;
    bool only_users = false, only_authorities = false, indirect = false, some_reasons = false;
    bool strange_entry = false;  ///< an entry has a critical extension that is not known

    Status read(X509_CRL* list, const Certificate& issuer);

private:
    Status check_extensions(const X509_CRL* list);
    Status read_scope(const X509_CRL* list);
    Status read_entries(X509_CRL* list);
    Status read_entry(const X509_REVOKED* revoked, std::uint32_t& current_issuer);
    Status read_entry_extensions(const X509_REVOKED* revoked, Entry& entry, std::uint32_t& current_issuer);
    Status take_issuer(const X509_REVOKED* revoked, std::uint32_t& current_issuer);
};

Status Crl::Data::read(X509_CRL* list, const Certificate& issuer)
{
    X509* authority = issuer.x509();
    if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(authority)) != 0)
        return fail(unusable("made by another issuer"));
    if (!(X509_get_key_usage(authority) & KU_CRL_SIGN))
        return fail(unusable("its issuer may not sign revocation lists (key usage)"));
    const X509_ALGOR* algorithm = nullptr;
    X509_CRL_get0_signature(list, nullptr, &algorithm);
    if (strong_digest(algorithm).empty()) return fail(unusable("signed with a weak or unknown algorithm"));
    EVP_PKEY* key = X509_get0_pubkey(authority);
    if (!key || X509_CRL_verify(list, key) != 1) return fail(unusable("the signature is not its issuer's"));
    CHECK(check_extensions(list));
    CHECK(read_scope(list));
    TRY(this_update, time_of(X509_CRL_get0_lastUpdate(list)));
    next_update = this_update + without_next_update;
    if (X509_CRL_get0_nextUpdate(list)) {
        TRY(next_update, time_of(X509_CRL_get0_nextUpdate(list)));
    }
    issuers.emplace_back(name_der(X509_CRL_get_issuer(list)));
    return read_entries(list);
}

Status Crl::Data::check_extensions(const X509_CRL* list)
{
    for (int i = 0; i < X509_CRL_get_ext_count(list); ++i) {
        X509_EXTENSION* one = X509_CRL_get_ext(list, i);
        int kind = OBJ_obj2nid(X509_EXTENSION_get_object(one));
        if (kind == NID_delta_crl) return fail(unusable("a delta; the whole list is needed"));
        if (!X509_EXTENSION_get_critical(one)) continue;
        if (kind != NID_issuing_distribution_point && kind != NID_crl_number &&
            kind != NID_authority_key_identifier)
            return fail(unusable("a critical extension that is not known"));
    }
    return Done{};
}

Status Crl::Data::read_scope(const X509_CRL* list)
{
    int found = -1;
    Scope scope(static_cast<ISSUING_DIST_POINT*>(
        X509_CRL_get_ext_d2i(list, NID_issuing_distribution_point, &found, nullptr)));
    if (!scope && found == -1) return Done{};
    if (!scope) return fail(unusable("its scope cannot be read"));
    if (scope->onlyattr > 0) return fail(unusable("for attribute certificates only"));
    only_users = scope->onlyuser > 0;
    only_authorities = scope->onlyCA > 0;
    indirect = scope->indirectCRL > 0;
    some_reasons = scope->onlysomereasons != nullptr;
    if (!scope->distpoint) return Done{};
    if (scope->distpoint->type != 0) return fail(unusable("its distribution point has no whole name"));
    named = true;
    const GENERAL_NAMES* all = scope->distpoint->name.fullname;
    for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
        int kind = 0;
        auto* value =
            static_cast<ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all, i), &kind));
        if (kind == GEN_URI)
            names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                               std::size_t(ASN1_STRING_length(value)));
    }
    return Done{};
}

Status Crl::Data::read_entries(X509_CRL* list)
{
    STACK_OF(X509_REVOKED)* all = X509_CRL_get_REVOKED(list);
    std::uint32_t current_issuer = 0;
    if (all) entries.reserve(std::size_t(sk_X509_REVOKED_num(all)));
    for (int i = 0; all && i < sk_X509_REVOKED_num(all); ++i)
        CHECK(read_entry(sk_X509_REVOKED_value(all, i), current_issuer));
    std::sort(entries.begin(), entries.end(), before);
    ossl::take_errors();
    return Done{};
}

Status Crl::Data::read_entry(const X509_REVOKED* revoked, std::uint32_t& current_issuer)
{
    Entry entry;
    entry.serial = serial_of(X509_REVOKED_get0_serialNumber(revoked));
    TRY(entry.date, time_of(X509_REVOKED_get0_revocationDate(revoked)));
    if (X509_REVOKED_get_ext_count(revoked) > 0) CHECK(read_entry_extensions(revoked, entry, current_issuer));
    entry.issuer = current_issuer;
    if (!entry.serial.empty()) entries.push_back(std::move(entry));
    return Done{};
}

Status Crl::Data::read_entry_extensions(const X509_REVOKED* revoked, Entry& entry,
                                        std::uint32_t& current_issuer)
{
    for (int i = 0; i < X509_REVOKED_get_ext_count(revoked); ++i) {
        X509_EXTENSION* one = X509_REVOKED_get_ext(revoked, i);
        switch (OBJ_obj2nid(X509_EXTENSION_get_object(one))) {
            case NID_crl_reason: {
                Enumerated reason(static_cast<ASN1_ENUMERATED*>(X509V3_EXT_d2i(one)));
                entry.reason = reason ? ASN1_ENUMERATED_get(reason.get()) : -1;
                break;
            }
            case NID_certificate_issuer:
                CHECK(take_issuer(revoked, current_issuer));
                break;
            case NID_invalidity_date:
                break;
            default:
                strange_entry = strange_entry || X509_EXTENSION_get_critical(one);
        }
    }
    return Done{};
}

/// The entry, and those after it, are of the issuer named (RFC 5280 section 5.3.3).
Status Crl::Data::take_issuer(const X509_REVOKED* revoked, std::uint32_t& current_issuer)
{
    if (!indirect) return fail(unusable("an entry of another issuer in a list that has none"));
    Names all(static_cast<GENERAL_NAMES*>(
        X509_REVOKED_get_ext_d2i(revoked, NID_certificate_issuer, nullptr, nullptr)));
    const X509_NAME* name = nullptr;
    for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
        int kind = 0;
        void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), i), &kind);
        if (kind == GEN_DIRNAME) name = static_cast<X509_NAME*>(value);
    }
    if (!name) return fail(unusable("the issuer of an entry cannot be read"));
    std::string der(name_der(name));
    auto known = std::find(issuers.begin(), issuers.end(), der);
    current_issuer = static_cast<std::uint32_t>(known - issuers.begin());
    if (known == issuers.end()) issuers.push_back(std::move(der));
    return Done{};
}

Result<Crl> Crl::read(std::string_view bytes, const Certificate& issuer)
{
    if (bytes.size() > list_max) return fail(unusable("larger than 256 MB"));
    TRY(std::string der, der_of(bytes));
    const auto* p = reinterpret_cast<const unsigned char*>(der.data());
    const unsigned char* end = p + der.size();
    List list(d2i_X509_CRL(nullptr, &p, long(der.size())));
    if (!list) return fail(unusable("cannot be read"));
    if (p != end) return fail(unusable("bytes after its end"));
    auto data = std::make_shared<Data>();
    CHECK(data->read(list.get(), issuer));
    return Crl(std::move(data));
}

RevocationFact Crl::find(const Certificate& certificate, Time now, bool some_reasons) const
{
    const Data& d = *data_;
    RevocationFact out;
    out.until = d.next_update;
    auto say = [&](std::string why) {
        out.why = std::move(why);
        return out;
    };
    if (d.this_update > now + revocation_clock_skew)
        return say("the list is dated " + iso8601(d.this_update) + ", in the future");
    if (d.only_users && certificate.is_ca()) return say("the list is for end certificates only");
    if (d.only_authorities && !certificate.is_ca()) return say("the list is for authorities only");
    if (d.named) {
        bool ours = false;
        for (const auto& point : revocation_places(certificate).lists)
            for (const auto& url : point.urls)
                ours = ours || std::find(d.names.begin(), d.names.end(), url) != d.names.end();
        if (!ours) return say("the list is for another distribution point");
    }
    Entry wanted;
    wanted.serial = certificate.serial_bytes();
    auto at = std::lower_bound(d.entries.begin(), d.entries.end(), wanted, before);
    for (; at != d.entries.end() && at->serial == wanted.serial; ++at) {
        if (d.issuers[at->issuer] != d.issuers[0] || at->reason == reason_removed) continue;
        out.state = RevocationFact::revoked;
        out.reason = revocation_reason(at->reason);
        out.date = at->date;
        return say("revoked on " + iso8601(at->date) + " (" + out.reason + ")");
    }
    if (d.strange_entry) return say("an entry of the list has a critical extension that is not known");
    if (d.some_reasons || some_reasons) return say("the list tells of some reasons only");
    out.state = RevocationFact::good;
    return out;
}

Time Crl::this_update() const
{
    return data_->this_update;
}
Time Crl::next_update() const
{
    return data_->next_update;
}
std::size_t Crl::entries() const
{
    return data_->entries.size();
}

}  // namespace direct
