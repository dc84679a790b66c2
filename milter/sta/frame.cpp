#include "milter/sta/frame.h"

#include <algorithm>

#include "milter/base/text.h"

namespace direct {
namespace {

bool printable(std::string_view s)
{
    return std::all_of(s.begin(), s.end(), [](unsigned char c) {
        return (c >= 0x20 && c < 0x7f) || c == '\r' || c == '\n' || c == '\t';
    });
}

/// Words as mail programs write them before the first part ("This is an S/MIME signed message").
bool only_words(std::string_view s)
{
    return std::all_of(s.begin(), s.end(), [](unsigned char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ' ' ||
               c == '.' || c == ',' || c == '/' || c == '-' || c == '\'' || c == '\r' || c == '\n' ||
               c == '\t';
    });
}

/// Only the alphabet; decoding judges the rest.
bool only_base64(std::string_view s)
{
    return std::all_of(s.begin(), s.end(), [](unsigned char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
               c == '/' || c == '=' || c == '\r' || c == '\n' || c == ' ' || c == '\t';
    });
}

std::string_view between(const char* from, const char* to)
{
    return {from, static_cast<std::size_t>(to - from)};
}

auto broken(const char* where)
{
    return fail(refuse(Reason::malformed, std::string("bytes no signature covers: ") + where));
}

Status check_cms_part(const Entity& part)
{
    if (part.transfer_encoding != "base64") return broken("the signature is not in base64");
    if (!only_base64(part.body)) return broken("the signature's base64");
    return Done{};
}

}  // namespace

Status check_frame(std::string_view clear, const Entity& multipart_signed, const SignedParts& parts)
{
    const char* content_end = parts.content.data() + parts.content.size();
    const char* signature_end = parts.signature.body.data() + parts.signature.body.size();
    if (!printable(between(clear.data(), parts.content.data()))) return broken("header or preamble");
    if (!printable(between(content_end, parts.signature.body.data())))
        return broken("header of the signature");
    if (!printable(between(signature_end, clear.data() + clear.size()))) return broken("after the signature");
    CHECK(check_cms_part(parts.signature));
    // What stands before the first boundary line, which begins with "--".
    auto preamble = between(multipart_signed.body.data(), parts.content.data());
    preamble = trim(preamble.substr(0, preamble.starts_with("--") ? 0 : preamble.rfind("\n--")));
    if (!only_words(preamble)) return broken("a preamble that is not words");
    return Done{};
}

Status check_frame(const Entity& opaque_signed)
{
    if (!printable(opaque_signed.header_bytes)) return broken("header");
    return check_cms_part(opaque_signed);
}

}  // namespace direct
