#include "milter/ctl/print.h"

#include <algorithm>
#include <cstdio>

#include "milter/base/log.h"
#include "milter/base/text.h"

namespace direct::ctl {

std::string printable(std::string_view text)
{
    std::string out;
    char escaped[8];
    for (std::size_t i = 0; i < text.size();) {
        auto length = utf8_sequence(text, i);
        auto byte = static_cast<unsigned char>(text[i]);
        auto piece = text.substr(i, std::max<std::size_t>(length, 1));
        // U+0080..9F (controls), U+200E/F, U+202A..E and U+2066..9 (direction).
        bool harmful = length == 0 || byte < 0x20 || byte == 0x7f ||
                       (length == 2 && byte == 0xc2 && static_cast<unsigned char>(piece[1]) < 0xa0) ||
                       piece == "\xe2\x80\x8e" || piece == "\xe2\x80\x8f" ||
                       (piece >= "\xe2\x80\xaa" && piece <= "\xe2\x80\xae") ||
                       (piece >= "\xe2\x81\xa6" && piece <= "\xe2\x81\xa9");
        if (!harmful) out += piece;
        for (std::size_t k = 0; harmful && k < piece.size(); ++k) {
            std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(piece[k]));
            out += escaped;
        }
        i += piece.size();
    }
    return out;
}

void TextTable::print() const
{
    std::vector<std::size_t> widths;
    std::vector<std::vector<std::string>> shown;
    for (const auto& row : rows_) {
        auto& cells = shown.emplace_back();
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            cells.push_back(printable(row[i]));
            widths[i] = std::max(widths[i], count_code_points(cells[i]));
        }
    }
    for (const auto& row : shown) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line.append(widths[i] - count_code_points(row[i]) + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        std::printf("%s\n", line.c_str());
    }
}

}  // namespace direct::ctl
