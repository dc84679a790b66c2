// anchor_add.cpp - anchors added by hand: read (a zip in the sandboxed child), shown with their fingerprints,
// asked about, noted in the audit, and only then stored, one file per certificate.
//
// An expired certificate is never stored. One that is no CA is trusted only as what it is itself; that is a
// question of its own, because a mistaken file would otherwise look like a community's anchor.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "milter/base/text.h"
#include "milter/ctl/access.h"
#include "milter/ctl/ask.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/files.h"
#include "milter/ctl/parsers.h"
#include "milter/ctl/print.h"
#include "policy/issue.h"
#include "policy/trust/anchors.h"
#include "policy/trust/bundle.h"

namespace direct::ctl {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;
constexpr std::size_t file_max = 16 << 20;  // bytes of one file given
constexpr std::size_t zip_max =
    8 << 20;  // bytes of a zip; the child has limits of its own for what is inside

/// What the files hold, and what was left out of them.
struct Found {
    std::vector<Certificate> certificates;  ///< each once
    std::vector<std::string> left_out;
};

void add_all(Found& found, std::vector<Certificate> some)
{
    auto& all = found.certificates;
    for (auto& c : some)
        if (std::find(all.begin(), all.end(), c) == all.end()) all.push_back(std::move(c));
}

/// PEM, DER, p7b; a signed or unusually encoded bundle too. Its signature is not looked at: the fingerprints are.
Result<std::vector<Certificate>> read_any(std::string_view bytes)
{
    auto some = read_certificates(bytes);
    if (some) return some;
    // Anything but the list of certificates is refused there; the bundle's reader takes a p7m apart in the safe order.
    if (auto bundle = read_bundle(bytes, {}, Time{})) return bundle->anchors;
    return some;
}

/// A zip is a stranger's bytes: unpacked by direct-parse in its sandbox, read here as certificates.
Status read_zip(Found& found, const Common& common, const Settings& settings, const std::string& file,
                const std::string& bytes)
{
    auto options = parser_options(common, settings);
    options.plugins.clear();
    options.document_max = zip_max;
    options.items_max = 10000;
    TRY(auto pool, WorkerPool::start(options));
    ParseRequest request;
    request.content = bytes;
    TRY(auto outcome, pool->parse(request));
    if (outcome.status != "parsed")
        return fail(refuse(Reason::input, file + ": " + outcome.status + " (" + outcome.detail + ")"));
    for (const auto& skipped : outcome.skipped) found.left_out.push_back(file + ": " + skipped.reason);
    for (const auto& item : outcome.items) {
        auto json = Json::parse(item.json, nullptr, false);
        auto content = json.is_object() ? unbase64(json.value("base64", "")) : fail(Fault{});
        auto name = json.is_object() ? json.value("name", "") : "";
        auto some = content ? read_any(*content) : fail(content.error());
        if (some)
            add_all(found, *std::move(some));
        else
            found.left_out.push_back(file + ": " + name + ": no certificate");
    }
    return Done{};
}

Result<Found> read_files(const Common& common, const Settings& settings,
                         const std::vector<std::string>& files)
{
    Found found;
    for (const auto& file : files) {
        auto bytes = read_whole_file(file, file_max);
        if (!bytes) return fail(refuse(Reason::input, bytes.error().why));
        if (bytes->starts_with("PK\x03\x04") || bytes->starts_with("PK\x05\x06")) {
            CHECK(read_zip(found, common, settings, file, *bytes));
            continue;
        }
        auto some = read_any(*bytes);
        if (!some) return fail(refuse(Reason::input, file + ": " + some.error().why));
        add_all(found, *std::move(some));
    }
    return found;
}

void show(const Certificate& c)
{
    std::printf("%s\n  issuer   %s\n  valid    %s to %s\n  SHA-256  %s\n", printable(c.subject()).c_str(),
                printable(c.issuer()).c_str(), short_time(c.not_before()).c_str(),
                short_time(c.not_after()).c_str(), c.fingerprint().c_str());
    if (!c.is_ca())
        std::printf("  NOTE     no CA certificate: it would be trusted only as what it is itself\n");
    if (!c.strong_key()) std::printf("  WARNING  its key is too weak: nothing under it would be accepted\n");
}

/// Takes the expired ones out of the list.
void leave_out_expired(Found& found, Time now)
{
    std::erase_if(found.certificates, [&](const Certificate& c) {
        if (now <= c.not_after()) return false;
        found.left_out.push_back(c.subject() + ": expired on " + short_time(c.not_after()));
        return true;
    });
}

/// The questions, each asked once: first for the CAs, then for the end certificates.
void keep_agreed(Found& found, const std::string& whom, bool yes, bool end_certificates)
{
    auto& all = found.certificates;
    auto first_end = std::stable_partition(all.begin(), all.end(), [](const auto& c) { return c.is_ca(); });
    auto authorities = std::size_t(first_end - all.begin()), ends = all.size() - authorities;
    // Scripts must say both things: "yes" to a list of anchors is none to an end certificate that came among them.
    bool take_ends =
        ends && (yes ? end_certificates
                     : asked_and_agreed("Trust " + std::to_string(ends) +
                                        " certificate(s) that are no CA, each as what it is itself, for " +
                                        whom + "?"));
    bool take_authorities = authorities && (yes || asked_and_agreed("Trust everything issued under " +
                                                                    std::to_string(authorities) +
                                                                    " anchor(s) for " + whom + "?"));
    if (ends && !take_ends)
        for (auto it = first_end; it != all.end(); ++it)
            found.left_out.push_back(it->subject() + ": no CA certificate" +
                                     (yes ? " (--end-certificates takes it)" : ""));
    if (!take_ends) all.erase(first_end, all.end());
    if (!take_authorities) all.erase(all.begin(), all.begin() + std::ptrdiff_t(authorities));
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

}  // namespace

int cmd_anchor_add(const Common& common, const AnchorAddOptions& given)
{
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    auto domain = domain_for(**settings, given.domain);
    if (!domain) return tell(domain.error());
    auto found = read_files(common, **settings, given.files);
    if (!found) return tell(found.error());
    leave_out_expired(*found, common.now);
    std::string direction = given.in == given.out ? "both" : given.in ? "in" : "out";
    for (const auto& c : found->certificates) show(c);
    auto whom = *domain + ", " +
                (direction == "both" ? "incoming and outgoing mail"
                 : direction == "in" ? "incoming mail"
                                     : "outgoing mail");
    keep_agreed(*found, whom, given.yes, given.end_certificates);
    for (const auto& line : found->left_out) std::printf("left out: %s\n", printable(line).c_str());
    if (found->certificates.empty()) {
        std::printf(
            "nothing stored%s\n",
            given.yes
                ? ""
                : "; compare the fingerprints with what the other side told you, then repeat with --yes");
        return refused;
    }
    Note note{"anchor-add", *domain + " " + direction, "", "", "", "ok", {}};
    for (const auto& c : found->certificates)
        if (note.certificates.size() < 100) note.certificates.push_back(c.fingerprint());
    if (auto noted = write_note(common, *settings, note); !noted) return tell(noted.error());
    const auto& folder = (*settings)->store_anchors;
    for (const auto& c : found->certificates) {
        auto path = anchor_file(folder, *domain, direction, c);
        auto stored = store_anchor(path, folder, c);
        if (!stored) return tell(stored.error());
        std::printf("%s %s\n", *stored ? "stored" : "there already:", path.c_str());
    }
    std::printf("Used after: directctl reload\n");
    return done;
}

}  // namespace direct::ctl
