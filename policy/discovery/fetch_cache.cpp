// fetch_cache.cpp - see fetch_cache.h.
#include "policy/discovery/fetch_cache.h"

#include <syslog.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>

#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/store/schema.h"
#include "policy/lru_shards.h"

namespace direct {
namespace {

using Copy = FetchCache::Copy;
using Question = FetchCache::Question;

constexpr std::size_t failures_max = 4096;
// A copy's day of last use is written at most once a day: a reading message costs no write.
constexpr std::int64_t day_ms = 86400 * 1000;

std::int64_t ms_of(Time t)
{
    return t.time_since_epoch().count();
}

struct Failure {
    std::string name;
    Fault fault;
    Time until{};
    std::string_view key() const { return name; }
};

/// One fetch under way; those who want the same wait for it.
struct Flight {
    bool done = false;
    bool spent = false;  // its owner had no time left: that says nothing to those who wait
    Result<Copy> result = fail(temporary("nothing fetched"));
};

}  // namespace

struct FetchCache::State {
    RecordStore* store = nullptr;
    LruShards<Failure> failures{failures_max};
    std::mutex lock;  // flights
    std::condition_variable landed;
    std::map<std::string, std::shared_ptr<Flight>, std::less<>> flights;
    std::mutex counting;      // total
    std::int64_t total = -1;  ///< bytes kept, about; -1: not counted yet

    std::string key_of(const Question& q) const { return store->index_key("fetched", q.name); }
    Result<Copy> ask(const Question& question, const LookupContext& context);
    Result<Copy> fetch(const Question& question, const LookupContext& context, FetchedRecord row);
    std::optional<FetchedRecord> load(const Question& question);
    std::shared_ptr<const std::string> body_of(const FetchedRecord& row);
    Status save(const Question& question, FetchedRecord row, std::string_view body, std::uint64_t bytes_max);
    Status confirm(const Question& question, const FetchedRecord& row);
    void note_use(const Question& question, FetchedRecord row, Time now);
    Result<Copy> copy_of(const Question& question, const FetchedRecord& row);
    Status make_room(std::uint64_t bytes_max);
};

FetchCache::FetchCache() : state_(std::make_unique<State>()) {}
FetchCache::~FetchCache() = default;

void FetchCache::use(RecordStore& store)
{
    state_->store = &store;
}

Result<Copy> FetchCache::get(const Question& question, const LookupContext& context)
{
    auto& s = *state_;
    std::unique_lock hold(s.lock);
    for (;;) {
        auto it = s.flights.find(question.name);
        if (it == s.flights.end()) break;
        auto flight = it->second;
        if (!s.landed.wait_until(hold, context.budget.deadline, [&] { return flight->done; }))
            return fail(temporary(question.request.url + ": the time for looking up is over"));
        const auto& result = flight->result;
        if (!result && flight->spent && !context.budget.spent()) continue;
        // The other may have had the bytes at hand already; then they are read here.
        if (!result || result->body || result->digest == question.known_digest) return result;
    }
    auto flight = std::make_shared<Flight>();
    s.flights[question.name] = flight;
    hold.unlock();
    Result<Copy> result = fail(temporary(question.request.url + ": no memory to look it up"));
    try {
        result = s.ask(question, context);
    } catch (const std::exception&) {
        // Else everybody who asks for it would wait for this one until the daemon ends.
    }
    hold.lock();
    flight->result = result;
    flight->spent = context.budget.spent();
    flight->done = true;
    s.flights.erase(question.name);
    s.landed.notify_all();
    return result;
}

Result<Copy> FetchCache::State::ask(const Question& question, const LookupContext& context)
{
    auto row = load(question);
    if (row && ms_of(context.now) < row->fresh_ms && row->good_ms <= ms_of(context.now + seconds(300))) {
        if (auto copy = copy_of(question, *row)) {
            count(Metric::fetch_cache_hits_total);
            note_use(question, *row, context.now);
            return copy;
        }
    }
    Fault fault;
    if (auto failed = failures.find(question.name); failed && context.now < failed->until) {
        count(Metric::fetch_cache_hits_total);
        fault = failed->fault;
    } else {
        auto fetched = fetch(question, context, row.value_or(FetchedRecord{}));
        if (fetched) return fetched;
        fault = fetched.error();
        // A budget that another look-up has spent says nothing of this server.
        if (!context.budget.spent() || context.fetcher.options().total_timeout <= milliseconds(1000)) {
            failures.put({question.name, fault, context.now + context.failure_pause});
            LogLine(LOG_NOTICE, "", "fetch").with("why", fault.why);
        }
    }
    if (row) {
        if (auto copy = copy_of(question, *row)) {
            count(Metric::fetch_stale_total);
            copy->stale = true;
            copy->why_stale = fault.why;
            return copy;
        }
    }
    return fail(std::move(fault));
}

Result<Copy> FetchCache::State::fetch(const Question& question, const LookupContext& context,
                                      FetchedRecord row)
{
    FetchRequest request = question.request;
    request.now = context.now;
    if (row.content) {
        request.etag = row.etag;
        request.last_modified = row.last_modified;
    }
    TRY(FetchAnswer answer, context.fetcher.fetch(request, context.budget));
    std::shared_ptr<const std::string> body;
    if (answer.not_modified)
        body = body_of(row);
    else
        body = std::make_shared<const std::string>(std::move(answer.body));
    if (!body) return fail(temporary(request.url + ": the copy at hand cannot be read"));
    auto until = question.judge(*body, answer.fresh_until);
    if (!until) return fail(because(request.url, until.error()));
    row.fresh_ms = ms_of(*until);
    row.good_ms = row.used_ms = ms_of(context.now);
    if (!answer.not_modified || !answer.etag.empty()) row.etag = answer.etag;
    if (!answer.not_modified || !answer.last_modified.empty()) row.last_modified = answer.last_modified;
    auto saved = answer.not_modified ? confirm(question, row) : save(question, row, *body, context.cache_max);
    if (!saved) LogLine(LOG_WARNING, "", "store").with("what", "fetched copy").with("why", saved.error().why);
    Copy copy;
    copy.digest = sha256(*body);
    copy.body = std::move(body);
    copy.fresh_until = *until;
    return copy;
}

std::optional<FetchedRecord> FetchCache::State::load(const Question& question)
{
    std::optional<FetchedRecord> out;
    if (!store) return out;
    auto read = store->read([&](ReadTxn& txn) -> Status {
        TRY(auto value, txn.get(Table::fetched, key_of(question)));
        if (!value) return Done{};
        TRY(out, decode_fetched(*value));
        return Done{};
    });
    if (!read || (out && !out->content)) out.reset();
    return out;
}

std::shared_ptr<const std::string> FetchCache::State::body_of(const FetchedRecord& row)
{
    if (!store) return nullptr;
    auto bytes = store->content(row.content);
    return bytes ? std::make_shared<const std::string>(*std::move(bytes)) : nullptr;
}

Result<Copy> FetchCache::State::copy_of(const Question& question, const FetchedRecord& row)
{
    Copy copy;
    copy.digest = row.content.sha256;
    copy.fresh_until = Time(milliseconds(row.fresh_ms));
    if (copy.digest == question.known_digest) return copy;
    copy.body = body_of(row);
    if (!copy.body) return fail(temporary("the copy at hand cannot be read"));
    return copy;
}

Status FetchCache::State::save(const Question& question, FetchedRecord row, std::string_view body,
                               std::uint64_t bytes_max)
{
    if (!store) return Done{};
    TRY(auto prepared, store->prepare(body));
    const std::string key = key_of(question);
    row.content = prepared->ref();
    const std::string value = encode(row);
    std::int64_t replaced = 0;
    auto replace = [&](WriteTxn& txn) -> Status {
        TRY(auto before, txn.get(Table::fetched, key));
        replaced = 0;
        if (before) {
            TRY(auto old, decode_fetched(*before));
            if (old.content) CHECK(txn.erase_content(old.content.id));
            replaced = std::int64_t(old.content.size);
        }
        CHECK(prepared->attach(txn));
        return txn.put(Table::fetched, key, value);
    };
    CHECK(store->write(replace, body.size() + 4096));
    prepared->keep();
    {
        std::lock_guard guard(counting);
        if (total >= 0) total += std::int64_t(body.size()) - replaced;
        if (total >= 0 && total <= std::int64_t(bytes_max)) return Done{};
    }
    return make_room(bytes_max);
}

Status FetchCache::State::confirm(const Question& question, const FetchedRecord& row)
{
    if (!store) return Done{};
    return store->write([&](WriteTxn& txn) -> Status {
        TRY(auto before, txn.get(Table::fetched, key_of(question)));
        if (!before) return Done{};  // it left meanwhile, and its content with it
        return txn.put(Table::fetched, key_of(question), encode(row));
    });
}

void FetchCache::State::note_use(const Question& question, FetchedRecord row, Time now)
{
    if (ms_of(now) - row.used_ms < day_ms) return;
    row.used_ms = ms_of(now);
    static_cast<void>(confirm(question, row));  // only which copy leaves first depends on it
}

/// Counts what is kept and lets the copies go that were not used longest, down to nine tenths.
Status FetchCache::State::make_room(std::uint64_t bytes_max)
{
    std::lock_guard guard(counting);
    struct Row {
        std::int64_t used;
        std::string key;
        ContentRef content;
    };
    std::int64_t sum = 0;
    auto evict = [&](WriteTxn& txn) -> Status {
        std::vector<Row> rows;
        sum = 0;
        auto collect = [&](std::string_view key, std::string_view value) {
            auto row = decode_fetched(value);
            if (row) sum += std::int64_t(row->content.size);
            rows.push_back({row ? std::max(row->used_ms, row->good_ms) : 0, std::string(key),
                            row ? row->content : ContentRef{}});
            return true;
        };
        CHECK(txn.scan(Table::fetched, "", "", collect));
        if (sum <= std::int64_t(bytes_max)) return Done{};
        std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.used < b.used; });
        for (const auto& row : rows) {
            if (sum <= std::int64_t(bytes_max / 10 * 9)) break;
            CHECK(txn.erase(Table::fetched, row.key));
            if (row.content) CHECK(txn.erase_content(row.content.id));
            sum -= std::int64_t(row.content.size);
        }
        return Done{};
    };
    CHECK(store->write(evict));
    total = sum;
    return Done{};
}

}  // namespace direct
