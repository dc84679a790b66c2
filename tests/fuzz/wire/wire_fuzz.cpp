// A child may say anything. Whatever it says: limits hold, what is taken is JSON and UTF-8, frames do not
// depend on how the bytes were cut, and the JSON of directctl parse can always be made.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "plugins/host/answer.h"
#include "plugins/host/json_check.h"

using namespace direct;

namespace {

constexpr std::uint64_t items_max = 50;

void need(bool good)
{
    if (!good) std::abort();
}

// Feeds the bytes in pieces; a word for how it went, and the outcome.
std::string run(std::string_view bytes, std::size_t piece, ParseOutcome& outcome)
{
    wire::Decoder decoder(64 * 1024);
    Answer answer(items_max, 256 * 1024);
    for (;;) {
        wire::Frame frame;
        const auto step = decoder.next(frame);
        if (step == wire::Decoder::Step::bad) return "bad";
        if (step == wire::Decoder::Step::more) {
            if (bytes.empty()) return "more";
            decoder.append(bytes.substr(0, piece));
            bytes.remove_prefix(std::min(piece, bytes.size()));
            continue;
        }
        switch (answer.take(frame)) {
            case Answer::Step::more:
                break;
            case Answer::Step::lie:
                return "lie";
            case Answer::Step::flood:
                return "flood";
            case Answer::Step::done:
                outcome = std::move(answer.outcome());
                return "done";
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size > 1u << 20) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    ParseOutcome whole, pieces;
    const auto how = run(bytes, bytes.size() + 1, whole);
    need(how == run(bytes, 3, pieces));
    if (how != "done") return 0;
    need(to_json(whole) == to_json(pieces));
    need(is_json_object(to_json(whole)) && whole.items.size() <= items_max);
    // What was taken for JSON, the one who reads it takes as well.
    for (const auto& item : whole.items) {
        const auto read = nlohmann::json::parse(item.json, nullptr, false);
        need(read.is_object() && read.at("section") == item.section && read.at("kind") == item.kind);
    }
    need(nlohmann::json::accept(to_json(whole)));
    need((whole.status == "parsed") == !whole.document.empty());
    return 0;
}
