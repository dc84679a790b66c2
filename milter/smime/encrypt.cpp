// encrypt.cpp - one envelope for all recipients; see smime.h.
//
// Made by hand rather than by CMS_encrypt: the size is known beforehand, so the ciphertext becomes base64
// piece by piece in the one buffer that is returned, and no default of OpenSSL's (3DES, SHA-1) can slip in.
#include <algorithm>
#include <array>

#include "milter/base/base64_lines.h"
#include "milter/base/crypto.h"
#include "milter/smime/key_transport.h"
#include "milter/smime/smime.h"

namespace direct {
namespace {

using cms::ContentCipher;

constexpr std::size_t tag_size = 16, nonce_size = 12;

unsigned char* bytes(char* p)
{
    return reinterpret_cast<unsigned char*>(p);
}
const unsigned char* bytes(std::string_view s)
{
    return reinterpret_cast<const unsigned char*>(s.data());
}

Fault cannot_encrypt()
{
    return temporary("cannot encrypt: " + ossl::take_errors());
}

/// SET OF RecipientInfo, in the order DER asks for.
Result<std::string> recipient_infos(const std::vector<Certificate>& recipients, const EncryptOptions& options,
                                    std::string_view content_key)
{
    std::vector<std::string> infos;
    for (std::size_t i = 0; i < recipients.size(); ++i) {
        const Certificate& c = recipients[i];
        if (!c.may_encrypt() || !c.strong_key())
            return fail(refuse(Reason::no_valid_certificate, "cannot be encrypted to: " + c.subject()));
        bool oaep = i < options.key_transport.size() && options.key_transport[i] == "oaep-sha256";
        TRY(std::string info, cms::wrap_key(c, oaep, content_key));
        infos.push_back(std::move(info));
    }
    std::sort(infos.begin(), infos.end());
    std::string content;
    for (const auto& info : infos) content += info;
    return ber::element(ber::set, {content});
}

/// Encrypts the pieces as one plaintext into `out` and returns the tag (GCM) or "".
Result<std::string> add_ciphertext(Base64Lines& out, const ContentCipher& cipher, std::string_view key,
                                   std::string_view iv, const Pieces& plain)
{
    constexpr std::size_t step = 16 * 1024;  // stays in the first cache from the cipher to the text
    std::array<char, step + 32> buffer;
    ossl::Cipher ctx(EVP_CIPHER_CTX_new());
    int n = 0;
    if (!ctx || EVP_EncryptInit_ex(ctx.get(), cipher.evp(), nullptr, bytes(key), bytes(iv)) != 1)
        return fail(cannot_encrypt());
    for (auto piece : plain)
        while (!piece.empty()) {
            auto now = piece.substr(0, step);
            if (EVP_EncryptUpdate(ctx.get(), bytes(buffer.data()), &n, bytes(now), int(now.size())) != 1)
                return fail(cannot_encrypt());
            out.add({buffer.data(), std::size_t(n)});
            piece.remove_prefix(now.size());
        }
    if (EVP_EncryptFinal_ex(ctx.get(), bytes(buffer.data()), &n) != 1) return fail(cannot_encrypt());
    out.add({buffer.data(), std::size_t(n)});
    if (!cipher.gcm) return std::string();
    std::string tag(tag_size, '\0');
    if (EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_GET_TAG, int(tag_size), tag.data()) != 1)
        return fail(cannot_encrypt());
    return tag;
}

std::string cipher_algorithm(const ContentCipher& cipher, std::string_view iv)
{
    std::string parameters = ber::element(ber::octet_string, {iv});
    if (cipher.gcm) parameters = ber::element(ber::sequence, {parameters, {"\x02\x01\x10", 3}});
    return ber::element(ber::sequence, {ber::element(ber::oid, {cipher.oid}), parameters});
}

/// Headers of nested elements, outermost first, when the sizes inside are known before the bytes are.
class Nest {
public:
    explicit Nest(std::size_t innermost) : size_(innermost) {}
    /// Wraps what there is into an element that begins with `before` and ends `after` bytes later.
    void wrap(unsigned char tag, std::string_view before = {}, std::size_t after = 0)
    {
        size_ += before.size() + after;
        std::string h = ber::header(tag, size_);
        size_ += h.size();
        bytes_ = h + std::string(before) + bytes_;
    }
    const std::string& bytes() const { return bytes_; }
    std::size_t size() const { return size_; }

private:
    std::string bytes_;
    std::size_t size_;
};

std::vector<std::pair<std::string, std::string>> mime_headers(bool gcm)
{
    return {{"Content-Type", std::string("application/pkcs7-mime; smime-type=") +
                                 (gcm ? "authEnveloped-data" : "enveloped-data") + "; name=\"smime.p7m\""},
            {"Content-Transfer-Encoding", "base64"},
            {"Content-Disposition", "attachment; filename=\"smime.p7m\""}};
}

}  // namespace

Result<SealedBody> encrypt_to(const Pieces& entity, const std::vector<Certificate>& recipients,
                              const EncryptOptions& options)
{
    const ContentCipher* cipher = cms::cipher_by_name(options.cipher);
    if (!cipher) return fail(temporary("content cipher is not taken: " + options.cipher));
    if (recipients.empty()) return fail(refuse(Reason::no_valid_certificate, "no recipient to encrypt to"));
    std::size_t size = 0;
    for (auto piece : entity) size += piece.size();
    if (size > 1U << 30) return fail(refuse(Reason::too_large, "too large to encrypt"));
    Secret key = random_secret(cipher->key_size);
    std::string iv = random_bytes(cipher->gcm ? nonce_size : 16);
    TRY(std::string infos, recipient_infos(recipients, options, key.view()));
    bool agreement = std::any_of(recipients.begin(), recipients.end(), [](auto& c) { return c.is_ec(); });

    const std::string version = ber::element(ber::integer, {{agreement && !cipher->gcm ? "\2" : "\0", 1}});
    const std::string data_type = ber::element(ber::oid, {cms::oids::data});
    const std::string type =
        ber::element(ber::oid, {cipher->gcm ? cms::oids::auth_enveloped_data : cms::oids::enveloped_data});
    const std::size_t tag_element = cipher->gcm ? 2 + tag_size : 0;
    Nest nest(cipher->gcm ? size : size / 16 * 16 + 16);
    nest.wrap(ber::context);                                              // [0] encryptedContent
    nest.wrap(ber::sequence, data_type + cipher_algorithm(*cipher, iv));  // EncryptedContentInfo
    nest.wrap(ber::sequence, version + infos, tag_element);               // (Auth)EnvelopedData
    nest.wrap(ber::tagged(0));
    nest.wrap(ber::sequence, type);

    SealedBody out{mime_headers(cipher->gcm), {}};
    const std::size_t chars = Base64Lines::size_of(nest.size());
    out.body.reserve(chars);
    Base64Lines text(out.body);
    text.add(nest.bytes());
    TRY(std::string tag, add_ciphertext(text, *cipher, key.view(), iv, entity));
    if (cipher->gcm) text.add(ber::element(ber::octet_string, {tag}));
    text.finish();
    ossl::take_errors();
    if (out.body.size() != chars) return fail(temporary("envelope has not the size it should have"));
    return out;
}

}  // namespace direct
