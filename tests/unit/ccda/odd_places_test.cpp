// Things said where no type or level has a place for them: where they are found in the answer, and how much of them. That none is
// lost anywhere is tested in mutation_test.cpp.
#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;

namespace {

Told document(const std::string& inside, const std::string& attributes = "")
{
    return ccda().read("<ClinicalDocument xmlns=\"urn:hl7-org:v3\" xmlns:sdtc=\"urn:hl7-org:sdtc\" " +
                       attributes + ">" + inside + "</ClinicalDocument>");
}

std::string section(const std::string& inside)
{
    return "<component><structuredBody><component><section>" + inside +
           "</section></component></structuredBody></component>";
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_a_document_says_beside_the_attributes_of_its_header)
{
    const auto d = document(
                       "between<typeId root=\"1.2\"/><templateId root=\"1.3\" nullFlavor=\"NA\"/>"
                       "<templateId root=\"1.4\"/><id root=\"1.5\">own</id><languageCode "
                       "code=\"en\"><odd/></languageCode>"
                       "<realmCode code=\"US\"/><realmCode code=\"CA\"/>")
                       .document;
    BOOST_TEST(at(d, "/words") == "between");
    BOOST_TEST(at(d, "/id") == "1.5");
    BOOST_REQUIRE(d.at("more").size() == 5u);
    BOOST_TEST(at(d, "/more/0/text") == "own");
    BOOST_TEST(at(d, "/more/1/children/0/element") == "odd");
    BOOST_TEST(at(d, "/more/2/code") == "CA");
    BOOST_TEST(at(d, "/more/3/element") == "typeId");
    BOOST_TEST(at(d, "/more/4/nullFlavor") == "NA");
    // The type every document has is not worth a word.
    BOOST_TEST(
        !document("<typeId root=\"2.16.840.1.113883.1.3\" extension=\"POCD_HD000040\"/><id root=\"1.5\"/>")
             .document.contains("more"));
}

BOOST_AUTO_TEST_CASE(what_stands_around_the_custodian_the_encounter_and_the_patient)
{
    const auto d =
        document(
            "<recordTarget>whoever</recordTarget><recordTarget/>"
            "<custodian nullFlavor=\"MSK\"><assignedCustodian nullFlavor=\"UNK\">"
            "<representedCustodianOrganization><name>Keeper</name></representedCustodianOrganization>"
            "</assignedCustodian></custodian><custodian><assignedCustodian><odd/></assignedCustodian></"
            "custodian>"
            "<componentOf>by<encompassingEncounter><id root=\"1.6\"/></encompassingEncounter></componentOf>")
            .document;
    BOOST_TEST(at(d, "/custodian/name") == "Keeper");
    BOOST_TEST(at(d, "/custodianRest/0/nullFlavor") == "MSK");
    BOOST_TEST(at(d, "/custodianRest/0/innerNullFlavors/0/nullFlavor") == "UNK");
    BOOST_TEST(!d.at("custodianRest").at(0).contains("organisation"));
    BOOST_TEST(at(d, "/custodianRest/1/more/0/element") == "odd");
    BOOST_TEST(at(d, "/componentOf/ids/0/root") == "1.6");
    BOOST_TEST(at(d, "/componentOfRest/0/words") == "by");
    BOOST_REQUIRE(d.at("recordTargetRest").size() == 1u);
    BOOST_TEST(at(d, "/recordTargetRest/0/words") == "whoever");
    const auto plain =
        document(
            "<custodian typeCode=\"CST\"><assignedCustodian><representedCustodianOrganization/>"
            "</assignedCustodian></custodian><componentOf><encompassingEncounter/></componentOf>")
            .document;
    for (const char* rest :
         {"custodianRest", "componentOfRest", "recordTargetRest", "words", "oddAttributes"})
        BOOST_TEST(!plain.contains(rest), rest);
}

BOOST_AUTO_TEST_CASE(an_entry_without_a_statement_is_told_as_it_stands)
{
    const auto told =
        document(section("<title>a</title><title nullFlavor=\"NI\">b</title><entry><odd code=\"x\"/></entry>"
                         "<entry/><entry>words</entry>"));
    const auto& s = told.document.at("sections").at(0);
    BOOST_REQUIRE(s.at("oddEntries").size() == 2u);
    BOOST_TEST(at(s, "/oddEntries/0/children/0/code") == "x");
    BOOST_TEST(at(s, "/oddEntries/1/text") == "words");
    BOOST_TEST(at(s, "/titleMore/0") == "b");
    BOOST_TEST(at(s, "/titleMoreRest/0/nullFlavor") == "NI");
    BOOST_TEST(told.items.empty());
    BOOST_TEST(told.skipped.size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_reference_that_is_null_says_so)
{
    const auto item =
        document(
            section("<entry><observation><code><originalText>o<reference nullFlavor=\"NA\"/></originalText>"
                    "</code><text><reference value=\"#x\" nullFlavor=\"MSK\"/></text></observation></entry>"))
            .items.at(0);
    BOOST_TEST(at(item, "/code/originalTextChildren/0/nullFlavor") == "NA");
    BOOST_TEST(at(item, "/textChildren/0/nullFlavor") == "MSK");
}

BOOST_AUTO_TEST_CASE(attributes_nobody_knows_are_told_with_where_they_stand)
{
    const auto told =
        document("<author odd=\"1\" contextControlCode=\"AP\"/>" +
                     section("<text odd=\"2\"><content odd=\"3\">w</content></text><entry><observation "
                             "classCode=\"OBS\" determinerCode=\"INSTANCE\" sdtc:odd=\"4\"><code code=\"c\" "
                             "sdtc:valueSet=\"1\" xsi:type=\"CE\" ID=\"i\"/></observation></entry>"),
                 "xmlns:x=\"urn:x\" x:odd=\"5\"");
    std::string all;
    for (const auto& odd : told.document.at("oddAttributes"))
        all += at(odd, "/element") + "@" + at(odd, "/name") + "=" + at(odd, "/value") + " ";
    BOOST_TEST(all ==
               "ClinicalDocument@x:odd=5 author@odd=1 author@contextControlCode=AP text@odd=2 "
               "observation@sdtc:odd=4 ");
    BOOST_TEST(told.document.at("oddAttributes").at(4).at("offset") == told.of("other").at(0).at("offset"));
}

// Not only those that no element has, also those that this one has no use for.
BOOST_AUTO_TEST_CASE(attributes_in_the_wrong_place_are_told)
{
    const auto told =
        document(section("<entry typeCode=\"DRIV\" negationInd=\"true\"><observation classCode=\"OBS\" "
                         "unit=\"mg\" typeCode=\"COMP\"><code "
                         "code=\"c\" displayName=\"d\" moodCode=\"INT\"/><statusCode code=\"a\" "
                         "codeSystem=\"1\" value=\"b\"/><value "
                         "xsi:type=\"CR\"><qualifier><name code=\"n\" codeSystem=\"2\"/></qualifier><low "
                         "value=\"1\" classCode=\"x\"/></value>"
                         "<title mediaType=\"text/plain\" language=\"en\">t</title></observation></entry>"));
    std::string all;
    for (const auto& odd : told.document.at("oddAttributes"))
        all += at(odd, "/element") + "@" + at(odd, "/name") + " ";
    BOOST_TEST(
        all ==
        "entry@negationInd observation@unit code@moodCode statusCode@value low@classCode title@language ");
}

BOOST_AUTO_TEST_CASE(attributes_nobody_knows_are_told_within_bounds)
{
    std::string many;
    for (int i = 0; i < 5000; ++i) many += "<author odd=\"" + std::string(100, 'x') + "\"/>";
    const auto told = document(many);
    const auto told_ones = told.document.at("oddAttributes").size();
    BOOST_TEST(told_ones > 1000u);
    BOOST_TEST(told_ones < 2000u);
    const std::string left = std::to_string(5000 - told_ones) + " attributes nobody knows";
    BOOST_TEST(std::count(told.skipped.begin(), told.skipped.end(),
                          std::pair<std::string, std::string>{"document", left}) == 1);
}

// A file's own picture was left out, and so was what stood in it.
BOOST_AUTO_TEST_CASE(what_stands_beside_a_file)
{
    const auto told = ccda().read(vector_document("embedded.xml"));
    const auto body = told.of("nonXMLBody").at(0);
    BOOST_TEST(at(body, "/reference") == "letter.pdf");
    BOOST_TEST(at(body, "/integrityMismatch") == "true");
    BOOST_REQUIRE(body.at("more").size() == 1u);
    BOOST_TEST(at(body, "/more/0/element") == "thumbnail");
    BOOST_TEST(at(body, "/more/0/encodedSize") == "8");
    BOOST_TEST(at(body, "/more/0/children/0/value") == "small.png");
    BOOST_TEST(at(told.of("nonXMLBody").at(1), "/reference") == "letter.txt");
    BOOST_TEST(told.children.size() == 3u);
    BOOST_TEST(told.children.at(2).second == "said once, said twice, said once more");
    BOOST_TEST(at(told.of("other").at(0), "/textChildren/0/element") == "thumbnail");
}
