// message.h - reading mail under limits: header block, content type, exact body bytes, addresses.
//
// Entities are views into bytes the caller owns and keeps alive. The split into header and body is ours
// and exact (signatures cover bytes); GMime decodes words, parameters and encodings. What two readers
// could understand differently is malformed, not guessed: broken header lines, NUL, bare CR in a header,
// two Content-Type fields. Faults: malformed. Nothing is fetched, logged or written. Thread safe.
// Source: RFC 5322, RFC 2045-2047, RFC 2231, RFC 8551; requirements O3, O4, O7.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/address.h"
#include "milter/base/result.h"

namespace direct {

struct MimeLimits {
    std::size_t headers = 1 << 20;  ///< limits.headers, bytes
    std::size_t parts = 1000;       ///< limits.mime_parts
    std::size_t depth = 30;         ///< limits.mime_depth
};

/// One header field; views into the entity's bytes.
struct HeaderField {
    std::string_view name;   ///< as written
    std::string_view value;  ///< after the colon, folding and all, without the final line end
    std::string_view raw;    ///< the whole field with its line end
};

/// The header block of an entity, in order.
class Headers {
public:
    Headers() = default;
    explicit Headers(std::vector<HeaderField> fields) : fields_(std::move(fields)) {}
    const std::vector<HeaderField>& fields() const { return fields_; }
    std::size_t count(std::string_view name) const;  ///< name without case
    /// The only field of that name: nothing when there is none. Fault: malformed when there are several.
    Result<std::optional<std::string_view>> only(std::string_view name) const;
    /// First value, unfolded and trimmed; empty when there is none.
    std::string first(std::string_view name) const;

private:
    std::vector<HeaderField> fields_;
};

struct ContentType {
    std::string type = "text", subtype = "plain";   ///< lower case
    std::map<std::string, std::string> parameters;  ///< names lower case; RFC 2231 decoded
    bool is(std::string_view t, std::string_view s) const { return type == t && subtype == s; }
    std::string parameter(std::string_view name) const;
    std::string media_type() const { return type + "/" + subtype; }
};

/// An entity: header block and body, exact bytes.
struct Entity {
    Headers headers;
    std::string_view header_bytes;  ///< with the line end of the last field, without the empty line
    std::string_view body;          ///< after the empty line; still transfer-encoded
    ContentType content_type;       ///< default text/plain
    std::string transfer_encoding;  ///< lower case; "" = 7bit
    std::string disposition;        ///< lower-case Content-Disposition word or ""
    std::string filename;           ///< decoded filename or name parameter, UTF-8; never a path
};

/// Splits bytes into header and body. LF and CRLF line ends are both read.
Result<Entity> read_entity(std::string_view bytes, const MimeLimits& limits);

/// The body without its transfer encoding (base64, quoted-printable, 7bit, 8bit, binary). Fault: malformed.
Result<std::string> decode_body(const Entity& entity);

/// The two parts of a multipart/signed: exact bytes of the first as signed (its line end before the
/// boundary is not part of it), and the second as an entity.
struct SignedParts {
    std::string_view content;  ///< exact bytes that the signature covers
    Entity signature;
};
/// Exactly two parts and the last boundary line; nothing but white space after it. Before the first at
/// most 998 printable ASCII characters, no line of them beginning with "--": OpenSSL, Outlook and
/// Thunderbird write "This is an S/MIME signed message" there, and nobody shows it. Fault: malformed.
Result<SignedParts> split_signed(const Entity& multipart_signed, const MimeLimits& limits);

/// Is this a CMS body: application/pkcs7-mime or x-pkcs7-mime (what is inside is told by the CMS, not
/// by smime-type).
bool is_cms(const ContentType& type);
bool is_cms_signature(const ContentType& type);

/// A header value after unfolding and RFC 2047 decoding, UTF-8. Fault: malformed: a word that cannot be
/// decoded, or raw bytes that are not UTF-8.
Result<std::string> decode_text(std::string_view raw_value);

/// All mailboxes of an address-list field (groups flattened). Fault: malformed.
Result<std::vector<Address>> addresses_in(std::string_view raw_value);

/// Whose message it is: exactly one From field with exactly one address (decision 13), Sender if there.
struct Originators {
    Address from;
    std::optional<Address> sender;
};
Result<Originators> originators(const Headers& headers);

/// Addresses of all To and Cc fields; fields that cannot be read count as empty. At most 10000: a field that
/// would go beyond is left out with all after it.
std::vector<Address> visible_recipients(const Headers& headers);

/// "<x@y>" of the Message-ID field, or empty.
std::string message_id(const Headers& headers);

/// Message-IDs told by a References or In-Reply-To field beyond which the ones in the middle are left out: the first begins
/// the conversation, the last are what is answered. With 990 bytes each they still fit a row of the store.
inline constexpr std::size_t referenced_ids_max = 50;
/// The Message-IDs of such a field (RFC 5322 3.6.4), in their order; what is none between them is passed over. Empty when
/// there is no such field or more than one.
std::vector<std::string> referenced_ids(const Headers& headers, std::string_view field);

}  // namespace direct
