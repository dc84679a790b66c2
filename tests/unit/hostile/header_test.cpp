// Header bombs, through the door the MTA uses and inside the seal.
#include "milter/mime/words.h"
#include "milter/transaction.h"
#include "tests/support/memory_store.h"
#include "tests/unit/hostile/cost.h"
#include "tests/unit/hostile/forge.h"
#include "tests/unit/hostile/site.h"

using namespace direct;
using namespace direct::test;
using namespace direct::test::forge;

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

/// One message through a Transaction, as libmilter would hand it over.
std::string through_the_door(const Fields& fields, const std::string& body, Cost* cost = nullptr)
{
    auto& c = the_clinic();
    static MemoryStore store;
    static SystemClock clock;
    House house(store, Secret("pepper of a test, thirty-two byte"), clock, c.site);
    Plan plan;
    auto work = [&] {
        Transaction t(c.site, {"session", "192.0.2.1", "mx", ""}, "<bob@direct.hospital.example>");
        t.recipient("<doc@ec.clinic.example>");
        for (const auto& [name, value] : fields) t.header(name, value);
        if (t.wants_body()) t.body(body);
        plan = t.finish(house);
    };
    auto spent = cost_of(work);
    if (cost) *cost = spent;
    if (plan.verdict == Plan::Verdict::discard) return "taken";
    return std::to_string(plan.answer.code) + " " + plan.answer.dsn + " " + plan.answer.text;
}

Fields honest_fields()
{
    return {{"From", " bob@direct.hospital.example"},
            {"To", " doc@ec.clinic.example"},
            {"MIME-Version", " 1.0"},
            {"Content-Type", " application/pkcs7-mime"},
            {"Content-Transfer-Encoding", " base64"}};
}

std::string sealed_body()
{
    auto& c = the_clinic();
    return base64(c.honest(c.ec_clinic), 76) + "\r\n";
}

Fields repeated(const std::string& name, const std::string& value, std::size_t times)
{
    auto out = honest_fields();
    for (std::size_t i = 0; i < times; ++i) out.emplace_back(name, value);
    return out;
}

/// A field of the message under the seal, read before anything is released.
Outcome inside(const std::string& fields)
{
    auto& c = the_clinic();
    std::string entity = "Content-Type: message/rfc822\r\n\r\n" + fields + "\r\nSECRET\r\n";
    // Signed here: our own way of signing would make the line ends canonical first.
    auto der = signed_data(c.ann.certificate.der(), signer({.who = &c.ann, .content = entity}));
    return c.judge_entity(multipart(entity, der), doc);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(headers)

// Every field was counted among all before it: a header of 1 MB took three minutes.
BOOST_AUTO_TEST_CASE(a_quarter_of_a_million_fields)
{
    Cost few, many;
    BOOST_TEST(through_the_door(repeated("A", "", 9'000), sealed_body(), &few) == "taken");
    BOOST_TEST(through_the_door(repeated("A", "", 250'000), sealed_body(), &many) == uniform);
    BOOST_TEST(many.seconds <= 60 * few.seconds);
    if (!sanitized) BOOST_TEST(many.memory <= memory_bound(1'000'000));
    BOOST_TEST_MESSAGE("250000 fields: " << many.seconds / few.seconds << " of 9000 fields, memory "
                                         << many.memory);
}

BOOST_AUTO_TEST_CASE(bombs_at_the_door_have_one_answer)
{
    const struct {
        const char* name;
        Fields fields;
    } rows[] = {
        {"100000 fields", repeated("X-A", " b", 100'000)},
        {"a field of 10 MB", repeated("X-A", " " + std::string(10U << 20, 'a'), 1)},
        {"a megabyte of folded lines", repeated("X-A", repeat(" x\n", 340'000), 1)},
        {"two Content-Type fields", repeated("Content-Type", " application/pkcs7-mime", 1)},
        {"two Content-Transfer-Encoding fields", repeated("Content-Transfer-Encoding", " base64", 1)},
        {"a bare CR", repeated("X-A", " a\rb", 1)},
        {"a field without a name", repeated("", " b", 1)},
        {"a field name with a blank", repeated("X A", " b", 1)},
        {"NUL", repeated("X-A", std::string(" a\0b", 4), 1)},
    };
    for (const auto& row : rows) {
        auto answer = through_the_door(row.fields, sealed_body());
        BOOST_TEST(answer == uniform, row.name << ": " << answer);
    }
}

// What the outer fields say of the author decides nothing: the signed ones count.
BOOST_AUTO_TEST_CASE(outer_author_fields_are_only_bytes)
{
    const std::string word = " \"a b\" ";
    for (const auto& value :
         {repeat("(", 100'000), repeat(word, 30'000), repeat("a@b.example,", 10'001), std::string("group:;"),
          repeat("g:", 100'000), std::string("=?utf-8?Q?bob=40direct.hospital.example?=")})
        BOOST_TEST(through_the_door({{"From", value},
                                     {"To", " doc@ec.clinic.example"},
                                     {"Content-Type", " application/pkcs7-mime"},
                                     {"Content-Transfer-Encoding", " base64"}},
                                    sealed_body()) == "taken");
}

BOOST_AUTO_TEST_CASE(the_signed_author_is_one_address_and_nothing_to_guess_at)
{
    const std::string to = "To: doc@ec.clinic.example\r\n";
    BOOST_TEST(inside("From: ann@direct.hospital.example\r\n" + to).token == "accepted");
    BOOST_TEST(inside("From: \"Ann\" <ann@direct.hospital.example>\r\n" + to).token == "accepted");
    BOOST_TEST(inside("From: (a (b) c) ANN@Direct.Hospital.Example\r\n" + to).token == "accepted");
    const std::string malformed[] = {
        "",
        "From: ann@direct.hospital.example\r\nFrom: ann@direct.hospital.example\r\n",
        "From: ann@direct.hospital.example\r\nfrom: mallory@evil.example\r\n",
        "From: ann@direct.hospital.example, mallory@evil.example\r\n",
        "From: ann@direct.hospital.example <mallory@evil.example>\r\n",
        "From: <ann@direct.hospital.example> mallory@evil.example\r\n",
        "From: <mallory@evil.example>, <ann@direct.hospital.example>\r\n",
        "From: g: ann@direct.hospital.example, mallory@evil.example;\r\n",
        "From: =?utf-8?Q?ann=40direct.hospital.example?=\r\n",
        "From: =?utf-8?Q?ann?=@direct.hospital.example\r\n",
        std::string("From: ann@direct.hospital.example\0.evil.example\r\n", 50),
        "From: ann@direct.hospital.example\rX: y\r\n",
        "From : ann@direct.hospital.example\r\nX y: z\r\n",
        " From: ann@direct.hospital.example\r\n",
        "From: <>\r\n",
        "From: undisclosed:;\r\n",
        "From: \"ann@direct.hospital.example\r\n",
        "From: (ann@direct.hospital.example\r\n",
        "From: ann\r\n",
        "From: ann@direct.hospital.example; mallory@evil.example\r\n",
        "From: ann@direct.hospital.example\r\nSender: a@b.example, c@d.example\r\n",
        "From: <@relay.example:ann@direct.hospital.example>\r\n",
        "From: " + repeat("a@b.example,", 10'001) + "\r\n",
        "From: " + repeat("(", 100'000) + "\r\n",
        "From: " + repeat("g:", 100'000) + "\r\n",
        "From: " + repeat("\"a\" ", 200'000) + "<ann@direct.hospital.example\r\n",
    };
    for (const auto& fields : malformed) check_told(inside(fields + to), "malformed", fields.substr(0, 100));
    // Another domain, however alike it looks.
    for (const std::string from :
         {"ann@direct.hospital.example.evil.example", "ann@evil.direct.hospital.example",
          "\"ann@direct.hospital.example\"@evil.example", "\xd0\xb0nn@direct.hospital.example",
          "ann@direct.h\xd0\xbespital.example", "ann+x@direct.hospital.example",
          "\"ann \"@direct.hospital.example"}) {
        auto o = inside("From: " + from + "\r\n" + to);
        BOOST_TEST((o.token == "sender-mismatch" || o.token == "malformed"), from << ": " << o.token);
        BOOST_TEST(o.clear.empty());
    }
}

// The words of a display name were kept, forty bytes for each letter.
BOOST_AUTO_TEST_CASE(names_and_recipients_without_end_keep_the_bound)
{
    const std::string to = "To: doc@ec.clinic.example\r\n";
    std::string lists;
    for (int i = 0; i < 100; ++i) lists += "To: " + repeat("a@b,", 2'400) + "\r\n";
    const std::pair<const char*, std::string> rows[] = {
        {"words", "From: " + repeat("a ", 500'000) + "<ann@direct.hospital.example>\r\n" + to},
        {"recipients", "From: ann@direct.hospital.example\r\n" + lists + to}};
    auto& c = the_clinic();
    for (const auto& [name, fields] : rows) {
        std::string entity = "Content-Type: message/rfc822\r\n\r\n" + fields + "\r\nSECRET\r\n";
        std::string mail = mail_around(c.sealed(c.signed_by(c.ann, entity), c.ec_clinic));
        Outcome o;
        auto cost = cost_of([&] { o = c.judge(mail, doc); });
        BOOST_TEST(o.token == "accepted", name);
        if (!sanitized) BOOST_TEST(cost.memory <= memory_bound(mail.size()), name << " " << cost.memory);
        BOOST_TEST_MESSAGE(name << ": memory " << double(cost.memory) / double(mail.size())
                                << " of the message, " << cost.seconds << " s");
    }
}

BOOST_AUTO_TEST_CASE(words_that_change_their_charset_all_the_time)
{
    const std::string pair = "=?gb18030?Q?a?= =?euc-jp?Q?b?= =?iso-2022-jp?Q?c?= ";
    double seconds[2];
    for (int i = 0; i < 2; ++i) {
        auto text = repeat(pair, i ? 2'000 : 250);
        seconds[i] = cost_of([&] { BOOST_TEST(decode_text(text).has_value()); }).seconds;
    }
    BOOST_TEST(seconds[1] <= 24 * seconds[0] + 0.05);
    BOOST_TEST_MESSAGE("6000 words of changing charset: " << seconds[1] << " s");
}

BOOST_AUTO_TEST_SUITE_END()
