#include "milter/audit/audit.h"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <thread>

#include "milter/store/lmdb_store.h"
#include "milter/store/schema.h"
#include "tests/support/scratch.h"

using namespace direct;
using namespace direct::test;

namespace {

AuditEntry entry_number(unsigned n)
{
    AuditEntry entry;
    entry.at = Time(milliseconds(1'800'000'000'000 + n * 1000ll));
    entry.event = "message-in";
    entry.who = "dr@clinic.example";
    entry.from_host = "192.0.2.7";
    entry.sender = "dr@clinic.example";
    entry.recipient = "nurse" + std::to_string(n % 3) + "@hospital.example";
    entry.message_id = "<m" + std::to_string(n) + "@clinic.example>";
    entry.queue_id = "Q" + std::to_string(n);
    entry.token = "accepted";
    entry.detail = "signed by the domain's certificate";
    entry.certificates = {std::string(64, 'a'), std::string(64, 'b')};
    return entry;
}

struct Chain {
    Scratch scratch;
    std::unique_ptr<RecordStore> store;
    explicit Chain(unsigned entries = 0)
    {
        StoreOptions options;
        options.path = scratch / "store";
        options.map_start = 8u << 20;
        auto opened = open_lmdb_store(options, Secret(std::string(32, 'k')));
        BOOST_REQUIRE(opened.has_value());
        store = *std::move(opened);
        if (entries) append(entries);
    }
    void append(unsigned entries)
    {
        BOOST_REQUIRE(store
                          ->write([&](WriteTxn& txn) -> Status {
                              for (unsigned n = 1; n <= entries; ++n)
                                  CHECK(append_audit(txn, *store, entry_number(n)));
                              return Done{};
                          })
                          .has_value());
    }
    std::string value(std::uint64_t sequence)
    {
        std::string out;
        BOOST_REQUIRE(store
                          ->read([&](ReadTxn& txn) -> Status {
                              TRY(const auto found, txn.get(Table::audit, be64(sequence)));
                              out = found.value();
                              return Done{};
                          })
                          .has_value());
        return out;
    }
    template <class Work>
    void tamper(Work work)
    {
        BOOST_REQUIRE(store->write(work).has_value());
    }
    AuditCheck verify()
    {
        auto check = verify_audit(*store);
        BOOST_REQUIRE(check.has_value());
        return *check;
    }
    void must_be_bad(std::uint64_t first, const std::string& what)
    {
        const auto check = verify();
        BOOST_TEST(!check.intact);
        BOOST_TEST(check.first_bad == first);
        BOOST_TEST(check.what == what);
    }
    std::vector<std::uint64_t> find(const AuditQuery& query)
    {
        std::vector<std::uint64_t> out;
        BOOST_TEST(read_audit(*store, query, [&](const AuditEntry& e) {
                       out.push_back(e.sequence);
                       return true;
                   }).has_value());
        return out;
    }
};

using Numbers = std::vector<std::uint64_t>;

}  // namespace

BOOST_AUTO_TEST_CASE(an_entry_comes_back_whole)
{
    Chain chain(1);
    const auto read = decode_audit(chain.value(1));
    BOOST_TEST_REQUIRE(read.has_value());
    const AuditEntry wrote = entry_number(1);
    BOOST_TEST(read->sequence == 1u);
    BOOST_TEST((read->at == wrote.at));
    BOOST_TEST(read->event == wrote.event);
    BOOST_TEST(read->who == wrote.who);
    BOOST_TEST(read->from_host == wrote.from_host);
    BOOST_TEST(read->sender == wrote.sender);
    BOOST_TEST(read->recipient == wrote.recipient);
    BOOST_TEST(read->message_id == wrote.message_id);
    BOOST_TEST(read->queue_id == wrote.queue_id);
    BOOST_TEST(read->token == wrote.token);
    BOOST_TEST(read->detail == wrote.detail);
    BOOST_TEST(read->certificates == wrote.certificates);
    BOOST_TEST(read->chain.size() == 32u);
    BOOST_TEST(encode(*read) == chain.value(1));
    BOOST_TEST(!decode_audit("\x01").has_value());
}

BOOST_AUTO_TEST_CASE(an_untouched_chain_is_intact)
{
    Chain empty;
    BOOST_TEST(empty.verify().intact);
    BOOST_TEST(empty.verify().entries == 0u);
    Chain chain(5);
    chain.append(5);
    BOOST_TEST(audit_now(*chain.store, entry_number(11)).has_value());
    BOOST_TEST(chain.verify().intact);
    BOOST_TEST(chain.verify().entries == 11u);
    BOOST_TEST(chain.verify().first_bad == 0u);
}

BOOST_AUTO_TEST_CASE(a_changed_entry_is_found)
{
    Chain chain(9);
    auto changed = decode_audit(chain.value(4));
    changed->token = "refused";
    chain.tamper([&](WriteTxn& txn) { return txn.put(Table::audit, be64(4), encode(*changed)); });
    chain.must_be_bad(4, "changed");
}

BOOST_AUTO_TEST_CASE(exchanged_and_short_entries_are_found)
{
    Chain chain(9);
    const std::string five = chain.value(5), six = chain.value(6);
    chain.tamper([&](WriteTxn& txn) -> Status {
        CHECK(txn.put(Table::audit, be64(5), six));
        return txn.put(Table::audit, be64(6), five);
    });
    chain.must_be_bad(5, "changed");
    chain.tamper([&](WriteTxn& txn) { return txn.put(Table::audit, be64(2), "x"); });
    chain.must_be_bad(2, "changed");
}

BOOST_AUTO_TEST_CASE(a_missing_entry_is_found)
{
    Chain chain(9);
    chain.tamper([](WriteTxn& txn) -> Status {
        CHECK(txn.erase(Table::audit, be64(3)));
        return Done{};
    });
    chain.must_be_bad(3, "missing");
    Chain first(4);
    first.tamper([](WriteTxn& txn) -> Status {
        CHECK(txn.erase(Table::audit, be64(1)));
        return Done{};
    });
    first.must_be_bad(1, "missing");
}

BOOST_AUTO_TEST_CASE(a_cut_end_is_found)
{
    for (const unsigned left : {0u, 1u, 7u}) {
        Chain chain(9);
        chain.tamper([&](WriteTxn& txn) -> Status {
            for (unsigned n = left + 1; n <= 9; ++n) CHECK(txn.erase(Table::audit, be64(n)));
            return Done{};
        });
        chain.must_be_bad(left + 1, "cut off at the end");
    }
}

BOOST_AUTO_TEST_CASE(a_head_taken_away_or_put_back_is_found)
{
    Chain chain(9);
    std::string head;
    BOOST_REQUIRE(chain.store
                      ->read([&](ReadTxn& txn) -> Status {
                          TRY(const auto found, txn.get(Table::meta, "audit-head"));
                          head = found.value();
                          return Done{};
                      })
                      .has_value());
    chain.append(2);
    chain.tamper([&](WriteTxn& txn) { return txn.put(Table::meta, "audit-head", head); });
    chain.must_be_bad(12, "changed");
    // Nothing is written over an entry the head does not know.
    BOOST_TEST(!audit_now(*chain.store, entry_number(1)).has_value());
    chain.tamper([](WriteTxn& txn) -> Status {
        CHECK(txn.erase(Table::meta, "audit-head"));
        return Done{};
    });
    BOOST_TEST(!chain.verify().intact);
}

BOOST_AUTO_TEST_CASE(a_failed_transaction_leaves_no_entry)
{
    Chain chain(2);
    const Status done = chain.store->write([&](WriteTxn& txn) -> Status {
        CHECK(append_audit(txn, *chain.store, entry_number(3)));
        return fail(temporary("the thing itself failed"));
    });
    BOOST_TEST(!done.has_value());
    BOOST_TEST(chain.verify().intact);
    BOOST_TEST(chain.verify().entries == 2u);
}

BOOST_AUTO_TEST_CASE(threads_make_one_chain)
{
    Chain chain;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 16; ++t)
        threads.emplace_back([&] {
            for (unsigned n = 0; n < 10; ++n)
                if (!audit_now(*chain.store, entry_number(n))) std::abort();
        });
    for (auto& thread : threads) thread.join();
    BOOST_TEST(chain.verify().intact);
    BOOST_TEST(chain.verify().entries == 160u);
}

BOOST_AUTO_TEST_CASE(a_query_chooses)
{
    Chain chain(9);
    BOOST_TEST(chain.find({}) == (Numbers{1, 2, 3, 4, 5, 6, 7, 8, 9}));
    AuditQuery query;
    query.since = entry_number(3).at;
    query.until = entry_number(6).at;
    BOOST_TEST(chain.find(query) == (Numbers{3, 4, 5, 6}));
    query.id = "nurse1@hospital.example";
    BOOST_TEST(chain.find(query) == Numbers{4});
    BOOST_TEST(chain.find({{}, {}, "Q7"}) == Numbers{7});
    BOOST_TEST(chain.find({{}, {}, "<m2@clinic.example>"}) == Numbers{2});
    BOOST_TEST(chain.find({{}, {}, "nobody"}) == Numbers{});
    unsigned seen = 0;
    BOOST_TEST(read_audit(*chain.store, {}, [&](const AuditEntry&) { return ++seen < 4; }).has_value());
    BOOST_TEST(seen == 4u);
}

// A million entries are to be verified in less than ten seconds on one core: ten microseconds each. The
// bound held here is wide, for machines that do other work too; the measured number is printed.
BOOST_AUTO_TEST_CASE(verifying_is_fast)
{
    constexpr unsigned entries = 30'000;
    Chain chain;
    for (unsigned n = 0; n < entries; n += 5000) chain.append(5000);
    const auto from = std::chrono::steady_clock::now();
    const auto check = chain.verify();
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - from;
    BOOST_TEST(check.intact);
    BOOST_TEST(check.entries == entries);
    BOOST_TEST_MESSAGE("audit verify: " << took.count() / entries << " us an entry");
#ifndef DIRECT_SANITIZED
    BOOST_TEST(took.count() / entries < 100);
#endif
}
