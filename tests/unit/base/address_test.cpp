#include "milter/base/address.h"

#include <boost/test/unit_test.hpp>
#include <map>

#include "tests/support/vectors.h"

using namespace direct;

namespace {

const std::map<std::string, AddressFault> faults{
    {"empty", AddressFault::empty},           {"syntax", AddressFault::syntax},
    {"quote", AddressFault::quote},           {"local", AddressFault::local},
    {"local-utf8", AddressFault::local_utf8}, {"domain", AddressFault::domain},
    {"literal", AddressFault::literal}};

Address address(std::string_view text)
{
    auto a = parse_address(text, true);
    BOOST_REQUIRE_MESSAGE(a.has_value(), text);
    return *a;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(address_)

BOOST_AUTO_TEST_CASE(addresses_as_the_vectors_say)
{
    for (const auto& v : test::load_vectors("address.vec")) BOOST_TEST_CONTEXT(v << ": " << v.get("Text"))
        {
            const auto text = v.get("Text");
            const bool utf8 = v.get("Utf8") == "yes";
            const auto a = parse_address(text, utf8);
            const auto fault = diagnose_address(text, utf8);
            if (v.has("Fault")) {
                BOOST_REQUIRE(faults.contains(v.get("Fault")));
                BOOST_TEST((fault == faults.at(v.get("Fault"))));
                BOOST_REQUIRE(!a);
                BOOST_TEST((a.error().reason == Reason::malformed));
                continue;
            }
            BOOST_TEST((fault == AddressFault::none));
            BOOST_REQUIRE(a.has_value());
            BOOST_TEST(a->text() == v.get("Is"));
            BOOST_TEST(a->key() == v.get("Key", v.get("Is")));
            BOOST_TEST(a->key() == address(a->text()).key());
            BOOST_TEST(a->key() == address(a->key()).key());
        }
}

BOOST_AUTO_TEST_CASE(lengths_at_their_limits)
{
    const std::string l64(64, 'a');
    const std::string l63(63, 'a');
    BOOST_TEST(parse_address(l64 + "@x.org").has_value());
    BOOST_TEST((diagnose_address(l64 + "a@x.org", false) == AddressFault::local));
    BOOST_TEST(parse_address("a@" + l63 + ".org").has_value());
    BOOST_TEST((diagnose_address("a@" + l63 + "a.org", false) == AddressFault::domain));
    const auto d253 = l63 + "." + l63 + "." + l63 + "." + std::string(61, 'b');
    BOOST_REQUIRE(d253.size() == 253U);
    BOOST_TEST(parse_address("a@" + d253).has_value());
    BOOST_TEST((diagnose_address("a@" + d253 + "b", false) == AddressFault::domain));
    BOOST_TEST((diagnose_address("a@" + std::string(100000, 'b') + ".org", false) == AddressFault::domain));
    // 64 octets with the quotes; octets, not characters.
    BOOST_TEST(parse_address("\"" + std::string(62, ' ') + "\"@x.org").has_value());
    BOOST_TEST(!parse_address("\"" + std::string(63, ' ') + "\"@x.org"));
    std::string umlauts;
    for (int i = 0; i < 32; ++i) umlauts += "\xC3\xB6";
    BOOST_TEST(parse_address(umlauts + "@x.org", true).has_value());
    BOOST_TEST(!parse_address(umlauts + "a@x.org", true));
}

BOOST_AUTO_TEST_CASE(same_mailbox_same_key)
{
    BOOST_TEST((address("Jane.Doe@Example.ORG") == address("jane.doe@example.org")));
    BOOST_TEST((address("\"jane\"@x.org") == address("JANE@x.org")));
    BOOST_TEST((address("\"ja\\ne\"@x.org") == address("jane@x.org")));
    BOOST_TEST((address("j@b\xC3\xBC"
                        "cher.example") == address("j@XN--BCHER-KVA.example")));
    BOOST_TEST((address("J\xC3\x96RG@x.org") == address("jo\xCC\x88rg@x.org")));
    BOOST_TEST((!(address("jane@x.org") == address("jane@mail.x.org"))));
    BOOST_TEST((!(address("jane+a@x.org") == address("jane@x.org"))));
    BOOST_TEST((!(address("\"j..d\"@x.org") == address("j.d@x.org"))));
    BOOST_TEST((address("a@x.org") < address("B@x.org")));
}

BOOST_AUTO_TEST_CASE(paths)
{
    BOOST_TEST((*parse_path("<Jane@Example.org>"))->text() == "Jane@example.org");
    BOOST_TEST((*parse_path("jane@example.org"))->text() == "jane@example.org");
    BOOST_TEST((*parse_path("<root@localhost>"))->domain == "localhost");
    BOOST_TEST((*parse_path("<j\xC3\xB6rg@x.org>"))->local == "j\xC3\xB6rg");
    const auto nobody = parse_path("<>");
    BOOST_REQUIRE(nobody.has_value());
    BOOST_TEST(!nobody->has_value());
    for (const char* bad :
         {"", "<", ">", "<postmaster>", "postmaster", "<jane@example.org", "jane@example.org>",
          "<<jane@example.org>>", "< >", "<@relay.org:jane@x.org>", "<jane@[192.0.2.1]>"})
        BOOST_TEST_CONTEXT(bad)
        {
            const auto path = parse_path(bad);
            BOOST_REQUIRE(!path);
            BOOST_TEST((path.error().reason == Reason::malformed));
        }
}

BOOST_AUTO_TEST_CASE(domains)
{
    BOOST_TEST(*normal_domain("Example.ORG") == "example.org");
    BOOST_TEST(*normal_domain("localhost") == "localhost");
    BOOST_TEST(*normal_domain("stra\xC3\x9F"
                              "e.example") == "xn--strae-oqa.example");  // not strasse
    BOOST_TEST(*normal_domain("r3---sn.example") == "r3---sn.example");
    for (const char* bad :
         {"", ".", "a..b", ".a", "a.", "a b", "a_b.org", "b\xC3\xBC_x.org", "192.0.2.1", "a.1",
          "xn--a.example", "\xFF.org", "\xEF\xBC\xA0.org", "-a.org", "a-.org", "a/b.org"})
        BOOST_TEST_CONTEXT(bad) BOOST_TEST(!normal_domain(bad));
    BOOST_TEST(!normal_domain(std::string_view("a.org\0b", 7)));
    BOOST_TEST(!parse_address("jane@localhost"));
    BOOST_TEST(parse_address("jane@localhost", false, true).has_value());
}

BOOST_AUTO_TEST_CASE(tags)
{
    BOOST_TEST(without_tag(address("jo+tag+more@d.org")).text() == "jo@d.org");
    BOOST_TEST(without_tag(address("jo@d.org")).text() == "jo@d.org");
    BOOST_TEST(without_tag(address("+tag@d.org")).text() == "+tag@d.org");
    BOOST_TEST(without_tag(address("\"jo+tag\"@d.org")).text() == "jo@d.org");
    BOOST_TEST(without_tag(address("\"jo x+tag\"@d.org")).text() == "\"jo x\"@d.org");
    // Quotes would make it 65 octets long: no address any more (found by fuzzing).
    const std::string longest(62, 'x');
    BOOST_TEST(without_tag(address(longest + ".+@d.org")).text() == longest + ".+@d.org");
    BOOST_TEST(without_tag(address(longest.substr(1) + ".+@d.org")).text() ==
               '"' + longest.substr(1) + ".\"@d.org");
}

BOOST_AUTO_TEST_SUITE_END()
