// plugin_bytes.h - the borrowed bytes of the plugin contract as views, and back. The giver owns them.
#pragma once
#include <string_view>

#include "plugins/parser_plugin.h"

namespace direct {

inline std::string_view view(direct_bytes b)
{
    return b.data ? std::string_view(b.data, b.len) : std::string_view();
}

inline direct_bytes bytes_of(std::string_view s)
{
    return {s.data(), s.size()};
}

}  // namespace direct
