// reencode.cpp - bodies made 7bit, part by part. See reencode.h; fields are in reencode_field.cpp.
#include "milter/mime/reencode.h"

#include <algorithm>

#include "milter/base/text.h"
#include "milter/mime/content.h"
#include "milter/mime/split.h"

namespace direct {
namespace {

using Way = BodyPlan::Way;
constexpr std::size_t base64_line = 76;

auto malformed(const char* why)
{
    return fail(refuse(Reason::malformed, why));
}

bool identity(std::string_view encoding)
{
    return encoding.empty() || encoding == "7bit" || encoding == "8bit" || encoding == "binary";
}

bool untouchable(const ContentType& type)
{
    return type.is("multipart", "signed") || type.is("multipart", "encrypted") || is_cms(type);
}

bool is_text(const ContentType& type)
{
    const std::string charset = ascii_lower(type.parameter("charset"));
    const bool wide = charset.starts_with("utf-16") || charset.starts_with("utf-32");
    return (type.type == "text" || type.type == "message") && !wide;
}

/// In pieces: a message is in memory once as it came and once as it goes, and no third time.
void append_base64(std::string& out, std::string_view bytes)
{
    constexpr std::size_t piece = base64_line / 4 * 3 * 1024;  // whole lines
    while (!bytes.empty()) {
        out += base64(bytes.substr(0, piece), base64_line);
        bytes.remove_prefix(std::min(piece, bytes.size()));
        if (!bytes.empty() && !out.ends_with('\n')) out += "\r\n";
    }
}

/// Quoted-printable makes three octets of one; from here on base64 is shorter. Short text stays readable.
bool mostly_eight_bit(std::string_view s)
{
    if (s.size() < 4096) return false;
    const auto high =
        std::count_if(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) > 127; });
    return static_cast<std::size_t>(high) > s.size() / 5;
}

Result<BodyPlan> plan_container(const Entity& e, Way way)
{
    if (!identity(e.transfer_encoding)) return malformed("a multipart or message with a transfer encoding");
    const bool label = e.transfer_encoding == "8bit" || e.transfer_encoding == "binary";
    return BodyPlan{way, label ? "7bit" : ""};
}

/// Rewrites the tree below one entity and counts against the limits.
class TreeWriter {
public:
    TreeWriter(std::string& out, const MimeLimits& limits) : out_(out), limits_(limits) {}

    Status body(const Entity& e, const BodyPlan& plan)
    {
        switch (plan.way) {
            case Way::copy:
                append_crlf(out_, e.body);
                return Done{};
            case Way::parts:
                return parts(e);
            case Way::message:
                return child(e.body, e.content_type, true);
            case Way::quoted_printable:
            case Way::base64:
                break;
        }
        return leaf(e, plan.way);
    }

private:
    Status leaf(const Entity& e, Way way)
    {
        std::string decoded;
        std::string_view bytes = e.body;
        if (!identity(e.transfer_encoding)) {
            TRY(decoded, decode_body(e));
            bytes = decoded;
        }
        if (way == Way::quoted_printable) {
            append_quoted_printable(out_, bytes);
        } else if (is_text(e.content_type) && !is_canonical_crlf(bytes) && e.transfer_encoding != "binary") {
            append_base64(out_, to_crlf(bytes));
        } else {
            append_base64(out_, bytes);
        }
        return Done{};
    }

    Status parts(const Entity& e)
    {
        TRY(const auto boundary, boundary_of(e.content_type));
        TRY(const auto split, split_multipart(e.body, boundary, limits_.parts));
        if (split.parts.empty()) return malformed("multipart without parts holds 8-bit or over-long lines");
        // Nobody shows what stands around the parts; only the part that is ASCII can stay.
        if (scan_bytes(split.preamble).seven_bit()) append_crlf(out_, split.preamble);
        for (const auto& part : split.parts) {
            out_ += "--" + boundary + "\r\n";
            CHECK(child(part, e.content_type, false));
            out_ += "\r\n";
        }
        out_ += "--" + boundary + "--\r\n";
        if (scan_bytes(split.epilogue).seven_bit()) append_crlf(out_, split.epilogue);
        return Done{};
    }

    /// An entity below another; `whole`: a message, whose fields and type default are its own.
    Status child(std::string_view bytes, const ContentType& parent, bool whole)
    {
        if (++parts_ > limits_.parts) return malformed("more parts than limits.mime_parts");
        if (depth_ >= limits_.depth) return malformed("nested deeper than limits.mime_depth");
        TRY(const auto e, whole ? read_entity(bytes, limits_) : read_part(bytes, parent, limits_));
        TRY(const auto plan, plan_body(e));
        for (const auto& f : e.headers.fields())
            if (plan.encoding.empty() || !equal_ignoring_case(f.name, "Content-Transfer-Encoding"))
                CHECK(append_field(out_, f));
        if (!plan.encoding.empty()) out_ += "Content-Transfer-Encoding: " + plan.encoding + "\r\n";
        out_ += "\r\n";
        ++depth_;
        CHECK(body(e, plan));
        --depth_;
        return Done{};
    }

    std::string& out_;
    const MimeLimits& limits_;
    std::size_t parts_ = 0;
    std::size_t depth_ = 0;
};

}  // namespace

Result<BodyPlan> plan_body(const Entity& e)
{
    const ByteScan scan = scan_bytes(e.body);
    if (scan.seven_bit() && scan.one_line_end()) return BodyPlan{};
    if (untouchable(e.content_type)) {
        if (scan.seven_bit()) return BodyPlan{};
        return malformed(
            "a signed or encrypted part inside holds 8-bit bytes or lines over 998: "
            "it cannot be carried without breaking it");
    }
    if (e.content_type.type == "multipart") return plan_container(e, Way::parts);
    if (is_message(e.content_type)) return plan_container(e, Way::message);
    const bool text = is_text(e.content_type) && !scan.nul;
    if (scan.seven_bit()) {
        // Line ends of "binary" data are data.
        if (text || e.transfer_encoding != "binary") return BodyPlan{};
        return BodyPlan{Way::base64, "base64"};
    }
    if (e.content_type.is("message", "partial")) return malformed("message/partial must be 7bit");
    if (text && !mostly_eight_bit(e.body)) return BodyPlan{Way::quoted_printable, "quoted-printable"};
    return BodyPlan{Way::base64, "base64"};
}

Status append_body(std::string& out, const Entity& entity, const BodyPlan& plan, const MimeLimits& limits)
{
    CHECK(TreeWriter(out, limits).body(entity, plan));
    if (plan.way == Way::base64 && !entity.body.empty()) out += "\r\n";
    return Done{};
}

}  // namespace direct
