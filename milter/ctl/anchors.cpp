// anchors.cpp - trust anchors listed, removed and exported. Adding stands in anchor_add.cpp.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "milter/base/text.h"
#include "milter/ctl/access.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/print.h"
#include "milter/ctl/stored_zip.h"
#include "milter/sta/trust.h"
#include "policy/issue.h"

namespace direct::ctl {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

/// "AB:CD:..." or plain hexadecimal, any case.
std::string plain_fingerprint(std::string_view given)
{
    std::string out;
    for (char c : ascii_lower(given))
        if (c != ':' && c != ' ') out += c;
    return out;
}

/// Files and bundles, as the daemon has them.
TrustAnchors load(const Settings& settings, Time now)
{
    auto trust = load_trust(settings, now);
    for (const auto& finding : trust.findings)
        std::fprintf(stderr, "left out: %s\n", printable(finding).c_str());
    trust.anchors.read_all();
    return std::move(trust.anchors);
}

/// The same certificate may come from a bundle or from a file with several. True when it does.
bool tell_where_left(const Settings& settings, const std::string& fingerprint, const std::string& domain,
                     Time now)
{
    bool any = false;
    const auto anchors = load(settings, now);
    for (const auto& row : anchors.rows()) {
        if (row.certificate.fingerprint() != fingerprint) continue;
        if (!domain.empty() && row.domain != ascii_lower(domain)) continue;
        any = true;
        std::printf("still trusted for %s (%s) by %s\n", row.domain.c_str(), row.direction.c_str(),
                    printable(row.file).c_str());
    }
    return any;
}

}  // namespace

int cmd_anchor_list(const Common& common, const std::string& domain)
{
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    auto anchors = load(**settings, common.now);
    Json json = {{"anchors", Json::array()}, {"findings", anchors.findings()}};
    TextTable table({"DOMAIN", "FOR", "EXPIRES", "FINGERPRINT (SHA-256)", "SUBJECT"});
    for (const auto& row : anchors.rows()) {
        if (!domain.empty() && row.domain != ascii_lower(domain)) continue;
        const auto& c = row.certificate;
        table.add({row.domain, row.direction, short_time(c.not_after()), c.fingerprint(), c.subject()});
        json["anchors"].push_back({{"domain", row.domain},
                                   {"direction", row.direction},
                                   {"subject", c.subject()},
                                   {"issuer", c.issuer()},
                                   {"not_before", iso8601(c.not_before())},
                                   {"not_after", iso8601(c.not_after())},
                                   {"fingerprint", c.fingerprint()},
                                   {"file", row.file}});
    }
    if (common.json) {
        std::printf("%s\n", json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
        return done;
    }
    table.print();
    for (const auto& finding : anchors.findings()) std::printf("left out: %s\n", printable(finding).c_str());
    return done;
}

int cmd_anchor_remove(const Common& common, const std::string& fingerprint, const std::string& domain)
{
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    auto wanted = plain_fingerprint(fingerprint);
    if (wanted.size() != 64 || !unhex(wanted))
        return tell_usage("the whole SHA-256 fingerprint is needed (64 digits)");
    // The files' names are the fingerprints, so that an expired anchor, which is not loaded, can go too.
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::recursive_directory_iterator it((*settings)->store_anchors, error), end; !error && it != end;
         it.increment(error)) {
        if (it->path().stem() != wanted || it->path().extension() != ".pem") continue;
        auto of = it->path().parent_path().parent_path().filename().string();
        if (domain.empty() || of == ascii_lower(domain)) files.push_back(it->path());
    }
    if (files.empty()) {
        if (tell_where_left(**settings, wanted, domain, common.now)) return refused;
        std::printf("no anchor has this fingerprint\n");
        return refused;
    }
    Note note{"anchor-remove", "", "", "", "", "ok", {wanted}};
    for (const auto& f : files) note.detail += (note.detail.empty() ? "" : ", ") + f.string();
    if (auto noted = write_note(common, *settings, note); !noted) return tell(noted.error());
    for (const auto& f : files) {
        if (!fs::remove(f, error)) return tell(misconfigured(f.string() + ": " + error.message()));
        std::printf("removed %s\n", f.c_str());
    }
    std::printf("Used after: directctl reload\n");
    return tell_where_left(**settings, wanted, domain, common.now) ? refused : done;
}

int cmd_anchor_export(const Common& common, const std::string& domain, bool zip)
{
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    if (zip && isatty(STDOUT_FILENO))
        return tell_usage("a zip is no text; send it to a file: --zip > anchors.zip");
    std::vector<Certificate> written;
    std::vector<std::pair<std::string, std::string>> files;
    auto anchors = load(**settings, common.now);
    for (const auto& row : anchors.rows()) {
        if (!domain.empty() && row.domain != ascii_lower(domain)) continue;
        if (std::find(written.begin(), written.end(), row.certificate) != written.end()) continue;
        written.push_back(row.certificate);
        if (zip) {
            files.emplace_back(row.certificate.fingerprint() + ".pem", certificate_pem(row.certificate));
            continue;
        }
        std::printf("# %s\n# SHA-256 %s\n%s", printable(row.certificate.subject()).c_str(),
                    row.certificate.fingerprint().c_str(), certificate_pem(row.certificate).c_str());
    }
    if (!zip) return done;
    auto bytes = stored_zip(files);
    bool written_out =
        std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() && std::fflush(stdout) == 0;
    return written_out ? done : tell(temporary("standard output cannot be written"));
}

}  // namespace direct::ctl
