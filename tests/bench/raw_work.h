// raw_work.h - the work no gateway can leave out, done as directly as OpenSSL allows: the limit we
// measure ourselves against.
#pragma once
#include <openssl/evp.h>

#include <functional>
#include <string>

namespace direct::bench {

/// CPU milliseconds of this process per call: at least 5 calls and 0.5 s.
double cpu_ms(const std::function<void()>& work);

/// Opening: one RSA private operation, two public ones (signature, chain), and base64 decoding, AES-256-CBC
/// decryption and SHA-256 of `size` bytes.
double raw_open_ms(EVP_PKEY* key, std::size_t size);
/// Sealing: one RSA private and one public operation, and SHA-256, AES-256-CBC encryption and base64 encoding.
double raw_seal_ms(EVP_PKEY* key, std::size_t size);

}  // namespace direct::bench
