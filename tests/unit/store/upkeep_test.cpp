// Backup and rekey, beside writers.
#include <sys/stat.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <thread>

#include "milter/base/text.h"
#include "milter/store/codec.h"
#include "milter/store/faults.h"
#include "milter/store/lmdb_store.h"
#include "milter/store/schema.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

using namespace direct;
using namespace direct::test;
namespace fs = std::filesystem;

namespace {

const std::string own_key(32, 'o');

Result<std::unique_ptr<RecordStore>> open_at(const std::string& path, const std::string& keys)
{
    StoreOptions options;
    options.path = path;
    options.map_start = 1u << 20;
    options.inline_max = 4096;
    std::vector<Secret> further;
    for (const char c : keys.substr(1)) further.emplace_back(std::string(32, c));
    return open_lmdb_store(options, Secret(std::string(32, keys[0])), further);
}

std::unique_ptr<RecordStore> must_open(const std::string& path, const std::string& keys)
{
    auto opened = open_at(path, keys);
    BOOST_REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().why));
    return *std::move(opened);
}

ContentRef keep(RecordStore& store, std::size_t size, std::string_view key = {})
{
    auto content = store.prepare(std::string(size, 'c'), key);
    BOOST_REQUIRE(content.has_value());
    BOOST_REQUIRE(store.write([&](WriteTxn& txn) { return (*content)->attach(txn); }).has_value());
    return (*content)->ref();
}

/// 2500 records and content of every kind.
struct Filled {
    std::vector<ContentRef> plain;
    ContentRef own_small, own_big;
    explicit Filled(RecordStore& store)
    {
        BOOST_REQUIRE(store
                          .write([](WriteTxn& txn) -> Status {
                              for (std::uint32_t i = 0; i < 2500; ++i)
                                  CHECK(txn.put(Table::message, be32(i), "m" + std::to_string(i)));
                              return Done{};
                          })
                          .has_value());
        plain = {keep(store, 10), keep(store, 200'000)};
        own_small = keep(store, 11, own_key);
        own_big = keep(store, 100'000, own_key);
    }
    void must_be_in(RecordStore& store) const
    {
        std::size_t good = 0;
        BOOST_TEST(store
                       .read([&](ReadTxn& txn) {
                           return txn.scan(
                               Table::message, "", "", [&](std::string_view key, std::string_view value) {
                                   const std::uint64_t n = read_be64(std::string(4, '\0') + std::string(key));
                                   good += n < 2500 && value == "m" + std::to_string(n);
                                   return true;
                               });
                       })
                       .has_value());
        BOOST_TEST(good == 2500u);
        for (const auto& ref : plain) BOOST_TEST(store.content(ref).has_value());
        BOOST_TEST(store.content(own_small, own_key).has_value());
        BOOST_TEST(store.content(own_big, own_key).has_value());
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_backup_is_a_store)
{
    Scratch scratch;
    auto store = must_open(scratch / "store", "k");
    const Filled filled(*store);
    BOOST_TEST(backup_store(*store, scratch / "backup").has_value());
    BOOST_TEST(store->write([](WriteTxn& txn) { return txn.put(Table::held, "later", "x"); }).has_value());
    auto copy = must_open(scratch / "backup", "k");
    filled.must_be_in(*copy);
    const auto stat = copy->stat();
    BOOST_TEST_REQUIRE(stat.has_value());
    BOOST_TEST(stat->content_files == 2u);
    for (const auto& [name, number] : stat->entries) BOOST_TEST((name != "held" || number == 0));
    // What happens to the copy does not touch the store.
    BOOST_TEST(copy->write([&](WriteTxn& txn) { return txn.erase_content(filled.plain[1].id); }).has_value());
    filled.must_be_in(*store);
    for (const auto& entry : fs::recursive_directory_iterator(scratch / "backup"))
        BOOST_TEST(((entry.status().permissions() & (fs::perms::group_all | fs::perms::others_all)) ==
                    fs::perms::none));
    const Status again = backup_store(*store, scratch / "backup");
    BOOST_TEST((!again && again.error().reason == Reason::configuration));
}

BOOST_AUTO_TEST_CASE(after_a_rekey_the_first_key_opens_nothing_but_its_own)
{
    Scratch scratch;
    auto store = must_open(scratch / "store", "k");
    const Filled filled(*store);
    const std::string index = store->index_key("code", "x");
    store.reset();
    store = must_open(scratch / "store", "kn");
    filled.must_be_in(*store);  // mixed, before
    const auto done = rekey_store(*store);
    BOOST_TEST_REQUIRE(done.has_value());
    BOOST_TEST(*done == 2500u + 4 + 1 + 1);  // records, content entries, key check, one file
    filled.must_be_in(*store);
    BOOST_TEST(rekey_store(*store).value() == 0u);
    BOOST_TEST((store->index_key("code", "x") == index));
    store.reset();
    BOOST_TEST(!open_at(scratch / "store", "k").has_value());
    BOOST_TEST(!open_at(scratch / "store", "kx").has_value());
    store = must_open(scratch / "store", "knp");
    filled.must_be_in(*store);
    BOOST_TEST(rekey_store(*store).value() == *done);
    filled.must_be_in(*store);
}

BOOST_AUTO_TEST_CASE(a_rekey_that_fails_loses_nothing_and_goes_on)
{
    using store_faults::Step;
    Scratch scratch;
    {
        const auto store = must_open(scratch / "store", "k");
    }
    auto store = must_open(scratch / "store", "k");
    const Filled filled(*store);
    store.reset();
    store = must_open(scratch / "store", "kn");
    for (const Step step : {Step::commit, Step::write, Step::sync, Step::rename, Step::put}) {
        std::atomic<bool> once{false};
        store_faults::set_hook([&](Step now) { return now == step && !once.exchange(true) ? EIO : 0; });
        const auto failed = rekey_store(*store);
        store_faults::set_hook({});
        if (once) BOOST_TEST(!failed.has_value());
        filled.must_be_in(*store);
    }
    BOOST_TEST(rekey_store(*store).has_value());
    filled.must_be_in(*store);
}

BOOST_AUTO_TEST_CASE(upkeep_runs_beside_writers)
{
    Scratch scratch;
    auto store = must_open(scratch / "store", "k");
    const Filled filled(*store);
    store.reset();
    store = must_open(scratch / "store", "kn");
    std::atomic<bool> stop{false};
    std::atomic<unsigned> written{0}, failed{0};
    std::vector<std::thread> writers;
    for (unsigned t = 0; t < 4; ++t)
        writers.emplace_back([&, t] {
            for (std::uint32_t i = 0; !stop; ++i) {
                const auto put = [&](WriteTxn& txn) {
                    return txn.put(Table::held, be32(t) + be32(i), std::string(5000, 'h'));
                };
                ++(store->write(put) ? written : failed);
            }
        });
    while (written < 20) std::this_thread::yield();
    const auto rekeyed = rekey_store(*store);
    const Status saved = backup_store(*store, scratch / "backup");
    const Status swept = store->sweep(0);
    stop = true;
    for (auto& writer : writers) writer.join();
    BOOST_TEST(rekeyed.has_value());
    BOOST_TEST(saved.has_value());
    BOOST_TEST(swept.has_value());
    BOOST_TEST(failed == 0u);
    filled.must_be_in(*store);
    const auto copy = must_open(scratch / "backup", "kn");
    filled.must_be_in(*copy);
}
