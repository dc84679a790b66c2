// Requests that share a commit: grouped, yet none pays for its neighbour; the map grows under them.
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <thread>

#include "milter/base/metrics.h"
#include "milter/store/schema.h"
#include "tests/store_contract/factories.h"

using namespace direct;
using namespace direct::test;

namespace {

/// Runs `work(thread number)` on many threads at once.
template <class Work>
void together(unsigned threads, Work work)
{
    std::vector<std::thread> all;
    for (unsigned t = 0; t < threads; ++t) all.emplace_back([=] { work(t); });
    for (auto& one : all) one.join();
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(thirty_two_threads_share_commits, Factory, AllStores)
{
    constexpr unsigned threads = 32, each = 20;
    Opened<Factory> store;
    const auto commits = metric_value(Metric::commits_total);
    const auto requests = metric_value(Metric::commit_requests_total);
    std::atomic<unsigned> failed{0};
    together(threads, [&](unsigned t) {
        for (unsigned i = 0; i < each; ++i)
            if (!put(*store, Table::message, be32(t) + be32(i), std::string(1000, 'm'))) ++failed;
    });
    BOOST_TEST(failed == 0u);
    const auto made = metric_value(Metric::commits_total) - commits;
    const auto asked = metric_value(Metric::commit_requests_total) - requests;
    BOOST_TEST(asked == threads * each);
    BOOST_TEST(made < asked);
    BOOST_TEST_MESSAGE(asked << " requests in " << made << " commits");
    store.reopen();
    for (unsigned t = 0; t < threads; ++t)
        for (unsigned i = 0; i < each; ++i)
            BOOST_TEST(get(*store, Table::message, be32(t) + be32(i)) == std::string(1000, 'm'));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_failing_neighbour_fails_alone, Factory, AllStores)
{
    Opened<Factory> store;
    std::atomic<unsigned> wrong{0};
    together(24, [&](unsigned t) {
        for (unsigned i = 0; i < 10; ++i) {
            const std::string key = be32(t) + be32(i);
            const Status done = store->write([&](WriteTxn& txn) -> Status {
                CHECK(txn.put(Table::held, key, "x"));
                if (t % 3 == 1) return fail(refuse(Reason::newuser_quota, "over quota"));
                if (t % 3 == 2) throw std::runtime_error("from a library");
                return Done{};
            });
            if (done.has_value() != (t % 3 == 0)) ++wrong;
            if (t % 3 == 1 && !done && done.error().reason != Reason::newuser_quota) ++wrong;
            if (t % 3 == 2 && !done && done.error().retry != Retry::later) ++wrong;
            if ((get(*store, Table::held, key) == "x") != (t % 3 == 0)) ++wrong;
        }
    });
    BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_counter_is_never_lost, Factory, AllStores)
{
    Opened<Factory> store;
    together(16, [&](unsigned) {
        for (unsigned i = 0; i < 20; ++i) {
            const Status done = store->write([&](WriteTxn& txn) -> Status {
                TRY(const auto now, txn.get(Table::quota, "n"));
                return txn.put(Table::quota, "n", be64((now ? read_be64(*now) : 0) + 1));
            });
            if (!done) std::abort();
        }
    });
    BOOST_TEST(read_be64(get(*store, Table::quota, "n")) == 320u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_full_map_grows_and_the_request_runs_again, Factory, AllStores)
{
    Tuning tuning;
    tuning.map_start = 256 * 1024;
    Opened<Factory> store(tuning);
    const std::string big(8u << 20, 'b');
    unsigned calls = 0;
    const Status done = store->write([&](WriteTxn& txn) -> Status {
        ++calls;
        TRY(const auto before, txn.get(Table::meta, "calls"));
        BOOST_TEST(!before.has_value());  // nothing is left of an earlier run
        CHECK(txn.put(Table::meta, "calls", "1"));
        return txn.put(Table::message, "big", big);
    });
    BOOST_TEST(done.has_value());
    BOOST_TEST(calls > 1u);
    BOOST_TEST((get(*store, Table::message, "big") == big));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_map_grows_under_many_writers_and_readers, Factory, AllStores)
{
    Tuning tuning;
    tuning.map_start = 256 * 1024;
    Opened<Factory> store(tuning);
    std::atomic<unsigned> wrong{0};
    together(16, [&](unsigned t) {
        for (unsigned i = 0; i < 20; ++i) {
            const std::string key = be32(t) + be32(i), value(20'000, static_cast<char>('a' + t));
            if (!put(*store, Table::message, key, value)) ++wrong;
            // A read inside a read must not wait for the map that waits for the outer one.
            const Status nested = store->read([&](ReadTxn&) -> Status {
                if (get(*store, Table::message, key) != value) ++wrong;
                return Done{};
            });
            if (!nested) ++wrong;
        }
    });
    BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(beyond_size_max_only_what_does_not_fit_fails, Factory, AllStores)
{
    Tuning tuning;
    tuning.size_max = tuning.map_start = 4u << 20;
    Opened<Factory> store(tuning);
    std::atomic<unsigned> wrong{0};
    together(8, [&](unsigned t) {
        const bool too_big = t % 2 == 0;
        for (unsigned i = 0; i < 5; ++i) {
            const bool stored =
                put(*store, Table::message, be32(t), std::string(too_big ? 5u << 20 : 1000, 'x'));
            if (stored == too_big) ++wrong;
        }
    });
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(put(*store, Table::message, "later", "still works"));
    store.reopen();
    BOOST_TEST(get(*store, Table::message, "later") == "still works");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(closing_finishes_what_waits, Factory, AllStores)
{
    Opened<Factory> store;
    std::atomic<unsigned> begun{0}, stored{0};
    std::vector<std::thread> all;
    for (unsigned t = 0; t < 16; ++t)
        all.emplace_back([&, t] {
            const Status done = store->write([&](WriteTxn& txn) {
                ++begun;
                return txn.put(Table::message, be32(t), "x");
            });
            if (done) ++stored;
        });
    for (auto& one : all) one.join();
    store.reopen();
    unsigned found = 0;
    for (unsigned t = 0; t < 16; ++t) found += get(*store, Table::message, be32(t)) == "x";
    BOOST_TEST(found == stored);
    BOOST_TEST(found == 16u);
}
