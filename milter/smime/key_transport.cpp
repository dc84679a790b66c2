// key_transport.cpp - opening; see key_transport.h. Wrapping is in key_wrap.cpp.
#include "milter/smime/key_transport.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "milter/smime/agreement.h"

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

/// 1 when x is 0, else 0; x below 2^31. No branch.
unsigned is_zero(unsigned x)
{
    return (x - 1U) >> 31 & ~x >> 31;
}

/// 00 02 PS 00 KEY, every byte visited, no branch on any of them. `block` is as long as the modulus.
Secret take_pkcs1(const Secret& block, Secret random)
{
    const auto* em = bytes(block.view());
    std::size_t key_at = block.size() - random.size();
    unsigned wrong = em[0] | (em[1] ^ 2U) | em[key_at - 1];
    for (std::size_t i = 2; i < key_at - 1; ++i) wrong |= is_zero(em[i]);
    unsigned char good = static_cast<unsigned char>(0U - is_zero(wrong));
    auto* out = bytes(random.data());
    for (std::size_t i = 0; i < random.size(); ++i)
        out[i] = static_cast<unsigned char>((em[key_at + i] & good) | (out[i] & ~good));
    return random;
}

Secret open_pkcs1(EVP_PKEY* key, const std::string& encrypted, Secret random)
{
    ossl::KeyCtx ctx(EVP_PKEY_CTX_new(key, nullptr));
    auto modulus = std::size_t(EVP_PKEY_get_size(key));
    Secret block = Secret::of_size(modulus);
    std::size_t n = modulus;
    // The raw operation: OpenSSL's own unpadding would tell success from failure by time and by error.
    if (!ctx || EVP_PKEY_decrypt_init(ctx.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_NO_PADDING) != 1 ||
        EVP_PKEY_decrypt(ctx.get(), bytes(block.data()), &n, bytes(encrypted), encrypted.size()) != 1 ||
        n != modulus || modulus < random.size() + 11)
        return random;
    return take_pkcs1(block, std::move(random));
}

struct Oaep {
    const DigestAlgorithm* digest = nullptr;
    const DigestAlgorithm* mask = nullptr;
};

const DigestAlgorithm* digest_of(std::string_view algorithm)
{
    auto a = read_algorithm(algorithm);
    return a ? digest_by_oid(a->oid) : nullptr;
}

/// RSAES-OAEP-params; the default of each field is SHA-1. A label is taken only when it is the empty one.
std::optional<Oaep> read_oaep(std::string_view parameters)
{
    Oaep out{digest_by_name("sha1"), digest_by_name("sha1")};
    if (parameters.empty() || parameters == std::string_view("\x05\x00", 2)) return out;
    auto sequence = ber::Reader(parameters).next(ber::sequence);
    if (!sequence) return {};
    ber::Reader r(sequence->content);
    if (auto hash = r.maybe(ber::tagged(0))) out.digest = digest_of(hash->content);
    if (auto mask = r.maybe(ber::tagged(1))) {
        auto function = read_algorithm(mask->content);
        out.mask = function && function->oid == oids::mgf1 ? digest_of(function->parameters) : nullptr;
    }
    if (auto source = r.maybe(ber::tagged(2))) {
        auto label = read_algorithm(source->content);
        if (!label || label->parameters != std::string_view("\x04\x00", 2)) return {};
    }
    if (!out.digest || !out.mask || !r.at_end()) return {};
    return out;
}

Secret open_oaep(EVP_PKEY* key, const Oaep& oaep, const std::string& encrypted, Secret random)
{
    ossl::KeyCtx ctx(EVP_PKEY_CTX_new(key, nullptr));
    Secret out = Secret::of_size(std::size_t(EVP_PKEY_get_size(key)));
    std::size_t n = out.size();
    if (!ctx || EVP_PKEY_decrypt_init(ctx.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(ctx.get(), oaep.digest->evp()) != 1 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md(ctx.get(), oaep.mask->evp()) != 1 ||
        EVP_PKEY_decrypt(ctx.get(), bytes(out.data()), &n, bytes(encrypted), encrypted.size()) != 1 ||
        n != random.size())
        return random;
    return Secret(out.view().substr(0, n));
}

std::optional<UnwrappedKey> unwrap_rsa(const RecipientEntry& entry, const Algorithm& algorithm, EVP_PKEY* key,
                                       std::size_t key_size)
{
    if (algorithm.oid == oids::rsa)
        return UnwrappedKey{open_pkcs1(key, entry.encrypted_key, random_secret(key_size)), "rsa-pkcs1"};
    if (algorithm.oid != oids::rsa_oaep) return {};
    auto oaep = read_oaep(algorithm.parameters);
    if (!oaep) return {};
    return UnwrappedKey{open_oaep(key, *oaep, entry.encrypted_key, random_secret(key_size)),
                        std::string("rsa-oaep-") + oaep->digest->name};
}

std::optional<UnwrappedKey> unwrap_agreed(const RecipientEntry& entry, const Algorithm& algorithm,
                                          EVP_PKEY* key, std::size_t key_size)
{
    const DigestAlgorithm* digest = agreement_digest(algorithm.oid);
    auto wrap_algorithm = read_algorithm(algorithm.parameters);
    const KeyWrap* wrap = wrap_algorithm ? key_wrap_by_oid(wrap_algorithm->oid) : nullptr;
    if (!digest || !wrap || entry.originator_point.empty()) return {};
    UnwrappedKey out{random_secret(key_size), std::string("ecdh-") + digest->name};
    auto peer = point_on_curve_of(key, entry.originator_point);
    auto kek = peer ? derive_key(key, peer.get(), *digest, *wrap, algorithm.parameters, entry.user_material)
                    : std::nullopt;
    if (auto opened = kek ? aes_unwrap(*wrap, kek->view(), entry.encrypted_key) : std::nullopt;
        opened && opened->size() == key_size)
        out.key = *std::move(opened);
    return out;
}

}  // namespace

std::optional<UnwrappedKey> unwrap_key(const RecipientEntry& entry, EVP_PKEY* key, std::size_t key_size)
{
    auto algorithm = read_algorithm(entry.algorithm);
    if (!algorithm) return {};
    std::optional<UnwrappedKey> out;
    int kind = EVP_PKEY_get_base_id(key);
    if (entry.kind == RecipientEntry::transport && kind == EVP_PKEY_RSA)
        out = unwrap_rsa(entry, *algorithm, key, key_size);
    else if (entry.kind == RecipientEntry::agreement && kind == EVP_PKEY_EC)
        out = unwrap_agreed(entry, *algorithm, key, key_size);
    ossl::take_errors();
    return out;
}

}  // namespace direct::cms
