// anchor_set.cpp - whole certificates, found by their bytes; the name is an index for the search only.
#include <algorithm>

#include "milter/base/crypto.h"
#include "milter/base/text.h"
#include "policy/trust/verdict.h"

namespace direct {

AnchorSet::AnchorSet(std::vector<Certificate> anchors) : anchors_(std::move(anchors))
{
    std::sort(anchors_.begin(), anchors_.end());
    anchors_.erase(std::unique(anchors_.begin(), anchors_.end()), anchors_.end());
    Sha256 all;
    for (std::size_t i = 0; i < anchors_.size(); ++i) {
        all.update(anchors_[i].fingerprint());
        by_subject_.emplace(X509_subject_name_hash(anchors_[i].x509()), i);
    }
    digest_ = hex(all.finish());
    ossl::take_errors();
}

bool AnchorSet::contains(const Certificate& whole) const
{
    return std::binary_search(anchors_.begin(), anchors_.end(), whole);
}

std::vector<Certificate> AnchorSet::named_issuers_of(const Certificate& certificate) const
{
    std::vector<Certificate> out;
    if (anchors_.empty()) return out;
    X509_NAME* issuer = X509_get_issuer_name(certificate.x509());
    auto [from, to] = by_subject_.equal_range(X509_issuer_name_hash(certificate.x509()));
    for (auto it = from; it != to; ++it)
        if (X509_NAME_cmp(X509_get_subject_name(anchors_[it->second].x509()), issuer) == 0)
            out.push_back(anchors_[it->second]);
    return out;
}

}  // namespace direct
