// archive.h - a zip of certificates, read inside the sandbox for directctl anchor add.
//
// Not a plugin: direct-parse offers it only when started with --archive, so no attachment reaches it. Each file of the zip
// becomes an item {"name","base64"}; what is left out (folders, links, names that lead out, encrypted, too large) is told with
// its name. Nothing is written anywhere; names are never used as paths.
#pragma once
#include <cstddef>

#include "plugins/parser_plugin.h"

namespace direct {

namespace archive {
inline constexpr std::size_t entries_max =
    2000;  ///< of one zip; the largest community has some hundred anchors
inline constexpr std::size_t entry_bytes_max =
    512 << 10;  ///< of one file: a certificate has 2 KB, a p7b of many 500 KB
inline constexpr std::size_t total_bytes_max = 8 << 20;  ///< of all files together: a bomb ends here
}  // namespace archive

/// "archive 1"; static storage. Call warm_up_archive() before the sandbox: libarchive sets up its tables then.
const direct_parser* archive_parser();
void warm_up_archive();

}  // namespace direct
