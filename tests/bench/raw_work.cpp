#include "tests/bench/raw_work.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "milter/base/crypto.h"
#include "milter/base/openssl.h"

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

void verify(EVP_PKEY* key, const std::string& signature, const std::string& digest)
{
    ossl::KeyCtx ctx(EVP_PKEY_CTX_new(key, nullptr));
    want(EVP_PKEY_verify_init(ctx.get()) > 0);
    want(EVP_PKEY_verify(ctx.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                         signature.size(), reinterpret_cast<const unsigned char*>(digest.data()),
                         digest.size()) > 0);
}

/// AES-256-CBC from buffer to buffer.
std::size_t aes(const std::string& in, std::string& out, bool encrypt)
{
    static const unsigned char key[32] = {1}, iv[16] = {2};
    ossl::Cipher ctx(EVP_CIPHER_CTX_new());
    auto* p = reinterpret_cast<unsigned char*>(out.data());
    int n = 0, last = 0;
    want(EVP_CipherInit_ex(ctx.get(), EVP_aes_256_cbc(), nullptr, key, iv, encrypt) > 0);
    want(EVP_CipherUpdate(ctx.get(), p, &n, reinterpret_cast<const unsigned char*>(in.data()),
                          static_cast<int>(in.size())) > 0);
    want(EVP_CipherFinal_ex(ctx.get(), p + n, &last) > 0);
    return static_cast<std::size_t>(n + last);
}

/// Base64 in lines of 76 as OpenSSL makes it, without a stream around it.
void encode(const std::string& in, std::string& out)
{
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    auto* from = reinterpret_cast<const unsigned char*>(in.data());
    for (std::size_t at = 0; at < in.size(); at += 57) {
        to += EVP_EncodeBlock(to, from + at, static_cast<int>(std::min<std::size_t>(57, in.size() - at)));
        *to++ = '\r';
        *to++ = '\n';
    }
}

/// Base64 as plain as it can be read: one table, four characters at a time, line ends where they must be.
void decode(const std::string& in, std::string& out)
{
    static const auto table = [] {
        std::array<std::uint8_t, 256> t{};
        const std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for (std::size_t i = 0; i < 64; ++i) t[static_cast<std::uint8_t>(alphabet[i])] = std::uint8_t(i);
        return t;
    }();
    auto* p = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* to = out.data();
    for (const auto* end = p + in.size(); p + 4 <= end;) {
        if (*p == '\r') p += 2;
        if (p + 4 > end) break;
        std::uint32_t group = std::uint32_t(table[p[0]]) << 18 | std::uint32_t(table[p[1]]) << 12 |
                              std::uint32_t(table[p[2]]) << 6 | table[p[3]];
        *to++ = char(group >> 16);
        *to++ = char(group >> 8);
        *to++ = char(group);
        p += 4;
    }
}

}  // namespace

double cpu_ms(const std::function<void()>& work)
{
    work();  // caches, lazily fetched algorithms
    std::vector<double> took;
    double begin = cpu_now_ms(), now = begin;
    while (took.size() < 9 || (now - begin < 1000 && took.size() < 1000)) {
        double from = cpu_now_ms();
        work();
        now = cpu_now_ms();
        took.push_back(now - from);
    }
    std::nth_element(took.begin(), took.begin() + std::ptrdiff_t(took.size() / 2), took.end());
    return took[took.size() / 2];
}

KeyWork::KeyWork(EVP_PKEY* key)
    : key_(key),
      digest_(sha256("x")),
      signature_(rsa(key, digest_, EVP_PKEY_sign_init, EVP_PKEY_sign)),
      sealed_key_(rsa(key, std::string(32, 'k'), EVP_PKEY_encrypt_init, EVP_PKEY_encrypt))
{
}

void KeyWork::open() const
{
    rsa(key_, sealed_key_, EVP_PKEY_decrypt_init, EVP_PKEY_decrypt);
    verify(key_, signature_, digest_);
    verify(key_, signature_, digest_);
}

void KeyWork::seal() const
{
    rsa(key_, digest_, EVP_PKEY_sign_init, EVP_PKEY_sign);
    rsa(key_, std::string(32, 'k'), EVP_PKEY_encrypt_init, EVP_PKEY_encrypt);
}

double raw_open_ms(EVP_PKEY* key, std::size_t size)
{
    KeyWork keys(key);
    std::string plain(size, 'm'), sealed(size + 32, '\0'), text(size * 3 / 2 + 256, '\0');
    sealed.resize(aes(plain, sealed, true));
    encode(sealed, text);
    text.resize(text.find('\0'));
    plain.resize(size + 32);
    return cpu_ms([&] {
        keys.open();
        decode(text, sealed);
        aes(sealed, plain, false);
        sha256(std::string_view(plain).substr(0, size));
    });
}

double raw_seal_ms(EVP_PKEY* key, std::size_t size)
{
    KeyWork keys(key);
    std::string plain(size, 'm'), sealed(size / 16 * 16 + 16, '\0'), text(size * 3 / 2 + 256, '\0');
    return cpu_ms([&] {
        keys.seal();
        sha256(plain);
        aes(plain, sealed, true);
        encode(sealed, text);
    });
}

}  // namespace direct::bench
