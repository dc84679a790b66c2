// protocol.cpp - see protocol.h. nlohmann never throws here: parsing and printing are asked not to.
#include "milter/records/protocol.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "milter/base/child.h"

namespace direct {
namespace {

using Json = nlohmann::json;
constexpr auto replace_bad_utf8 = Json::error_handler_t::replace;

Json parse_object(std::string_view text)
{
    if (!shallow_json(text)) return Json(Json::value_t::discarded);
    auto parsed = Json::parse(text, nullptr, false);
    return parsed.is_object() ? parsed : Json(Json::value_t::discarded);
}

bool is_verb(std::string_view verb)
{
    return !verb.empty() && verb.size() <= 40 &&
           std::all_of(verb.begin(), verb.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '.'; });
}

std::uint32_t read_length(std::string_view four)
{
    std::uint32_t n = 0;
    for (char c : four) n = n << 8 | static_cast<unsigned char>(c);
    return n;
}

}  // namespace

bool shallow_json(std::string_view text, std::size_t depth)
{
    std::size_t open = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++open > depth) return false;
        } else if ((c == ']' || c == '}') && open > 0) {
            --open;
        }
    }
    return true;
}

std::string encode_request(const Request& request)
{
    Json frame = {{"verb", request.verb}, {"parameters", parse_object(request.parameters)}};
    return frame.dump(-1, ' ', false, replace_bad_utf8);
}

std::string encode_reply(const Reply& reply)
{
    // The service has printed this JSON itself; parsing 8 MB again only to nest it would double the work.
    return "{\"exit\":" + std::to_string(reply.exit) + ",\"json\":" + reply.json + "}";
}

Result<Request> decode_request(std::string_view payload)
{
    auto frame = parse_object(payload);
    if (frame.is_discarded()) return fail(refuse(Reason::input, "the request is no JSON object"));
    auto verb = frame.find("verb");
    auto parameters = frame.find("parameters");
    if (verb == frame.end() || !verb->is_string() || !is_verb(verb->get_ref<const std::string&>()))
        return fail(refuse(Reason::input, "the request names no verb"));
    if (parameters != frame.end() && !parameters->is_object())
        return fail(refuse(Reason::input, "parameters are no object"));
    if (frame.size() != (parameters == frame.end() ? 1u : 2u))
        return fail(refuse(Reason::input, "the request has a member nobody knows"));
    Request request;
    request.verb = verb->get<std::string>();
    if (parameters != frame.end()) request.parameters = parameters->dump(-1, ' ', false, replace_bad_utf8);
    return request;
}

Result<Reply> decode_reply(std::string_view payload)
{
    auto frame = parse_object(payload);
    if (frame.is_discarded()) return fail(temporary("the daemon's reply is no JSON object"));
    auto exit = frame.find("exit");
    auto json = frame.find("json");
    if (exit == frame.end() || !exit->is_number_integer() || json == frame.end() || !json->is_object())
        return fail(temporary("the daemon's reply has another form"));
    auto code = exit->get<std::int64_t>();
    if (code != 0 && code != 1 && code != 2 && code != 75)
        return fail(temporary("the daemon's reply has an exit code nobody knows"));
    return Reply{static_cast<int>(code), json->dump(-1, ' ', false, replace_bad_utf8)};
}

Result<std::string> frame(std::string_view payload, std::size_t max)
{
    if (payload.size() > max)
        return fail(
            refuse(Reason::input, "a frame of " + std::to_string(payload.size()) + " bytes is too long"));
    auto n = static_cast<std::uint32_t>(payload.size());
    std::string out;
    out.reserve(payload.size() + 4);
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(n >> shift & 0xff);
    return out.append(payload);
}

Result<std::string> read_frame(int fd, std::size_t max, std::chrono::steady_clock::time_point deadline)
{
    TRY(auto four, read_fully(fd, 4, deadline));
    auto length = read_length(four);
    if (length > max)
        return fail(refuse(Reason::input, "a frame of " + std::to_string(length) + " bytes is too long"));
    return read_fully(fd, length, deadline);
}

Status write_frame(int fd, std::string_view payload, std::size_t max,
                   std::chrono::steady_clock::time_point deadline)
{
    TRY(auto bytes, frame(payload, max));
    return write_fully(fd, bytes, deadline);
}

}  // namespace direct
