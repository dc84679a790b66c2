// verdict_fixture.h - a root, a CA under it, a certificate under that, and a stranger.
#pragma once
#include <boost/test/unit_test.hpp>

#include "policy/trust/verdict.h"
#include "tests/support/test_pki.h"

namespace direct::test {

using Certificates = std::vector<Certificate>;

inline const CertSpec ca_spec{.name = "Root", .ca = true};

struct VerdictFixture {
    Key root_key = ec_key(), middle_key = ec_key(), leaf_key = ec_key(), other_key = ec_key();
    Issued root = issue(ca_spec, root_key);
    Issued middle = issue({.name = "Middle", .ca = true}, middle_key, &root);
    Issued leaf = issue({.name = "leaf", .san = {"DNS:d.example"}}, leaf_key, &middle);
    Issued stranger = issue({.name = "Stranger", .ca = true}, other_key);
    JudgeOptions options{.now = test_now()};

    Verdict ask(const Certificate& c, const Certificates& between, const Certificates& anchors)
    {
        Verdict v = judge(c, between, AnchorSet(anchors), options);
        BOOST_TEST(ERR_peek_error() == 0u);
        BOOST_TEST((v.trusted() || !v.because.empty()));
        BOOST_TEST(v.trusted() == !v.path.empty());
        return v;
    }
    /// The leaf issued as the spec says, under Middle and Root.
    Reason reason_for(const CertSpec& spec, const Key& key)
    {
        return ask(issue(spec, key, &middle).certificate, {middle.certificate}, {root.certificate}).reason;
    }
    Reason reason_under(const Issued& issuer, const Certificates& between)
    {
        Issued c = issue({.name = "leaf", .san = {"DNS:d.example", "email:a@d.example"}}, leaf_key, &issuer);
        return ask(c.certificate, between, {root.certificate}).reason;
    }
};

}  // namespace direct::test

#define CHECK_REASON(expression, expected) BOOST_TEST(token_of(expression) == token_of(Reason::expected))
