#include "milter/store/codec.h"

#include <boost/test/unit_test.hpp>
#include <limits>

#include "milter/base/text.h"
#include "milter/store/schema.h"

using namespace direct;

namespace {

std::string varint(std::uint64_t n)
{
    std::string out;
    append_varint(out, n);
    return out;
}

/// Random bytes, the same in every run.
std::string noise(std::uint64_t seed, std::size_t size)
{
    std::string out;
    for (std::size_t i = 0; i < size; ++i) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        out += static_cast<char>(seed >> 56);
    }
    return out;
}

HeldRecord full_held()
{
    HeldRecord r;
    r.id = std::string(16, 'i');
    r.code = "ABCDEFGHJKLMNPQRSTUV";
    r.state = "locked";
    r.environment = "test";
    r.domain = "clinic.example";
    r.newuser_address = "newuser@clinic.example";
    r.contact = "jo@mail.example";
    r.display_name = "J\xc3\xb6 Example";
    r.sender = "dr@partner.example";
    r.sender_organisation = "Partner";
    r.sender_fingerprint = std::string(64, 'f');
    r.message_id = "<1@partner.example>";
    r.question = "q";
    r.language = "de";
    r.wrap_salt = std::string("\0\1\2", 3);
    r.wrapped_key = std::string(60, '\xff');
    r.received_ms = -1;
    r.expires_ms = std::numeric_limits<std::int64_t>::max();
    r.answer_exposed = true;
    r.warnings = {"W1", "", "W4"};
    r.attempts_left = 0;
    r.notices = {{1, "queued"}, {std::numeric_limits<std::int64_t>::min(), "sent"}};
    r.attachments = {{"a.xml", "text/xml", "ccda", std::string(32, 's'), 5}, {}};
    r.content = {std::string(16, 'c'), 1ull << 40, std::string(32, 'h'), true};
    return r;
}

}  // namespace

BOOST_AUTO_TEST_CASE(varints_hold_every_size)
{
    BOOST_TEST(hex(varint(0)) == "00");
    BOOST_TEST(hex(varint(127)) == "7f");
    BOOST_TEST(hex(varint(128)) == "8001");
    BOOST_TEST(hex(varint(~0ull)) == "ffffffffffffffffff01");
    for (unsigned bits = 0; bits < 64; ++bits)
        for (const std::uint64_t n : {1ull << bits, (1ull << bits) - 1, ~0ull >> bits}) {
            const std::string bytes = varint(n) + "rest";
            std::string_view rest = bytes;
            std::uint64_t got = 0;
            BOOST_TEST(take_varint(rest, got));
            BOOST_TEST(got == n);
            BOOST_TEST(rest == "rest");
        }
}

BOOST_AUTO_TEST_CASE(bad_varints_are_refused)
{
    for (const char* bad :
         {"", "80", "ffff", "ffffffffffffffffff02", "ffffffffffffffffffff01", "8080808080808080808000"}) {
        const std::string bytes = unhex(bad).value();
        std::string_view rest = bytes;
        std::uint64_t n = 7;
        BOOST_TEST(!take_varint(rest, n), bad);
        BOOST_TEST(rest.size() == bytes.size());
        BOOST_TEST(n == 7u);
    }
}

BOOST_AUTO_TEST_CASE(fields_are_walked_and_lengths_held_against_the_rest)
{
    std::string bytes;
    append_field(bytes, 1, "a");
    append_field(bytes, 65535, "");
    FieldReader reader(bytes);
    BOOST_TEST((reader.next() && reader.number() == 1 && reader.bytes() == "a"));
    BOOST_TEST((reader.next() && reader.number() == 65535 && reader.bytes().empty()));
    BOOST_TEST((!reader.next() && reader.ok()));
    for (const char* bad : {"00", "01", "0102ff", "0005", "80800401", "01ffffffffffffffffff01"}) {
        const std::string broken = unhex(bad).value();
        FieldReader r(broken);
        while (r.next()) {
        }
        BOOST_TEST(!r.ok(), bad);
        BOOST_TEST(!r.next(), bad);
    }
}

BOOST_AUTO_TEST_CASE(a_held_record_comes_back_whole)
{
    const HeldRecord r = full_held();
    const auto back = decode_held(encode(r));
    BOOST_TEST_REQUIRE(back.has_value());
    BOOST_TEST(encode(*back) == encode(r));
    BOOST_TEST(back->attempts_left == 0u);
    BOOST_TEST(back->state == "locked");
    BOOST_TEST(back->received_ms == -1);
    BOOST_TEST(back->expires_ms == r.expires_ms);
    BOOST_TEST(back->warnings == r.warnings);
    BOOST_TEST(back->wrap_salt == r.wrap_salt);
    BOOST_TEST(back->answer_exposed);
    BOOST_TEST_REQUIRE(back->notices.size() == 2u);
    BOOST_TEST(back->notices[1].at_ms == r.notices[1].at_ms);
    BOOST_TEST_REQUIRE(back->attachments.size() == 2u);
    BOOST_TEST(back->attachments[0].filename == "a.xml");
    BOOST_TEST(back->attachments[0].size == 5u);
    BOOST_TEST(back->content.size == 1ull << 40);
    BOOST_TEST(back->content.in_file);
}

BOOST_AUTO_TEST_CASE(every_other_record_comes_back_whole)
{
    MessageRecord m{std::string(16, 'm'),
                    "<x@y.example>",
                    "a@b.example",
                    {"c@d.example"},
                    "Q1",
                    5,
                    "ff",
                    "held",
                    6,
                    {"W1"}};
    BOOST_TEST(encode(decode_message(encode(m)).value()) == encode(m));
    BOOST_TEST(decode_message(encode(m))->recipients == m.recipients);
    DocumentRecord d;
    d.message_id = m.id;
    d.part = 7;
    d.filename = "ccd.xml";
    d.state = "parsed";
    d.refused_by = {"ccda 1.0"};
    d.tries = 2;
    d.content = {std::string(16, 'c'), 3, std::string(32, 'h'), false};
    BOOST_TEST(encode(decode_document(encode(d)).value()) == encode(d));
    BOOST_TEST(decode_document(encode(d))->part == 7u);
    RecordDocument place;
    place.document = std::string(20, 'k');
    place.state = "superseded";
    place.related = {{"RPLC", {"1^2", "3"}, "set", 7}, {"APND", {}, "", -1}};
    place.inherits = {std::string(24, 'i')};
    BOOST_TEST(encode(decode_record_document(encode(place)).value()) == encode(place));
    BOOST_TEST(decode_record_document(encode(place))->related.at(0).version == 7);
    BOOST_TEST(decode_record_document(encode(place))->version == -1);
    OutboxEntry o;
    o.id = std::string(16, 'o');
    o.recipients = {"a@b.example", "c@d.example"};
    o.due_ms = 99;
    o.state = "failed";
    BOOST_TEST(encode(decode_outbox(encode(o)).value()) == encode(o));
    BOOST_TEST(decode_outbox(encode(o))->state == "failed");
    SettledRecord s{"clear-leg", "e", "250 ok", m.id, {"a@b.example"}, {"c@d.example 550"}, 12};
    BOOST_TEST(encode(decode_settled(encode(s)).value()) == encode(s));
    IdempotencyRecord i{77, "held"};
    BOOST_TEST(decode_idempotency(encode(i))->at_ms == 77);
}

BOOST_AUTO_TEST_CASE(a_missing_field_keeps_its_default_and_an_unknown_one_is_skipped)
{
    const auto empty = decode_held("");
    BOOST_TEST_REQUIRE(empty.has_value());
    BOOST_TEST(empty->attempts_left == 3u);
    BOOST_TEST(empty->state == "held");
    std::string newer = encode(full_held());
    append_field(newer, 4000, "what a later version adds");
    const auto read = decode_held(newer);
    BOOST_TEST((read && encode(*read) == encode(full_held())));
}

BOOST_AUTO_TEST_CASE(damaged_records_are_temporary_faults)
{
    const std::string whole = encode(full_held());
    std::size_t refused = 0;
    for (std::size_t cut = 1; cut < whole.size(); ++cut) {
        const auto r = decode_held(whole.substr(0, cut));
        if (r) continue;  // cut between two fields
        ++refused;
        BOOST_TEST((r.error().retry == Retry::later));
    }
    BOOST_TEST(refused > whole.size() / 2);
    std::string bytes;
    append_field(bytes, 21, varint(1ull << 32));  // attempts_left has 32 bits
    BOOST_TEST(!decode_held(bytes).has_value());
    bytes.clear();
    append_field(bytes, 19, varint(2));  // a bool
    BOOST_TEST(!decode_held(bytes).has_value());
    bytes.clear();
    append_field(bytes, 17, varint(1) + "x");  // bytes behind a number
    BOOST_TEST(!decode_held(bytes).has_value());
    bytes.clear();
    append_field(bytes, 22, "\x01");  // a record within
    BOOST_TEST(!decode_held(bytes).has_value());
    bytes.clear();
    append_field(bytes, 24, encode(ContentRef{"short id", 1, std::string(32, 'h'), false}));
    BOOST_TEST(!decode_held(bytes).has_value());
}

BOOST_AUTO_TEST_CASE(noise_is_read_without_harm)
{
    std::size_t accepted = 0;
    for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
        const auto r = decode_held(noise(seed, seed % 60));
        if (!r) continue;
        ++accepted;
        const std::string once = encode(*r);
        BOOST_TEST_REQUIRE(encode(decode_held(once).value()) == once);
    }
    BOOST_TEST(accepted > 0u);
}

BOOST_AUTO_TEST_CASE(key_parts_order_as_numbers)
{
    BOOST_TEST((be32(1) < be32(256)));
    BOOST_TEST((be64(255) < be64(1ull << 40)));
    BOOST_TEST(hex(be64(0x0102030405060708)) == "0102030405060708");
    BOOST_TEST(read_be64(be64(0xfedcba9876543210)) == 0xfedcba9876543210);
    BOOST_TEST(item_key("id", 1, 2) == "id" + be32(1) + be32(2));
    BOOST_TEST(new_id().size() == id_size);
    BOOST_TEST((new_id() != new_id()));
    for (std::uint8_t n = 1; n <= table_count; ++n)
        BOOST_TEST(table_name(static_cast<Table>(n)) != std::string("unknown"));
    BOOST_TEST(table_name(static_cast<Table>(table_count + 1)) == std::string("unknown"));
}

BOOST_AUTO_TEST_CASE(a_fetched_copy_keeps_its_fields)
{
    FetchedRecord r;
    r.etag = "\"v\"";
    r.last_modified = "then";
    r.content = {std::string(16, 'c'), 5, std::string(32, 'h'), true};
    r.good_ms = 1;
    r.fresh_ms = -2;
    r.used_ms = 3;
    auto back = decode_fetched(encode(r));
    BOOST_REQUIRE(back);
    BOOST_TEST(encode(*back) == encode(r));
    BOOST_TEST(back->fresh_ms == -2);
    BOOST_TEST(back->content.size == 5u);
    BOOST_TEST(!decode_fetched("\xff"));
}
