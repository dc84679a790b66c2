// Many threads do what comes, each among keys of its own, and hold the store against a model in memory:
// nested transactions that are dropped, big values, growth and failing commits in one. DIRECT_SOAK=n runs
// n times as long.
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "milter/store/faults.h"
#include "milter/store/schema.h"
#include "tests/store_contract/factories.h"

using namespace direct;
using namespace direct::test;

namespace {

using Model = std::map<std::string, std::string>;

std::string some_value(std::mt19937& dice)
{
    // Small, near a page, and over several pages.
    static constexpr std::size_t bounds[] = {40, 2100, 9000, 60'000};
    return std::string(dice() % bounds[dice() % 4], static_cast<char>('a' + dice() % 26));
}

/// One request of up to six steps; the model takes the change over when the store did.
bool one_request(RecordStore& store, std::mt19937& dice, const std::string& mine, Model& model)
{
    const auto seed = static_cast<unsigned>(dice());
    const bool gives_up = dice() % 5 == 0;
    Model after;
    const Status done = store.write([&](WriteTxn& txn) -> Status {
        std::mt19937 same(seed);  // a request that runs again does the same again
        after = model;
        for (auto steps = 1 + same() % 6; steps > 0; --steps) {
            const std::string key = mine + be32(static_cast<std::uint32_t>(same() % 40));
            if (same() % 3 == 0) {
                TRY(const bool was, txn.erase(Table::item, key));
                if (was != (after.erase(key) == 1)) return fail(refuse(Reason::malformed, "erase"));
            } else {
                std::string value = some_value(same);
                CHECK(txn.put(Table::item, key, value));
                after[key] = std::move(value);
            }
        }
        if (gives_up) return fail(refuse(Reason::policy, "gives up"));
        return Done{};
    });
    if (!done && done.error().reason == Reason::malformed) return false;
    if (done && gives_up) return false;
    if (done) model = std::move(after);
    return true;
}

bool same(RecordStore& store, const std::string& mine, const Model& model)
{
    Model found;
    const Status done = store.read([&](ReadTxn& txn) {
        return txn.scan(Table::item, mine, "", [&](std::string_view key, std::string_view value) {
            found.emplace(key, value);
            return true;
        });
    });
    return done && found == model;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(the_store_agrees_with_a_model, Factory, AllStores)
{
    const char* const longer = std::getenv("DIRECT_SOAK");
    const unsigned requests = 40 * (longer ? static_cast<unsigned>(std::atoi(longer)) : 1);
    constexpr unsigned threads = 12;
    Tuning tuning;
    tuning.map_start = 256 * 1024;
    Opened<Factory> store(tuning);
    std::vector<Model> models(threads);
    std::atomic<unsigned> wrong{0}, commits{0};
    store_faults::set_hook([&](store_faults::Step step) {
        return step == store_faults::Step::commit && ++commits % 17 == 0 ? EIO : 0;
    });
    std::vector<std::thread> all;
    for (unsigned t = 0; t < threads; ++t)
        all.emplace_back([&, t] {
            std::mt19937 dice(t);
            const std::string mine = be32(t);
            for (unsigned i = 0; i < requests; ++i) {
                if (!one_request(*store, dice, mine, models[t])) ++wrong;
                if (i % 10 == 0 && !same(*store, mine, models[t])) ++wrong;
            }
        });
    for (auto& thread : all) thread.join();
    store_faults::set_hook({});
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(commits > 17u);
    store.reopen();
    for (unsigned t = 0; t < threads; ++t) BOOST_TEST(same(*store, be32(t), models[t]));
}
