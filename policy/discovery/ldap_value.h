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
#include "policy/discovery/published.h"

namespace direct {

/// Bytes of one value: ten times the largest certificate of the field.
inline constexpr std::size_t ldap_value_max = 64 * 1024;
/// Values of one name that are looked at: twice as many as certificates are taken.
inline constexpr std::size_t ldap_values_max = 64;

/// Fault: malformed (no certificate, or longer than ldap_value_max).
Result<std::vector<Certificate>> read_ldap_value(std::string_view value);

/// All of them in their order, each certificate once, at most published_certificates_max, out of the first
/// ldap_values_max values.
/// @param notes  gets lines for what was left out, see PublishedNotes
std::vector<Certificate> read_ldap_values(const std::vector<std::string>& values,
                                          std::vector<std::string>& notes);

}  // namespace direct
