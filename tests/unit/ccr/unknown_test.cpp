// Elements that the format does not have, where they could be taken for nothing.
#include <boost/test/unit_test.hpp>

#include "tests/support/vectors.h"
#include "tests/unit/ccr/record.h"
#include "tests/unit/ccr/texts.h"

using namespace direct::test;

namespace {

void field(const nlohmann::json& item, const std::string& pointer, const std::string& wanted)
{
    BOOST_TEST(at(item, pointer) == wanted, pointer);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_description_of_unknown_elements_only_reaches_its_item)
{
    // Without words, code or attribute of its own it was taken for empty, and what was in it for told.
    const std::string odd = "<Odd><Deep kind=\"k\">said here</Deep></Odd>";
    const std::string bytes = record("<Body><Problems><Problem><Description>" + odd +
                                     "</Description></Problem></Problems><Alerts><Alert><Type>" + odd +
                                     "</Type><Description><Code><CodingSystem>house</CodingSystem></Code>"
                                     "</Description></Alert></Alerts></Body>");
    const auto told = ccr().read(bytes);
    const auto problem = told.of("problems").at(0), alert = told.of("allergies").at(0);
    for (const auto* item : {&problem, &alert}) {
        field(*item, "/value/type", "CD");
        field(*item, "/value/more/0/element", "Odd");
        field(*item, "/value/more/0/more/0/text", "said here");
        field(*item, "/value/more/0/more/0/xmlAttributes/0/value", "k");
    }
    field(alert, "/allergen/codeSystemName", "house");
    BOOST_TEST(texts_lost(bytes, told).empty());
    // One that holds nothing is no value still.
    const auto empty = ccr().read(record(
        "<Body><Problems><Problem><Description><Text/><Code/></Description></Problem></Problems></Body>"));
    BOOST_TEST(!empty.of("problems").at(0).contains("value"));
    field(empty.of("problems").at(0), "/null", "true");
}

// The item said `null` beside what it told: whoever counts on null threw it away.
BOOST_AUTO_TEST_CASE(an_item_that_says_something_we_do_not_know_is_not_null)
{
    const auto is_null = [](const std::string& inside) {
        const auto told =
            ccr().read(record("<Body><Problems><Problem>" + inside + "</Problem></Problems></Body>"));
        return told.of("problems").at(0).value("null", false);
    };
    const std::string odd = "<Odd>said here</Odd>";
    for (const auto& inside : std::initializer_list<std::string>{
             odd,
             "<Description>" + odd + "</Description>",
             "<Type>" + odd + "</Type>",
             "<Description><Text>" + odd + "</Text></Description>",
             "<Description><Code>" + odd + "</Code></Description>",
             "<Description><Code><Value>" + odd + "</Value></Code></Description>",
             "<Description><Code><Value/><Value>2</Value></Code></Description>",
             "<Odd kind=\"k\"/>",
             "<Description><Odd kind=\"k\"/></Description>",
             "<CCRDataObjectID>1</CCRDataObjectID><Deep>" + odd + "</Deep>",
             "<Episodes><Odd/>" + odd + "</Episodes>",
         })
        BOOST_TEST(!is_null(inside), inside);
    for (const std::string inside : {
             "",
             "<Odd/>",
             "<Description><Text/><Odd xmlns=\"urn:other\"/></Description>",
             "<Description><Code><CodingSystem>SNOMED CT</CodingSystem></Code></Description>",
             "<CCRDataObjectID>1</CCRDataObjectID><DateTime><ExactDateTime>2026</ExactDateTime></DateTime>"
             "<Status><Text>Active</Text></Status><Source><Actor><ActorID>a</ActorID></Actor></Source>",
             // Known and empty, this one was taken for a word.
             "<Episodes><Episode><Description><Text> </Text></Description></Episode></Episodes>",
         })
        BOOST_TEST(is_null(inside), inside);
}

// Into each element of the record in turn: wherever it stands, it is told.
BOOST_AUTO_TEST_CASE(an_unknown_element_anywhere_in_the_record_is_told)
{
    const std::string xml = read_file(source_dir() + "/tests/vectors/ccr/full.xml");
    std::set<std::string> silent;
    std::size_t places = 0;
    for (auto at = xml.find('<'); at != std::string::npos; at = xml.find('<', at + 1)) {
        const auto end = xml.find('>', at);
        if (end == std::string::npos || xml[at + 1] == '/' || xml[at + 1] == '?' || xml[at + 1] == '!' ||
            xml[end - 1] == '/')
            continue;
        ++places;
        const std::string with =
            xml.substr(0, end + 1) + "<Odd>said by nobody else</Odd>" + xml.substr(end + 1);
        const auto told = ccr().read(with);
        std::string all = told.document.dump();
        for (const auto& item : told.items) all += item.dump();
        for (const auto& [where, why] : told.skipped) all += why;
        // Of a signature only its place is told: its bytes stay in the document.
        const bool signature = xml.compare(at, 10, "<Signature") == 0;
        if (!signature && all.find("said by nobody else") == std::string::npos)
            silent.insert(xml.substr(at, end - at + 1));
    }
    BOOST_TEST(places > 600u);
    for (const auto& tag : silent) BOOST_TEST_ERROR("an unknown element is not told in " << tag);
}

BOOST_AUTO_TEST_CASE(what_comes_twice_where_one_is_read_is_told)
{
    const auto told = ccr().read(
        record("<Body><Problems><Problem><Description><Text>t</Text><Code><Value>1</Value><Value>2</Value>"
               "<CodingSystem>house</CodingSystem></Code></Description></Problem></Problems></Body>"));
    field(told.document, "/unexpected/0/in", "Code");
    field(told.document, "/unexpected/0/what/0/text", "2");
}

BOOST_AUTO_TEST_CASE(unexpected_elements_beyond_what_the_document_object_holds_are_counted_as_skipped)
{
    std::string odd;
    for (int i = 0; i < 400; ++i) odd += "<Odd>" + std::string(100, 'x') + std::to_string(i) + "</Odd>";
    const auto told = ccr().read(record("<Body><Problems><Problem><Description><Text>t" + odd +
                                        "</Text></Description></Problem></Problems></Body>"));
    BOOST_TEST(told.document["unexpected"].size() > 100u);
    BOOST_TEST(told.document["unexpected"].size() < 400u);
    BOOST_REQUIRE(told.skipped.size() == 1u);
    BOOST_TEST(told.skipped[0].first == "document");
}
