// The header, field by field (care_plan.xml): the patient, who wrote and took part, what is documented, and
// what the document says of itself.
#include <boost/test/unit_test.hpp>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;
using nlohmann::json;

namespace {

const Told& plan()
{
    static const Told told = ccda().read(vector_document("care_plan.xml"));
    return told;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_the_document_says_of_itself)
{
    const auto& d = plan().document;
    BOOST_TEST(plan().status == DIRECT_PARSED);
    BOOST_TEST(at(d, "/kind") == "ccda");
    BOOST_TEST(at(d, "/type") == "CarePlan");
    BOOST_TEST(at(d, "/version") == "R2.1");
    BOOST_TEST(at(d, "/id") == "2.999.1^plan-2");
    BOOST_TEST(at(d, "/setId") == "2.999.1^plan");
    BOOST_TEST(at(d, "/versionNumber") == "2");
    BOOST_TEST(at(d, "/title") == "Care plan of Ida Example");
    BOOST_TEST(at(d, "/code/code") == "52521-2");
    BOOST_TEST(at(d, "/code/translations/0/code") == "CP");
    BOOST_TEST(at(d, "/templateIds/1/root") == "2.16.840.1.113883.10.20.22.1.15");
    BOOST_TEST(at(d, "/templateIds/1/extension") == "2015-08-01");
    BOOST_TEST(at(d, "/effectiveTime") == "2026-03-04T05:06:07-07:00");
    BOOST_TEST(at(d, "/time/raw") == "20260304050607-0700");
    BOOST_TEST(at(d, "/time/precision") == "s");
    BOOST_TEST(at(d, "/time/zone") == "-07:00");
    BOOST_TEST(at(d, "/confidentiality") == "R");
    BOOST_TEST(at(d, "/confidentialityCode/displayName") == "restricted");
    BOOST_TEST(at(d, "/language") == "de-CH");
    BOOST_TEST(at(d, "/realm") == "US");
    // Told, never fetched.
    BOOST_TEST(at(d, "/stylesheet") == "http://style.example/never.xsl");
    BOOST_TEST(plan().children.empty());
}

BOOST_AUTO_TEST_CASE(people_of_the_document_object)
{
    const auto& d = plan().document;
    BOOST_TEST(d.at("author").size() == 2u);
    BOOST_TEST(at(d, "/author/0/names/0/text") == "Dr. Walter Writer");
    BOOST_TEST(at(d, "/author/1/device/softwareName") == "Writer 2");
    BOOST_TEST(at(d, "/dataEnterer/0/ids/0/extension") == "typist");
    BOOST_TEST(at(d, "/informants/0/names/0/text") == "Hans Example");
    BOOST_TEST(at(d, "/informants/0/code/code") == "SPS");
    BOOST_TEST(at(d, "/custodian/name") == "Praxis Muster");
    BOOST_TEST(at(d, "/custodian/ids/0/root") == "2.999.4");
    BOOST_TEST(at(d, "/recipients/0/names/0/family") == "Reader");
    BOOST_TEST(at(d, "/recipients/0/organisation/name") == "Spital Muster");
    BOOST_TEST(at(d, "/legalAuthenticator/0/signature") == "S");
    BOOST_TEST(at(d, "/legalAuthenticator/0/time/value") == "2026-03-04");
    BOOST_TEST(at(d, "/authenticators/0/ids/0/extension") == "auth");
    BOOST_TEST(at(d, "/participants/0/names/0/given/0") == "Max");
}

BOOST_AUTO_TEST_CASE(acts_and_documents_of_the_document_object)
{
    const auto& d = plan().document;
    BOOST_TEST(at(d, "/orders/0/ids/0/extension") == "order-9");
    BOOST_TEST(at(d, "/serviceEvents/0/code/code") == "371530004");
    BOOST_TEST(at(d, "/serviceEvents/0/effectiveTime/low/value") == "2025-01-01");
    BOOST_TEST(at(d, "/serviceEvents/0/effectiveTime/high/nullFlavor") == "NI");
    BOOST_TEST(d.at("serviceEvents").at(0).at("performer").size() == 2u);
    BOOST_TEST(at(d, "/consents/0/code/displayName") == "Procedure consent");
    BOOST_TEST(at(d, "/consents/0/status") == "completed");
    BOOST_TEST(at(d, "/relatedDocuments/0/typeCode") == "RPLC");
    BOOST_TEST(at(d, "/relatedDocuments/0/ids/0/extension") == "plan-1");
    BOOST_TEST(at(d, "/relatedDocuments/0/id") == "2.999.1^plan-1");
    BOOST_TEST(at(d, "/relatedDocuments/0/setId") == "2.999.1^plan");
    BOOST_TEST(at(d, "/relatedDocuments/0/versionNumber") == "1");
    BOOST_TEST(at(d, "/relatedDocuments/1/typeCode") == "APND");
    BOOST_TEST(at(d, "/relatedDocuments/1/code/code") == "57133-1");
    BOOST_TEST(at(d, "/componentOf/ids/0/extension") == "stay");
}

// A root beside a null flavor is no id: whoever compares documents must be able to see it.
BOOST_AUTO_TEST_CASE(ids_that_are_not_known_say_so)
{
    const std::string ids = "<id root='1.2' nullFlavor='UNK'/><setId root='1.3' nullFlavor='NI'/>";
    const auto d = ccda()
                       .read("<ClinicalDocument xmlns='urn:hl7-org:v3'>" + ids +
                             "<relatedDocument typeCode='RPLC'><parentDocument>" + ids +
                             "</parentDocument></relatedDocument></ClinicalDocument>")
                       .document;
    for (const std::string from : {"", "/relatedDocuments/0"}) {
        BOOST_TEST(at(d, from + "/id") == "1.2");
        BOOST_TEST(at(d, from + "/idNullFlavor") == "UNK");
        BOOST_TEST(at(d, from + "/setId") == "1.3");
        BOOST_TEST(at(d, from + "/setIdNullFlavor") == "NI");
    }
}

BOOST_AUTO_TEST_CASE(the_patient_whole)
{
    const auto items = plan().of("demographics");
    BOOST_REQUIRE(items.size() == 1u);
    const auto& p = items[0];
    BOOST_TEST(at(p, "/kind") == "patient");
    BOOST_TEST(at(p, "/ids/1/nullFlavor") == "UNK");
    BOOST_TEST(p.dump().find("ida@direct.example") != std::string::npos);
    BOOST_TEST(at(p, "/addresses/0/houseNumber") == "5");
    BOOST_TEST(at(p, "/addresses/0/streetName") == "Quai");
    BOOST_TEST(at(p, "/addresses/0/precinct") == "Altstadt");
    BOOST_TEST(at(p, "/addresses/0/period/low/value") == "2020");
    BOOST_TEST(at(p, "/addresses/1/text") == "care of the baker");
    BOOST_TEST(at(p, "/telecom/0/nullFlavor") == "NASK");
    BOOST_TEST(at(p, "/names/0/suffix/0") == "jun.");
    BOOST_TEST(at(p, "/names/0/qualifiers/0/qualifier") == "BR");
    BOOST_TEST(at(p, "/names/0/period/low/value") == "2001");
    BOOST_TEST(at(p, "/names/1/use") == "P");
    BOOST_TEST(at(p, "/names/1/qualifiers/0/nullFlavor") == "MSK");
    BOOST_TEST(at(p, "/addresses/0/parts/0/text") == "nord");
    BOOST_TEST(at(p, "/addresses/0/parts/1/part") == "postalCode");
    BOOST_TEST(at(p, "/addresses/0/parts/1/nullFlavor") == "NI");
    BOOST_TEST(at(p, "/gender/nullFlavor") == "ASKU");
    BOOST_TEST(at(p, "/birthTime/value") == "1950-07");
    BOOST_TEST(at(p, "/birthTime/precision") == "M");
    BOOST_TEST(at(p, "/deceased") == "true");
    BOOST_TEST(at(p, "/deceasedTime/value") == "2026-01-01");
    BOOST_TEST(at(p, "/maritalStatus/displayName") == "Widowed");
    BOOST_TEST(at(p, "/religion/code") == "1041");
    BOOST_TEST(at(p, "/providerOrganisation/name") == "Praxis Muster");
    BOOST_TEST(at(p, "/providerOrganisation/industry/code") == "261Q");
    BOOST_TEST(at(p, "/path") == "/ClinicalDocument/recordTarget[1]/patientRole");
}

BOOST_AUTO_TEST_CASE(the_patients_origin_language_and_guardians)
{
    const auto p = plan().of("demographics").at(0);
    BOOST_TEST(at(p, "/race/0/code") == "2106-3");
    BOOST_TEST(at(p, "/race/0/translations/0/code") == "x-race");
    BOOST_TEST(at(p, "/race/1/code") == "2108-9");
    BOOST_TEST(at(p, "/ethnicity/1/code") == "2137-8");
    BOOST_TEST(at(p, "/birthPlace/addresses/0/city") == "Musterstadt");
    BOOST_TEST(at(p, "/birthPlace/name") == "Spital");
    BOOST_TEST(at(p, "/languages/0/language") == "de");
    BOOST_TEST(at(p, "/languages/0/mode/code") == "ESP");
    BOOST_TEST(at(p, "/languages/0/proficiency/displayName") == "Good");
    BOOST_TEST(at(p, "/languages/0/preferred") == "true");
    BOOST_TEST(at(p, "/languages/1/languageNullFlavor") == "UNK");
    BOOST_TEST(at(p, "/guardians/0/code/displayName") == "Sister");
    BOOST_TEST(at(p, "/guardians/0/names/0/given/0") == "Eva");
    BOOST_TEST(at(p, "/guardians/0/addresses/0/city") == "Anderswo");
    BOOST_TEST(at(p, "/guardians/0/telecom/0/value") == "tel:+41-00");
    BOOST_TEST(at(p, "/guardians/1/organisation/name") == "Office of guardians");
}

BOOST_AUTO_TEST_CASE(authors)
{
    const auto items = plan().of("header_authors", "author");
    BOOST_REQUIRE(items.size() == 2u);
    BOOST_TEST(at(items[0], "/time/value") == "2026-03-04T05:06");
    BOOST_TEST(at(items[0], "/functionCode/code") == "PCP");
    BOOST_TEST(at(items[0], "/ids/0/extension") == "1234");
    BOOST_TEST(at(items[0], "/code/displayName") == "Family Medicine");
    BOOST_TEST(at(items[0], "/names/0/prefix/0") == "Dr.");
    BOOST_TEST(at(items[0], "/telecom/0/value") == "mailto:w@muster.example");
    BOOST_TEST(at(items[0], "/organisation/ids/0/root") == "2.999.4");
    BOOST_TEST(at(items[0], "/path") == "/ClinicalDocument/author[1]");
    BOOST_TEST(at(items[1], "/time/nullFlavor") == "NA");
    BOOST_TEST(at(items[1], "/device/manufacturerModelName") == "Model 1");
    const std::string bytes = vector_document("care_plan.xml");
    BOOST_TEST(bytes.substr(items[1].at("offset").get<std::size_t>(), 7) == "<author");
}

BOOST_AUTO_TEST_CASE(performers_of_the_service)
{
    const auto items = plan().of("header_performers", "performer");
    BOOST_REQUIRE(items.size() == 2u);
    BOOST_TEST(at(items[0], "/typeCode") == "PRF");
    BOOST_TEST(at(items[0], "/functionCode/displayName") == "Primary care");
    BOOST_TEST(at(items[0], "/time/low/value") == "2024");
    BOOST_TEST(at(items[0], "/names/0/text") == "Paula Performer");
    BOOST_TEST(at(items[0], "/birthTime/value") == "1970");
    BOOST_TEST(at(items[0], "/service/displayName") == "Clinical consultation");
    BOOST_TEST(at(items[0], "/serviceTime/low/value") == "2025-01-01");
    BOOST_TEST(at(items[1], "/ids/0/extension") == "second");
    BOOST_TEST(at(items[1], "/path") == "/ClinicalDocument/documentationOf[1]/serviceEvent/performer[2]");
}

BOOST_AUTO_TEST_CASE(participants)
{
    const auto items = plan().of("header_participants", "participant");
    BOOST_REQUIRE(items.size() == 1u);
    BOOST_TEST(at(items[0], "/typeCode") == "IND");
    BOOST_TEST(at(items[0], "/functionCode/code") == "425268008");
    BOOST_TEST(at(items[0], "/time/low/value") == "2025");
    BOOST_TEST(at(items[0], "/classCode") == "NOK");
    BOOST_TEST(at(items[0], "/code/displayName") == "Son");
    BOOST_TEST(at(items[0], "/names/0/family") == "Example");
    BOOST_TEST(at(items[0], "/organisation/name") == "Family");
}

BOOST_AUTO_TEST_CASE(the_encounter_the_document_belongs_to)
{
    const auto items = plan().of("header_encounter", "encounter");
    BOOST_REQUIRE(items.size() == 1u);
    const auto& e = items[0];
    BOOST_TEST(at(e, "/code/displayName") == "Inpatient");
    BOOST_TEST(at(e, "/effectiveTime/high/value") == "2026-03-03");
    BOOST_TEST(at(e, "/dischargeDisposition/displayName") == "Routine");
    BOOST_TEST(at(e, "/responsibleParty/names/0/text") == "Carl Chief");
    BOOST_TEST(at(e, "/performer/0/typeCode") == "ATND");
    BOOST_TEST(at(e, "/performer/0/time/value") == "2026-03-02");
    BOOST_TEST(at(e, "/performer/0/ids/0/extension") == "attending");
    BOOST_TEST(at(e, "/locations/0/code/displayName") == "Urgent care");
    BOOST_TEST(at(e, "/locations/0/place/name") == "Ward 3");
    BOOST_TEST(at(e, "/locations/0/place/addresses/0/city") == "Musterstadt");
    BOOST_TEST(at(e, "/locations/0/organisation/name") == "Spital Muster");
}
