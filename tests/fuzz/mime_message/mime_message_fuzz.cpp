// mime_message_fuzz.cpp - any bytes as a message: the split loses and invents nothing; what is wrapped can
// be signed, opens to the same message, and wraps to itself; nothing taken off before delivery is left.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "milter/base/text.h"
#include "milter/mime/parts.h"
#include "milter/mime/sniff.h"
#include "milter/mime/split.h"
#include "milter/mime/words.h"
#include "milter/mime/wrap.h"

using namespace direct;

namespace {

void must(bool holds, const char* property)
{
    if (holds) return;
    std::fprintf(stderr, "property does not hold: %s\n", property);
    std::abort();
}

bool inside(std::string_view part, std::string_view whole)
{
    return part.empty() ||
           (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_split(std::string_view bytes, const MimeLimits& limits)
{
    const auto block = split_header(bytes, limits);
    const auto entity = read_entity(bytes, limits);
    if (!block) {
        must(!entity, "an entity needs a header block");
        return;
    }
    must(std::string(block->header_bytes) + std::string(block->separator) + std::string(block->body) == bytes,
         "header, separator and body are the input");
    std::size_t raw = 0;
    for (const auto& f : block->headers.fields()) raw += f.raw.size();
    must(raw == block->header_bytes.size(), "the fields are the header");
    if (!entity) return;
    must(entity->filename.find_first_of("/\\\r\n") == std::string::npos, "a file name is no path");
    if (const auto parts = split_signed(*entity, limits)) {
        must(inside(parts->content, bytes), "the signed content is a view");
        must(inside(parts->signature.body, bytes), "the signature is a view");
    }
    static_cast<void>(decode_body(*entity));
    static_cast<void>(sniff(entity->body));
    static_cast<void>(is_xml_document(entity->body));
}

void check_header(const Headers& headers)
{
    for (const auto& f : headers.fields()) {
        static_cast<void>(addresses_in(f.value));
        const auto text = decode_text(f.value);
        if (!text) continue;
        must(valid_utf8(*text), "decoded text is UTF-8");
        const auto encoded = encode_text(*text, 10);
        must(encoded.find('\0') == std::string::npos && scan_bytes(encoded).seven_bit(),
             "encoded text is ASCII");
        const std::string again = "X: " + encoded + "\r\n\r\n";
        const auto e = split_header(again, {});
        must(e && e->headers.fields().size() == 1, "encoded text stays in its field");
    }
    if (const auto o = originators(headers)) must(headers.count("From") == 1, "one From field");
    for (const auto& a : visible_recipients(headers)) must(!a.domain.empty(), "a recipient has a domain");
}

void check_wrap(std::string_view bytes, const MimeLimits& limits)
{
    const auto w = wrap(bytes, "direct.example", Time{}, limits);
    if (!w) return;
    const auto scan = scan_bytes(w->entity());
    must(scan.seven_bit() && is_canonical_crlf(w->entity()), "what is wrapped can be signed");
    const auto opened = unwrap(w->entity(), "", limits);
    // Fields that are added may lift a header over the limit.
    if (!opened) return;
    must(opened->wrapped && w->entity().ends_with(opened->message), "unwrapping gives what was wrapped");
    if (const auto twice = wrap(opened->message, "direct.example", Time{}, limits))
        must(twice->entity() == w->entity(), "a canonical message wraps to itself");
    const auto outer = outer_headers(bytes, *w, "fixed", Time{}, limits);
    must(outer && outer->find("\nBcc:") == std::string::npos, "no Bcc outside");
}

void check_deliverable(std::string_view bytes, const MimeLimits& limits)
{
    const auto d = deliverable(bytes, "mx.example", {"X-Added: 1\r\n"}, "new", limits);
    if (!d) return;
    MimeLimits wide = limits;
    wide.headers += 1024;
    const auto block = split_header(*d, wide);
    if (!block) return;  // one field too many
    must(block->headers.count("Bcc") == 0 && block->headers.count("Return-Path") == 0, "taken off");
    must(block->headers.count("Subject") == 1, "one Subject");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    MimeLimits limits;
    limits.parts = 50;
    limits.depth = 8;
    check_split(bytes, limits);
    if (const auto block = split_header(bytes, limits)) check_header(block->headers);
    check_wrap(bytes, limits);
    check_deliverable(bytes, limits);
    std::uint32_t last = 0;
    static_cast<void>(for_each_attachment(bytes, limits, [&](Attachment&& a) {
        must(a.part > last, "parts are numbered in order");
        last = a.part;
        return true;
    }));
    return 0;
}
