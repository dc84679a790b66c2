// Which anchors decide: the direction's own, and for notices the other direction's as well (D10).
#include "milter/sta/judging.h"

#include <boost/test/unit_test.hpp>

#include "tests/support/test_pki.h"

using namespace direct;
using namespace direct::test;

namespace {

ContentType type_of(const std::string& header)
{
    std::string bytes = "Content-Type: " + header + "\r\n\r\nx";
    auto entity = read_entity(bytes, {});
    BOOST_REQUIRE(entity);
    return entity->content_type;
}

struct Fixture {
    Issued in_ca = issue({.name = "In", .ca = true}, ec_key());
    Issued out_ca = issue({.name = "Out", .ca = true}, ec_key());
    Issued sender = issue({.name = "sender", .san = {"DNS:a.example"}}, ec_key(), &in_ca);
    Issued receiver = issue({.name = "receiver", .san = {"DNS:b.example"}}, ec_key(), &out_ca);
    TrustAnchors anchors;
    VerdictCache cache;
    JudgeOptions options{.now = test_now()};

    Fixture()
    {
        anchors.add("ours.example", true, false, {in_ca.certificate});
        anchors.add("ours.example", false, true, {out_ca.certificate});
    }
    Reason ask(const Issued& partner, Direction direction, bool notice, const char* domain = "ours.example")
    {
        return judge_under(cache, partner.certificate, {}, anchors_for(anchors, domain, direction, notice),
                           options)
            .reason;
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(notices_are_known_by_their_type)
{
    for (const char* yes : {"multipart/report; report-type=disposition-notification; boundary=x",
                            "Multipart/Report; boundary=\"x\"; Report-Type=\"Delivery-Status\""})
        BOOST_TEST(is_notice(type_of(yes)), yes);
    for (const char* no :
         {"multipart/report; boundary=x", "multipart/report; report-type=feedback-report; boundary=x",
          "multipart/mixed; report-type=delivery-status; boundary=x", "text/plain",
          "message/disposition-notification"})
        BOOST_TEST(!is_notice(type_of(no)), no);
}

BOOST_FIXTURE_TEST_CASE(ordinary_mail_keeps_to_its_direction, Fixture)
{
    using enum Direction;
    BOOST_TEST((ask(sender, incoming, false) == Reason::accepted));
    BOOST_TEST((ask(receiver, outgoing, false) == Reason::accepted));
    BOOST_TEST((ask(sender, outgoing, false) != Reason::accepted));
    BOOST_TEST((ask(receiver, incoming, false) != Reason::accepted));
}

BOOST_FIXTURE_TEST_CASE(notices_survive_one_way_trust, Fixture)
{
    using enum Direction;
    // Our notice to somebody who may only write to us; the notice of somebody to whom we may only write.
    BOOST_TEST((ask(sender, outgoing, true) == Reason::accepted));
    BOOST_TEST((ask(receiver, incoming, true) == Reason::accepted));
    // Another domain of ours trusts neither, and a notice is no way around that.
    BOOST_TEST((ask(sender, outgoing, true, "other.example") != Reason::accepted));
    Issued stranger = issue({.name = "stranger", .san = {"DNS:a.example"}}, ec_key());
    BOOST_TEST((ask(stranger, outgoing, true) != Reason::accepted));
    BOOST_TEST((ask(stranger, incoming, true) != Reason::accepted));
}

BOOST_FIXTURE_TEST_CASE(a_refused_notice_tells_the_cause_under_its_own_direction, Fixture)
{
    Issued old = issue({.name = "old", .from_days = -9, .to_days = -1}, ec_key(), &in_ca);
    BOOST_TEST((ask(old, Direction::incoming, true) == Reason::expired));
    BOOST_TEST((ask(old, Direction::outgoing, true) == Reason::no_path));
}

BOOST_AUTO_TEST_CASE(what_may_be_known_in_a_minute_is_told_before_all_else)
{
    using enum Reason;
    // A certificate that breaks a policy beside one whose revocation is unknown made the refusal final.
    for (auto other : {policy, untrusted, no_path, expired}) {
        BOOST_TEST((told_of(revocation_unknown, other) == revocation_unknown));
        BOOST_TEST((told_of(other, revocation_unknown) == revocation_unknown));
    }
    BOOST_TEST((told_of(no_valid_certificate, policy) == policy));
    BOOST_TEST((told_of(policy, untrusted) == untrusted));
    BOOST_TEST((told_of(no_valid_certificate, expired) == no_valid_certificate));
    BOOST_TEST((told_of(policy, expired) == policy));
}
