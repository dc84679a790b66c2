// What should stand once and stands twice: bodies, sections of one component, titles and texts, statements of one
// relation; and an act that denies all it holds (twice.xml).
#include <boost/test/unit_test.hpp>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;

namespace {

const Told& twice()
{
    static const Told told = ccda().read(vector_document("twice.xml"));
    return told;
}

std::string path_of_only(const std::string& section)
{
    const auto items = twice().of(section);
    BOOST_REQUIRE(items.size() == 1u);
    return at(items[0], "/path");
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_body_and_every_section_of_a_component_is_walked)
{
    const std::string body = "/ClinicalDocument/component/structuredBody";
    const std::string second = body + "/component[1]/section[2]";
    BOOST_TEST(path_of_only("problems") == body + "/component[1]/section/entry[1]/observation");
    BOOST_TEST(path_of_only("allergies") == second + "/entry[1]/observation");
    BOOST_TEST(path_of_only("social_history") == second + "/section/entry[1]/observation");
    BOOST_TEST(path_of_only("procedures") == body + "[2]/component[1]/section/entry[1]/procedure");
    BOOST_TEST(path_of_only("immunizations") ==
               "/ClinicalDocument/component[2]/structuredBody/component[1]/section/entry[1]/"
               "substanceAdministration");
    const auto& sections = twice().document.at("sections");
    BOOST_REQUIRE(sections.size() == 11u);
    BOOST_TEST(at(sections, "/1/path") == second);
    BOOST_TEST(!sections.at(1).contains("rest"));
}

BOOST_AUTO_TEST_CASE(a_body_says_its_language_and_what_stands_in_no_section)
{
    const auto& around = twice().document.at("aroundSections");
    BOOST_REQUIRE(around.size() == 2u);
    BOOST_TEST(at(around, "/0/path") == "/ClinicalDocument/component/structuredBody/component[6]");
    BOOST_TEST(around.at(0).dump().find("in no section") != std::string::npos);
    BOOST_TEST(at(around, "/1/path") == "/ClinicalDocument/component/structuredBody");
    BOOST_TEST(at(around, "/1/confidentiality/code") == "R");
    BOOST_TEST(at(around, "/1/language") == "en-US");
    BOOST_REQUIRE(twice().skipped.size() == 1u);
    BOOST_TEST(twice().skipped[0].second == "component without a section");
}

BOOST_AUTO_TEST_CASE(a_second_title_and_text_of_a_section)
{
    const auto& section = twice().document.at("sections").at(0);
    BOOST_TEST(at(section, "/title") == "Problems");
    BOOST_TEST(at(section, "/titleMore/0") == "and diagnoses");
    BOOST_TEST(at(section, "/narrative") == "first words");
    BOOST_REQUIRE(section.at("narrativeMore").size() == 1u);
    BOOST_TEST(at(section, "/narrativeMore/0/narrative") == "second words");
    BOOST_TEST(at(section, "/narrativeMore/0/narrativeHtml").find("<p>second words</p>") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_second_text_of_an_unstructured_body)
{
    const auto bodies = twice().of("nonXMLBody", "body");
    BOOST_REQUIRE(bodies.size() == 2u);
    BOOST_TEST(at(bodies[0], "/path") == "/ClinicalDocument/component[2]/nonXMLBody");
    BOOST_TEST(at(bodies[0], "/mediaType") == "application/pdf");
    BOOST_TEST(at(bodies[0], "/language") == "de");
    BOOST_TEST(at(bodies[0], "/rest/language") == "fr");
    BOOST_TEST(at(bodies[0], "/confidentiality") == "V");
    BOOST_TEST(at(bodies[1], "/path") == "/ClinicalDocument/component[2]/nonXMLBody/text[2]");
    BOOST_TEST(!bodies[1].contains("rest"));
    BOOST_REQUIRE(twice().children.size() == 2u);
    BOOST_TEST(twice().children[0].second == "%PDF-1.7\n");
    BOOST_TEST(twice().children[1].second == "and a second text");
}

BOOST_AUTO_TEST_CASE(every_statement_of_a_component_is_a_part)
{
    const auto panel = twice().of("results").at(0);
    BOOST_REQUIRE(panel.at("sub").size() == 3u);
    const std::string component = at(panel, "/path") + "/component[1]/";
    BOOST_TEST(at(panel, "/sub/0/path") == component + "observation");
    BOOST_TEST(at(panel, "/sub/1/path") == component + "*[2]");
    BOOST_TEST(at(panel, "/sub/1/value/value") == "140");
    BOOST_TEST(at(panel, "/sub/2/kind") == "act");
    BOOST_TEST(!panel.contains("related"));
}

BOOST_AUTO_TEST_CASE(every_statement_of_a_relation_of_a_concern_is_an_item_and_hears_that_it_is_denied)
{
    const auto all = twice().of("discharge_diagnosis");
    BOOST_REQUIRE(all.size() == 2u);
    BOOST_TEST(at(all[0], "/value/displayName") == "Asthma");
    BOOST_TEST(at(all[1], "/value/displayName") == "Diabetes");
    for (const auto& item : all) {
        BOOST_TEST(at(item, "/concern/negationInd") == "true");
        BOOST_TEST(at(item, "/concern/moodCode") == "EVN");
        BOOST_TEST(at(item, "/concern/ids/0/extension") == "denied");
        BOOST_TEST(at(item, "/concern/status") == "active");
        BOOST_TEST(at(item, "/concern/effectiveTime/low/value") == "2019");
        BOOST_TEST(at(item, "/concern/relation/relationNegated") == "true");
        BOOST_TEST(!item.at("concern").contains("related"));
    }
    BOOST_TEST(at(all[0], "/concern/code/code") == "CONC");
}

BOOST_AUTO_TEST_CASE(a_qualifier_hears_what_its_relation_says)
{
    const auto item = twice().of("discharge_diagnosis").at(0);
    BOOST_TEST(at(item, "/problemStatus/displayName") == "Active");
    for (const char* qualifier : {"/problemStatus/statement", "/onsetAge/statement"}) {
        const std::string statement = qualifier;
        BOOST_TEST(at(item, statement + "/typeCode") == "REFR");
        BOOST_TEST(at(item, statement + "/relationNegated") == "true");
        BOOST_TEST(at(item, statement + "/inversionInd") == "true");
        BOOST_TEST(at(item, statement + "/sequenceNumber") == "7");
    }
    BOOST_TEST(at(item, "/onsetAge/value") == "12");
    // What stands beside them in the same relation stays related.
    BOOST_REQUIRE(item.at("related").size() == 1u);
    BOOST_TEST(at(item, "/related/0/code/code") == "beside");
    BOOST_TEST(at(item, "/related/0/relationNegated") == "true");
}

BOOST_AUTO_TEST_CASE(every_medication_of_an_act_hears_that_it_is_denied)
{
    const auto all = twice().of("discharge_medications");
    BOOST_REQUIRE(all.size() == 2u);
    for (const auto& item : all) {
        BOOST_TEST(at(item, "/act/negationInd") == "true");
        BOOST_TEST(at(item, "/act/ids/0/extension") == "list");
    }
    BOOST_TEST(at(all[0], "/act/code/code") == "10183-2");
    BOOST_TEST(at(all[1], "/act/relation/typeCode") == "COMP");
    BOOST_REQUIRE(all[0].at("supplies").size() == 2u);
    BOOST_TEST(at(all[0], "/supplies/0/quantity/value") == "30");
    BOOST_TEST(at(all[0], "/supplies/1/quantity/value") == "60");
    BOOST_TEST(at(all[0], "/supplies/1/typeCode") == "REFR");
    BOOST_TEST(!all[0].contains("related"));
}

BOOST_AUTO_TEST_CASE(every_diagnosis_of_an_encounter_hears_that_it_is_denied)
{
    const auto all = twice().of("encounters");
    BOOST_REQUIRE(all.size() == 1u);
    BOOST_REQUIRE(all[0].at("sub").size() == 2u);
    for (const auto& diagnosis : all[0].at("sub")) {
        BOOST_TEST(at(diagnosis, "/act/negationInd") == "true");
        BOOST_TEST(at(diagnosis, "/act/relationNegated") == "true");
    }
    BOOST_TEST(at(all[0], "/sub/0/act/code/code") == "29308-4");
    BOOST_TEST(at(all[0], "/sub/1/value/displayName") == "Fever");
}
