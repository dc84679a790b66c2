// anchor_set.cpp - whole certificates, found by their bytes; the name is an index for the search only.
#include <algorithm>

#include "milter/base/crypto.h"
#include "milter/base/text.h"
#include "policy/trust/verdict.h"

namespace direct {
namespace {

Anchors anchors_from(const std::vector<Certificate>& certificates)
{
    Anchors out;
    for (const auto& c : certificates) out.push_back(Anchor::from(c));
    return out;
}

}  // namespace

AnchorSet::AnchorSet(Anchors anchors) : anchors_(std::move(anchors))
{
    std::sort(anchors_.begin(), anchors_.end(), [](auto& a, auto& b) { return a->der() < b->der(); });
    anchors_.erase(std::unique(anchors_.begin(), anchors_.end(),
                               [](auto& a, auto& b) { return a == b || a->der() == b->der(); }),
                   anchors_.end());
    Sha256 all;
    for (std::size_t i = 0; i < anchors_.size(); ++i) {
        all.update(anchors_[i]->fingerprint());
        by_subject_.emplace(anchors_[i]->subject_hash(), i);
    }
    digest_ = hex(all.finish());
}

AnchorSet::AnchorSet(const std::vector<Certificate>& anchors) : AnchorSet(anchors_from(anchors)) {}

bool AnchorSet::contains(const Certificate& whole) const
{
    auto it = std::lower_bound(anchors_.begin(), anchors_.end(), whole.der(),
                               [](auto& a, std::string_view der) { return a->der() < der; });
    return it != anchors_.end() && (*it)->der() == whole.der();
}

std::vector<Certificate> AnchorSet::certificates() const
{
    std::vector<Certificate> out;
    for (const auto& a : anchors_)
        if (const auto& c = a->certificate()) out.push_back(*c);
    return out;
}

std::vector<Certificate> AnchorSet::named_issuers_of(const Certificate& certificate) const
{
    std::vector<Certificate> out;
    if (anchors_.empty()) return out;
    X509_NAME* issuer = X509_get_issuer_name(certificate.x509());
    auto [from, to] = by_subject_.equal_range(X509_issuer_name_hash(certificate.x509()));
    for (auto it = from; it != to; ++it) {
        const auto& c = anchors_[it->second]->certificate();
        if (c && X509_NAME_cmp(X509_get_subject_name(c->x509()), issuer) == 0) out.push_back(*c);
    }
    return out;
}

}  // namespace direct
