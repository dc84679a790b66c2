// chain.cpp - see chain.h.
#include "policy/trust/chain.h"

#include <algorithm>

namespace direct {
namespace {

void add_dates(std::vector<Finding>& out, const Certificate& c, Time now)
{
    if (now > c.not_after())
        out.push_back({Reason::expired, c.subject() + " expired on " + iso8601(c.not_after())});
    if (now < c.not_before())
        out.push_back(
            {Reason::not_yet_valid, c.subject() + " is not valid before " + iso8601(c.not_before())});
}

void add_key(std::vector<Finding>& out, const Certificate& c)
{
    if (!c.strong_key()) out.push_back({Reason::weak_key, "the key of " + c.subject() + " is too weak"});
}

void add_usage(std::vector<Finding>& out, const Certificate& leaf, Use use)
{
    bool fits = use.kind == Use::signing ? leaf.may_sign() : leaf.may_encrypt();
    if (!fits)
        out.push_back({Reason::bad_usage, leaf.subject() + " may not be used for " +
                                              (use.kind == Use::signing ? "signing" : "encryption") +
                                              " (key usage)"});
    if (!leaf.for_email())
        out.push_back({Reason::bad_usage, leaf.subject() + " is not for e-mail (extended key usage)"});
}

/// MD5 and SHA-1 can be forged, so such a signature binds nobody; RSA or ECDSA with SHA-2 stay.
void add_signature(std::vector<Finding>& out, const Certificate& c)
{
    const std::string& digest = c.signature_digest();
    if (digest == "sha256" || digest == "sha384" || digest == "sha512") return;
    out.push_back({Reason::weak_algorithm, "the signature on " + c.subject() + " uses " +
                                               (digest.empty() ? "an unknown digest" : digest)});
}

/// An element between leaf and anchor. OpenSSL lets some through that do not say that they are a CA.
void add_authority(std::vector<Finding>& out, const Certificate& c)
{
    if (!c.is_ca()) out.push_back({Reason::bad_usage, c.subject() + " is not a certificate authority"});
    if (!c.for_email())
        out.push_back({Reason::bad_usage, c.subject() + " may not issue for e-mail (extended key usage)"});
}

/// An issuer, the anchor too. OpenSSL would only say that it finds no issuer.
void add_issuer(std::vector<Finding>& out, const Certificate& c)
{
    if (!(X509_get_key_usage(c.x509()) & KU_KEY_CERT_SIGN))
        out.push_back({Reason::bad_usage, c.subject() + " may not sign certificates (key usage)"});
}

Reason reason_of_openssl(int error)
{
    switch (error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
        case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
            return Reason::expired;
        case X509_V_ERR_CERT_NOT_YET_VALID:
        case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
            return Reason::not_yet_valid;
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
            return Reason::no_path;
        case X509_V_ERR_EE_KEY_TOO_SMALL:
        case X509_V_ERR_CA_KEY_TOO_SMALL:
            return Reason::weak_key;
        case X509_V_ERR_CA_MD_TOO_WEAK:
            return Reason::weak_algorithm;
        case X509_V_ERR_OUT_OF_MEM:
        case X509_V_ERR_UNSPECIFIED:
            return Reason::untrusted;
        default:
            return Reason::bad_usage;  // path length, name constraints, critical extensions, policies
    }
}

struct Collected {
    std::vector<Finding>* out;
};

/// Notes the error and goes on, so that every one is found; a noted error refuses the path in the end.
int note_error(int ok, X509_STORE_CTX* ctx)
{
    if (ok) return 1;
    auto* collected = static_cast<Collected*>(X509_STORE_CTX_get_app_data(ctx));
    int error = X509_STORE_CTX_get_error(ctx);
    Reason reason = reason_of_openssl(error);
    auto& out = *collected->out;
    bool told = std::any_of(out.begin(), out.end(), [&](const Finding& f) { return f.reason == reason; });
    bool same_told = told && (reason == Reason::expired || reason == Reason::not_yet_valid);
    if (!same_told && out.size() < 64)
        out.push_back({reason, std::string("path rule: ") + X509_verify_cert_error_string(error)});
    return 1;
}

/// The path is brought whole: the anchor is all that is trusted, the rest all that may stand between.
bool set_up(X509_STORE_CTX* ctx, const std::vector<Certificate>& path, STACK_OF(X509) * between,
            STACK_OF(X509) * anchor, Time now)
{
    for (std::size_t i = 1; i + 1 < path.size(); ++i)
        if (!sk_X509_push(between, path[i].x509())) return false;
    if (!sk_X509_push(anchor, path.back().x509())) return false;
    if (X509_STORE_CTX_init(ctx, nullptr, path.front().x509(), between) != 1) return false;
    X509_STORE_CTX_set0_trusted_stack(ctx, anchor);
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, std::chrono::duration_cast<seconds>(now.time_since_epoch()).count());
    // A common name is no host name here: name constraints ask the alternative names.
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_POLICY_CHECK) == 1;
}

bool is_chain(X509_STORE_CTX* ctx, const std::vector<Certificate>& path)
{
    STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(ctx);
    if (!chain || std::size_t(sk_X509_num(chain)) != path.size()) return false;
    for (std::size_t i = 0; i < path.size(); ++i)
        if (X509_cmp(sk_X509_value(chain, int(i)), path[i].x509()) != 0) return false;
    return true;
}

void add_openssl(std::vector<Finding>& out, const std::vector<Certificate>& path, Time now)
{
    ossl::BorrowedCerts between(sk_X509_new_null()), anchor(sk_X509_new_null());
    ossl::StoreCtx ctx(X509_STORE_CTX_new());
    Collected collected{&out};
    std::size_t before = out.size();
    if (!between || !anchor || !ctx || !set_up(ctx.get(), path, between.get(), anchor.get(), now)) {
        ossl::take_errors();
        out.push_back({Reason::temporary, "no memory to verify the path"});
        return;
    }
    X509_STORE_CTX_set_app_data(ctx.get(), &collected);
    X509_STORE_CTX_set_verify_cb(ctx.get(), note_error);
    int verified = X509_verify_cert(ctx.get());
    ossl::take_errors();
    if (out.size() != before) return;
    if (verified != 1 || (out.empty() && !is_chain(ctx.get(), path)))
        out.push_back({Reason::untrusted, "the path does not verify"});
}

}  // namespace

std::vector<Finding> check_leaf(const Certificate& leaf, const JudgeOptions& options)
{
    std::vector<Finding> out;
    add_dates(out, leaf, options.now);
    add_usage(out, leaf, options.use);
    add_key(out, leaf);
    return out;
}

std::vector<Finding> check_path(const std::vector<Certificate>& path, const JudgeOptions& options)
{
    std::vector<Finding> out = check_leaf(path.front(), options);
    for (std::size_t i = 0; i < path.size(); ++i) {
        bool anchor = i + 1 == path.size();
        if (i > 0) {
            add_dates(out, path[i], options.now);
            add_key(out, path[i]);
            add_issuer(out, path[i]);
            if (!anchor) add_authority(out, path[i]);
        }
        // Nobody's signature makes an anchor one: its own is not looked at.
        if (!anchor) add_signature(out, path[i]);
    }
    add_openssl(out, path, options.now);
    return out;
}

}  // namespace direct
