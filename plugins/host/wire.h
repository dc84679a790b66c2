// wire.h - what host and direct-parse say to each other over the socket pair.
//
// A frame is u32 length (big-endian, of what follows the type) | u8 type | payload; a payload is a row of
// fields, each u32 length | bytes. Both sides hold the other's lengths against limits of their own: the
// child may be under the control of a document. Pure functions on bytes, no I/O; one thread per object.
//
//   host -> child   document  media type, charset, filename, refused plugins ("name version" lines), content
//   child -> host   hello     "+name version" | "-file: why refused" | "!why we cannot work", once at start
//                   plugin    phase "r" (recognise) or "p" (parse; forget what came before), "name version"
//                   about     JSON of the document
//                   item      section, kind, JSON
//                   skip      section, reason
//                   note      text
//                   child     filename, media type, JSON or empty, content
//                   end       one digit (EndStatus), detail
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace direct::wire {

enum class Type : unsigned char {
    document = 'D',
    hello = 'H',
    plugin = 'P',
    about = 'A',
    item = 'I',
    skip = 'S',
    note = 'N',
    child = 'C',
    end = 'E',
};

/// How a document ended: the plugin's direct_parse_status, or one of the worker's own. threw: or broke the contract.
enum class EndStatus : unsigned char { parsed, not_mine, malformed, limit, nobody, threw };

inline constexpr std::size_t header_size = 5;
inline constexpr std::size_t json_max = 1u << 20;  ///< bytes of one JSON object
/// Bytes of the document object. It carries every section's narrative twice (words and HTML): the largest document known
/// has 876 KB in all and needs 1.3 MB here; a store transaction takes 4 MB without growing the map for it.
inline constexpr std::size_t document_json_max = 4u << 20;
inline constexpr std::size_t name_max = 64;        ///< bytes of section, kind, plugin name
inline constexpr std::size_t text_max = 1024;      ///< bytes of a note or reason; longer ones are cut
inline constexpr std::size_t notes_max = 100;      ///< more are dropped
inline constexpr std::size_t skips_max = 1000;     ///< more are dropped, the last one says so
inline constexpr std::size_t children_max = 1000;  ///< documents inside one document
inline constexpr std::size_t overhead_max =
    document_json_max + 8192;  ///< of a frame beyond a document's content

/// Bytes of answer a document of this size may give; an honest one gives a fraction.
inline std::uint64_t answer_max(std::uint64_t content)
{
    return 8 * content + (16u << 20);
}

/// A word of the contract, section or kind: "allergies", "plan_of_treatment", "nonXMLBody".
bool is_word(std::string_view s);

/// Appends a whole frame to `out`.
void append_frame(std::string& out, Type type, std::initializer_list<std::string_view> fields);
/// The first bytes of a frame whose last field, of `last` bytes, is sent from elsewhere.
std::string frame_head(Type type, std::initializer_list<std::string_view> fields, std::size_t last);

struct Frame {
    Type type{};
    std::string_view payload;  ///< borrowed from the decoder until its next call
};

/// Payload length told by the 5 bytes of a frame's header.
std::uint32_t payload_length(const char* header);

/// Exactly `count` fields, or an empty vector when the payload is anything else.
std::vector<std::string_view> fields_of(std::string_view payload, std::size_t count);
/// All fields of a payload; false when lengths do not fit.
bool all_fields(std::string_view payload, std::vector<std::string_view>& fields);

/// Cuts a stream of bytes into frames.
class Decoder {
public:
    explicit Decoder(std::size_t frame_max) : frame_max_(frame_max) {}
    void append(std::string_view bytes);
    enum class Step { frame, more, bad };
    /// bad: a length beyond the limit; the stream is of no use from there on.
    Step next(Frame& frame);
    bool empty() const { return from_ == buffer_.size(); }

private:
    std::size_t frame_max_;
    std::string buffer_;
    std::size_t from_ = 0;
};

}  // namespace direct::wire
