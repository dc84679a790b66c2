// audit.cpp - the chain of entries. See audit.h.
//
// A value of Table::audit is the entry's fields with the chain as the last one:
//
//     fields 1..12, 14, 15 | field 13: 32 bytes = HMAC-SHA-256(audit key, chain before | u64 sequence | the fields before)
//
// The first entry follows a chain of 32 zero bytes. meta "audit-head" holds the last sequence and its
// chain: whoever cuts entries off at the end would have to change it too, and it is sealed. Putting
// back an older copy of the whole store is not seen from inside; the export and the system's log are
// the record outside. Thread safe; every Fault is temporary.
#include "milter/audit/audit.h"

#include <algorithm>
#include <concepts>

#include "milter/base/crypto.h"
#include "milter/base/text.h"
#include "milter/store/codec.h"
#include "milter/store/schema.h"

namespace direct {

namespace {

constexpr std::uint32_t chain_field = 13;
constexpr std::size_t chain_size = 32;
constexpr std::size_t chain_field_size = 2 + chain_size;  ///< number, length, bytes
constexpr std::string_view head_key = "audit-head";
/// Entries of one read transaction: a long read would let the file grow.
constexpr std::size_t slice = 10'000;

struct Head {
    std::uint64_t sequence = 0;
    std::string chain = std::string(chain_size, '\0');
};

}  // namespace

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, Head>
static void fields(F& f, R& r)
{
    f(1, r.sequence);
    f(2, r.chain);
}

namespace {

/// All but the chain. Time in milliseconds.
template <class F, class R>
void entry_fields(F& f, R& r, auto& at_ms)
{
    f(1, r.sequence);
    f(2, at_ms);
    f(3, r.event);
    f(4, r.who);
    f(5, r.from_host);
    f(6, r.sender);
    f(7, r.recipient);
    f(8, r.message_id);
    f(9, r.queue_id);
    f(10, r.token);
    f(11, r.detail);
    f(12, r.certificates);
    f(14, r.further);
    f(15, r.further_count);
}

std::string chain_of(std::string_view audit_key, std::string_view before, std::uint64_t sequence,
                     std::string_view bytes)
{
    std::string all;
    all.reserve(before.size() + 8 + bytes.size());
    all += before;
    all += be64(sequence);
    all += bytes;
    return hmac_sha256(audit_key, all);
}

Result<std::optional<Head>> read_head(ReadTxn& txn)
{
    TRY(const auto bytes, txn.get(Table::meta, head_key));
    if (!bytes) return std::optional<Head>{};
    Head head;
    if (!decode_fields(*bytes, head) || head.chain.size() != chain_size)
        return fail(temporary("audit: the head of the chain is damaged"));
    return std::optional(std::move(head));
}

std::string without_chain(const AuditEntry& entry)
{
    FieldWriter writer;
    const std::int64_t at_ms = entry.at.time_since_epoch().count();
    entry_fields(writer, entry, at_ms);
    return writer.take();
}

bool matches(const AuditEntry& entry, const AuditQuery& query)
{
    if (query.since && entry.at < *query.since) return false;
    if (query.until && entry.at > *query.until) return false;
    return query.id.empty() || query.id == entry.message_id || query.id == entry.queue_id ||
           query.id == entry.sender || query.id == entry.recipient ||
           std::ranges::find(entry.further, query.id) != entry.further.end();
}

/// Walks the chain; every call of step() looks at one entry.
class Verifier {
public:
    explicit Verifier(std::string_view audit_key) : audit_key_(audit_key) {}

    /// False when the chain is broken here.
    bool step(std::uint64_t sequence, std::string_view value)
    {
        if (sequence != last_.sequence + 1) return bad("missing");
        if (value.size() < chain_field_size) return bad("changed");
        const auto body = value.substr(0, value.size() - chain_field_size);
        const auto tail = value.substr(body.size());
        const std::string chain = chain_of(audit_key_, last_.chain, sequence, body);
        std::string expected;
        append_field(expected, chain_field, chain);
        if (!equal_in_constant_time(tail, expected)) return bad("changed");
        last_ = {sequence, chain};
        ++check_.entries;
        return true;
    }
    bool bad(const char* what)
    {
        check_.intact = false;
        check_.first_bad = last_.sequence + 1;
        check_.what = what;
        return false;
    }
    /// The table has ended: is it where the head says?
    void end(const std::optional<Head>& head)
    {
        const bool fits =
            head ? head->sequence == last_.sequence && head->chain == last_.chain : last_.sequence == 0;
        if (!fits) bad(head && head->sequence > last_.sequence ? "cut off at the end" : "changed");
    }
    std::uint64_t next() const { return last_.sequence + 1; }
    AuditCheck& check() { return check_; }

private:
    std::string_view audit_key_;
    Head last_;
    AuditCheck check_;
};

/// One read transaction's share. True when there is more.
Result<bool> verify_slice(ReadTxn& txn, Verifier& verifier)
{
    std::size_t seen = 0;
    const Status walked =
        txn.scan(Table::audit, "", be64(verifier.next()), [&](std::string_view key, std::string_view value) {
            return verifier.step(read_be64(key), value) && ++seen < slice;
        });
    if (!verifier.check().intact) return false;
    if (!walked) {
        // A value that does not open has been changed from outside; anything else is trouble of the disk.
        const auto next = txn.get(Table::audit, be64(verifier.next()));
        if (next) return fail(walked.error());
        verifier.bad("changed");
        return false;
    }
    if (seen == slice) return true;
    const auto head = read_head(txn);
    if (head)
        verifier.end(*head);
    else
        verifier.bad("changed");
    return false;
}

}  // namespace

std::string encode(const AuditEntry& entry)
{
    std::string out = without_chain(entry);
    append_field(out, chain_field, entry.chain);
    return out;
}

Result<AuditEntry> decode_audit(std::string_view bytes)
{
    AuditEntry entry;
    std::int64_t at_ms = 0;
    FieldReader reader(bytes);
    bool ok = true;
    while (ok && reader.next()) {
        FieldTaker taker(reader.number(), reader.bytes());
        entry_fields(taker, entry, at_ms);
        taker(chain_field, entry.chain);
        ok = taker.ok();
    }
    if (!ok || !reader.ok()) return fail(temporary("audit: an entry is damaged"));
    entry.at = Time(milliseconds(at_ms));
    return entry;
}

Status append_audit(WriteTxn& txn, const RecordStore& store, AuditEntry entry)
{
    TRY(const auto found, read_head(txn));
    const Head before = found.value_or(Head{});
    entry.sequence = before.sequence + 1;
    entry.chain = chain_of(store.audit_key(), before.chain, entry.sequence, without_chain(entry));
    TRY(const bool added, txn.insert(Table::audit, be64(entry.sequence), encode(entry)));
    if (!added) return fail(temporary("audit: the head is behind its chain; run directctl audit verify"));
    return txn.put(Table::meta, head_key, encode_fields(Head{entry.sequence, entry.chain}));
}

AuditEntry held_end_entry(const HeldRecord& record, std::string token, Time now)
{
    AuditEntry e;
    e.at = now;
    e.event = "held-end";
    e.who = "direct-milter";
    e.sender = record.sender;
    e.recipient = record.newuser_address;
    e.message_id = record.message_id;
    e.token = std::move(token);
    e.detail = "held record " + hex(record.id);
    return e;
}

Status audit_now(RecordStore& store, AuditEntry entry)
{
    return store.write([&](WriteTxn& txn) { return append_audit(txn, store, entry); }, 1024);
}

// In slices, so that a slow visitor (a terminal, a pipe) holds no read transaction: the entries of a
// slice are collected first.
Status read_audit(RecordStore& store, const AuditQuery& query,
                  const std::function<bool(const AuditEntry&)>& visit)
{
    std::uint64_t next = query.after + 1;
    for (bool more = true; more;) {
        std::vector<AuditEntry> found;
        std::size_t seen = 0;
        Status damaged = Done{};
        const auto collect = [&](std::string_view key, std::string_view value) {
            next = read_be64(key) + 1;
            auto entry = decode_audit(value);
            if (!entry) {
                damaged = fail(std::move(entry).error());
                return false;
            }
            if (matches(*entry, query)) found.push_back(*std::move(entry));
            return ++seen < slice;
        };
        CHECK(store.read([&](ReadTxn& txn) { return txn.scan(Table::audit, "", be64(next), collect); }));
        for (const auto& entry : found)
            if (!visit(entry)) return Done{};
        CHECK(damaged);
        more = seen == slice;
    }
    return Done{};
}

Result<AuditCheck> verify_audit(RecordStore& store)
{
    Verifier verifier(store.audit_key());
    for (bool more = true; more;) {
        CHECK(store.read([&](ReadTxn& txn) -> Status {
            TRY(more, verify_slice(txn, verifier));
            return Done{};
        }));
    }
    return verifier.check();
}

}  // namespace direct
