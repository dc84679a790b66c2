// Values as they should not be said: booleans in other spellings, words and elements where none belong, null
// flavours of everything. All of it is told, and nothing becomes its opposite.
#include <boost/test/unit_test.hpp>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;

namespace {

constexpr const char* medications = "2.16.840.1.113883.10.20.22.2.1.1";
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
