// notice_desk.h - records and settings to write notices with, and a queue of them. For tests of notices.
#pragma once
#include <boost/test/unit_test.hpp>
#include <string>
#include <utility>
#include <vector>

#include "milter/base/text.h"
#include "milter/mime/message.h"
#include "milter/mime/words.h"
#include "milter/newuser/held_record.h"
#include "milter/newuser/notice.h"
#include "milter/newuser/notice_queue.h"
#include "milter/notify/held_end.h"
#include "milter/notify/outbox_rows.h"
#include "tests/support/memory_store.h"
#include "tests/support/vectors.h"

namespace direct::test {

struct Desk {
    MemoryStore store;
    Settings settings = default_settings();
    DomainSettings domain;
    Time now = *parse_iso8601("2026-11-22T03:10:00Z");

    Desk()
    {
        set_installed_templates(source_dir() + "/conf/pickup");
        settings.newuser_templates = "/nonexistent";
        settings.reinject_report_domain = "reports.example.net";
        domain.name = "direct.example.net";
        domain.organisation = "Hill \"Top\" Clinic";
        domain.pickup_url = "https://pickup.example.net";
    }
    HeldRecord record() const
    {
        HeldRecord r;
        r.id = new_id();
        r.code = new_pickup_code();
        r.environment = "production";
        r.contact = "Mila@example.net";
        r.display_name = "Mila Keller";
        r.sender = "ames@direct.partner.example";
        r.sender_organisation = "Partner & Söhne <Praxis>";
        r.question = "SECRETQUESTION";
        r.language = "en";
        r.attachments.push_back({"labs.pdf", "application/pdf", "pdf", "", 10});
        r.received_ms = now.time_since_epoch().count();
        r.expires_ms = r.received_ms + 30LL * 24 * 3600 * 1000;
        return r;
    }
    Result<Notice> notice(const HeldRecord& r) const
    {
        return make_notice(r, domain, settings, "mx.example.net", now);
    }
};

struct Parts {
    Entity whole;
    std::string subject, text, html;
};
inline Parts parts_of(const std::string& message)
{
    Parts p;
    auto whole = read_entity(message, MimeLimits{});
    BOOST_REQUIRE(whole);
    p.whole = *whole;
    p.subject = *decode_text(p.whole.headers.first("Subject"));
    const std::string boundary = "--" + p.whole.content_type.parameter("boundary");
    const std::string body(p.whole.body);
    const auto first = body.find(boundary), second = body.find(boundary, first + 1),
               last = body.find(boundary, second + 1);
    BOOST_REQUIRE(last != std::string::npos);
    const auto text_of = [&](std::size_t from, std::size_t to) {
        const std::string one = body.substr(from + boundary.size() + 2, to - from - boundary.size() - 2);
        auto entity = read_entity(one, MimeLimits{});
        BOOST_REQUIRE(entity);
        return *decode_body(*entity);
    };
    p.text = text_of(first, second);
    p.html = text_of(second, last);
    return p;
}

inline bool contains(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

struct Queue : Desk {
    HeldRecord add(const std::string& contact = "mila@example.net")
    {
        HeldRecord r = record();
        r.contact = contact;
        auto p = prepare(r);
        commit(r, p);
        return r;
    }
    PreparedNotice prepare(const HeldRecord& r)
    {
        auto p = prepare_notice(store, r, domain, settings, "mx.example.net", "QUEUE1", now);
        BOOST_REQUIRE(p);
        return std::move(*p);
    }
    void commit(const HeldRecord& r, const PreparedNotice& p)
    {
        BOOST_REQUIRE(store.write(
            [&](WriteTxn& txn) -> Status {
                CHECK(txn.put(Table::held, r.id, encode(r)));
                return p.write(txn);
            },
            4096));
    }
    std::vector<OutboxEntry> entries()
    {
        std::vector<OutboxEntry> out;
        auto data = store.data();
        for (const auto& [key, none] : data.tables[Table::outbox_due])
            out.push_back(*decode_outbox(data.tables[Table::outbox][key.substr(8)]));
        return out;
    }
    std::int64_t minutes_from_start(const OutboxEntry& e) const
    {
        return (e.due_ms - parse_iso8601("2026-11-22T03:10:00Z")->time_since_epoch().count()) / 60000;
    }
    /// What the outbox does once it was taken.
    void send(const OutboxEntry& e)
    {
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) { return remove_outbox(txn, e); }, 100));
    }
    void later(int minutes) { now += std::chrono::minutes(minutes); }
    void end(const HeldRecord& r, const char* state)
    {
        BOOST_REQUIRE(store.write(
            [&](WriteTxn& txn) -> Status {
                TRY(const auto ended, end_held(txn, store, r.id, state, now));
                BOOST_TEST(ended.has_value());
                return Done{};
            },
            100));
    }
};

}  // namespace direct::test
