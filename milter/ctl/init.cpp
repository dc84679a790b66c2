// init.cpp - makes what a new site needs: configuration, folders, keys, store; with --test also a CA of its
// own and a partner domain to try with. Nothing that is there already is changed.
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "milter/base/address.h"
#include "milter/base/crypto.h"
#include "milter/base/text.h"
#include "milter/ctl/access.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/files.h"
#include "milter/ctl/trial_pki.h"
#include "milter/records/peer.h"

namespace direct::ctl {
namespace fs = std::filesystem;
namespace {

struct Places {
    std::string config, keys, anchors, certificates, store, run;
    bool trial = false;  ///< --dir: everything in one folder, of whoever calls
};

Places places_of(const Common& common, const InitOptions& given)
{
    if (given.dir.empty()) {
        auto etc = fs::absolute(common.config).parent_path().string();
        return {fs::absolute(common.config),
                etc + "/keys",
                etc + "/anchors",
                etc + "/certificates",
                "/var/lib/direct",
                "/run/direct",
                false};
    }
    auto dir = fs::absolute(given.dir).lexically_normal().string();
    while (dir.size() > 1 && dir.ends_with('/')) dir.pop_back();
    return {dir + "/direct.toml", dir + "/keys", dir + "/anchors", dir + "/certificates", dir + "/store",
            dir + "/run",         true};
}

/// What settings.def says about a setting, as comment lines, and the line itself.
class ConfigText {
public:
    ConfigText() : rows_(describe(default_settings())) {}
    void section(const std::string& name)
    {
        text_ += "\n[" + name + "]\n";
        section_ = name;
    }
    void setting(const std::string& name, const std::string& toml_value, bool active = true)
    {
        for (const auto& row : rows_)
            if (row.name == section_ + "." + name) comment(row.doc);
        text_ += (active ? "" : "# ") + name + " = " + toml_value + "\n";
    }
    void comment(const std::string& doc)
    {
        std::string line = "#";
        for (auto word : split(doc, ' ')) {
            if (line.size() + word.size() > 98) {
                text_ += line + "\n";
                line = "#";
            }
            line += " " + std::string(word);
        }
        text_ += line + "\n";
    }
    void raw(const std::string& line) { text_ += line + "\n"; }
    const std::string& text() const { return text_; }

private:
    std::vector<SettingRow> rows_;
    std::string section_,
        text_ = "# direct.toml - what this site has decided; see direct.toml(5) for everything else.\n";
};

std::string quoted(const std::string& text)
{
    std::string out = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

/// The build folder this program runs from, when it does.
std::optional<fs::path> build_folder()
{
    std::error_code ignored;
    auto bin = fs::read_symlink("/proc/self/exe", ignored).parent_path();
    if (!fs::exists(bin / "direct-parse", ignored)) return std::nullopt;
    return bin.parent_path();
}

std::string config_text(const Places& p, const std::string& domain, const InitOptions& given)
{
    ConfigText c;
    c.section("milter");
    c.setting("socket", quoted("unix:" + p.run + "/milter.sock"), p.trial);
    c.section("listeners");
    c.setting("submission", "[\"ORIGINATING\"]", false);
    c.section("reinject");
    c.setting("smtp", "\"127.0.0.1:10026\"", false);
    c.setting("report_domain", "\"\"", false);
    c.section("store");
    c.setting("path", quoted(p.trial ? "store" : p.store), p.trial);
    c.setting("keys", quoted(p.trial ? "keys" : p.keys), p.trial);
    c.setting("anchors", quoted(p.trial ? "anchors" : p.anchors), p.trial);
    c.setting("certificates", quoted(p.trial ? "certificates" : p.certificates), p.trial);
    if (given.test) {
        c.section("discovery");
        c.raw("# A trial asks nobody outside; its partner's certificate lies in a file.");
        c.raw("dns_address = false");
        c.raw("dns_domain = false");
        c.raw("ldap_address = false");
        c.raw("ldap_domain = false");
    }
    if (p.trial) {
        c.section("control");
        c.setting("socket", quoted("run/control.sock"));
        c.section("log");
        c.setting("target", "\"stderr\"");
    }
    if (auto build = build_folder(); build && p.trial) {
        c.section("plugins");
        c.setting("path", quoted(*build / "lib/direct/plugins"));
        c.setting("worker", quoted(*build / "bin/direct-parse"));
    }
    c.raw("\n[[domain]]");
    c.comment("Everything @this is Direct mail; ordinary mail uses another domain.");
    c.raw("name = " + quoted(domain));
    c.comment("\"test\" marks notices and pages.");
    c.raw(std::string("environment = ") + (given.test ? "\"test\"" : "\"production\""));
    c.comment("Mail to this local part becomes records that a person picks up in a browser; \"\" = none.");
    c.raw("newuser = \"newuser\"");
    c.comment("Which From addresses a login may use. Without a list the login must equal the address.");
    c.raw("# login = [ { user = \"drjones\", from = [" + quoted("jones@" + domain) + "] } ]");
    c.comment("Address of the pick-up pages (https), for the links in notices.");
    c.raw(given.test ? "pickup_url = \"http://127.0.0.1:8080\""
                     : "# pickup_url = " + quoted("https://pickup." + domain));
    c.comment("Name shown in notices and pages; \"\" = the domain.");
    c.raw("# organisation = \"\"");
    return c.text();
}

/// The daemon's user, where there is one and this is no trial.
std::string owner_of(const Places& p)
{
    return !p.trial && geteuid() == 0 && getpwnam(service_user) ? service_user : "";
}

Status own(const std::string& path, const std::string& user)
{
    if (user.empty()) return Done{};
    const passwd* entry = getpwnam(user.c_str());
    if (entry && ::lchown(path.c_str(), entry->pw_uid, entry->pw_gid) == 0) return Done{};
    return fail(misconfigured(path + " cannot be given to user " + user));
}

Status make_folders(const Places& p)
{
    struct Wanted {
        const std::string& path;
        unsigned mode;
        bool owned;
    };
    // Anchors and partners' certificates are no secret, and a daemon that is broken into must not add any.
    for (const auto& w :
         {Wanted{p.keys, 0700, true}, Wanted{p.anchors, 0755, false}, Wanted{p.certificates, 0755, false},
          Wanted{p.store, 0700, true}, Wanted{p.run, 0755, true}}) {
        TRY(bool made, make_folder(w.path, w.mode));
        if (made && w.owned) CHECK(own(w.path, owner_of(p)));
        if (made) std::printf("made     %s/\n", w.path.c_str());
    }
    return Done{};
}

Status make_key_file(const Places& p, const char* name)
{
    auto path = p.keys + "/" + name;
    std::error_code ignored;
    if (fs::exists(path, ignored)) {
        std::printf("kept     %s\n", path.c_str());
        return Done{};
    }
    CHECK(write_new_file(path, random_secret(32).view(), 0400));
    std::printf("made     %s\n", path.c_str());
    return own(path, owner_of(p));
}

Status make_config(const Places& p, const std::string& domain, const InitOptions& given)
{
    CHECK(make_folder(fs::path(p.config).parent_path(), 0755));
    CHECK(write_new_file(p.config, config_text(p, domain, given), 0644));
    std::printf("made     %s\n", p.config.c_str());
    return Done{};
}

void say_next(const Places& p, bool test)
{
    std::printf("\nNext:\n");
    if (!test)
        std::printf(
            "  directctl key request DOMAIN           a request for your CA; then: directctl key add --cert "
            "FILE\n"
            "  directctl anchor add FILE...           whom you trust\n");
    std::printf(
        "  directctl check --config %s\n  Copy %s/store.key to a safe place: without it the store is lost.\n",
        p.config.c_str(), p.keys.c_str());
}

}  // namespace

int cmd_init(const Common& common, const InitOptions& given)
{
    auto domain = normal_domain(given.domain);
    if (!domain || domain->find('.') == std::string::npos)
        return tell_usage("--domain " + given.domain + ": no domain name of two or more labels");
    auto p = places_of(common, given);
    std::error_code ignored;
    if (fs::exists(p.config, ignored)) {
        std::printf("refused: %s is there already; nothing was changed\n", p.config.c_str());
        return refused;
    }
    auto made = [&]() -> Status {
        CHECK(make_folders(p));
        CHECK(make_key_file(p, "store.key"));
        CHECK(make_key_file(p, "pepper.key"));
        if (given.test)
            CHECK(make_trial_pki(
                {fs::path(p.config).parent_path() / "trial", p.keys, p.anchors, p.certificates}, *domain,
                common.now));
        return make_config(p, *domain, given);
    }();
    if (!made) return tell(misconfigured(made.error().why));
    Common with = common;
    with.config = p.config;
    auto settings = settings_of(with);
    if (!settings) return tell(settings.error());
    if (auto stored = make_store(with, *settings, "for " + *domain); !stored) return tell(stored.error());
    std::printf("made     the store in %s\n", p.store.c_str());
    say_next(p, given.test);
    return done;
}

}  // namespace direct::ctl
