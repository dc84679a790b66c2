// settings.h - what the site has decided, read once, immutable, swapped whole on reload.
//
// The scalar settings are the list of settings.def: [section] name becomes section_name. Tables that
// repeat ([[domain]], [[peer]], [[bundle]]) are the structs below. Unknown names are refused with line,
// column and the nearest known one. A Settings object is immutable once loaded: share it freely.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "milter/base/clock.h"
#include "milter/base/result.h"

namespace direct {

namespace setting {
using Bytes = std::uint64_t;
using Duration = milliseconds;
using Count = std::int64_t;
using Flag = bool;
using Text = std::string;
using Path = std::string;    ///< absolute after loading
using Choice = std::string;  ///< one of the words listed
using Texts = std::vector<std::string>;
}  // namespace setting

/// [[domain]] login = [{ user, from }]: which From addresses a login may use.
struct LoginSettings {
    std::string user;               ///< {auth_authen}, compared exactly
    std::vector<std::string> from;  ///< addresses, or "@domain" for every address of it
};

/// [[domain]] client = [{ network, from }]: submission without login from listed addresses.
struct ClientSettings {
    std::string network;  ///< "192.0.2.0/24", "2001:db8::/32" or one address
    std::vector<std::string> from;
};

/// [[domain]] bundles = [{ name, incoming, outgoing }]
struct DomainBundle {
    std::string name;
    bool incoming = true;
    bool outgoing = true;
};

/// [[domain]] policies.private|public|trust = [FILE, { file, incoming, outgoing }]
struct PolicyUse {
    std::string file;  ///< absolute
    bool incoming = true;
    bool outgoing = true;
};

/// [[domain]]: one Direct domain of ours. Everything @name is Direct.
struct DomainSettings {
    std::string name;                        ///< lower-case A-labels
    std::string environment = "production";  ///< "test" marks notices and pages
    std::string newuser = "newuser";         ///< local part, lower case; "" = none
    std::string mailboxes = "postfix";       ///< postfix | listed
    std::vector<std::string> listed;         ///< mailboxes = "listed": the local parts, lower case
    std::string plain = "refuse";            ///< refuse | pass
    std::string final_ = "delivered";        ///< setting "final": delivered | relayed
    std::vector<DomainBundle> bundles;
    std::vector<PolicyUse> policies_private, policies_public, policies_trust;
    bool login_is_address = true;  ///< no login list: the login must equal the address
    std::vector<LoginSettings> login;
    std::vector<ClientSettings> client;
    std::string pickup_url;    ///< https base without trailing slash; "" = none
    std::string organisation;  ///< name shown in notices; "" = the domain
    std::string language = "en";
};

/// [[bundle]]
struct BundleSettings {
    std::string name, url, signer;  ///< signer: absolute path or ""
    milliseconds refresh{3600 * 1000};
};

/// [[peer]]: exceptions for one partner domain.
struct PeerSettings {
    std::string domain;  ///< lower-case A-labels
    std::optional<std::string> key_transport, cipher;
    bool accept_sha1 = false;
    std::optional<bool> accept_unwrapped;
};

struct Settings {
#define SETTING(section, name, type, def, min, max, unit, reload, doc) setting::type section##_##name;
#include "conf/settings.def"
#undef SETTING
    std::vector<DomainSettings> domains;
    std::vector<BundleSettings> bundles;
    std::vector<PeerSettings> peers;
    std::string file;  ///< the configuration's absolute path
    std::map<std::string, std::string>
        origins;  ///< "milter.socket", "domain.1.name" -> "FILE:LINE"; set ones only

    /// The Direct domain of ours with this normal name, or nullptr. Exact: no sub-domains.
    const DomainSettings* domain(std::string_view normal_name) const;
    const PeerSettings* peer(std::string_view normal_name) const;
};

/// reinject.report_domain, or direct-report.<host name> when that is empty.
std::string report_domain_of(const Settings& settings);
/// milter.authserv_id, or the host's name when that is empty.
std::string authserv_id_of(const Settings& settings);

/// Settings with every default and no domain: tests and commands that need no configuration.
Settings default_settings();

/// Reads and checks a configuration file. Fault: configuration; `why` is
/// "FILE:LINE:COLUMN: text", one line per fault (all faults, not only the first).
Result<std::shared_ptr<const Settings>> load_settings(const std::string& path);
/// The same from text; `path` names it in messages and anchors relative paths.
Result<std::shared_ptr<const Settings>> parse_settings(std::string_view toml, const std::string& path);

/// One scalar setting for directctl settings: name "section.name", value as text, where it came from.
struct SettingRow {
    std::string name, value, origin;  ///< origin: "default" or "FILE:LINE"
    bool changed = false;
    bool reload = false;
    std::string type, default_value, min, max, unit, doc;
};
/// All scalar settings in the order of settings.def, then domain.N.*, bundle.N.*, peer.N.* that were set.
/// Those tables' rows carry no type, bounds or unit; a reload takes them over.
std::vector<SettingRow> describe(const Settings& settings);

/// conf/direct.toml.sample and conf/man/direct.toml.5 as made from settings.def.
std::string sample_file();
std::string manual_page();

/// Names of settings that differ and need a restart; empty when a reload takes everything over.
std::vector<std::string> needs_restart(const Settings& before, const Settings& after);

}  // namespace direct
