// Devices, payers, advance directives and care teams, field by field (arrangements.xml).
#include <boost/test/unit_test.hpp>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;

namespace {

std::vector<nlohmann::json> items(const std::string& section)
{
    static const Told told = ccda().read(vector_document("arrangements.xml"));
    BOOST_TEST(told.skipped.empty());
    return told.of(section);
}

}  // namespace

BOOST_AUTO_TEST_CASE(medical_equipment)
{
    const auto all = items("medical_equipment");
    BOOST_REQUIRE(all.size() == 3u);
    const auto& implants = all[0];
    BOOST_TEST(at(implants, "/kind") == "device");
    BOOST_TEST(at(implants, "/code/displayName") == "Implant");
    BOOST_REQUIRE(implants.at("sub").size() == 1u);
    BOOST_TEST(at(implants, "/sub/0/kind") == "supply");
    BOOST_TEST(at(implants, "/sub/0/udi/0/extension") == "(01)0123");
    BOOST_TEST(at(implants, "/sub/0/deviceCode/displayName") == "Prosthetic joint");
    BOOST_TEST(at(implants, "/sub/0/quantity/value") == "2");
    BOOST_TEST(at(implants, "/sub/0/effectiveTime/high/value") == "2009-01-01");
    BOOST_TEST(at(implants, "/sub/0/participants/0/scoper/desc") == "Joint Works");
    BOOST_TEST(!implants.at("sub").at(0).at("participants").at(0).contains("device"));
    const auto& none = all[1];
    BOOST_TEST(at(none, "/negationInd") == "true");
    BOOST_TEST(at(none, "/deviceCode/nullFlavor") == "NA");
    BOOST_TEST(at(none, "/udi/0/nullFlavor") == "NA");
    const auto& parts = all[2];
    BOOST_TEST(at(parts, "/udi/0/root") == "2.16.840.1.113883.3.3719");
    BOOST_TEST(at(parts, "/udi/0/extension") == "(01)0456(17)20301");
    BOOST_TEST(at(parts, "/udiParts/deviceIdentifier/extension") == "0456");
    BOOST_TEST(at(parts, "/udiParts/serialNumber/text") == "S-77");
    BOOST_TEST(at(parts, "/udiParts/expirationDate/time/value") == "2030-01-01");
    BOOST_TEST(at(parts, "/udiParts/related/0/code/code") == "unknown-part");
    BOOST_TEST(!parts.contains("related"));
}

BOOST_AUTO_TEST_CASE(payers)
{
    const auto all = items("payers");
    BOOST_REQUIRE(all.size() == 1u);
    BOOST_TEST(at(all[0], "/kind") == "payer");
    BOOST_TEST(at(all[0], "/code/displayName") == "Payment sources");
    BOOST_REQUIRE(all[0].at("sub").size() == 1u);
    const auto policy = all[0].at("sub").at(0);
    BOOST_TEST(at(policy, "/kind") == "policy");
    BOOST_TEST(at(policy, "/sequenceNumber") == "1");
    BOOST_TEST(at(policy, "/code/translations/0/code") == "81");
    BOOST_TEST(at(policy, "/payer/organisation/name") == "Made-up Mutual");
    BOOST_TEST(at(policy, "/payer/telecom/0/value") == "tel:+1-555-0199");
    BOOST_TEST(at(policy, "/guarantor/names/0/text") == "Ada Payer");
    BOOST_TEST(at(policy, "/guarantor/time/low/value") == "2011");
    BOOST_TEST(at(policy, "/group") == "G-9");
    BOOST_TEST(at(policy, "/memberId") == "M-1");
    BOOST_TEST(at(policy, "/relationship/displayName") == "Subscriber");
    BOOST_TEST(at(policy, "/period/low/value") == "2011-01-01");
    BOOST_TEST(at(policy, "/period/high/raw") == "2011133");
    BOOST_TEST(at(policy, "/period/high/bad") == "true");
    BOOST_TEST(at(policy, "/member/entity/birthTime/value") == "1950-01-01");
    BOOST_TEST(at(policy, "/member/addresses/0/city") == "Testville");
    BOOST_TEST(at(policy, "/holder/ids/0/extension") == "H-1");
    BOOST_TEST(!policy.contains("performer"));
    BOOST_TEST(!policy.contains("participants"));
    BOOST_TEST(at(policy, "/related/0/related/0/code/displayName") == "Colonoscopy");
}

BOOST_AUTO_TEST_CASE(advance_directives)
{
    const auto all = items("advance_directives");
    BOOST_REQUIRE(all.size() == 2u);
    BOOST_TEST(at(all[0], "/kind") == "advance_directive");
    const auto directive = all[0].at("sub").at(0);
    BOOST_TEST(at(directive, "/code/displayName") == "Resuscitation");
    BOOST_TEST(at(directive, "/value/displayName") == "Not for resuscitation");
    BOOST_TEST(at(directive, "/effectiveTime/high/nullFlavor") == "NA");
    BOOST_TEST(at(directive, "/verifiers/0/time/zone") == "-08:00");
    BOOST_TEST(at(directive, "/verifiers/0/entity/names/0/family") == "Fied");
    BOOST_TEST(at(directive, "/agents/0/entity/name") == "Mama");
    BOOST_TEST(at(directive, "/agents/0/code/code") == "MTH");
    BOOST_TEST(at(directive, "/references/0/textReference") == "will.pdf");
    BOOST_TEST(at(directive, "/references/0/textMediaType") == "application/pdf");
    BOOST_TEST(!directive.contains("participants"));
    BOOST_TEST(at(all[1], "/null") == "true");
    BOOST_TEST(at(all[1], "/directiveStatus/displayName") == "Current and verified");
}

BOOST_AUTO_TEST_CASE(care_team)
{
    const auto all = items("care_team");
    BOOST_REQUIRE(all.size() == 1u);
    BOOST_TEST(at(all[0], "/kind") == "care_team");
    BOOST_TEST(at(all[0], "/code/originalText") == "Care team");
    BOOST_TEST(at(all[0], "/status") == "active");
    BOOST_TEST(at(all[0], "/lead/ids/0/root") == "1.2.5.16");
    BOOST_REQUIRE(all[0].at("sub").size() == 2u);
    BOOST_TEST(at(all[0], "/sub/0/member/names/0/text") == "Otto Doer");
    BOOST_TEST(at(all[0], "/sub/0/member/functionCode/displayName") == "Primary care");
    BOOST_TEST(at(all[0], "/sub/0/member/time/low/value") == "2020-01-01");
    BOOST_TEST(at(all[0], "/sub/1/value/displayName") == "Encounter team");
}
