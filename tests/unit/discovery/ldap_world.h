// ldap_world.h - a DNS and LDAP servers as told, for tests of LdapResolver without a network.
#pragma once
#include <boost/test/unit_test.hpp>
#include <map>

#include "milter/base/text.h"
#include "policy/discovery/ldap_resolver.h"
#include "tests/support/test_pki.h"

namespace direct::test {

using Answer = Discovery::Answer;
using Kind = DnsAnswer::Kind;
using Texts = std::vector<std::string>;

inline Address addr(const std::string& text)
{
    auto a = parse_address(text, true);
    BOOST_REQUIRE_MESSAGE(a, text);
    return *a;
}

inline const Budget plenty{std::chrono::steady_clock::now() + std::chrono::hours(1)};

inline Certificate certificate_of(const std::string& name)
{
    return issue({.name = name, .san = {"email:jo@d.example"}, .from_days = -9, .to_days = -1}, ec_key())
        .certificate;
}

inline const Certificate& jo()
{
    static const Certificate made = certificate_of("jo");
    return made;
}

inline const Certificate& whole_domain()
{
    static const Certificate made = certificate_of("domain");
    return made;
}

inline std::string der(const Certificate& c)
{
    return std::string(c.der());
}

inline std::string srv_rdata(unsigned priority, unsigned weight, unsigned port, const std::string& host)
{
    std::string out;
    for (unsigned n : {priority, weight, port}) out += {char(n >> 8), char(n)};
    for (auto label : split(host, '.'))
        if (!label.empty()) out += char(label.size()) + std::string(label);
    return out + '\0';
}

/// The DNS as told; everything else is not there.
struct ToldDns : DnsLookup {
    DnsAnswer query(const std::string& name, DnsType type, SteadyTime) override
    {
        auto it = answers.find({name, type});
        if (it != answers.end()) return it->second;
        DnsAnswer none;
        none.kind = Kind::none;
        return none;
    }
    void holds(const std::string& name, DnsType type, Texts records)
    {
        DnsAnswer answer;
        answer.kind = Kind::found;
        answer.records = std::move(records);
        answers[{name, type}] = answer;
    }
    void fails(const std::string& name, DnsType type)
    {
        DnsAnswer answer;
        answer.why = "SERVFAIL";
        answers[{name, type}] = answer;
    }
    std::map<std::pair<std::string, DnsType>, DnsAnswer> answers;
};

/// Servers as told: host -> mail -> values; one that is not there is down. What was asked, in order.
struct World {
    World() { rules.cache_life = milliseconds(0); }
    std::shared_ptr<ToldDns> dns = std::make_shared<ToldDns>();
    std::map<std::string, std::map<std::string, Texts>> servers;
    Texts asked, lately_failed;
    Texts records;
    LdapRules rules;
    bool we_fail = false;
    std::unique_ptr<LdapResolver> resolver;

    void names(unsigned priority, unsigned weight, const std::string& host, unsigned port = 389)
    {
        records.push_back(srv_rdata(priority, weight, port, host));
        dns->holds("_ldap._tcp.d.example", DnsType::srv, records);
        if (!host.empty()) dns->holds(host, DnsType::a, {std::string("\x7f\0\0\1", 4)});
    }
    Result<std::optional<LdapHit>> answer(const LdapTarget& server, const Texts& mails)
    {
        asked.push_back(server.host);
        if (server.failed_lately) lately_failed.push_back(server.host);
        auto it = servers.find(server.host);
        if (it == servers.end())
            return fail(we_fail ? misconfigured("no socket")
                                : temporary(server.host + ":" + std::to_string(server.port) + ": is down"));
        for (std::size_t i = 0; i < mails.size(); ++i) {
            asked.back() += " " + mails[i];
            if (auto values = it->second[mails[i]]; !values.empty()) return LdapHit{i, values};
        }
        return std::nullopt;
    }
    Discovery find(const std::string& address = "jo@d.example", const Budget& budget = plenty)
    {
        if (!resolver)
            resolver = std::make_unique<LdapResolver>(
                dns, rules,
                [this](const LdapTarget& s, const Texts& mails, const Budget&) { return answer(s, mails); });
        asked.clear();
        return resolver->find(addr(address), budget);
    }
};

inline void expect(const Texts& is, const Texts& should)
{
    BOOST_TEST(is == should, boost::test_tools::per_element());
}

}  // namespace direct::test
