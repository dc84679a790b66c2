#include "milter/base/cut_text.h"

namespace direct {

std::string cut_text(std::string_view text, std::size_t max)
{
    constexpr std::string_view mark = "...";
    if (text.size() <= max) return std::string(text);
    auto keep = max - mark.size();
    // Back to where a sequence begins: at most three bytes that continue one.
    for (int i = 0; i < 3 && keep > 0 && (static_cast<unsigned char>(text[keep]) & 0xC0) == 0x80; ++i) --keep;
    return std::string(text.substr(0, keep)) + std::string(mark);
}

}  // namespace direct
