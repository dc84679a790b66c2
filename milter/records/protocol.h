// protocol.h - the frames of the control socket: a length of four bytes (big-endian), then one JSON object.
//
//   request  {"verb":"held.list","parameters":{...}}     at most 64 KB
//   reply    {"exit":0,"json":{...}}                       at most 8 MB
//
// One request and one reply per connection. Lists that may be long come in pages (limit and cursor), so a
// frame never grows beyond its bound. What comes from the other side is hostile: length, nesting and types
// are checked here, and nothing is guessed. Pure functions but read_frame and write_frame; thread safe.
#pragma once
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "milter/base/result.h"
#include "milter/records/service.h"

namespace direct {

inline constexpr std::size_t request_frame_max = 64 * 1024;      ///< bytes of JSON
inline constexpr std::size_t reply_frame_max = 8 * 1024 * 1024;  ///< bytes of JSON
inline constexpr std::size_t frame_depth_max =
    80;  ///< nested arrays and objects; a parser's JSON has at most 64

struct Request {
    std::string verb;               ///< lower-case letters and dots, at most 40
    std::string parameters = "{}";  ///< JSON object
};

/// The JSON of a frame, without its length. `parameters` and Reply::json must be JSON objects.
std::string encode_request(const Request& request);
std::string encode_reply(const Reply& reply);
/// Fault: input.
Result<Request> decode_request(std::string_view payload);
/// Fault: temporary (the daemon speaks another version).
Result<Reply> decode_reply(std::string_view payload);

/// Is every array and object of this JSON text nested at most `depth` deep? Text inside strings does not
/// count. Asked before a parser sees the bytes, because printing a deep value recurses.
bool shallow_json(std::string_view text, std::size_t depth = frame_depth_max);

/// The four bytes in front of a payload. Fault: input when it is longer than max.
Result<std::string> frame(std::string_view payload, std::size_t max);
/// Reads one frame from a socket. Fault: temporary (closed, deadline), input (longer than max).
Result<std::string> read_frame(int fd, std::size_t max, std::chrono::steady_clock::time_point deadline);
/// Fault: temporary, input (longer than max; nothing was written then).
Status write_frame(int fd, std::string_view payload, std::size_t max,
                   std::chrono::steady_clock::time_point deadline);

}  // namespace direct
