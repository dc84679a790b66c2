// Ways up to an anchor where names or key identifiers mislead.
#include "tests/unit/trust/verdict_fixture.h"

using namespace direct;
using namespace direct::test;

BOOST_FIXTURE_TEST_SUITE(paths, VerdictFixture)

// Two CAs that happen to have one name and claim one key identifier, with different keys; both orders, and
// both as anchors.
BOOST_AUTO_TEST_CASE(issuers_of_one_name_and_key_identifier_are_told_apart_by_their_signature)
{
    std::string id = "01:02:03:04";
    Issued one = issue({.name = "Same", .ca = true, .key_id_of = id}, middle_key, &root);
    Issued two = issue({.name = "Same", .ca = true, .key_id_of = id}, other_key, &stranger);
    Issued under_one = issue({.name = "leaf"}, leaf_key, &one),
           under_two = issue({.name = "leaf"}, leaf_key, &two);
    for (const Certificates& between :
         {Certificates{one.certificate, two.certificate}, Certificates{two.certificate, one.certificate}}) {
        CHECK_REASON(ask(under_one.certificate, between, {root.certificate}).reason, accepted);
        CHECK_REASON(ask(under_two.certificate, between, {root.certificate}).reason, no_path);
        CHECK_REASON(ask(under_two.certificate, between, {stranger.certificate}).reason, accepted);
        CHECK_REASON(ask(under_one.certificate, {}, between).reason, accepted);
    }
    CHECK_REASON(ask(under_one.certificate, {}, {two.certificate}).reason, no_path);
}

// A CA that signs itself and that our anchor has certified too: the way through the cross certificate counts.
BOOST_AUTO_TEST_CASE(a_cross_certified_ca_is_reached_through_its_cross_certificate)
{
    Issued theirs = issue({.name = "Theirs", .ca = true}, other_key);
    Issued cross = issue({.name = "Theirs", .ca = true}, other_key, &root);
    Issued below = issue({.name = "leaf"}, leaf_key, &theirs);
    for (const Certificates& between : {Certificates{theirs.certificate, cross.certificate},
                                        Certificates{cross.certificate, theirs.certificate}}) {
        Verdict v = ask(below.certificate, between, {root.certificate});
        CHECK_REASON(v.reason, accepted);
        BOOST_TEST((v.path == Certificates{below.certificate, cross.certificate, root.certificate}));
    }
    CHECK_REASON(ask(below.certificate, {theirs.certificate}, {root.certificate}).reason, untrusted);
    // What the cross certificate does not permit is not permitted, though the CA itself knows no bounds.
    Issued bounded = issue({.name = "Theirs",
                            .ca = true,
                            .more = {{NID_name_constraints, "critical,permitted;DNS:other.example"}}},
                           other_key, &root);
    Issued named = issue({.name = "leaf", .san = {"DNS:d.example"}}, leaf_key, &theirs);
    CHECK_REASON(ask(named.certificate, {theirs.certificate, bounded.certificate}, {root.certificate}).reason,
                 bad_usage);
    Issued fits = issue({.name = "leaf", .san = {"DNS:other.example"}}, leaf_key, &theirs);
    CHECK_REASON(ask(fits.certificate, {theirs.certificate, bounded.certificate}, {root.certificate}).reason,
                 accepted);
    // An anchor's own constraints bind as well (RFC 5280 leaves it open; the narrower reading is taken).
    Issued short_anchor = issue({.name = "Short", .constraints = "critical,CA:TRUE,pathlen:0"}, root_key);
    Issued between = issue({.name = "Between", .ca = true}, middle_key, &short_anchor);
    Issued deep = issue({.name = "leaf"}, leaf_key, &between);
    CHECK_REASON(ask(deep.certificate, {between.certificate}, {short_anchor.certificate}).reason, bad_usage);
}

BOOST_AUTO_TEST_SUITE_END()
