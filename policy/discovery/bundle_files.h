// bundle_files.h - the last good copy of each trust bundle, as files under store.path: one per bundle, replaced
// whole. The daemon writes them; directctl reads the same ones, so that both see the same anchors.
//
// A file is one line of JSON (where from, when) and then the bytes as they were published: whoever reads it
// verifies them again. After a crash the old or the new file is there. Thread safe for different names; one
// writer at a time for a name.
// Source: requirements H4; reference-behaviour hole 6.
#pragma once
#include <optional>
#include <string>

#include "milter/base/clock.h"
#include "milter/base/result.h"

namespace direct {

struct BundleState {
    std::string url;                  ///< where the bytes came from; bytes from elsewhere are not used
    std::string etag, last_modified;  ///< as the server told with them
    std::string digest;               ///< hex SHA-256 of the bytes; "" = there are none
    Time loaded{};                    ///< these bytes were taken
    Time checked{};                   ///< a server last gave or confirmed them
    Time tried{};                     ///< last try, good or not
    std::string trouble;              ///< why the last try failed; "" = it did not
};

struct KeptBundle {
    BundleState state;
    std::string bytes;
};

class BundleFiles {
public:
    explicit BundleFiles(const std::string& store_path) : folder_(store_path + "/bundles") {}
    /// Nothing when this bundle was never tried. Fault: configuration (unreadable, or damaged).
    Result<std::optional<KeptBundle>> read(const std::string& name) const;
    /// Makes the folder (0700) when it is missing. Fault: configuration; the old copy is still there then.
    Status write(const std::string& name, const KeptBundle& kept) const;

private:
    std::string file_of(const std::string& name) const { return folder_ + "/" + name + ".bundle"; }
    std::string folder_;
};

}  // namespace direct
