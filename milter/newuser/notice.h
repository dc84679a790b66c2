// notice.h - the mail that tells a person that something waits. A link and nothing else: no subject,
// no attachment names, no person's name, no question. Templates are files (mustache), per language;
// a site overrides single files. Source: pick-up manual "Notice".
#pragma once
#include <string>

#include "conf/settings.h"
#include "milter/base/clock.h"
#include "milter/store/schema.h"

namespace direct {

struct Notice {
    std::string message;        ///< RFC 5322, CRLF, multipart/alternative, 7bit
    std::string envelope_from;  ///< notice+TOKEN@<report domain>
    std::string token;          ///< hex, also ENVID
};

/// Fault: configuration when a template is missing or broken.
/// @param host  our host name, for Message-ID and the default report domain
Result<Notice> make_notice(const HeldRecord& record, const DomainSettings& domain, const Settings& settings,
                           const std::string& host, Time now);

}  // namespace direct
