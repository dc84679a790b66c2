// raw_work.h - the work no gateway can leave out, done as directly as OpenSSL allows: the limit we
// measure ourselves against. Buffers are taken once and used again, so no page of memory is asked for.
#pragma once
#include <openssl/evp.h>

#include <functional>
#include <string>

namespace direct::bench {

/// CPU milliseconds of this process for one call: the median of at least 9 calls, up to one second of them.
double cpu_ms(const std::function<void()>& work);

/// The key operations alone: opening takes one private operation of RSA and two public ones (signature,
/// chain), sealing one private and one public.
class KeyWork {
public:
    explicit KeyWork(EVP_PKEY* key);  ///< borrowed
    void open() const;
    void seal() const;

private:
    EVP_PKEY* key_;
    std::string digest_, signature_, sealed_key_;
};

/// The key operations and base64 decoding, AES-256-CBC decryption and SHA-256 of `size` bytes.
double raw_open_ms(EVP_PKEY* key, std::size_t size);
/// The key operations and SHA-256, AES-256-CBC encryption and base64 encoding.
double raw_seal_ms(EVP_PKEY* key, std::size_t size);

}  // namespace direct::bench
