#include "milter/ctl/trial_pki.h"

#include <cstdio>

#include "milter/ctl/files.h"
#include "policy/issue.h"
#include "policy/trust/anchors.h"

namespace direct::ctl {
namespace {

constexpr auto day = std::chrono::hours(24);
// Fast to make and to use; what a real CA issues is its own matter.
constexpr const char* algorithm = "rsa-2048";

struct Pair {
    Secret key;
    std::string pem;
    Certificate certificate;
};

Result<Pair> issue(const CertificateName& name, bool ca, Time now, const Pair* by)
{
    TRY(auto key, make_key(algorithm));
    // From yesterday on, so that two machines whose clocks differ can try together.
    CertificateOrder order{name, ca, now - day, now + day * (ca ? 3650 : 365)};
    std::optional<Issuer> issuer;
    if (by) issuer.emplace(Issuer{by->certificate, by->key});
    TRY(auto pem, issue_certificate(order, key, issuer ? &*issuer : nullptr));
    TRY(auto read, read_certificates(pem));
    return Pair{std::move(key), pem, read.front()};
}

Status keep(const std::string& base, const Pair& pair)
{
    CHECK(write_new_file(base + ".crt", pair.pem, 0644));
    CHECK(write_new_file(base + ".key", pair.key.view(), 0400));
    std::printf("made     %s.crt and .key\n", base.c_str());
    return Done{};
}

Status trust(const TrialPlaces& p, const std::string& domain, const Pair& ca)
{
    auto path = anchor_file(p.anchors, domain, "both", ca.certificate);
    auto folder = path.substr(0, path.rfind('/'));
    CHECK(make_folder(folder, 0755));
    CHECK(write_new_file(path, ca.pem, 0644));
    std::printf("made     %s\n", path.c_str());
    return Done{};
}

}  // namespace

std::string trial_partner(const std::string& domain)
{
    return domain == "partner.test" ? "other-partner.test" : "partner.test";
}

Status make_trial_pki(const TrialPlaces& p, const std::string& domain, Time now)
{
    auto partner = trial_partner(domain);
    TRY(auto our_ca, issue({"", "Trial CA of " + domain, "Trial"}, true, now, nullptr));
    TRY(auto ours, issue({domain, "", "Trial"}, false, now, &our_ca));
    TRY(auto partner_ca, issue({"", "Trial CA of " + partner, "Trial"}, true, now, nullptr));
    TRY(auto theirs, issue({partner, "", "Trial partner"}, false, now, &partner_ca));
    CHECK(make_folder(p.trial, 0700));
    CHECK(keep(p.trial + "/ca." + domain, our_ca));
    CHECK(keep(p.trial + "/ca." + partner, partner_ca));
    CHECK(keep(p.trial + "/" + partner, theirs));
    KeyFolder keys(p.keys);
    CHECK(keys.add(domain, domain + ".key", ours.key.view(), 0400));
    TRY(auto own, keys.add(domain, domain + ".crt", ours.pem, 0444));
    std::printf("made     %s\n", own.c_str());
    CHECK(trust(p, domain, our_ca));
    CHECK(trust(p, domain, partner_ca));
    CHECK(make_folder(p.certificates + "/" + partner, 0755));
    CHECK(write_new_file(p.certificates + "/" + partner + "/" + partner + ".crt", theirs.pem, 0644));
    return Done{};
}

}  // namespace direct::ctl
