// ldap_value.h - certificates out of what a directory holds in userCertificate.
//
// A value is one certificate in DER (RFC 4523). Directories that were filled by hand hold others, and those are
// read too where no doubt is left: PEM, base64 of DER, a list of certificates (PKCS#7 without signature). Pure,
// thread safe.
// Source: requirement G7; reference-behaviour 5.2.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "policy/certificate.h"

namespace direct {

/// Bytes of one value: ten times the largest certificate of the field.
inline constexpr std::size_t ldap_value_max = 64 * 1024;
/// Certificates of one recipient: each that fits is judged, which costs time.
inline constexpr std::size_t ldap_certificates_max = 32;

/// Fault: malformed (no certificate, or longer than ldap_value_max).
Result<std::vector<Certificate>> read_ldap_value(std::string_view value);

/// All of them in their order, each certificate once, at most ldap_certificates_max.
/// @param notes  gets a line for what was left out
std::vector<Certificate> read_ldap_values(const std::vector<std::string>& values,
                                          std::vector<std::string>& notes);

}  // namespace direct
