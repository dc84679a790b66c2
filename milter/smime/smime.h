// smime.h - CMS: sign, verify, encrypt, decrypt. No trust decision is taken here.
//
// DER in, bytes out; MIME and base64 belong to milter/mime. Plaintext stays in the returned buffer
// until the caller has verified and trusted it. Every failure to open looks the same outside; the token
// tells the admin. BER (indefinite length) is read too. Limits: cms_infos, no nesting, no compressed
// data. All functions thread safe; OpenSSL's error queue is left empty.
// Source: RFC 5652, RFC 8551, RFC 5753; requirements B2-B7, C1-C14, D3, O1-O7; decisions 1, 3, 9.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/clock.h"
#include "milter/base/result.h"
#include "milter/smime/key_ring.h"
#include "policy/certificate.h"

namespace direct {

/// A place to wait for a free key operation (bounded by milter.key_operations). Returned by the guard the
/// caller passes in; held while a private key works. Fault: temporary when none came in time.
class KeyOperationGate {
public:
    virtual ~KeyOperationGate() = default;
    virtual Status enter() = 0;
    virtual void leave() = 0;
};

struct CmsLimits {
    std::size_t infos = 1000;  ///< limits.cms_infos
};

// ---- decrypt ----------------------------------------------------------------------------------------

/// Which of the recipients the envelope serves, and the content.
struct Opened {
    std::string content;  ///< decrypted, not yet verified: do not release
    std::string cipher;   ///< "aes-256-cbc", "aes-256-gcm", ...
    /// Those that served, each once: "rsa-pkcs1", "rsa-oaep-sha1", "rsa-oaep-sha256", "ecdh-sha256", ...
    std::vector<std::string> key_transport;
    /// One row per given recipient, same order: the key that opened for it, or nullptr (decision 9).
    std::vector<const OwnKey*> opened_with;
};

/// Opens EnvelopedData or AuthEnvelopedData. `candidates[i]` are the keys bound to recipient i; each
/// recipient is served only when one of its own keys fits a RecipientInfo and yields the content key.
/// A key shared by several recipients works once. RSA PKCS#1 v1.5 failures go on with a random key, so a bad padding
/// cannot be told from a bad content (C14). GCM: the tag decides before anything is returned (O6).
/// Faults: no_key (nobody is served), cannot_decrypt, malformed; temporary from the gate.
Result<Opened> open_enveloped(std::string_view der, const std::vector<std::vector<const OwnKey*>>& candidates,
                              const CmsLimits& limits, KeyOperationGate& gate);

// ---- verify -----------------------------------------------------------------------------------------

/// One SignerInfo, judged by itself (D3).
struct Signer {
    /// accepted = the mathematics fits; weak_algorithm = it fits, with SHA-1; no_sender_certificate; bad_signature
    Reason reason = Reason::bad_signature;
    std::optional<Certificate> certificate;  ///< from the CMS, matched by issuer and serial or key id
    std::string digest;                      ///< "sha256", ...
    std::string detail;
};

struct Verified {
    std::vector<Signer> signers;            ///< all, in the order of the CMS
    std::vector<Certificate> certificates;  ///< all the CMS brought, unparsable ones left out
    std::string content;                    ///< opaque only: the signed bytes
    std::string
        content_sha256;  ///< of the content as signed, raw bytes, whatever digest the signers used; with a good one
    bool any_good() const;
};

/// Detached signature over exact bytes; when no signer fits, once more over the canonical CRLF form.
/// @param allow_sha1  a partner's exception (C5)
/// Fault: malformed.
Result<Verified> verify_detached(std::string_view content, std::string_view signature_der,
                                 const CmsLimits& limits, CertificateCache& cache, bool allow_sha1);
/// Opaque SignedData. Fault: malformed; not_signed when the CMS is something else.
Result<Verified> verify_opaque(std::string_view der, const CmsLimits& limits, CertificateCache& cache,
                               bool allow_sha1);

/// What a CMS holds: "enveloped", "auth-enveloped", "signed", "compressed", "data", "other"; told by the
/// content type OID alone. Fault: malformed.
Result<std::string> cms_kind(std::string_view der);

// ---- sign and encrypt -------------------------------------------------------------------------------

/// Bytes one after the other, each piece in its own place: a large body is not copied on its way through.
using Pieces = std::vector<std::string_view>;

/// What stands around the entity in multipart/signed: its header block and the first boundary; the signature.
struct SignedFrame {
    std::string before, after;
};
/// Signs the entity as multipart/signed. Each piece must have CRLF line ends only, none may be cut through.
/// micalg follows the digest; signer certificate and its chain are included (C13); SMIMECapabilities say AES. Fault: temporary.
/// @param digest  "sha256" | "sha384" | "sha512"
Result<SignedFrame> sign_entity(const Pieces& entity, const OwnKey& key, std::string_view digest,
                                KeyOperationGate& gate);

struct EncryptOptions {
    std::string cipher = "aes-256-cbc";  ///< aes-128-cbc | aes-256-cbc | aes-256-gcm
    /// Key transport per recipient certificate (RSA): "pkcs1" | "oaep-sha256"; one value per certificate or empty = pkcs1.
    std::vector<std::string> key_transport;
};
/// The MIME header of an envelope and its base64 body (CRLF): application/pkcs7-mime with
/// smime-type=enveloped-data (authEnveloped-data for GCM), name and disposition smime.p7m (B2, B4).
struct SealedBody {
    std::vector<std::pair<std::string, std::string>>
        headers;  ///< Content-Type, -Transfer-Encoding, -Disposition
    std::string body;
};
/// One envelope for all certificates (RSA key transport, EC ECDH with SHA-256 KDF and AES key wrap). Takes memory
/// for the body only: what is encrypted becomes text at once. Fault: no_valid_certificate for a certificate that
/// cannot be encrypted to; temporary.
Result<SealedBody> encrypt_to(const Pieces& entity, const std::vector<Certificate>& recipients,
                              const EncryptOptions& options);

}  // namespace direct
