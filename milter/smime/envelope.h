// envelope.h - EnvelopedData and AuthEnvelopedData taken apart, and the content opened with its key.
//
// Everything is a view into the bytes given, so those must outlive it. No key is touched in reading.
// Thread safe. Source: RFC 5652 section 6, RFC 5083, RFC 5753 section 3.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/result.h"
#include "milter/smime/algorithms.h"
#include "milter/smime/ber.h"

namespace direct::cms {

/// The inside of a ContentInfo. Bytes after it are refused.
struct ContentInfo {
    std::string_view type;  ///< OID
    ber::Element content;
};
Result<ContentInfo> read_content_info(std::string_view der);

/// Whom a RecipientInfo or SignerInfo means: issuer and serial, or a key identifier.
struct Identifier {
    std::string_view issuer, serial;  ///< whole Name; content octets of the INTEGER
    std::string_view key_id;          ///< not empty: this one counts
};
/// IssuerAndSerialNumber's content.
std::optional<Identifier> read_issuer_and_serial(const ber::Element& sequence);

/// One recipient's way to the content key. Kinds we do not serve (passwords, shared keys) are left out.
struct RecipientEntry {
    enum Kind : unsigned char { transport, agreement } kind = transport;
    Identifier who;
    std::string_view algorithm;  ///< whole AlgorithmIdentifier
    std::string encrypted_key;
    std::string_view originator_point;  ///< agreement: the sender's ephemeral public key
    std::string_view user_material;     ///< agreement: ukm, "" when absent
};

struct Envelope {
    std::vector<RecipientEntry> recipients;
    const ContentCipher* cipher = nullptr;
    std::string_view iv;
    ber::Element content;
    std::size_t content_size = 0;
    std::string authenticated;  ///< GCM: DER of the authenticated attributes
    std::string tag;            ///< GCM
};

/// @param limit  RecipientInfos at most
/// Faults: malformed; cannot_decrypt for a content cipher we do not take.
Result<Envelope> read_envelope(std::string_view der, std::size_t limit);

/// Decrypts the content. Nothing when the padding or the tag is wrong: no byte of it is kept then.
std::optional<std::string> open_content(const Envelope& envelope, std::string_view content_key);

}  // namespace direct::cms
