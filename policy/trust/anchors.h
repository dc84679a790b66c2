// anchors.h - anchors as files an admin can see: <store.anchors>/<domain>/{in,out,both}/*.pem.
//
// Reading happens at start and reload; the result is immutable. A certificate is parsed when a chain leads to it,
// so ten thousand of them do not hold up the start. A file that cannot be read or an expired anchor is left out and
// told as a finding: it must not stop the rest. Thread safe.
#pragma once
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "policy/trust/verdict.h"

namespace direct {

class TrustAnchors {
public:
    /// The set of a domain for a direction; empty when there is none.
    const AnchorSet& of(std::string_view normal_domain, Direction direction) const;
    /// Parses all, as long as `go_on` says so: then findings() knows of those that turn out to be broken.
    void read_all(const std::function<bool()>& go_on = [] { return true; }) const;
    /// What was left out and why, one line each: "FILE: expired on ...".
    std::vector<std::string> findings() const;

    struct Row {
        std::string domain, direction, file;  ///< file: or "bundle NAME"
        Certificate certificate;
    };
    /// Everything read, for directctl anchor list.
    std::vector<Row> rows() const;  ///< parses all; broken ones left out

    /// Something of this domain's anchors could not be read: what then looks untrusted is trouble of ours.
    bool at_fault(std::string_view normal_domain) const
    {
        return all_at_fault_ || at_fault_.contains(normal_domain);
    }

    /// Something this domain trusts cannot be had just now; see at_fault().
    void put_at_fault(std::string_view normal_domain) { at_fault_.emplace(normal_domain); }

    /// Reads the folder. A missing folder gives no anchors and a finding. Never a Fault for single files.
    static TrustAnchors load(const std::string& folder, Time now);
    /// More anchors for a domain, from elsewhere than the folder; `from` stands in rows() as their file.
    void add(std::string_view normal_domain, bool incoming, bool outgoing,
             const std::vector<Certificate>& certificates, const std::string& from = "");

private:
    std::map<std::string, AnchorSet, std::less<>> in_, out_;
    std::set<std::string, std::less<>> at_fault_;
    bool all_at_fault_ = false;
    struct Known {
        std::string domain, direction, file;
        std::shared_ptr<const Anchor> anchor;
    };
    std::vector<Known> known_;
    std::vector<std::string> findings_;
};

/// Where `anchor add` puts a certificate: <folder>/<domain>/<in|out|both>/<fingerprint>.pem.
std::string anchor_file(const std::string& folder, std::string_view normal_domain, std::string_view direction,
                        const Certificate& certificate);

}  // namespace direct
