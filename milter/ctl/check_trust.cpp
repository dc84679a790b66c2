#include "milter/ctl/check_trust.h"

#include <algorithm>
#include <map>
#include <set>

#include "milter/ctl/context.h"

namespace direct::ctl {
namespace {

constexpr auto day = std::chrono::hours(24);

/// Why nobody gains anything by this anchor; "" when somebody may.
std::string no_use(const Site& site, const TrustAnchors::Row& row)
{
    const auto& c = row.certificate;
    if (!site.settings->domain(row.domain)) return row.domain + " is no [[domain]] of the configuration";
    if (!c.strong_key()) return "its key is too weak for any certificate under it to be accepted";
    if (!c.is_ca() && c.emails().empty() && c.domains().empty())
        return "it is no CA, and no address or domain stands in it";
    return "";
}

void check_rows(const Site& site, Time now, Findings& findings)
{
    std::set<std::pair<std::string, std::string>> both;  // domain, fingerprint of files in both/
    for (const auto& row : site.anchors.rows())
        if (row.direction == "both") both.insert({row.domain, row.certificate.fingerprint()});
    for (const auto& row : site.anchors.rows()) {
        // What a bundle brings its publisher keeps in order; a count of those that end is told with the bundle.
        if (row.file.starts_with("bundle ")) continue;
        check_expiry("anchor of " + row.domain, row.certificate, now, "ask the other side for its successor",
                     findings);
        if (auto why = no_use(site, row); !why.empty())
            findings.warning("anchor of no use: " + row.certificate.subject() + " (" + row.file + "): " + why,
                             "directctl anchor remove " + row.certificate.fingerprint());
        else if (row.direction != "both" && both.count({row.domain, row.certificate.fingerprint()}))
            findings.note("anchor of no use: " + row.file + ": the same stands for both directions already",
                          "remove this file");
    }
}

void check_domains(const Site& site, Findings& findings)
{
    for (const auto& d : site.settings->domains) {
        const std::string remedy =
            (d.bundles.empty() ? "directctl anchor add FILE --domain " : "directctl bundle list; domain ") +
            d.name;
        const bool in = !site.anchors.of(d.name, Direction::incoming).empty();
        const bool out = !site.anchors.of(d.name, Direction::outgoing).empty();
        // A domain may be there for one direction only; one without any anchor is of no use to anybody.
        const auto tell = [&](const std::string& what) {
            in || out ? findings.note(what, remedy) : findings.fault(what, remedy);
        };
        if (!in) tell(d.name + " has no anchor for incoming mail: everything is refused as untrusted");
        if (!out) tell(d.name + " has no anchor for outgoing mail: nothing can be sent");
    }
}

bool is_used(const Settings& settings, const std::string& bundle)
{
    for (const auto& d : settings.domains)
        for (const auto& b : d.bundles)
            if (b.name == bundle && (b.incoming || b.outgoing)) return true;
    return false;
}

const Certificate& longest(const std::vector<Certificate>& some)
{
    return *std::max_element(some.begin(), some.end(),
                             [](const auto& a, const auto& b) { return a.not_after() < b.not_after(); });
}

void check_publisher(const BundleSettings& b, Time now, Findings& findings)
{
    if (!b.signer.empty()) {
        auto signers = load_certificates(b.signer);
        if (!signers)
            findings.fault("signer of bundle " + b.name + ": " + signers.error().why,
                           "mend signer of the [[bundle]]");
        else
            check_expiry("signer of bundle " + b.name, longest(*signers), now,
                         "ask its publisher for the next signer and add it to the file", findings);
    } else if (b.url.starts_with("http:")) {
        findings.warning("bundle " + b.name +
                             " is not signed and fetched without TLS: whoever is on the way decides "
                             "whom you trust",
                         "set signer of the [[bundle]], or an https url");
    }
}

void check_bundle(const Settings& settings, const BundleSettings& b, const BundleNow& now_used, Time now,
                  Findings& findings)
{
    check_publisher(b, now, findings);
    if (!is_used(settings, b.name)) {
        findings.note("bundle " + b.name + " is used by no domain",
                      "name it in bundles of a [[domain]], or remove it");
        return;
    }
    if (!now_used.bundle) {
        findings.fault("bundle " + b.name + ": " + now_used.why + "; its anchors are absent",
                       "directctl bundle refresh " + b.name + " tells what is wrong");
        return;
    }
    if (is_stale(now_used, stale_after(settings, b), now))
        findings.fault(
            "bundle " + b.name + " is stale: last confirmed " + short_time(now_used.state.checked) +
                (now_used.state.trouble.empty() ? "" : " (" + now_used.state.trouble + ")"),
            "directctl bundle refresh " + b.name + " tells what is wrong; the last good copy is in use");
    std::size_t ending = 0;
    for (const auto& c : now_used.bundle->anchors) ending += c.not_after() - now < 30 * day;
    if (ending)
        findings.note(std::to_string(ending) + " anchors of bundle " + b.name + " end within 30 days",
                      "its publisher replaces them; partners under them may need new certificates");
}

/// What counts is whether a name has a certificate that lasts longer.
void check_partners(const Site& site, Time now, Findings& findings)
{
    FileResolver known(site.settings->store_certificates);
    for (const auto& [owner, certificates] : known.all()) {
        std::vector<Certificate> own;
        for (const auto& c : certificates)
            if (!c.is_ca()) own.push_back(c);
        if (!own.empty())
            check_expiry("certificate of partner " + owner, longest(own), now,
                         "ask the partner for the next one and put it beside this", findings);
    }
}

}  // namespace

void check_expiry(const std::string& what, const Certificate& c, Time now, const char* remedy,
                  Findings& findings)
{
    auto left = c.not_after() - now;
    auto when = what + " (" + c.subject() + ") " + (left.count() < 0 ? "expired on " : "expires on ") +
                short_time(c.not_after());
    if (left < 7 * day)
        findings.fault(when, remedy);
    else if (left < 30 * day)
        findings.warning(when, remedy);
    else if (left < 60 * day)
        findings.note(when, remedy);
}

void check_trust(const Site& site, Time now, Findings& findings)
{
    for (const auto& f : site.anchors.findings())
        findings.warning("anchor left out: " + f, "directctl anchor remove, or add its successor");
    check_rows(site, now, findings);
    check_domains(site, findings);
    for (std::size_t i = 0; i < site.bundles.size() && i < site.settings->bundles.size(); ++i)
        check_bundle(*site.settings, site.settings->bundles[i], site.bundles[i], now, findings);
    check_partners(site, now, findings);
}

}  // namespace direct::ctl
