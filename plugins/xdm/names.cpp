// names.cpp - see names.h.
#include "plugins/xdm/names.h"

namespace direct::xdm {

std::string lower(std::string_view s)
{
    std::string out(s);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

bool is_metadata(std::string_view name)
{
    std::string_view folder = folder_of(name);
    if (lower(last_part(name)) != "metadata.xml" || folder.size() < 2) return false;
    folder.remove_suffix(1);
    std::string_view above = folder_of(folder);
    if (above.empty()) return false;
    above.remove_suffix(1);
    return lower(last_part(above)) == "ihe_xdm";
}

bool is_company(std::string_view path)
{
    const auto name = last_part(path);
    for (const char* one :
         {"index.htm", "index.html", "readme.txt", "readme.htm", ".ds_store", "thumbs.db", "desktop.ini"})
        if (name == one) return true;
    return name.ends_with(".xsl") || name.ends_with(".xslt") || name.ends_with(".css") ||
           path.starts_with("__macosx/") || path.find("/__macosx/") != path.npos;
}

bool points_out(std::string_view uri)
{
    return uri.starts_with('/') || uri.starts_with('\\') || uri.find(':') != uri.npos ||
           uri.find("..") != uri.npos;
}

std::string percent_decoded(std::string_view s)
{
    const auto digit = [](char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < s.size(); ++i) {
        const bool triple = s[i] == '%' && i + 2 < s.size() && digit(s[i + 1]) >= 0 && digit(s[i + 2]) >= 0;
        out += triple ? static_cast<char>(digit(s[i + 1]) * 16 + digit(s[i + 2])) : s[i];
        if (triple) i += 2;
    }
    return out;
}

}  // namespace direct::xdm
