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

/// An SMTP path as a milter sees it: "<a@b>" or "a@b"; "<>" is the null sender: nothing.
/// Fault: malformed (what Postfix lets through and we do not understand, e.g. "postmaster").
Result<std::optional<Address>> parse_path(std::string_view path);

/// Lower-case A-labels of a domain (IDNA2008, UTS 46 mapping). Fault: malformed.
Result<std::string> normal_domain(std::string_view domain);

/// "jo+tag@d" -> "jo@d"; unchanged without a tag.
Address without_tag(const Address& a);

}  // namespace direct
