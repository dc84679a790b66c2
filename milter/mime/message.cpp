// message.cpp - one entity: its fields, its type, its body without transfer encoding. See message.h.
#include "milter/mime/message.h"

#include <algorithm>
#include <cctype>

#include "milter/base/text.h"
#include "milter/mime/content.h"
#include "milter/mime/split.h"
#include "milter/mime/words.h"

namespace direct {
namespace {

constexpr std::size_t longest_preamble = 998;

auto malformed(const char* why)
{
    return fail(refuse(Reason::malformed, why));
}

bool only_white(std::string_view s)
{
    return trim(s).empty();
}

/// "This is an S/MIME signed message" and its like are written by OpenSSL, Outlook and Thunderbird and
/// shown by nobody. What could be meant as a part, or hidden, is not let through.
bool harmless_preamble(std::string_view s)
{
    if (s.size() > longest_preamble) return false;
    for (const auto line : split(s, '\n')) {
        const auto text = trim(line);
        if (text.starts_with("--")) return false;
        if (std::any_of(text.begin(), text.end(), [](char c) { return c < 32 || c > 126; })) return false;
    }
    return true;
}

Status interpret(Entity& e)
{
    TRY(const auto type, e.headers.only("Content-Type"));
    if (type) {
        TRY(e.content_type, read_content_type(*type));
    }
    TRY(const auto encoding, e.headers.only("Content-Transfer-Encoding"));
    if (encoding) {
        TRY(e.transfer_encoding, read_transfer_encoding(*encoding));
    }
    TRY(const auto disposition, e.headers.only("Content-Disposition"));
    std::string name;
    if (disposition) {
        TRY(auto d, read_disposition(*disposition));
        e.disposition = std::move(d.word);
        name = std::move(d.filename);
    }
    if (name.empty()) name = e.content_type.parameter("name");
    e.filename = safe_filename(name);
    return Done{};
}

}  // namespace

std::size_t Headers::count(std::string_view name) const
{
    return static_cast<std::size_t>(std::count_if(fields_.begin(), fields_.end(), [&](const HeaderField& f) {
        return equal_ignoring_case(f.name, name);
    }));
}

Result<std::optional<std::string_view>> Headers::only(std::string_view name) const
{
    std::optional<std::string_view> found;
    for (const auto& f : fields_) {
        if (!equal_ignoring_case(f.name, name)) continue;
        if (found) return fail(refuse(Reason::malformed, "more than one " + std::string(name) + " field"));
        found = f.value;
    }
    return found;
}

std::string Headers::first(std::string_view name) const
{
    for (const auto& f : fields_)
        if (equal_ignoring_case(f.name, name)) return unfold(f.value);
    return {};
}

std::string ContentType::parameter(std::string_view name) const
{
    const auto at = parameters.find(std::string(name));
    return at == parameters.end() ? std::string() : at->second;
}

Result<Entity> read_entity(std::string_view bytes, const MimeLimits& limits)
{
    TRY(auto block, split_header(bytes, limits));
    Entity e;
    e.headers = std::move(block.headers);
    e.header_bytes = block.header_bytes;
    e.body = block.body;
    CHECK(interpret(e));
    return e;
}

Result<Entity> read_part(std::string_view bytes, const ContentType& parent, const MimeLimits& limits)
{
    TRY(auto e, read_entity(bytes, limits));
    if (parent.is("multipart", "digest") && e.headers.count("Content-Type") == 0) {
        e.content_type.type = "message";
        e.content_type.subtype = "rfc822";
    }
    return e;
}

bool is_message(const ContentType& type)
{
    return type.is("message", "rfc822") || type.is("message", "global");
}

Result<std::string> decode_body(const Entity& entity)
{
    return decode_transfer(entity.body, entity.transfer_encoding);
}

Result<SignedParts> split_signed(const Entity& multipart_signed, const MimeLimits& limits)
{
    if (!multipart_signed.content_type.is("multipart", "signed")) return malformed("not multipart/signed");
    const auto& encoding = multipart_signed.transfer_encoding;
    if (!encoding.empty() && encoding != "7bit" && encoding != "8bit" && encoding != "binary")
        return malformed("multipart/signed with a transfer encoding");
    TRY(const auto boundary, boundary_of(multipart_signed.content_type));
    TRY(const auto split, split_multipart(multipart_signed.body, boundary, 2));
    if (split.parts.size() != 2) return malformed("multipart/signed needs two parts");
    if (!split.closed) return malformed("multipart/signed without its last boundary");
    if (!harmless_preamble(split.preamble))
        return malformed("multipart/signed with something before its parts");
    if (!only_white(split.epilogue)) return malformed("multipart/signed with something after its parts");
    SignedParts parts;
    parts.content = split.parts[0];
    TRY(parts.signature, read_entity(split.parts[1], limits));
    return parts;
}

bool is_cms(const ContentType& type)
{
    return type.is("application", "pkcs7-mime") || type.is("application", "x-pkcs7-mime");
}

bool is_cms_signature(const ContentType& type)
{
    return type.is("application", "pkcs7-signature") || type.is("application", "x-pkcs7-signature");
}

namespace {

bool is_message_id(std::string_view id)
{
    if (id.size() < 5 || id.size() > 990 || id.front() != '<' || id.back() != '>') return false;
    const std::string_view inside = id.substr(1, id.size() - 2);
    const auto at = inside.rfind('@');
    if (at == std::string_view::npos || at == 0 || at + 1 == inside.size()) return false;
    return std::none_of(inside.begin(), inside.end(),
                        [](char c) { return c <= 32 || c > 126 || c == '<' || c == '>'; });
}

}  // namespace

std::string message_id(const Headers& headers)
{
    const auto field = headers.only("Message-ID");
    if (!field || !*field) return {};
    const auto id = without_comments(**field);
    return id && is_message_id(*id) ? *id : std::string();
}

std::vector<std::string> referenced_ids(const Headers& headers, std::string_view name)
{
    std::vector<std::string> out;
    const auto field = headers.only(name);
    if (!field || !*field) return out;
    const auto words = without_comments(**field);
    if (!words) return out;
    for (auto at = words->find('<'); at != std::string::npos; at = words->find('<', at + 1)) {
        const auto end = words->find('>', at);
        if (end == std::string::npos) break;
        auto id = words->substr(at, end + 1 - at);
        if (!is_message_id(id)) continue;
        if (out.size() == referenced_ids_max) out.erase(out.begin() + 1);
        out.push_back(std::move(id));
    }
    return out;
}

}  // namespace direct
