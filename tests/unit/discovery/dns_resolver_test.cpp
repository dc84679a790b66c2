// CERT records, the names they stand at, and what the steps make of the DNS's answers.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>

#include "milter/base/text.h"
#include "policy/discovery/cert_record.h"
#include "policy/discovery/dns_client.h"
#include "policy/discovery/resolver.h"
#include "tests/support/test_pki.h"

using namespace direct;
using namespace direct::test;
using Answer = Discovery::Answer;
using Kind = DnsAnswer::Kind;
using Step = DnsResolver::Step;

namespace {

Address addr(const std::string& text)
{
    auto a = parse_address(text, true);
    BOOST_REQUIRE_MESSAGE(a, text);
    return *a;
}

const Budget plenty{std::chrono::steady_clock::now() + std::chrono::hours(1)};

const Certificate& one_certificate()
{
    static const Certificate certificate =
        issue({.name = "jo", .san = {"email:jo@d.example"}, .from_days = -9, .to_days = -1}, ec_key())
            .certificate;
    return certificate;
}

std::string rdata(std::uint16_t type, std::string data, std::uint16_t tag = 0, std::uint8_t algorithm = 0)
{
    return write_cert_record({type, tag, algorithm, std::move(data)});
}

/// The DNS as told; everything else is NXDOMAIN.
struct ToldDns : DnsLookup {
    DnsAnswer query(const std::string& name, DnsType type, SteadyTime) override
    {
        BOOST_TEST((type == DnsType::cert));
        asked.push_back(name);
        if (auto it = answers.find(name); it != answers.end()) return it->second;
        DnsAnswer none;
        none.kind = Kind::none;
        none.no_such_name = true;
        return none;
    }
    void holds(const std::string& name, std::vector<std::string> records)
    {
        DnsAnswer answer;
        answer.kind = Kind::found;
        answer.records = std::move(records);
        answers[name] = answer;
    }
    std::map<std::string, DnsAnswer> answers;
    std::vector<std::string> asked;
};

struct Asking {
    std::shared_ptr<ToldDns> dns = std::make_shared<ToldDns>();
    Discovery find(const std::string& address)
    {
        std::vector<std::unique_ptr<CertificateResolver>> steps;
        steps.push_back(std::make_unique<DnsResolver>(dns, Step::address));
        steps.push_back(std::make_unique<DnsResolver>(dns, Step::domain));
        return ResolverChain(std::move(steps)).find(addr(address), plenty);
    }
    std::string asked() const { return join(dns->asked, " "); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(cert_records_are_read_and_written)
{
    auto read = read_cert_record(std::string("\0\1\x12\x34\x08", 5) + "der");
    BOOST_REQUIRE(read);
    BOOST_TEST(read->type == 1);
    BOOST_TEST(read->key_tag == 0x1234);
    BOOST_TEST(read->algorithm == 8);
    BOOST_TEST(read->data == "der");
    BOOST_TEST(write_cert_record(*read) == std::string("\0\1\x12\x34\x08", 5) + "der");
    for (std::size_t n = 0; n <= 5; ++n) BOOST_TEST(!read_cert_record(std::string(n, '\1')), n);
    BOOST_TEST(cert_type_name(1) == "PKIX");
    BOOST_TEST(cert_type_name(3) == "PGP");
    BOOST_TEST(cert_type_name(8) == "IACPKIX");
    BOOST_TEST(cert_type_name(0) == "type 0");
    BOOST_TEST(cert_type_name(300) == "type 300");
}

BOOST_AUTO_TEST_CASE(other_types_and_broken_records_are_left_out)
{
    const std::string der(one_certificate().der());
    auto records = read_cert_records({rdata(3, "pgp"), rdata(1, der, 4711, 5), rdata(4, "http://x.example/"),
                                      "abc", rdata(1, der), rdata(1, "no certificate"), rdata(1, der + "x")});
    BOOST_TEST((records.certificates == std::vector<Certificate>{one_certificate()}));
    BOOST_TEST(records.pkix == 4u);
    const std::string notes = join(records.notes, "\n");
    BOOST_TEST(records.notes.size() == 5u, notes);
    for (const char* word : {"type PGP", "type IPKIX", "without content", "holds no certificate"})
        BOOST_TEST(notes.find(word) != std::string::npos, word);
}

BOOST_AUTO_TEST_CASE(names_of_addresses)
{
    const std::pair<const char*, const char*> good[] = {
        {"jo.doe@d.example", "jo.doe.d.example"},
        {"Jo.DOE@D.Example", "jo.doe.d.example"},
        {"jo+tag@d.example", "jo\\043tag.d.example"},
        {"o'neil@d.example", "o\\039neil.d.example"},
        {"a_b-c@d.example", "a_b-c.d.example"},
        {"\"jo doe\"@d.example", "jo\\032doe.d.example"},
        {"\"jo@home\"@d.example", "jo\\064home.d.example"},
        {"\"a\\\"b\\\\c\"@d.example", "a\\034b\\092c.d.example"},
        {"\"jo.doe\"@d.example", "jo.doe.d.example"},
        {"j\xc3\xb6@d.example", "j\\195\\182.d.example"},
        {"jo@b\xc3\xbc"
         "cher.example",
         "jo.xn--bcher-kva.example"},
    };
    for (auto [address, name] : good) {
        auto got = dns_name_of(addr(address));
        BOOST_REQUIRE_MESSAGE(got, address);
        BOOST_TEST(*got == name);
    }
    const std::string label63(63, 'x');
    BOOST_TEST(dns_name_of(addr(label63 + "@d.example")).value() == label63 + ".d.example");
    // Two of the domain's labels of 63, one of 55: 186 octets and what separates them; 64 more do not fit.
    const std::string domain = label63 + "." + label63 + "." + label63 + ".example";
    BOOST_TEST(dns_name_of(addr(std::string(53, 'y') + "@" + domain)).has_value());
    for (const std::string& none : {std::string(64, 'x') + "@d.example", std::string("\"a..b\"@d.example"),
                                    std::string("\".a\"@d.example"), std::string("\"a.\"@d.example"),
                                    std::string(54, 'y') + "@" + domain})
        BOOST_TEST(!dns_name_of(addr(none)), none);
}

BOOST_AUTO_TEST_CASE(address_before_domain_and_nothing_after_the_first_certificate)
{
    Asking a;
    a.dns->holds("jo.d.example", {rdata(1, std::string(one_certificate().der()))});
    a.dns->holds("d.example", {rdata(1, std::string(one_certificate().der()))});
    Discovery d = a.find("jo@d.example");
    BOOST_TEST((d.answer == Answer::found));
    BOOST_TEST(d.step == "dns address");
    BOOST_TEST(a.asked() == "jo.d.example");  // the certificate has expired: that is no reason to go on (G4)
    BOOST_TEST((a.find("ann@d.example").step == "dns domain"));
    BOOST_TEST(a.asked() == "jo.d.example ann.d.example d.example");
}

BOOST_AUTO_TEST_CASE(nothing_anywhere_is_final)
{
    Asking a;
    a.dns->holds("jo.d.example", {});
    a.dns->answers["jo.d.example"].kind = Kind::none;
    Discovery d = a.find("jo@d.example");
    BOOST_TEST((d.answer == Answer::not_found));
    BOOST_TEST(a.asked() == "jo.d.example d.example");
    BOOST_REQUIRE(d.trace.size() == 2u);
    BOOST_TEST(d.trace[0] == "dns address jo.d.example CERT: the name has no such record");
    BOOST_TEST(d.trace[1] == "dns domain d.example CERT: no such name");
}

BOOST_AUTO_TEST_CASE(what_the_dns_does_not_say_is_later_and_ends_the_search)
{
    for (const char* silent : {"jo.d.example", "d.example"}) {
        Asking a;
        a.dns->answers[silent].why = "SERVFAIL";
        a.dns->answers[silent].kind = Kind::temporary;
        Discovery d = a.find("jo@d.example");
        BOOST_TEST((d.answer == Answer::later));
        BOOST_TEST(d.why.find("SERVFAIL") != std::string::npos);
        BOOST_TEST(d.why.find(silent) != std::string::npos);
        BOOST_TEST(a.dns->asked.back() == silent);
    }
}

BOOST_AUTO_TEST_CASE(other_types_do_not_end_the_search_an_unreadable_certificate_does)
{
    Asking a;
    a.dns->holds("jo.d.example", {rdata(3, "pgp")});
    a.dns->holds("d.example", {rdata(1, std::string(one_certificate().der()))});
    BOOST_TEST(a.find("jo@d.example").step == "dns domain");
    a.dns->holds("jo.d.example", {rdata(3, "pgp"), rdata(1, "broken")});
    Discovery d = a.find("jo@d.example");
    BOOST_TEST((d.answer == Answer::found));
    BOOST_TEST(d.step == "dns address");
    BOOST_TEST(d.certificates.empty());
}

BOOST_AUTO_TEST_CASE(a_tag_is_asked_for_then_left_out)
{
    Asking a;
    a.dns->holds("jo.d.example", {rdata(1, std::string(one_certificate().der()))});
    Discovery d = a.find("jo+x@d.example");
    BOOST_TEST(d.step == "dns address");
    BOOST_TEST(a.asked() == "jo\\043x.d.example jo.d.example");
}

BOOST_AUTO_TEST_CASE(an_address_without_a_name_is_looked_for_by_its_domain)
{
    Asking a;
    Discovery d = a.find("\"a..b\"@d.example");
    BOOST_TEST((d.answer == Answer::not_found));
    BOOST_TEST(a.asked() == "d.example");
    BOOST_TEST(d.trace.at(0).find("not asked") != std::string::npos);
}
