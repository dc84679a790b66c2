#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "milter/base/text.h"
#include "tests/unit/trust/verdict_fixture.h"

using namespace direct;
using namespace direct::test;

using Fixture = VerdictFixture;

BOOST_FIXTURE_TEST_SUITE(verdicts, Fixture)

BOOST_AUTO_TEST_CASE(a_chain_to_an_anchor_is_accepted)
{
    Verdict v = ask(leaf.certificate, {middle.certificate}, {stranger.certificate, root.certificate});
    CHECK_REASON(v.reason, accepted);
    BOOST_TEST((v.path == Certificates{leaf.certificate, middle.certificate, root.certificate}));
}

BOOST_AUTO_TEST_CASE(intermediates_and_leaves_may_be_anchors)
{
    CHECK_REASON(ask(leaf.certificate, {}, {middle.certificate}).reason, accepted);
    CHECK_REASON(ask(leaf.certificate, {middle.certificate}, {leaf.certificate}).reason, accepted);
    Issued self = issue({.name = "self", .san = {"DNS:d.example"}}, leaf_key);
    CHECK_REASON(ask(self.certificate, {}, {self.certificate}).reason, accepted);
    // A leaf that is an anchor is none for what its key signs.
    Issued below = issue({.name = "below"}, other_key, &leaf);
    CHECK_REASON(ask(below.certificate, {}, {leaf.certificate}).reason, bad_usage);
}

BOOST_AUTO_TEST_CASE(without_an_anchor_nothing_is_trusted)
{
    CHECK_REASON(ask(leaf.certificate, {middle.certificate, root.certificate}, {}).reason, untrusted);
    CHECK_REASON(ask(leaf.certificate, {middle.certificate, root.certificate}, {stranger.certificate}).reason,
                 untrusted);
    CHECK_REASON(ask(leaf.certificate, {}, {root.certificate}).reason, no_path);
    CHECK_REASON(ask(leaf.certificate, {middle.certificate}, {stranger.certificate}).reason, no_path);
    CHECK_REASON(ask(leaf.certificate, {}, {}).reason, no_path);
    Verdict fresh;
    BOOST_TEST(!fresh.trusted());
}

// Hole 1: whoever makes a certificate chooses its key identifier.
BOOST_AUTO_TEST_CASE(a_forged_key_identifier_is_worth_nothing)
{
    std::string id;
    for (unsigned char c : root.certificate.key_id())
        id += (id.empty() ? "" : ":") + hex({reinterpret_cast<char*>(&c), 1});
    Issued forged = issue({.name = "evil", .san = {"DNS:d.example"}, .key_id_of = id}, other_key);
    BOOST_REQUIRE(forged.certificate.key_id() == root.certificate.key_id());
    CHECK_REASON(ask(forged.certificate, {}, {root.certificate}).reason, untrusted);
    // Name, serial number and key identifier of the anchor, another key.
    Issued twin = issue({.name = "Root", .ca = true, .key_id_of = id, .serial = 1}, other_key);
    Issued below = issue({.name = "leaf", .san = {"DNS:d.example"}}, leaf_key, &twin);
    CHECK_REASON(ask(below.certificate, {twin.certificate}, {root.certificate}).reason, untrusted);
    CHECK_REASON(ask(below.certificate, {}, {root.certificate}).reason, no_path);
    CHECK_REASON(ask(twin.certificate, {}, {root.certificate}).reason, untrusted);
}

// Two certificates of the issuing CA with one name and one key; only one of them leads to the anchor.
BOOST_AUTO_TEST_CASE(the_second_issuer_is_tried_when_the_first_leads_nowhere)
{
    Issued wrong = issue({.name = "Middle", .ca = true}, middle_key, &stranger);
    BOOST_REQUIRE(wrong.certificate.key_id() == middle.certificate.key_id());
    for (const Certificates& between :
         {Certificates{wrong.certificate, middle.certificate},
          Certificates{middle.certificate, wrong.certificate},
          Certificates{wrong.certificate, stranger.certificate, middle.certificate}}) {
        Verdict v = ask(leaf.certificate, between, {root.certificate});
        CHECK_REASON(v.reason, accepted);
        BOOST_TEST((v.path[1] == middle.certificate));
    }
    // The same when the first issuer has expired, though both lead to the anchor.
    Issued old = issue({.name = "Middle", .ca = true, .from_days = -20, .to_days = -5}, middle_key, &root);
    CHECK_REASON(ask(leaf.certificate, {old.certificate, middle.certificate}, {root.certificate}).reason,
                 accepted);
    CHECK_REASON(ask(leaf.certificate, {old.certificate}, {root.certificate}).reason, expired);
}

BOOST_AUTO_TEST_CASE(dates_of_every_element_count)
{
    CHECK_REASON(reason_for({.name = "x", .from_days = -20, .to_days = -1}, leaf_key), expired);
    CHECK_REASON(reason_for({.name = "x", .from_days = 2}, leaf_key), not_yet_valid);
    // An expired anchor is none, for a leaf that is itself still valid.
    Issued old_root = issue({.name = "Old", .ca = true, .from_days = -20, .to_days = -1}, root_key);
    Issued below = issue({.name = "leaf"}, leaf_key, &old_root);
    CHECK_REASON(ask(below.certificate, {}, {old_root.certificate}).reason, expired);
    options.now = leaf.certificate.not_after() + seconds(1);
    CHECK_REASON(ask(leaf.certificate, {middle.certificate}, {root.certificate}).reason, expired);
    options.now = leaf.certificate.not_before() - seconds(1);
    CHECK_REASON(ask(leaf.certificate, {middle.certificate}, {root.certificate}).reason, not_yet_valid);
    options.now = leaf.certificate.not_after() - seconds(1);
    CHECK_REASON(ask(leaf.certificate, {middle.certificate}, {root.certificate}).reason, accepted);
}

BOOST_AUTO_TEST_CASE(usage_decides_by_what_is_asked)
{
    auto rsa = rsa_key();
    CertSpec sign{.name = "s", .key_usage = "digitalSignature"},
        seal{.name = "e", .key_usage = "keyEncipherment"};
    CertSpec web{.name = "w", .extended_usage = "serverAuth"},
        mail{.name = "m", .extended_usage = "emailProtection"};
    options.use.kind = Use::signing;
    CHECK_REASON(reason_for(sign, rsa), accepted);
    CHECK_REASON(reason_for(seal, rsa), bad_usage);
    CHECK_REASON(reason_for(web, rsa), bad_usage);
    CHECK_REASON(reason_for(mail, rsa), accepted);
    options.use.kind = Use::encryption;
    CHECK_REASON(reason_for(sign, rsa), bad_usage);
    CHECK_REASON(reason_for(seal, rsa), accepted);
    CHECK_REASON(reason_for(web, rsa), bad_usage);
    CHECK_REASON(reason_for({.name = "a", .key_usage = "keyAgreement"}, leaf_key), accepted);
}

BOOST_AUTO_TEST_CASE(weak_keys_anywhere)
{
    Key weak = rsa_key(0, 1024);
    CHECK_REASON(reason_for({.name = "x"}, weak), weak_key);
    CHECK_REASON(reason_for({.name = "x"}, ec_key("secp224r1")), weak_key);
    Issued weak_middle = issue({.name = "Weak", .ca = true}, weak, &root);
    CHECK_REASON(reason_under(weak_middle, {weak_middle.certificate}), weak_key);
    Issued weak_root = issue({.name = "Weak root", .ca = true}, weak);
    Issued below = issue({.name = "leaf"}, leaf_key, &weak_root);
    CHECK_REASON(ask(below.certificate, {}, {weak_root.certificate}).reason, weak_key);
}

BOOST_AUTO_TEST_CASE(weak_signatures_anywhere_but_on_the_anchor)
{
    for (const char* digest : {"SHA1", "MD5"}) {
        auto rsa_root = issue({.name = "RSA root", .ca = true, .digest = digest}, rsa_key());
        auto good = issue({.name = "leaf"}, leaf_key, &rsa_root);
        auto bad = issue({.name = "leaf", .digest = digest}, leaf_key, &rsa_root);
        CHECK_REASON(ask(good.certificate, {}, {rsa_root.certificate}).reason, accepted);
        CHECK_REASON(ask(bad.certificate, {}, {rsa_root.certificate}).reason, weak_algorithm);
        auto bad_middle = issue({.name = "M", .ca = true, .digest = digest}, middle_key, &rsa_root);
        auto below = issue({.name = "leaf"}, leaf_key, &bad_middle);
        CHECK_REASON(ask(below.certificate, {bad_middle.certificate}, {rsa_root.certificate}).reason,
                     weak_algorithm);
    }
    auto rsa_root = issue({.name = "RSA root", .ca = true}, rsa_key());
    auto pss = issue({.name = "leaf", .pss = true}, leaf_key, &rsa_root);
    CHECK_REASON(ask(pss.certificate, {}, {rsa_root.certificate}).reason, accepted);
}

BOOST_AUTO_TEST_CASE(path_rules_of_rfc_5280)
{
    auto under = [&](const CertSpec& spec) {
        Issued m = issue(spec, other_key, &root);
        return reason_under(m, {m.certificate});
    };
    CHECK_REASON(under({.name = "M", .ca = true}), accepted);
    CHECK_REASON(under({.name = "M"}), bad_usage);  // no basicConstraints
    CHECK_REASON(under({.name = "M", .constraints = "CA:FALSE"}), bad_usage);
    CHECK_REASON(under({.name = "M", .key_usage = "keyCertSign"}), bad_usage);  // usage alone makes no CA
    CHECK_REASON(under({.name = "M", .ca = true, .key_usage = "digitalSignature"}), bad_usage);
    CHECK_REASON(under({.name = "M", .ca = true, .key_usage = "keyCertSign,cRLSign"}), accepted);
    CHECK_REASON(under({.name = "M", .ca = true, .extended_usage = "serverAuth"}), bad_usage);
    CHECK_REASON(under({.name = "M", .ca = true, .extended_usage = "emailProtection"}), accepted);
    CHECK_REASON(under({.name = "M", .constraints = "critical,CA:TRUE,pathlen:0"}), accepted);
    auto more = [&](int nid, const char* text) {
        return under({.name = "M", .ca = true, .more = {{nid, text}}});
    };
    CHECK_REASON(more(NID_name_constraints, "critical,permitted;DNS:d.example,permitted;email:d.example"),
                 accepted);
    CHECK_REASON(more(NID_name_constraints, "critical,permitted;DNS:other.example"), bad_usage);
    CHECK_REASON(more(NID_name_constraints, "critical,permitted;email:other.example"), bad_usage);
    CHECK_REASON(more(NID_name_constraints, "critical,excluded;DNS:d.example"), bad_usage);
    CHECK_REASON(more(NID_policy_constraints, "critical,requireExplicitPolicy:0"), bad_usage);

    Issued zero = issue({.name = "Zero", .constraints = "critical,CA:TRUE,pathlen:0"}, other_key, &root);
    Issued below_zero = issue({.name = "Below", .ca = true}, middle_key, &zero);
    CHECK_REASON(reason_under(below_zero, {zero.certificate, below_zero.certificate}), bad_usage);
}

BOOST_AUTO_TEST_CASE(an_unknown_critical_extension_refuses)
{
    int nid = OBJ_create("1.3.6.1.4.1.99999.1", "directUnknown", "directUnknown");
    CHECK_REASON(reason_for({.name = "x", .more = {{nid, "critical,DER:0500"}}}, leaf_key), bad_usage);
    CHECK_REASON(reason_for({.name = "x", .more = {{nid, "DER:0500"}}}, leaf_key), accepted);
}

BOOST_AUTO_TEST_CASE(every_reason_is_told)
{
    Issued bad =
        issue({.name = "bad", .extended_usage = "serverAuth", .to_days = -1}, rsa_key(0, 1024), &middle);
    Verdict v = ask(bad.certificate, {middle.certificate}, {root.certificate});
    CHECK_REASON(v.reason, expired);
    std::string all = join(v.because, "\n");
    for (const char* word : {"expired on", "too weak", "not for e-mail"})
        BOOST_TEST(all.find(word) != std::string::npos, all);
    // Also when it leads to no anchor, with the name of what is missing.
    v = ask(bad.certificate, {}, {root.certificate});
    CHECK_REASON(v.reason, no_path);
    all = join(v.because, "\n");
    for (const char* word : {"expired on", "CN=Middle"}) BOOST_TEST(all.find(word) != std::string::npos, all);
}

BOOST_AUTO_TEST_CASE(depth_and_number_of_paths_are_bounded)
{
    Certificates between;
    Issued last = root;
    for (int i = 0; i < 4; ++i) {
        last = issue({.name = "M" + std::to_string(i), .ca = true}, ec_key(), &last);
        between.push_back(last.certificate);
    }
    CHECK_REASON(reason_under(last, between), accepted);  // six in all
    last = issue({.name = "M4", .ca = true}, ec_key(), &last);
    between.push_back(last.certificate);
    CHECK_REASON(reason_under(last, between), no_path);

    // A heap of look-alikes with the issuer's name and key, each under a stranger, costs little and ends.
    Certificates heap;
    for (int i = 0; i < 300; ++i)
        heap.push_back(issue({.name = "Middle", .ca = true}, middle_key, &stranger).certificate);
    BOOST_TEST(!ask(leaf.certificate, heap, {root.certificate}).trusted());
    // Two CAs that certify each other end as well.
    Issued a = issue({.name = "A", .ca = true}, root_key, &middle),
           b = issue({.name = "Middle", .ca = true}, middle_key, &a);
    Issued below = issue({.name = "leaf"}, leaf_key, &b);
    CHECK_REASON(ask(below.certificate, {a.certificate, b.certificate}, {stranger.certificate}).reason,
                 no_path);
}

BOOST_AUTO_TEST_CASE(a_changed_certificate_is_not_the_one_that_was_signed)
{
    std::string der(leaf.certificate.der());
    std::size_t at = der.find("d.example");
    der[at] = 'e';
    auto changed = Certificate::from_der(der);
    BOOST_REQUIRE(changed);
    CHECK_REASON(ask(*changed, {middle.certificate}, {root.certificate}).reason, no_path);
    CHECK_REASON(ask(*changed, {middle.certificate}, {leaf.certificate}).reason, no_path);
}

BOOST_AUTO_TEST_CASE(revocation_is_asked_for_every_element_but_the_anchor)
{
    std::vector<std::string> asked;
    Revocation answer = Revocation::good;
    options.revocation_source = [&](const Certificate& c, const Certificate& issuer) {
        asked.push_back(c.subject() + " by " + issuer.subject());
        return c == middle.certificate ? answer : Revocation::good;
    };
    auto reason = [&] { return ask(leaf.certificate, {middle.certificate}, {root.certificate}).reason; };
    CHECK_REASON(reason(), accepted);
    BOOST_TEST(asked == (std::vector<std::string>{"CN=leaf by CN=Middle", "CN=Middle by CN=Root"}),
               boost::test_tools::per_element());
    answer = Revocation::revoked;
    CHECK_REASON(reason(), revoked);
    options.revocation = JudgeOptions::RevocationMode::off;
    CHECK_REASON(reason(), accepted);
    for (auto without : {Revocation::unknown, Revocation::not_checked}) {
        answer = without;
        options.revocation = JudgeOptions::RevocationMode::soft;
        CHECK_REASON(reason(), accepted);
        BOOST_TEST(ask(leaf.certificate, {middle.certificate}, {root.certificate}).because.size() == 1u);
        options.revocation = JudgeOptions::RevocationMode::hard;
        CHECK_REASON(reason(), revocation_unknown);
    }
    // Nothing of a stranger's is looked up (decision 11).
    asked.clear();
    ask(leaf.certificate, {middle.certificate}, {stranger.certificate});
    ask(leaf.certificate, {middle.certificate, root.certificate}, {});
    BOOST_TEST(asked.empty());
}

BOOST_AUTO_TEST_CASE(the_cache_forgets_in_time)
{
    VerdictCache cache;
    Issued brief = issue({.name = "brief", .to_days = 0}, leaf_key, &root);  // ends now
    AnchorSet anchors({root.certificate});
    options.now = brief.certificate.not_after() - seconds(10);
    CHECK_REASON(cache.judge(brief.certificate, {}, anchors, options).reason, accepted);
    options.now = brief.certificate.not_after() + seconds(1);
    CHECK_REASON(cache.judge(brief.certificate, {}, anchors, options).reason, expired);
    options.now = brief.certificate.not_after() - seconds(10);
    CHECK_REASON(cache.judge(brief.certificate, {}, anchors, options).reason, accepted);
    // Another use, other anchors, other intermediates are other questions.
    Issued sign_only = issue({.name = "s", .key_usage = "digitalSignature"}, leaf_key, &middle);
    options.now = test_now();
    CHECK_REASON(cache.judge(sign_only.certificate, {}, anchors, options).reason, no_path);
    CHECK_REASON(cache.judge(sign_only.certificate, {middle.certificate}, anchors, options).reason, accepted);
    options.use.kind = Use::encryption;
    CHECK_REASON(cache.judge(sign_only.certificate, {middle.certificate}, anchors, options).reason,
                 bad_usage);
    options.use.kind = Use::signing;
    CHECK_REASON(cache.judge(sign_only.certificate, {middle.certificate}, AnchorSet(), options).reason,
                 no_path);
    // With revocation asked, the answer is always fresh.
    int asked = 0;
    options.revocation_source = [&](const Certificate&, const Certificate&) {
        ++asked;
        return asked > 2 ? Revocation::revoked : Revocation::good;
    };
    CHECK_REASON(cache.judge(sign_only.certificate, {middle.certificate}, anchors, options).reason, accepted);
    CHECK_REASON(cache.judge(sign_only.certificate, {middle.certificate}, anchors, options).reason, revoked);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(many_threads, Fixture)

// Parsed certificates, anchors and caches are shared by all sessions; ThreadSanitizer watches this one.
BOOST_AUTO_TEST_CASE(certificates_and_caches_are_shared)
{
    CertificateCache certificates(16);
    VerdictCache verdicts(16);
    const AnchorSet anchors({root.certificate});
    const std::string leaf_der(leaf.certificate.der()), middle_der(middle.certificate.der());
    std::atomic<int> accepted = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i) {
                Certificate c = *certificates.get(leaf_der), m = *certificates.get(middle_der);
                bool cached = verdicts.judge(c, {m}, anchors, options).trusted();
                bool fresh = judge(leaf.certificate, {middle.certificate}, anchors, options).trusted();
                accepted += cached && fresh && !c.bound_to_domain("x") && c.subject() == "CN=leaf";
            }
        });
    for (auto& t : threads) t.join();
    BOOST_TEST(accepted == 200);
}

BOOST_AUTO_TEST_SUITE_END()
