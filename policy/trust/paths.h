// paths.h - every way from a certificate up to an anchor, one after the other.
//
// OpenSSL takes the first issuer that fits and does not come back when it leads nowhere; here each is
// tried. Names choose the candidates, a signature that verifies makes an issuer, key identifiers only
// say which is tried first. Bounded in depth, paths and signatures looked at: the certificates come from
// strangers. Thread safe. Source: decision 12; RFC 4158.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "policy/trust/verdict.h"

namespace direct {

struct PathSearch {
    bool complete = false;           ///< a self-signed certificate was reached
    std::vector<std::string> notes;  ///< where it did not go on, in plain words
};

/// @param on_path  gets each path that ends at an anchor, leaf first; true ends the search
PathSearch find_paths(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                      const AnchorSet& anchors, const JudgeOptions& options,
                      const std::function<bool(const std::vector<Certificate>&)>& on_path);

}  // namespace direct
