// unwrap.cpp - the way out of the seal: the inner message, and the form it is delivered in. See wrap.h.
#include <algorithm>

#include "milter/base/address.h"
#include "milter/base/text.h"
#include "milter/mime/content.h"
#include "milter/mime/split.h"
#include "milter/mime/words.h"
#include "milter/mime/wrap.h"

namespace direct {
namespace {

bool starts_ignoring_case(std::string_view s, std::string_view prefix)
{
    return s.size() >= prefix.size() && equal_ignoring_case(s.substr(0, prefix.size()), prefix);
}

bool about_content(const HeaderField& f)
{
    return starts_ignoring_case(f.name, "Content-");
}

void append_whole_field(std::string& out, const HeaderField& f)
{
    out += f.raw;
    if (!f.raw.ends_with('\n')) out += "\r\n";
}

/// Is this Authentication-Results field one that names us? One that cannot be read counts as ours: the
/// reader behind us might read it.
bool claims_to_be(std::string_view value, std::string_view authserv_id)
{
    if (authserv_id.empty()) return true;
    if (!skip_comments(value)) return true;
    std::string id;
    if (value.starts_with('"')) {
        auto quoted = take_quoted(value);
        if (!quoted) return true;
        id = *quoted;
    } else {
        id = value.substr(0, value.find_first_of(" \t\r\n;("));
    }
    id = trim(id);
    while (id.ends_with('.')) id.pop_back();
    if (id.empty() || equal_ignoring_case(id, authserv_id)) return true;
    const auto theirs = normal_domain(id);
    const auto ours = normal_domain(authserv_id);
    return theirs && ours && *theirs == *ours;
}

/// Fields that would speak for us, or say where the mail went before (requirements, decision 13).
bool taken_off(const HeaderField& f, std::string_view authserv_id)
{
    if (equal_ignoring_case(f.name, "Authentication-Results")) return claims_to_be(f.value, authserv_id);
    return starts_ignoring_case(f.name, "X-Direct-") || starts_ignoring_case(f.name, "Resent-") ||
           equal_ignoring_case(f.name, "Delivered-To") || equal_ignoring_case(f.name, "Return-Path") ||
           equal_ignoring_case(f.name, "Bcc");
}

Result<Unwrapped> with_outer_headers(const HeaderBlock& part, std::string_view outer_message,
                                     const MimeLimits& limits)
{
    TRY(const auto outer, split_header(outer_message, limits));
    Unwrapped out;
    out.message.reserve(outer.header_bytes.size() + part.header_bytes.size() + part.body.size() + 8);
    for (const auto& f : outer.headers.fields())
        if (!about_content(f)) append_whole_field(out.message, f);
    for (const auto& f : part.headers.fields())
        if (about_content(f)) append_whole_field(out.message, f);
    out.message += part.separator.empty() ? std::string_view("\r\n") : part.separator;
    out.message += part.body;
    return out;
}

}  // namespace

Result<std::optional<std::string_view>> message_inside(std::string_view signed_part, const MimeLimits& limits)
{
    TRY(const auto entity, read_entity(signed_part, limits));
    const auto& encoding = entity.transfer_encoding;
    const bool plain = encoding.empty() || encoding == "7bit" || encoding == "8bit" || encoding == "binary";
    if (!is_message(entity.content_type) || !plain) return std::nullopt;
    // Who reads it next must see the same fields as we do.
    CHECK(split_header(entity.body, limits));
    return entity.body;
}

Result<Unwrapped> unwrap(std::string_view signed_part, std::string_view outer_message,
                         const MimeLimits& limits)
{
    TRY(const auto entity, read_entity(signed_part, limits));
    if (!is_message(entity.content_type)) {
        TRY(const auto block, split_header(signed_part, limits));
        return with_outer_headers(block, outer_message, limits);
    }
    Unwrapped out;
    out.wrapped = true;
    TRY(out.message, decode_body(entity));
    // Who reads it next must see the same fields as we do.
    CHECK(split_header(out.message, limits));
    return out;
}

Result<std::string> deliverable(std::string_view message, std::string_view authserv_id,
                                const std::vector<std::string>& add, std::string_view subject,
                                const MimeLimits& limits)
{
    TRY(const auto block, split_header(message, limits));
    const std::string new_subject =
        subject.empty() ? std::string() : "Subject: " + encode_text(subject, 9) + "\r\n";
    std::size_t added = new_subject.size();
    for (const auto& field : add) added += field.size();
    std::string out;
    out.reserve(message.size() + added + 8);
    for (const auto& field : add) out += field;
    bool subject_written = new_subject.empty();
    for (const auto& f : block.headers.fields()) {
        if (taken_off(f, authserv_id)) continue;
        if (new_subject.empty() || !equal_ignoring_case(f.name, "Subject")) {
            append_whole_field(out, f);
        } else if (!subject_written) {
            out += new_subject;
            subject_written = true;
        }
    }
    if (!subject_written) out += new_subject;
    out += block.separator.empty() ? std::string_view("\r\n") : block.separator;
    out += block.body;
    return out;
}

}  // namespace direct
