// crypto.h - random, hash, MAC, AEAD, key derivation and cleansed memory for everybody who is not
// milter/smime or policy/: those use OpenSSL itself, nobody else does.
//
// Byte strings are std::string / std::string_view. Keys and answers live in Secret. All functions are
// thread safe and empty the thread's OpenSSL error queue.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/result.h"

namespace direct {

/// Overwrites memory so that the compiler cannot drop it.
void cleanse(void* p, std::size_t n) noexcept;

template <class T>
struct CleansingAllocator {
    using value_type = T;
    CleansingAllocator() = default;
    template <class U>
    CleansingAllocator(const CleansingAllocator<U>&)
    {
    }
    T* allocate(std::size_t n) { return std::allocator<T>().allocate(n); }
    void deallocate(T* p, std::size_t n) noexcept
    {
        cleanse(p, n * sizeof(T));
        std::allocator<T>().deallocate(p, n);
    }
    friend bool operator==(const CleansingAllocator&, const CleansingAllocator&) { return true; }
};

/// Bytes that are overwritten when they go: keys, answers, codes. Moved, copied only by copy().
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}
    Secret(Secret&&) noexcept = default;
    Secret& operator=(Secret&&) noexcept = default;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    static Secret of_size(std::size_t n)
    {
        Secret s;
        s.bytes_.resize(n);
        return s;
    }
    Secret copy() const { return Secret(view()); }
    std::string_view view() const { return {bytes_.data(), bytes_.size()}; }
    char* data() { return bytes_.data(); }
    std::size_t size() const { return bytes_.size(); }
    bool empty() const { return bytes_.empty(); }

private:
    std::vector<char, CleansingAllocator<char>> bytes_;
};

/// Overwrites a string's bytes and gives its memory back now. (`s = {}` would keep the memory.)
inline void discard(std::string& s)
{
    cleanse(s.data(), s.size());
    std::string().swap(s);
}

/// Overwrites a string's bytes when the scope ends: for text that a library handed us as std::string.
class CleanseAtEnd {
public:
    explicit CleanseAtEnd(std::string& s) : s_(s) {}
    ~CleanseAtEnd() { cleanse(s_.data(), s_.size()); }
    CleanseAtEnd(const CleanseAtEnd&) = delete;
    CleanseAtEnd& operator=(const CleanseAtEnd&) = delete;

private:
    std::string& s_;
};

/// From the operating system's generator through OpenSSL. Aborts the process when there is none:
/// going on with predictable bytes is not an answer.
std::string random_bytes(std::size_t n);
Secret random_secret(std::size_t n);

std::string sha256(std::string_view bytes);  ///< 32 bytes
/// SHA-256 in steps.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    void update(std::string_view bytes);
    std::string finish();  ///< 32 bytes; once

private:
    void* ctx_;
};

std::string hmac_sha256(std::string_view key, std::string_view bytes);  ///< 32 bytes
Secret hkdf_sha256(std::string_view key, std::string_view salt, std::string_view label, std::size_t length);
/// scrypt (RFC 7914). n=32768, r=8, p=1 takes about half a second and 32 MB. Fault: temporary (memory).
Result<Secret> scrypt(std::string_view password, std::string_view salt, std::uint64_t n, std::uint32_t r,
                      std::uint32_t p, std::size_t length);

inline constexpr std::size_t aead_key_size = 32;
inline constexpr std::size_t aead_overhead = 12 + 16;  ///< nonce in front, tag behind
/// AES-256-GCM under a 32-byte key with a random nonce: nonce | ciphertext | tag.
std::string aead_seal(std::string_view key, std::string_view associated, std::string_view plain);
/// Fault: temporary when key, associated data or bytes do not fit together; nothing is returned then.
Result<std::string> aead_open(std::string_view key, std::string_view associated, std::string_view sealed);
Result<Secret> aead_open_secret(std::string_view key, std::string_view associated, std::string_view sealed);

/// Takes the same time wherever the difference is. Different lengths: false.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace direct
