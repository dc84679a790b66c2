// The newuser line: vectors, the manual's own table where it is at hand, and how answers are compared.
#include "milter/newuser/subject.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <sstream>

#include "milter/base/text.h"
#include "tests/support/vectors.h"

namespace {

using namespace direct;
using direct::test::Vector;

NewuserOptions options_for(const std::string& own)
{
    NewuserOptions o;
    o.own_newuser = {*parse_address(own)};
    return o;
}

std::string error_of(const Result<NewuserLine>& r)
{
    return r ? "" : std::string(r.error().token());
}

BOOST_DATA_TEST_CASE(subject_vectors, test::load_vectors("newuser_subject.vec"), v)
{
    NewuserOptions options = options_for("newuser@direct.example.net");
    if (v.has("Strip"))
        for (const auto p : split(v.fields.at("Strip"), '|')) options.strip_prefixes.emplace_back(p);
    options.smtputf8 = v.get("Utf8") == "yes";
    const auto r = v.has("Header") ? read_newuser_headers(v.fields.at("Header"), options)
                                   : read_newuser_value(v.get("In"), options);
    if (v.has("Error")) {
        BOOST_REQUIRE(!r);
        BOOST_TEST(error_of(r) == "newuser:" + v.get("Error"));
        BOOST_TEST(bool(r.error().retry == Retry::never));
        if (v.has("Dsn")) BOOST_TEST(r.error().dsn() == v.get("Dsn"));
        return;
    }
    BOOST_REQUIRE_MESSAGE(r, error_of(r));
    BOOST_TEST(r->contact.text() == v.get("Email"));
    BOOST_TEST(r->name == v.get("Name"));
    BOOST_TEST(r->question == v.get("Question"));
    BOOST_TEST(r->answer.view() == v.get("Answer"));
    BOOST_TEST(r->real_subject == v.get("Subject"));
    BOOST_TEST(r->expires == v.get("Expires"));
    BOOST_TEST(r->language == v.get("Lang"));
    BOOST_TEST(join(r->warnings, " ") == v.get("Warnings"));
}

// ---- the table of the newuser manual, section 7 ------------------------------------------------

std::string unescaped(const std::string& s)
{
    std::string out;
    for (std::size_t i = 0; i < s.size(); ++i) {
        if (s[i] != '\\' || i + 1 == s.size()) {
            out += s[i];
            continue;
        }
        switch (s[++i]) {
            case 'r':
                out += '\r';
                break;
            case 'n':
                out += '\n';
                break;
            case 't':
                out += '\t';
                break;
            case 'x':
                out += static_cast<char>(std::stoi(s.substr(i + 1, 2), nullptr, 16));
                i += 2;
                break;
            default:
                out += s[i];
        }
    }
    return out;
}

struct Row {
    std::string input, expected;
    bool header = false;
};

// "| `input` | expected | note |"
std::vector<Row> manual_rows(const std::string& manual)
{
    std::vector<Row> rows;
    std::istringstream in(manual);
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with("| `")) continue;
        const auto close = line.find("` | ", 3);
        if (close == std::string::npos) continue;
        Row row;
        row.input = unescaped(line.substr(3, close - 3));
        row.header = row.input.starts_with("Subject:") || row.input.starts_with("X-Nothing:");
        row.expected = line.substr(close + 4, line.find(" | ", close + 4) - close - 4);
        rows.push_back(row);
    }
    return rows;
}

std::string as_in_the_manual(const Result<NewuserLine>& r)
{
    if (!r) return "**" + error_of(r).substr(std::string("newuser:").size()) + "**";
    std::string out = "email=`" + r->contact.text() + "`";
    if (!r->name.empty()) out += "; name=`" + r->name + "`";
    if (!r->question.empty()) out += "; Q=`" + r->question + "`; A=`" + std::string(r->answer.view()) + "`";
    if (!r->real_subject.empty()) out += "; S=`" + r->real_subject + "`";
    return out;
}

BOOST_AUTO_TEST_CASE(the_manuals_table)
{
    const auto dir = test::shared_dir();
    if (dir.empty()) {
        BOOST_TEST_MESSAGE("skipped: the manual is not at hand");
        return;
    }
    const auto rows = manual_rows(test::read_file(dir + "/spec/newuser.md"));
    BOOST_TEST(rows.size() > 40u);
    const auto options = options_for("newuser@direct.example.org");
    for (const auto& row : rows) {
        const auto r =
            row.header ? read_newuser_headers(row.input, options) : read_newuser_value(row.input, options);
        BOOST_TEST(as_in_the_manual(r) == row.expected, row.input << ": " << as_in_the_manual(r));
    }
}

// ---- lengths ------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(lengths_are_characters_and_bounded)
{
    const NewuserOptions none;
    const std::string head = "mila@example.net;";
    auto characters = [](std::size_t n) {
        std::string s;
        while (n--) s += "é";
        return s;
    };
    BOOST_TEST(error_of(read_newuser_value(head + characters(2000 - head.size()), none)) == "");
    BOOST_TEST(error_of(read_newuser_value(head + characters(2001 - head.size()), none)) ==
               "newuser:subject-too-long");
    BOOST_TEST(error_of(read_newuser_value(head + characters(255) + ";" + characters(255), none)) == "");
    BOOST_TEST(error_of(read_newuser_value(head + characters(256) + ";answer", none)) ==
               "newuser:field-too-long");
    BOOST_TEST(error_of(read_newuser_value(head + "question;" + characters(256), none)) ==
               "newuser:field-too-long");
}

BOOST_AUTO_TEST_CASE(a_refusal_never_quotes_the_line)
{
    const NewuserOptions none;
    for (const std::string in :
         {"mila@example.net;Kirkwood;", "Kirkwood", "mila@Kirkwood;Q;A", "Kirkwood@example.net\x01",
          "mila@example.net;;Kirkwood", "mila@example.net;bob@kirkwood.example;Kirkwood", "\"Kirkwood;Q;A"}) {
        const auto r = read_newuser_value(in, none);
        BOOST_REQUIRE(!r);
        BOOST_TEST(ascii_lower(r.error().why).find("kirkwood") == std::string::npos, r.error().why);
    }
    const auto r = read_newuser_headers("Subject Kirkwood\r\n", none);
    BOOST_REQUIRE(!r);
    BOOST_TEST(r.error().why.find("Kirkwood") == std::string::npos, r.error().why);
}

BOOST_AUTO_TEST_CASE(no_bytes_make_it_fall)
{
    // Every single byte, and every byte inside the line.
    const auto options = options_for("newuser@direct.example.net");
    int accepted = 0;
    for (int b = 0; b < 256; ++b) {
        const std::string c(1, static_cast<char>(b));
        BOOST_TEST(!read_newuser_value(c, options));
        const auto r = read_newuser_value("mila@example.net;a" + c + "b;c", options);
        accepted += r.has_value();
        const bool text = (b >= 0x20 && b < 0x7F) || b == '\t';
        BOOST_TEST(r.has_value() == text, "byte " << b << " " << error_of(r));
    }
    BOOST_TEST(accepted == 96);
}

// ---- answers ------------------------------------------------------------------------------------

bool same_answer(std::string_view a, std::string_view b)
{
    return normal_answer(a).view() == normal_answer(b).view();
}

BOOST_AUTO_TEST_CASE(answers_that_are_the_same)
{
    BOOST_TEST(same_answer("Kirkwood Lane", "  kirkwood   LANE "));
    BOOST_TEST(same_answer("O\u2019Keller", "o'keller"));
    BOOST_TEST(same_answer("O\u00B4Keller", "O'Keller"));
    BOOST_TEST(same_answer("\u201CThe Lane\u201D", "\"the lane\""));
    BOOST_TEST(same_answer("\u00ABLane\u00BB", "\"Lane\""));
    BOOST_TEST(same_answer("Saint\u2011Denis", "saint-denis"));
    BOOST_TEST(same_answer("1990 \u2013 1995", "1990 - 1995"));
    BOOST_TEST(same_answer("Stra\u00DFe", "STRASSE"));
    BOOST_TEST(same_answer("Zoe\u0308", "ZO\u00CB"));
    BOOST_TEST(same_answer("\uFF2B\uFF29\uFF32\uFF2B", "kirk"));
    BOOST_TEST(same_answer("Kirkwood\u00A0Lane", "Kirkwood\tLane"));
    BOOST_TEST(same_answer("\u03A3\u0399\u03A3\u03A5\u03A6\u039F\u03A3",
                           "\u03C3\u03AF\u03C3\u03C5\u03C6\u03BF\u03C2") ==
               false);  // the accent is a difference
    BOOST_TEST(same_answer("\u039F\u03A3", "\u03BF\u03C2"));
}

BOOST_AUTO_TEST_CASE(answers_that_are_not)
{
    BOOST_TEST(!same_answer("Kirkwood Lane", "KirkwoodLane"));
    BOOST_TEST(!same_answer("Kirkwood", "Kirkwood."));
    BOOST_TEST(!same_answer("resume", "r\u00E9sum\u00E9"));
    BOOST_TEST(!same_answer("", "a"));
    BOOST_TEST(normal_answer(" \u3000 \u00A0").empty());
    BOOST_TEST(normal_answer("\xFF").empty());
}

BOOST_AUTO_TEST_CASE(normal_form_is_a_fixed_point)
{
    for (const std::string s :
         {"O\u2019Keller \u2013  Stra\u00DFe", "\u1E9E\u00B4\u2033", "\uFB01x \u2026", "a \u00A0 b",
          // What only NFKC makes a quotation mark of (found by fuzzing).
          "a\u2037b", "\u2034\u2057", "\uFE32x"}) {
        const Secret once = normal_answer(s);
        BOOST_TEST(normal_answer(once.view()).view() == once.view(), s);
    }
}

BOOST_AUTO_TEST_CASE(contact_instead_of_an_answer)
{
    const auto key = [](std::string_view text) {
        return std::string(normal_contact(*parse_address(text)).view());
    };
    BOOST_TEST(key("Mila.Keller@Example.NET") == key("mila.keller@example.net"));
    BOOST_TEST(key("mila@b\u00FCcher.example") == key("mila@xn--bcher-kva.example"));
    BOOST_TEST(key("mila+tag@example.net") != key("mila@example.net"));
    BOOST_TEST(key("\"mila\"@example.net") == key("mila@example.net"));
}

}  // namespace
