// What a stranger whose mail is refused leaves in the store: little for each message, and little in sum.
#include "milter/audit/refusals.h"

#include <boost/test/unit_test.hpp>

#include "tests/support/memory_store.h"

using namespace direct;
using namespace direct::test;

namespace {

constexpr std::uint64_t size_max = 1ull << 30;
const Time start{milliseconds(1'800'000'000'000)};

AuditEntry refusal(unsigned n, const char* token = "not-encrypted")
{
    AuditEntry e;
    e.at = start;
    e.event = "message-in";
    e.from_host = "192.0.2." + std::to_string(n % 20);
    e.sender = "<x@there.test>";
    e.recipient = "a+" + std::to_string(n) + "@here.test";
    e.message_id = "<" + std::to_string(n) + "@x.test>";
    e.queue_id = "Q";
    e.token = token;
    e.detail = "the message is text/plain";
    return e;
}

/// As much as a message could say before anything was cut.
AuditEntry greedy(unsigned n, const char* token)
{
    auto e = refusal(n, token);
    for (auto* text : {&e.who, &e.sender, &e.recipient, &e.message_id, &e.detail})
        *text += std::string(16'000, 'a');
    e.certificates.assign(1000, std::string(64, 'c'));
    return e;
}

struct Audited {
    MemoryStore store;
    bool refuse(std::vector<AuditEntry> entries, Time now, std::uint64_t most = size_max)
    {
        bool singly = false;
        BOOST_REQUIRE(store
                          .write(
                              [&](WriteTxn& txn) -> Status {
                                  TRY(singly, append_refusals(txn, store, entries, now, most));
                                  return Done{};
                              },
                              0)
                          .has_value());
        return singly;
    }
    std::vector<AuditEntry> all(const std::string& id = "")
    {
        std::vector<AuditEntry> out;
        AuditQuery query;
        query.id = id;
        BOOST_REQUIRE(read_audit(store, query, [&](const AuditEntry& e) {
                          return out.push_back(e), true;
                      }).has_value());
        const auto check = verify_audit(store);
        BOOST_REQUIRE(check.has_value());
        BOOST_TEST(check->intact);
        return out;
    }
    std::uint64_t bytes()
    {
        std::uint64_t sum = 0;
        for (const auto& e : all()) sum += encode(e).size();
        return sum;
    }
    /// Refuses messages until one is counted; how many were entries of their own.
    unsigned until_counted(Time now, std::uint64_t most = size_max)
    {
        for (unsigned n = 0; n < 100'000; ++n)
            if (!refuse({refusal(n)}, now, most)) return n;
        BOOST_FAIL("never counted");
        return 0;
    }
};

}  // namespace

// One message of 16 KB to a thousand recipients left 16 MB.
BOOST_AUTO_TEST_CASE(one_message_leaves_few_and_small_entries)
{
    Audited audited;
    std::vector<AuditEntry> entries;
    for (unsigned n = 0; n < 1000; ++n) {
        const char* tokens[] = {"no-key", "policy", "untrusted", "tampered", "revoked", "expired"};
        entries.push_back(greedy(n, tokens[n % 6]));
    }
    BOOST_TEST(audited.refuse(entries, start));
    const auto found = audited.all();
    BOOST_TEST(found.size() == refusal_entries_max);
    std::uint64_t recipients = 0;
    for (const auto& e : found) {
        BOOST_TEST(encode(e).size() <= refusal_entry_bytes_max);
        BOOST_TEST(e.further.size() + 1 == audit_recipients_named);
        recipients += 1 + e.further_count;
    }
    BOOST_TEST(recipients == 1000u);
    BOOST_TEST(found.back().detail.starts_with("others: expired; others: revoked; "), found.back().detail);
}

BOOST_AUTO_TEST_CASE(an_entry_names_the_first_recipients_and_is_found_by_them)
{
    Audited audited;
    BOOST_TEST(audited.refuse({refusal(1), refusal(2), refusal(3, "no-key")}, start));
    const auto found = audited.all();
    BOOST_REQUIRE(found.size() == 2u);
    BOOST_TEST(found[0].recipient == "a+1@here.test");
    BOOST_REQUIRE(found[0].further == std::vector<std::string>{"a+2@here.test"});
    BOOST_TEST(found[0].further_count == 1u);
    BOOST_TEST(found[0].detail == "the message is text/plain");
    BOOST_TEST(found[1].token == "no-key");
    BOOST_TEST(found[1].further_count == 0u);
    BOOST_TEST(audited.all("a+2@here.test").size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_above_the_budget_is_counted_and_the_chain_says_so)
{
    Audited audited;
    const auto singly = audited.until_counted(start);
    BOOST_TEST(singly > 100u);
    for (unsigned n = 0; n < 500; ++n)
        BOOST_TEST(!audited.refuse({refusal(n), refusal(n + 1, "no-key")}, start + std::chrono::minutes(1)));
    auto found = audited.all();
    BOOST_REQUIRE(found.size() == singly + 1);
    BOOST_TEST(found.back().event == "refusals-summed");
    BOOST_TEST(found.back().token == "begun");
    BOOST_TEST(audited.bytes() <= refusals_window_bytes + refusal_entry_bytes_max);
    // Nothing is told before the window is over, and once after.
    BOOST_TEST(tell_refusals(audited.store, start + refusals_window - milliseconds(1)).has_value());
    BOOST_TEST(audited.all().size() == singly + 1);
    for (int i = 0; i < 2; ++i) BOOST_TEST(tell_refusals(audited.store, start + refusals_window).has_value());
    found = audited.all();
    BOOST_REQUIRE(found.size() == singly + 2);
    BOOST_TEST(found.back().token == "told");
    const auto& told = found.back().detail;
    BOOST_TEST(told.starts_with("501 more messages for 1001 recipients refused between 2027-"), told);
    BOOST_TEST(told.find("not-encrypted 501 no-key 500; from 192.0.2.") != std::string::npos, told);
    BOOST_TEST(told.find(" of them from others") != std::string::npos, told);
    BOOST_TEST(audited.refuse({refusal(1)}, start + refusals_window), "a new window has a budget of its own");
}

BOOST_AUTO_TEST_CASE(the_next_refusal_ends_a_window_too)
{
    Audited audited;
    const auto singly = audited.until_counted(start);
    BOOST_TEST(audited.refuse({refusal(1)}, start + refusals_window));
    const auto found = audited.all();
    BOOST_REQUIRE(found.size() == singly + 3);
    BOOST_TEST(found[singly + 1].token == "told");
    BOOST_TEST(found[singly + 2].token == "not-encrypted");
}

BOOST_AUTO_TEST_CASE(a_clock_that_was_ahead_does_not_count_for_good)
{
    Audited audited;
    audited.until_counted(start + std::chrono::hours(24 * 400));
    BOOST_TEST(audited.refuse({refusal(1)}, start));
}

BOOST_AUTO_TEST_CASE(such_entries_take_no_more_than_their_share_of_the_store)
{
    constexpr std::uint64_t small = 1u << 20;
    Audited audited;
    Time now = start;
    for (int n = 0; n < 30; ++n, now += refusals_window) audited.until_counted(now, small);
    BOOST_TEST(audited.bytes() <= small / refusals_share + 30u * 2 * refusal_entry_bytes_max);
    const auto before = audited.all().size();
    // A day and two entries from here on, however many knock; with more room all is as before.
    for (int n = 0; n < 100; ++n)
        BOOST_TEST(!audited.refuse({refusal(1)}, now += std::chrono::hours(1), small));
    const auto after = audited.all();
    BOOST_TEST(after.size() - before <= 12u);
    BOOST_TEST(after.back().detail.find("their share of store.size_max") != std::string::npos);
    BOOST_TEST(audited.refuse({refusal(1)}, now + refusals_long_window, size_max));
}
