// xml_text.h - the bytes of an XML document before any parser sees them: which encoding, made UTF-8, and
// the name of the root element. Pure functions, no faults: what cannot be read becomes '?'.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace direct {

struct XmlText {
    std::string utf8;                ///< no NUL, no byte order mark, always well-formed UTF-8
    std::string encoding;            ///< the one used: "utf-8", "utf-16le", "utf-16be", "windows-1252"
    std::vector<std::string> notes;  ///< what was mended; no health data
};

/// Encoding by byte order mark, else XML declaration, else `charset` (of the media type, may be empty),
/// else UTF-8. ISO-8859-1 is read as windows-1252, which is what senders mean by it. Bytes and character
/// references that are no characters become '?' and blanks of the same length, so that offsets in UTF-8
/// input stay true.
XmlText xml_text(std::string_view bytes, std::string_view charset);

/// Qualified name of the first element after declaration, comments, instructions and DOCTYPE. Empty when
/// the bytes are no XML or the name lies beyond them.
std::string_view root_element(std::string_view utf8);

/// The part behind the colon.
inline std::string_view local_name(std::string_view name)
{
    const auto colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

}  // namespace direct
