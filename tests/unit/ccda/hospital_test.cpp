// What a hospital and an operating room say: diagnoses before and after, medications taken along, given and
// sent home with (discharge.xml, operative.xml).
#include <boost/test/unit_test.hpp>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;
using nlohmann::json;

namespace {

const Told& discharge()
{
    static const Told told = ccda().read(vector_document("discharge.xml"));
    return told;
}
const Told& operative()
{
    static const Told told = ccda().read(vector_document("operative.xml"));
    return told;
}

}  // namespace

BOOST_AUTO_TEST_CASE(diagnoses_at_admission_and_discharge)
{
    const auto admission = discharge().of("admission_diagnosis");
    BOOST_REQUIRE(admission.size() == 2u);
    BOOST_TEST(at(admission[0], "/kind") == "diagnosis");
    BOOST_TEST(at(admission[0], "/value/displayName") == "Pneumonia");
    BOOST_TEST(at(admission[0], "/value/translations/0/code") == "J18.9");
    BOOST_TEST(at(admission[0], "/effectiveTime/low/value") == "2025-12-30");
    BOOST_TEST(at(admission[0], "/severity/displayName") == "Severe");
    BOOST_TEST(at(admission[0], "/concern/ids/0/extension") == "adm");
    BOOST_TEST(at(admission[0], "/concern/effectiveTime/low/value") == "2026-01-01");
    BOOST_TEST(at(admission[1], "/negationInd") == "true");
    const auto at_discharge = discharge().of("discharge_diagnosis");
    BOOST_REQUIRE(at_discharge.size() == 1u);
    BOOST_TEST(at(at_discharge[0], "/null") == "true");
    BOOST_TEST(at(at_discharge[0], "/value/nullFlavor") == "UNK");
}

BOOST_AUTO_TEST_CASE(medications_of_admission_and_discharge)
{
    const auto admission = discharge().of("admission_medications");
    BOOST_REQUIRE(admission.size() == 1u);
    const auto& m = admission[0];
    BOOST_TEST(at(m, "/kind") == "medication");
    BOOST_TEST(at(m, "/ids/0/extension") == "inner");
    BOOST_TEST(at(m, "/product/code/displayName") == "Amlodipine");
    BOOST_TEST(at(m, "/schedule/1/time/kind") == "EIVL");
    BOOST_TEST(at(m, "/schedule/1/time/event") == "ACM");
    BOOST_TEST(at(m, "/act/ids/0/extension") == "outer");
    BOOST_TEST(at(m, "/act/effectiveTime/low/value") == "2026-01-01");

    // Each administration of the act is an item.
    const auto home = discharge().of("discharge_medications");
    BOOST_REQUIRE(home.size() == 2u);
    BOOST_TEST(at(home[0], "/negationInd") == "true");
    BOOST_TEST(at(home[0], "/product/code/originalText") == "no medication");
    BOOST_TEST(!home[0].contains("null"));
    BOOST_TEST(at(home[1], "/product/code/displayName") == "Acetaminophen");
    BOOST_TEST(at(home[1], "/planned") == "true");

    const auto given = discharge().of("medications_administered");
    BOOST_REQUIRE(given.size() == 1u);
    BOOST_TEST(at(given[0], "/kind") == "medication");
    BOOST_TEST(at(given[0], "/rate/unit") == "mL/h");
    BOOST_TEST(at(given[0], "/effectiveTime/value") == "2026-01-02T15:30");
}

BOOST_AUTO_TEST_CASE(referral_and_history)
{
    const auto referral = discharge().of("reason_for_referral").at(0);
    BOOST_TEST(at(referral, "/kind") == "referral");
    BOOST_TEST(at(referral, "/planned") == "true");
    BOOST_TEST(at(referral, "/priorityCode/displayName") == "ASAP");
    BOOST_TEST(at(referral, "/participants/0/code/displayName") == "Cardiologist");
    BOOST_TEST(at(referral, "/indications/0/value/displayName") == "Heart disease");
    const auto past = discharge().of("past_medical_history").at(0);
    BOOST_TEST(at(past, "/kind") == "problem");
    BOOST_TEST(at(past, "/effectiveTime/high/value") == "2001");
}

BOOST_AUTO_TEST_CASE(a_section_of_words_is_no_item)
{
    BOOST_TEST(discharge().of("hospital_discharge_instructions").empty());
    BOOST_TEST(at(discharge().document, "/sections/5/name") == "hospital_discharge_instructions");
    BOOST_TEST(at(discharge().document, "/sections/5/narrative") == "Come back on Monday.");
    // There is no 30th of February.
    BOOST_TEST(at(discharge().document, "/effectiveTime") == "202602301200");
    BOOST_TEST(at(discharge().document, "/time/bad") == "true");
    BOOST_TEST(operative().of("procedure_description").empty());
}

BOOST_AUTO_TEST_CASE(the_operating_room)
{
    const auto& told = operative();
    const auto anesthesia = told.of("anesthesia");
    BOOST_REQUIRE(anesthesia.size() == 2u);
    BOOST_TEST(at(anesthesia[0], "/kind") == "procedure");
    BOOST_TEST(at(anesthesia[0], "/code/displayName") == "General anesthesia");
    BOOST_TEST(at(anesthesia[1], "/kind") == "medication");
    BOOST_TEST(at(anesthesia[1], "/product/code/displayName") == "Propofol");
    BOOST_TEST(at(anesthesia[1], "/dose/value") == "150");
    struct Found {
        const char *section, *kind, *pointer, *text;
    };
    constexpr Found all[] = {
        {"complications", "problem", "/value/displayName", "Bleeding"},
        {"preop_diagnosis", "diagnosis", "/value/displayName", "Appendicitis"},
        {"postop_diagnosis", "diagnosis", "/value/displayName", "Perforated appendix"},
        {"postprocedure_diagnosis", "diagnosis", "/value/displayName", "Acute appendicitis"},
        {"procedure_findings", "observation", "/value/displayName", "Finding of appendix"},
        {"procedure_indications", "indication", "/value/displayName", "Abdominal pain"},
        {"planned_procedure", "planned_procedure", "/code/displayName", "Appendectomy"},
        {"assessment_plan", "planned_act", "/code/displayName", "Referral"},
    };
    for (const auto& f : all) {
        BOOST_TEST_CONTEXT(f.section)
        {
            const auto items = told.of(f.section);
            BOOST_REQUIRE(items.size() == 1u);
            BOOST_TEST(at(items[0], "/kind") == f.kind);
            BOOST_TEST(at(items[0], f.pointer) == f.text);
        }
    }
    BOOST_TEST(at(told.of("preop_diagnosis").at(0), "/concern/templateIds/0/root") ==
               "2.16.840.1.113883.10.20.22.4.65");
}
