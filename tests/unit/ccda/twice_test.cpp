// What should stand once and stands twice: bodies, sections of one component, titles and texts (twice.xml).
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
    BOOST_REQUIRE(sections.size() == 7u);
    BOOST_TEST(at(sections, "/1/path") == second);
    BOOST_TEST(!sections.at(1).contains("rest"));
}

BOOST_AUTO_TEST_CASE(a_body_says_its_language_and_what_stands_in_no_section)
{
    const auto& around = twice().document.at("aroundSections");
    BOOST_REQUIRE(around.size() == 2u);
    BOOST_TEST(at(around, "/0/path") == "/ClinicalDocument/component/structuredBody/component[2]");
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
