// refusals.cpp - see refusals.h. What is being counted is one value of Table::meta, under "refusals".
#include "milter/audit/refusals.h"

#include <algorithm>
#include <concepts>

#include "milter/base/cut_text.h"
#include "milter/base/text.h"
#include "milter/store/codec.h"
#include "milter/store/schema.h"

namespace direct {
namespace {

constexpr std::string_view state_key = "refusals";
/// Bytes that append_audit() adds to an entry: its sequence and its chain.
constexpr std::uint64_t appended_bytes = 8 + 32;

struct TokenCount {
    std::string token;
    std::uint64_t messages = 0;
};

/// The window that is open, and what such entries have taken so far.
struct Refusals {
    std::int64_t begin_ms = 0, length_ms = 0;  ///< length 0: no window was opened yet
    std::uint64_t spent = 0;                   ///< bytes of entries of their own in this window
    std::uint64_t ever = 0;                    ///< bytes since the store was made
    std::uint64_t messages = 0, recipients = 0;
    std::int64_t last_ms = 0;
    std::vector<TokenCount> tokens;
    std::vector<std::string> hosts;
    std::uint64_t hosts_beyond = 0;  ///< messages of a client that is not among the named
};

}  // namespace

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, TokenCount>
static void fields(F& f, R& r)
{
    f(1, r.token);
    f(2, r.messages);
}

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, Refusals>
static void fields(F& f, R& r)
{
    f(1, r.begin_ms);
    f(2, r.length_ms);
    f(3, r.spent);
    f(4, r.ever);
    f(5, r.messages);
    f(6, r.recipients);
    f(7, r.last_ms);
    f(8, r.tokens);
    f(9, r.hosts);
    f(10, r.hosts_beyond);
}

namespace {

Result<Refusals> read_state(ReadTxn& txn)
{
    TRY(const auto bytes, txn.get(Table::meta, state_key));
    Refusals state;
    if (bytes && !decode_fields(*bytes, state))
        return fail(temporary("audit: the count of refusals is damaged"));
    return state;
}

std::int64_t ms(Time t)
{
    return t.time_since_epoch().count();
}

Time at(std::int64_t since_epoch_ms)
{
    return Time(milliseconds(since_epoch_ms));
}

/// A window that begins in the future is one of a clock that was wrong.
bool is_over(const Refusals& state, Time now)
{
    return ms(now) < state.begin_ms || ms(now) - state.begin_ms >= state.length_ms;
}

AuditEntry entry_of_daemon(const char* token, Time now)
{
    AuditEntry e;
    e.at = now;
    e.event = "refusals-summed";
    e.who = "direct-milter";
    e.from_host = "local";
    e.token = token;
    return e;
}

AuditEntry begun(const Refusals& state, bool share_used, Time now)
{
    auto e = entry_of_daemon("begun", now);
    e.detail = "what is refused until " + iso8601(at(state.begin_ms + state.length_ms)) +
               " is counted and told then by one entry; the log has each. ";
    if (share_used)
        e.detail += "Entries about refused mail have taken their share of store.size_max (one part in " +
                    std::to_string(refusals_share) + ")";
    else
        e.detail += "Entries about refused mail have taken " + std::to_string(refusals_window_bytes) +
                    " bytes since " + iso8601(at(state.begin_ms));
    return e;
}

AuditEntry told(const Refusals& state, Time now)
{
    auto e = entry_of_daemon("told", now);
    e.detail = std::to_string(state.messages) + " more messages for " + std::to_string(state.recipients) +
               " recipients refused between " + iso8601(at(state.begin_ms)) + " and " +
               iso8601(at(state.last_ms)) + ":";
    for (const auto& t : state.tokens) e.detail += " " + t.token + " " + std::to_string(t.messages);
    e.detail += "; from " + join(state.hosts, ", ");
    if (state.hosts_beyond) e.detail += "; " + std::to_string(state.hosts_beyond) + " of them from others";
    return e;
}

void count_one(Refusals& state, const std::vector<AuditEntry>& entries, Time now)
{
    ++state.messages;
    state.last_ms = ms(now);
    for (const auto& e : entries) {
        state.recipients += 1 + e.further_count;
        auto found = std::ranges::find(state.tokens, e.token, &TokenCount::token);
        if (found == state.tokens.end()) found = state.tokens.insert(found, {e.token, 0});
        ++found->messages;
    }
    const auto& host = entries.front().from_host;
    if (std::ranges::find(state.hosts, host) != state.hosts.end()) return;
    if (state.hosts.size() < refusals_hosts_named)
        state.hosts.push_back(host);
    else
        ++state.hosts_beyond;
}

/// Ends the window: what was counted becomes an entry.
Status end_window(WriteTxn& txn, const RecordStore& store, Refusals& state, Time now)
{
    if (state.messages) {
        auto entry = told(state, now);
        keep_small(entry);
        CHECK(append_audit(txn, store, std::move(entry)));
    }
    const auto ever = state.ever;
    state = {};
    state.ever = ever;
    return Done{};
}

/// Adds a recipient to `into`, an entry of the same token, or the last one, of what is left.
void add_to(AuditEntry& into, AuditEntry&& more)
{
    ++into.further_count;
    if (into.further.size() + 1 < audit_recipients_named) into.further.push_back(std::move(more.recipient));
    const auto other = "others: " + more.token + "; ";
    if (into.token != more.token && into.detail.find(other) == std::string::npos)
        into.detail.insert(0, other);
}

}  // namespace

void keep_small(AuditEntry& entry)
{
    const auto cut = [](std::string& text, std::size_t max) {
        if (text.size() > max) text = cut_text(text, max);
    };
    for (auto* address : {&entry.who, &entry.sender, &entry.recipient}) cut(*address, audit_address_max);
    for (auto& address : entry.further) cut(address, audit_address_max);
    cut(entry.message_id, audit_message_id_max);
    cut(entry.detail, audit_detail_max);
    entry.certificates.resize(std::min(entry.certificates.size(), audit_certificates_max));
}

std::vector<AuditEntry> summed_up(std::vector<AuditEntry> entries)
{
    std::vector<AuditEntry> out;
    for (auto& e : entries) {
        keep_small(e);
        auto same = std::ranges::find(out, e.token, &AuditEntry::token);
        if (same == out.end() && out.size() == refusal_entries_max) --same;
        if (same == out.end())
            out.push_back(std::move(e));
        else
            add_to(*same, std::move(e));
    }
    for (auto& e : out) keep_small(e);
    return out;
}

Result<bool> append_refusals(WriteTxn& txn, const RecordStore& store, std::vector<AuditEntry> entries,
                             Time now, std::uint64_t size_max, std::uint64_t beside)
{
    if (entries.empty()) return true;
    entries = summed_up(std::move(entries));
    TRY(auto state, read_state(txn));
    if (is_over(state, now)) CHECK(end_window(txn, store, state, now));
    std::uint64_t bytes = beside;
    for (const auto& e : entries) bytes += encode(e).size() + appended_bytes;
    const bool share_used = state.ever + bytes > size_max / refusals_share;
    if (state.length_ms == 0) {
        state.begin_ms = ms(now);
        state.length_ms = (share_used ? refusals_long_window : refusals_window).count();
    }
    // Once counting has begun it goes on to the window's end: an entry in between would look as if it were all.
    const bool singly = state.messages == 0 && !share_used && state.spent + bytes <= refusals_window_bytes;
    if (singly) {
        state.spent += bytes;
        state.ever += bytes;
        for (auto& e : entries) CHECK(append_audit(txn, store, std::move(e)));
    } else {
        if (state.messages == 0) CHECK(append_audit(txn, store, begun(state, share_used, now)));
        count_one(state, entries, now);
    }
    CHECK(txn.put(Table::meta, state_key, encode_fields(state)));
    return singly;
}

Status tell_refusals(RecordStore& store, Time now)
{
    bool due = false;
    CHECK(store.read([&](ReadTxn& txn) -> Status {
        TRY(const auto state, read_state(txn));
        due = state.messages && is_over(state, now);
        return Done{};
    }));
    if (!due) return Done{};
    return store.write([&](WriteTxn& txn) -> Status {
        TRY(auto state, read_state(txn));
        if (!state.messages || !is_over(state, now)) return Done{};
        CHECK(end_window(txn, store, state, now));
        return txn.put(Table::meta, state_key, encode_fields(state));
    });
}

}  // namespace direct
