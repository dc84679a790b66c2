// store_codec_fuzz.cpp - whatever bytes a value holds, every record type either refuses them or reads
// something that, written and read again, stays the same.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "milter/audit/audit.h"
#include "milter/store/codec.h"
#include "milter/store/content_entry.h"
#include "milter/store/schema.h"

using namespace direct;

namespace {

template <class Decode>
void check(std::string_view bytes, Decode decode, const char* what)
{
    const auto record = decode(bytes);
    if (!record) {
        if (record.error().retry == Retry::later) return;
        std::fprintf(stderr, "a damaged %s is not temporary\n", what);
        std::abort();
    }
    const std::string once = encode(*record);
    const auto again = decode(once);
    if (again && encode(*again) == once) return;
    std::fprintf(stderr, "%s is not stable\n", what);
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check(bytes, decode_message, "message");
    check(bytes, decode_document, "document");
    check(bytes, decode_record_document, "document of a record");
    check(bytes, decode_outbox, "outbox entry");
    check(bytes, decode_settled, "settled record");
    check(bytes, decode_held, "held record");
    check(bytes, decode_idempotency, "idempotency record");
    check(bytes, decode_content_ref, "content reference");
    check(bytes, decode_content_entry, "content entry");
    check(bytes, decode_audit, "audit entry");
    return 0;
}
