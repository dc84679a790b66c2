#include "tests/support/memory_store.h"

#include <algorithm>

namespace direct::test {
namespace {

using Data = MemoryStore::Data;

// One transaction over a copy; the copy becomes the store's data when it commits.
class Txn : public WriteTxn {
public:
    explicit Txn(Data data) : data_(std::move(data)) {}
    Data take() && { return std::move(data_); }
    Data& data() { return data_; }

    Result<std::optional<std::string>> get(Table table, std::string_view key) override
    {
        if (data_.is_damaged(table, key)) return fail(temporary("a value does not open"));
        const auto& t = data_.tables[table];
        const auto i = t.find(key);
        if (i == t.end()) return std::optional<std::string>();
        return std::optional<std::string>(i->second);
    }
    Status scan(Table table, std::string_view prefix, std::string_view from, const Visit& visit) override
    {
        const auto& t = data_.tables[table];
        for (auto i = t.lower_bound(std::max(prefix, from)); i != t.end() && i->first.starts_with(prefix);
             ++i) {
            if (data_.is_damaged(table, i->first)) return fail(temporary("a value does not open"));
            if (!visit(i->first, i->second)) break;
        }
        return Done{};
    }
    Status keys(Table table, std::string_view prefix, std::string_view from, const VisitKey& visit) override
    {
        const auto& t = data_.tables[table];
        for (auto i = t.lower_bound(std::max(prefix, from)); i != t.end() && i->first.starts_with(prefix);
             ++i)
            if (!visit(i->first)) break;
        return Done{};
    }
    Status scan_back(Table table, std::string_view prefix, const Visit& visit) override
    {
        const auto& t = data_.tables[table];
        for (auto i = t.rbegin(); i != t.rend(); ++i)
            if (i->first.starts_with(prefix)) {
                if (data_.is_damaged(table, i->first)) return fail(temporary("a value does not open"));
                if (!visit(i->first, i->second)) break;
            }
        return Done{};
    }
    Result<std::uint64_t> entries(Table table) override { return data_.tables[table].size(); }
    Status put(Table table, std::string_view key, std::string_view value) override
    {
        if (key.empty() || key.size() > 500) return fail(temporary("key size"));
        data_.damaged.erase({table, std::string(key)});
        data_.tables[table][std::string(key)] = std::string(value);
        return Done{};
    }
    Result<bool> insert(Table table, std::string_view key, std::string_view value) override
    {
        if (key.empty() || key.size() > 500) return fail(temporary("key size"));
        return data_.tables[table].emplace(std::string(key), std::string(value)).second;
    }
    Result<bool> erase(Table table, std::string_view key) override
    {
        data_.damaged.erase({table, std::string(key)});
        if (table == Table::content) return data_.contents.erase(std::string(key)) > 0;
        return data_.tables[table].erase(std::string(key)) > 0;
    }
    Status erase_content(std::string_view content_id) override
    {
        if (data_.is_damaged(Table::content, content_id)) return fail(temporary("a value does not open"));
        data_.contents.erase(std::string(content_id));
        return Done{};
    }

private:
    Data data_;
};

class Prepared : public PreparedContent {
public:
    Prepared(std::string_view bytes, std::string_view key) : content_{std::string(bytes), std::string(key)}
    {
        ref_.id = random_bytes(16);
        ref_.size = bytes.size();
        ref_.sha256 = sha256(bytes);
    }
    const ContentRef& ref() const override { return ref_; }
    Status attach(WriteTxn& txn) override
    {
        static_cast<Txn&>(txn).data().contents[ref_.id] = content_;
        return Done{};
    }
    void keep() override {}

private:
    ContentRef ref_;
    MemoryStore::Content content_;
};

}  // namespace

MemoryStore::MemoryStore() : data_(std::make_shared<Data>()) {}

std::shared_ptr<const Data> MemoryStore::snapshot() const
{
    std::lock_guard hold(lock_);
    return data_;
}

Status MemoryStore::read(const std::function<Status(ReadTxn&)>& work)
{
    Txn txn(*snapshot());
    return work(txn);
}

Status MemoryStore::write(const std::function<Status(WriteTxn&)>& work, std::size_t)
{
    std::lock_guard alone(writer_);
    if (failing_.load() > 0) {
        --failing_;
        return fail(temporary("a full disk"));
    }
    if (allowed_ == 0) return fail(temporary("a full disk"));
    if (allowed_ > 0) --allowed_;
    const auto before = snapshot();
    Txn rehearsal(*before);
    CHECK(work(rehearsal));
    Txn txn(*before);
    CHECK(work(txn));
    auto after = std::make_shared<const Data>(std::move(txn).take());
    std::lock_guard hold(lock_);
    data_ = std::move(after);
    return Done{};
}

Result<std::unique_ptr<PreparedContent>> MemoryStore::prepare(std::string_view bytes,
                                                              std::string_view own_key)
{
    return std::unique_ptr<PreparedContent>(std::make_unique<Prepared>(bytes, own_key));
}

Result<std::string> MemoryStore::content(const ContentRef& ref, std::string_view own_key)
{
    const auto now = snapshot();
    const auto i = now->contents.find(ref.id);
    if (i == now->contents.end()) return fail(temporary("content is missing"));
    if (i->second.key != own_key) return fail(temporary("content does not open"));
    if (sha256(i->second.bytes) != ref.sha256) return fail(temporary("content is damaged"));
    return i->second.bytes;
}

Result<std::string> MemoryStore::content_range(const ContentRef& ref, std::uint64_t offset,
                                               std::uint64_t length, std::string_view own_key)
{
    TRY(const std::string all, content(ref, own_key));
    if (offset > all.size()) return fail(temporary("range"));
    return all.substr(offset, length);
}

std::string MemoryStore::index_key(std::string_view label, std::string_view text) const
{
    return hmac_sha256(label, text).substr(0, 16);
}

Result<StoreStat> MemoryStore::stat()
{
    StoreStat s;
    s.content_files = snapshot()->contents.size();
    return s;
}

Data MemoryStore::data() const
{
    return *snapshot();
}

std::size_t MemoryStore::rows(Table table) const
{
    const auto now = snapshot();
    const auto t = now->tables.find(table);
    return t == now->tables.end() ? 0 : t->second.size();
}

std::string MemoryStore::dump(Table table) const
{
    std::string out;
    const auto now = snapshot();
    if (const auto t = now->tables.find(table); t != now->tables.end())
        for (const auto& [key, value] : t->second) out += key + "\n" + value + "\n";
    return out;
}

bool MemoryStore::damage_content(const std::string& id)
{
    std::lock_guard hold(lock_);
    auto changed = std::make_shared<Data>(*data_);
    const auto i = changed->contents.find(id);
    if (i == changed->contents.end()) return false;
    i->second.bytes += "x";
    data_ = std::move(changed);
    return true;
}

std::string MemoryStore::damage_first(Table table)
{
    const auto key = data().tables.at(table).begin()->first;
    damage(table, key);
    return key;
}

void MemoryStore::damage(Table table, const std::string& key)
{
    std::lock_guard hold(lock_);
    auto changed = std::make_shared<Data>(*data_);
    changed->damaged.emplace(table, key);
    data_ = std::move(changed);
}

}  // namespace direct::test
