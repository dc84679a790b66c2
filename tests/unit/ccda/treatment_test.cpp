// Allergies, medications and problems with everything they may have, field by field (treatment.xml).
#include <boost/test/unit_test.hpp>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;

namespace {

std::vector<nlohmann::json> items(const std::string& section)
{
    static const Told told = ccda().read(vector_document("treatment.xml"));
    BOOST_TEST(told.skipped.empty());
    return told.of(section);
}

nlohmann::json allergy(const std::string& observation)
{
    const auto told = ccda().read(
        "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><component><structuredBody><component><section>"
        "<templateId root=\"2.16.840.1.113883.10.20.22.2.6\"/><entry>" +
        observation + "</entry></section></component></structuredBody></component></ClinicalDocument>");
    return told.items.at(0);
}

}  // namespace

BOOST_AUTO_TEST_CASE(allergies_with_everything)
{
    const auto all = items("allergies");
    BOOST_REQUIRE(all.size() == 3u);
    const auto& a = all[0];
    BOOST_TEST(at(a, "/allergen/displayName") == "Penicillin G");
    BOOST_TEST(at(a, "/allergenName") == "Penicillin");
    BOOST_TEST(at(a, "/value/displayName") == "Drug allergy");
    BOOST_TEST(at(a, "/effectiveTime/low/nullFlavor") == "UNK");
    BOOST_TEST(at(a, "/clinicalStatus/displayName") == "Inactive");
    BOOST_TEST(at(a, "/clinicalStatus/statement/status") == "completed");
    BOOST_REQUIRE(a.at("sub").size() == 1u);
    BOOST_TEST(at(a, "/sub/0/value/displayName") == "Hives");
    BOOST_TEST(at(a, "/sub/0/effectiveTime/low/value") == "2008-02-26T08:05+05:00");
    BOOST_TEST(at(a, "/sub/0/severity/displayName") == "Moderate to severe");
    BOOST_TEST(at(a, "/sub/0/severity/statement/text") == "rather bad");
    BOOST_TEST(at(a, "/sub/0/related/0/code/displayName") == "Treatment");
    BOOST_TEST(at(a, "/related/0/text") == "Told by the mother");
    BOOST_TEST(a.at("related").size() == 1u);
    BOOST_TEST(!a.contains("noKnownAllergies"));
}

// All the act says comes with its first item; the others tell which act it was.
BOOST_AUTO_TEST_CASE(the_concern_is_told_once)
{
    const auto all = items("allergies");
    BOOST_TEST(at(all[0], "/concern/priorityCode/code") == "UR");
    BOOST_TEST(at(all[0], "/concern/effectiveTime/low/value") == "2010-01-01");
    BOOST_REQUIRE(all[0].at("concern").at("related").size() == 1u);
    BOOST_TEST(at(all[0], "/concern/related/0/value/code") == "6736007");
    BOOST_TEST(at(all[1], "/concern/ids/0/root") == "1.2.6.1");
    BOOST_TEST(at(all[1], "/concern/status") == "active");
    BOOST_TEST(!all[1].at("concern").contains("related"));
    BOOST_TEST(at(all[1], "/null") == "true");
}

BOOST_AUTO_TEST_CASE(no_known_allergies)
{
    BOOST_TEST(at(items("allergies").at(2), "/noKnownAllergies") == "true");
    const std::string penicillin =
        "<participant typeCode=\"CSM\"><participantRole><playingEntity><code code=\"7980\"/></playingEntity>"
        "</participantRole></participant>";
    const auto says = [](const std::string& o) { return allergy(o).contains("noKnownAllergies"); };
    BOOST_TEST(says("<observation negationInd=\"true\"><value code=\"416098002\"/></observation>"));
    BOOST_TEST(says("<observation><value code=\"716186003\"/></observation>"));
    // To deny one allergen is not to deny all; to deny "no known allergies" is the contrary.
    BOOST_TEST(!says("<observation negationInd=\"true\"><value code=\"416098002\"/>" + penicillin +
                     "</observation>"));
    BOOST_TEST(!says("<observation negationInd=\"true\"><value code=\"716186003\"/></observation>"));
    BOOST_TEST(!says("<observation negationInd=\"false\"><value code=\"416098002\"/></observation>"));
}

BOOST_AUTO_TEST_CASE(medications_with_everything)
{
    const auto all = items("medications");
    BOOST_REQUIRE(all.size() == 2u);
    const auto& m = all[0];
    BOOST_TEST(at(m, "/text") == "one puff when needed");
    BOOST_TEST(at(m, "/schedule/0/time/high/raw") == "20121345");
    BOOST_TEST(at(m, "/schedule/0/time/high/bad") == "true");
    BOOST_TEST(at(m, "/schedule/1/time/event") == "ACM");
    BOOST_TEST(at(m, "/schedule/1/time/offset/low/unit") == "h");
    BOOST_TEST(!m.contains("effectiveTimeMore"));
    BOOST_TEST(at(m, "/route/translations/0/code") == "447694001");
    BOOST_TEST(at(m, "/site/displayName") == "Mouth");
    BOOST_TEST(at(m, "/dose/value") == "1");
    BOOST_TEST(at(m, "/rate/unit") == "ml/min");
    BOOST_TEST(at(m, "/maxDose/numerator/value") == "4");
    BOOST_TEST(at(m, "/form/displayName") == "INHALANT");
    BOOST_TEST(at(m, "/product/code/originalText") == "one puff when needed");
    BOOST_TEST(at(m, "/product/code/translations/0/displayName") == "Salbutamol inhaler");
    BOOST_TEST(at(m, "/product/manufacturer/name") == "Puff Works");
    BOOST_TEST(at(m, "/vehicle/displayName") == "Aerosol");
    BOOST_TEST(at(m, "/author/0/names/0/text") == "Paula Scribe");
    BOOST_TEST(at(m, "/indications/0/value/displayName") == "Asthma");
    BOOST_TEST(at(m, "/indications/0/effectiveTime/low/value") == "2012-01-01");
    BOOST_TEST(at(m, "/instructions/0/text") == "Shake it");
    BOOST_REQUIRE(m.at("supplies").size() == 1u);
    BOOST_TEST(at(m, "/supplies/0/quantity/unit") == "mL");
    BOOST_TEST(at(m, "/supplies/0/author/0/time/value") == "2012");
    BOOST_REQUIRE(m.at("dispenses").size() == 1u);
    BOOST_TEST(at(m, "/dispenses/0/repeatNumber") == "2");
    BOOST_TEST(at(m, "/dispenses/0/effectiveTime/value") == "2012-08-15T14:50-08:00");
    BOOST_TEST(at(m, "/dispenses/0/performer/0/organisation/name") == "Made-up Pharmacy");
    BOOST_TEST(at(m, "/preconditions/0/value/displayName") == "Wheezing");
    BOOST_TEST(at(m, "/related/0/value/displayName") == "Headache");
    BOOST_TEST(m.at("related").size() == 1u);
    BOOST_TEST(!m.contains("planned"));
    BOOST_TEST(at(all[1], "/planned") == "true");
    BOOST_TEST(at(all[1], "/product/code/displayName") == "Labelled");
    BOOST_TEST(at(all[1], "/act/ids/0/root") == "1.2.6.13");
    BOOST_TEST(!all[1].at("act").contains("related"));
}

BOOST_AUTO_TEST_CASE(problems_with_everything)
{
    const auto all = items("problems");
    BOOST_REQUIRE(all.size() == 2u);
    const auto& p = all[0];
    BOOST_TEST(at(p, "/value/translations/0/code") == "J18.9");
    BOOST_TEST(at(p, "/textReference") == "#gone");
    BOOST_TEST(at(p, "/effectiveTime/low/value") == "2013-02-08");
    BOOST_TEST(at(p, "/effectiveTime/high/raw") == "20130229");
    BOOST_TEST(at(p, "/effectiveTime/high/bad") == "true");
    BOOST_TEST(at(p, "/priorityCode/code") == "R");
    BOOST_TEST(at(p, "/priority/displayName") == "High priority");
    BOOST_TEST(at(p, "/onsetAge/value") == "57");
    BOOST_TEST(at(p, "/onsetAge/statement/effectiveTime/value") == "2013-02-08");
    BOOST_TEST(at(p, "/healthStatus/displayName") == "Alive and well");
    BOOST_TEST(at(p, "/severity/displayName") == "Severe");
    BOOST_TEST(at(p, "/problemStatus/displayName") == "Resolved");
    // A second status is kept beside the first.
    BOOST_TEST(at(p, "/related/0/value/displayName") == "Active");
    BOOST_TEST(at(p, "/concern/author/0/time/value") == "2013");
    BOOST_TEST(at(all[1], "/negationInd") == "true");
    BOOST_TEST(!all[1].contains("null"));
}
