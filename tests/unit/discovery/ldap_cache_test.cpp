// Answers of directories are used again for a while: for how long, for whom, how many; and which are not.
#include "policy/discovery/ldap_cache.h"

#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "policy/discovery/ldap_resolver.h"
#include "tests/support/test_pki.h"

using namespace direct;
using namespace direct::test;
using Answer = Discovery::Answer;
using std::chrono::minutes;

namespace {

const std::vector<SrvRecord> servers = {{0, 0, 389, "one.example"}};
const SteadyTime start = SteadyTime() + std::chrono::hours(1);
constexpr std::size_t room = 1024 * 1024;

Discovery answered(Answer kind, std::size_t certificates = 0)
{
    static const Certificate one = issue({.name = "jo", .san = {"email:jo@d.example"}}, ec_key()).certificate;
    Discovery d;
    d.answer = kind;
    d.step = "ldap address";
    d.trace = {"asked"};
    d.certificates.assign(certificates, one);
    return d;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_answer_is_good_for_its_life_and_nothing_for_five_minutes_at_most)
{
    for (auto life : {minutes(3), minutes(60)}) {
        LdapCache cache(room, life);
        cache.put("jo", servers, answered(Answer::found, 1), start);
        cache.put("no", servers, answered(Answer::not_found), start);
        cache.put("later", servers, answered(Answer::later), start);
        auto kept = cache.find("jo", servers, start + life - seconds(1));
        BOOST_REQUIRE(kept);
        BOOST_TEST((kept->answer == Answer::found));
        BOOST_TEST(kept->certificates.size() == 1u);
        BOOST_TEST(kept->step == "ldap address");
        BOOST_TEST(kept->trace.front() == "asked");
        BOOST_TEST(kept->trace.back().find(std::to_string(life.count() * 60 - 1) + " s ago") !=
                   std::string::npos);
        BOOST_TEST(!cache.find("jo", servers, start + life));
        const auto nothing = std::min(life, minutes(5));
        BOOST_TEST(!cache.find("later", servers, start));
        BOOST_TEST(bool(cache.find("no", servers, start + nothing - seconds(1))));
        BOOST_TEST(!cache.find("no", servers, start + nothing));
        BOOST_TEST(cache.bytes() == 0u);
    }
    LdapCache none(room, milliseconds(0));
    none.put("jo", servers, answered(Answer::found, 1), start);
    BOOST_TEST(!none.find("jo", servers, start));
}

BOOST_AUTO_TEST_CASE(an_answer_counts_for_the_servers_that_gave_it)
{
    LdapCache cache(room, minutes(10));
    cache.put("jo", servers, answered(Answer::found, 1), start);
    BOOST_TEST(!cache.find("jo", {{0, 0, 389, "two.example"}}, start));
    BOOST_TEST(!cache.find("jo", servers, start));  // gone for good
    cache.put("jo", servers, answered(Answer::found, 1), start);
    cache.put("jo", servers, answered(Answer::not_found), start);
    BOOST_TEST((cache.find("jo", servers, start)->answer == Answer::not_found));
}

BOOST_AUTO_TEST_CASE(its_memory_is_bounded_and_what_is_used_stays)
{
    LdapCache probe(room, minutes(10));
    probe.put("000", servers, answered(Answer::found, 1), start);
    const std::size_t one = probe.bytes();
    LdapCache cache(10 * one, minutes(10));
    auto key = [](int i) { return std::to_string(100 + i); };
    for (int i = 0; i < 200; ++i) {
        cache.put(key(i), servers, answered(Answer::found, 1), start);
        BOOST_TEST(bool(cache.find(key(0), servers, start)));
        BOOST_TEST(cache.bytes() <= 10 * one);
    }
    BOOST_TEST(bool(cache.find(key(199), servers, start)));
    BOOST_TEST(!cache.find(key(150), servers, start));
    cache.put("large", servers, answered(Answer::found, 32), start);
    BOOST_TEST(!cache.find("large", servers, start));
    BOOST_TEST(bool(cache.find(key(0), servers, start)));
}

namespace {

/// One server at one.example; the DNS knows it by another name from `moved` on.
struct Directory : DnsLookup {
    DnsAnswer query(const std::string&, DnsType type, SteadyTime) override
    {
        DnsAnswer answer;
        answer.kind = type == DnsType::aaaa ? DnsAnswer::Kind::none : DnsAnswer::Kind::found;
        if (type == DnsType::a) answer.records = {std::string("\x7f\0\0\1", 4)};
        const std::string host(moved ? "\3two\7example\0" : "\3one\7example\0", 13);
        if (type == DnsType::srv) answer.records = {std::string("\0\0\0\0\1\x85", 6) + host};
        return answer;
    }
    bool moved = false;
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_same_question_is_asked_once_and_what_failed_again)
{
    auto dns = std::make_shared<Directory>();
    int asked = 0;
    Result<std::optional<LdapHit>> reply = std::optional<LdapHit>();
    LdapRules rules;
    rules.failure_pause = milliseconds(0);
    LdapResolver resolver(dns, rules, [&](const LdapTarget&, const std::vector<std::string>&, const Budget&) {
        ++asked;
        return reply;
    });
    const Budget plenty{std::chrono::steady_clock::now() + std::chrono::hours(1)};
    auto times_asked = [&](const char* address, Answer expected) {
        asked = 0;
        for (int i = 0; i < 3; ++i)
            BOOST_TEST((resolver.find(*parse_address(address, true), plenty).answer == expected), address);
        return asked;
    };
    BOOST_TEST(times_asked("no@d.example", Answer::not_found) == 1);
    reply = LdapHit{0, {std::string(answered(Answer::found, 1).certificates[0].der())}};
    BOOST_TEST(times_asked("Jo@d.example", Answer::found) == 1);
    BOOST_TEST(times_asked("jo@d.example", Answer::found) == 0);
    BOOST_TEST(times_asked("ann@d.example", Answer::found) == 1);
    dns->moved = true;
    BOOST_TEST(times_asked("jo@d.example", Answer::found) == 1);
    reply = fail(temporary("is down"));
    BOOST_TEST(times_asked("down@d.example", Answer::not_found) == 3);  // given up, and not believed
    BOOST_TEST(times_asked("jo@d.example", Answer::found) == 0);
}
