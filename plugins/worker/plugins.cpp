// plugins.cpp - see plugins.h.
#include "plugins/worker/plugins.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <system_error>

#include "plugins/host/wire.h"

namespace direct {
namespace {

bool is_name(const char* s, bool version)
{
    if (!s || !*s) return false;
    std::size_t n = 0;
    for (; *s; ++s, ++n) {
        const char c = *s;
        const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                          (version && (c == '.' || c == '+' || c == '~'));
        if (!good || n >= wire::name_max) return false;
    }
    return true;
}

// The parser of one library, or why there is none.
std::string open_library(const std::string& path, const direct_parser*& parser)
{
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) return "cannot be loaded";
    const auto entry = reinterpret_cast<const direct_parser* (*)()>(::dlsym(library, "direct_parser_v1"));
    if (!entry) return "has no direct_parser_v1";
    const direct_parser* p = entry();
    if (!p) return "direct_parser_v1 gives nothing";
    // The ABI number is always first: nothing behind it may be looked at before it fits.
    if (p->abi_major != DIRECT_PARSER_ABI_MAJOR)
        return "ABI " + std::to_string(p->abi_major) + ", ours is " + std::to_string(DIRECT_PARSER_ABI_MAJOR);
    if (p->size < offsetof(direct_parser, parse) + sizeof(p->parse)) return "direct_parser is too small";
    if (!is_name(p->name, false) || !is_name(p->version, true)) return "name or version is not usable";
    if (!p->recognise || !p->parse) return "lacks a function";
    parser = p;
    return "";
}

}  // namespace

Plugins load_plugins(const std::string& folder)
{
    Plugins out;
    std::vector<std::string> files;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error))
        if (entry.path().extension() == ".so") files.push_back(entry.path().filename().string());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        Plugin plugin;
        std::string why = open_library(folder + "/" + file, plugin.parser);
        if (why.empty()) {
            plugin.name = std::string(plugin.parser->name) + " " + plugin.parser->version;
            for (const auto& other : out.loaded)
                if (std::string_view(other.parser->name) == plugin.parser->name)
                    why = "a second plugin of that name";
        }
        if (why.empty())
            out.loaded.push_back(std::move(plugin));
        else
            out.refused.push_back(file + ": " + why);
    }
    return out;
}

}  // namespace direct
