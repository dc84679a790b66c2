// What the extractors find, field by field, in documents made up for it (tests/vectors/ccda).
#include <boost/test/unit_test.hpp>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;

namespace {

const Told& ccd()
{
    static const Told told = ccda().read(vector_document("ccd.xml"));
    return told;
}

}  // namespace

BOOST_AUTO_TEST_CASE(document_object)
{
    const auto& d = ccd().document;
    BOOST_TEST(ccd().status == DIRECT_PARSED);
    BOOST_TEST(at(d, "/kind") == "ccda");
    BOOST_TEST(at(d, "/type") == "CCD");
    BOOST_TEST(at(d, "/version") == "R2.1+R1.1");
    BOOST_TEST(at(d, "/title") == "Summary of Hedwig & Co");
    BOOST_TEST(at(d, "/id") == "1.2.3.4^doc-1");
    BOOST_TEST(at(d, "/effectiveTime") == "2026-01-02T03:04:05+01:00");
    BOOST_TEST(at(d, "/templates/0") == "2.16.840.1.113883.10.20.22.1.1");
    BOOST_TEST(d.at("templates").size() == 2u);
    BOOST_TEST(at(d, "/templateIds/1/extension") == "2015-08-01");
    BOOST_TEST(at(d, "/patient/name") == "Dr Hedwig Q Ohmann");
    BOOST_TEST(at(d, "/author/0/names/0/text") == "Otto Writer");
    BOOST_TEST(at(d, "/author/0/time/precision") == "M");
    BOOST_TEST(at(d, "/custodian/name") == "Made-up Clinic");
    BOOST_TEST(at(d, "/stylesheet") == "CDA.xsl");
    BOOST_TEST(at(d, "/encoding") == "utf-8");
    BOOST_TEST(d.at("sections").size() == 6u);
    BOOST_TEST(at(d, "/sections/0/entries") == "4");
    BOOST_TEST(at(d, "/sections/5/name") == "other");
}

BOOST_AUTO_TEST_CASE(demographics)
{
    const auto items = ccd().of("demographics", "patient");
    BOOST_REQUIRE(items.size() == 1u);
    const auto& p = items[0];
    BOOST_TEST(at(p, "/ids/0/extension") == "p-7");
    BOOST_TEST(at(p, "/names/0/given/1") == "Q");
    BOOST_TEST(at(p, "/names/0/family") == "Ohmann");
    BOOST_TEST(at(p, "/names/0/qualifiers/0/qualifier") == "IN");
    BOOST_TEST(at(p, "/addresses/0/streetAddressLine/1") == "Flat 2");
    BOOST_TEST(at(p, "/addresses/0/city") == "Testville");
    BOOST_TEST(at(p, "/telecom/0/value") == "tel:+1-555-0100");
    BOOST_TEST(at(p, "/gender/displayName") == "Female");
    // There is no 30th of February: told as it was written, not made up.
    BOOST_TEST(at(p, "/birthTime/raw") == "19700230");
    BOOST_TEST(at(p, "/birthTime/value") == "");
    BOOST_TEST(at(p, "/birthTime/bad") == "true");
    BOOST_TEST(at(p, "/race/1/code") == "2076-8");
    BOOST_TEST(at(p, "/languages/0/preferred") == "true");
    BOOST_TEST(at(p, "/deceased") == "false");
    BOOST_TEST(at(p, "/providerOrganisation/name") == "Made-up Clinic");
}

BOOST_AUTO_TEST_CASE(allergies)
{
    const auto items = ccd().of("allergies", "allergy");
    BOOST_REQUIRE(items.size() == 2u);
    const auto& a = items[0];
    BOOST_TEST(at(a, "/kind") == "allergy");
    BOOST_TEST(at(a, "/sectionTemplateIds/0/root") == "2.16.840.1.113883.10.20.22.2.6.1");
    BOOST_TEST(at(a, "/templateIds/0/extension") == "2014-06-09");
    BOOST_TEST(at(a, "/ids/0/extension") == "al-1");
    BOOST_TEST(at(a, "/statement") == "observation");
    BOOST_TEST(at(a, "/moodCode") == "EVN");
    BOOST_TEST(at(a, "/status") == "completed");
    BOOST_TEST(at(a, "/text") == "Peanuts, roasted");
    BOOST_TEST(at(a, "/effectiveTime/kind") == "IVL");
    BOOST_TEST(at(a, "/effectiveTime/low/value") == "2010");
    BOOST_TEST(at(a, "/effectiveTime/low/precision") == "Y");
    BOOST_TEST(at(a, "/author/0/time/value") == "2010-01-02");
    BOOST_TEST(at(a, "/value/type") == "CD");
    BOOST_TEST(at(a, "/value/displayName") == "Allergy to food");
    BOOST_TEST(at(a, "/allergen/code") == "256349002");
    BOOST_TEST(at(a, "/allergen/originalText") == "");
    BOOST_TEST(at(a, "/allergen/originalTextReference") == "#nowhere");
    BOOST_TEST(at(a, "/allergen/translations/0/displayName") == "Erdnuss");
    BOOST_TEST(at(a, "/sub/0/value/displayName") == "Rash");
    BOOST_TEST(at(a, "/sub/0/severity/displayName") == "Mild");
    BOOST_TEST(at(a, "/criticality/code") == "CRITH");
    BOOST_TEST(!a.contains("severity"));
    BOOST_TEST(at(a, "/concern/status") == "active");
    BOOST_TEST(
        at(a, "/path") ==
        "/ClinicalDocument/component/structuredBody/component[1]/section/entry[1]/act/entryRelationship[1]/"
        "observation");
    const std::string bytes = vector_document("ccd.xml");
    BOOST_TEST(bytes.substr(a.at("offset").get<std::size_t>(), 12) == "<observation");
    BOOST_TEST(!a.contains("duplicate"));

    BOOST_TEST(at(items[1], "/negationInd") == "true");
    BOOST_TEST(at(items[1], "/noKnownAllergies") == "true");
    BOOST_TEST(at(items[1], "/sameId") == "true");
    BOOST_TEST(!items[1].contains("duplicate"));
    BOOST_TEST(!items[1].contains("concern"));
}

BOOST_AUTO_TEST_CASE(only_what_says_the_same_is_a_duplicate)
{
    // Sample ids stand on many different things; what is told twice has another place, and so have its parts.
    const auto entry = [](const std::string& id, const std::string& code, const std::string& why) {
        return "<entry><observation>" + id + "<code code=\"1\"/><value code=\"" + code +
               "\"/><entryRelationship typeCode=\"RSON\"><observation><code code=\"" + why +
               "\"/></observation></entryRelationship></observation></entry>";
    };
    const auto section = [](const std::string& title, const std::string& inside) {
        return "<component><section><title>" + title + "</title>" + inside + "</section></component>";
    };
    const std::string id = "<id root=\"1\" extension=\"S\"/>", none = "<id root=\"2\" nullFlavor=\"UNK\"/>";
    const auto told =
        ccda().read("<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><component><structuredBody>" +
                    section("Plan", entry(id, "A", "r") + entry(id, "B", "r") + entry(none, "A", "r")) +
                    section("More", entry(id, "A", "r") + entry(id, "A", "s") + entry(none, "A", "r") +
                                        entry("", "A", "r")) +
                    "</structuredBody></component></ClinicalDocument>");
    BOOST_REQUIRE(told.items.size() == 7u);
    for (std::size_t i = 0; i < 7; ++i) {
        BOOST_TEST(told.items[i].contains("duplicate") == (i == 3), i);
        BOOST_TEST(told.items[i].contains("sameId") == (i == 1 || i == 4), i);
    }
}

BOOST_AUTO_TEST_CASE(what_no_extractor_understands_is_kept)
{
    const auto entries = ccd().of("allergies", "entry");
    BOOST_REQUIRE(entries.size() == 1u);
    BOOST_TEST(at(entries[0], "/text") == "A comment");
    BOOST_REQUIRE(ccd().skipped.size() == 1u);
    BOOST_TEST(ccd().skipped[0].first == "allergies");
}

BOOST_AUTO_TEST_CASE(medications)
{
    const auto items = ccd().of("medications", "medication");
    BOOST_REQUIRE(items.size() == 3u);
    const auto& m = items[0];
    BOOST_TEST(at(m, "/product/code/code") == "197361");
    BOOST_TEST(at(m, "/product/name") == "Amlo");
    BOOST_TEST(at(m, "/product/lot") == "L-1");
    BOOST_TEST(at(m, "/product/manufacturer/name") == "Pill Works");
    BOOST_TEST(at(m, "/effectiveTime/low/value") == "2025-01-01");
    BOOST_TEST(at(m, "/effectiveTime/high/nullFlavor") == "UNK");
    BOOST_TEST(at(m, "/schedule/1/operator") == "A");
    BOOST_TEST(at(m, "/schedule/1/time/kind") == "PIVL");
    BOOST_TEST(at(m, "/schedule/1/time/period/value") == "12");
    BOOST_TEST(at(m, "/schedule/1/time/institutionSpecified") == "true");
    BOOST_TEST(at(m, "/route/displayName") == "ORAL");
    BOOST_TEST(at(m, "/dose/value") == "1e400");
    BOOST_TEST(at(m, "/indications/0/value/displayName") == "Hypertension");
    BOOST_TEST(at(m, "/supplies/0/repeatNumber") == "3");
    BOOST_TEST(at(m, "/supplies/0/quantity/value") == "90");
    BOOST_TEST(at(m, "/sig") == "twice a day with food");
    BOOST_TEST(at(m, "/preconditions/0/value/displayName") == "Wheezing");
    BOOST_TEST(at(m, "/planned") == "true");
    BOOST_TEST(at(items[1], "/negationInd") == "true");
    BOOST_TEST(!items[1].contains("null"));
    BOOST_TEST(at(items[2], "/null") == "true");
    BOOST_TEST(!items[2].contains("planned"));
}

BOOST_AUTO_TEST_CASE(problems)
{
    const auto items = ccd().of("problems", "problem");
    BOOST_REQUIRE(items.size() == 2u);
    BOOST_TEST(at(items[0], "/value/displayName") == "Hypertension");
    BOOST_TEST(at(items[0], "/problemStatus/displayName") == "Active");
    BOOST_TEST(at(items[0], "/onsetAge/value") == "49");
    BOOST_TEST(at(items[0], "/onsetAge/unit") == "a");
    BOOST_TEST(at(items[0], "/concern/status") == "completed");
    BOOST_TEST(!items[0].contains("null"));
    BOOST_TEST(at(items[1], "/null") == "true");
}

BOOST_AUTO_TEST_CASE(results)
{
    const auto items = ccd().of("results", "panel");
    BOOST_REQUIRE(items.size() == 2u);
    const auto& panel = items[0];
    BOOST_TEST(at(panel, "/code/displayName") == "Panel");
    BOOST_TEST(at(panel, "/specimen/code/displayName") == "Blood");
    BOOST_REQUIRE(panel.at("sub").size() == 4u);
    BOOST_TEST(at(panel, "/sub/0/value/value") == "140.0");
    BOOST_TEST(at(panel, "/sub/0/value/unit") == "mmol/L");
    BOOST_TEST(at(panel, "/sub/0/value/translations/0/code") == "mEq/L");
    BOOST_TEST(at(panel, "/sub/0/interpretation/1/code") == "VS");
    BOOST_TEST(at(panel, "/sub/0/effectiveTime/value") == "2025-01-02T15:30-08:00");
    BOOST_TEST(at(panel, "/sub/0/effectiveTime/precision") == "m");
    BOOST_TEST(at(panel, "/sub/0/referenceRange/0/text") == "135 to 145");
    BOOST_TEST(at(panel, "/sub/0/referenceRange/0/value/high/value") == "145");
    BOOST_TEST(at(panel, "/sub/1/value/text") == "much <b> of it");
    BOOST_TEST(at(panel, "/sub/2/null") == "true");
    BOOST_TEST(at(panel, "/sub/3/kind") == "procedure");
    BOOST_TEST(at(items[1], "/sub/0/code/displayName") == "ABO");
    BOOST_TEST(at(items[1], "/sub/0/value/code") == "A");
}

BOOST_AUTO_TEST_CASE(every_section_is_told_with_its_words)
{
    const auto& sections = ccd().document.at("sections");
    BOOST_REQUIRE(sections.size() == 6u);
    BOOST_TEST(at(sections, "/4/name") == "social_history");
    BOOST_TEST(at(sections, "/4/title") == "Social history");
    BOOST_TEST(at(sections, "/4/code/code") == "29762-2");
    BOOST_TEST(at(sections, "/4/templateIds/0/root") == "2.16.840.1.113883.10.20.22.2.17");
    BOOST_TEST(at(sections, "/4/narrative") == "Never smoked anything.\none\ntwo\nthree\nA | B\n1 | 2\nlink");
    BOOST_TEST(at(sections, "/5/name") == "other");
    BOOST_TEST(at(sections, "/5/narrative") == "inner words");
    BOOST_TEST(at(sections, "/5/path").ends_with("component[5]/section/component[1]/section"));
    BOOST_TEST(at(sections, "/1/items") == "3");
    BOOST_TEST(at(sections, "/1/narrative") == "see entries");
    const std::string bytes = vector_document("ccd.xml");
    BOOST_TEST(bytes.substr(sections[0].at("offset").get<std::size_t>(), 8) == "<section");
    BOOST_TEST(ccd().of("other").empty());
}

BOOST_AUTO_TEST_CASE(any_prefix_will_do)
{
    const auto told = ccda().read(vector_document("c32_prefixed.xml"));
    BOOST_TEST(told.status == DIRECT_PARSED);
    BOOST_TEST(at(told.document, "/kind") == "ccd");
    BOOST_TEST(at(told.document, "/type") == "C32");
    BOOST_TEST(at(told.document, "/patient/name") == "Ada Prefix");
    BOOST_TEST(at(told.of("demographics").at(0), "/race/0/code") == "R2");
    // The entry in somebody else's namespace is none.
    BOOST_REQUIRE(told.of("problems").size() == 1u);
    BOOST_TEST(at(told.of("problems")[0], "/value/type") == "CD");
    BOOST_TEST(at(told.of("problems")[0], "/value/displayName") == "One");
}
