// base64_lines.h - base64 as it stands in a mail body, made from bytes that come in pieces: the ciphertext of a
// large message is written as text while it is still in the processor's cache. One thread at a time.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace direct {

/// Appends lines of 76 characters to `out`, which must outlive this. Each line ends with CRLF, the last one too.
class Base64Lines {
public:
    explicit Base64Lines(std::string& out) : out_(out) {}
    void add(std::string_view bytes);
    void finish();  ///< once, after the last piece
    /// Characters that `bytes` become, so that memory is taken once.
    static std::size_t size_of(std::size_t bytes);

private:
    std::string& out_;
    std::string rest_;  // less than a line
};

}  // namespace direct
