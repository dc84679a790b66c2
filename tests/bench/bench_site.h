// bench_site.h - two sites in memory of a scratch folder: the hospital that seals, the clinic that opens.
#pragma once
#include <memory>
#include <string>

#include "milter/sta/outbound.h"

namespace direct::bench {

/// One site on disk (removed with the object), loaded: its own domain key, the other's certificate, one CA as anchor.
struct BenchSites {
    /// @param anchors_file  PEM of further anchors for both; "" for none
    explicit BenchSites(const std::string& anchors_file = "");
    ~BenchSites();
    std::string folder;
    std::shared_ptr<const Site> hospital, clinic;  ///< direct.hospital.example, direct.clinic.example
    Time now;
};

extern const Address doc, nurse;  ///< who writes at the hospital, who reads at the clinic

/// Sealed by the hospital, opened and accepted by the clinic; anything else is an exception. Thread safe.
SealedMail seal_once(const BenchSites& sites, Engine& engine, const std::string& message);
void open_once(const BenchSites& sites, Engine& engine, const std::string& message);

/// PEM of `count` authorities that have signed nothing.
std::string idle_authorities(std::size_t count);

/// A message of about `size` bytes with one base64 attachment.
std::string message_of(std::size_t size);

}  // namespace direct::bench
