// Revocation and missing issuers over a server on the loopback: what is asked, when, and what is made of it.
#include <boost/test/unit_test.hpp>

#include "policy/discovery/issuer_lookup.h"
#include "policy/discovery/revocation_lookup.h"
#include "tests/support/http_server.h"
#include "tests/support/memory_store.h"
#include "tests/support/test_revocation.h"

using namespace direct;
using namespace direct::test;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

struct House {
    House()
    {
        cache.use(store);
        server.serve("/ca.crl", make_crl(ca));
    }
    /// A certificate under the intermediate that names these places.
    Issued end(const std::string& name, const std::string& lists, const std::string& access = "")
    {
        CertSpec spec{.name = name, .san = {"email:" + name + "@a.example"}};
        auto whole = [&](std::string text) {
            for (std::size_t at; (at = text.find("@/")) != text.npos;) text.replace(at, 1, server.url(""));
            return text;
        };
        if (!lists.empty()) spec.more.push_back({NID_crl_distribution_points, whole(lists)});
        if (!access.empty()) spec.more.push_back({NID_info_access, whole(access)});
        return issue(spec, ec_key(), &ca);
    }
    std::string serial(const Issued& i) const { return std::string(i.certificate.serial_bytes()); }
    LookupContext context(milliseconds later = {}, milliseconds budget = milliseconds(20000)) const
    {
        return {fetcher, test_now() + later, {std::chrono::steady_clock::now() + budget}};
    }
    RevocationAnswer ask(const Issued& whom, milliseconds later = {})
    {
        return revocations.find(whom.certificate, ca.certificate, context(later));
    }
    void answer_ocsp(const Issued& whom, OcspSpec spec = {})
    {
        server.serve("/ocsp", make_ocsp(whom.certificate, ca, ca, spec));
    }

    Issued root = issue({.name = "root", .ca = true, .key_usage = "keyCertSign,cRLSign"}, rsa_key(0));
    Issued ca = issue({.name = "ca", .ca = true, .key_usage = "keyCertSign,cRLSign"}, rsa_key(1), &root);
    HttpServer server;
    FetchOptions options{.total_timeout = milliseconds(3000), .allow_networks = {"127.0.0.1"}};
    Fetcher fetcher{options};
    MemoryStore store;
    FetchCache cache;
    RevocationLookup revocations{cache};
    IssuerLookup issuers{cache};
};

bool says(const std::string& text, const std::string& what)
{
    return text.find(what) != std::string::npos;
}

#define CHECK_STATE(answer, wanted)                                     \
    do {                                                                \
        const auto& answer_ = (answer);                                 \
        BOOST_TEST((answer_.state == Revocation::wanted), answer_.why); \
    } while (false)

}  // namespace

BOOST_FIXTURE_TEST_SUITE(revocation, House)

BOOST_AUTO_TEST_CASE(a_list_says_good_and_revoked)
{
    Issued jo = end("jo", "URI:@/jo.crl"), ann = end("ann", "URI:@/ca.crl");
    server.serve("/jo.crl", make_crl(ca, {.entries = {{serial(jo), 1}}}));
    CHECK_STATE(ask(ann), good);
    auto answer = ask(jo);
    CHECK_STATE(answer, revoked);
    BOOST_TEST(says(answer.why, "keyCompromise"), answer.why);
    BOOST_TEST(says(answer.why, server.url("/jo.crl")), answer.why);
    // One list serves every certificate of its issuer, and is asked for once.
    CHECK_STATE(ask(end("bob", "URI:@/ca.crl")), good);
    BOOST_TEST(server.asked("/ca.crl") == 1u);
    answer = ask(ann);
    BOOST_TEST((answer.fresh_until > test_now() && answer.fresh_until <= test_now() + minutes(60)));
}

BOOST_AUTO_TEST_CASE(the_responder_is_asked_before_the_list)
{
    Issued jo = end("jo", "URI:@/ca.crl", "OCSP;URI:@/ocsp");
    answer_ocsp(jo);
    CHECK_STATE(ask(jo), good);
    CHECK_STATE(ask(jo, minutes(20)), good);
    BOOST_TEST(server.asked("/ocsp") == 1u);
    BOOST_TEST(server.asked("/ca.crl") == 0u);
    auto request = server.requests().at(0);
    BOOST_TEST(request.method == "POST");
    BOOST_TEST(request.field("Content-Type") == "application/ocsp-request");
    Issued bad = end("bad", "URI:@/ca.crl", "OCSP;URI:@/ocsp");
    answer_ocsp(bad, {.status = V_OCSP_CERTSTATUS_REVOKED, .reason = 1});
    CHECK_STATE(ask(bad), revoked);
}

BOOST_AUTO_TEST_CASE(a_responder_that_brings_nothing_leaves_the_list)
{
    Issued jo = end("jo", "URI:@/ca.crl", "OCSP;URI:@/ocsp");
    CHECK_STATE(ask(jo), good);  // 404
    Issued ann = end("ann", "URI:@/ca.crl", "OCSP;URI:@/ocsp");
    answer_ocsp(ann, {.status = V_OCSP_CERTSTATUS_UNKNOWN});
    CHECK_STATE(ask(ann), good);
    Issued bob = end("bob", "URI:@/none.crl", "OCSP;URI:@/ocsp");
    answer_ocsp(ann);  // about somebody else
    auto answer = ask(bob);
    CHECK_STATE(answer, unknown);
    BOOST_TEST(says(answer.why, "another certificate"), answer.why);
    BOOST_TEST(says(answer.why, "status 404"), answer.why);
}

BOOST_AUTO_TEST_CASE(a_wrong_nonce_is_no_answer)
{
    Issued jo = end("jo", "", "OCSP;URI:@/ocsp");
    answer_ocsp(jo, {.nonce = std::string(16, 'x')});
    auto answer = ask(jo);
    CHECK_STATE(answer, unknown);
    BOOST_TEST(says(answer.why, "nonce"), answer.why);
}

BOOST_AUTO_TEST_CASE(no_place_to_ask)
{
    auto answer = ask(end("jo", ""));
    CHECK_STATE(answer, unknown);
    BOOST_TEST(says(answer.why, "names no place"), answer.why);
    answer = ask(end("jo", "URI:ldap://127.0.0.1/cn=x"));
    CHECK_STATE(answer, unknown);
    BOOST_TEST(says(answer.why, "ldap://127.0.0.1/cn=x"), answer.why);
    BOOST_TEST(server.requests().empty());
}

BOOST_AUTO_TEST_CASE(every_name_of_a_point_is_tried)
{
    CHECK_STATE(ask(end("jo", "URI:@/none.crl,URI:@/ca.crl")), good);
    BOOST_TEST(server.asked("/none.crl") == 1u);
}

BOOST_AUTO_TEST_CASE(the_last_good_list_decides_within_the_grace)
{
    Issued jo = end("jo", "URI:@/ca.crl");
    CHECK_STATE(ask(jo), good);  // ends in an hour
    server.on("/ca.crl",
              [](const HttpServer::Request&) { return HttpServer::Reply{http_answer("500 Gone", "")}; });
    CHECK_STATE(ask(jo, minutes(30)), good);
    auto late = ask(jo, hours(10));
    CHECK_STATE(late, good);
    BOOST_TEST(says(late.why, "policy.revocation_grace"), late.why);
    BOOST_TEST((late.fresh_until <= test_now() + hours(10)));
    auto gone = ask(jo, hours(26));
    CHECK_STATE(gone, unknown);
    BOOST_TEST(says(gone.why, "had ended on"), gone.why);
    // The same after a restart, from the store.
    FetchCache cache2;
    cache2.use(store);
    RevocationLookup again(cache2);
    CHECK_STATE(again.find(jo.certificate, ca.certificate, context(hours(10))), good);
    CHECK_STATE(again.find(jo.certificate, ca.certificate, context(hours(26))), unknown);
}

BOOST_AUTO_TEST_CASE(who_was_revoked_stays_so_however_old_the_list)
{
    Issued jo = end("jo", "URI:@/jo.crl");
    server.serve("/jo.crl", make_crl(ca, {.entries = {{serial(jo), 1}}}));
    CHECK_STATE(ask(jo), revoked);
    server.on("/jo.crl", [](const HttpServer::Request&) { return HttpServer::Reply{"", false}; });
    CHECK_STATE(ask(jo, hours(24 * 30)), revoked);
}

BOOST_AUTO_TEST_CASE(a_new_list_is_seen_after_the_recheck_time)
{
    Issued jo = end("jo", "URI:@/week.crl");
    server.serve("/week.crl", make_crl(ca, {.to_minutes = 7 * 1440}));
    CHECK_STATE(ask(jo), good);
    server.serve("/week.crl",
                 make_crl(ca, {.entries = {{serial(jo), 1}}, .from_minutes = -1, .to_minutes = 7 * 1440}));
    CHECK_STATE(ask(jo, hours(3)), good);
    CHECK_STATE(ask(jo, hours(5)), revoked);
    // And sooner when the server says so.
    Issued ann = end("ann", "URI:@/hour.crl");
    server.serve("/hour.crl", make_crl(ca, {.to_minutes = 7 * 1440}), "Cache-Control: max-age=600\r\n");
    CHECK_STATE(ask(ann), good);
    server.serve("/hour.crl",
                 make_crl(ca, {.entries = {{serial(ann), 1}}, .from_minutes = -1, .to_minutes = 7 * 1440}));
    CHECK_STATE(ask(ann, minutes(11)), revoked);
}

BOOST_AUTO_TEST_CASE(an_older_list_does_not_take_the_place_of_a_newer_one)
{
    Issued jo = end("jo", "URI:@/jo.crl");
    server.serve("/jo.crl", make_crl(ca, {.entries = {{serial(jo), 1}}, .from_minutes = -10}),
                 "Cache-Control: max-age=1\r\n");
    CHECK_STATE(ask(jo), revoked);
    server.serve("/jo.crl", make_crl(ca, {.from_minutes = -100}));
    CHECK_STATE(ask(jo, minutes(20)), revoked);
}

BOOST_AUTO_TEST_CASE(a_list_that_another_key_signed_is_nobody)
{
    Issued twin = issue({.name = "ca", .ca = true, .key_usage = "keyCertSign,cRLSign"}, rsa_key(3));
    Issued jo = end("jo", "URI:@/twin.crl");
    server.serve("/twin.crl", make_crl(twin));
    auto answer = ask(jo);
    CHECK_STATE(answer, unknown);
    BOOST_TEST(says(answer.why, "signature is not its issuer's"), answer.why);
    server.serve("/twin.crl", make_crl(twin, {.entries = {{serial(jo), 1}}}));
    CHECK_STATE(ask(jo, minutes(10)), unknown);
}

BOOST_AUTO_TEST_CASE(a_silent_server_costs_the_budget_once)
{
    Issued jo = end("jo", "URI:@/silent.crl");
    server.on("/silent.crl", [](const HttpServer::Request&) { return HttpServer::Reply{"", true}; });
    auto from = std::chrono::steady_clock::now();
    CHECK_STATE(revocations.find(jo.certificate, ca.certificate, context({}, milliseconds(300))), unknown);
    BOOST_TEST((std::chrono::steady_clock::now() - from < seconds(2)));
    // The budget was spent: the server's own time was not up, so it is asked again; then it is left alone.
    CHECK_STATE(ask(jo), unknown);
    const auto asked = server.asked("/silent.crl");
    CHECK_STATE(ask(jo), unknown);
    BOOST_TEST(server.asked("/silent.crl") == asked);
}

BOOST_AUTO_TEST_CASE(a_known_partner_costs_no_path_and_no_look_up_while_the_data_is_fresh)
{
    Issued jo = end("jo", "URI:@/ca.crl");
    VerdictCache verdicts;
    int looked = 0;
    JudgeOptions o;
    o.use.kind = Use::signing;
    o.revocation = JudgeOptions::RevocationMode::hard;
    o.revocation_source = [&](const Certificate& c, const Certificate& issuer) {
        ++looked;
        LookupContext now = context();
        now.now = o.now;
        return revocations.find(c, issuer, now);
    };
    const AnchorSet anchors({ca.certificate});
    const Time start = test_now();
    auto judge = [&](milliseconds later) {
        o.now = start + later;
        return verdicts.judge(jo.certificate, {}, anchors, o).reason;
    };
    for (int i = 0; i < 100; ++i) BOOST_TEST((judge(seconds(i)) == Reason::accepted));
    BOOST_TEST(looked == 1);
    BOOST_TEST(server.requests().size() == 1u);
    // Past ten minutes the path is built again, and the list at hand still serves.
    BOOST_TEST((judge(minutes(11)) == Reason::accepted));
    BOOST_TEST(looked == 2);
    BOOST_TEST(server.requests().size() == 1u);
    // At its end a new one is wanted; the verdict does not outlive it.
    server.serve("/ca.crl",
                 make_crl(ca, {.entries = {{serial(jo), 1}}, .from_minutes = -1, .to_minutes = 600}));
    BOOST_TEST((judge(minutes(59)) == Reason::accepted));
    BOOST_TEST((judge(minutes(61)) == Reason::revoked));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(issuer, House)

BOOST_AUTO_TEST_CASE(missing_issuers_are_climbed_to)
{
    Issued sub = issue(
        {.name = "sub", .ca = true, .more = {{NID_info_access, "caIssuers;URI:" + server.url("/ca.crt")}}},
        rsa_key(4), &ca);
    CertSpec spec{.name = "jo",
                  .more = {{NID_info_access, "caIssuers;URI:" + server.url("/none") +
                                                 ",caIssuers;URI:" + server.url("/sub.pem")}}};
    Issued jo = issue(spec, ec_key(), &sub);
    server.serve("/sub.pem", pem_of(sub.certificate) + pem_of(root.certificate));
    server.serve("/ca.crt", std::string(ca.certificate.der()));
    auto found = issuers.find(jo.certificate, {}, context());
    BOOST_TEST((found.certificates == std::vector<Certificate>{sub.certificate, ca.certificate}));
    BOOST_TEST(found.notes.size() == 3u);
    BOOST_TEST(!found.more_later, "a status of 404 is an answer");
    const auto asked = server.requests().size();
    BOOST_TEST(issuers.find(jo.certificate, {}, context(minutes(1))).certificates.size() == 2u);
    BOOST_TEST(server.requests().size() == asked);
    // What is at hand is not fetched.
    found = issuers.find(jo.certificate, {sub.certificate}, context(minutes(1)));
    BOOST_TEST((found.certificates == std::vector<Certificate>{ca.certificate}));
}

BOOST_AUTO_TEST_CASE(pkcs7_is_read)
{
    Issued jo = end("jo", "", "caIssuers;URI:@/ca.p7c");
    ossl::Cms cms(CMS_sign(nullptr, nullptr, nullptr, nullptr, CMS_PARTIAL));
    CMS_add1_cert(cms.get(), ca.certificate.x509());
    CMS_final(cms.get(), nullptr, nullptr, 0);
    server.serve("/ca.p7c",
                 made_der([&](unsigned char** out) { return i2d_CMS_ContentInfo(cms.get(), out); }));
    auto found = issuers.find(jo.certificate, {}, context());
    BOOST_TEST((found.certificates == std::vector<Certificate>{ca.certificate}),
               (found.notes.empty() ? "" : found.notes[0]));
}

BOOST_AUTO_TEST_CASE(what_has_not_signed_the_certificate_is_not_taken)
{
    Issued jo = end("jo", "", "caIssuers;URI:@/ca.crt");
    Issued twin = issue({.name = "ca", .ca = true}, rsa_key(5));
    server.serve("/ca.crt", std::string(twin.certificate.der()));
    const auto none = issuers.find(jo.certificate, {}, context());
    BOOST_TEST(none.certificates.empty());
    BOOST_TEST(none.notes.size() == 1u);
    BOOST_TEST(!none.more_later);
    for (const std::string& body : {std::string("<html>"), std::string(300000, 'x')}) {
        Issued ann = end("ann", "", "caIssuers;URI:@/other.crt");
        server.serve("/other.crt", body);
        BOOST_TEST(issuers.find(ann.certificate, {}, context()).certificates.empty());
    }
}

BOOST_AUTO_TEST_CASE(a_ladder_without_end_is_left)
{
    // Each authority is issued by the next; all say where to fetch it.
    std::vector<Issued> ladder{issue({.name = "top", .ca = true}, rsa_key(6))};
    for (int i = 0; i < 9; ++i)
        ladder.push_back(
            issue({.name = "step " + std::to_string(i),
                   .ca = true,
                   .more = {{NID_info_access, "caIssuers;URI:" + server.url("/" + std::to_string(i))}}},
                  rsa_key(6), &ladder.back()));
    for (int i = 0; i < 9; ++i)
        server.serve("/" + std::to_string(i), std::string(ladder[std::size_t(i)].certificate.der()));
    BOOST_TEST(issuers.find(ladder.back().certificate, {}, context()).certificates.size() == 5u);
    BOOST_TEST(server.requests().size() == 5u);
    // Many places, none of which answers.
    std::string many;
    for (int i = 0; i < 20; ++i)
        many += (many.empty() ? "" : ",") + ("caIssuers;URI:" + server.url("/x" + std::to_string(i)));
    Issued jo = issue({.name = "jo", .more = {{NID_info_access, many}}}, ec_key(), &ca);
    const auto before = server.requests().size();
    BOOST_TEST(issuers.find(jo.certificate, {}, context()).certificates.empty());
    BOOST_TEST(server.requests().size() - before == 8u);
    // Who signs himself is nobody's child.
    Issued self =
        issue({.name = "self", .more = {{NID_info_access, "caIssuers;URI:" + server.url("/0")}}}, ec_key());
    const auto asked = server.requests().size();
    BOOST_TEST(issuers.find(self.certificate, {}, context()).certificates.empty());
    BOOST_TEST(server.requests().size() == asked);
}

// A sender whose authority's server was away for a minute was refused for good.
BOOST_AUTO_TEST_CASE(a_server_that_does_not_answer_leaves_the_question_open)
{
    Issued jo = end("jo", "", "caIssuers;URI:@/away.crt");
    server.on("/away.crt", [](const auto&) { return HttpServer::Reply{http_answer("503 Busy", "busy")}; });
    BOOST_TEST(issuers.find(jo.certificate, {}, context()).more_later);
    // Remembered for a while, and still no answer.
    BOOST_TEST(issuers.find(jo.certificate, {}, context(seconds(1))).more_later);
    auto late = context(minutes(10));
    late.budget.deadline = std::chrono::steady_clock::now();
    const auto over = issuers.find(jo.certificate, {}, late);
    BOOST_TEST(over.more_later);
    BOOST_REQUIRE(over.notes.size() == 1u);
    BOOST_TEST(says(over.notes[0], "policy.budget"));
}

BOOST_AUTO_TEST_SUITE_END()
