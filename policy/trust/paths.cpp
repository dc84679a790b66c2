// paths.cpp - see paths.h.
#include "policy/trust/paths.h"

#include <algorithm>

namespace direct {
namespace {

// At 26 microseconds for a signature a hostile heap of certificates costs a few milliseconds at most.
constexpr std::size_t signatures_max = 512;
// Verifying with a larger RSA key takes milliseconds each; nobody in the field has one.
constexpr int key_bits_max = 8192;
constexpr std::size_t notes_max = 16;

bool same_name(const X509_NAME* a, const X509_NAME* b)
{
    return X509_NAME_cmp(a, b) == 0;
}

class Search {
public:
    Search(const std::vector<Certificate>& intermediates, const AnchorSet& anchors,
           const JudgeOptions& options, const std::function<bool(const std::vector<Certificate>&)>& on_path)
        : intermediates_(intermediates), anchors_(anchors), options_(options), on_path_(on_path)
    {
    }

    PathSearch run(const Certificate& leaf)
    {
        path_.push_back(leaf);
        climb();
        return std::move(out_);
    }

private:
    void climb()
    {
        const Certificate top = path_.back();
        if (anchors_.contains(top)) {
            ++paths_;
            if (on_path_(path_)) ended_ = true;
        }
        if (ended_ || self_signed(top)) return;
        if (path_.size() >= options_.max_depth) {
            note("the chain is longer than " + std::to_string(options_.max_depth) + " certificates");
            return;
        }
        bool any = false;
        for (const auto& issuer : candidates(top)) {
            if (spent()) return;
            if (!signed_by(top, issuer)) continue;
            any = true;
            path_.push_back(issuer);
            climb();
            path_.pop_back();
            if (ended_) return;
        }
        if (!any)
            note("no certificate at hand has issued " + top.subject() + " (its issuer is " + top.issuer() +
                 ")");
    }

    bool self_signed(const Certificate& c)
    {
        X509* x = c.x509();
        if (!same_name(X509_get_subject_name(x), X509_get_issuer_name(x)) || !signed_by(c, c)) return false;
        out_.complete = true;
        if (!anchors_.contains(c)) note(c.subject() + " signs itself and is no anchor of this domain");
        return true;
    }

    /// By name; anchors first, and first of all those whose key identifier fits.
    std::vector<Certificate> candidates(const Certificate& c) const
    {
        std::vector<Certificate> out = anchors_.named_issuers_of(c);
        for (const auto& one : intermediates_)
            if (same_name(X509_get_subject_name(one.x509()), X509_get_issuer_name(c.x509())))
                out.push_back(one);
        std::vector<Certificate> fresh;
        for (const auto& one : out)
            if (std::find(path_.begin(), path_.end(), one) == path_.end() &&
                std::find(fresh.begin(), fresh.end(), one) == fresh.end())
                fresh.push_back(one);
        const ASN1_OCTET_STRING* id = X509_get0_authority_key_id(c.x509());
        std::string_view wanted =
            id ? std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(id)),
                                  std::size_t(ASN1_STRING_length(id)))
               : std::string_view();
        std::stable_partition(fresh.begin(), fresh.end(), [&](const Certificate& one) {
            return !wanted.empty() && one.key_id() == wanted;
        });
        return fresh;
    }

    bool signed_by(const Certificate& c, const Certificate& issuer)
    {
        EVP_PKEY* key = X509_get0_pubkey(issuer.x509());
        if (!key || EVP_PKEY_get_bits(key) > key_bits_max || ++signatures_ > signatures_max) return false;
        bool ok = X509_verify(c.x509(), key) == 1;
        ossl::take_errors();
        return ok;
    }

    bool spent()
    {
        if (paths_ < options_.max_paths && signatures_ < signatures_max) return false;
        note("too many possible chains; the search was ended");
        ended_ = true;
        return true;
    }

    void note(std::string text)
    {
        auto& notes = out_.notes;
        if (notes.size() < notes_max && std::find(notes.begin(), notes.end(), text) == notes.end())
            notes.push_back(std::move(text));
    }

    const std::vector<Certificate>& intermediates_;
    const AnchorSet& anchors_;
    const JudgeOptions& options_;
    const std::function<bool(const std::vector<Certificate>&)>& on_path_;
    PathSearch out_;
    std::vector<Certificate> path_;
    std::size_t paths_ = 0, signatures_ = 0;
    bool ended_ = false;
};

}  // namespace

PathSearch find_paths(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                      const AnchorSet& anchors, const JudgeOptions& options,
                      const std::function<bool(const std::vector<Certificate>&)>& on_path)
{
    return Search(intermediates, anchors, options, on_path).run(leaf);
}

}  // namespace direct
