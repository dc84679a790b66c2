// inflate.h - the bytes of what stands packed inside a document: a member of a zip, a text of a CDA document. libarchive is
// handed them as a gzip stream: so it sees no name, no directory and no other member. Pure functions; nothing here throws but
// bad_alloc; thread safe.
// Source: RFC 1950 (zlib), RFC 1951 (deflate), RFC 1952 (gzip); clinical documents section 6.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace direct {

namespace inflate_limits {
/// Bytes of all that one document has packed, inflated: 25 MB of mail hold no more that is meant to be read.
inline constexpr std::uint64_t total_max = 64u << 20;
/// What is packed may be this many times larger than its packed form once it is larger than ratio_from: clinical documents
/// reach 40, deflate itself ends at 1032.
inline constexpr std::uint64_t ratio_max = 200;
inline constexpr std::uint64_t ratio_from = 1u << 20;

/// More times larger than what was packed than any document is.
constexpr bool is_too_well_packed(std::uint64_t packed, std::uint64_t size)
{
    return size > ratio_from && size / ratio_max > packed;
}
}  // namespace inflate_limits

/// The CRC-32 of zip and gzip.
std::uint32_t crc32(std::string_view bytes);

/// What deflated bytes hold, as far as they can be read and not (much) beyond `most` bytes: whoever asks knows its size
/// and checksum.
std::string inflate(std::string_view deflated, std::size_t most);

enum class Packing { deflate, zlib, gzip };
struct Inflated {
    std::string bytes;
    const char* why = nullptr;  ///< why there are none: "damaged", or the limit; a literal
    std::uint64_t made = 0;     ///< bytes that were inflated, kept or not; twice those of bare deflated ones
};
/// What packed bytes hold, when they are whole: to their end, with the checksum they carry (deflate has none). Senders call
/// all three by each other's names, so a zlib or gzip header counts for more than `packing`. Refused is what is more than
/// `most` bytes or too well packed; at most one piece more than that is ever made.
Inflated inflate_whole(std::string_view packed, Packing packing, std::uint64_t most);

}  // namespace direct
