// watching.h - rows of the watch on a store in memory. For tests of the watch.
#pragma once
#include <boost/test/unit_test.hpp>
#include <optional>
#include <string>

#include "milter/notify/watch.h"
#include "tests/support/memory_store.h"

namespace direct::test {

inline const Time start = Time(milliseconds(1'800'000'000'000));

struct Watching {
    MemoryStore memory;
    RecordStore& store = memory;
    Address bob = *parse_address("bob@direct.there.test");

    void begin(bool wants_final, const std::string& id = "<1@here.test>")
    {
        WatchRecord w;
        w.message_id = id;
        w.sender = "alice@direct.here.test";
        w.recipient = bob.text();
        w.wants_final = wants_final;
        w.sent_ms = start.time_since_epoch().count();
        w.processed_by_ms = w.sent_ms + 60'000;
        w.dispatched_by_ms = w.sent_ms + 120'000;
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) { return begin_watch(txn, store, w); }));
    }
    void begin_from(const std::string& queue_id, const std::string& envelope_id)
    {
        WatchRecord w;
        w.message_id = "<1@here.test>";
        w.sender = w.return_path = "alice@direct.here.test";
        w.recipient = bob.text();
        w.queue_id = queue_id;
        w.envelope_id = envelope_id;
        w.processed_by_ms = start.time_since_epoch().count() + 60'000;
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) { return begin_watch(txn, store, w); }));
    }
    OwnBounce bounce(const std::string& queue_id, const std::string& envelope_id) const
    {
        return {"<1@here.test>", queue_id, envelope_id, *parse_address("alice@direct.here.test"), bob,
                "5.1.1"};
    }
    bool told(const OwnBounce& bounce)
    {
        bool told = false;
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) -> Status {
            TRY(told, note_own_bounce(txn, store, bounce, start));
            return Done{};
        }));
        return told;
    }
    void keep(const WatchRecord& row)
    {
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) { return note_recipient(txn, store, row); }));
    }
    NoticeUse note(std::string_view disposition, bool final_delivery = false, seconds after = seconds(1))
    {
        NoticeUse use = NoticeUse::unknown;
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) -> Status {
            TRY(use, note_notice(txn, store, "<1@here.test>", bob, disposition, final_delivery, "",
                                 start + after));
            return Done{};
        }));
        return use;
    }
    WatchRecord row()
    {
        auto rows = watches_of(store, "<1@here.test>");
        BOOST_REQUIRE(rows);
        BOOST_REQUIRE(rows->size() == 1u);
        return rows->front();
    }
    std::size_t overdue(seconds after) { return overdue_watches(store, start + after, 100)->size(); }
    std::optional<Reason> close(seconds after)
    {
        std::optional<Reason> reason;
        const auto w = row();
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) -> Status {
            TRY(reason, close_overdue(txn, store, w, start + after));
            return Done{};
        }));
        return reason;
    }
};

}  // namespace direct::test
