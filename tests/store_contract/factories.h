// factories.h - the kinds of store the suite runs for. A further store adds a factory to AllStores and
// a line to the README of milter/store, and must then pass every case.
#pragma once
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <tuple>

#include "milter/store/lmdb_store.h"
#include "tests/support/scratch.h"

namespace direct::test {

struct Tuning {
    std::uint64_t size_max = 1ull << 30;
    std::size_t inline_max = 4096;
    std::uint64_t map_start = 1u << 20;
    bool committer = true;
};

struct LmdbFactory {
    static constexpr const char* name = "lmdb";
    static Result<std::unique_ptr<RecordStore>> open(const std::string& place, const Tuning& tuning = {},
                                                     char key_byte = 'k')
    {
        StoreOptions options;
        options.path = place + "/store";
        options.size_max = tuning.size_max;
        options.inline_max = tuning.inline_max;
        options.map_start = tuning.map_start;
        options.committer = tuning.committer;
        return open_lmdb_store(options, Secret(std::string(32, key_byte)));
    }
};

using AllStores = std::tuple<LmdbFactory>;

/// A store in a folder of its own. Ends the case when it does not open.
template <class Factory>
class Opened {
public:
    explicit Opened(const Tuning& tuning = {}) : tuning_(tuning) { open(); }
    RecordStore* operator->() { return store_.get(); }
    RecordStore& operator*() { return *store_; }
    const std::string& place() const { return scratch_.path(); }
    void close() { store_.reset(); }
    void reopen()
    {
        close();
        open();
    }

private:
    void open()
    {
        auto opened = Factory::open(place(), tuning_);
        BOOST_REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().why));
        store_ = *std::move(opened);
    }
    Scratch scratch_;
    Tuning tuning_;
    std::unique_ptr<RecordStore> store_;
};

inline bool put(RecordStore& store, Table table, const std::string& key, const std::string& value)
{
    return store.write([&](WriteTxn& txn) { return txn.put(table, key, value); }).has_value();
}

/// The value, "(none)" or "(fault)".
inline std::string get(RecordStore& store, Table table, const std::string& key)
{
    std::string out = "(none)";
    const Status done = store.read([&](ReadTxn& txn) -> Status {
        TRY(const auto value, txn.get(table, key));
        if (value) out = *value;
        return Done{};
    });
    return done ? out : "(fault)";
}

}  // namespace direct::test
