// ber.h - reading BER and writing DER, as far as CMS needs it. No copies: everything read is a view.
//
// Written for hostile bytes: every length is checked against what is there, indefinite lengths are
// followed without recursion, tag numbers above 30 (CMS has none) are refused. Pure functions.
// Source: X.690 sections 8 and 10.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace direct::ber {

inline constexpr unsigned char integer = 0x02, bit_string = 0x03, octet_string = 0x04, oid = 0x06,
                               sequence = 0x30, set = 0x31, constructed = 0x20, context = 0x80;
/// [n] EXPLICIT, or [n] IMPLICIT of something constructed.
constexpr unsigned char tagged(unsigned n)
{
    return static_cast<unsigned char>(0xa0 | n);
}

/// One element. `whole` has its header and, when the length was indefinite, its end mark.
struct Element {
    unsigned char tag = 0;
    bool indefinite = false;
    std::string_view content, whole;
    bool is_constructed() const { return (tag & constructed) != 0; }
};

class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}
    bool at_end() const { return rest_.empty(); }
    /// The next element; nothing at the end or when the bytes are not BER.
    std::optional<Element> next();
    /// The same, and it must have this tag.
    std::optional<Element> next(unsigned char tag);
    /// The next element when it has this tag; otherwise nothing is read.
    std::optional<Element> maybe(unsigned char tag);
    unsigned char peek() const { return rest_.empty() ? 0 : static_cast<unsigned char>(rest_[0]); }
    std::string_view rest() const { return rest_; }

private:
    std::string_view rest_;
};

/// Hands every piece of an OCTET STRING (primitive or constructed) to f(string_view) -> bool.
/// False when f says so or the pieces are no octet strings.
template <class F>
bool each_piece(const Element& string, F&& f, int depth = 0)
{
    if (!string.is_constructed()) return f(string.content);
    Reader pieces(string.content);
    while (!pieces.at_end()) {
        auto piece = pieces.next();
        // Nesting beyond a few levels has no use but exhausting the stack.
        if (!piece || (piece->tag & ~constructed) != octet_string || depth >= 4) return false;
        if (!each_piece(*piece, f, depth + 1)) return false;
    }
    return true;
}

/// An octet string of at most `max` bytes in one piece.
std::optional<std::string> octets_of(const Element& string, std::size_t max);

/// Header of a DER element with that many content bytes.
std::string header(unsigned char tag, std::size_t size);
/// A whole DER element around the parts.
std::string element(unsigned char tag, std::initializer_list<std::string_view> parts);

}  // namespace direct::ber
