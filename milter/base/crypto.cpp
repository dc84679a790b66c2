// crypto.cpp - OpenSSL behind plain byte strings. Every function empties the thread's error queue.
// Algorithms are fetched once for the process: a fetch costs a lock and a look-up by name.
// Where a function has no Fault, OpenSSL failing means that memory or the library itself is gone;
// the process ends then, because no answer would be a safe one.
#include "milter/base/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "milter/base/openssl.h"

namespace direct {
namespace {

constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;

[[noreturn]] void end_process(const char* what)
{
    std::fprintf(stderr, "direct: OpenSSL cannot do %s: %s\n", what, ossl::take_errors().c_str());
    std::abort();
}

const EVP_MD* sha256_method()
{
    static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    if (!method) end_process("SHA-256");
    return method;
}

const EVP_CIPHER* gcm_method()
{
    static const EVP_CIPHER* const method = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    if (!method) end_process("AES-256-GCM");
    return method;
}

EVP_MAC* hmac_method()
{
    static EVP_MAC* const method = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    if (!method) end_process("HMAC");
    return method;
}

EVP_KDF* hkdf_method()
{
    static EVP_KDF* const method = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
    if (!method) end_process("HKDF");
    return method;
}

const unsigned char* octets(const char* p)
{
    return reinterpret_cast<const unsigned char*>(p);
}
unsigned char* octets(char* p)
{
    return reinterpret_cast<unsigned char*>(p);
}

OSSL_PARAM octet_parameter(const char* name, std::string_view bytes)
{
    static const char nothing = 0;
    auto* p = const_cast<char*>(bytes.empty() ? &nothing : bytes.data());
    return OSSL_PARAM_construct_octet_string(name, p, bytes.size());
}

// EVP_CipherUpdate counts in int; out is nullptr for associated data.
bool feed(EVP_CIPHER_CTX* ctx, std::string_view in, unsigned char* out)
{
    constexpr std::size_t step = 1U << 30;
    for (std::size_t at = 0; at < in.size(); at += step) {
        const auto piece = in.substr(at, step);
        int done = 0;
        if (EVP_CipherUpdate(ctx, out ? out + at : nullptr, &done, octets(piece.data()),
                             static_cast<int>(piece.size())) != 1)
            return false;
    }
    return true;
}

// Plain text to `out` (sealed.size() - aead_overhead bytes); overwritten when the tag does not fit.
bool open_into(std::string_view key, std::string_view associated, std::string_view sealed, char* out)
{
    const auto nonce = sealed.substr(0, nonce_size);
    const auto cipher = sealed.substr(nonce_size, sealed.size() - aead_overhead);
    char tag[tag_size];
    std::memcpy(tag, sealed.data() + sealed.size() - tag_size, tag_size);
    const ossl::Cipher ctx(EVP_CIPHER_CTX_new());
    unsigned char last[16];
    int n = 0;
    const bool ok = ctx &&
                    EVP_DecryptInit_ex2(ctx.get(), gcm_method(), octets(key.data()), octets(nonce.data()),
                                        nullptr) == 1 &&
                    feed(ctx.get(), associated, nullptr) && feed(ctx.get(), cipher, octets(out)) &&
                    EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, tag) == 1 &&
                    EVP_DecryptFinal_ex(ctx.get(), last, &n) == 1;
    if (!ok) cleanse(out, cipher.size());
    ossl::take_errors();
    return ok;
}

bool can_be_sealed(std::string_view key, std::string_view sealed)
{
    return key.size() == aead_key_size && sealed.size() >= aead_overhead;
}

auto does_not_open()
{
    return fail(temporary("sealed bytes do not open under this key and context"));
}

}  // namespace

void cleanse(void* p, std::size_t n) noexcept
{
    if (p && n) OPENSSL_cleanse(p, n);
}

std::string random_bytes(std::size_t n)
{
    std::string out(n, '\0');
    constexpr std::size_t step = 1U << 30;
    for (std::size_t at = 0; at < n; at += step)
        if (RAND_bytes(octets(out.data()) + at, static_cast<int>(std::min(step, n - at))) != 1)
            end_process("random bytes");
    return out;
}

Secret random_secret(std::size_t n)
{
    auto out = Secret::of_size(n);
    if (n > INT_MAX || (n && RAND_priv_bytes(octets(out.data()), static_cast<int>(n)) != 1))
        end_process("random bytes");
    return out;
}

std::string sha256(std::string_view bytes)
{
    std::string out(32, '\0');
    if (EVP_Digest(bytes.data(), bytes.size(), octets(out.data()), nullptr, sha256_method(), nullptr) != 1)
        end_process("SHA-256");
    return out;
}

Sha256::Sha256() : ctx_(EVP_MD_CTX_new())
{
    if (!ctx_ || EVP_DigestInit_ex2(static_cast<EVP_MD_CTX*>(ctx_), sha256_method(), nullptr) != 1)
        end_process("SHA-256");
}

Sha256::~Sha256()
{
    EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(ctx_));
}

void Sha256::update(std::string_view bytes)
{
    if (EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(ctx_), bytes.data(), bytes.size()) != 1)
        end_process("SHA-256");
}

std::string Sha256::finish()
{
    std::string out(32, '\0');
    if (EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(ctx_), octets(out.data()), nullptr) != 1)
        end_process("SHA-256");
    return out;
}

std::string hmac_sha256(std::string_view key, std::string_view bytes)
{
    const ossl::MacCtx ctx(EVP_MAC_CTX_new(hmac_method()));
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                     OSSL_PARAM_construct_end()};
    std::string out(32, '\0');
    std::size_t n = 0;
    // A null key pointer would mean "the key set before", not "an empty key".
    const char* k = key.empty() ? "" : key.data();
    if (!ctx || EVP_MAC_init(ctx.get(), octets(k), key.size(), parameters) != 1 ||
        EVP_MAC_update(ctx.get(), octets(bytes.data()), bytes.size()) != 1 ||
        EVP_MAC_final(ctx.get(), octets(out.data()), &n, out.size()) != 1 || n != out.size())
        end_process("HMAC");
    return out;
}

Secret hkdf_sha256(std::string_view key, std::string_view salt, std::string_view label, std::size_t length)
{
    const ossl::KdfCtx ctx(EVP_KDF_CTX_new(hkdf_method()));
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                                     octet_parameter(OSSL_KDF_PARAM_KEY, key),
                                     octet_parameter(OSSL_KDF_PARAM_SALT, salt),
                                     octet_parameter(OSSL_KDF_PARAM_INFO, label), OSSL_PARAM_construct_end()};
    auto out = Secret::of_size(length);
    if (!ctx || EVP_KDF_derive(ctx.get(), octets(out.data()), length, parameters) != 1) end_process("HKDF");
    return out;
}

Result<Secret> scrypt(std::string_view password, std::string_view salt, std::uint64_t n, std::uint32_t r,
                      std::uint32_t p, std::size_t length)
{
    auto out = Secret::of_size(length);
    // 128 * r * (n + p + 2) bytes are needed; OpenSSL's own limit would refuse n=32768, r=8.
    const std::uint64_t memory = 128ULL * r * (n + p + 2) + (1U << 20);
    const char* pass = password.empty() ? "" : password.data();
    if (EVP_PBE_scrypt(pass, password.size(), octets(salt.empty() ? "" : salt.data()), salt.size(), n, r, p,
                       memory, octets(out.data()), length) != 1)
        return fail(temporary("scrypt: " + ossl::take_errors()));
    return out;
}

std::string aead_seal(std::string_view key, std::string_view associated, std::string_view plain)
{
    if (key.size() != aead_key_size) end_process("AES-256-GCM with a key of another size");
    std::string out(plain.size() + aead_overhead, '\0');
    if (RAND_bytes(octets(out.data()), nonce_size) != 1) end_process("random bytes");
    const ossl::Cipher ctx(EVP_CIPHER_CTX_new());
    unsigned char last[16];
    int n = 0;
    char* const tag = out.data() + out.size() - tag_size;
    if (!ctx ||
        EVP_EncryptInit_ex2(ctx.get(), gcm_method(), octets(key.data()), octets(out.data()), nullptr) != 1 ||
        !feed(ctx.get(), associated, nullptr) || !feed(ctx.get(), plain, octets(out.data()) + nonce_size) ||
        EVP_EncryptFinal_ex(ctx.get(), last, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, tag) != 1)
        end_process("AES-256-GCM");
    return out;
}

Result<std::string> aead_open(std::string_view key, std::string_view associated, std::string_view sealed)
{
    if (!can_be_sealed(key, sealed)) return does_not_open();
    std::string out(sealed.size() - aead_overhead, '\0');
    if (!open_into(key, associated, sealed, out.data())) return does_not_open();
    return out;
}

Result<Secret> aead_open_secret(std::string_view key, std::string_view associated, std::string_view sealed)
{
    if (!can_be_sealed(key, sealed)) return does_not_open();
    auto out = Secret::of_size(sealed.size() - aead_overhead);
    if (!open_into(key, associated, sealed, out.data())) return does_not_open();
    return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b)
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace direct
