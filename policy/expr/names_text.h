// names_text.h - names of a certificate as text, the way the language's first program writes them.
//
// Inside policy/expr only. All text that comes out is UTF-8; what is no text is "#" and its bytes in hex.
// Thread safe. Source: RFC 2253; RFC 5280 section 4.2.1.6.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/openssl.h"

namespace direct::expr {

std::string dotted(const ASN1_OBJECT* oid);
/// UTF-8 of a string type; "#" and the hex of the DER for every other.
std::string string_text(const ASN1_STRING* value);
/// RFC 2253, last part first; attribute types that it does not name are OID=#hex.
std::string rfc2253(const X509_NAME* name);
/// Values of one attribute type in the order of the name. @param dotted_oid "2.5.4.3"
std::vector<std::string> attribute_values(const X509_NAME* name, std::string_view dotted_oid);
std::vector<std::string> attribute_values(const X509_NAME* name, int nid);
/// The name itself, without its kind.
std::string general_name(const GENERAL_NAME* name);
/// "rfc822", "dns", "uniformResourceIdentifier" ...
std::string_view general_name_kind(const GENERAL_NAME* name);

}  // namespace direct::expr
