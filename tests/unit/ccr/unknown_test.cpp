// Elements that the format does not have, where they could be taken for nothing.
#include <boost/test/unit_test.hpp>

#include "tests/unit/ccr/texts.h"

using namespace direct::test;

namespace {

const PluginUnderTest& ccr()
{
    static const PluginUnderTest plugin("ccr");
    return plugin;
}

std::string record(const std::string& inside)
{
    return "<ContinuityOfCareRecord xmlns=\"urn:astm-org:CCR\">" + inside + "</ContinuityOfCareRecord>";
}

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
