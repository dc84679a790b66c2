// subject.h - reads the line that names a person in a message to newuser@.
//
// Grammar, refusals and warnings: the newuser manual, sections 2, 3 and 5. The line carries the secret answer:
// nothing of it goes to a log, reply, notice or Fault text. Pure functions, thread safe.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/address.h"
#include "milter/base/crypto.h"
#include "milter/base/result.h"

namespace direct {

struct NewuserOptions {
    std::vector<Address> own_newuser;         ///< a contact among these is a loop
    std::vector<std::string> strip_prefixes;  ///< newuser.strip_prefixes
    bool smtputf8 = false;
};

struct NewuserLine {
    Address contact;                    ///< where the notice goes; local part as typed
    std::string name;                   ///< display name or ""
    std::string question;               ///< "" = none
    Secret answer;                      ///< empty when there is no question
    std::string real_subject;           ///< may be empty
    std::vector<std::string> warnings;  ///< "W1", "W3", "W4", "W5" (W2 is the caller's)
    std::string expires;                ///< X-Direct-Pickup-Expires as given, or ""
    std::string language;               ///< X-Direct-Pickup-Lang, or ""
};

/// Reads a raw header value (folding and RFC 2047 words allowed). Fault: a newuser_* reason; `why` never
/// holds text of the line.
Result<NewuserLine> read_newuser_value(std::string_view raw_value, const NewuserOptions& options);

/// Reads a header block (raw bytes): the only Subject field, or the X-Direct-Pickup-* fields which win
/// over it (then the Subject is the real subject).
Result<NewuserLine> read_newuser_headers(std::string_view header_bytes, const NewuserOptions& options);

/// normalise() of the answer comparison: NFKC, full case fold, typographic quotes and dashes to ASCII,
/// trimmed, runs of blanks to one.
Secret normal_answer(std::string_view answer);
/// The same for the contact address when there is no question: no case, IDN as A-labels, tag significant.
Secret normal_contact(const Address& contact);

}  // namespace direct
