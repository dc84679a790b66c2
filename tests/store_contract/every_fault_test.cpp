// Each step of a small workload fails once, or from there on, whichever it is: the store is opened anew and holds
// exactly what it acknowledged, with an unbroken audit. The model is LevelDB's fault injection test.
//
// Two ways of failing: the store's own hook, just before the step; and the faulty disk preloaded into a writer
// process, where LMDB's own calls fail, come short or reach the meta page.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "milter/audit/audit.h"
#include "milter/store/codec.h"
#include "milter/store/faults.h"
#include "milter/store/schema.h"
#include "tests/store_contract/factories.h"
#include "tests/support/vectors.h"

using namespace direct;
using namespace direct::test;
using store_faults::Step;

extern char** environ;

namespace {

constexpr unsigned requests = 6;

class HookTaken {
public:
    explicit HookTaken(std::function<int(Step)> hook) { store_faults::set_hook(std::move(hook)); }
    ~HookTaken() { store_faults::set_hook({}); }
    HookTaken(const HookTaken&) = delete;
    HookTaken& operator=(const HookTaken&) = delete;
};

std::string bytes_of(unsigned n)
{
    // Every second one is a content file of two chunks.
    return std::string(n % 2 ? 70'000 : 100, static_cast<char>('a' + n));
}

/// One message as the daemon takes it: content, record, audit, in one transaction. True when acknowledged.
bool take(RecordStore& store, unsigned n)
{
    auto content = store.prepare(bytes_of(n));
    if (!content) return false;
    const Status done = store.write([&](WriteTxn& txn) -> Status {
        AuditEntry entry;
        entry.event = "message-in";
        entry.queue_id = std::to_string(n);
        CHECK(append_audit(txn, store, entry));
        CHECK((*content)->attach(txn));
        return txn.put(Table::message, be32(n), encode((*content)->ref()));
    });
    if (done) (*content)->keep();
    return done.has_value();
}

/// Removes the first record with its content. True when acknowledged.
bool remove_first(RecordStore& store)
{
    return store
        .write_making_room([](WriteTxn& txn) -> Status {
            TRY(const auto value, txn.get(Table::message, be32(0)));
            if (!value) return Done{};
            TRY(const ContentRef ref, decode_content_ref(*value));
            CHECK(txn.erase_content(ref.id));
            CHECK(txn.erase(Table::message, be32(0)));
            return Done{};
        })
        .has_value();
}

std::uint64_t named_files(RecordStore& store)
{
    std::uint64_t out = 0;
    const Status walked = store.read([&](ReadTxn& txn) {
        return txn.scan(Table::message, "", "", [&](auto, std::string_view value) {
            const auto ref = decode_content_ref(value);
            out += ref && ref->in_file;
            return true;
        });
    });
    BOOST_TEST(walked.has_value());
    return out;
}

/// What there should be after the workload, when nothing but `acknowledged` was promised.
void check_store(RecordStore& store, const std::set<unsigned>& acknowledged, bool removed)
{
    for (unsigned n = 0; n < requests; ++n) {
        const auto record = get(store, Table::message, be32(n));
        const bool wanted = acknowledged.contains(n) && !(removed && n == 0);
        BOOST_TEST((record != "(none)") == wanted, "record " << n << " wanted " << wanted);
        if (record == "(none)" || record == "(fault)") continue;
        const auto ref = decode_content_ref(record);
        const auto bytes = ref ? store.content(*ref) : Result<std::string>(fail(ref.error()));
        BOOST_TEST((bytes && *bytes == bytes_of(n)), "content of " << n);
    }
    const auto audit = verify_audit(store);
    BOOST_TEST((audit && audit->intact && audit->entries == acknowledged.size()));
    BOOST_TEST(store.sweep(0).has_value());
    const auto stat = store.stat();
    BOOST_TEST((stat && stat->content_files == named_files(store)));
}

/// The n-th step of a kind fails, and with `on` all after it. False when there was no such step.
template <class Factory>
bool workload_with_fault(Step step, int nth, int error, bool on)
{
    Tuning tuning;
    tuning.committer = false;  // the steps come in the same order each time
    Opened<Factory> store(tuning);
    std::set<unsigned> acknowledged;
    bool removed = false;
    int seen = 0;
    {
        const HookTaken disk([&](Step now) {
            if (now != step) return 0;
            ++seen;
            return seen == nth || (on && seen > nth) ? error : 0;
        });
        for (unsigned n = 0; n < requests; ++n)
            if (take(*store, n)) acknowledged.insert(n);
        removed = remove_first(*store);
    }
    BOOST_TEST_CONTEXT("step " << static_cast<int>(step) << " number " << nth << (on ? " and on" : ""))
    {
        check_store(*store, acknowledged, removed);  // without a restart
        store.reopen();
        check_store(*store, acknowledged, removed);
        BOOST_TEST(put(*store, Table::held, "after", "works"));
    }
    return seen >= nth;
}

/// Runs the writer on a faulty disk; every number it acknowledged.
std::set<std::uint32_t> write_on_faulty_disk(const std::string& place, const std::string& rule, bool& hit)
{
    const std::string weather = place + "/weather";
    std::ofstream(weather) << rule << "\n";
    int out[2];
    BOOST_REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::string program = build_dir() + "/tests/store_writer", folder = place;
    std::string first = "1", threads = "2", total = "12";
    char* argv[] = {program.data(), folder.data(), first.data(), threads.data(), total.data(), nullptr};
    std::string preload = "LD_PRELOAD=" + build_dir() + "/tests/libfaulty_disk.so";
    std::string faults = "DIRECT_FAULTS=" + weather;
    char* environment[] = {preload.data(), faults.data(), nullptr};
    pid_t child = -1;
    const int spawned = posix_spawn(&child, program.c_str(), &actions, nullptr, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    BOOST_REQUIRE_MESSAGE(spawned == 0, program);
    std::string text;
    char bytes[4096];
    for (ssize_t n; (n = ::read(out[0], bytes, sizeof bytes)) > 0;)
        text.append(bytes, static_cast<std::size_t>(n));
    ::close(out[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    // 3: the store could not be opened, which is an answer too.
    BOOST_TEST((WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3)), rule);
    hit = std::filesystem::exists(weather + ".hits");
    std::filesystem::remove(weather + ".hits");
    std::set<std::uint32_t> numbers;
    for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
        numbers.insert(static_cast<std::uint32_t>(std::stoul(text.substr(at, end - at))));
    return numbers;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(every_step_fails_once, Factory, AllStores)
{
    for (const Step step : {Step::put, Step::commit, Step::write, Step::sync, Step::rename}) {
        int nth = 1;
        while (workload_with_fault<Factory>(step, nth, nth % 2 ? ENOSPC : EIO, false)) ++nth;
        BOOST_TEST(nth > 3, "the workload has steps of kind " << static_cast<int>(step));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_step_and_all_after_it_fail, Factory, AllStores)
{
    for (const Step step : {Step::put, Step::commit, Step::write, Step::sync, Step::rename})
        for (int nth = 1; workload_with_fault<Factory>(step, nth, EIO, true);) ++nth;
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_call_of_a_writer_fails, Factory, AllStores)
{
#ifdef DIRECT_SANITIZED
    return;  // its runtime would have to be preloaded first; the plain build runs this
#endif
    unsigned faults = 0;
    for (const char* fault :
         {"write data.mdb EIO", "write data.mdb short", "meta data.mdb EIO", "meta data.mdb short",
          "sync data.mdb ENOSPC", "write /content/ short", "sync /content EIO", "rename /content/ EIO"})
        for (int nth = 0; nth < 5; ++nth) {
            const Scratch scratch;
            {
                BOOST_REQUIRE(Factory::open(scratch.path()).has_value());
            }
            bool hit = false;
            const auto rule = std::string(fault) + " skip=" + std::to_string(nth) + " count=1";
            const auto acknowledged = write_on_faulty_disk(scratch.path(), rule, hit);
            faults += hit;
            BOOST_TEST_CONTEXT(rule)
            {
                BOOST_TEST(acknowledged.size() >= 6u);  // it went on after the fault
                auto store = Factory::open(scratch.path());
                BOOST_REQUIRE_MESSAGE(store, (store ? "" : store.error().why));
                BOOST_TEST((*store)->sweep(0).has_value());
                for (const std::uint32_t n : acknowledged) {
                    const auto ref = decode_content_ref(get(**store, Table::message, be32(n)));
                    const auto bytes = ref ? (*store)->content(*ref) : Result<std::string>(fail(ref.error()));
                    BOOST_TEST(
                        (bytes && *bytes == std::string(n * 997ull % 20000, static_cast<char>('a' + n % 26))),
                        "record " << n);
                }
                const auto stat = (*store)->stat();
                BOOST_TEST((stat && stat->content_files == named_files(**store)));
            }
        }
    BOOST_TEST(faults >= 30u);
}

// A request for more than the disk has shares a commit with small ones: only that one fails.
BOOST_AUTO_TEST_CASE_TEMPLATE(who_does_not_fit_on_the_disk_does_not_fail_its_neighbours, Factory, AllStores)
{
    Opened<Factory> store;
    std::atomic<bool> greedy_in_batch{false};
    std::atomic<unsigned> failed{0};
    {
        const HookTaken disk([&](Step now) {
            if (now != Step::commit) return 0;
            return greedy_in_batch.exchange(false) ? ENOSPC : 0;
        });
        constexpr unsigned neighbours = 8;
        std::barrier together(neighbours + 1);
        std::vector<std::thread> threads;
        for (unsigned t = 0; t < neighbours; ++t)
            threads.emplace_back([&, t] {
                for (unsigned i = 0; i < 10; ++i) {
                    together.arrive_and_wait();
                    failed += !put(*store, Table::held, be32(t), "small");
                }
            });
        for (unsigned i = 0; i < 10; ++i) {
            together.arrive_and_wait();
            BOOST_TEST(!store
                            ->write([&](WriteTxn& txn) {
                                greedy_in_batch = true;
                                return txn.put(Table::held, "greedy", "x");
                            })
                            .has_value());
        }
        for (auto& thread : threads) thread.join();
    }
    BOOST_TEST(failed == 0u);
    BOOST_TEST(get(*store, Table::held, "greedy") == "(none)");
}

// Removals write too. Without a part of the map that only they may use, a full store stays full.
BOOST_AUTO_TEST_CASE_TEMPLATE(a_store_filled_to_the_last_page_can_be_emptied, Factory, AllStores)
{
    Tuning tuning;
    tuning.size_max = tuning.map_start = 4u << 20;
    Opened<Factory> store(tuning);
    std::uint32_t rows = 0;
    for (const std::size_t size : {300'000u, 20'000u, 3'000u, 100u, 1u})
        while (put(*store, Table::message, be32(rows * 2654435761u), std::string(size, 'x'))) ++rows;
    // In one transaction, so that many pages are changed before any is free.
    const auto erase_all = [&](WriteTxn& txn) -> Status {
        for (std::uint32_t n = 0; n < rows; ++n) CHECK(txn.erase(Table::message, be32(n * 2654435761u)));
        return Done{};
    };
    BOOST_TEST(!store->write(erase_all).has_value());
    BOOST_TEST(store->write_making_room(erase_all).has_value());
    BOOST_TEST(put(*store, Table::message, "later", std::string(300'000, 'x')));
    const auto stat = store->stat();
    BOOST_TEST((stat && stat->map_bytes <= tuning.size_max && stat->used_bytes <= tuning.size_max));
    store.reopen();
    BOOST_TEST(get(*store, Table::message, be32(0)) == "(none)");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(size_max_can_be_raised_while_it_runs, Factory, AllStores)
{
    Tuning tuning;
    tuning.size_max = tuning.map_start = 4u << 20;
    Opened<Factory> store(tuning);
    const std::string big(6u << 20, 'x');
    BOOST_TEST(!put(*store, Table::message, "big", big));
    resize_store(*store, 64u << 20);
    BOOST_TEST(put(*store, Table::message, "big", big));
    const auto stat = store->stat();
    BOOST_TEST((stat && stat->size_max == 64u << 20));
    resize_store(*store, 4u << 20);  // what is there stays
    BOOST_TEST(get(*store, Table::message, "big").size() == big.size());
    BOOST_TEST(store
                   ->write_making_room([](WriteTxn& txn) -> Status {
                       CHECK(txn.erase(Table::message, "big"));
                       return Done{};
                   })
                   .has_value());
    BOOST_TEST(put(*store, Table::message, "more", std::string(1u << 20, 'x')));
}
