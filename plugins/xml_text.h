// xml_text.h - the bytes of an XML document before any parser sees them: which encoding, made UTF-8, and
// the name of the root element. Pure functions, thread safe. A byte that is no character becomes '?'; an
// encoding we do not read is refused by name.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace direct {

struct XmlText {
    /// Bytes that whoever reads `utf8` may want behind it, without a new buffer.
    static constexpr std::size_t slack = 8;

    std::string utf8;                ///< no NUL, no byte order mark, always well-formed UTF-8
    std::string encoding;            ///< used: "utf-8", "utf-16le", "utf-16be", "windows-1252", "iso-8859-15"
    std::string declared;            ///< of the XML declaration, lower case, at most 40 bytes; "" without one
    std::string refused;             ///< why the document must not be read; then utf8 is only a guess
    std::vector<std::string> notes;  ///< what was mended; no health data
};

/// Blanks before the XML declaration do not count. Encoding by byte order mark (or the 16-bit '<' that UTF-16 without one begins with), else XML declaration,
/// else `charset` (of the media type, may be empty), else UTF-8. ISO-8859-1 is read as windows-1252, which is
/// what senders mean by it. A declaration that names anything else is refused (UTF-7 above all: it hides markup from
/// whoever reads it as ASCII), a charset only when it is UTF-7 or UTF-32; any other one is noted and UTF-8 is
/// tried. Where UTF-8 is only declared or assumed, not marked, and most of the bytes above ASCII stand alone, as no
/// UTF-8 has them, the document is read as windows-1252 (ISO-8859-15 when the charset says so), with a note; UTF-8
/// that is merely damaged stays UTF-8. Bytes and character references that are no characters become '?' and blanks of the same length, so
/// that offsets in UTF-8 input stay true.
/// Source: clinical documents, sections 2 and 6; XML 1.0 appendix F.
XmlText xml_text(std::string_view bytes, std::string_view charset);

/// A look that costs nothing: whether there is only white space, a byte order mark or the NULs of a wider encoding
/// before the first '<'. Nothing else is XML in an encoding we read.
bool begins_like_xml(std::string_view bytes);

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
