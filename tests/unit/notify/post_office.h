// post_office.h - an outbox on a store of its own, and the scripted SMTP server it hands over to.
#pragma once
#include <boost/test/unit_test.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "milter/base/log.h"
#include "milter/notify/outbox.h"
#include "milter/notify/outbox_rows.h"
#include "tests/support/memory_store.h"
#include "tests/support/smtp_server.h"

namespace direct::test {

inline const std::string message =
    "From: ames@direct.partner.example\r\nTo: alice@direct.example.net\r\nDate: Sun, 22 Nov 2026 03:10:00 "
    "+0000\r\n"
    "Message-ID: <m1@direct.partner.example>\r\nSubject: opened\r\nX-Twice: 1\r\nX-Twice: 2\r\n\r\n"
    ".dot first\r\n..two dots\r\nplain\r\n";

struct PostOffice {
    SmtpServer server;
    std::unique_ptr<RecordStore> owned;
    RecordStore& store;
    FixedClock clock{*parse_iso8601("2026-11-22T03:10:00Z")};
    std::shared_ptr<Settings> settings = std::make_shared<Settings>(default_settings());
    std::vector<std::string> log;
    std::mutex log_lock;

    explicit PostOffice(std::unique_ptr<RecordStore> s) : owned(std::move(s)), store(*owned)
    {
        settings->reinject_smtp = server.address();
        settings->reinject_timeout = seconds(5);
        log_to([this](int, const std::string& line) {
            std::lock_guard hold(log_lock);
            log.push_back(line);
        });
    }
    PostOffice() : PostOffice(std::make_unique<MemoryStore>()) {}
    ~PostOffice() { log_to({}); }

    std::string put(std::vector<std::string> to, const std::string& text = message)
    {
        OutboxEntry e;
        e.id = new_id();
        e.kind = "clear-leg";
        e.envelope_from = "direct-dsn+0a1b@reports.example.net";
        e.envelope_id = "0a1b";
        e.recipients = std::move(to);
        e.notify = "SUCCESS,FAILURE";
        e.message_id = std::string(16, 'm');
        e.created_ms = e.due_ms = clock.now().time_since_epoch().count();
        auto content = store.prepare(text);
        BOOST_REQUIRE(content);
        e.content = (*content)->ref();
        BOOST_REQUIRE(store.write(
            [&](WriteTxn& txn) -> Status {
                CHECK((*content)->attach(txn));
                return owe(txn, e);
            },
            4096));
        (*content)->keep();
        return e.id;
    }
    std::unique_ptr<OutboxSender> sender()
    {
        return std::make_unique<OutboxSender>(store, clock, [this] { return settings; });
    }
    std::size_t pass()
    {
        auto done = sender()->pass();
        BOOST_REQUIRE(done);
        return *done;
    }
    std::optional<OutboxEntry> entry(const std::string& id)
    {
        std::optional<OutboxEntry> e;
        BOOST_REQUIRE(store.read([&](ReadTxn& txn) -> Status {
            TRY(e, get_outbox(txn, id));
            return Done{};
        }));
        return e;
    }
    SettledRecord settled(const std::string& id)
    {
        SettledRecord s;
        BOOST_REQUIRE(store.read([&](ReadTxn& txn) -> Status {
            TRY(const auto bytes, txn.get(Table::settled, id));
            if (!bytes) return Done{};
            TRY(s, decode_settled(*bytes));
            return Done{};
        }));
        return s;
    }
    std::uint64_t rows(Table table)
    {
        std::uint64_t n = 0;
        BOOST_REQUIRE(store.read([&](ReadTxn& txn) -> Status {
            TRY(n, txn.entries(table));
            return Done{};
        }));
        return n;
    }
    void later(milliseconds by) { clock.set(clock.now() + by); }
};

inline const std::string alice = "alice@direct.example.net", bob = "bob@direct.example.net";

}  // namespace direct::test
