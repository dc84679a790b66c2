#include "milter/base/base64_lines.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace direct {
namespace {

constexpr std::size_t line_bytes = 57, line_chars = 76;

/// Whole lines, through a buffer that stays in the cache: the encoder writes a NUL behind each of them.
void append_lines(std::string& out, std::string_view bytes)
{
    std::array<unsigned char, 64 * (line_chars + 2) + 1> buffer;
    while (!bytes.empty()) {
        auto* to = buffer.data();
        for (int i = 0; i < 64 && !bytes.empty(); ++i) {
            const auto n = std::min(line_bytes, bytes.size());
            to += EVP_EncodeBlock(to, reinterpret_cast<const unsigned char*>(bytes.data()), int(n));
            *to++ = '\r';
            *to++ = '\n';
            bytes.remove_prefix(n);
        }
        out.append(reinterpret_cast<char*>(buffer.data()), std::size_t(to - buffer.data()));
    }
}

}  // namespace

void Base64Lines::add(std::string_view bytes)
{
    if (!rest_.empty()) {
        const auto n = std::min(line_bytes - rest_.size(), bytes.size());
        rest_ += bytes.substr(0, n);
        bytes.remove_prefix(n);
        if (rest_.size() < line_bytes) return;
        append_lines(out_, rest_);
        rest_.clear();
    }
    const auto whole = bytes.size() / line_bytes * line_bytes;
    append_lines(out_, bytes.substr(0, whole));
    rest_ = bytes.substr(whole);
}

void Base64Lines::finish()
{
    append_lines(out_, rest_);
    rest_.clear();
}

std::size_t Base64Lines::size_of(std::size_t bytes)
{
    return (bytes + 2) / 3 * 4 + (bytes + line_bytes - 1) / line_bytes * 2;
}

}  // namespace direct
