// Reading fields from a certificate. An extension that stands twice or cannot be read is a fault, never a
// default: a stranger may not choose which of two values counts.
#include "policy/expr/field_readers.h"

#include <openssl/objects.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "milter/base/text.h"
#include "policy/expr/names_text.h"

namespace direct::expr::read {
namespace {

using Names = Handle<GENERAL_NAMES, &GENERAL_NAMES_free>;
using KeyId = Handle<AUTHORITY_KEYID, &AUTHORITY_KEYID_free>;
using Constraints = Handle<BASIC_CONSTRAINTS, &BASIC_CONSTRAINTS_free>;
using Policies = Handle<CERTIFICATEPOLICIES, &CERTIFICATEPOLICIES_free>;
using Usages = Handle<EXTENDED_KEY_USAGE, &EXTENDED_KEY_USAGE_free>;
using Points = Handle<CRL_DIST_POINTS, &CRL_DIST_POINTS_free>;
using Access = Handle<AUTHORITY_INFO_ACCESS, &AUTHORITY_INFO_ACCESS_free>;

FieldValue absent(Value otherwise)
{
    return {false, otherwise};
}

Value text(std::string_view t, Arena& arena)
{
    return Value::of(arena.keep(t));
}

FieldValue list(const std::vector<std::string>& texts, Arena& arena)
{
    return {true, Value::of(arena.keep(texts))};
}

const FieldValue no_list = absent(Value::of(std::span<const std::string_view>()));

/// The extension as OpenSSL reads it; a null handle when it is not there.
template <class H>
Result<H> extension(const Certificate& c, int nid)
{
    int at = -1;
    H value(static_cast<typename H::pointer>(X509_get_ext_d2i(c.x509(), nid, &at, nullptr)));
    ossl::take_errors();
    if (!value && at != -1)
        return fail(refuse(Reason::policy, std::string("the certificate's ") + OBJ_nid2ln(nid) +
                                               (at == -2 ? " stands twice" : " cannot be read")));
    return value;
}

/// Content octets of an INTEGER as lower-case hex without leading zeros.
std::string integer_hex(std::string_view octets)
{
    if (octets.empty()) return "0";
    std::string magnitude(octets);
    bool negative = octets.front() & 0x80;
    if (negative) {
        bool carry = true;
        for (auto i = magnitude.size(); i-- > 0;) {
            magnitude[i] = char(~magnitude[i] + (carry ? 1 : 0));
            carry = carry && magnitude[i] == 0;
        }
    }
    std::string digits = hex(magnitude);
    auto first = digits.find_first_not_of('0');
    if (first == std::string::npos) return "0";
    return (negative ? "-" : "") + digits.substr(first);
}

std::string iso8601(Time t)
{
    using namespace std::chrono;
    auto day = floor<days>(t);
    year_month_day date(day);
    hh_mm_ss clock(floor<seconds>(t - day));
    char out[40];
    std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02dZ", int(date.year()), unsigned(date.month()),
                  unsigned(date.day()), int(clock.hours().count()), int(clock.minutes().count()),
                  int(clock.seconds().count()));
    return out;
}

Found date(Time t, int as_number, Arena& arena)
{
    if (!as_number) return FieldValue{true, text(iso8601(t), arena)};
    auto v = Value::of(std::int64_t(std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count()));
    v.wide = true;
    return FieldValue{true, v};
}

FieldValue name_part(const X509_NAME* name, int what, Arena& arena)
{
    if (what == whole_name) return list({rfc2253(name)}, arena);
    auto values =
        what == general_qualifier ? attribute_values(name, "2.5.4.64") : attribute_values(name, what);
    return list(values, arena);
}

Found key_of(const Certificate& c, bool only_modulus)
{
    const EVP_PKEY* key = X509_get0_pubkey(c.x509());
    int kind = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
    ossl::take_errors();
    bool modulus = kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS || kind == EVP_PKEY_DSA;
    if (!key || (only_modulus && !modulus)) return FieldValue{true, Value::of(std::int64_t(0))};
    return FieldValue{true, Value::of(std::int64_t(EVP_PKEY_get_bits(key)))};
}

}  // namespace

Found signature_algorithm(const Certificate& c, int, Arena& arena)
{
    const X509_ALGOR* algorithm = nullptr;
    const ASN1_OBJECT* oid = nullptr;
    X509_get0_signature(nullptr, &algorithm, c.x509());
    X509_ALGOR_get0(&oid, nullptr, nullptr, algorithm);
    return FieldValue{true, text(dotted(oid), arena)};
}

Found serial_number(const Certificate& c, int, Arena& arena)
{
    return FieldValue{true, text(integer_hex(c.serial_bytes()), arena)};
}

Found key_algorithm(const Certificate& c, int, Arena& arena)
{
    ASN1_OBJECT* oid = nullptr;
    X509_PUBKEY_get0_param(&oid, nullptr, nullptr, nullptr, X509_get_X509_PUBKEY(c.x509()));
    return FieldValue{true, text(dotted(oid), arena)};
}

Found key_size(const Certificate& c, int, Arena&)
{
    return key_of(c, true);
}

Found key_bits(const Certificate& c, int, Arena&)
{
    return key_of(c, false);
}

Found valid_from(const Certificate& c, int as_number, Arena& arena)
{
    return date(c.not_before(), as_number, arena);
}

Found valid_to(const Certificate& c, int as_number, Arena& arena)
{
    return date(c.not_after(), as_number, arena);
}

Found issuer(const Certificate& c, int what, Arena& arena)
{
    return name_part(X509_get_issuer_name(c.x509()), what, arena);
}

Found subject(const Certificate& c, int what, Arena& arena)
{
    return name_part(X509_get_subject_name(c.x509()), what, arena);
}

Found key_usage(const Certificate& c, int, Arena&)
{
    auto usage = X509_get_key_usage(c.x509());
    if (usage == UINT32_MAX) return absent(Value::of(std::int64_t(0)));
    return FieldValue{true, Value::of(std::int64_t(usage))};
}

Found alternative_names(const Certificate& c, int nid, Arena& arena)
{
    TRY(auto names, extension<Names>(c, nid));
    if (!names) return no_list;
    std::vector<std::string> out;
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        out.push_back(std::string(general_name_kind(name)) + ":" + general_name(name));
    }
    return list(out, arena);
}

Found subject_key_id(const Certificate& c, int, Arena& arena)
{
    if (X509_get_ext_by_NID(c.x509(), NID_subject_key_identifier, -1) < 0)
        return absent(Value::of(std::string_view()));
    return FieldValue{true, text(hex(c.key_id()), arena)};
}

/// What: 0 key id, 1 serial number, 2 names of the issuer.
Found authority_key_id(const Certificate& c, int what, Arena& arena)
{
    TRY(auto id, extension<KeyId>(c, NID_authority_key_identifier));
    if (what == 2) {
        std::vector<std::string> out;
        for (int i = 0; id && i < sk_GENERAL_NAME_num(id->issuer); ++i) {
            const GENERAL_NAME* name = sk_GENERAL_NAME_value(id->issuer, i);
            out.push_back(std::string(general_name_kind(name)) + ":" + general_name(name));
        }
        return out.empty() ? no_list : list(out, arena);
    }
    const ASN1_STRING* part = !id ? nullptr : what == 0 ? id->keyid : id->serial;
    if (!part) return absent(Value::of(std::string_view()));
    std::string_view bytes(reinterpret_cast<const char*>(ASN1_STRING_get0_data(part)),
                           std::size_t(ASN1_STRING_length(part)));
    if (what == 0) return FieldValue{true, text(hex(bytes), arena)};
    // ASN1_INTEGER keeps sign and magnitude apart.
    std::string digits = integer_hex(std::string(1, '\0') + std::string(bytes));
    bool negative = ASN1_STRING_type(part) == V_ASN1_NEG_INTEGER;
    return FieldValue{true, text((negative ? "-" : "") + digits, arena)};
}

/// What: 0 the policies' OIDs, 1 the addresses of their practice statements.
Found certificate_policies(const Certificate& c, int what, Arena& arena)
{
    TRY(auto policies, extension<Policies>(c, NID_certificate_policies));
    if (!policies) return no_list;
    std::vector<std::string> out;
    for (int i = 0; i < sk_POLICYINFO_num(policies.get()); ++i) {
        const POLICYINFO* policy = sk_POLICYINFO_value(policies.get(), i);
        if (what == 0) out.push_back(dotted(policy->policyid));
        for (int j = 0; what == 1 && j < sk_POLICYQUALINFO_num(policy->qualifiers); ++j) {
            const POLICYQUALINFO* qualifier = sk_POLICYQUALINFO_value(policy->qualifiers, j);
            if (OBJ_obj2nid(qualifier->pqualid) == NID_id_qt_cps)
                out.push_back(string_text(qualifier->d.cpsuri));
        }
    }
    return list(out, arena);
}

/// What: 0 cA, 1 the longest path below; without a length, or without the extension, there is no limit.
Found basic_constraints(const Certificate& c, int what, Arena&)
{
    constexpr std::int64_t no_limit = INT32_MAX;
    TRY(auto constraints, extension<Constraints>(c, NID_basic_constraints));
    if (what == 0) {
        if (!constraints) return absent(Value::of(false));
        return FieldValue{true, Value::of(constraints->ca != 0)};
    }
    if (!constraints || !constraints->pathlen) return absent(Value::of(no_limit));
    std::int64_t length = 0;
    if (ASN1_INTEGER_get_int64(&length, constraints->pathlen) != 1 || length < 0)
        return fail(refuse(Reason::policy, "the certificate's path length is no length"));
    return FieldValue{true, Value::of(std::min(length, no_limit))};
}

Found extended_key_usage(const Certificate& c, int nid, Arena& arena)
{
    TRY(auto usages, extension<Usages>(c, nid));
    if (!usages) return no_list;
    std::vector<std::string> out;
    for (int i = 0; i < sk_ASN1_OBJECT_num(usages.get()); ++i)
        out.push_back(dotted(sk_ASN1_OBJECT_value(usages.get(), i)));
    return list(out, arena);
}

Found crl_points(const Certificate& c, int nid, Arena& arena)
{
    TRY(auto points, extension<Points>(c, nid));
    if (!points) return no_list;
    std::vector<std::string> out;
    for (int i = 0; i < sk_DIST_POINT_num(points.get()); ++i) {
        const DIST_POINT* point = sk_DIST_POINT_value(points.get(), i);
        if (!point->distpoint || point->distpoint->type != 0) continue;  // 0: fullName
        const GENERAL_NAMES* names = point->distpoint->name.fullname;
        for (int j = 0; j < sk_GENERAL_NAME_num(names); ++j)
            out.push_back(general_name(sk_GENERAL_NAME_value(names, j)));
    }
    return list(out, arena);
}

/// What: 0 every access as METHOD:PLACE, 1 the places of OCSP responders.
Found authority_access(const Certificate& c, int what, Arena& arena)
{
    TRY(auto access, extension<Access>(c, NID_info_access));
    if (!access) return no_list;
    std::vector<std::string> out;
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access.get()); ++i) {
        const ACCESS_DESCRIPTION* one = sk_ACCESS_DESCRIPTION_value(access.get(), i);
        int method = OBJ_obj2nid(one->method);
        std::string place = general_name(one->location);
        if (what == 1) {
            if (method == NID_ad_OCSP) out.push_back(place);
            continue;
        }
        std::string word = method == NID_ad_OCSP         ? "OCSP"
                           : method == NID_ad_ca_issuers ? "caIssuers"
                                                         : dotted(one->method);
        out.push_back(word + ":" + place);
    }
    return list(out, arena);
}

Found name_constraints(const Certificate& c, int nid, Arena&)
{
    bool there = X509_get_ext_by_NID(c.x509(), nid, -1) >= 0;
    return FieldValue{there, Value::of(there)};
}

}  // namespace direct::expr::read
