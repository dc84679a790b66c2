// brought.h - the certificates a SignedData brings, parsed when somebody asks for them.
//
// A stranger chooses how many there are, how large, and how often each is looked for: what is read is
// bounded by brought_one_max and brought_all_max, and every certificate is taken apart once. One thread.
// Source: RFC 5652 section 10.2.3.
#pragma once
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "milter/smime/signed_data.h"
#include "policy/certificate.h"

namespace direct::cms {

/// Bytes of one certificate; a larger one is left out. Real ones have 1 to 4 KB, and parsed they take ten
/// to thirty times their size.
inline constexpr std::size_t brought_one_max = 32 * 1024;
/// Bytes of all that are parsed for one signature; what comes after them is left out.
inline constexpr std::size_t brought_all_max = 512 * 1024;

class Brought {
public:
    /// `data` and the bytes under it must outlive this.
    Brought(const SignedData& data, CertificateCache& cache);

    std::optional<Certificate> find(const Identifier& who);
    /// Unreadable ones left out.
    std::vector<Certificate> all();

private:
    const std::optional<Certificate>& parsed(std::string_view der);

    const SignedData& data_;
    CertificateCache& cache_;
    std::vector<Identifier> names_;  // as data_.certificates
    std::map<const char*, std::optional<Certificate>> parsed_;
    std::size_t parsed_bytes_ = 0;
};

}  // namespace direct::cms
