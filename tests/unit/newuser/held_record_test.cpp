// Held records: sealed under the answer, found by code, counted, and what the person will get.
#include "milter/newuser/held_record.h"

#include <boost/test/unit_test.hpp>
#include <set>
#include <thread>

#include "milter/base/text.h"
#include "tests/support/memory_store.h"

namespace {

using namespace direct;

const char* const message =
    "From: Dr. Ames <ames@direct.partner.example>\r\n"
    "To: newuser@direct.example.net\r\n"
    "Date: Sun, 22 Nov 2026 03:10:00 +0000\r\n"
    "Message-ID: <m1@direct.partner.example>\r\n"
    "Subject: mila@example.net;First school;Kirkwood Lane;Results\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain\r\n\r\nDear Mila, the marker PLAINTEXT.\r\n"
    "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"labs.pdf\"\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQKJQ==\r\n--b--\r\n";

struct Office {
    test::MemoryStore store;
    Secret pepper{std::string(32, 'p')};
    Derivations derivations{2};
    Settings settings = default_settings();
    DomainSettings domain;
    Time now = *parse_iso8601("2026-11-22T03:10:00Z");

    Office()
    {
        domain.name = "direct.example.net";
        domain.language = "de";
    }
    HeldRequest request(const std::string& value)
    {
        HeldRequest r;
        r.domain = &domain;
        r.settings = &settings;
        auto line = read_newuser_value(value, NewuserOptions{});
        BOOST_REQUIRE(line);
        r.line = std::move(*line);
        r.message = message;
        r.sender = "ames@Direct.Partner.example";
        r.sender_organisation = "Partner Clinic";
        r.sender_fingerprint = std::string(64, 'a');
        r.message_id = "<m1@direct.partner.example>";
        r.newuser_address = "newuser@direct.example.net";
        r.now = now;
        return r;
    }
    Result<PreparedHeld> prepare(HeldRequest r)
    {
        return prepare_held(store, pepper, derivations, std::move(r));
    }
    Status commit(const PreparedHeld& held)
    {
        return store.write([&](WriteTxn& txn) { return held.write(txn, store, settings); }, 4096);
    }
};

const std::string line = "Mila <Mila@example.net>;First school;Kirkwood Lane;Results";

BOOST_AUTO_TEST_CASE(only_the_answer_opens_it)
{
    Office o;
    const auto held = o.prepare(o.request(line));
    BOOST_REQUIRE(held);
    BOOST_REQUIRE(o.commit(*held));
    const HeldRecord& r = held->record;
    BOOST_TEST(r.state == "held");
    BOOST_TEST(r.contact == "Mila@example.net");
    BOOST_TEST(r.display_name == "Mila");
    BOOST_TEST(r.question == "First school");
    BOOST_TEST(r.language == "de");
    BOOST_TEST(r.attempts_left == 3u);
    BOOST_TEST(!r.answer_exposed);
    BOOST_TEST(r.expires_ms - r.received_ms == 30LL * 24 * 3600 * 1000);

    const auto right = unwrap_content_key(r, o.pepper, o.derivations, normal_answer(" kirkwood  LANE"));
    BOOST_REQUIRE(right);
    BOOST_REQUIRE(right->has_value());
    BOOST_TEST(*o.store.content(r.content, (*right)->view()) == message);

    const auto wrong = unwrap_content_key(r, o.pepper, o.derivations, normal_answer("Kirkwood"));
    BOOST_REQUIRE(wrong);
    BOOST_TEST(!wrong->has_value());
    const auto nothing = unwrap_content_key(r, o.pepper, o.derivations, Secret());
    BOOST_REQUIRE(nothing);
    BOOST_TEST(!nothing->has_value());
    const auto other_pepper =
        unwrap_content_key(r, Secret(std::string(32, 'q')), o.derivations, normal_answer("Kirkwood Lane"));
    BOOST_REQUIRE(other_pepper);
    BOOST_TEST(!other_pepper->has_value());
    HeldRecord moved = r;
    moved.id = new_id();
    const auto other_record =
        unwrap_content_key(moved, o.pepper, o.derivations, normal_answer("Kirkwood Lane"));
    BOOST_REQUIRE(other_record);
    BOOST_TEST(!other_record->has_value());
}

BOOST_AUTO_TEST_CASE(the_answer_and_the_line_are_nowhere_in_the_record)
{
    Office o;
    auto request = o.request(line);
    const auto readable = message_for_person(message, request.line, 1 << 20);
    BOOST_REQUIRE(readable);
    request.message = *readable;
    const auto held = o.prepare(std::move(request));
    BOOST_REQUIRE(held);
    BOOST_REQUIRE(o.commit(*held));
    for (const Table t : {Table::held, Table::held_by, Table::quota, Table::notice}) {
        const std::string all = ascii_lower(o.store.dump(t));
        BOOST_TEST(all.find("kirkwood") == std::string::npos);
        BOOST_TEST(all.find("results") == std::string::npos);
    }
    // Keys tell nothing of a person.
    auto data = o.store.data();
    const auto& found = data.tables[Table::held_by];
    for (const auto& [key, value] : found) {
        BOOST_TEST(key.find("example") == std::string::npos);
        BOOST_TEST(key.find(held->record.code) == std::string::npos);
    }
    const auto by_code = found.find("c" + o.store.index_key("code", held->record.code));
    BOOST_REQUIRE(bool(by_code != found.end()));
    BOOST_TEST(by_code->second == held->record.id);
    BOOST_TEST(found.contains("e" + o.store.index_key("contact", "mila@example.net") + held->record.id));
    BOOST_TEST(found.contains("m" + o.store.index_key("message-id", "<m1@direct.partner.example>") +
                              held->record.id));
    const auto back = decode_held(data.tables[Table::held][held->record.id]);
    BOOST_REQUIRE(back);
    BOOST_TEST(back->code == held->record.code);
}

BOOST_AUTO_TEST_CASE(without_a_question_the_contact_address_opens_it)
{
    Office o;
    const auto held = o.prepare(o.request("Mila.K+x@Example.net;Results"));
    BOOST_REQUIRE(held);
    BOOST_TEST(held->record.question.empty());
    BOOST_TEST(join(held->record.warnings, " ") == "W5");
    const auto key = [&](const char* typed) {
        return unwrap_content_key(held->record, o.pepper, o.derivations,
                                  normal_contact(*parse_address(typed)));
    };
    BOOST_TEST(key("mila.k+X@EXAMPLE.net")->has_value());
    BOOST_TEST(!key("mila.k@example.net")->has_value());
}

BOOST_AUTO_TEST_CASE(exposed_answers_are_marked)
{
    Office o;
    auto unwrapped = o.request(line);
    unwrapped.wrapped = false;
    const auto held = o.prepare(std::move(unwrapped));
    BOOST_REQUIRE(held);
    BOOST_TEST(join(held->record.warnings, " ") == "W2");
    BOOST_TEST(held->record.answer_exposed);
    const auto inside = o.prepare(o.request("mila@example.net;First school;Kirkwood Lane;On Kirkwood Lane"));
    BOOST_REQUIRE(inside);
    BOOST_TEST(inside->record.answer_exposed);
    const auto short_one = o.prepare(o.request("mila@example.net;First school;Lane;Results"));
    BOOST_REQUIRE(short_one);
    BOOST_TEST(join(short_one->record.warnings, " ") == "W3");
    BOOST_TEST(!short_one->record.answer_exposed);
}

BOOST_AUTO_TEST_CASE(inventory_of_attachments)
{
    Office o;
    const auto held = o.prepare(o.request(line));
    BOOST_REQUIRE(held);
    BOOST_REQUIRE(held->record.attachments.size() == 1u);
    const HeldAttachment& a = held->record.attachments[0];
    BOOST_TEST(a.filename == "labs.pdf");
    BOOST_TEST(a.declared_type == "application/pdf");
    BOOST_TEST(a.kind == "pdf");
    BOOST_TEST(a.size == 10u);
    BOOST_TEST(a.sha256 == sha256("%PDF-1.4\n%"));
}

BOOST_AUTO_TEST_CASE(language_never_leaves_its_folder)
{
    Office o;
    for (const auto& [asked, got] : {std::pair{"es", "es"},
                                     {"pt-BR", "pt-br"},
                                     {"../../etc", "de"},
                                     {"", "de"},
                                     {"e", "de"},
                                     {"-x", "de"},
                                     {"fr/..", "de"}}) {
        auto r = o.request("mila@example.net");
        r.line.language = asked;
        const auto held = o.prepare(std::move(r));
        BOOST_REQUIRE(held);
        BOOST_TEST(held->record.language == got);
    }
}

BOOST_AUTO_TEST_CASE(quotas_are_counted_per_day)
{
    Office o;
    o.settings.newuser_quota_contact = 2;
    o.settings.newuser_quota_sender = 3;
    const auto put = [&](const char* contact) {
        auto held = o.prepare(o.request(contact));
        BOOST_REQUIRE(held);
        return o.commit(*held);
    };
    BOOST_TEST(bool(put("mila@example.net")));
    BOOST_TEST(bool(put("MILA@example.net")));
    const auto third = put("mila@example.net");
    BOOST_REQUIRE(!third);
    BOOST_TEST(third.error().token() == "newuser:quota");
    BOOST_TEST(bool(third.error().retry == Retry::later));
    BOOST_TEST(o.store.rows(Table::held) == 2u);  // nothing of the third was kept
    BOOST_TEST(bool(put("bob@example.net")));
    BOOST_TEST(!put("eve@example.net"));  // the sender's domain
    o.now += std::chrono::hours(24);
    BOOST_TEST(bool(put("mila@example.net")));
    // Rows of the day before have gone for those that were counted again.
    BOOST_TEST(o.store.rows(Table::quota) == 3u);
}

BOOST_AUTO_TEST_CASE(derivations_are_bounded)
{
    Derivations one(1);
    const Secret pepper(std::string(32, 'p'));
    const Secret answer("kirkwood");
    const std::string salt(16, 's');
    int busy = 0, done = 0;
    std::mutex lock;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            const auto r = one.wrapping_key(pepper, answer, salt, milliseconds(0));
            std::lock_guard hold(lock);
            if (r)
                ++done;
            else
                busy += r.error().token() == "newuser:busy";
        });
    for (auto& t : threads) t.join();
    BOOST_TEST(done >= 1);
    BOOST_TEST(done + busy == 3);
    // The place is free again, and the same input gives the same key.
    const auto a = one.wrapping_key(pepper, answer, salt, milliseconds(0));
    const auto b = one.wrapping_key(pepper, answer, salt, seconds(10));
    BOOST_REQUIRE((a && b));
    BOOST_TEST(a->view() == b->view());
    BOOST_TEST(a->size() == 32u);
}

// ---- codes and states ---------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(codes)
{
    std::set<std::string> seen;
    std::set<char> characters;
    for (int i = 0; i < 500; ++i) {
        const std::string code = new_pickup_code();
        BOOST_REQUIRE(code.size() == 20u);
        BOOST_REQUIRE(plausible_code(code));
        BOOST_REQUIRE(code.find_first_of("AEIOUYaeiouy01LZSBV") == std::string::npos);
        seen.insert(code);
        characters.insert(code.begin(), code.end());
    }
    BOOST_TEST(seen.size() == 500u);
    BOOST_TEST(characters.size() == 23u);  // 23^19 is more than 2^85

    const std::string code = *seen.begin();
    const std::string printed = printable_code(code);
    BOOST_TEST(printed.size() == 24u);
    BOOST_TEST(printed.substr(4, 1) == "-");
    BOOST_TEST(normal_code(" " + ascii_lower(printed) + " ") == code);
    BOOST_TEST(!plausible_code(""));
    BOOST_TEST(!plausible_code(code.substr(1)));
    BOOST_TEST(!plausible_code(code + "2"));
    BOOST_TEST(!plausible_code(std::string(100000, '-')));
}

BOOST_AUTO_TEST_CASE(every_slip_in_a_code_is_found)
{
    const std::string code = new_pickup_code();
    for (std::size_t i = 0; i < code.size(); ++i) {
        for (const char c : std::string("23456789CDFGHJKMNPQRTWX")) {
            std::string wrong = code;
            wrong[i] = c;
            BOOST_TEST(plausible_code(wrong) == (wrong == code));
        }
        for (std::size_t k = i + 1; k < code.size(); ++k) {
            std::string swapped = code;
            std::swap(swapped[i], swapped[k]);
            BOOST_TEST(plausible_code(swapped) == (swapped == code));
        }
    }
}

BOOST_AUTO_TEST_CASE(states)
{
    const std::vector<std::string> way = {"held",     "notified",  "reminded", "reminded",
                                          "answered", "picked-up", "added"};
    for (std::size_t i = 0; i + 1 < way.size(); ++i) BOOST_TEST(may_change(way[i], way[i + 1]));
    BOOST_TEST(may_change("picked-up", "declined"));
    BOOST_TEST(may_change("declined", "added"));
    BOOST_TEST(may_change("locked", "notified"));
    for (const char* end : {"notify-failed", "locked", "revoked", "expired"}) {
        BOOST_TEST(may_change("notified", end));
        BOOST_TEST(may_change(end, "purged"));
    }
    BOOST_TEST(!may_change("purged", "held"));
    BOOST_TEST(!may_change("locked", "answered"));
    BOOST_TEST(!may_change("revoked", "answered"));
    BOOST_TEST(!may_change("expired", "answered"));
    BOOST_TEST(!may_change("picked-up", "revoked"));
    BOOST_TEST(!may_change("held", "picked-up"));
    BOOST_TEST(!may_change("added", "held"));
    BOOST_TEST(!may_change("nonsense", "held"));
}

// ---- expiry -------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(expiry)
{
    const Time now = *parse_iso8601("2026-11-22T03:10:00Z");
    const auto at = [&](std::string_view text) {
        const auto t = expiry_of(text, now, std::chrono::hours(48));
        return t ? iso8601(*t) : std::string(t.error().token());
    };
    BOOST_TEST(at("") == "2026-11-24T03:10:00.000Z");
    BOOST_TEST(at("P30D") == "2026-12-22T03:10:00.000Z");
    BOOST_TEST(at(" 30d ") == "2026-12-22T03:10:00.000Z");
    BOOST_TEST(at("p2w") == "2026-12-06T03:10:00.000Z");
    BOOST_TEST(at("PT36H") == "2026-11-23T15:10:00.000Z");
    BOOST_TEST(at("P1DT1H30M15S") == "2026-11-23T04:40:15.000Z");
    BOOST_TEST(at("2026-12-01") == "2026-12-01T23:59:59.999Z");
    BOOST_TEST(at("2026-12-01T12:00:00+02:00") == "2026-12-01T10:00:00.000Z");
    BOOST_TEST(at("2026-11-22") == "2026-11-22T23:59:59.999Z");
    // bounds
    BOOST_TEST(at("PT1S") == "2026-11-22T04:10:00.000Z");
    BOOST_TEST(at("P9999Y") == "2027-11-22T03:10:00.000Z");
    BOOST_TEST(at("99999d") == "2027-11-22T03:10:00.000Z");
    BOOST_TEST(at("2199-01-01") == "2027-11-22T03:10:00.000Z");
    for (const char* wrong : {"2026-11-21", "2026-11-22T03:09:59Z", "soon", "P", "PT", "P1", "P1H", "PT1D",
                              "P99999D", "P-1D", "P1DT", "30", "-30d", "PP1D", "0d"})
        BOOST_TEST(at(wrong) == "malformed", wrong << " gave " << at(wrong));
}

// ---- what the person gets -----------------------------------------------------------------------

std::string for_person(const std::string& in)
{
    auto line_read = read_newuser_headers(in.substr(0, in.find("\r\n\r\n") + 2), NewuserOptions{});
    BOOST_REQUIRE(line_read);
    const auto out = message_for_person(in, *line_read, 1 << 20);
    BOOST_REQUIRE(out);
    return *out;
}

BOOST_AUTO_TEST_CASE(person_gets_the_real_subject)
{
    BOOST_TEST(
        for_person(
            "From: a@b.example\r\nSubject: mila@example.net;First school;Kirkwood;Résultats\r\n"
            "Thread-Topic: mila@example.net;First school;Kirkwood\r\n"
            "X-Copy: mila@example.net;First school;Kirkwood;Résultats\r\n"
            "X-Direct-Pickup-Lang: de\r\nX-Kept:  folded\r\n\tvalue\r\n\r\nSubject: body\r\n\r\n.x\r\n") ==
        "From: a@b.example\r\nSubject: =?utf-8?B?UsOpc3VsdGF0cw==?=\r\nX-Kept:  folded\r\n\tvalue\r\n\r\n"
        "Subject: body\r\n\r\n.x\r\n");
    BOOST_TEST(for_person("Subject: mila@example.net;Q;Kirkwood\r\nFrom: a@b.example\r\n\r\nbody") ==
               "From: a@b.example\r\n\r\nbody");
    BOOST_TEST(for_person("x-direct-pickup-email: mila@example.net\r\nX-DIRECT-PICKUP-ANSWER: Kirkwood\r\n"
                          "X-Direct-Pickup-Question: Where\r\nSubject: a; b; c\r\n\r\nbody") ==
               "Subject: a; b; c\r\n\r\nbody");
}

}  // namespace
