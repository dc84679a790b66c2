// notice.h - the mail that tells a person that something waits. A link and nothing else: no subject,
// no attachment names, no person's name, no question. Templates are files (mustache), per language;
// a site overrides single files. Source: pick-up manual "Notice".
#pragma once
#include <string>
#include <vector>

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

/// One notice for several records that wait for the same contact ("3 messages are waiting"), with a link
/// each. Language and test mark are those of the last record. At least one record; faults as above.
Result<Notice> make_digest(const std::vector<HeldRecord>& records, const DomainSettings& domain,
                           const Settings& settings, const std::string& host, Time now);

/// Folder of the templates that came with the program, asked for what newuser.templates does not have.
/// Default: /usr/share/direct/pickup where it exists, else conf/pickup of the build's source. Call before threads.
void set_installed_templates(std::string path);

}  // namespace direct
