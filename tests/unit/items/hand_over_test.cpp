// From a message with attachments to items in the store: owed, settled, marked, done again after a cut, removed
// when their time has passed. The parsers are a pool of our own making here, and the real one once.
#include "milter/items/hand_over.h"

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "milter/base/address.h"
#include "milter/base/log.h"
#include "tests/support/memory_store.h"
#include "tests/support/vectors.h"

using namespace direct;
using test::MemoryStore;

namespace {

const std::string mail =
    "From: a@x.example\r\nTo: b@y.example\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    "--b\r\nContent-Type: text/xml; charset=utf-8; name=a.xml\r\n"
    "Content-Disposition: attachment; filename=a.xml\r\n\r\n<a/>\r\n"
    "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=b.pdf\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjc=\r\n--b--\r\n";

// Answers as the test says; counts what it was asked.
class FakePool : public WorkerPool {
public:
    std::function<Result<ParseOutcome>(const ParseRequest&)> answer;
    std::atomic<int> asked{0};
    Result<ParseOutcome> parse(const ParseRequest& request) override
    {
        ++asked;
        return answer(request);
    }
};

ParseOutcome parsed(std::size_t items, const std::string& kind = "ccda")
{
    ParseOutcome o;
    o.status = "parsed";
    o.plugin = kind == "file" ? "file 1.0" : "ccda 1.0";
    o.document = R"({"kind":")" + kind + R"("})";
    for (std::size_t i = 0; i < items; ++i)
        o.items.push_back({"other", "thing", R"({"n":)" + std::to_string(i) + "}"});
    return o;
}

ParseOutcome died(const std::string& how)
{
    ParseOutcome o;
    o.status = how;
    o.plugin = "ccda 1.0";
    o.detail = "killed by SIGSEGV";
    return o;
}

MessageRecord message_record(std::int64_t until)
{
    MessageRecord m;
    m.id = new_id();
    m.message_id = "<1@x.example>";
    m.recipients = {"b@y.example"};
    m.received_ms = 1000;
    m.items_until_ms = until;
    return m;
}

// Writes message, documents and pending rows as the inbound path does.
MessageRecord owe(MemoryStore& store, std::int64_t until = 5000, const std::string& text = mail)
{
    auto documents = PreparedDocuments::prepare(store, text, MimeLimits{});
    BOOST_REQUIRE(documents);
    BOOST_TEST(documents->size() == 2u);
    const MessageRecord m = message_record(until);
    auto written = store.write(
        [&](WriteTxn& txn) -> Status {
            CHECK(txn.put(Table::message, m.id, encode(m)));
            CHECK(txn.put(Table::message_by, "m" + store.index_key("message-id", m.message_id) + m.id, ""));
            CHECK(txn.put(
                Table::message_by,
                "r" + store.index_key("recipient", parse_address("b@y.example")->key()) + be64(1000) + m.id,
                ""));
            return documents->owe(txn, m.id);
        },
        4096);
    BOOST_REQUIRE(written);
    documents->keep();
    return m;
}

DocumentRecord document(MemoryStore& store, const MessageRecord& m, std::size_t index)
{
    std::vector<DocumentRecord> all;
    BOOST_REQUIRE(store.read([&](ReadTxn& txn) {
        all.clear();
        return txn.scan(Table::document, m.id, m.id, [&](std::string_view, std::string_view value) {
            all.push_back(decode_document(value).value());
            return true;
        });
    }));
    return all.at(index);
}

struct House {
    MemoryStore store;
    FakePool pool;
    FixedClock clock{Time{}};
    std::vector<std::string> lines;
    House()
    {
        log_to([this](int, const std::string& line) { lines.push_back(line); });
    }
    ~House() { log_to({}); }

    void settle_all()
    {
        HandOver hand_over(store, pool, clock);
        hand_over.stop();
        HandOver second(store, pool, clock);
        BOOST_REQUIRE(second.pass());
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(attachments_are_owed_byte_for_byte)
{
    House h;
    const auto m = owe(h.store);
    BOOST_TEST(h.store.rows(Table::pending) == 2u);
    const auto xml = document(h.store, m, 0), pdf = document(h.store, m, 1);
    BOOST_TEST(xml.filename == "a.xml");
    BOOST_TEST(xml.declared_type == "text/xml");
    BOOST_TEST(xml.charset == "utf-8");
    BOOST_TEST(xml.state == "pending");
    BOOST_TEST(h.store.content(xml.content, {}).value() == "<a/>");
    BOOST_TEST(h.store.content(pdf.content, {}).value() == "%PDF-1.7");
    BOOST_TEST(xml.part < pdf.part);
}

BOOST_AUTO_TEST_CASE(items_lie_under_their_document)
{
    House h;
    h.pool.answer = [](const ParseRequest& r) {
        auto o = r.filename == "a.xml" ? parsed(5) : parsed(0, "file");
        o.skipped.push_back({"other", "why"});
        return o;
    };
    const auto m = owe(h.store);
    h.settle_all();
    BOOST_TEST(h.store.rows(Table::pending) == 0u);
    BOOST_TEST(h.store.rows(Table::item) == 5u);
    const auto xml = document(h.store, m, 0), pdf = document(h.store, m, 1);
    BOOST_TEST(xml.state == "parsed");
    BOOST_TEST(xml.kind == "ccda");
    BOOST_TEST(xml.items == 5u);
    BOOST_TEST(xml.plugin == "ccda 1.0");
    BOOST_TEST(xml.summary == R"({"kind":"ccda"})");
    BOOST_TEST(xml.skipped == R"([{"section":"other","reason":"why"}])");
    BOOST_TEST(pdf.state == "file");
    std::optional<std::string> first, sixth;
    BOOST_REQUIRE(h.store.read([&](ReadTxn& txn) -> Status {
        TRY(first, txn.get(Table::item, item_key(m.id, xml.part, 1)));
        TRY(sixth, txn.get(Table::item, item_key(m.id, xml.part, 6)));
        return Done{};
    }));
    BOOST_TEST(first.value() == R"({"n":0})");
    BOOST_TEST(!sixth);
}

BOOST_AUTO_TEST_CASE(many_items_go_in_batches)
{
    House h;
    h.pool.answer = [](const ParseRequest& r) {
        return r.filename == "a.xml" ? parsed(7001) : parsed(0, "file");
    };
    const auto m = owe(h.store);
    h.settle_all();
    BOOST_TEST(h.store.rows(Table::item) == 7001u);
    BOOST_TEST(document(h.store, m, 0).items == 7001u);
}

BOOST_AUTO_TEST_CASE(a_killed_parser_is_not_asked_again)
{
    House h;
    h.pool.answer = [](const ParseRequest& r) -> Result<ParseOutcome> {
        const bool refused = std::count(r.not_plugins.begin(), r.not_plugins.end(), "ccda 1.0") != 0;
        return r.filename == "a.xml" && !refused ? died("crashed") : parsed(0, "file");
    };
    const auto m = owe(h.store);
    h.settle_all();
    const auto xml = document(h.store, m, 0);
    BOOST_TEST(xml.state == "crashed");
    BOOST_TEST(xml.kind == "file");
    BOOST_TEST(xml.plugin == "ccda 1.0");
    BOOST_TEST(xml.detail == "killed by SIGSEGV");
    BOOST_REQUIRE(xml.refused_by.size() == 1u);
    BOOST_TEST(xml.refused_by[0] == "ccda 1.0");
    BOOST_TEST(h.store.content(xml.content, {}).value() == "<a/>");
    BOOST_TEST(h.pool.asked == 3);
    h.settle_all();
    BOOST_TEST(h.pool.asked == 3);
}

BOOST_AUTO_TEST_CASE(another_plugin_may_read_what_killed_the_first)
{
    House h;
    h.pool.answer = [](const ParseRequest& r) -> Result<ParseOutcome> {
        return r.not_plugins.empty() && r.message.size() == 32 ? died("timeout") : parsed(1, "site");
    };
    const auto m = owe(h.store);
    h.settle_all();
    BOOST_TEST(document(h.store, m, 0).state == "parsed");
    BOOST_TEST(document(h.store, m, 0).refused_by.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_document_that_kills_everybody_ends)
{
    House h;
    int n = 0;
    h.pool.answer = [&](const ParseRequest&) {
        auto o = died("crashed");
        o.plugin = "p " + std::to_string(++n);
        return o;
    };
    const auto m = owe(h.store);
    h.settle_all();
    BOOST_TEST(document(h.store, m, 0).state == "crashed");
    BOOST_TEST(document(h.store, m, 0).refused_by.size() == 3u);
    BOOST_TEST(h.store.rows(Table::pending) == 0u);
}

BOOST_AUTO_TEST_CASE(malformed_and_limit_are_kept_raw)
{
    House h;
    h.pool.answer = [](const ParseRequest& r) {
        auto o = died(r.filename == "a.xml" ? "malformed" : "limit");
        o.detail = "why";
        return o;
    };
    const auto m = owe(h.store);
    h.settle_all();
    BOOST_TEST(document(h.store, m, 0).state == "malformed");
    BOOST_TEST(document(h.store, m, 1).state == "limit");
    BOOST_TEST(document(h.store, m, 0).detail == "why");
    BOOST_TEST(document(h.store, m, 0).refused_by.empty());
    BOOST_TEST(h.store.rows(Table::item) == 0u);
}

BOOST_AUTO_TEST_CASE(trouble_leaves_it_waiting)
{
    House h;
    h.pool.answer = [](const ParseRequest& r) -> Result<ParseOutcome> {
        if (r.filename == "a.xml") return fail(temporary("no parser child"));
        return parsed(0, "file");
    };
    const auto m = owe(h.store);
    h.settle_all();
    BOOST_TEST(h.store.rows(Table::pending) == 1u);
    BOOST_TEST(document(h.store, m, 0).state == "pending");
    BOOST_TEST(document(h.store, m, 1).state == "file");
    h.pool.answer = [](const ParseRequest&) { return parsed(2); };
    h.settle_all();
    BOOST_TEST(h.store.rows(Table::pending) == 0u);
    BOOST_TEST(document(h.store, m, 0).items == 2u);
}

BOOST_AUTO_TEST_CASE(a_half_written_document_is_done_again)
{
    House h;
    const auto m = owe(h.store);
    const auto part = document(h.store, m, 0).part;
    // A run that was cut off had written more than there is now.
    BOOST_REQUIRE(h.store.write(
        [&](WriteTxn& txn) -> Status {
            for (std::uint32_t i = 1; i <= 9; ++i)
                CHECK(txn.put(Table::item, item_key(m.id, part, i), "{\"old\":1}"));
            return Done{};
        },
        1000));
    h.pool.answer = [](const ParseRequest& r) {
        return r.filename == "a.xml" ? parsed(3) : parsed(0, "file");
    };
    h.settle_all();
    BOOST_TEST(h.store.rows(Table::item) == 3u);
    BOOST_TEST(h.store.dump(Table::item).find("old") == std::string::npos);
    BOOST_TEST(document(h.store, m, 0).state == "parsed");
}

BOOST_AUTO_TEST_CASE(a_failing_store_changes_nothing)
{
    House h;
    h.settle_all();  // marks the store as one of this program
    const auto m = owe(h.store);
    h.pool.answer = [](const ParseRequest&) { return parsed(3); };
    {
        // The start-up pass of the thread meets a full disk.
        h.store.fail_writes(1000);
        HandOver hand_over(h.store, h.pool, h.clock);
        BOOST_REQUIRE(hand_over.pass());
    }
    BOOST_TEST(document(h.store, m, 0).state == "pending");
    BOOST_TEST(h.store.rows(Table::pending) == 2u);
    h.store.fail_writes(0);
    h.settle_all();
    BOOST_TEST(document(h.store, m, 0).state == "parsed");
}

BOOST_AUTO_TEST_CASE(what_an_earlier_run_left_is_found_by_the_thread)
{
    House h;
    h.pool.answer = [](const ParseRequest&) { return parsed(1); };
    const auto m = owe(h.store);
    HandOver hand_over(h.store, h.pool, h.clock);
    for (int i = 0; i < 500 && h.store.rows(Table::pending); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    BOOST_TEST(h.store.rows(Table::pending) == 0u);
    const auto later = owe(h.store);
    hand_over.wake();
    for (int i = 0; i < 500 && h.store.rows(Table::pending); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    BOOST_TEST(document(h.store, later, 0).state == "parsed");
}

BOOST_AUTO_TEST_CASE(nothing_of_a_document_is_logged)
{
    House h;
    h.pool.answer = [](const ParseRequest&) {
        auto o = parsed(1);
        o.items[0].json = R"({"secret":"Penicillin"})";
        o.notes.push_back("Penicillin");
        return o;
    };
    owe(h.store);
    h.settle_all();
    BOOST_TEST(!h.lines.empty());
    for (auto& line : h.lines) {
        BOOST_TEST(line.find("Penicillin") == std::string::npos);
        BOOST_TEST(line.find("a.xml") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(items_go_when_their_time_has_passed)
{
    House h;
    h.pool.answer = [](const ParseRequest&) { return parsed(2500); };
    owe(h.store);
    auto other = mail;  // the same parts again would have their items already
    other.replace(other.find("<a/>"), 4, "<b/>").replace(other.find("JVBERi0xLjc="), 12, "JVBERi0xLjY=");
    const auto kept = owe(h.store, 0, other);
    h.settle_all();
    BOOST_TEST(h.store.rows(Table::item) == 10000u);
    BOOST_TEST(expire_items(h.store, Time(milliseconds(4999))).value() == 0u);
    BOOST_TEST(expire_items(h.store, Time(milliseconds(5000))).value() == 1u);
    BOOST_TEST(h.store.rows(Table::item) == 5000u);
    BOOST_TEST(h.store.rows(Table::document) == 2u);
    BOOST_TEST(h.store.rows(Table::message) == 1u);
    BOOST_TEST(h.store.rows(Table::message_by) == 2u);
    BOOST_TEST(h.store.content(document(h.store, kept, 0).content, {}).has_value());
    BOOST_TEST(expire_items(h.store, Time(milliseconds(5000))).value() == 0u);
}

BOOST_AUTO_TEST_CASE(the_real_parsers_settle_a_mail)
{
    House h;
    PoolOptions o;
    o.worker = test::build_dir() + "/bin/direct-parse";
    o.plugins = test::build_dir() + "/lib/direct/plugins";
    auto pool = WorkerPool::start(o);
    BOOST_REQUIRE_MESSAGE(pool, (pool ? "" : pool.error().why));
    const auto m = owe(h.store);
    HandOver hand_over(h.store, **pool, h.clock);
    BOOST_REQUIRE(hand_over.pass());
    BOOST_TEST(document(h.store, m, 0).state == "file");
    BOOST_TEST(document(h.store, m, 1).summary.find("application/pdf") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(as_many_documents_at_once_as_there_are_children)
{
    House h;
    owe(h.store);
    std::mutex mutex;
    std::condition_variable company;
    int came = 0;
    h.pool.answer = [&](const ParseRequest&) -> Result<ParseOutcome> {
        std::unique_lock lock(mutex);
        ++came;
        company.notify_all();
        BOOST_TEST(company.wait_for(lock, std::chrono::seconds(30), [&] { return came == 2; }));
        return parsed(1);
    };
    BOOST_REQUIRE(HandOver(h.store, h.pool, h.clock, 2).pass());
}
