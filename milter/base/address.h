// address.h - e-mail addresses: the only place that parses and compares them.
//
// Direct compares without case in both parts (requirements A5), domains exactly and without
// sub-domains (A6). Domains are kept as lower-case A-labels (IDNA2008), so U-label and A-label are
// equal. Pure functions, thread safe.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/result.h"

namespace direct {

/// A mailbox: local part as typed, domain lower case A-labels.
struct Address {
    std::string local;   ///< as typed, quotes kept; at most 64 octets
    std::string domain;  ///< lower-case A-labels; at most 253 octets

    std::string text() const { return local + "@" + domain; }
    /// Lower case in both parts, quotes that are not needed removed: equal keys, same mailbox.
    std::string key() const;
    friend bool operator==(const Address& a, const Address& b) { return a.key() == b.key(); }
    friend bool operator<(const Address& a, const Address& b) { return a.key() < b.key(); }
};

/// addr-spec of RFC 5321 without comments, literals, blanks; dot-atom or quoted local part; domain of
/// at least two labels unless `one_label` (for "localhost" in envelopes). UTF-8 local part only with `utf8`.
/// Fault: malformed.
Result<Address> parse_address(std::string_view text, bool utf8 = false, bool one_label = false);

/// Why a text is no address, for whoever must tell a sender what to mend.
enum class AddressFault : unsigned char {
    none,        ///< parse_address() takes it
    empty,       ///< nothing there
    syntax,      ///< not of the form local@domain: blank, control, no '@' or two, a character of neither part
    quote,       ///< a quotation mark is not closed
    local,       ///< dots misplaced, empty, or more than 64 octets before the '@'
    local_utf8,  ///< not ASCII before the '@', where that is not taken
    domain,      ///< not a domain name of two or more labels
    literal,     ///< "[192.0.2.1]"
};
/// The same judgement as parse_address(text, utf8). Of several faults the first from the left is named.
AddressFault diagnose_address(std::string_view text, bool utf8);

/// An SMTP path as a milter sees it: "<a@b>" or "a@b"; "<>" is the null sender: nothing.
/// Fault: malformed (what Postfix lets through and we do not understand, e.g. "postmaster").
Result<std::optional<Address>> parse_path(std::string_view path);

/// Lower-case A-labels of a domain (IDNA2008, UTS 46 mapping), one label or more. Labels are letters, digits
/// and inner hyphens, at most 63 octets; the last one is not a number. No dot at the end. Fault: malformed.
Result<std::string> normal_domain(std::string_view domain);

/// "jo+tag@d" -> "jo@d"; unchanged without a tag, where nothing stands before the '+', and where what is left would
/// with its quotes be longer than a local part may be.
Address without_tag(const Address& a);

/// The octets a local part means: without its quotes and the backslashes in them; unchanged when it is not quoted.
std::string unquoted_local(std::string_view local);

}  // namespace direct
