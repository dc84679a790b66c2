// Vital signs, functional and mental status, social and family history, field by field (findings.xml).
#include <boost/test/unit_test.hpp>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;

namespace {

std::vector<nlohmann::json> items(const std::string& section)
{
    static const Told told = ccda().read(vector_document("findings.xml"));
    BOOST_TEST(told.skipped.empty());
    return told.of(section);
}

}  // namespace

BOOST_AUTO_TEST_CASE(vital_signs)
{
    const auto all = items("vitals");
    BOOST_REQUIRE(all.size() == 2u);
    const auto& panel = all[0];
    BOOST_TEST(at(panel, "/kind") == "panel");
    BOOST_TEST(at(panel, "/code/code") == "46680005");
    BOOST_TEST(at(panel, "/effectiveTime/value") == "2025-02-03");
    BOOST_REQUIRE(panel.at("sub").size() == 5u);
    BOOST_TEST(at(panel, "/sub/0/kind") == "vital");
    BOOST_TEST(at(panel, "/sub/0/code/displayName") == "Height");
    BOOST_TEST(at(panel, "/sub/0/value/value") == "70.0");
    BOOST_TEST(at(panel, "/sub/0/value/unit") == "in");
    BOOST_TEST(at(panel, "/sub/0/ucumUnit") == "[in_i]");
    BOOST_TEST(at(panel, "/sub/0/interpretation/0/code") == "MS");
    // A zone of two digits is none: the time without it, and said so.
    BOOST_TEST(at(panel, "/sub/0/effectiveTime/value") == "2025-02-03T09:15");
    BOOST_TEST(at(panel, "/sub/0/effectiveTime/bad") == "true");
    BOOST_TEST(at(panel, "/sub/3/negationInd") == "true");
    BOOST_TEST(at(panel, "/sub/3/null") == "true");
    BOOST_TEST(at(panel, "/sub/3/value/nullFlavor") == "ASKU");
    BOOST_TEST(at(panel, "/sub/4/value/unit") == "handfuls");
    BOOST_TEST(at(panel, "/sub/4/ucumUnit") == "");
    const auto& bare = all[1];
    BOOST_TEST(at(bare, "/code/code") == "8310-5");
    BOOST_TEST(at(bare, "/effectiveTime/value") == "2025-02-04");
    BOOST_TEST(at(bare, "/sub/0/value/translations/0/code") == "[degF]");
    BOOST_TEST(!bare.contains("value"));
}

BOOST_AUTO_TEST_CASE(a_blood_pressure_without_value_stands_for_what_it_holds)
{
    const auto panel = items("vitals").at(0);
    BOOST_TEST(at(panel, "/sub/1/code/code") == "8480-6");
    BOOST_TEST(at(panel, "/sub/1/value/value") == "132");
    BOOST_TEST(at(panel, "/sub/2/code/code") == "8462-4");
    BOOST_TEST(at(panel, "/sub/2/ucumUnit") == "mm[Hg]");
    BOOST_REQUIRE(panel.at("related").size() == 1u);
    BOOST_TEST(at(panel, "/related/0/code/code") == "55284-4");
    BOOST_TEST(!panel.at("related").at(0).contains("related"));
}

BOOST_AUTO_TEST_CASE(functional_status)
{
    const auto all = items("functional_status");
    BOOST_REQUIRE(all.size() == 2u);
    const auto& group = all[0];
    BOOST_TEST(at(group, "/kind") == "functional_status");
    BOOST_TEST(at(group, "/code/code") == "d5");
    BOOST_REQUIRE(group.at("sub").size() == 2u);
    BOOST_TEST(at(group, "/sub/0/value/displayName") == "Independent walking");
    BOOST_TEST(at(group, "/sub/0/assessments/0/value/value") == "7");
    BOOST_TEST(at(group, "/sub/0/assessments/0/related/0/value/code") == "LA6395-3");
    BOOST_TEST(at(group, "/sub/0/related/0/statement") == "supply");
    BOOST_TEST(at(group, "/sub/1/code/displayName") == "Bathing");
    const auto& act = all[1];
    BOOST_TEST(at(act, "/null") == "true");
    BOOST_TEST(at(act, "/code/nullFlavor") == "NA");
    BOOST_TEST(!act.contains("sub"));
    BOOST_TEST(at(act, "/related/0/value/displayName") == "Dependence on walking stick");
}

BOOST_AUTO_TEST_CASE(mental_status)
{
    const auto all = items("mental_status");
    BOOST_REQUIRE(all.size() == 1u);
    BOOST_TEST(at(all[0], "/kind") == "mental_status");
    BOOST_TEST(at(all[0], "/negationInd") == "true");
    BOOST_TEST(at(all[0], "/ids/0/root") == "1.2.4.6");
    BOOST_TEST(at(all[0], "/sub/0/value/displayName") == "Aggressive");
    BOOST_TEST(at(all[0], "/sub/0/effectiveTime/low/value") == "2024-01-01");
}

BOOST_AUTO_TEST_CASE(social_history)
{
    const auto all = items("social_history");
    const std::vector<std::string> kinds = {"smoking_status",  "tobacco_use",        "birth_sex",
                                            "gender_identity", "sexual_orientation", "pregnancy",
                                            "occupation",      "social_history",     "social_history"};
    BOOST_REQUIRE(all.size() == kinds.size());
    for (std::size_t i = 0; i < kinds.size(); ++i) BOOST_TEST(at(all[i], "/kind") == kinds[i]);
    BOOST_TEST(at(all[0], "/value/code") == "8517006");
    BOOST_TEST(at(all[1], "/effectiveTime/low/precision") == "Y");
    BOOST_TEST(at(all[1], "/effectiveTime/high/raw") == "20111301");
    BOOST_TEST(at(all[1], "/effectiveTime/high/bad") == "true");
    BOOST_TEST(at(all[1], "/value/originalText") == "twenty a day");
    BOOST_TEST(at(all[2], "/value/code") == "F");
    BOOST_TEST(at(all[3], "/null") == "true");
    // A null flavour with words says something.
    BOOST_TEST(!all[4].contains("null"));
    BOOST_TEST(at(all[4], "/value/originalText") == "asks not to say");
    BOOST_TEST(at(all[5], "/estimatedDelivery/time/value") == "2025-10-01");
    BOOST_TEST(at(all[5], "/estimatedDelivery/statement/code/code") == "11778-8");
    BOOST_TEST(at(all[7], "/value/unit") == "/wk");
    BOOST_TEST(at(all[7], "/code/translations/0/displayName") == "Alcohol intake");
    BOOST_TEST(at(all[8], "/null") == "true");
}

BOOST_AUTO_TEST_CASE(family_history)
{
    const auto all = items("family_history");
    BOOST_REQUIRE(all.size() == 2u);
    const auto& father = all[0];
    BOOST_TEST(at(father, "/kind") == "family_history");
    BOOST_TEST(at(father, "/relative/relationship/displayName") == "Father");
    BOOST_TEST(at(father, "/relative/relationship/translations/0/code") == "9947008");
    BOOST_TEST(at(father, "/relative/ids/0/extension") == "f");
    BOOST_TEST(at(father, "/relative/names/0/text") == "Karl Made-Up");
    BOOST_TEST(at(father, "/relative/gender/code") == "M");
    BOOST_TEST(at(father, "/relative/birthTime/value") == "1910");
    BOOST_TEST(at(father, "/relative/deceased") == "true");
    BOOST_TEST(at(father, "/relative/deceasedTime/value") == "1967");
    BOOST_TEST(!father.contains("subject"));
    BOOST_REQUIRE(father.at("sub").size() == 2u);
    BOOST_TEST(at(father, "/sub/0/kind") == "condition");
    BOOST_TEST(at(father, "/sub/0/value/displayName") == "Myocardial infarction");
    BOOST_TEST(at(father, "/sub/0/age/value") == "57");
    BOOST_TEST(at(father, "/sub/0/age/unit") == "a");
    BOOST_TEST(at(father, "/sub/0/death/displayName") == "Dead");
    BOOST_TEST(at(father, "/sub/0/causeOfDeath") == "true");
    BOOST_TEST(!father.at("sub").at(0).contains("related"));
    BOOST_TEST(at(father, "/sub/1/negationInd") == "true");
    BOOST_TEST(!father.at("sub").at(1).contains("causeOfDeath"));
    // As CCD 1.0 says it.
    BOOST_TEST(at(all[1], "/relative/relationship/nullFlavor") == "UNK");
    BOOST_TEST(at(all[1], "/sub/0/causeOfDeath") == "true");
    BOOST_TEST(at(all[1], "/sub/0/death/code") == "419099009");
    BOOST_TEST(at(all[1], "/sub/0/age/value") == "40");
}
