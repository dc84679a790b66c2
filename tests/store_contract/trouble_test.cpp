// The disk that fails: every step once, then all goes on without opening the store anew.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <thread>

#include "milter/base/metrics.h"
#include "milter/store/faults.h"
#include "milter/store/schema.h"
#include "tests/store_contract/factories.h"

using namespace direct;
using namespace direct::test;
using store_faults::Step;

namespace {

/// Fails the n-th step of a kind (counted from 1), once, while it lives.
class FailOnce {
public:
    FailOnce(Step step, int nth, int error)
    {
        store_faults::set_hook([this, step, nth, error](Step now) {
            if (now != step || ++seen_ != nth) return 0;
            return error;
        });
    }
    ~FailOnce() { store_faults::set_hook({}); }
    int seen() const { return seen_; }

private:
    std::atomic<int> seen_{0};
};

bool temporary_fault(const Status& status)
{
    return !status && status.error().retry == Retry::later;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_failed_commit_changes_nothing, Factory, AllStores)
{
    for (const bool committer : {true, false}) {
        Tuning tuning;
        tuning.committer = committer;
        Opened<Factory> store(tuning);
        BOOST_TEST(put(*store, Table::held, "a", "before"));
        const auto failures = metric_value(Metric::store_failures_total);
        {
            const FailOnce disk(Step::commit, 1, ENOSPC);
            const Status done =
                store->write([](WriteTxn& txn) { return txn.put(Table::held, "a", "after"); });
            BOOST_TEST(temporary_fault(done));
            BOOST_TEST(get(*store, Table::held, "a") == "before");
        }
        BOOST_TEST(metric_value(Metric::store_failures_total) == failures + 1);
        BOOST_TEST(put(*store, Table::held, "a", "after"));
        BOOST_TEST(get(*store, Table::held, "a") == "after");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_failed_commit_fails_every_request_of_its_batch_and_no_other, Factory,
                              AllStores)
{
    Opened<Factory> store;
    std::atomic<unsigned> wrong{0}, failed{0};
    {
        const FailOnce disk(Step::commit, 3, EIO);
        std::vector<std::thread> threads;
        for (unsigned t = 0; t < 16; ++t)
            threads.emplace_back([&, t] {
                for (unsigned i = 0; i < 10; ++i) {
                    const bool stored = put(*store, Table::held, be32(t) + be32(i), "x");
                    failed += !stored;
                    if ((get(*store, Table::held, be32(t) + be32(i)) == "x") != stored) ++wrong;
                }
            });
        for (auto& thread : threads) thread.join();
    }
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(failed > 0u);
    BOOST_TEST(failed < 160u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_failed_put_fails_its_request_also_when_it_looks_away, Factory, AllStores)
{
    Opened<Factory> store;
    {
        const FailOnce disk(Step::put, 2, ENOSPC);
        const Status done = store->write([](WriteTxn& txn) -> Status {
            (void)txn.put(Table::held, "a", "1");
            (void)txn.put(Table::held, "b", "1");
            return Done{};
        });
        BOOST_TEST(temporary_fault(done));
        BOOST_TEST(disk.seen() == 2);
    }
    BOOST_TEST(get(*store, Table::held, "a") == "(none)");
    BOOST_TEST(get(*store, Table::held, "b") == "(none)");
    BOOST_TEST(put(*store, Table::held, "a", "1"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(content_that_cannot_be_written_leaves_nothing, Factory, AllStores)
{
    Opened<Factory> store;
    const std::string bytes(200'000, 'c');
    const std::vector<std::pair<Step, int>> steps{
        {Step::write, 1}, {Step::write, 3}, {Step::sync, 1}, {Step::sync, 2}, {Step::rename, 1}};
    for (const auto& [step, nth] : steps) {
        {
            const FailOnce disk(step, nth, ENOSPC);
            const auto content = store->prepare(bytes);
            BOOST_TEST(!content.has_value());
            BOOST_TEST(disk.seen() >= nth);
        }
        const auto stat = store->stat();
        BOOST_TEST((stat && stat->content_files == 0));
    }
    BOOST_TEST(store->prepare(bytes).has_value());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(content_of_a_failed_commit_goes, Factory, AllStores)
{
    Opened<Factory> store;
    {
        const auto content = store->prepare(std::string(200'000, 'c'));
        BOOST_TEST_REQUIRE(content.has_value());
        const FailOnce disk(Step::commit, 1, EIO);
        const auto attach = [&](WriteTxn& txn) { return (*content)->attach(txn); };
        BOOST_TEST(temporary_fault(store->write(attach)));
    }
    const auto stat = store->stat();
    BOOST_TEST((stat && stat->content_files == 0));
}

// The kernel itself refuses: files may not grow beyond their size of now.
BOOST_AUTO_TEST_CASE_TEMPLATE(a_full_disk_is_temporary_and_passes, Factory, AllStores)
{
    Opened<Factory> store;
    BOOST_TEST(put(*store, Table::held, "a", "before"));
    struct stat about {};
    BOOST_TEST_REQUIRE(::stat((store.place() + "/store/data.mdb").c_str(), &about) == 0);
    void (*const was)(int) = ::signal(SIGXFSZ, SIG_IGN);
    struct rlimit before {};
    ::getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit full = before;
    full.rlim_cur = static_cast<rlim_t>(about.st_size);
    ::setrlimit(RLIMIT_FSIZE, &full);
    const auto big = [](WriteTxn& txn) -> Status {
        CHECK(txn.put(Table::held, "a", "after"));
        return txn.put(Table::message, "big", std::string(400'000, 'x'));
    };
    const Status first = store->write(big), second = store->write(big);
    const auto content = store->prepare(std::string(2'000'000, 'c'));
    const std::string seen = get(*store, Table::held, "a");
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, was);

    BOOST_TEST(temporary_fault(first));
    BOOST_TEST(temporary_fault(second));
    BOOST_TEST(!content.has_value());
    BOOST_TEST(seen == "before");
    BOOST_TEST(store->write(big).has_value());
    BOOST_TEST(get(*store, Table::held, "a") == "after");
    store.reopen();
    BOOST_TEST(get(*store, Table::held, "a") == "after");
}
