// cert_publish.cpp - our certificates as others find them: lines for a zone file, or an entry for a directory. One
// function for each format.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "milter/base/text.h"
#include "milter/ctl/access.h"
#include "milter/ctl/cert_ldif.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/print.h"
#include "milter/smime/key_ring.h"
#include "policy/discovery/cert_record.h"

namespace direct::ctl {
namespace {

using Json = nlohmann::ordered_json;
constexpr int cert_type = 37;
constexpr int time_to_live = 3600;  // of a record: how long an old certificate is still used after a change

/// What is published, and where.
struct Publication {
    std::string name;      ///< address key or domain
    std::string dns_name;  ///< without the last dot; "" when the address has none
    std::vector<Certificate> certificates;
};

std::string owner_and_class(const Publication& p)
{
    return p.dns_name + ". " + std::to_string(time_to_live) + " IN ";
}

/// RFC 4398 section 2.2. Key tag and algorithm 0: nobody looks at them.
std::string zone_line(const Publication& p, const Certificate& c)
{
    return owner_and_class(p) + "CERT PKIX 0 0 " + base64(c.der());
}

/// RFC 3597: for a server or form that does not know the type.
std::string generic_zone_line(const Publication& p, const Certificate& c)
{
    const auto rdata = write_cert_record({CertRecord::pkix, 0, 0, std::string(c.der())});
    return owner_and_class(p) + "TYPE" + std::to_string(cert_type) + " \\# " + std::to_string(rdata.size()) +
           " " + hex(rdata);
}

/// @param in_dns  a name that cannot stand in the DNS is refused; a directory takes every name
Result<Publication> gather(const Settings& settings, const std::string& given, bool in_dns, Time now)
{
    Publication out;
    if (given.find('@') != std::string::npos) {
        auto address = parse_address(given, true);
        if (!address) return fail(refuse(Reason::input, given + ": no address"));
        out.name = address->key();
        auto name = dns_name_of(*address);
        if (!name && in_dns)
            return fail(refuse(Reason::no_certificate, given + " cannot stand in the DNS (" +
                                                           name.error().why + "); publish " +
                                                           address->domain + " instead"));
        out.dns_name = name.value_or("");
    } else {
        auto domain = normal_domain(given);
        if (!domain) return fail(refuse(Reason::input, given + ": neither address nor domain"));
        out.name = out.dns_name = *domain;
    }
    auto ring = KeyRing::load(settings.store_keys);
    std::string left_out;
    for (const auto* key : ring.all()) {
        const auto& c = key->certificate;
        if (key->name != out.name) continue;
        if (!c.may_encrypt())
            left_out += "; one is for signing only";
        else if (c.not_after() < now)
            left_out += "; one expired on " + short_time(c.not_after());
        else if (std::find(out.certificates.begin(), out.certificates.end(), c) == out.certificates.end())
            out.certificates.push_back(c);
    }
    if (out.certificates.empty())
        return fail(
            refuse(Reason::no_certificate, "no certificate of ours others could encrypt to is kept for " +
                                               out.name + left_out + " (directctl key list)"));
    return out;
}

void print_zone(const Publication& p, bool generic)
{
    for (const auto& c : p.certificates) {
        std::printf("; %s, expires %s UTC, SHA-256 %s\n", printable(p.name).c_str(),
                    short_time(c.not_after()).c_str(), c.fingerprint().c_str());
        std::printf("%s\n", (generic ? generic_zone_line(p, c) : zone_line(p, c)).c_str());
    }
}

Json zone_json(const Publication& p)
{
    Json records = Json::array();
    for (const auto& c : p.certificates)
        records.push_back({{"fingerprint", c.fingerprint()},
                           {"not_after", iso8601(c.not_after())},
                           {"cert", zone_line(p, c)},
                           {"generic", generic_zone_line(p, c)}});
    return {{"name", p.name}, {"owner", p.dns_name + "."}, {"records", records}};
}

int print_ldif(const Publication& p, const CertPublishOptions& given, bool json)
{
    const LdifOptions options{given.base,
                              given.change   ? LdifForm::change
                              : given.device ? LdifForm::device
                                             : LdifForm::person,
                              given.with_base};
    auto text = cert_ldif(p.name, p.certificates, options);
    if (!text) return tell(text.error());
    if (json)
        std::printf("%s\n", Json{{"name", p.name}, {"ldif", *text}}.dump().c_str());
    else
        std::fwrite(text->data(), 1, text->size(), stdout);
    return done;
}

}  // namespace

int cmd_cert_publish(const Common& common, const CertPublishOptions& given)
{
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    if (auto became = become_store_owner(**settings); !became) return tell(became.error());
    auto publication = gather(**settings, given.name, !given.ldif, common.now);
    if (!publication) return tell(publication.error());
    if (given.ldif) return print_ldif(*publication, given, common.json);
    if (common.json)
        std::printf("%s\n",
                    zone_json(*publication).dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
    else
        print_zone(*publication, given.generic);
    return done;
}

}  // namespace direct::ctl
