// text_line.h - foreign bytes as one line of text. Header only, no errors, thread safe.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>

#include "plugins/json_writer.h"

namespace direct {

/// At most `most` bytes, cut between characters: controls become blanks, bytes that are no UTF-8 '?'.
inline std::string text_line(std::string_view s, std::size_t most)
{
    std::string out;
    for (std::size_t i = 0; i < s.size();) {
        const auto n = utf8_length(s, i);
        if (out.size() + std::max<std::size_t>(n, 1) > most) break;
        const auto c = static_cast<unsigned char>(s[i]);
        if (n == 0)
            out += '?';
        else if (c < 0x20 || c == 0x7F)
            out += ' ';
        else
            out.append(s, i, n);
        i += std::max<std::size_t>(n, 1);
    }
    return out;
}

}  // namespace direct
