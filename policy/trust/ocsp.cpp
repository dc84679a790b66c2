// ocsp.cpp - see ocsp.h.
#include "policy/trust/ocsp.h"

#include <openssl/ocsp.h>

namespace direct {
namespace {

using Request = Handle<OCSP_REQUEST, &OCSP_REQUEST_free>;
using Response = Handle<OCSP_RESPONSE, &OCSP_RESPONSE_free>;
using Basic = Handle<OCSP_BASICRESP, &OCSP_BASICRESP_free>;
using CertId = Handle<OCSP_CERTID, &OCSP_CERTID_free>;

constexpr std::size_t answer_max = 1024 * 1024;
constexpr int singles_max = 100;
// The longest a revocation may stay unseen, whatever the responder promises.
constexpr auto longest = std::chrono::days(10);
constexpr auto without_next_update = std::chrono::hours(24);

Fault unusable(const std::string& what)
{
    ossl::take_errors();
    return refuse(Reason::malformed, "OCSP answer: " + what);
}

const EVP_MD* digest_of(OCSP_CERTID* id)
{
    ASN1_OBJECT* digest = nullptr;
    OCSP_id_get0_info(nullptr, &digest, nullptr, nullptr, id);
    switch (OBJ_obj2nid(digest)) {
        case NID_sha1:
            return EVP_sha1();
        case NID_sha256:
            return EVP_sha256();
        default:
            return nullptr;
    }
}

bool is_about(OCSP_SINGLERESP* single, const Certificate& certificate, const Certificate& issuer)
{
    auto* id = const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single));
    const EVP_MD* digest = digest_of(id);
    if (!digest) return false;
    CertId ours(OCSP_cert_to_id(digest, certificate.x509(), issuer.x509()));
    return ours && OCSP_id_cmp(ours.get(), id) == 0;
}

/// Has the issuer given this certificate the right to answer for it (RFC 6960 section 4.2.2.2)?
Status check_delegate(X509* signer, const Certificate& issuer, Time now)
{
    TRY(Certificate delegate, Certificate::from_x509(signer));
    EVP_PKEY* key = X509_get0_pubkey(issuer.x509());
    if (X509_NAME_cmp(X509_get_issuer_name(signer), X509_get_subject_name(issuer.x509())) != 0 || !key ||
        X509_verify(signer, key) != 1)
        return fail(unusable("its signer is neither the issuer nor appointed by it"));
    if (!(X509_get_extension_flags(signer) & EXFLAG_XKUSAGE) ||
        !(X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN))
        return fail(unusable("its signer may not answer for the issuer (extended key usage)"));
    if (!delegate.may_sign()) return fail(unusable("its signer may not sign (key usage)"));
    if (now < delegate.not_before() || now > delegate.not_after())
        return fail(unusable("its signer's certificate is not valid now"));
    const auto& digest = delegate.signature_digest();
    if (digest != "sha256" && digest != "sha384" && digest != "sha512")
        return fail(unusable("its signer's certificate is signed with a weak algorithm"));
    if (!delegate.strong_key()) return fail(unusable("its signer's key is too weak"));
    return Done{};
}

Status check_signature(OCSP_BASICRESP* basic, const Certificate& issuer, Time now)
{
    if (strong_digest(OCSP_resp_get0_tbs_sigalg(basic)).empty())
        return fail(unusable("signed with a weak or unknown algorithm"));
    ossl::BorrowedCerts at_hand(sk_X509_new_null());
    if (!at_hand || !sk_X509_push(at_hand.get(), issuer.x509())) return fail(temporary("no memory"));
    X509* signer = nullptr;
    if (OCSP_resp_get0_signer(basic, &signer, at_hand.get()) != 1 || !signer)
        return fail(unusable("the certificate of its signer is missing"));
    // Only the signature is asked of OpenSSL here: who may sign is decided below, by the issuer alone.
    if (OCSP_basic_verify(basic, at_hand.get(), nullptr, OCSP_NOVERIFY) != 1)
        return fail(unusable("the signature does not fit"));
    if (X509_cmp(signer, issuer.x509()) == 0) return Done{};
    return check_delegate(signer, issuer, now);
}

Status check_nonce(OCSP_BASICRESP* basic, std::string_view nonce)
{
    int at = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);
    if (nonce.empty() || at < 0) return Done{};
    const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(basic, at));
    const unsigned char* p = ASN1_STRING_get0_data(value);
    Handle<ASN1_OCTET_STRING, &ASN1_OCTET_STRING_free> inner(
        d2i_ASN1_OCTET_STRING(nullptr, &p, ASN1_STRING_length(value)));
    if (!inner || std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(inner.get())),
                                   std::size_t(ASN1_STRING_length(inner.get()))) != nonce)
        return fail(unusable("its nonce is not the one sent"));
    return Done{};
}

bool has_strange_extension(OCSP_BASICRESP* basic, OCSP_SINGLERESP* single)
{
    for (int i = 0; i < OCSP_BASICRESP_get_ext_count(basic); ++i) {
        X509_EXTENSION* one = OCSP_BASICRESP_get_ext(basic, i);
        if (X509_EXTENSION_get_critical(one) &&
            OBJ_obj2nid(X509_EXTENSION_get_object(one)) != NID_id_pkix_OCSP_Nonce)
            return true;
    }
    for (int i = 0; i < OCSP_SINGLERESP_get_ext_count(single); ++i)
        if (X509_EXTENSION_get_critical(OCSP_SINGLERESP_get_ext(single, i))) return true;
    return false;
}

Result<RevocationFact> read_single(OCSP_SINGLERESP* single, Time now)
{
    ASN1_GENERALIZEDTIME *revoked = nullptr, *from = nullptr, *next = nullptr;
    int reason = -1;
    int status = OCSP_single_get0_status(single, &reason, &revoked, &from, &next);
    TRY(Time this_update, time_of(from));
    if (this_update > now + revocation_clock_skew)
        return fail(unusable("dated " + iso8601(this_update) + ", in the future"));
    RevocationFact out;
    out.until = this_update + without_next_update;
    if (next) {
        TRY(Time end, time_of(next));
        out.until = std::min<Time>(end, this_update + longest);
    }
    if (status == V_OCSP_CERTSTATUS_GOOD) {
        out.state = RevocationFact::good;
    } else if (status == V_OCSP_CERTSTATUS_REVOKED) {
        out.state = RevocationFact::revoked;
        out.reason = revocation_reason(reason < 0 ? 0 : reason);
        TRY(Time date, time_of(revoked));
        out.date = date;
        out.why = "revoked on " + iso8601(date) + " (" + out.reason + ")";
    } else {
        out.why = "the responder does not know the certificate";
    }
    return out;
}

}  // namespace

Result<std::string> ocsp_request(const Certificate& certificate, const Certificate& issuer,
                                 std::string_view nonce)
{
    Request request(OCSP_REQUEST_new());
    CertId id(OCSP_cert_to_id(EVP_sha1(), certificate.x509(), issuer.x509()));
    std::string value(nonce);
    if (!request || !id || !OCSP_request_add0_id(request.get(), id.get()))
        return fail(temporary("OCSP request: " + ossl::take_errors()));
    static_cast<void>(id.release());  // the request owns it now
    if (!nonce.empty() &&
        OCSP_request_add1_nonce(request.get(), reinterpret_cast<unsigned char*>(value.data()),
                                int(value.size())) != 1)
        return fail(temporary("OCSP request: " + ossl::take_errors()));
    unsigned char* der = nullptr;
    int n = i2d_OCSP_REQUEST(request.get(), &der);
    if (n <= 0) return fail(temporary("OCSP request: " + ossl::take_errors()));
    std::string out(reinterpret_cast<char*>(der), std::size_t(n));
    OPENSSL_free(der);
    return out;
}

Result<RevocationFact> read_ocsp(std::string_view der, const Certificate& certificate,
                                 const Certificate& issuer, Time now, std::string_view nonce)
{
    if (der.size() > answer_max) return fail(unusable("larger than 1 MB"));
    const auto* p = reinterpret_cast<const unsigned char*>(der.data());
    const unsigned char* end = p + der.size();
    Response response(d2i_OCSP_RESPONSE(nullptr, &p, long(der.size())));
    if (!response || p != end) return fail(unusable("cannot be read"));
    if (int status = OCSP_response_status(response.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return fail(unusable(std::string("the responder refuses: ") + OCSP_response_status_str(status)));
    Basic basic(OCSP_response_get1_basic(response.get()));
    if (!basic) return fail(unusable("of a kind that is not known"));
    CHECK(check_signature(basic.get(), issuer, now));
    CHECK(check_nonce(basic.get(), nonce));
    int count = OCSP_resp_count(basic.get());
    for (int i = 0; i < count && i < singles_max; ++i) {
        OCSP_SINGLERESP* single = OCSP_resp_get0(basic.get(), i);
        if (!is_about(single, certificate, issuer)) continue;
        if (has_strange_extension(basic.get(), single))
            return fail(unusable("a critical extension that is not known"));
        auto fact = read_single(single, now);
        ossl::take_errors();
        return fact;
    }
    return fail(unusable("about another certificate"));
}

}  // namespace direct
