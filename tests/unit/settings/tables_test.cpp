#include <boost/test/unit_test.hpp>
#include <set>

#include "conf/settings_reader.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"
#include "tests/unit/settings/site.h"

using namespace direct;
using namespace direct::test;

namespace {

std::string domain_with(const std::string& line)
{
    return one_domain + line + "\n";
}

}  // namespace

BOOST_AUTO_TEST_CASE(parser_and_description_know_the_same_keys)
{
    for (const char* table : {"domain", "bundle", "peer"}) {
        BOOST_TEST_CONTEXT(table)
        {
            std::vector<std::string> described;
            for (const auto& row : table_key_rows())
                if (row.table == table) described.emplace_back(row.key);
            auto read = keys_read(table);
            BOOST_TEST(std::set(read.begin(), read.end()) == std::set(described.begin(), described.end()),
                       boost::test_tools::per_element());
            BOOST_TEST(read.size() == described.size());
        }
    }
    for (const auto& row : table_key_rows()) BOOST_TEST(row.doc.back() == '.', row.key);
}

BOOST_AUTO_TEST_CASE(a_whole_domain_is_read)
{
    Scratch folder;
    write_file(folder / "p.pol", "");
    write_file(folder / "signer.pem", "");
    auto r = parse_settings(R"(
[[domain]]
name = "Direct.Exämple.ORG"
environment = "test"
newuser = "NewUser"
mailboxes = "listed"
listed = ["Jones", "smith"]
plain = "pass"
final = "relayed"
bundles = [ { name = "providers", outgoing = false } ]
policies = { trust = ["p.pol"], public = ["p.pol"], private = ["p.pol", { file = "p.pol", incoming = false }] }
login_is_address = false
login = [ { user = "DrJ", from = ["Jones@direct.exämple.org", "@direct.exämple.org"] } ]
client = [ { network = "192.0.2.0/24", from = ["ehr@direct.exämple.org"] } ]
pickup_url = "http://127.0.0.1:8080/x/"
organisation = "St. Example"
language = "de-CH"
[[bundle]]
name = "providers"
url = "https://bundles.example.org/p.p7m"
signer = "signer.pem"
refresh = "15m"
[[peer]]
domain = "Old.Example.NET"
key_transport = "oaep-sha256"
cipher = "aes-256-gcm"
accept_sha1 = true
accept_unwrapped = false
)",
                            folder / "direct.toml");
    BOOST_REQUIRE_MESSAGE(r, (r ? "" : r.error().why));
    const auto& s = **r;
    BOOST_REQUIRE(s.domains.size() == 1u);
    const auto& d = s.domains[0];
    BOOST_TEST(d.name == "direct.xn--exmple-cua.org");
    BOOST_TEST(s.domain("direct.xn--exmple-cua.org") == &d);
    BOOST_TEST(s.domain("xn--exmple-cua.org") == nullptr);
    BOOST_TEST(d.environment == "test");
    BOOST_TEST(d.newuser == "newuser");
    BOOST_TEST(d.mailboxes == "listed");
    BOOST_TEST(d.listed.at(0) == "jones");
    BOOST_TEST(d.plain == "pass");
    BOOST_TEST(d.final_ == "relayed");
    BOOST_TEST(d.bundles.at(0).name == "providers");
    BOOST_TEST(d.bundles.at(0).incoming);
    BOOST_TEST(!d.bundles.at(0).outgoing);
    BOOST_TEST(d.policies_trust.at(0).file == folder / "p.pol");
    // A file alone holds for the usual directions of its place.
    BOOST_TEST((d.policies_trust[0].incoming && !d.policies_trust[0].outgoing));
    BOOST_TEST((!d.policies_public.at(0).incoming && d.policies_public[0].outgoing));
    BOOST_TEST((d.policies_private.at(0).incoming && d.policies_private[0].outgoing));
    BOOST_TEST((!d.policies_private.at(1).incoming && d.policies_private[1].outgoing));
    BOOST_TEST(d.policies_private[1].file == folder / "p.pol");
    BOOST_TEST(!d.login_is_address);
    BOOST_TEST(d.login.at(0).user == "DrJ");
    BOOST_TEST(d.login.at(0).from.at(0) == "jones@direct.xn--exmple-cua.org");
    BOOST_TEST(d.login.at(0).from.at(1) == "@direct.xn--exmple-cua.org");
    BOOST_TEST(d.client.at(0).network == "192.0.2.0/24");
    BOOST_TEST(d.pickup_url == "http://127.0.0.1:8080/x");
    BOOST_TEST(d.organisation == "St. Example");
    BOOST_TEST(d.language == "de-CH");
    BOOST_TEST(s.bundles.at(0).signer == folder / "signer.pem");
    BOOST_TEST(s.bundles.at(0).refresh.count() == 900'000);
    const auto* p = s.peer("old.example.net");
    BOOST_REQUIRE(p);
    BOOST_TEST(p->key_transport.value() == "oaep-sha256");
    BOOST_TEST(p->cipher.value() == "aes-256-gcm");
    BOOST_TEST(p->accept_sha1);
    BOOST_TEST(p->accept_unwrapped.value() == false);
    bool seen = false;
    for (const auto& row : describe(s)) {
        if (row.name == "domain.1.bundles") {
            seen = true;
            BOOST_TEST(row.value == "name=providers incoming=true outgoing=false");
            BOOST_TEST(row.origin == (folder / "direct.toml") + ":10");
        }
    }
    BOOST_TEST(seen);
}

BOOST_AUTO_TEST_CASE(only_what_was_set_is_described)
{
    auto rows = describe(*taken(domain_with("plain = \"pass\"")));
    std::vector<std::string> names;
    for (const auto& row : rows)
        if (row.type.empty()) names.push_back(row.name);
    BOOST_REQUIRE(names.size() == 2u);
    BOOST_TEST(names[0] == "domain.1.name");
    BOOST_TEST(names[1] == "domain.1.plain");
}

BOOST_AUTO_TEST_CASE(faults_in_tables_are_refused)
{
    struct Case {
        const char* line;
        const char* says;
    };
    for (auto c : {
             Case{"newusr = \"x\"", "unknown name \"domain.1.newusr\"; nearest is \"newuser\""},
             Case{"login = [ { usr = \"x\", from = [\"a@direct.example.org\"] } ]",
                  "unknown name \"domain.1.login.1.usr\"; nearest is \"user\""},
             Case{"login = [ { from = [\"a@direct.example.org\"] } ]", "domain.1.login.1 has no user"},
             Case{"login = [ { user = \"x\" } ]", "has no from"},
             Case{"login = [ { user = \"x\", from = [\"a@b.example.org\"] } ]",
                  "is not of direct.example.org"},
             Case{"login = [ { user = \"x\", from = [\"a b\"] } ]", "is no address"},
             Case{"login = [ { user = \"x\", from = [\"@direct.example.org\"] }, { user = \"x\", from = "
                  "[\"@direct.example.org\"] } ]",
                  "stands twice"},
             Case{"login = { user = \"x\" }", "domain.1.login wants a list, not a table"},
             Case{"client = [ { network = \"192.0.2.0/33\", from = [\"@direct.example.org\"] } ]",
                  "is no address and no network"},
             Case{"client = [ { network = \"localhost\", from = [\"@direct.example.org\"] } ]",
                  "is no address and no network"},
             Case{"policies = { trusted = [] }",
                  "unknown name \"domain.1.policies.trusted\"; nearest is \"trust\""},
             Case{"policies = { trust = [ { file = \"p.pol\", incoming = false } ] }",
                  "domain.1.policies.trust.1 has neither direction"},
             Case{"policies = { trust = [ { incoming = true } ] }", "domain.1.policies.trust.1 has no file"},
             Case{"policies = { trust = [ 7 ] }", "domain.1.policies.trust.1 wants text, not a number"},
             Case{"policies = { trust = [ { files = \"p.pol\" } ] }", "nearest is \"file\""},
             Case{"policies = { trust = [\"missing.pol\"] }",
                  "names a file that is not there: /etc/direct/missing.pol"},
             Case{"bundles = [ { name = \"provider\" } ]\n[[bundle]]\nname = \"providers\"\nurl = "
                  "\"https://b.example.org\"",
                  "\"provider\" is no [[bundle]]; nearest is \"providers\""},
             Case{"bundles = [ \"providers\" ]", "domain.1.bundles.1 wants a table, not text"},
             Case{"newuser = \"new user\"", "is no local part"},
             Case{"newuser = \"a@b\"", "is no local part"},
             Case{"mailboxes = \"listd\"", "nearest: listed"},
             Case{"listed = [\"x\"]", "has no effect without"},
             Case{"plain = \"accept\"", "wants one of refuse, pass"},
             Case{"environment = \"\"", "environment is empty"},
             Case{"pickup_url = \"http://pickup.example.org\"", "wants an https address"},
             Case{"pickup_url = \"https://u@pickup.example.org\"", "wants an https address"},
             Case{"language = \"english please\"", "wants a language tag"},
             Case{"organisation = \"a\\rb\"", "holds a control character"},
             Case{"[[domain]]\nname = \"DIRECT.example.org\"",
                  "3:1: domain.2.name \"direct.example.org\" stands twice"},
             Case{"[[domain]]\nplain = \"pass\"", "domain.2 has no name"},
             Case{"[[domain]]\nname = \"a b\"", "is no domain name"},
             Case{"[reinject]\nreport_domain = \"Direct.example.org\"",
                  "is a [[domain]]; reports need a domain of their own"},
             Case{"[reinject]\nreport_domain = \"not a domain\"", "is no domain name"},
             Case{"[[bundle]]\nname = \"b\"\nurl = \"ftp://x\"", "wants an http or https address"},
             Case{"[[bundle]]\nname = \"b\"", "wants an http or https address as url"},
             Case{"[[bundle]]\nname = \"b\"\nurl = \"https://x.org\"\nrefresh = \"31d\"",
                  "must be from 1s to 30d"},
             Case{"[[bundle]]\nname = \"b\"\nurl = \"https://x.org\"\nsigner = \"none.pem\"",
                  "not there: /etc/direct/none.pem"},
             Case{"[[bundle]]\nname = \"b\"\nurl = \"https://x.org\"\n[[bundle]]\nname = \"b\"\nurl = "
                  "\"https://y.org\"",
                  "stands twice"},
             Case{"[[peer]]\ncipher = \"aes-256-cbc\"", "peer.1 has no domain"},
             Case{"[[peer]]\ndomain = \"p.example\"\ncipher = \"des3\"", "wants one of aes-128-cbc"},
             Case{"[[peer]]\ndomain = \"p.example\"\n[[peer]]\ndomain = \"P.example\"", "stands twice"},
         }) {
        std::string line = c.line;
        // A case about a second [[domain]] counts lines from the first one's end.
        CHECK_SAYS(refused(domain_with(line)),
                   std::string(c.says).starts_with("3:1: ") ? std::string(c.says).substr(5) : c.says);
    }
    CHECK_SAYS(refused("[domain]\nname = \"direct.example.org\"\n"),
               "1:2: \"domain\" may stand several times: write [[domain]]");
}

BOOST_AUTO_TEST_CASE(the_second_of_two_equal_domains_is_named)
{
    CHECK_SAYS(refused(one_domain + "\n[[domain]]\nname = \"direct.EXAMPLE.org\"\n"), ":5:1: domain.2.name");
}

BOOST_AUTO_TEST_CASE(no_domain_is_not_said_beside_other_faults)
{
    auto said = refused("[[domain]]\nnme = \"direct.example.org\"\n");
    CHECK_SAYS(said, "nearest is \"name\"");
    BOOST_TEST(!says(said, "no [[domain]]"));
}

BOOST_AUTO_TEST_CASE(the_report_domain_has_a_default)
{
    auto s = taken(one_domain);
    BOOST_TEST(report_domain_of(*s).starts_with("direct-report."));
    BOOST_TEST(!authserv_id_of(*s).empty());
    auto own = taken("[reinject]\nreport_domain = \"Reports.Example.org\"\n[milter]\nauthserv_id = \"mx\"\n" +
                     one_domain);
    BOOST_TEST(report_domain_of(*own) == "reports.example.org");
    BOOST_TEST(authserv_id_of(*own) == "mx");
}
