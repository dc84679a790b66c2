// agreement.cpp - see agreement.h.
#include "milter/smime/agreement.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "milter/smime/ber.h"

namespace direct::cms {
namespace {

unsigned char* bytes(char* p)
{
    return reinterpret_cast<unsigned char*>(p);
}
const unsigned char* bytes(std::string_view s)
{
    return reinterpret_cast<const unsigned char*>(s.data());
}

/// ECC-CMS-SharedInfo: which key is derived, and from what.
std::string shared_info(std::string_view wrap_algorithm, std::string_view user_material, std::size_t key_size)
{
    std::string material;
    if (!user_material.empty())
        material = ber::element(ber::tagged(0), {ber::element(ber::octet_string, {user_material})});
    std::size_t bits = key_size * 8;
    const char size[4] = {0, 0, char(bits >> 8), char(bits & 0xff)};
    std::string length = ber::element(ber::tagged(2), {ber::element(ber::octet_string, {{size, 4}})});
    return ber::element(ber::sequence, {wrap_algorithm, material, length});
}

std::optional<Secret> x963(std::string_view secret, std::string_view info, const char* digest,
                           std::size_t size)
{
    static EVP_KDF* kdf = EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_X963KDF, nullptr);
    ossl::KdfCtx ctx(kdf ? EVP_KDF_CTX_new(kdf) : nullptr);
    if (!ctx) return {};
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(digest), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, const_cast<char*>(secret.data()),
                                          secret.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, const_cast<char*>(info.data()), info.size()),
        OSSL_PARAM_construct_end()};
    Secret out = Secret::of_size(size);
    if (EVP_KDF_derive(ctx.get(), bytes(out.data()), size, params) != 1) return {};
    return out;
}

}  // namespace

ossl::PrivateKey point_on_curve_of(EVP_PKEY* key, std::string_view point)
{
    ossl::PrivateKey peer(EVP_PKEY_new());
    // OpenSSL checks that the point is on the curve: an invalid one would leak our key bit by bit.
    if (!peer || EVP_PKEY_copy_parameters(peer.get(), key) != 1 ||
        EVP_PKEY_set1_encoded_public_key(peer.get(), bytes(point), point.size()) != 1)
        peer.reset();
    return peer;
}

std::optional<Secret> derive_key(EVP_PKEY* own, EVP_PKEY* peer, const DigestAlgorithm& digest,
                                 const KeyWrap& wrap, std::string_view wrap_algorithm,
                                 std::string_view user_material)
{
    ossl::KeyCtx ctx(EVP_PKEY_CTX_new(own, nullptr));
    std::size_t n = 0;
    if (!ctx || EVP_PKEY_derive_init(ctx.get()) != 1 || EVP_PKEY_derive_set_peer(ctx.get(), peer) != 1 ||
        EVP_PKEY_derive(ctx.get(), nullptr, &n) != 1)
        return {};
    Secret shared = Secret::of_size(n);
    if (EVP_PKEY_derive(ctx.get(), bytes(shared.data()), &n) != 1) return {};
    return x963(shared.view().substr(0, n), shared_info(wrap_algorithm, user_material, wrap.key_size),
                digest.name, wrap.key_size);
}

std::optional<Secret> aes_unwrap(const KeyWrap& wrap, std::string_view kek, std::string_view wrapped)
{
    ossl::Cipher ctx(EVP_CIPHER_CTX_new());
    Secret out = Secret::of_size(wrapped.size() + 16);
    int n = 0;
    if (!ctx || wrapped.empty()) return {};
    EVP_CIPHER_CTX_set_flags(ctx.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (EVP_DecryptInit_ex(ctx.get(), wrap.evp(), nullptr, bytes(kek), nullptr) != 1 ||
        EVP_DecryptUpdate(ctx.get(), bytes(out.data()), &n, bytes(wrapped), int(wrapped.size())) != 1 ||
        n <= 0)
        return {};
    return Secret(out.view().substr(0, std::size_t(n)));
}

std::optional<std::string> aes_wrap(const KeyWrap& wrap, std::string_view kek, std::string_view key)
{
    ossl::Cipher ctx(EVP_CIPHER_CTX_new());
    std::string out(key.size() + 16, '\0');
    int n = 0;
    if (!ctx) return {};
    EVP_CIPHER_CTX_set_flags(ctx.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (EVP_EncryptInit_ex(ctx.get(), wrap.evp(), nullptr, bytes(kek), nullptr) != 1 ||
        EVP_EncryptUpdate(ctx.get(), bytes(out.data()), &n, bytes(key), int(key.size())) != 1 || n <= 0)
        return {};
    out.resize(std::size_t(n));
    return out;
}

}  // namespace direct::cms
