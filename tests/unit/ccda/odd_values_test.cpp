// Values as they should not be said: booleans in other spellings, words and elements where none belong, null
// flavours of everything. All of it is told, and nothing becomes its opposite.
#include <boost/test/unit_test.hpp>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;

namespace {

constexpr const char* medications = "2.16.840.1.113883.10.20.22.2.1.1";
constexpr const char* problems = "2.16.840.1.113883.10.20.22.2.5.1";
constexpr const char* allergies = "2.16.840.1.113883.10.20.22.2.6.1";
constexpr const char* immunizations = "2.16.840.1.113883.10.20.22.2.2.1";

Told document_of(const std::string& header, const std::string& body)
{
    return ccda().read(
        "<ClinicalDocument xmlns=\"urn:hl7-org:v3\" xmlns:sdtc=\"urn:hl7-org:sdtc\" "
        "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">" +
        header + "<component>" + body + "</component></ClinicalDocument>");
}

std::vector<nlohmann::json> entries_of(const std::string& section, const std::string& entries)
{
    const auto told = document_of("", "<structuredBody><component><section><templateId root=\"" + section +
                                          "\"/>" + entries + "</section></component></structuredBody>");
    BOOST_TEST(told.skipped.empty());
    return told.items;
}

std::string entry(const std::string& statement)
{
    return "<entry>" + statement + "</entry>";
}

}  // namespace

BOOST_AUTO_TEST_CASE(negation_in_any_spelling_is_no_affirmation)
{
    std::string entries;
    for (const char* said : {"true", "1", " true ", "True", "TRUE", "yes", " ", "false", "0", "FALSE", ""})
        entries += entry("<substanceAdministration negationInd=\"" + std::string(said) + "\"/>");
    const auto items = entries_of(medications, entries);
    BOOST_REQUIRE(items.size() == 11u);
    for (std::size_t i = 0; i < items.size(); ++i) {
        BOOST_TEST(at(items[i], "/negationInd") == (i < 5 ? "true" : ""), i);
        BOOST_TEST(at(items[i], "/negationIndRaw") == (i == 5 ? "yes" : i == 6 ? " " : ""), i);
    }
}

BOOST_AUTO_TEST_CASE(nothing_is_concluded_from_an_unclear_negation)
{
    const auto shots =
        entries_of(immunizations, entry("<substanceAdministration negationInd=\"Y\"/>") +
                                      entry("<substanceAdministration negationInd=\"True\"/>") +
                                      entry("<substanceAdministration/>"));
    BOOST_REQUIRE(shots.size() == 3u);
    BOOST_TEST(!shots[0].contains("administered"));
    BOOST_TEST(at(shots[1], "/administered") == "false");
    BOOST_TEST(at(shots[2], "/administered") == "true");
    const auto none = [](const std::string& negation) {
        return entry("<observation" + negation +
                     "><value xsi:type=\"CD\" code=\"716186003\"/></observation>");
    };
    const auto all =
        entries_of(allergies, none("") + none(" negationInd=\"TRUE\"") + none(" negationInd=\"N\""));
    BOOST_REQUIRE(all.size() == 3u);
    BOOST_TEST(at(all[0], "/noKnownAllergies") == "true");
    BOOST_TEST(!all[1].contains("noKnownAllergies"));
    BOOST_TEST(!all[2].contains("noKnownAllergies"));
    BOOST_TEST(at(all[2], "/negationIndRaw") == "N");
}

BOOST_AUTO_TEST_CASE(a_relation_is_negated_in_any_spelling)
{
    const auto items = entries_of(
        medications,
        entry("<act><entryRelationship negationInd=\"True\" inversionInd=\" 1\"><act/></entryRelationship>"
              "<entryRelationship negationInd=\"no\" inversionInd=\"si\"><act/></entryRelationship></act>"));
    BOOST_REQUIRE(items.size() == 1u);
    BOOST_TEST(at(items[0], "/related/0/relationNegated") == "true");
    BOOST_TEST(at(items[0], "/related/0/inversionInd") == "true");
    BOOST_TEST(!items[0].at("related").at(1).contains("relationNegated"));
    BOOST_TEST(at(items[0], "/related/1/relationNegatedRaw") == "no");
    BOOST_TEST(at(items[0], "/related/1/inversionIndRaw") == "si");
}

BOOST_AUTO_TEST_CASE(the_dead_stay_dead)
{
    const auto patient = [](const std::string& said) {
        return document_of("<recordTarget><patientRole><patient><sdtc:deceasedInd value=\"" + said +
                               "\"/><languageCommunication><preferenceInd value=\"" + said +
                               "\"/></languageCommunication></patient></patientRole></recordTarget>",
                           "<structuredBody/>")
            .of("demographics")
            .at(0);
    };
    for (const char* yes : {"true", "1", "True", " TRUE\n"}) {
        BOOST_TEST(at(patient(yes), "/deceased") == "true", yes);
        BOOST_TEST(at(patient(yes), "/languages/0/preferred") == "true", yes);
    }
    BOOST_TEST(at(patient("False"), "/deceased") == "false");
    const auto unclear = patient("dead");
    BOOST_TEST(!unclear.contains("deceased"));
    BOOST_TEST(at(unclear, "/deceasedRaw") == "dead");
    BOOST_TEST(at(unclear, "/languages/0/preferredRaw") == "dead");
}

BOOST_AUTO_TEST_CASE(words_where_an_attribute_belongs_are_told)
{
    const auto items = entries_of(
        problems,
        entry(
            "<observation>own <code code=\"1\">Problem words</code>\n words<statusCode>completed</statusCode>"
            "<effectiveTime>20120315</effectiveTime><repeatNumber>2</repeatNumber>"
            "<value xsi:type=\"CD\" nullFlavor=\"UNK\">Chest  pain</value></observation>") +
            entry("<observation><effectiveTime><low>2012</low></effectiveTime>"
                  "<value xsi:type=\"PQ\" unit=\"mg\">95</value></observation>"));
    BOOST_REQUIRE(items.size() == 2u);
    BOOST_TEST(at(items[0], "/words") == "own words");
    BOOST_TEST(at(items[0], "/code/text") == "Problem words");
    BOOST_TEST(at(items[0], "/statusWords") == "completed");
    BOOST_TEST(at(items[0], "/effectiveTime/text") == "20120315");
    BOOST_TEST(at(items[0], "/repeatNumberRange/text") == "2");
    BOOST_TEST(at(items[0], "/value/text") == "Chest pain");
    BOOST_TEST(at(items[1], "/effectiveTime/low/text") == "2012");
    BOOST_TEST(at(items[1], "/value/text") == "95");
}

BOOST_AUTO_TEST_CASE(elements_no_type_has_are_told_and_so_is_the_second_of_one)
{
    const std::string x = "<x value=\"1\"/>";
    const auto items = entries_of(
        problems,
        entry(
            "<observation><id root=\"1\">" + x + "</id><code code=\"1\">" + x +
            "<originalText>a</originalText><originalText>b</originalText><qualifier><name code=\"n\"/>" + x +
            "</qualifier></code><statusCode code=\"c\">" + x +
            "</statusCode><effectiveTime xsi:type=\"PIVL_TS\"><frequency><numerator value=\"2\"/></frequency>"
            "<low value=\"2012\">" +
            x +
            "</low><low value=\"2013\"/></effectiveTime><value xsi:type=\"IVL_PQ\"><low value=\"1\"/><low "
            "value=\"2\"/>" +
            x + "</value><value xsi:type=\"ED\">word<b>s</b>" + x +
            "<thumbnail mediaType=\"image/png\" representation=\"B64\">AAAA</thumbnail></value>"
            "<value xsi:type=\"BAG_PQ\"><item value=\"7\"/></value></observation>"));
    BOOST_REQUIRE(items.size() == 1u);
    const auto& i = items[0];
    for (const char* place : {"/ids/0/more/0/value", "/code/more/0/value", "/code/qualifiers/0/more/0/value",
                              "/statusChildren/0/value", "/effectiveTime/low/more/0/value",
                              "/value/more/1/value", "/valueMore/0/value/more/0/value"})
        BOOST_TEST(at(i, place) == "1", place);
    BOOST_TEST(at(i, "/code/originalText") == "a");
    BOOST_TEST(at(i, "/code/more/1/text") == "b");
    BOOST_TEST(i.at("code").at("more").size() == 2u);
    BOOST_TEST(at(i, "/effectiveTime/more/0/children/0/value") == "2");
    BOOST_TEST(at(i, "/effectiveTime/more/1/value") == "2013");
    BOOST_TEST(at(i, "/value/more/0/value") == "2");
    BOOST_TEST(at(i, "/valueMore/0/value/more/1/encodedSize") == "4");
    BOOST_TEST(at(i, "/valueMore/1/value/more/0/value") == "7");
}

BOOST_AUTO_TEST_CASE(elements_no_name_or_address_has_are_told)
{
    const auto patient =
        document_of(
            "<recordTarget><patientRole><addr><city>X</city><y code=\"1\">z</y><useablePeriod "
            "value=\"2001\"/>"
            "<useablePeriod value=\"2002\"/></addr><telecom value=\"tel:1\">call<x value=\"3\"/></telecom>"
            "<patient><name><given>A<x value=\"4\"/></given><middle>M</middle></name></patient>"
            "</patientRole></recordTarget>",
            "<structuredBody/>")
            .of("demographics")
            .at(0);
    BOOST_TEST(at(patient, "/names/0/more/0/children/1/value") == "4");
    BOOST_TEST(at(patient, "/names/0/more/1/element") == "middle");
    BOOST_TEST(at(patient, "/names/0/more/1/text") == "M");
    BOOST_TEST(at(patient, "/names/0/given/0") == "A");
    BOOST_TEST(at(patient, "/addresses/0/more/0/code") == "1");
    BOOST_TEST(at(patient, "/addresses/0/more/1/value") == "2002");
    BOOST_TEST(at(patient, "/telecom/0/text") == "call");
    BOOST_TEST(at(patient, "/telecom/0/more/0/value") == "3");
}

BOOST_AUTO_TEST_CASE(null_flavours_of_texts_relations_and_levels_are_told)
{
    const auto items = entries_of(
        medications,
        "<entry nullFlavor=\"NAV\"><act><code code=\"1\" nullFlavor=\"X\"><originalText "
        "nullFlavor=\"ASKU\"/></code>"
        "<text nullFlavor=\"UNK\"/><statusCode code=\"active\" nullFlavor=\"NI\"/><author nullFlavor=\"NA\">"
        "<assignedAuthor nullFlavor=\"OTH\"/></author><entryRelationship nullFlavor=\"MSK\"><sequenceNumber "
        "value=\"2\"/>"
        "<x value=\"3\"/>why<act/></entryRelationship></act></entry>");
    BOOST_REQUIRE(items.size() == 1u);
    const auto& i = items[0];
    BOOST_TEST(at(i, "/entryNullFlavor") == "NAV");
    BOOST_TEST(at(i, "/code/originalTextNullFlavor") == "ASKU");
    BOOST_TEST(at(i, "/textNullFlavor") == "UNK");
    BOOST_TEST(at(i, "/status") == "active");
    BOOST_TEST(at(i, "/statusNullFlavor") == "NI");
    BOOST_TEST(at(i, "/author/0/nullFlavor") == "NA");
    BOOST_TEST(at(i, "/author/0/innerNullFlavors/0/element") == "assignedAuthor");
    BOOST_TEST(at(i, "/author/0/innerNullFlavors/0/nullFlavor") == "OTH");
    BOOST_TEST(at(i, "/related/0/relationNullFlavor") == "MSK");
    BOOST_TEST(at(i, "/related/0/sequenceNumber") == "2");
    BOOST_TEST(at(i, "/related/0/relationWords") == "why");
    BOOST_TEST(at(i, "/related/0/relationMore/0/value") == "3");
}

BOOST_AUTO_TEST_CASE(null_flavours_of_the_document_its_patient_and_its_body_are_told)
{
    const auto told = document_of(
        "<id nullFlavor=\"NI\"/><id root=\"1.2\"/><title nullFlavor=\"MSK\"/><languageCode "
        "nullFlavor=\"OTH\"/><recordTarget "
        "nullFlavor=\"UNK\">"
        "<patientRole><patient nullFlavor=\"ASKU\"/></patientRole></recordTarget><recordTarget "
        "nullFlavor=\"NA\"/>",
        "<nonXMLBody><text mediaType=\"application/pdf\" nullFlavor=\"NAV\"/></nonXMLBody>");
    BOOST_TEST(at(told.document, "/idNullFlavor") == "NI");
    BOOST_TEST(at(told.document, "/more/0/root") == "1.2");
    BOOST_TEST(at(told.document, "/titleNullFlavor") == "MSK");
    BOOST_TEST(at(told.document, "/languageNullFlavor") == "OTH");
    const auto patients = told.of("demographics");
    BOOST_REQUIRE(patients.size() == 1u);
    BOOST_TEST(at(patients[0], "/recordTargetNullFlavor") == "UNK");
    BOOST_TEST(at(patients[0], "/person/nullFlavor") == "ASKU");
    BOOST_REQUIRE(told.skipped.size() == 1u);
    BOOST_TEST(told.skipped[0].first == "demographics");
    BOOST_TEST(at(told.of("nonXMLBody").at(0), "/textNullFlavor") == "NAV");
    const auto section =
        document_of("",
                    "<structuredBody><component><section><title nullFlavor=\"NI\"/><text nullFlavor="
                    "\"NA\"/></section></component></structuredBody>");
    BOOST_TEST(at(section.document, "/sections/0/titleNullFlavor") == "NI");
    BOOST_TEST(at(section.document, "/sections/0/narrativeNullFlavor") == "NA");
}

BOOST_AUTO_TEST_CASE(an_item_is_null_when_nothing_is_said_whatever_the_type_of_its_value)
{
    const auto problem = [](const std::string& value) {
        return entry("<observation><code code=\"1\"/><value " + value + "</observation>");
    };
    const auto all = entries_of(
        problems,
        problem("xsi:type=\"PQ\" value=\"5\"/>") + problem("xsi:type=\"INT\" value=\"7\"/>") +
            problem("xsi:type=\"II\" extension=\"x\"/>") +
            problem("xsi:type=\"CD\" nullFlavor=\"UNK\">words</value>") +
            problem("xsi:type=\"CD\" nullFlavor=\"UNK\"><originalText nullFlavor=\"NI\"/></value>") +
            problem("xsi:type=\"PQ\" unit=\"mg\" nullFlavor=\"NI\"/>") +
            problem("xsi:type=\"CD\" nullFlavor=\"UNK\"><originalText><reference "
                    "value=\"#r\"/></originalText></value>"));
    BOOST_REQUIRE(all.size() == 7u);
    for (std::size_t i = 0; i < all.size(); ++i)
        BOOST_TEST(at(all[i], "/null") == (i == 4 || i == 5 ? "true" : ""), i);
    const std::string plan = "2.16.840.1.113883.10.20.22.2.10";
    const auto planned =
        entries_of(plan, entry("<observation><code nullFlavor=\"NI\"/><value xsi:type=\"INT\" value=\"9\"/>"
                               "</observation>") +
                             entry("<observation><code nullFlavor=\"NI\"/><value xsi:type=\"CD\">"
                                   "<originalText nullFlavor=\"NI\"/></value></observation>"));
    BOOST_TEST(at(planned.at(0), "/null") == "");
    BOOST_TEST(at(planned.at(1), "/null") == "true");
}
