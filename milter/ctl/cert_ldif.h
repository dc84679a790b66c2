// cert_ldif.h - our own certificates as LDIF, for the directory that our domain names in DNS.
//
// Partners look for (mail=<address>), then (mail=<domain>), and read userCertificate;binary of every entry that
// fits. An entry is named by its mail attribute, so that an address has one and publishing again replaces it.
// Text for ldapadd (entries), or for ldapmodify where entries are kept by something else (changes). Pure functions.
// Source: requirements G7, G12; RFC 2849 (LDIF), RFC 2798 (inetOrgPerson), RFC 4514 (names), RFC 4523 (pkiUser).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/result.h"
#include "policy/certificate.h"

namespace direct::ctl {

enum class LdifForm : unsigned char {
    person,  ///< a new entry, inetOrgPerson: what every directory of the field takes
    device,  ///< a new entry, device with pkiUser: no family name is made up for a domain
    change,  ///< an entry of the same name that is there already: its certificates are replaced
};

struct LdifOptions {
    /// DN the entries stand below; "" = the domain's labels, "dc=direct,dc=hospital,dc=example"
    std::string base;
    LdifForm form = LdifForm::person;
    bool with_base =
        false;  ///< the entry of the base itself first, for an empty directory; only with base ""
};

/// One entry for an address or a domain.
/// @param name  "jo@direct.hospital.example" or "direct.hospital.example"
/// @return Fault: input (no address and no domain; no certificate; with_base with a base of one's own)
Result<std::string> cert_ldif(std::string_view name, const std::vector<Certificate>& certificates,
                              const LdifOptions& options = {});

/// "attribute: value", or "attribute:: <base64>" where the value is no plain text, folded at 76 columns.
std::string ldif_line(std::string_view attribute, std::string_view value);
/// A value as it stands in a distinguished name (RFC 4514 section 2.4).
std::string dn_value(std::string_view value);

}  // namespace direct::ctl
