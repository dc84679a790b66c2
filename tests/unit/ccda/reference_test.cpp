// Words reached by reference, and references beside words: followed, kept, and never silently shortened.
#include <boost/test/unit_test.hpp>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;

namespace {

// One section: its narrative, and its entries.
Told read(const std::string& text, const std::string& entries)
{
    return ccda().read(
        "<ClinicalDocument xmlns=\"urn:hl7-org:v3\" "
        "xmlns:xsi=\"http://www.w3.org/2001/"
        "XMLSchema-instance\"><component><structuredBody><component><section>"
        "<title>T</title><text>" +
        text + "</text>" + entries +
        "</section></component></structuredBody></component></ClinicalDocument>");
}

std::string entry(const std::string& inside)
{
    return "<entry><act>" + inside + "</act></entry>";
}

std::string text_to(const std::string& reference)
{
    return entry("<text><reference value=\"" + reference + "\"/></text>");
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_long_note_reached_by_reference_is_whole)
{
    const std::string note(100u << 10, 'n');
    const auto told = read("<paragraph ID=\"n1\">" + note + "</paragraph>", text_to("#n1"));
    BOOST_TEST(told.items.at(0).at("text") == note);
    BOOST_TEST(!told.items.at(0).contains("textReference"));
    BOOST_TEST(!told.items.at(0).contains("textCut"));
    BOOST_TEST(told.skipped.empty());
}

BOOST_AUTO_TEST_CASE(a_note_longer_than_a_text_may_be_says_so)
{
    const auto told =
        read("<paragraph ID=\"n1\">" + std::string(300u << 10, 'n') + "</paragraph>", text_to("#n1"));
    BOOST_TEST(told.items.at(0).at("text").get<std::string>().size() == 256u << 10);
    BOOST_TEST(told.items.at(0).at("textReference") == "#n1");
    BOOST_TEST(told.items.at(0).at("textCut") == true);
    BOOST_REQUIRE(told.skipped.size() == 1u);
    BOOST_TEST(told.skipped[0].second == "1 texts longer than 256 KB were cut");
    const auto own = read("", entry("<text>" + std::string(300u << 10, 'n') + "</text>"));
    BOOST_TEST(own.items.at(0).at("textCut") == true);
    BOOST_TEST(!own.items.at(0).contains("textReference"));
}

BOOST_AUTO_TEST_CASE(references_for_which_there_is_no_room_do_not_look_like_lost_ones)
{
    std::string entries;
    for (int i = 0; i < 400; ++i) entries += text_to("#n1");
    const auto told = read("<paragraph ID=\"n1\">" + std::string(100u << 10, 'n') + "</paragraph>",
                           entries + text_to("#nowhere"));
    BOOST_REQUIRE(told.items.size() == 401u);
    std::size_t whole = 0, parts = 0, none = 0;
    for (std::size_t i = 0; i < 400; ++i) {
        const auto& item = told.items[i];
        const std::string text = item.value("text", "");
        BOOST_TEST(item.contains("textCut") == (text.size() != 100u << 10));
        BOOST_TEST(item.contains("textReference") == item.contains("textCut"));
        whole += !item.contains("textCut");
        parts += text.size() == 16u << 10;
        none += text.empty();
    }
    BOOST_TEST(whole == 21u);   // half of 4 MB
    BOOST_TEST(parts >= 120u);  // the other half
    BOOST_TEST(whole + parts + none == 400u);
    BOOST_TEST(told.items[400].at("textReference") == "#nowhere");
    BOOST_TEST(!told.items[400].contains("textCut"));
    BOOST_REQUIRE(told.skipped.size() == 1u);
    BOOST_TEST(told.skipped[0].second ==
               std::to_string(parts + none) + " texts reached by reference were cut or left out");
}

BOOST_AUTO_TEST_CASE(a_large_item_takes_its_references_short)
{
    std::string inside;
    for (int i = 0; i < 30; ++i)
        inside +=
            "<entryRelationship typeCode=\"COMP\"><act><text><reference "
            "value=\"#n1\"/></text></act></entryRelationship>";
    const auto told =
        read("<paragraph ID=\"n1\">" + std::string(250u << 10, 'n') + "</paragraph>", entry(inside));
    BOOST_REQUIRE(told.items.size() == 1u);
    const auto& related = told.items[0].at("related");
    BOOST_REQUIRE(related.size() == 30u);
    BOOST_TEST(!related[0].contains("textCut"));
    BOOST_TEST(related[29].at("text").get<std::string>().size() == 16u << 10);
    BOOST_TEST(related[29].at("textCut") == true);
    BOOST_TEST(told.skipped.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_reference_beside_own_words_is_kept)
{
    const auto told =
        read("<content ID=\"a\">Resolved</content>",
             "<entry><observation><code code=\"1\"><originalText>Own<reference "
             "value=\"#a\"/></originalText></code>"
             "<text>Words<reference value=\"#missing\"/></text>"
             "<value xsi:type=\"ED\">Said<reference value=\"#a\"/></value></observation></entry>");
    const auto& item = told.items.at(0);
    BOOST_TEST(at(item, "/code/originalText") == "Own");
    BOOST_TEST(at(item, "/code/originalTextReference") == "#a");
    BOOST_TEST(at(item, "/text") == "Words");
    BOOST_TEST(at(item, "/textReference") == "#missing");
    BOOST_TEST(at(item, "/value/text") == "Said");
    BOOST_TEST(at(item, "/value/reference") == "#a");
}

BOOST_AUTO_TEST_CASE(a_reference_to_no_words_is_kept)
{
    const auto told = read(
        "<paragraph ID=\"empty\"/><paragraph ID=\"image\"><renderMultiMedia "
        "referencedObject=\"M\"/></paragraph><content ID=\"a\">A</content>",
        text_to("#empty") + text_to("#image") + text_to("#a") + text_to(" #a ") +
            text_to("http://x.example/y"));
    BOOST_REQUIRE(told.items.size() == 5u);
    BOOST_TEST(at(told.items[0], "/textReference") == "#empty");
    BOOST_TEST(at(told.items[1], "/textReference") == "#image");
    for (int i : {2, 3}) {
        BOOST_TEST(at(told.items[i], "/text") == "A");
        BOOST_TEST(!told.items[i].contains("textReference"));
    }
    BOOST_TEST(at(told.items[4], "/textReference") == "http://x.example/y");
}

// "%PDF-1.4 hello"
BOOST_AUTO_TEST_CASE(a_file_in_a_text_is_handed_on)
{
    const auto told = read("<content ID=\"n1\">See the file</content>",
                           entry("<text mediaType=\"application/pdf\" representation=\"B64\">JVBERi0x\n LjQg"
                                 "aGVsbG8=<reference value=\"#n1\"/></text>"));
    const auto& item = told.items.at(0);
    BOOST_TEST(at(item, "/text") == "See the file");
    BOOST_TEST(at(item, "/textMediaType") == "application/pdf");
    BOOST_TEST(at(item, "/textRepresentation") == "B64");
    BOOST_TEST(at(item, "/textEncodedSize") == "22");
    BOOST_TEST(!item.contains("textReference"));
    BOOST_REQUIRE(told.children.size() == 1u);
    BOOST_TEST(told.children[0].first == "application/pdf");
    BOOST_TEST(told.children[0].second == "%PDF-1.4 hello");
    BOOST_TEST(at(told.containers[0], "/element") == "text");
    BOOST_TEST(at(told.containers[0], "/size") == "14");
    BOOST_TEST(told.containers[0].at("offset") == item.at("textFileOffset"));
    BOOST_TEST(told.skipped.empty());
}

BOOST_AUTO_TEST_CASE(a_large_file_in_a_text_is_whole)
{
    std::string encoded;
    for (int i = 0; i < 100'000; ++i) encoded += "AAAA";
    const auto told =
        read("", entry("<text mediaType=\"image/png\" representation=\"b64\">" + encoded + "</text>"));
    BOOST_TEST(!told.items.at(0).contains("text"));
    BOOST_TEST(told.items.at(0).at("textEncodedSize") == 400'000u);
    BOOST_TEST(told.children.at(0).second == std::string(300'000, '\0'));
    BOOST_TEST(told.skipped.empty());
}

BOOST_AUTO_TEST_CASE(words_that_claim_to_be_base64_are_told_as_words)
{
    const auto told = read("", entry("<text representation=\"B64\">Take two, then call.</text>"));
    BOOST_TEST(at(told.items.at(0), "/text") == "Take two, then call.");
    BOOST_TEST(at(told.items.at(0), "/textRepresentation") == "B64");
    BOOST_TEST(told.children.empty());
}

BOOST_AUTO_TEST_CASE(a_file_is_handed_on_once_and_not_without_end)
{
    const auto twice = ccda().read(
        "<ClinicalDocument "
        "xmlns=\"urn:hl7-org:v3\"><component><structuredBody><component><section><templateId "
        "root=\"2.16.840.1.113883.10.20.22.2.1\"/><entry><substanceAdministration><entryRelationship><"
        "substanceAdministration>"
        "<templateId root=\"2.16.840.1.113883.10.20.22.4.147\"/><text representation=\"B64\">QUJD</text>"
        "</substanceAdministration></entryRelationship></substanceAdministration></entry></section></"
        "component>"
        "</structuredBody></component></ClinicalDocument>");
    const auto& item = twice.items.at(0);
    BOOST_TEST(item.at("sigFileOffset") == item.at("related").at(0).at("textFileOffset"));
    BOOST_TEST(twice.children.size() == 1u);

    std::string entries;
    for (int i = 0; i < 103; ++i) entries += entry("<text representation=\"B64\">QUJD</text>");
    const auto many = read("", entries);
    BOOST_TEST(many.children.size() == 100u);
    BOOST_TEST(many.items.at(99).contains("textFileOffset"));
    BOOST_TEST(!many.items.at(100).contains("textFileOffset"));
    BOOST_TEST(many.items.at(102).at("textEncodedSize") == 4u);
    BOOST_REQUIRE(many.skipped.size() == 1u);
    BOOST_TEST(many.skipped[0].second == "more than 100 files in texts");
}
