#include "tests/bench/raw_work.h"

#include <time.h>

#include <stdexcept>

#include "milter/base/crypto.h"
#include "milter/base/openssl.h"
#include "milter/base/text.h"

namespace direct::bench {
namespace {

double cpu_now_ms()
{
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

void want(bool ok)
{
    if (!ok) throw std::runtime_error("raw work: " + ossl::take_errors());
}

std::string rsa(EVP_PKEY* key, const std::string& in, int (*init)(EVP_PKEY_CTX*),
                int (*work)(EVP_PKEY_CTX*, unsigned char*, size_t*, const unsigned char*, size_t))
{
    ossl::KeyCtx ctx(EVP_PKEY_CTX_new(key, nullptr));
    want(init(ctx.get()) > 0);
    std::string out(512, '\0');
    size_t n = out.size();
    want(work(ctx.get(), reinterpret_cast<unsigned char*>(out.data()), &n,
              reinterpret_cast<const unsigned char*>(in.data()), in.size()) > 0);
    out.resize(n);
    return out;
}

std::string sign(EVP_PKEY* key, const std::string& digest)
{
    return rsa(key, digest, EVP_PKEY_sign_init, EVP_PKEY_sign);
}

void verify(EVP_PKEY* key, const std::string& signature, const std::string& digest)
{
    ossl::KeyCtx ctx(EVP_PKEY_CTX_new(key, nullptr));
    want(EVP_PKEY_verify_init(ctx.get()) > 0);
    want(EVP_PKEY_verify(ctx.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                         signature.size(), reinterpret_cast<const unsigned char*>(digest.data()),
                         digest.size()) > 0);
}

std::string aes(const std::string& in, bool encrypt)
{
    static const unsigned char key[32] = {1}, iv[16] = {2};
    ossl::Cipher ctx(EVP_CIPHER_CTX_new());
    std::string out(in.size() + 32, '\0');
    auto* p = reinterpret_cast<unsigned char*>(out.data());
    int n = 0, last = 0;
    want(EVP_CipherInit_ex(ctx.get(), EVP_aes_256_cbc(), nullptr, key, iv, encrypt) > 0);
    want(EVP_CipherUpdate(ctx.get(), p, &n, reinterpret_cast<const unsigned char*>(in.data()),
                          static_cast<int>(in.size())) > 0);
    want(EVP_CipherFinal_ex(ctx.get(), p + n, &last) > 0);
    out.resize(static_cast<std::size_t>(n + last));
    return out;
}

}  // namespace

double cpu_ms(const std::function<void()>& work)
{
    work();  // caches, lazily fetched algorithms
    double from = cpu_now_ms(), now = from;
    int calls = 0;
    while (calls < 5 || now - from < 500) {
        work();
        ++calls;
        now = cpu_now_ms();
    }
    return (now - from) / calls;
}

double raw_open_ms(EVP_PKEY* key, std::size_t size)
{
    auto digest = sha256("x");
    auto signature = sign(key, digest);
    auto sealed_key = rsa(key, std::string(32, 'k'), EVP_PKEY_encrypt_init, EVP_PKEY_encrypt);
    auto sealed = aes(std::string(size, 'm'), true);
    auto text = base64(sealed, 76);
    return cpu_ms([&] {
        auto der = unbase64(text);
        want(der.has_value());
        rsa(key, sealed_key, EVP_PKEY_decrypt_init, EVP_PKEY_decrypt);
        auto plain = aes(*der, false);
        sha256(plain);
        verify(key, signature, digest);
        verify(key, signature, digest);
    });
}

double raw_seal_ms(EVP_PKEY* key, std::size_t size)
{
    std::string plain(size, 'm');
    auto digest = sha256("x");
    return cpu_ms([&] {
        sha256(plain);
        sign(key, digest);
        rsa(key, std::string(32, 'k'), EVP_PKEY_encrypt_init, EVP_PKEY_encrypt);
        base64(aes(plain, true), 76);
    });
}

}  // namespace direct::bench
