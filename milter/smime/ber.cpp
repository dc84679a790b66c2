// ber.cpp - see ber.h.
#include "milter/smime/ber.h"

namespace direct::ber {
namespace {

struct Header {
    unsigned char tag = 0;
    bool indefinite = false;
    std::size_t header_size = 0, content_size = 0;
};

std::optional<Header> read_header(std::string_view bytes)
{
    if (bytes.size() < 2) return {};
    Header h;
    h.tag = static_cast<unsigned char>(bytes[0]);
    if ((h.tag & 0x1f) == 0x1f) return {};
    auto first = static_cast<unsigned char>(bytes[1]);
    h.header_size = 2;
    h.content_size = first;
    if (first == 0x80) {
        h.indefinite = true;
        h.content_size = 0;
        if (!(h.tag & constructed)) return {};
    } else if (first > 0x80) {
        std::size_t count = first & 0x7f;
        if (count > sizeof(std::size_t) || bytes.size() < 2 + count) return {};
        h.content_size = 0;
        for (std::size_t i = 0; i < count; ++i)
            h.content_size = h.content_size << 8 | static_cast<unsigned char>(bytes[2 + i]);
        h.header_size += count;
    }
    if (h.content_size > bytes.size() - h.header_size) return {};
    return h;
}

/// Size of the content of an indefinite element up to its end mark; `bytes` begin after its header.
std::optional<std::size_t> find_end(std::string_view bytes)
{
    std::size_t at = 0, open = 1;
    for (;;) {
        auto h = read_header(bytes.substr(at));
        if (!h) return {};
        if (h->tag == 0) {
            if (h->content_size != 0 || h->header_size != 2) return {};
            if (--open == 0) return at;
        } else if (h->indefinite) {
            ++open;
        }
        at += h->header_size + h->content_size;
    }
}

}  // namespace

std::optional<Element> Reader::next()
{
    auto h = read_header(rest_);
    if (!h || h->tag == 0) return {};
    Element e{h->tag, h->indefinite, {}, {}};
    std::size_t content = h->content_size, end_mark = 0;
    if (h->indefinite) {
        auto size = find_end(rest_.substr(h->header_size));
        if (!size) return {};
        content = *size;
        end_mark = 2;
    }
    e.content = rest_.substr(h->header_size, content);
    e.whole = rest_.substr(0, h->header_size + content + end_mark);
    rest_.remove_prefix(e.whole.size());
    return e;
}

std::optional<Element> Reader::next(unsigned char tag)
{
    if (peek() != tag) return {};
    return next();
}

std::optional<Element> Reader::maybe(unsigned char tag)
{
    return next(tag);
}

std::optional<std::string> octets_of(const Element& string, std::size_t max)
{
    std::string out;
    bool ok = each_piece(string, [&](std::string_view piece) {
        if (piece.size() > max - out.size()) return false;
        out += piece;
        return true;
    });
    if (!ok) return {};
    return out;
}

std::string header(unsigned char tag, std::size_t size)
{
    std::string out(1, static_cast<char>(tag));
    if (size < 0x80) return out + static_cast<char>(size);
    std::string length;
    for (std::size_t n = size; n; n >>= 8) length.insert(length.begin(), static_cast<char>(n & 0xff));
    out += static_cast<char>(0x80 | length.size());
    return out + length;
}

std::string element(unsigned char tag, std::initializer_list<std::string_view> parts)
{
    std::size_t size = 0;
    for (auto part : parts) size += part.size();
    std::string out = header(tag, size);
    out.reserve(out.size() + size);
    for (auto part : parts) out += part;
    return out;
}

}  // namespace direct::ber
