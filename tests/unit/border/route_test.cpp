// Which way a message goes: the rules of the configuration manual, one vector each.
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "milter/route.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

using namespace direct;
using namespace direct::test;

namespace {

std::shared_ptr<const Site> site_with(const std::string& local)
{
    Scratch scratch;
    auto settings =
        parse_settings("[reinject]\nreport_domain = \"direct-report.example\"\n[listeners]\nlocal = \"" +
                           local + "\"\n" + R"(
[[domain]]
name = "direct.clinic.example"
[[domain]]
name = "direct.lab.example"
login = [ { user = "drjones", from = ["jones@direct.lab.example"] }, { user = "gate", from = ["@direct.lab.example"] } ]
client = [ { network = "192.0.2.0/24", from = ["device@direct.lab.example"] } ]
)",
                       scratch / "direct.toml");
    if (!settings) throw std::runtime_error(settings.error().why);
    return load_site(*settings, SystemClock().now());
}

RouteInput input_of(const Site& site, const Vector& v)
{
    RouteInput in;
    in.daemon_name = v.get("Daemon", "mx");
    in.login = v.get("Login");
    in.client_ip = v.get("Client", "198.51.100.7");
    in.envelope_from = v.get("Envelope");
    if (v.has("From")) in.from_fields.push_back(v.get("From"));
    if (v.has("From2")) in.from_fields.push_back(v.get("From2"));
    if (v.has("Sender")) in.sender_fields.push_back(v.get("Sender"));
    auto to = v.get("To");
    for (auto one : split(to, ' ')) in.recipients.push_back(classify_recipient(site, std::string(one)));
    return in;
}

const char* name_of(Way way)
{
    switch (way) {
        case Way::not_ours:
            return "not-ours";
        case Way::inbound:
            return "inbound";
        case Way::outbound:
            return "outbound";
        case Way::report:
            return "report";
        case Way::refuse:
            return "refuse";
    }
    return "";
}

}  // namespace

BOOST_DATA_TEST_CASE(every_way_of_a_message, load_vectors("route.vec"), v)
{
    auto site = site_with(v.get("Local", "mx"));
    auto got = route(*site, input_of(*site, v));
    BOOST_TEST(name_of(got.way) == v.get("Way"));
    if (v.has("Reason")) BOOST_TEST(token_of(got.reason) == v.get("Reason"));
    if (got.way == Way::outbound) BOOST_TEST(got.from.has_value());
}

BOOST_AUTO_TEST_CASE(a_recipient_is_ours_whatever_its_spelling)
{
    auto site = site_with("mx");
    for (const char* path :
         {"<jo@direct.clinic.example>", "<JO@DIRECT.Clinic.EXAMPLE>", "jo@direct.clinic.example",
          "<\"j o\"@direct.clinic.example>", "<@relay.example:jo@direct.clinic.example>"})
        BOOST_TEST(classify_recipient(*site, path).ours, path);
    for (const char* path :
         {"<jo@clinic.example>", "<jo@x.direct.clinic.example>", "<>", "<postmaster>",
          "<list-bounces+jo=direct.clinic.example@lists.example>", "<jo%other.example@mx.hospital.example>"})
        BOOST_TEST(!classify_recipient(*site, path).ours, path);
    BOOST_TEST(classify_recipient(*site, "<NewUser@direct.clinic.example>").newuser);
    BOOST_TEST(classify_recipient(*site, "<\"newuser\"@direct.clinic.example>").newuser);
    BOOST_TEST(classify_recipient(*site, "<newuser+x@direct.clinic.example>").newuser);
    BOOST_TEST(!classify_recipient(*site, "<newuser2@direct.clinic.example>").newuser);
}

// Postfix completes a domain without a dot (append_dot_mydomain): such a recipient reached a Direct mailbox as
// mail that was none of ours.
BOOST_AUTO_TEST_CASE(a_domain_that_postfix_would_complete_to_ours_is_ours_and_refused)
{
    auto site = site_with("mx");
    for (const char* path : {"<jo@direct>", "<jo@DIRECT.>", "jo@direct", "<@relay.example:jo@direct>"}) {
        auto recipient = classify_recipient(*site, path);
        BOOST_TEST(recipient.ours, path);
        BOOST_TEST(!recipient.address.has_value(), path);
    }
    for (const char* path : {"<jo@clinic>", "<jo@dir>", "<jo>", "<@>", "<direct@>", "<jo@direct.other>"})
        BOOST_TEST(!classify_recipient(*site, path).ours, path);
}

// Postfix strips a trailing dot, blanks and comments, and delivers: such a recipient passed as none of ours, unjudged.
BOOST_AUTO_TEST_CASE(a_path_only_postfix_reads_is_ours_when_it_names_us)
{
    auto site = site_with("mx");
    for (const char* path :
         {"<jo@direct.clinic.example.>", "<jo@direct.clinic.example..>", "<jo@direct.clinic.example (x)>",
          "<jo@ direct.clinic.example>", "<jo@direct.clinic.example >", "<jo (a@b) @direct.clinic.example>",
          "<jo@direct.(x)clinic.example>", "<jo@ Direct>", "<(c)jo@(c)DIRECT.CLINIC.EXAMPLE(c)>"}) {
        auto recipient = classify_recipient(*site, path);
        BOOST_TEST(recipient.ours, path);
        BOOST_TEST(!recipient.address.has_value(), path);
    }
    for (const char* path : {"<>", "<postmaster>", "<a b@other.example>", "<jo@other.example.>",
                             "<jo@[192.0.2.1]>", "<list+jo=direct.clinic.example@lists.example>"})
        BOOST_TEST(!classify_recipient(*site, path).ours, path);
}
