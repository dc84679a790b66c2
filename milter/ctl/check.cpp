// check.cpp - the whole site at a glance: configuration, keys, certificates and their expiry, store, daemon,
// templates, Postfix. Looks, never changes. Each finding says what to do about it.
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "milter/base/text.h"
#include "milter/ctl/access.h"
#include "milter/ctl/check_discovery.h"
#include "milter/ctl/check_plugins.h"
#include "milter/ctl/check_trust.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/findings.h"
#include "milter/ctl/postfix.h"
#include "milter/ctl/print.h"
#include "milter/newuser/notice.h"
#include "milter/notify/notice_texts.h"
#include "milter/sta/site.h"
#include "milter/store/lmdb_store.h"

namespace direct::ctl {
namespace {

using Json = nlohmann::ordered_json;
constexpr auto day = std::chrono::hours(24);

const char* word_of(Severity s)
{
    return s == Severity::fault ? "fault" : s == Severity::warning ? "warning" : "note";
}

/// Expired keys stay for old mail; what counts is whether a name has a newer one.
void check_keys(const Site& site, Time now, Findings& findings)
{
    for (const auto& f : site.keys.findings())
        findings.fault("key left out: " + f, "mend or remove the file, then directctl reload");
    std::map<std::string, Certificate> newest;
    const auto all = site.keys.all();
    for (const auto* k : all) {
        auto it = newest.emplace(k->name, k->certificate).first;
        if (k->certificate.not_after() > it->second.not_after()) it->second = k->certificate;
    }
    for (const auto& [name, certificate] : newest)
        check_expiry("our certificate for " + name, certificate, now,
                     "directctl key request, then directctl key add; keep the old key for old mail",
                     findings);
    for (const auto& d : site.settings->domains) {
        bool any = false, whole_domain = false;
        for (const auto* k : all) {
            whole_domain = whole_domain || k->name == d.name;
            any = any || k->name == d.name || k->name.ends_with("@" + d.name);
        }
        if (!any)
            findings.fault("no key for " + d.name + ": its mail cannot be opened or sealed",
                           "directctl key request " + d.name + ", then directctl key add");
        else if (!whole_domain && !d.newuser.empty() && site.keys.for_decryption({d.newuser, d.name}).empty())
            findings.warning("no key for " + d.newuser + "@" + d.name + ": nobody can encrypt to it",
                             "add a certificate for the domain or for this address, or set newuser = \"\"");
    }
}

void check_site(const Settings& settings, const SettingsPtr& shared, Time now, Findings& findings)
{
    auto site = load_site(shared, now);
    site->read_all();
    check_keys(*site, now, findings);
    check_trust(*site, now, findings);
    for (const auto& fault : site->policies.faults())
        findings.fault(
            fault.substr(0, fault.find('\n')),
            "the daemon does not start or reload with it; directctl policy check FILE shows the place");
    for (const auto& note : site->policies.notes())
        findings.warning(note, "directctl policy check FILE shows the place");
    auto others = site->findings;
    // Bundles have been told of already, with their age.
    std::erase_if(others, [](const std::string& f) { return f.starts_with("bundle "); });
    for (const auto& f : others)
        findings.warning("left out: " + f, "mend or remove it in " + settings.store_certificates);
    const auto texts = NoticeTexts::load(settings);
    for (const auto& fault : texts->faults())
        findings.fault("words of notices: " + fault,
                       "install conf/notices, or mend it in " + settings.notify_templates);
    for (const auto& d : settings.domains) {
        if (d.newuser.empty()) continue;
        HeldRecord probe;  // made up: only whether a notice can be written at all
        probe.id = std::string(id_size, '\0');
        probe.code = "BCDFGHJKLMNPQRSTVWXZ";
        probe.contact = "jane@example.org";
        probe.domain = d.name;
        probe.sender = "sender@example.org";
        probe.language = d.language;
        probe.expires_ms = (now + day).time_since_epoch().count();
        if (auto notice = make_notice(probe, d, settings, site->host, now); !notice)
            findings.fault("no notice can be written for " + d.name + ": " + notice.error().why,
                           "install conf/pickup, or mend the templates in " + settings.newuser_templates);
        if (d.pickup_url.empty())
            findings.warning(d.name + " has newuser but no pickup_url: notices carry no link people can open",
                             "set pickup_url of the [[domain]], or newuser = \"\"");
    }
}

void check_secret(const std::string& path, Findings& findings)
{
    auto key = read_key_file(path);
    if (!key) findings.fault(key.error().why, "directctl init makes it; a lost store.key loses the store");
}

void check_folder(const std::string& path, Findings& findings)
{
    struct stat s {};
    if (::stat(path.c_str(), &s) != 0)
        findings.fault(path + ": " + std::strerror(errno), "directctl init makes it");
    else if (s.st_mode & 0077)
        findings.fault(path + " may be entered by others", "chmod 0700 " + path);
}

bool connects(const std::string& socket)
{
    if (socket.starts_with("unix:")) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        auto path = socket.substr(5);
        if (path.size() >= sizeof address.sun_path) return false;
        std::memcpy(address.sun_path, path.data(), path.size());
        int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool good = fd >= 0 && ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
        if (fd >= 0) ::close(fd);
        return good;
    }
    auto bare = socket.starts_with("inet:") ? socket.substr(5) : socket;
    auto colon = bare.rfind(':');
    if (colon == bare.npos) return false;
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(bare.substr(0, colon).c_str(), bare.substr(colon + 1).c_str(), &hints, &found) != 0)
        return false;
    bool good = false;
    for (auto* a = found; a && !good; a = a->ai_next) {
        int fd = ::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        timeval limit{3, 0};
        if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        good = fd >= 0 && ::connect(fd, a->ai_addr, a->ai_addrlen) == 0;
        if (fd >= 0) ::close(fd);
    }
    freeaddrinfo(found);
    return good;
}

void check_daemon(const Settings& settings, bool runs, bool nagios, Findings& findings)
{
    if (!runs) {
        auto what = "the daemon does not answer on " + settings.control_socket;
        auto remedy = "systemctl start direct-milter, or look into its log";
        // Before the first start that is no fault of the site; for monitoring it is the worst news.
        nagios ? findings.fault(what, remedy) : findings.warning(what, remedy);
    } else if (!connects(settings.milter_socket)) {
        findings.fault("the daemon runs but nobody answers on " + settings.milter_socket,
                       "compare milter.socket with the rights of its folder; restart the daemon");
    }
}

void check_store(const Common& common, House& house, Findings& findings)
{
    auto reply = house.ask("store.stat", "{}");
    if (!reply || reply->exit != 0) {
        auto json = reply ? Json::parse(reply->json, nullptr, false) : Json();
        auto why = !reply ? reply.error().why : json.is_object() ? json.value("detail", "") : "";
        findings.fault("the store cannot be used: " + why,
                       "see the log; a damaged disk or another store.key are the usual causes");
        return;
    }
    auto stat = Json::parse(reply->json, nullptr, false);
    auto used = stat.value("used_bytes", std::uint64_t(0)), most = stat.value("size_max", std::uint64_t(0));
    if (most && used > most / 10 * 9)
        findings.fault("the store is nearly full: then mail is answered 4xx", "raise store.size_max");
    auto metrics = house.daemon_runs() ? house.ask("metrics", "{}") : fail(Fault{});
    auto counted = metrics && metrics->exit == 0 ? Json::parse(metrics->json, nullptr, false) : Json();
    if (counted.is_object()) check_documents(counted.value("text", ""), findings);
    auto outbox = house.ask("outbox.list", R"({"limit":5000})");
    auto list = outbox && outbox->exit == 0 ? Json::parse(outbox->json, nullptr, false) : Json();
    std::size_t given_up = 0, late = 0;
    auto hour_ago = iso8601(common.now - std::chrono::hours(1));
    if (list.is_object())
        for (const auto& e : list["outbox"]) {
            given_up += e.value("state", "") == "failed";
            late += e.value("state", "") != "failed" && e.value("created", "") < hour_ago;
        }
    if (given_up)
        findings.fault(std::to_string(given_up) + " outbox entries were given up",
                       "directctl outbox list, then directctl outbox retry");
    if (late)
        findings.warning(std::to_string(late) + " outbox entries wait for more than an hour",
                         "directctl outbox list tells the last answer of the re-injection listener");
}

/// Space on the disk of the store: for messages on their way, content files and the store itself.
void check_disk(const Settings& settings, Findings& findings)
{
    constexpr std::uint64_t few_messages = 16;  // of the largest size, spooled and kept at the same time
    struct statvfs about {};
    if (::statvfs(settings.store_path.c_str(), &about) != 0) return;
    const auto free = static_cast<std::uint64_t>(about.f_bavail) * about.f_frsize;
    if (free < few_messages * settings.milter_message_max)
        findings.warning("the disk of " + settings.store_path + " has only " + std::to_string(free >> 20) +
                             " MB free; when it is full mail is answered 4xx",
                         "make room; nothing has to be restarted");
}

void check_backup(const Settings& settings, Findings& findings)
{
    auto marker = settings.store_keys + "/store.key.saved";
    if (::access(marker.c_str(), F_OK) != 0)
        findings.note("no backup of store.key is confirmed; without it the store is lost",
                      "copy store.key and pepper.key to a safe place, then: touch " + marker);
}

int report(const Common& common, bool nagios, const Findings& findings)
{
    auto faults = findings.count(Severity::fault), warnings = findings.count(Severity::warning);
    if (nagios) {
        const char* state = faults ? "CRITICAL" : warnings ? "WARNING" : "OK";
        std::string worst;
        for (const auto& f : findings.all())
            if (worst.empty() && f.severity == (faults ? Severity::fault : Severity::warning))
                worst = ": " + f.what;
        std::printf("DIRECT %s - %zu faults, %zu warnings%s\n", state, faults, warnings,
                    printable(worst).c_str());
        return faults ? 2 : warnings ? 1 : 0;
    }
    if (common.json) {
        Json json = {{"faults", faults}, {"warnings", warnings}, {"findings", Json::array()}};
        for (const auto& f : findings.all())
            json["findings"].push_back(
                {{"severity", word_of(f.severity)}, {"what", f.what}, {"remedy", f.remedy}});
        std::printf("%s\n", json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
    } else {
        for (auto severity : {Severity::fault, Severity::warning, Severity::note})
            for (const auto& f : findings.all())
                if (f.severity == severity)
                    std::printf("%s: %s\n    %s\n", word_of(severity), printable(f.what).c_str(),
                                printable(f.remedy).c_str());
        std::printf("%zu faults, %zu warnings\n", faults, warnings);
    }
    return faults ? refused : done;
}

}  // namespace

int cmd_check(const Common& common, const CheckOptions& given)
{
    Findings findings;
    auto settings = settings_of(common);
    if (!settings) {
        if (!given.nagios) return tell(settings.error());
        findings.fault("the configuration is at fault", "directctl check tells where");
        return report(common, true, findings);
    }
    // What root alone may see comes first: maps of Postfix, and who asks the daemon.
    PostfixView postfix;
    if (read_postfix(given.postfix, postfix, findings)) check_postfix(postfix, **settings, findings);
    House house(common, *settings);
    check_daemon(**settings, house.daemon_runs(), given.nagios, findings);
    if (house.daemon_runs()) check_store(common, house, findings);
    if (auto became = become_store_owner(**settings); !became) return tell(became.error());
    for (const char* name : {"/store.key", "/pepper.key"})
        check_secret((*settings)->store_keys + name, findings);
    for (const auto* folder : {&(*settings)->store_keys, &(*settings)->store_path})
        check_folder(*folder, findings);
    if (!house.daemon_runs()) check_store(common, house, findings);
    check_site(**settings, *settings, common.now, findings);
    check_discovery(**settings, findings);
    check_plugins(**settings, findings);
    check_disk(**settings, findings);
    check_backup(**settings, findings);
    return report(common, given.nagios, findings);
}

}  // namespace direct::ctl
