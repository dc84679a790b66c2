// hand_over.cpp - the threads that take pending documents to their parsers, as many as there are children.
//
// A document is settled by its last transaction (settle.h). Whatever stops us before it (kill, full disk)
// leaves the pending row, and the document is done again from the start.
#include "milter/items/hand_over.h"

#include <syslog.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <typeinfo>

#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/items/settle.h"
#include "milter/items/upgrade.h"

namespace direct {
namespace {

constexpr std::size_t keys_per_look = 256;       // pending rows taken from the store at once
constexpr std::size_t refusals_max = 3;          // parsers one document may kill in one go
constexpr std::chrono::seconds retry_after{30};  // when store or parsers were in trouble

Result<ParseOutcome> timed_parse(WorkerPool& pool, const ParseRequest& request)
{
    Timed timed(Metric::parse_seconds);
    return pool.parse(request);
}

/// Nothing when it is gone. Fault: it cannot be opened or read.
Result<std::optional<DocumentRecord>> document_row(ReadTxn& txn, const std::string& key)
{
    TRY(const auto value, txn.get(Table::document, key));
    if (!value) return std::optional<DocumentRecord>();
    TRY(auto row, decode_document(*value));
    return std::optional(std::move(row));
}

bool killed_its_parser(const ParseOutcome& outcome)
{
    return (outcome.status == "crashed" || outcome.status == "timeout") && !outcome.plugin.empty();
}

}  // namespace

struct HandOver::State {
    RecordStore& store;
    WorkerPool& pool;
    const std::size_t at_once;
    std::mutex one_pass;  // one pass at a time, so that no document is in two hands
    bool up_to_date = false;
    std::mutex mutex;
    std::condition_variable changed;
    bool awake = true, stopping = false;  // what an earlier run left is looked for at once
    std::thread thread;

    State(RecordStore& s, WorkerPool& p, std::size_t n) : store(s), pool(p), at_once(n) {}

    bool must_stop()
    {
        std::lock_guard lock(mutex);
        return stopping;
    }
    void run();
    Result<std::size_t> pass(bool& trouble);
    Result<std::vector<std::string>> waiting(const std::string& after);
    std::size_t settle_all(const std::vector<std::string>& keys, bool& trouble);
    bool settle_or_tell(const std::string& key, std::atomic<bool>& trouble);
    void show_pending();
    Result<bool> settle(const std::string& key);
    Result<bool> forget(const std::string& key);
    Result<ParseOutcome> read(DocumentRecord& document);
};

void HandOver::State::run()
{
    for (;;) {
        bool trouble = false;
        {
            std::unique_lock lock(mutex);
            if (stopping) return;
            awake = false;
        }
        try {
            auto settled = pass(trouble);
            if (!settled) {
                trouble = true;
                LogLine(LOG_WARNING, "", "parse").with("what", settled.error().why);
            }
        } catch (const std::exception& e) {
            trouble = true;
            LogLine(LOG_CRIT, "", "unexpected").with("what", typeid(e).name());
        }
        std::unique_lock lock(mutex);
        const auto woken = [&] { return awake || stopping; };
        if (trouble)
            changed.wait_for(lock, retry_after, woken);
        else
            changed.wait(lock, woken);
    }
}

Result<std::vector<std::string>> HandOver::State::waiting(const std::string& after)
{
    std::vector<std::string> keys;
    CHECK(store.read([&](ReadTxn& txn) {
        keys.clear();
        return txn.keys(Table::pending, "", after, [&](std::string_view key) {
            if (key != after) keys.emplace_back(key);
            return keys.size() < keys_per_look;
        });
    }));
    return keys;
}

void HandOver::State::show_pending()
{
    static_cast<void>(store.read([&](ReadTxn& txn) -> Status {
        TRY(const auto n, txn.entries(Table::pending));
        set_gauge(Metric::documents_pending, static_cast<std::int64_t>(n));
        return Done{};
    }));
}

Result<std::size_t> HandOver::State::pass(bool& trouble)
{
    std::lock_guard lock(one_pass);
    if (!up_to_date) CHECK(upgrade_items(store));
    up_to_date = true;
    std::size_t settled = 0;
    for (std::string last;;) {
        show_pending();
        TRY(const auto keys, waiting(last));
        if (keys.empty() || must_stop()) return settled;
        settled += settle_all(keys, trouble);
        last = keys.back();
    }
}

// Each thread takes the next key; all are done when this returns.
std::size_t HandOver::State::settle_all(const std::vector<std::string>& keys, bool& trouble)
{
    std::atomic<std::size_t> next{0}, settled{0};
    std::atomic<bool> any_trouble{false};
    const auto work = [&] {
        for (std::size_t i = next++; i < keys.size() && !must_stop(); i = next++)
            settled += settle_or_tell(keys[i], any_trouble);
    };
    {
        std::vector<std::jthread> others;
        while (others.size() + 1 < std::min(at_once, keys.size())) others.emplace_back(work);
        work();
    }
    trouble = trouble || any_trouble;
    return settled;
}

// Trouble with one document leaves it waiting and goes on with the next. A border: nothing ends the thread.
bool HandOver::State::settle_or_tell(const std::string& key, std::atomic<bool>& trouble)
{
    try {
        auto done = settle(key);
        if (done) return *done;
        LogLine(LOG_WARNING, "", "parse").with("document", hex(key)).with("what", done.error().why);
    } catch (const std::exception& e) {
        LogLine(LOG_CRIT, "", "unexpected").with("what", typeid(e).name());
    }
    trouble = true;
    return false;
}

/// It waits no longer, unless it is to be read after all. True: its row cannot be opened, so that it can never be read;
/// the row stays until the time of its message has passed.
Result<bool> HandOver::State::forget(const std::string& key)
{
    bool damaged = false;
    const auto erase = [&](WriteTxn& txn) -> Status {
        const auto row = document_row(txn, key);
        damaged = !row;
        if (row && *row && (*row)->state == "pending") return Done{};
        CHECK(txn.erase(Table::pending, key));
        return Done{};
    };
    CHECK(store.write_making_room(erase));
    return damaged;
}

// False: there was nothing to do for this row.
Result<bool> HandOver::State::settle(const std::string& key)
{
    Result<std::optional<DocumentRecord>> row = std::optional<DocumentRecord>();
    CHECK(store.read([&](ReadTxn& txn) {
        row = document_row(txn, key);
        return Status(Done{});
    }));
    if (!row || !*row || (*row)->state != "pending") {
        TRY(const bool damaged, forget(key));
        if (damaged)
            LogLine(LOG_WARNING, "", "store").with("document", hex(key)).with("what", "a row cannot be read");
        return false;
    }
    DocumentRecord document = **std::move(row);
    TRY(const ParseOutcome outcome, read(document));
    CHECK(settle_document(store, key, document, outcome));
    const bool good = document.state == "parsed" || document.state == "file";
    count(good ? Metric::documents_parsed_total : Metric::documents_failed_total);
    LogLine(good ? LOG_INFO : LOG_WARNING, "", "parse")
        .with("message", hex(document.message_id))
        .with("part", static_cast<std::int64_t>(document.part))
        .with("plugin", document.plugin)
        .with("outcome", document.state)
        .with("items", static_cast<std::int64_t>(document.items));
    return true;
}

// Asks the parsers, without those this document has killed. The record says in the end how it went: a
// document whose parser died keeps that state unless another clinical parser could read it.
Result<ParseOutcome> HandOver::State::read(DocumentRecord& d)
{
    TRY(const std::string content, store.content(d.content));
    ++d.tries;
    d.state.clear();
    for (std::size_t deaths = 0;; ++deaths) {
        ParseRequest request{content,      d.declared_type,   d.charset, d.filename,
                             d.refused_by, hex(d.message_id), d.part};
        TRY(ParseOutcome outcome, timed_parse(pool, request));
        if (killed_its_parser(outcome)) {
            d.refused_by.push_back(outcome.plugin);
            d.state = outcome.status;
            d.plugin = outcome.plugin;
            d.detail = outcome.detail;
            if (deaths + 1 < refusals_max) continue;
        }
        const bool parsed = outcome.status == "parsed";
        d.kind = parsed ? kind_of_document(outcome.document) : "file";
        if (d.state.empty() || (parsed && d.kind != "file")) {
            d.state = !parsed ? outcome.status : d.kind == "file" ? "file" : "parsed";
            d.plugin = outcome.plugin;
            d.detail = outcome.detail;
        }
        return outcome;
    }
}

HandOver::HandOver(RecordStore& store, WorkerPool& pool, const Clock&, std::size_t at_once)
    : state_(new State(store, pool, std::max<std::size_t>(1, at_once)))
{
    state_->thread = std::thread([this] { state_->run(); });
}

HandOver::~HandOver()
{
    stop();
}

void HandOver::wake()
{
    std::lock_guard lock(state_->mutex);
    state_->awake = true;
    state_->changed.notify_all();
}

void HandOver::stop()
{
    {
        std::lock_guard lock(state_->mutex);
        state_->stopping = true;
        state_->changed.notify_all();
    }
    if (state_->thread.joinable()) state_->thread.join();
}

Result<std::size_t> HandOver::pass()
{
    bool trouble = false;
    return state_->pass(trouble);
}

}  // namespace direct
