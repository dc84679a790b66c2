// bundles.cpp - trust bundles listed, refreshed and added. The daemon fetches when it runs, this process, as the
// store's owner, when it does not.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "milter/base/text.h"
#include "milter/ctl/access.h"
#include "milter/ctl/ask.h"
#include "milter/ctl/bundle_toml.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/files.h"
#include "milter/ctl/print.h"
#include "milter/sta/bundle_report.h"
#include "milter/sta/policies.h"

namespace direct::ctl {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& row, const char* name)
{
    auto found = row.find(name);
    return found != row.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string minutes(const std::string& iso)
{
    return iso.size() < 16 ? "never" : iso.substr(0, 10) + " " + iso.substr(11, 5);
}

std::string domains_text(const Json& bundle)
{
    std::string out;
    for (const auto& d : bundle.value("domains", Json::array())) {
        bool in = d.value("incoming", false), to = d.value("outgoing", false);
        out += (out.empty() ? "" : ", ") + text_of(d, "domain") +
               (in && to ? ""
                : in     ? " (in)"
                : to     ? " (out)"
                         : " (off)");
    }
    return out;
}

/// The answer of the daemon as JSON, or its fault told.
std::optional<Json> daemon_answer(const Result<Reply>& reply, int& exit)
{
    if (!reply) {
        exit = tell(reply.error());
        return {};
    }
    auto json = Json::parse(reply->json, nullptr, false);
    exit = reply->exit;
    if (reply->exit == 0 && json.is_object()) return json;
    auto why = json.is_object() ? text_of(json, "detail") : "the reply cannot be read";
    if (exit == refused)
        std::printf("%s\n", printable(why).c_str());
    else
        std::fprintf(stderr, "directctl: %s\n", printable(why).c_str());
    if (exit == done) exit = later;
    return {};
}

void print_rows(const Json& bundle, const char* name, const char* sign)
{
    for (const auto& row : bundle.value(name, Json::array())) {
        auto partner = text_of(row, "partner");
        std::printf(
            "  %s %s%s\n    SHA-256 %s\n", sign, partner.empty() ? "" : (printable(partner) + ", ").c_str(),
            (printable(text_of(row, "subject")) +
             (partner.empty() ? "" : " (" + text_of(row, "direction") + ", " + text_of(row, "domain") + ")"))
                .c_str(),
            text_of(row, "fingerprint").c_str());
    }
    if (auto more = bundle.find("more"); more != bundle.end() && more->contains(name))
        std::printf("  ... and %lld more\n", static_cast<long long>(more->value(name, 0)));
}

void print_refresh(const Json& bundle)
{
    auto outcome = text_of(bundle, "outcome");
    std::printf("%s: %s%s\n", printable(text_of(bundle, "name")).c_str(), outcome.c_str(),
                outcome == "failed"
                    ? (" (" + printable(text_of(bundle, "why")) + "); the last good copy stays").c_str()
                    : "");
    if (auto metadata = text_of(bundle, "metadata"); !metadata.empty())
        std::printf("  what it says of itself: %s\n", printable(metadata).c_str());
    auto section = [&](const char* name, const char* heading, const char* sign) {
        if (bundle.value(name, Json::array()).empty()) return;
        std::printf(" %s\n", heading);
        print_rows(bundle, name, sign);
    };
    section("come", "anchors that come", "+");
    section("go", "anchors that go", "-");
    section("gain", "known partners that gain trust", "+");
    section("lose", "known partners that lose trust", "-");
    if (outcome == "changed") {
        auto domains = domains_text(bundle);
        std::printf(" for: %s\n", domains.empty() ? "no domain uses this bundle" : domains.c_str());
    }
    for (const auto& finding : bundle.value("findings", Json::array()))
        if (finding.is_string())
            std::printf("  left out: %s\n", printable(finding.get<std::string>()).c_str());
}

int show_refresh(const Common& common, const Json& answer)
{
    if (common.json)
        std::printf("%s\n", answer.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
    else
        for (const auto& bundle : answer.value("bundles", Json::array())) print_refresh(bundle);
    return answer.value("failed", 0) ? later : done;
}

/// Without a daemon. The store's owner writes and fetches; root has no business in either.
int refresh_here(const Common& common, const SettingsPtr& settings, const std::string& name, bool dry_run)
{
    if (auto became = become_store_owner(*settings); !became) return tell(became.error());
    Fault not_noted;
    auto on_each = [&](const BundleRefresh& refresh) {
        if (dry_run || refresh.outcome != BundleRefresh::Outcome::changed) return;
        Note note{"bundle", summary_of(refresh), "", "", "", "ok", fingerprints_of(refresh)};
        if (auto noted = write_note(common, settings, note); !noted) not_noted = noted.error();
    };
    auto answer = refresh_bundles(*settings, fetch_over_http(fetch_options_of(*settings)), name, dry_run,
                                  common.now, on_each);
    if (!answer) return tell(answer.error());
    if (!not_noted.why.empty()) return tell(not_noted);
    return show_refresh(common, Json::parse(*answer, nullptr, false));
}

Result<BundleSettings> bundle_asked_for(const Settings& settings, const BundleAddOptions& given)
{
    BundleSettings out;
    out.name = given.name;
    out.url = given.url;
    for (const auto& b : settings.bundles)
        if (b.name == given.name)
            return fail(refuse(Reason::input, "there is a bundle " + given.name + " already"));
    if (given.signer.empty()) return out;
    std::error_code error;
    out.signer = fs::canonical(given.signer, error);
    if (error) return fail(refuse(Reason::input, given.signer + ": " + error.message()));
    return out;
}

/// What the bundle holds now, and who its signer is: nobody should trust unseen.
int preview(const Settings& settings, const BundleSettings& bundle, Time now)
{
    // No copy is looked at and none is kept: the daemon fetches for itself after the reload.
    auto refresh =
        fetch_bundle(fetch_over_http(fetch_options_of(settings)), BundleFiles("/nonexistent"), bundle, now);
    if (refresh.outcome == BundleRefresh::Outcome::failed) {
        std::printf("%s\n", printable(refresh.why).c_str());
        return refused;
    }
    const auto& read = *refresh.after.bundle;
    std::printf("%zu anchors\n", read.anchors.size());
    for (const auto& c : read.anchors)
        std::printf("  %s\n    until %s  SHA-256 %s\n", printable(c.subject()).c_str(),
                    short_time(c.not_after()).c_str(), c.fingerprint().c_str());
    for (const auto& finding : read.findings) std::printf("  left out: %s\n", printable(finding).c_str());
    if (read.signer.empty())
        std::printf("NOT SIGNED%s: whoever can change what this address serves decides whom you trust\n",
                    bundle.url.starts_with("http:") ? ", AND FETCHED WITHOUT TLS" : "");
    else
        std::printf("signed by SHA-256 %s\n", read.signer.c_str());
    return done;
}

/// The old file stays beside the new one as FILE~.
Status replace_file(const std::string& path, const std::string& before, const std::string& after)
{
    std::error_code error;
    auto file = fs::canonical(path, error).string();
    struct stat s {};
    if (error || ::stat(file.c_str(), &s) != 0) return fail(misconfigured(path + ": cannot be read"));
    CHECK(write_file_durably(file + "~", before, s.st_mode & 07777));
    CHECK(same_owner(file + "~", file));
    CHECK(write_file_durably(file, after, s.st_mode & 07777));
    return same_owner(file, file + "~");
}

void print_by_hand(const std::string& config, const std::string& domain, const BundleText& text)
{
    std::printf("\nAdd to %s, in the [[domain]] of %s:\n\n%s\n\nand at its end:\n\n%s", config.c_str(),
                domain.c_str(), text.domain_line.c_str(), text.table.c_str());
}

}  // namespace

int cmd_bundle_list(const Common& common)
{
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    House house(common, *settings);
    Json answer;
    if (house.daemon_runs()) {
        int exit = done;
        auto json = daemon_answer(house.ask("bundle.list", "{}"), exit);
        if (!json) return exit;
        answer = *json;
    } else {
        if (auto became = become_store_owner(**settings); !became) return tell(became.error());
        answer = Json::parse(list_bundles(**settings, common.now), nullptr, false);
    }
    if (common.json) {
        std::printf("%s\n", answer.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
        return done;
    }
    TextTable table({"NAME", "STATE", "CONFIRMED", "LOADED", "ANCHORS", "DOMAINS", "URL"});
    for (const auto& b : answer.value("bundles", Json::array()))
        table.add({text_of(b, "name"), text_of(b, "state"), minutes(text_of(b, "checked")),
                   minutes(text_of(b, "loaded")), std::to_string(b.value("anchors", 0)), domains_text(b),
                   text_of(b, "url")});
    table.print();
    for (const auto& b : answer.value("bundles", Json::array()))
        for (const char* name : {"why", "trouble"})
            if (auto text = text_of(b, name); !text.empty())
                std::printf("%s: %s\n", printable(text_of(b, "name")).c_str(), printable(text).c_str());
    return done;
}

int cmd_bundle_refresh(const Common& common, const std::string& name, bool dry_run)
{
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    House house(common, *settings);
    if (!house.daemon_runs()) return refresh_here(common, *settings, name, dry_run);
    int exit = done;
    Json parameters = {{"name", name}, {"dry_run", dry_run ? 1 : 0}};
    auto answer = daemon_answer(house.ask("bundle.refresh", parameters.dump()), exit);
    return answer ? show_refresh(common, *answer) : exit;
}

int cmd_bundle_add(const Common& common, const BundleAddOptions& given)
{
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    auto domain = domain_for(**settings, given.domain);
    if (!domain) return tell(domain.error());
    auto bundle = bundle_asked_for(**settings, given);
    if (!bundle) return tell(bundle.error());
    bool both = given.in == given.out;
    DomainBundle use{given.name, both || given.in, both || given.out};
    auto text = bundle_text(*bundle, use);
    // Everything that can be wrong with the edit is found before anything is fetched or asked.
    auto before = read_whole_file(common.config, 16 << 20);
    if (!before) return tell(before.error());
    auto after = with_bundle(*before, **settings, *domain, *bundle, use);
    auto seen = as_store_owner(**settings, [&] { return preview(**settings, *bundle, common.now); });
    if (!seen) {
        std::printf("nothing changed: what cannot be fetched and read now is not added\n");
        return refused;
    }
    if (!after) {
        std::printf("%s\n", printable(after.error().why).c_str());
        print_by_hand(common.config, *domain, text);
        return refused;
    }
    if (!given.yes &&
        !asked_and_agreed("Trust what this bundle brings, now and later, for " + *domain + "?")) {
        std::printf(
            "nothing changed; compare the signer's fingerprint with what its publisher told you, then repeat "
            "with "
            "--yes\n");
        print_by_hand(common.config, *domain, text);
        return refused;
    }
    // The question may have waited for hours.
    auto meanwhile = read_whole_file(common.config, 16 << 20);
    if (!meanwhile || *meanwhile != *before) {
        std::printf("nothing changed: %s was edited meanwhile; repeat the command\n", common.config.c_str());
        return refused;
    }
    Note note{"bundle-add", given.name + " for " + *domain + " from " + given.url, "", "", "", "ok", {}};
    if (auto noted = write_note(common, *settings, note); !noted) return tell(noted.error());
    if (auto written = replace_file(common.config, *before, *after); !written) return tell(written.error());
    std::printf("added to %s (the old one is %s~)\nUsed after: directctl reload\n", common.config.c_str(),
                common.config.c_str());
    return done;
}

}  // namespace direct::ctl
