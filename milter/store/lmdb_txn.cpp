// lmdb_txn.cpp - see lmdb_txn.h.
#include "milter/store/lmdb_txn.h"

#include <algorithm>

#include "milter/store/content_entry.h"
#include "milter/store/faults.h"

namespace direct {

namespace {

constexpr std::size_t key_max = 500;

MDB_val as_val(std::string_view s)
{
    return {s.size(), const_cast<char*>(s.data())};
}
std::string_view as_view(const MDB_val& v)
{
    return {static_cast<const char*>(v.mv_data), v.mv_size};
}

using Cursor = Handle<MDB_cursor, &mdb_cursor_close>;

/// The first key after all keys with this prefix; nothing when there can be none.
std::optional<std::string> after_prefix(std::string_view prefix)
{
    std::string out(prefix);
    while (!out.empty() && static_cast<unsigned char>(out.back()) == 0xff) out.pop_back();
    if (out.empty()) return std::nullopt;
    out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) + 1);
    return out;
}

/// The one value that must be readable before it is known how the others are sealed.
bool is_clear(Table table, std::string_view key)
{
    return table == Table::meta && key == "schema";
}

}  // namespace

int LmdbTxn::remember(int rc)
{
    if (rc != 0 && rc != MDB_NOTFOUND && rc != MDB_KEYEXIST && broken_ == 0) broken_ = rc;
    return rc;
}

Status LmdbTxn::check_key(std::string_view key) const
{
    if (key.empty() || key.size() > key_max) return fail(temporary("store: a key is not 1..500 bytes"));
    if (!writes_) return fail(temporary("store: a read transaction cannot write"));
    return Done{};
}

Result<std::optional<std::string_view>> LmdbTxn::get_raw(Table table, std::string_view key)
{
    if (key.empty() || key.size() > key_max) return std::optional<std::string_view>{};
    MDB_val k = as_val(key), v{};
    const int rc = remember(mdb_get(txn_, env_.table(table), &k, &v));
    if (rc == MDB_NOTFOUND) return std::optional<std::string_view>{};
    if (rc) return fail(lmdb_fault("mdb_get", rc));
    return std::optional(as_view(v));
}

Result<std::string> LmdbTxn::open_value(Table table, std::string_view key, std::string_view bytes) const
{
    if (is_clear(table, key)) return std::string(bytes);
    return sealer_.open(table, key, bytes);
}

Result<std::optional<std::string>> LmdbTxn::get(Table table, std::string_view key)
{
    TRY(const auto sealed, get_raw(table, key));
    if (!sealed) return std::optional<std::string>{};
    TRY(std::string plain, open_value(table, key, *sealed));
    return std::optional(std::move(plain));
}

Result<bool> LmdbTxn::put_raw(Table table, std::string_view key, std::string_view bytes, bool replace)
{
    CHECK(check_key(key));
    MDB_val k = as_val(key), v = as_val(bytes);
    int rc = store_faults::injected_fault(store_faults::Step::put);
    if (!rc) rc = mdb_put(txn_, env_.table(table), &k, &v, replace ? 0 : MDB_NOOVERWRITE);
    remember(rc);
    if (rc == MDB_KEYEXIST) return false;
    if (rc) return fail(lmdb_fault("mdb_put", rc));
    ++changes_;
    return true;
}

Status LmdbTxn::put(Table table, std::string_view key, std::string_view value)
{
    CHECK(put_raw(table, key, sealer_.seal(table, key, value)));
    return Done{};
}

Result<bool> LmdbTxn::insert(Table table, std::string_view key, std::string_view value)
{
    return put_raw(table, key, sealer_.seal(table, key, value), false);
}

Result<bool> LmdbTxn::erase(Table table, std::string_view key)
{
    CHECK(check_key(key));
    MDB_val k = as_val(key);
    const int rc = remember(mdb_del(txn_, env_.table(table), &k, nullptr));
    if (rc == MDB_NOTFOUND) return false;
    if (rc) return fail(lmdb_fault("mdb_del", rc));
    ++changes_;
    return true;
}

Status LmdbTxn::erase_content(std::string_view content_id)
{
    TRY(const auto bytes, get(Table::content, content_id));
    if (!bytes) return Done{};
    TRY(const ContentEntry entry, decode_content_entry(*bytes));
    if (entry.in_file) files_to_remove_.emplace_back(content_id);
    CHECK(erase(Table::content, content_id));
    return Done{};
}

Result<std::uint64_t> LmdbTxn::entries(Table table)
{
    MDB_stat about{};
    if (const int rc = remember(mdb_stat(txn_, env_.table(table), &about)))
        return fail(lmdb_fault("mdb_stat", rc));
    return about.ms_entries;
}

/// Where a scan starts and which way it goes.
struct LmdbTxn::Walk {
    std::string_view prefix;
    bool back = false, keys_only = false;
    std::optional<std::string> start;  ///< forward: first key wanted; back: first key too far, none = end
};

// A visitor of a write transaction may change the table it walks over. LMDB moves cursors along with
// changes, but what "next" is after its own key has gone is not promised, so the walk looks up its
// place by key whenever something was written.
Status LmdbTxn::walk(Table table, Walk& walk, const Visit& visit)
{
    MDB_cursor* raw = nullptr;
    if (const int rc = remember(mdb_cursor_open(txn_, env_.table(table), &raw)))
        return fail(lmdb_fault("mdb_cursor_open", rc));
    const Cursor cursor(raw);
    MDB_val k{}, v{};
    const auto seek = [&](const std::optional<std::string>& to) {
        if (to && !to->empty()) {
            k = as_val(*to);
            const int rc = mdb_cursor_get(raw, &k, &v, MDB_SET_RANGE);
            if (!walk.back) return rc;
            if (rc == 0) return mdb_cursor_get(raw, &k, &v, MDB_PREV);
            if (rc != MDB_NOTFOUND) return rc;
        }
        return mdb_cursor_get(raw, &k, &v, walk.back ? MDB_LAST : MDB_FIRST);
    };
    int rc = seek(walk.start);
    while (rc == 0) {
        std::string key(as_view(k));
        if (!key.starts_with(walk.prefix)) break;
        TRY(const std::string plain,
            walk.keys_only ? Result<std::string>(std::string()) : open_value(table, key, as_view(v)));
        const std::uint64_t before = changes_;
        if (!visit(key, plain)) return Done{};
        if (changes_ == before)
            rc = mdb_cursor_get(raw, &k, &v, walk.back ? MDB_PREV : MDB_NEXT);
        else
            rc = seek(walk.back ? key : key + '\0');
    }
    if (rc != 0 && rc != MDB_NOTFOUND) return fail(lmdb_fault("mdb_cursor_get", remember(rc)));
    return Done{};
}

Status LmdbTxn::scan(Table table, std::string_view prefix, std::string_view from, const Visit& visit)
{
    Walk forward{prefix, false, false, std::string(std::max(prefix, from))};
    return walk(table, forward, visit);
}

Status LmdbTxn::keys(Table table, std::string_view prefix, std::string_view from, const VisitKey& visit)
{
    Walk forward{prefix, false, true, std::string(std::max(prefix, from))};
    return walk(table, forward, [&](std::string_view key, std::string_view) { return visit(key); });
}

Status LmdbTxn::scan_back(Table table, std::string_view prefix, const Visit& visit)
{
    Walk back{prefix, true, false, after_prefix(prefix)};
    return walk(table, back, visit);
}

Result<std::vector<std::string>> LmdbTxn::sealed_otherwise(Table table, std::string_view from,
                                                           std::uint8_t number, std::size_t max)
{
    MDB_cursor* raw = nullptr;
    if (const int rc = remember(mdb_cursor_open(txn_, env_.table(table), &raw)))
        return fail(lmdb_fault("mdb_cursor_open", rc));
    const Cursor cursor(raw);
    std::vector<std::string> out;
    MDB_val k = as_val(from), v{};
    int rc = mdb_cursor_get(raw, &k, &v, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
    for (; rc == 0 && out.size() < max; rc = mdb_cursor_get(raw, &k, &v, MDB_NEXT)) {
        const bool current = v.mv_size > 0 && static_cast<std::uint8_t>(as_view(v)[0]) == number;
        if (!current && !is_clear(table, as_view(k))) out.emplace_back(as_view(k));
    }
    if (rc != 0 && rc != MDB_NOTFOUND) return fail(lmdb_fault("mdb_cursor_get", remember(rc)));
    return out;
}

Result<std::unique_ptr<ReadScope>> ReadScope::begin(LmdbEnv& env)
{
    std::unique_ptr<ReadScope> out(new ReadScope(env));
    if (!env.env()) return fail(temporary("store: not open after a failure"));
    if (const int rc = mdb_txn_begin(env.env(), nullptr, MDB_RDONLY, &out->txn_)) {
        out->txn_ = nullptr;
        return fail(lmdb_fault("mdb_txn_begin", rc));
    }
    return out;
}

ReadScope::~ReadScope()
{
    if (txn_) mdb_txn_abort(txn_);
    env_.gate().leave();
}

}  // namespace direct
