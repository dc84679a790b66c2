// files.h - folders and files that commands make: right mode from the first byte, right owner, never over
// something that is there. Faults: configuration.
#pragma once
#include <string>
#include <string_view>

#include "milter/base/result.h"

namespace direct::ctl {

/// All of standard input. Fault: input when it is longer than `max` bytes; configuration when it cannot be read (it is
/// closed, or a folder).
Result<std::string> read_standard_input(std::size_t max);

/// Makes a folder (its parents 0755) with this mode. One that is there keeps its mode; true when it was made.
Result<bool> make_folder(const std::string& path, unsigned mode);

/// A new file; Fault when anything has this name already.
Status write_new_file(const std::string& path, std::string_view bytes, unsigned mode);

/// Owner and group of `pattern` for `path`. Nothing to do when not root.
Status same_owner(const std::string& path, const std::string& pattern);

/// The folder of our keys: sub-folders by address or domain, all of its own owner.
class KeyFolder {
public:
    explicit KeyFolder(std::string folder) : folder_(std::move(folder)) {}
    /// The path of the new file.
    Result<std::string> add(const std::string& name, const std::string& file, std::string_view bytes,
                            unsigned mode);

private:
    std::string folder_;
};

}  // namespace direct::ctl
