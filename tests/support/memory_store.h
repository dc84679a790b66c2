// memory_store.h - a RecordStore in memory for tests of rooms that write records: no disk, no sealing,
// but the rules of the real one: snapshots, all or nothing, and write functions that run more than once
// (each runs twice here, so that an effect outside the transaction shows). Thread safe.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "milter/store/record_store.h"

namespace direct::test {

class MemoryStore : public RecordStore {
public:
    struct Content {
        std::string bytes, key;
    };
    struct Data {
        std::map<Table, std::map<std::string, std::string, std::less<>>> tables;
        std::map<std::string, Content> contents;  ///< by id; committed ones only
        std::set<std::pair<Table, std::string>> damaged;
        bool is_damaged(Table table, std::string_view key) const
        {
            return !damaged.empty() && damaged.contains({table, std::string(key)});
        }
    };

    MemoryStore();
    Status read(const std::function<Status(ReadTxn&)>& work) override;
    Status write(const std::function<Status(WriteTxn&)>& work, std::size_t size_hint) override;
    Result<std::unique_ptr<PreparedContent>> prepare(std::string_view bytes,
                                                     std::string_view own_key) override;
    Result<std::string> content(const ContentRef& ref, std::string_view own_key) override;
    Result<std::string> content_range(const ContentRef& ref, std::uint64_t offset, std::uint64_t length,
                                      std::string_view own_key) override;
    std::string index_key(std::string_view label, std::string_view text) const override;
    std::string_view audit_key() const override { return "audit key of a test"; }
    Result<StoreStat> stat() override;
    Status sweep(std::int64_t) override { return Done{}; }

    /// The next n writes fail as a full disk does: temporary, nothing changed.
    void fail_writes(int n)
    {
        failing_ = n;
        allowed_ = -1;
    }
    /// The next n writes go through, then the disk is full until fail_writes(0).
    void fail_after(int n) { allowed_ = n; }
    /// What is committed now.
    Data data() const;
    std::size_t rows(Table table) const;
    /// All keys and values of a table, for tests that look for what must not be there.
    std::string dump(Table table) const;
    /// Changes committed content behind the store's back: a damaged file. False when there is none.
    bool damage_content(const std::string& id);
    /// A value that cannot be unsealed any more, until it is written anew; of Table::content: how the content lies.
    void damage(Table table, const std::string& key);
    /// The same for a table's first row. Its key.
    std::string damage_first(Table table);

private:
    std::shared_ptr<const Data> snapshot() const;
    mutable std::mutex lock_;  // data_
    std::mutex writer_;        // one write at a time
    std::shared_ptr<const Data> data_;
    std::atomic<int> failing_{0};
    std::atomic<int> allowed_{-1};  // -1: no bound
};

}  // namespace direct::test
