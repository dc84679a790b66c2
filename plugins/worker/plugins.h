// plugins.h - the parser plugins of a folder, loaded once at the start of direct-parse. One thread.
#pragma once
#include <string>
#include <vector>

#include "plugins/parser_plugin.h"

namespace direct {

struct Plugin {
    const direct_parser* parser = nullptr;
    std::string name;  ///< "ccda 1.0"
    std::string file;  ///< "ccda.so"
};
struct Plugins {
    std::vector<Plugin> loaded;        ///< in order of their files' names
    std::vector<std::string> refused;  ///< "bad.so: ABI 9, ours is 1"
};

/// Loads every *.so of the folder (RTLD_NOW, RTLD_LOCAL), in order of file names. A library that does not
/// keep the contract is refused by name; the others are used.
Plugins load_plugins(const std::string& folder);

}  // namespace direct
