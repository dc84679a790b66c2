// bundle.cpp - see bundle.h.
#include "policy/trust/bundle.h"

#include <algorithm>
#include <optional>
#include <set>

#include "milter/base/crypto.h"
#include "milter/base/text.h"
#include "policy/trust/bundle_envelope.h"

namespace direct {
namespace {

/// Keeps the list of what was left out short, whatever the bundle holds.
class Told {
public:
    Told(std::vector<std::string>& lines, std::size_t max) : lines_(lines), max_(max) {}
    ~Told()
    {
        if (more_) lines_.push_back("and " + std::to_string(more_) + " more");
    }
    Told(const Told&) = delete;
    Told& operator=(const Told&) = delete;
    void add(std::string line)
    {
        if (lines_.size() < max_)
            lines_.push_back(std::move(line));
        else
            ++more_;
    }

private:
    std::vector<std::string>& lines_;
    std::size_t max_, more_ = 0;
};

Status take_anchors(Bundle& out, CMS_ContentInfo* cms, Time now, const BundleLimits& limits)
{
    ossl::OwnedCerts certs(CMS_get1_certs(cms));
    ossl::take_errors();
    auto count = certs ? std::size_t(sk_X509_num(certs.get())) : 0;
    if (count > limits.certificates)
        return fail(refuse(Reason::too_large,
                           "more than " + std::to_string(limits.certificates) + " certificates in it"));
    Told told(out.findings, limits.findings);
    std::set<std::string_view> seen;  // views into certificates that out.anchors keeps
    std::size_t twice = 0;
    for (std::size_t i = 0; i < count; ++i) {
        auto one = Certificate::from_x509(sk_X509_value(certs.get(), int(i)));
        if (!one) {
            told.add("certificate " + std::to_string(i + 1) + ": " + one.error().why);
        } else if (auto why = unfit_as_anchor(*one, now); !why.empty()) {
            told.add(one->subject() + ": " + why);
        } else if (seen.count(one->der())) {
            ++twice;
        } else {
            out.anchors.push_back(*std::move(one));
            seen.insert(out.anchors.back().der());
        }
    }
    if (twice) told.add(std::to_string(twice) + " certificates stand in it more than once");
    if (out.anchors.empty()) {
        std::string first = out.findings.empty() ? "" : " (" + out.findings.front() + ")";
        return fail(refuse(Reason::malformed, "no usable anchor in it" + first));
    }
    return Done{};
}

void take_metadata(Bundle& out, std::string_view text, const BundleLimits& limits)
{
    if (text.empty()) return;
    if (text.size() > limits.metadata || !valid_utf8(text) || text.find('\0') != text.npos)
        out.findings.push_back("its text about itself is too long or no text; not shown");
    else
        out.metadata = text;
}

}  // namespace

std::string unfit_as_anchor(const Certificate& c, Time now)
{
    if (now > c.not_after()) return "expired on " + iso8601(c.not_after());
    if (!c.is_ca()) return "is no certificate authority";
    if (!c.strong_key()) return "its key is too weak";
    return "";
}

Result<Bundle> read_bundle(std::string_view bytes, const std::vector<Certificate>& signers, Time now,
                           const BundleLimits& limits)
{
    if (bytes.size() > limits.bytes)
        return fail(refuse(Reason::too_large, "larger than " + std::to_string(limits.bytes) + " bytes"));
    Bundle out;
    out.digest = hex(sha256(bytes));
    auto outer = bundle::open(bytes);
    if (!outer)
        return fail(refuse(Reason::malformed, "neither DER nor PEM nor base64 of a PKCS#7 SignedData"));
    // The content first (hole 5b): only when it is no bundle itself may the certificates beside it count.
    auto content = bundle::content(outer.get());
    auto inner = content ? bundle::open(*content) : ossl::Cms();
    auto signatures = bundle::signatures(outer.get());
    if (!signers.empty()) {
        if (signatures == 0)
            return fail(refuse(Reason::not_signed, "not signed, but a signer is configured"));
        if (!inner)
            return fail(refuse(Reason::malformed, "signed, but what is signed is no list of certificates"));
        TRY(out.signer, bundle::verified_signer(outer.get(), *content, signers, now, limits.signers));
    } else if (signatures > 0) {
        if (!inner)
            return fail(refuse(Reason::malformed, "signed, but what is signed is no list of certificates"));
        out.findings.push_back("signed, but no signer is configured: the signature was not looked at");
    }
    if (inner && bundle::signatures(inner.get()) > 0)
        return fail(
            refuse(Reason::malformed, "a signed message inside the bundle instead of its certificates"));
    auto* list = inner ? inner.get() : outer.get();
    auto text = inner ? bundle::content(inner.get()) : content;
    if (text) take_metadata(out, *text, limits);
    CHECK(take_anchors(out, list, now, limits));
    return out;
}

}  // namespace direct
