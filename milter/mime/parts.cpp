// parts.cpp - the walk over the leaves of a message. See parts.h.
#include "milter/mime/parts.h"

#include "milter/base/text.h"
#include "milter/mime/content.h"
#include "milter/mime/sniff.h"
#include "milter/mime/split.h"

namespace direct {
namespace {

auto malformed(const char* why)
{
    return fail(refuse(Reason::malformed, why));
}

bool identity(std::string_view encoding)
{
    return encoding.empty() || encoding == "7bit" || encoding == "8bit" || encoding == "binary";
}

class Walk {
public:
    Walk(const MimeLimits& limits, const std::function<bool(Attachment&&)>& take)
        : limits_(limits), take_(take)
    {
    }

    /// True: go on.
    Result<bool> entity(const Entity& e)
    {
        if (++entities_ > limits_.parts) return malformed("more parts than limits.mime_parts");
        if (e.content_type.type == "multipart") return multipart(e);
        if (is_message(e.content_type)) return message(e);
        return leaf(e);
    }

private:
    Result<bool> multipart(const Entity& e)
    {
        if (!identity(e.transfer_encoding)) return malformed("multipart with a transfer encoding");
        TRY(const auto boundary, boundary_of(e.content_type));
        TRY(const auto split, split_multipart(e.body, boundary, limits_.parts));
        if (split.parts.empty()) return malformed("multipart without parts");
        CHECK(deeper());
        for (const auto& part : split.parts) {
            TRY(const auto child, read_part(part, e.content_type, limits_));
            TRY(const bool more, entity(child));
            if (!more) return false;
        }
        --depth_;
        return true;
    }

    Result<bool> message(const Entity& e)
    {
        CHECK(deeper());
        // Views as long as nothing is encoded; the rest is against RFC 2046 but met. Only once: every level
        // would stand in memory beside the others.
        if (identity(e.transfer_encoding)) return inside(e.body);
        if (decoding_) return malformed("an encoded message inside an encoded message");
        TRY(const auto decoded, decode_body(e));
        decoding_ = true;
        TRY(const bool more, inside(decoded));
        decoding_ = false;
        return more;
    }

    Result<bool> inside(std::string_view message)
    {
        TRY(const auto inner, read_entity(message, limits_));
        TRY(const bool more, entity(inner));
        --depth_;
        return more;
    }

    Result<bool> leaf(const Entity& e)
    {
        ++leaves_;
        if (readable_body(e)) return true;
        Attachment a;
        a.part = leaves_;
        a.filename = e.filename;
        a.declared_type = e.content_type.media_type();
        a.charset = e.content_type.parameter("charset");
        TRY(a.bytes, decode_body(e));
        return take_(std::move(a));
    }

    bool readable_body(const Entity& e) const
    {
        if (!e.content_type.is("text", "plain") && !e.content_type.is("text", "html")) return false;
        if (!e.filename.empty() || e.disposition == "attachment") return false;
        if (identity(e.transfer_encoding)) return !is_xml_document(e.body);
        // A letter with a broken escape is still a letter.
        const auto decoded = decode_body(e);
        return !decoded || !is_xml_document(*decoded);
    }

    Status deeper()
    {
        if (++depth_ > limits_.depth) return malformed("nested deeper than limits.mime_depth");
        return Done{};
    }

    const MimeLimits& limits_;
    const std::function<bool(Attachment&&)>& take_;
    std::size_t entities_ = 0;
    std::size_t depth_ = 0;
    bool decoding_ = false;
    std::uint32_t leaves_ = 0;
};

}  // namespace

Status for_each_attachment(std::string_view message, const MimeLimits& limits,
                           const std::function<bool(Attachment&&)>& take)
{
    TRY(const auto top, read_entity(message, limits));
    CHECK(Walk(limits, take).entity(top));
    return Done{};
}

}  // namespace direct
