// record_frames_fuzz.cpp - a request or reply that is taken, written again, reads back to the same; nothing
// deep or long gets through.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "milter/records/protocol.h"

using namespace direct;

namespace {

void must(bool holds, const char* property)
{
    if (holds) return;
    std::fprintf(stderr, "property does not hold: %s\n", property);
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (auto request = decode_request(bytes)) {
        must(request->verb.size() <= 40, "a verb is short");
        must(shallow_json(request->parameters), "parameters are shallow");
        const auto again = decode_request(encode_request(*request));
        must(again && again->verb == request->verb && again->parameters == request->parameters,
             "a request reads back");
    }
    if (auto reply = decode_reply(bytes)) {
        const auto again = decode_reply(encode_reply(*reply));
        must(again && again->exit == reply->exit && again->json == reply->json, "a reply reads back");
    }
    if (auto framed = frame(bytes, 1000))
        must(framed->size() == size + 4 && size <= 1000, "a frame is its payload and four bytes");
    return 0;
}
