// Which encoding a document is in: byte order mark, declaration, charset, UTF-8, in this order.
#include "plugins/xml_text.h"

#include <boost/test/unit_test.hpp>

using direct::xml_text;
using namespace std::string_literals;

namespace {

std::string wide(const std::string& ascii, bool little, const std::string& mark = "")
{
    std::string out = mark;
    for (char c : ascii) out += little ? std::string{c, '\0'} : std::string{'\0', c};
    return out;
}

std::string declared(const std::string& encoding, const std::string& body = "<a/>")
{
    return "<?xml version=\"1.0\" encoding=\"" + encoding + "\"?>" + body;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_order)
{
    struct Case {
        std::string bytes, charset, encoding;
        std::size_t notes;
    };
    const std::string utf8_mark = "\xef\xbb\xbf";
    const Case cases[] = {
        {"<a/>", "", "utf-8", 0},
        {"<a/>", "windows-1252", "windows-1252", 0},
        {"<a/>", "UTF-8", "utf-8", 0},
        {declared("ISO-8859-1"), "", "windows-1252", 0},
        {declared("iso-8859-15"), "", "iso-8859-15", 0},
        // Behind an empty line the declaration was overlooked: every letter beyond ASCII became '?'.
        {"\r\n \t" + declared("ISO-8859-1"), "", "windows-1252", 0},
        {utf8_mark + "\n" + declared("windows-1252"), "", "utf-8", 1},
        {wide("\n" + declared("utf-16"), true, "\xff\xfe"), "", "utf-16le", 0},
        {declared("UTF-8"), "iso-8859-1", "utf-8", 1},
        {declared("windows-1252"), "utf-8", "windows-1252", 1},
        {utf8_mark + declared("windows-1252"), "", "utf-8", 1},
        {utf8_mark + "<a/>", "windows-1252", "utf-8", 1},
        {wide("<a/>", true, "\xff\xfe"), "", "utf-16le", 0},
        {wide("<a/>", false, "\xfe\xff"), "", "utf-16be", 0},
        {wide("<a/>", true), "", "utf-16le", 0},
        {wide("<a/>", false), "", "utf-16be", 0},
        {wide(" \r\n<a/>", true), "", "utf-16le", 0},
        {wide(" \r\n<a/>", false), "utf-16", "utf-16be", 0},
        {wide(declared("utf-16"), true, "\xff\xfe"), "utf-16", "utf-16le", 0},
        {wide(declared("utf-8"), true, "\xff\xfe"), "", "utf-16le", 1},
        // Names of what it was in memory once.
        {declared("utf-16"), "", "utf-8", 0},
        {"<a/>", "utf-16", "utf-8", 0},
        // A charset nobody knows is not the document's word.
        {"<a/>", "x-unknown", "utf-8", 1},
    };
    for (const auto& c : cases) {
        const auto t = xml_text(c.bytes, c.charset);
        BOOST_TEST(t.refused == "", c.bytes);
        BOOST_TEST(t.encoding == c.encoding, c.bytes << " " << c.charset);
        BOOST_TEST(t.notes.size() == c.notes, c.bytes << " " << c.charset);
        BOOST_TEST(t.utf8.ends_with("<a/>"), c.bytes);
    }
    BOOST_TEST(xml_text(wide(declared("UTF-16"), false, "\xfe\xff"), "").declared == "utf-16");
    BOOST_TEST(xml_text(declared("Windows-1252"), "").declared == "windows-1252");
    BOOST_TEST(xml_text("<a/>", "").declared == "");
    BOOST_TEST(xml_text(" \n", "").declared == "");
    BOOST_TEST(xml_text("\n" + declared("windows-1252", "\xe9"), "").utf8.ends_with("\xc3\xa9"));
}

BOOST_AUTO_TEST_CASE(what_is_not_read_is_refused_by_name)
{
    BOOST_TEST(xml_text(declared("utf-7"), "").refused == "UTF-7 is not read");
    BOOST_TEST(xml_text("\n" + declared("utf-7"), "").refused == "UTF-7 is not read");
    BOOST_TEST(xml_text("<a/>", "UTF-7").refused == "UTF-7 is not read");
    BOOST_TEST(xml_text("+/v8-+ADw-a/+AD4-", "").refused == "UTF-7 is not read");
    using namespace std::string_literals;
    BOOST_TEST(xml_text("\xff\xfe\0\0<\0\0\0"s, "").refused == "UTF-32 is not read");
    BOOST_TEST(xml_text("\0\0\xfe\xff\0\0\0<"s, "").refused == "UTF-32 is not read");
    BOOST_TEST(xml_text("<\0\0\0a\0\0\0"s, "").refused == "UTF-32 is not read");
    BOOST_TEST(xml_text("<a/>", "utf-32").refused == "UTF-32 is not read");
    for (const char* name : {"shift_jis", "windows-1251", "ebcdic-cp-us", "x-house", "gb18030"})
        BOOST_TEST(xml_text(declared(name), "").refused == "the declared encoding is not one we read", name);
}

BOOST_AUTO_TEST_CASE(characters)
{
    BOOST_TEST(xml_text(declared("windows-1252", "\x80\x93q\x94\xfc"), "")
                   .utf8.ends_with("\xe2\x82\xac\xe2\x80\x9cq\xe2\x80\x9d\xc3\xbc"));
    // The same in the place ISO-8859-1 keeps for control characters: what senders mean by it.
    BOOST_TEST(xml_text(declared("iso-8859-1", "\x80"), "").utf8.ends_with("\xe2\x82\xac"));
    BOOST_TEST(
        xml_text(declared("iso-8859-15", "\xa4\xa6\xe9"), "").utf8.ends_with("\xe2\x82\xac\xc5\xa0\xc3\xa9"));
    // 0x81 is no character in any of them.
    const auto none = xml_text(declared("windows-1252", "\x81"), "");
    BOOST_TEST(none.utf8.ends_with("?"));
    BOOST_TEST(none.notes.size() == 1u);
    // Broken UTF-8: overlong, surrogate, cut; as many bytes as before.
    const auto mended = xml_text("<a>\xc0\xaf\xed\xa0\x80\xe2\x82</a>", "");
    BOOST_TEST(mended.utf8 == "<a>" + std::string(7, '?') + "</a>");
    BOOST_TEST(mended.notes.size() == 1u);
    // A lone surrogate and half a unit in UTF-16.
    using namespace std::string_literals;
    const auto wide_text = xml_text(
        "\xff\xfe<\0\0\xd8"
        "a\0>"s,
        "");
    BOOST_TEST(wide_text.utf8 == "<?a");
    BOOST_TEST(wide_text.notes.size() == 1u);
}

// Micrograms in an old system's bytes: a declaration of UTF-8, or none, does not make them "?g".
BOOST_AUTO_TEST_CASE(bytes_that_are_no_utf8_are_windows_1252)
{
    const std::string dose =
        "<a>50 \xb5g \x96 \x93"
        "caf\xe9\x94 \x80 5</a>";
    const std::string read =
        "<a>50 \xc2\xb5g \xe2\x80\x93 \xe2\x80\x9c"
        "caf\xc3\xa9\xe2\x80\x9d \xe2\x82\xac 5</a>";
    struct Case {
        std::string bytes, charset;
        std::size_t notes;
    };
    for (const auto& c : {Case{dose, "", 1}, Case{dose, "utf-8", 2}, Case{dose, "x-unknown", 2},
                          Case{declared("utf-8", dose), "", 2}, Case{declared("utf-16", dose), "", 2},
                          Case{declared("utf-8", dose), "iso-8859-1", 2}}) {
        const auto t = xml_text(c.bytes, c.charset);
        BOOST_TEST(t.encoding == "windows-1252", c.bytes);
        BOOST_TEST(t.utf8.ends_with(read), c.bytes);
        BOOST_TEST(t.notes.size() == c.notes, c.bytes << " " << c.charset);
        BOOST_TEST(t.notes[0] == "the bytes are not UTF-8; read as windows-1252");
    }
    // The charset knows better than the declaration.
    const auto latin9 = xml_text(declared("utf-8", "<a>\xa4 5</a>"), "iso-8859-15");
    BOOST_TEST(latin9.encoding == "iso-8859-15");
    BOOST_TEST(latin9.utf8.ends_with("<a>\xe2\x82\xac 5</a>"));
    // Damaged UTF-8 stays UTF-8: marked as such, most of it well-formed, or cut at the end of what is looked at.
    for (const std::string& utf8 :
         {"\xef\xbb\xbf<a>\xb5g</a>"s, "<a>\xc3\xa9\xc3\xa8 \xb5g</a>"s, "<a>\xc3\xa9 \xb5g</a>"s,
          "<a>\x81</a>"s, "<a/>\xe2"s, "<a/>\xe2\x82"s, "<a>\xe2\x82 \xe2\x82</a>"s}) {
        const auto t = xml_text(utf8, "");
        BOOST_TEST(t.encoding == "utf-8", utf8);
        BOOST_TEST(t.utf8.find('?') != std::string::npos, utf8);
        BOOST_TEST(t.notes.size() == 1u, utf8);
    }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_xml_is_seen_at_once)
{
    for (const std::string& yes : {"<a/>"s, " \r\n\t<?xml"s, "\xef\xbb\xbf<a/>"s, "\xff\xfe<\0a\0"s,
                                   "\xfe\xff\0<"s, "\0<\0a"s, "\xff\xfe\0\0<\0\0\0"s})
        BOOST_TEST(direct::begins_like_xml(yes));
    for (const std::string& no :
         {""s, "   "s, "%PDF-1.4 <a/>"s, "PK\x03\x04"s, "{\"a\":\"<\"}"s, "\xff\xd8\xff<"s})
        BOOST_TEST(!direct::begins_like_xml(no));
}
