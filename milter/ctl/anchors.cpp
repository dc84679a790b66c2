// anchors.cpp - trust anchors as files: shown before anything is stored, written one per certificate, each
// change in the audit before it is made.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "milter/base/text.h"
#include "milter/ctl/access.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/files.h"
#include "milter/ctl/print.h"
#include "policy/issue.h"
#include "policy/trust/anchors.h"

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

Result<std::string> domain_for(const Settings& settings, const std::string& given)
{
    if (given.empty()) {
        if (settings.domains.size() == 1) return settings.domains.front().name;
        return fail(refuse(Reason::input, "the configuration has several domains; say which with --domain"));
    }
    auto domain = normal_domain(given);
    if (!domain || !settings.domain(*domain))
        return fail(refuse(Reason::input, given + " is no [[domain]] of the configuration"));
    return *domain;
}

void show(const Certificate& c, Time now)
{
    std::printf("%s\n  issuer   %s\n  valid    %s to %s\n  SHA-256  %s\n", printable(c.subject()).c_str(),
                printable(c.issuer()).c_str(), short_time(c.not_before()).c_str(),
                short_time(c.not_after()).c_str(), c.fingerprint().c_str());
    if (c.not_after() < now) std::printf("  WARNING  it has expired and would not be used\n");
    if (!c.is_ca()) std::printf("  NOTE     no CA certificate: it is trusted only as what it is itself\n");
    if (!c.strong_key()) std::printf("  WARNING  its key is too weak and would not be accepted\n");
}

bool asked_and_agreed(const std::string& question)
{
    if (!isatty(STDIN_FILENO)) return false;
    std::printf("%s [y/N] ", question.c_str());
    std::fflush(stdout);
    int first = std::getchar();
    return first == 'y' || first == 'Y';
}

Result<std::vector<Certificate>> certificates_in(const std::vector<std::string>& files)
{
    std::vector<Certificate> all;
    for (const auto& file : files) {
        TRY(auto bytes, read_whole_file(file, 16 << 20));
        if (bytes.starts_with("PK\x03\x04"))
            return fail(refuse(Reason::input, file + ": a zip is not read; unpack it first"));
        auto some = read_certificates(bytes);
        if (!some) return fail(refuse(Reason::input, file + ": " + some.error().why));
        if (some->empty()) return fail(refuse(Reason::input, file + ": no certificate in it"));
        for (auto& c : *some)
            if (std::find(all.begin(), all.end(), c) == all.end()) all.push_back(std::move(c));
    }
    return all;
}

Result<bool> store_anchor(const std::string& path, const std::string& anchors, const Certificate& c)
{
    std::error_code ignored;
    if (fs::exists(path, ignored)) return false;
    auto direction = fs::path(path).parent_path();
    for (const auto& folder : {direction.parent_path(), direction}) {
        TRY(bool made, make_folder(folder, 0755));
        if (made) CHECK(same_owner(folder, anchors));
    }
    auto text = "# " + c.subject() + "\n# until " + iso8601(c.not_after()) + "\n" + certificate_pem(c);
    CHECK(write_new_file(path, text, 0644));
    CHECK(same_owner(path, anchors));
    return true;
}

TrustAnchors load(const Settings& settings, Time now)
{
    auto anchors = TrustAnchors::load(settings.store_anchors, now);
    anchors.read_all();
    return anchors;
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

int cmd_anchor_add(const Common& common, const AnchorAddOptions& given)
{
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    auto domain = domain_for(**settings, given.domain);
    if (!domain) return tell(domain.error());
    auto certificates = certificates_in(given.files);
    if (!certificates) return tell(refuse(Reason::input, certificates.error().why));
    std::string direction = given.in == given.out ? "both" : given.in ? "in" : "out";
    for (const auto& c : *certificates) show(c, common.now);
    auto what = std::to_string(certificates->size()) + " anchor(s) for " + *domain + ", " +
                (direction == "both" ? "incoming and outgoing"
                 : direction == "in" ? "incoming"
                                     : "outgoing");
    if (!given.yes && !asked_and_agreed("Trust " + what + "?")) {
        std::printf(
            "nothing stored; compare the fingerprints with what the other side told you, then repeat with "
            "--yes\n");
        return refused;
    }
    Note note{"anchor-add", *domain + " " + direction, "", "", "", "ok", {}};
    for (const auto& c : *certificates) note.certificates.push_back(c.fingerprint());
    if (auto noted = write_note(common, *settings, note); !noted) return tell(noted.error());
    const auto& folder = (*settings)->store_anchors;
    for (const auto& c : *certificates) {
        auto path = anchor_file(folder, *domain, direction, c);
        auto stored = store_anchor(path, folder, c);
        if (!stored) return tell(stored.error());
        std::printf("%s %s\n", *stored ? "stored" : "there already:", path.c_str());
    }
    std::printf("Used after: directctl reload\n");
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
    return done;
}

int cmd_anchor_export(const Common& common, const std::string& domain)
{
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    std::vector<Certificate> written;
    auto anchors = load(**settings, common.now);
    for (const auto& row : anchors.rows()) {
        if (!domain.empty() && row.domain != ascii_lower(domain)) continue;
        if (std::find(written.begin(), written.end(), row.certificate) != written.end()) continue;
        written.push_back(row.certificate);
        std::printf("# %s\n# SHA-256 %s\n%s", printable(row.certificate.subject()).c_str(),
                    row.certificate.fingerprint().c_str(), certificate_pem(row.certificate).c_str());
    }
    return done;
}

}  // namespace direct::ctl
