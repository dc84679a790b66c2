// revocation.cpp - see revocation.h.
#include "policy/trust/revocation.h"

#include <openssl/rsa.h>

#include <ctime>

#include "milter/base/text.h"

namespace direct {
namespace {

using Access = Handle<AUTHORITY_INFO_ACCESS, &AUTHORITY_INFO_ACCESS_free>;
using Points = Handle<CRL_DIST_POINTS, &CRL_DIST_POINTS_free>;
using PssParameters = Handle<RSA_PSS_PARAMS, &RSA_PSS_PARAMS_free>;

// More places than this are not read: an honest certificate names two or three.
constexpr std::size_t places_max = 8;

std::string uri_of(const GENERAL_NAME* name)
{
    int kind = 0;
    auto* value = static_cast<ASN1_STRING*>(GENERAL_NAME_get0_value(name, &kind));
    if (kind != GEN_URI) return {};
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
            std::size_t(ASN1_STRING_length(value))};
}

bool is_http(const std::string& url)
{
    std::string start = ascii_lower(url.substr(0, 8));
    return start.starts_with("http://") || start.starts_with("https://");
}

std::vector<std::string> access_places(const Certificate& c, int method, std::vector<std::string>* notes)
{
    std::vector<std::string> out;
    Access access(
        static_cast<AUTHORITY_INFO_ACCESS*>(X509_get_ext_d2i(c.x509(), NID_info_access, nullptr, nullptr)));
    for (int i = 0; access && i < sk_ACCESS_DESCRIPTION_num(access.get()); ++i) {
        const ACCESS_DESCRIPTION* one = sk_ACCESS_DESCRIPTION_value(access.get(), i);
        if (OBJ_obj2nid(one->method) != method || out.size() >= places_max) continue;
        std::string url = uri_of(one->location);
        if (is_http(url))
            out.push_back(std::move(url));
        else if (notes)
            notes->push_back("\"" + url + "\" is not asked: only http and https are");
    }
    ossl::take_errors();
    return out;
}

void add_point(RevocationPlaces& out, const DIST_POINT* point)
{
    if (point->CRLissuer) {
        out.notes.emplace_back("a list of another issuer (cRLIssuer) is not read");
        return;
    }
    if (!point->distpoint || point->distpoint->type != 0) {
        out.notes.emplace_back("a distribution point without a whole name is not read");
        return;
    }
    RevocationPlaces::List list;
    list.some_reasons = point->reasons != nullptr;
    const GENERAL_NAMES* names = point->distpoint->name.fullname;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && list.urls.size() < places_max; ++i) {
        std::string url = uri_of(sk_GENERAL_NAME_value(names, i));
        if (is_http(url))
            list.urls.push_back(std::move(url));
        else
            out.notes.push_back("\"" + url + "\" is not asked: only http and https are");
    }
    if (!list.urls.empty()) out.lists.push_back(std::move(list));
}

}  // namespace

RevocationPlaces revocation_places(const Certificate& certificate)
{
    RevocationPlaces out;
    out.responders = access_places(certificate, NID_ad_OCSP, &out.notes);
    Points points(static_cast<CRL_DIST_POINTS*>(
        X509_get_ext_d2i(certificate.x509(), NID_crl_distribution_points, nullptr, nullptr)));
    for (int i = 0; points && i < sk_DIST_POINT_num(points.get()) && out.lists.size() < places_max; ++i)
        add_point(out, sk_DIST_POINT_value(points.get(), i));
    ossl::take_errors();
    return out;
}

std::vector<std::string> issuer_places(const Certificate& certificate)
{
    return access_places(certificate, NID_ad_ca_issuers, nullptr);
}

std::string strong_digest(const X509_ALGOR* algorithm)
{
    const ASN1_OBJECT* oid = nullptr;
    int kind = 0, digest = NID_undef, key = NID_undef;
    const void* value = nullptr;
    X509_ALGOR_get0(&oid, &kind, &value, algorithm);
    if (OBJ_obj2nid(oid) == NID_rsassaPss) {
        PssParameters pss(static_cast<RSA_PSS_PARAMS*>(
            ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), algorithm->parameter)));
        if (pss && pss->hashAlgorithm) digest = OBJ_obj2nid(pss->hashAlgorithm->algorithm);
    } else if (OBJ_find_sigid_algs(OBJ_obj2nid(oid), &digest, &key) != 1) {
        digest = NID_undef;
    }
    ossl::take_errors();
    switch (digest) {
        case NID_sha256:
            return "sha256";
        case NID_sha384:
            return "sha384";
        case NID_sha512:
            return "sha512";
        default:
            return {};
    }
}

std::string revocation_reason(long crl_reason)
{
    static const char* const names[] = {
        "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
        "superseded",    "cessationOfOperation", "certificateHold", "",
        "removeFromCRL", "privilegeWithdrawn",   "aACompromise"};
    if (crl_reason < 0 || crl_reason >= long(std::size(names)) || !*names[crl_reason])
        return "reason " + std::to_string(crl_reason);
    return names[crl_reason];
}

Result<Time> time_of(const ASN1_TIME* time)
{
    std::tm tm{};
    if (!time || ASN1_TIME_to_tm(time, &tm) != 1) {
        ossl::take_errors();
        return fail(refuse(Reason::malformed, "a date that cannot be read"));
    }
    return Time(seconds(timegm(&tm)));
}

}  // namespace direct
