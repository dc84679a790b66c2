// key_wrap.cpp - the content key for a partner's certificate; see key_transport.h.
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "milter/smime/agreement.h"
#include "milter/smime/key_transport.h"

namespace direct::cms {
namespace {

using namespace std::string_view_literals;

unsigned char* bytes(char* p)
{
    return reinterpret_cast<unsigned char*>(p);
}
const unsigned char* bytes(std::string_view s)
{
    return reinterpret_cast<const unsigned char*>(s.data());
}

Fault cannot_wrap()
{
    return temporary("cannot encrypt the content key: " + ossl::take_errors());
}

std::string issuer_and_serial(const Certificate& c)
{
    return ber::element(ber::sequence, {c.issuer_der(), ber::element(ber::integer, {c.serial_bytes()})});
}

std::string algorithm(std::string_view oid, std::string_view parameters)
{
    return ber::element(ber::sequence, {ber::element(ber::oid, {oid}), parameters});
}

std::string oaep_algorithm()
{
    std::string sha256 = algorithm(digest_by_name("sha256")->oid, "\x05\x00"sv);
    std::string mask = algorithm(oids::mgf1, sha256);
    std::string parameters = ber::element(
        ber::sequence, {ber::element(ber::tagged(0), {sha256}), ber::element(ber::tagged(1), {mask})});
    return algorithm(oids::rsa_oaep, parameters);
}

Result<std::string> wrap_rsa(const Certificate& c, bool oaep, std::string_view content_key)
{
    EVP_PKEY* key = X509_get0_pubkey(c.x509());
    ossl::KeyCtx ctx(EVP_PKEY_CTX_new(key, nullptr));
    std::string out(std::size_t(EVP_PKEY_get_size(key)), '\0');
    std::size_t n = out.size();
    bool ok = ctx && EVP_PKEY_encrypt_init(ctx.get()) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx.get(), oaep ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING) == 1;
    if (oaep)
        ok = ok && EVP_PKEY_CTX_set_rsa_oaep_md(ctx.get(), EVP_sha256()) == 1 &&
             EVP_PKEY_CTX_set_rsa_mgf1_md(ctx.get(), EVP_sha256()) == 1;
    if (!ok ||
        EVP_PKEY_encrypt(ctx.get(), bytes(out.data()), &n, bytes(content_key), content_key.size()) != 1)
        return fail(cannot_wrap());
    out.resize(n);
    return ber::element(ber::sequence, {"\x02\x01\x00"sv, issuer_and_serial(c),
                                        oaep ? oaep_algorithm() : algorithm(oids::rsa, "\x05\x00"sv),
                                        ber::element(ber::octet_string, {out})});
}

Result<std::string> encoded_point(EVP_PKEY* key)
{
    unsigned char* point = nullptr;
    std::size_t n = EVP_PKEY_get1_encoded_public_key(key, &point);
    if (n == 0) return fail(cannot_wrap());
    std::string out(reinterpret_cast<char*>(point), n);
    OPENSSL_free(point);
    return out;
}

Result<std::string> wrap_agreed(const Certificate& c, std::string_view content_key)
{
    EVP_PKEY* peer = X509_get0_pubkey(c.x509());
    ossl::KeyCtx ctx(EVP_PKEY_CTX_new(peer, nullptr));
    EVP_PKEY* made = nullptr;
    if (!ctx || EVP_PKEY_keygen_init(ctx.get()) != 1 || EVP_PKEY_keygen(ctx.get(), &made) != 1)
        return fail(cannot_wrap());
    ossl::PrivateKey ephemeral(made);
    TRY(std::string point, encoded_point(ephemeral.get()));
    const KeyWrap& wrap = key_wrap_of_size(content_key.size());
    const std::string wrap_algorithm = algorithm(wrap.oid, {});
    auto kek = derive_key(ephemeral.get(), peer, *digest_by_name("sha256"), wrap, wrap_algorithm, {});
    auto wrapped = kek ? aes_wrap(wrap, kek->view(), content_key) : std::nullopt;
    if (!wrapped) return fail(cannot_wrap());

    // The curve is the recipient's own; the parameters are left out as RFC 5753 section 3.1.1 allows.
    std::string public_key = ber::element(
        ber::tagged(1), {algorithm(oids::ec_public_key, {}), ber::element(ber::bit_string, {"\0"sv, point})});
    std::string originator = ber::element(ber::tagged(0), {public_key});
    std::string one =
        ber::element(ber::sequence, {issuer_and_serial(c), ber::element(ber::octet_string, {*wrapped})});
    return ber::element(ber::tagged(1),
                        {"\x02\x01\x03"sv, originator, algorithm(oids::ecdh_sha256, wrap_algorithm),
                         ber::element(ber::sequence, {one})});
}

}  // namespace

Result<std::string> wrap_key(const Certificate& recipient, bool oaep, std::string_view content_key)
{
    return recipient.is_rsa() ? wrap_rsa(recipient, oaep, content_key) : wrap_agreed(recipient, content_key);
}

}  // namespace direct::cms
