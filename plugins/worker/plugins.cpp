// plugins.cpp - see plugins.h.
#include "plugins/worker/plugins.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "plugins/host/wire.h"
#include "plugins/text_line.h"

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

std::string not_a_name(const char* what, const char* s, const char* allowed)
{
    if (!s) return std::string("its ") + what + " is null";
    const std::string_view shown(s, ::strnlen(s, wire::name_max + 1));
    return std::string("its ") + what + " \"" + text_line(shown, wire::name_max) +
           "\" is not usable: 1 to 64 characters of " + allowed;
}

std::string why_not_loaded(const std::string& path)
{
    const char* error = ::dlerror();
    std::string_view why = error ? error : "no reason is known";
    if (why.starts_with(path + ": ")) why.remove_prefix(path.size() + 2);
    return "cannot be loaded: " + std::string(why);
}

// The parser of one library, or why there is none.
std::string open_library(const std::string& path, const direct_parser*& parser)
{
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) return why_not_loaded(path);
    const auto entry = reinterpret_cast<const direct_parser* (*)()>(::dlsym(library, "direct_parser_v1"));
    if (!entry)
        return ::dlsym(library, "_Z16direct_parser_v1v")
                   ? "has a direct_parser_v1 that is not extern \"C\""
                   : "has no direct_parser_v1 (not exported, or its visibility is hidden)";
    const direct_parser* p = entry();
    if (!p) return "direct_parser_v1 returns nothing";
    // The ABI number is always first: nothing behind it may be looked at before it fits.
    if (p->abi_major != DIRECT_PARSER_ABI_MAJOR)
        return "ABI " + std::to_string(p->abi_major) + ", ours is " + std::to_string(DIRECT_PARSER_ABI_MAJOR);
    constexpr auto size_min = offsetof(direct_parser, parse) + sizeof(p->parse);
    if (p->size < size_min)
        return "direct_parser is too small: its size says " + std::to_string(p->size) + ", at least " +
               std::to_string(size_min) + " are needed";
    if (!is_name(p->name, false)) return not_a_name("name", p->name, "a-z 0-9 _ -");
    if (!is_name(p->version, true)) return not_a_name("version", p->version, "a-z 0-9 _ - . + ~");
    if (!p->recognise) return "lacks a function: recognise is null";
    if (!p->parse) return "lacks a function: parse is null";
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
    if (error) out.refused.push_back("the folder cannot be read: " + error.message());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        Plugin plugin;
        std::string why = open_library(folder + "/" + file, plugin.parser);
        if (why.empty()) {
            plugin.file = file;
            plugin.name = std::string(plugin.parser->name) + " " + plugin.parser->version;
            for (const auto& other : out.loaded)
                if (std::string_view(other.parser->name) == plugin.parser->name)
                    why = "a second plugin of that name; the first is " + other.file;
        }
        if (why.empty())
            out.loaded.push_back(std::move(plugin));
        else
            out.refused.push_back(file + ": " + why);
    }
    return out;
}

}  // namespace direct
