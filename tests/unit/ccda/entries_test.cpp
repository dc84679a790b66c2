// Procedures, immunizations, encounters, plans, goals, concerns, notes and the rest, field by field (ccd_r11.xml,
// care_plan.xml and the older formats c32.xml, ccd10.xml).
#include <boost/test/unit_test.hpp>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;
using nlohmann::json;

namespace {

const Told& document(const char* name)
{
    static std::map<std::string, Told> read;
    auto at = read.find(name);
    if (at == read.end()) at = read.emplace(name, ccda().read(vector_document(name))).first;
    return at->second;
}

std::vector<json> items(const char* name, const char* section)
{
    return document(name).of(section);
}

}  // namespace

BOOST_AUTO_TEST_CASE(procedures)
{
    const auto all = items("ccd_r11.xml", "procedures");
    BOOST_REQUIRE(all.size() == 4u);
    const auto& hip = all[0];
    BOOST_TEST(at(hip, "/kind") == "procedure");
    BOOST_TEST(at(hip, "/statement") == "procedure");
    BOOST_TEST(at(hip, "/code/displayName") == "Total replacement of hip");
    BOOST_TEST(at(hip, "/code/originalText") == "Hip replaced");
    BOOST_TEST(at(hip, "/code/translations/0/code") == "27130");
    BOOST_TEST(at(hip, "/status") == "completed");
    BOOST_TEST(at(hip, "/effectiveTime/value") == "2012-05-12");
    BOOST_TEST(at(hip, "/priorityCode/code") == "CR");
    BOOST_TEST(at(hip, "/method/nullFlavor") == "UNK");
    BOOST_TEST(at(hip, "/targetSite/displayName") == "Hip joint");
    BOOST_TEST(at(hip, "/targetSiteMore/0/targetSite/displayName") == "Left");
    BOOST_TEST(at(hip, "/site/displayName") == "Left hip region");
    BOOST_TEST(at(hip, "/specimen/code/displayName") == "Bone biopsy");
    BOOST_TEST(at(hip, "/performer/0/ids/0/extension") == "surgeon");
    BOOST_TEST(at(hip, "/performer/0/organisation/name") == "Made-up Clinic");
    BOOST_TEST(at(hip, "/devices/0/ids/0/extension") == "(01)00000000000000(21)SN1");
    BOOST_TEST(at(hip, "/devices/0/device/code/displayName") == "Total hip prosthesis");
    BOOST_TEST(at(hip, "/devices/0/device/manufacturerModelName") == "HipHop 3");
    BOOST_TEST(at(hip, "/devices/0/scoper/desc") == "Hip Works");
    BOOST_TEST(at(hip, "/locations/0/code/displayName") == "Operating room");
    BOOST_TEST(at(hip, "/locations/0/entity/name") == "Room 2");
    BOOST_TEST(!hip.contains("participants"));
    BOOST_TEST(at(hip, "/indications/0/value/displayName") == "Osteoarthritis of hip");
    BOOST_TEST(at(hip, "/indications/0/effectiveTime/low/value") == "2010");
    BOOST_REQUIRE(hip.at("related").size() == 1u);
    BOOST_TEST(at(hip, "/related/0/typeCode") == "COMP");
    BOOST_TEST(at(hip, "/related/0/code/code") == "unheard");
    BOOST_TEST(!hip.contains("planned"));
    BOOST_TEST(!hip.contains("null"));
}

BOOST_AUTO_TEST_CASE(procedures_of_other_classes_planned_denied_and_empty)
{
    const auto all = items("ccd_r11.xml", "procedures");
    BOOST_REQUIRE(all.size() == 4u);
    BOOST_TEST(at(all[1], "/statement") == "observation");
    BOOST_TEST(at(all[1], "/status") == "aborted");
    BOOST_TEST(at(all[1], "/value/displayName") == "found");
    BOOST_TEST(at(all[2], "/statement") == "act");
    BOOST_TEST(at(all[2], "/negationInd") == "true");
    BOOST_TEST(at(all[2], "/code/originalText") == "No wound care");
    BOOST_TEST(at(all[2], "/planned") == "true");
    BOOST_TEST(!all[2].contains("null"));
    BOOST_TEST(at(all[3], "/nullFlavor") == "NI");
    BOOST_TEST(at(all[3], "/null") == "true");
}

BOOST_AUTO_TEST_CASE(immunizations)
{
    const auto all = items("ccd_r11.xml", "immunizations");
    BOOST_REQUIRE(all.size() == 3u);
    const auto& flu = all[0];
    BOOST_TEST(at(flu, "/kind") == "immunization");
    BOOST_TEST(at(flu, "/product/code/code") == "88");
    BOOST_TEST(at(flu, "/product/code/translations/0/code") == "111");
    BOOST_TEST(at(flu, "/product/name") == "Fluless");
    BOOST_TEST(at(flu, "/product/lot") == "L-77");
    BOOST_TEST(at(flu, "/product/expiration/value") == "2011-11-01");
    BOOST_TEST(at(flu, "/product/manufacturer/name") == "Vax Works");
    BOOST_TEST(at(flu, "/doseNumber") == "2");
    BOOST_TEST(at(flu, "/dose/value") == "50");
    BOOST_TEST(at(flu, "/dose/unit") == "ug");
    BOOST_TEST(at(flu, "/route/displayName") == "Intramuscular");
    BOOST_TEST(at(flu, "/site/displayName") == "Left upper arm");
    BOOST_TEST(at(flu, "/administered") == "true");
    BOOST_TEST(!flu.contains("negationInd"));
    BOOST_TEST(at(flu, "/performer/0/ids/0/extension") == "nurse");
    BOOST_TEST(at(flu, "/instructions/0/text") == "Rest today");
    BOOST_TEST(at(flu, "/reactions/0/value/displayName") == "Nausea");

    BOOST_TEST(at(all[1], "/negationInd") == "true");
    BOOST_TEST(at(all[1], "/administered") == "false");
    BOOST_TEST(at(all[1], "/refusalReason/displayName") == "Patient objection");
    // Why it was refused is not what it was given for.
    BOOST_TEST(!all[1].contains("indications"));
    BOOST_TEST(at(all[1], "/related/0/code/code") == "PATOBJ");
    BOOST_TEST(at(all[1], "/effectiveTime/nullFlavor") == "NA");
    BOOST_TEST(!all[1].contains("null"));

    BOOST_TEST(at(all[2], "/planned") == "true");
    BOOST_TEST(at(all[2], "/administered") == "false");
    BOOST_TEST(at(all[2], "/null") == "true");
}

BOOST_AUTO_TEST_CASE(encounters)
{
    const auto all = items("ccd_r11.xml", "encounters");
    BOOST_REQUIRE(all.size() == 2u);
    const auto& visit = all[0];
    BOOST_TEST(at(visit, "/kind") == "encounter");
    BOOST_TEST(at(visit, "/code/code") == "99213");
    BOOST_TEST(at(visit, "/code/translations/0/code") == "AMB");
    BOOST_TEST(at(visit, "/effectiveTime/low/value") == "2012-08-06T10:30-05:00");
    BOOST_TEST(at(visit, "/effectiveTime/high/precision") == "m");
    BOOST_TEST(at(visit, "/dischargeDisposition/displayName") == "Home");
    BOOST_TEST(at(visit, "/performer/0/ids/0/extension") == "doctor");
    BOOST_TEST(at(visit, "/locations/0/code/displayName") == "Urgent care");
    BOOST_TEST(at(visit, "/locations/0/entity/name") == "Made-up Clinic");
    BOOST_TEST(at(visit, "/indications/0/value/displayName") == "Fever");
    BOOST_REQUIRE(visit.at("sub").size() == 1u);
    BOOST_TEST(at(visit, "/sub/0/kind") == "diagnosis");
    BOOST_TEST(at(visit, "/sub/0/ids/0/extension") == "dx");
    BOOST_TEST(at(visit, "/sub/0/value/displayName") == "Pneumonia");
    BOOST_TEST(at(visit, "/sub/0/effectiveTime/low/value") == "2012-08-06");
    BOOST_TEST(at(visit, "/sub/0/act/status") == "active");
    BOOST_TEST(at(visit, "/sub/0/act/templateIds/0/root") == "2.16.840.1.113883.10.20.22.4.80");
    BOOST_TEST(!visit.contains("related"));
    BOOST_TEST(at(all[1], "/null") == "true");
}

BOOST_AUTO_TEST_CASE(every_kind_of_plan)
{
    const auto all = items("ccd_r11.xml", "plan_of_treatment");
    const std::vector<std::string> kinds = {
        "planned_observation", "planned_act",    "planned_encounter",        "planned_procedure",
        "planned_medication",  "planned_supply", "planned_immunization",     "goal",
        "instruction",         "handoff",        "nutrition_recommendation", "planned_act"};
    BOOST_REQUIRE(all.size() == kinds.size());
    for (std::size_t i = 0; i < all.size(); ++i) BOOST_TEST(at(all[i], "/kind") == kinds[i]);
    BOOST_TEST(at(all[0], "/moodCode") == "RQO");
    BOOST_TEST(at(all[0], "/planned") == "true");
    BOOST_TEST(at(all[0], "/effectiveTime/center/value") == "2012-05-12");
    BOOST_TEST(at(all[0], "/refersTo/0/ids/0/extension") == "goal");
    BOOST_TEST(at(all[3], "/targetSite/code") == "71854001");
    BOOST_TEST(at(all[4], "/product/code/displayName") == "Planned drug");
    BOOST_TEST(at(all[4], "/dose/value") == "1");
    BOOST_TEST(at(all[5], "/quantity/value") == "3");
    BOOST_TEST(at(all[5], "/product/code/code") == "walker");
    BOOST_TEST(at(all[8], "/text") == "Read the leaflet");
    BOOST_TEST(!all[9].contains("planned"));
    // An element nobody has a name for comes back as it stands.
    BOOST_TEST(all[11].dump().find("nobodyKnows") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(goals)
{
    const auto all = items("care_plan.xml", "goals");
    BOOST_REQUIRE(all.size() == 2u);
    const auto& g = all[0];
    BOOST_TEST(at(g, "/kind") == "goal");
    BOOST_TEST(at(g, "/moodCode") == "GOL");
    BOOST_TEST(at(g, "/code/displayName") == "Oxygen saturation");
    BOOST_TEST(at(g, "/effectiveTime/value") == "2026-06-01");
    BOOST_TEST(at(g, "/value/type") == "IVL_PQ");
    BOOST_TEST(at(g, "/value/low/value") == "92");
    BOOST_TEST(at(g, "/value/low/unit") == "%");
    BOOST_TEST(at(g, "/priority/displayName") == "Normal priority");
    BOOST_TEST(at(g, "/author/0/ids/0/extension") == "goal-author");
    BOOST_TEST(at(g, "/refersTo/0/ids/0/extension") == "hc");
    BOOST_TEST(at(g, "/related/0/code/code") == "step-1");
    BOOST_TEST(at(g, "/references/0/ids/0/extension") == "letter");
    BOOST_TEST(at(all[1], "/negationInd") == "true");
}

BOOST_AUTO_TEST_CASE(health_concerns)
{
    const auto all = items("care_plan.xml", "health_concerns");
    BOOST_REQUIRE(all.size() == 3u);
    BOOST_TEST(at(all[0], "/kind") == "health_concern");
    BOOST_TEST(at(all[0], "/value/displayName") == "Pneumonia");
    BOOST_TEST(at(all[0], "/text") == "Breathing gets harder");
    BOOST_TEST(at(all[0], "/concern/ids/0/extension") == "hc");
    BOOST_TEST(at(all[0], "/concern/status") == "active");
    BOOST_TEST(at(all[0], "/concern/effectiveTime/low/value") == "2026-01");
    // What stands beside the observation is told with its concern.
    BOOST_TEST(all[0].at("concern").dump().find("High priority") != std::string::npos);
    BOOST_TEST(all[0].at("concern").dump().find("\"goal\"") != std::string::npos);
    BOOST_TEST(at(all[1], "/kind") == "health_concern");
    BOOST_TEST(at(all[1], "/statement") == "act");
    BOOST_TEST(at(all[1], "/ids/0/extension") == "alone");
    BOOST_TEST(at(all[2], "/value/displayName") == "Alive and well");
}

BOOST_AUTO_TEST_CASE(interventions_outcomes_and_nutrition)
{
    const auto intervention = items("care_plan.xml", "interventions").at(0);
    BOOST_TEST(at(intervention, "/kind") == "planned_intervention");
    BOOST_TEST(at(intervention, "/planned") == "true");
    BOOST_TEST(at(intervention, "/related/0/dose/unit") == "L/min");
    BOOST_TEST(at(intervention, "/related/0/product/code/displayName") == "Oxygen");
    BOOST_TEST(at(intervention, "/refersTo/0/typeCode") == "RSON");
    BOOST_TEST(at(intervention, "/refersTo/0/ids/0/extension") == "goal");
    const auto outcome = items("care_plan.xml", "outcomes").at(0);
    BOOST_TEST(at(outcome, "/kind") == "outcome");
    BOOST_TEST(at(outcome, "/value/value") == "91.5");
    BOOST_TEST(at(outcome, "/interpretation/0/code") == "L");
    BOOST_TEST(at(outcome, "/refersTo/0/typeCode") == "GEVL");
    const auto nutrition = items("care_plan.xml", "nutrition").at(0);
    BOOST_TEST(at(nutrition, "/kind") == "nutritional_status");
    BOOST_TEST(at(nutrition, "/effectiveTime/precision") == "Y");
    BOOST_TEST(at(nutrition, "/value/nullFlavor") == "OTH");
    BOOST_TEST(at(nutrition, "/value/originalText") == "eats little");
    BOOST_TEST(at(nutrition, "/related/0/value/text") == "soft food");
    BOOST_TEST(!nutrition.contains("null"));
}

BOOST_AUTO_TEST_CASE(notes)
{
    const auto note = items("care_plan.xml", "notes").at(0);
    BOOST_TEST(at(note, "/kind") == "note");
    BOOST_TEST(at(note, "/noteType/displayName") == "Consult note");
    BOOST_TEST(at(note, "/code/code") == "34109-9");
    BOOST_TEST(at(note, "/text") == "Slept badly.");
    BOOST_TEST(at(note, "/effectiveTime/value") == "2026-03-02T08:00");
    BOOST_TEST(at(note, "/author/0/names/0/text") == "Nora Note");
    BOOST_TEST(at(note, "/author/0/time/value") == "2026-03-02T08:30");
}

BOOST_AUTO_TEST_CASE(sections_in_sections_and_of_unknown_kind)
{
    const auto& told = document("care_plan.xml");
    const auto& sections = told.document.at("sections");
    BOOST_REQUIRE(sections.size() == 9u);
    BOOST_TEST(at(sections, "/0/author/0/ids/0/extension") == "section-author");
    BOOST_TEST(at(sections, "/6/name") == "care_team");
    BOOST_TEST(at(sections, "/6/narrative") == "see elsewhere");
    BOOST_TEST(at(sections, "/6/entries") == "0");
    BOOST_TEST(at(sections, "/7/name") == "instructions");
    BOOST_TEST(at(sections, "/7/path").ends_with("component[7]/section/component[1]/section"));
    const auto instruction = told.of("instructions").at(0);
    BOOST_TEST(at(instruction, "/kind") == "instruction");
    BOOST_TEST(at(instruction, "/text") == "Breathe slowly");
    BOOST_TEST(at(sections, "/8/name") == "other");
    BOOST_TEST(at(sections, "/8/title") == "Weather");
    BOOST_TEST(at(told.of("other").at(0), "/code/code") == "sun");
    BOOST_TEST(at(told.of("other").at(0), "/value/type") == "BL");
}

BOOST_AUTO_TEST_CASE(older_formats)
{
    const auto shots = items("c32.xml", "immunizations");
    BOOST_REQUIRE(shots.size() == 2u);
    BOOST_TEST(at(shots[0], "/doseNumber/value") == "3");
    BOOST_TEST(at(shots[0], "/product/code/originalText") == "Influenza shot");
    BOOST_TEST(at(shots[0], "/effectiveTime/center/value") == "1999-11");
    BOOST_TEST(at(shots[1], "/negationInd") == "true");
    const auto visit = items("c32.xml", "encounters").at(0);
    BOOST_TEST(at(visit, "/locations/0/entity/name") == "Old Hospital");
    BOOST_TEST(at(visit, "/code/originalText") == "Check-up");
    BOOST_TEST(at(items("c32.xml", "plan_of_treatment").at(0), "/kind") == "planned_observation");
    const auto hip = items("c32.xml", "procedures").at(0);
    BOOST_TEST(at(hip, "/devices/0/ids/0/extension") == "device");
    const auto purpose = items("c32.xml", "purpose").at(0);
    BOOST_TEST(at(purpose, "/related/0/code/displayName") == "Transfer of care");
    BOOST_TEST(at(items("c32.xml", "header_participants").at(0), "/ids/0/extension") == "member");

    BOOST_TEST(at(items("ccd10.xml", "immunizations").at(0), "/product/code/displayName") == "Pneumococcal");
    BOOST_TEST(at(items("ccd10.xml", "procedures").at(0), "/text") == "An old one");
    BOOST_REQUIRE(items("ccd10.xml", "plan_of_treatment").size() == 1u);
    BOOST_TEST(at(items("ccd10.xml", "plan_of_treatment").at(0), "/kind") == "planned_encounter");
    BOOST_TEST(document("ccd10.xml").skipped.size() == 1u);
    BOOST_TEST(at(items("ccd10.xml", "header_performers").at(0), "/time/low/value") == "1990");
}

BOOST_AUTO_TEST_CASE(no_namespace_and_nothing_known)
{
    const auto& told = document("other.xml");
    BOOST_TEST(told.status == DIRECT_PARSED);
    BOOST_TEST(told.notes.size() == 1u);
    BOOST_TEST(told.of("social_history").size() == 1u);
    const auto others = told.of("other");
    BOOST_REQUIRE(others.size() == 2u);
    BOOST_TEST(at(others[0], "/negationInd") == "true");
    BOOST_TEST(at(others[0], "/related/0/value/unit") == "Cel");
    BOOST_TEST(at(others[1], "/nullFlavor") == "NI");
    const auto& sections = told.document.at("sections");
    BOOST_TEST(at(sections, "/1/narrative") == "Words about a case");
    BOOST_TEST(at(sections, "/2/name") == "advance_directives");
}

BOOST_AUTO_TEST_CASE(a_file_in_a_document)
{
    const auto& told = document("unstructured.xml");
    const auto body = told.of("nonXMLBody", "body").at(0);
    BOOST_TEST(at(body, "/mediaType") == "application/pdf");
    BOOST_TEST(at(body, "/representation") == "B64");
    BOOST_TEST(at(body, "/integrityCheckAlgorithm") == "SHA-1");
    BOOST_TEST(at(body, "/language") == "en");
    BOOST_TEST(at(body, "/size") == "19");
    BOOST_REQUIRE(told.children.size() == 1u);
    BOOST_TEST(told.children[0].second == "%PDF-1.4\n% made up\n");
}
