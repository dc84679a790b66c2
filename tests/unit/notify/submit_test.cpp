// What the outbox says to the listener, and what it makes of strange and broken answers.
#include "milter/base/text.h"
#include "tests/support/smtp_server.h"
#include "tests/unit/notify/post_office.h"

namespace {

using namespace direct;
using namespace direct::test;

// A listener that offers more is spoken to in the same way: one answer, to the whole message.
BOOST_AUTO_TEST_CASE(chunking_is_not_used)
{
    PostOffice o;
    SmtpServer::Script script;
    script.extensions.push_back("CHUNKING");
    script.chunk = "554 5.0.0 no pieces here";
    script.close_in_data = true;
    o.server.next(script);
    const auto id = o.put({alice});
    BOOST_TEST(o.pass() == 0u);
    BOOST_REQUIRE(o.entry(id).has_value());
    BOOST_TEST(o.settled(id).taken.empty());
    script.close_in_data = false;
    o.server.next(script);
    o.later(seconds(10));
    BOOST_TEST(o.pass() == 1u);
    BOOST_REQUIRE(!o.server.mails().empty());
    BOOST_TEST(o.server.mails().back().message == message);
}

// A listener that is killed while replies are outstanding once ended our process (libesmtp 1.1.0).
BOOST_AUTO_TEST_CASE(connection_lost_at_each_step)
{
    const std::vector<void (*)(SmtpServer::Script&)> steps = {[](SmtpServer::Script& s) { s.greeting = ""; },
                                                              [](SmtpServer::Script& s) { s.mail = ""; },
                                                              [](SmtpServer::Script& s) { s.rcpt[alice] = ""; },
                                                              [](SmtpServer::Script& s) { s.rcpt[bob] = ""; },
                                                              [](SmtpServer::Script& s) { s.close_in_data = true; },
                                                              [](SmtpServer::Script& s) { s.data = ""; }};
    for (const auto& step : steps) {
        PostOffice o;
        SmtpServer::Script script;
        step(script);
        o.server.next(script);
        const auto id = o.put({alice, bob});
        BOOST_TEST(o.pass() == 0u);
        BOOST_REQUIRE(o.entry(id));
        BOOST_TEST(o.entry(id)->recipients.size() == 2u);
        BOOST_TEST(o.entry(id)->state == "waiting");
        BOOST_TEST(!o.entry(id)->last_answer.empty());
        o.server.next({});
        o.later(seconds(10));
        BOOST_TEST(o.pass() == 1u);
        BOOST_TEST(o.server.mails().back().message == message);
    }
}

// What a reply may look like, and what is no reply.
BOOST_AUTO_TEST_CASE(replies_of_a_strange_listener)
{
    for (const char* reply : {"hello", "25", "250_x", "999 no", "000 no"}) {
        PostOffice o;
        SmtpServer::Script script;
        script.data = reply;
        o.server.next(script);
        const auto id = o.put({alice});
        BOOST_TEST(o.pass() == 0u);
        BOOST_TEST(o.entry(id)->last_answer.starts_with("the listener's reply is not SMTP; "));
    }
    PostOffice o;
    SmtpServer::Script script;
    script.data = "250-2.0.0 taken\r\n250 as TEST";
    o.server.next(script);
    const auto id = o.put({alice});
    BOOST_TEST(o.pass() == 1u);
    BOOST_TEST(o.settled(id).answer == "250 2.0.0 taken as TEST");
}

BOOST_AUTO_TEST_CASE(parameters_are_encoded)
{
    PostOffice o;
    SmtpServer::Script script;
    script.extensions.push_back("SIZE 1000000");
    o.server.next(script);
    o.put({"a+b=c@direct.example.net"});
    BOOST_TEST(o.pass() == 1u);
    const auto mails = o.server.mails();
    BOOST_REQUIRE(mails.size() == 1u);
    BOOST_TEST(mails[0].from.find(" SIZE=" + std::to_string(message.size()) + " ") != std::string::npos);
    BOOST_TEST(mails[0].rcpt[0] ==
               "RCPT TO:<a+b=c@direct.example.net> NOTIFY=SUCCESS,FAILURE "
               "ORCPT=rfc822;a+2Bb+3Dc@direct.example.net");
}

BOOST_AUTO_TEST_CASE(dots_and_blocks)
{
    PostOffice o;
    std::string big = "Subject: dots\r\n\r\n";
    while (big.size() < 200000) big += ".\r\n..\r\n.x\r\n";
    o.put({alice}, big);
    BOOST_TEST(o.pass() == 1u);
    BOOST_TEST((o.server.mails().back().message == big));
}

}  // namespace
