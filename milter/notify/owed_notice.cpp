// owed_notice.cpp - see owed_notice.h.
#include "milter/notify/owed_notice.h"

#include "milter/notify/once.h"
#include "milter/store/codec.h"
#include "milter/store/schema.h"

namespace direct {

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, OwedNotice>
void fields(F& f, R& r)
{
    f(1, r.id);
    f(2, r.disposition);
    f(3, r.recipient);
    f(4, r.sender);
    f(5, r.original_message_id);
    f(6, r.failure);
    f(7, r.final_delivery);
    f(8, r.queue_id);
    f(9, r.warnings);
    f(10, r.created_ms);
    f(11, r.due_ms);
    f(12, r.tries);
    f(13, r.about);
    f(14, r.recipients);
}

namespace {

std::int64_t in_ms(Time t)
{
    return t.time_since_epoch().count();
}

std::string key_of(const OwedNotice& n)
{
    return be64(static_cast<std::uint64_t>(n.due_ms)) + n.id;
}

Status put_new(WriteTxn& txn, OwedNotice notice, Time now)
{
    notice.id = new_id();
    notice.created_ms = notice.due_ms = in_ms(now);
    return txn.put(Table::owed_notice, key_of(notice), encode_fields(notice));
}

/// reinject.retry_max is at most a day: what is due later was put off before the clock was set back.
constexpr auto longest_pause = std::chrono::hours(24);

/// Nothing when the row cannot be read; it stays where it is.
std::optional<OwedNotice> read_one(ReadTxn& txn, std::string_view key, DamagedRows* damaged)
{
    OwedNotice notice;
    const auto bytes = txn.get(Table::owed_notice, key);
    if (bytes && *bytes && decode_fields(**bytes, notice)) return notice;
    if (damaged)
        damaged->push_back({Table::owed_notice, std::string(key),
                            bytes ? "store: a record does not decode: owed_notice" : bytes.error().why});
    return std::nullopt;
}

/// Those with keys from `from` to `end` ("": all) that can be read, in order, until `visit` says no. By keys: a value
/// that cannot be opened would end a scan.
Status visit_notices(RecordStore& store, std::string_view from, std::string_view end, DamagedRows* damaged,
                     const std::function<bool(OwedNotice&&)>& visit)
{
    return store.read([&](ReadTxn& txn) {
        return txn.keys(Table::owed_notice, "", from, [&](std::string_view key) {
            if (!end.empty() && key >= end) return false;
            auto notice = read_one(txn, key, damaged);
            return !notice || visit(*std::move(notice));
        });
    });
}

Result<std::vector<OwedNotice>> read_notices(RecordStore& store, std::string_view from, std::string_view end,
                                             std::size_t most, DamagedRows* damaged,
                                             const NoticeFilter& wanted)
{
    std::vector<OwedNotice> out;
    if (most == 0) return out;
    CHECK(visit_notices(store, from, end, damaged, [&](OwedNotice&& notice) {
        if (!wanted || wanted(notice)) out.push_back(std::move(notice));
        return out.size() < most;
    }));
    return out;
}

}  // namespace

std::string notice_key(const RecordStore& store, const OwedNotice& n)
{
    // Without a Message-ID two messages of one sender must not be taken for one; nor two records of one message, sent
    // again for another person or after a correction.
    const auto& which = !n.about.empty() || !n.original_message_id.empty() ? n.about : n.queue_id;
    return once_key(store, "notice " + n.disposition, n.original_message_id, n.sender, n.recipient, which);
}

Status owe_notice(WriteTxn& txn, const RecordStore& store, OwedNotice notice, Time now)
{
    TRY(bool first, first_time(txn, notice_key(store, notice), "notice " + notice.disposition, now));
    return first ? put_new(txn, std::move(notice), now) : Status(Done{});
}

Status owe_report(WriteTxn& txn, OwedNotice report, Time now)
{
    report.disposition = "report";
    return put_new(txn, std::move(report), now);
}

Result<std::vector<OwedNotice>> owed_notices(RecordStore& store, std::size_t most)
{
    return read_notices(store, "", "", most, nullptr, {});
}

Result<std::vector<OwedNotice>> due_notices(RecordStore& store, Time now, std::size_t most,
                                            DamagedRows* damaged, const NoticeFilter& wanted)
{
    const auto after = [](Time t) { return be64(static_cast<std::uint64_t>(in_ms(t)) + 1); };
    TRY(auto due, read_notices(store, "", after(now), most, damaged, wanted));
    TRY(const auto too_far,
        read_notices(store, after(now + longest_pause), "", most - due.size(), damaged, wanted));
    due.insert(due.end(), too_far.begin(), too_far.end());
    return due;
}

Result<std::optional<Time>> next_notice_due(RecordStore& store, const NoticeFilter& wanted)
{
    std::optional<Time> out;
    CHECK(visit_notices(store, "", "", nullptr, [&](OwedNotice&& notice) {
        if (wanted && !wanted(notice)) return true;
        out = Time(milliseconds(notice.due_ms));
        return false;
    }));
    return out;
}

Result<bool> take_notice(WriteTxn& txn, const OwedNotice& notice)
{
    return txn.erase(Table::owed_notice, key_of(notice));
}

Status put_off_notice(WriteTxn& txn, OwedNotice notice, Time due)
{
    TRY(bool there, take_notice(txn, notice));
    if (!there) return Done{};
    notice.due_ms = in_ms(due);
    ++notice.tries;
    return txn.put(Table::owed_notice, key_of(notice), encode_fields(notice));
}

}  // namespace direct
