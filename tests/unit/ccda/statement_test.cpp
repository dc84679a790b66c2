// The generic statement: every element and data type a statement may have comes back (statements.xml).
#include <boost/test/unit_test.hpp>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;
using nlohmann::json;

namespace {

const Told& told()
{
    static const Told t = ccda().read(vector_document("statements.xml"));
    return t;
}

const json& everything()
{
    return told().items.at(0);
}

std::string nested(int levels)
{
    std::string open, close;
    for (int i = 0; i < levels; ++i) {
        open += "<entryRelationship><act><code code=\"l" + std::to_string(i) + "\"/>";
        close += "</act></entryRelationship>";
    }
    return "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><component><structuredBody><component><section><entry>"
           "<act>" +
           open + close +
           "</act></entry></section></component></structuredBody></component></ClinicalDocument>";
}

}  // namespace

BOOST_AUTO_TEST_CASE(entries_nobody_knows_are_items_of_their_own_section)
{
    BOOST_TEST(told().of("other", "entry").size() == 4u);
    BOOST_TEST(told().skipped.empty());
    BOOST_TEST(at(everything(), "/statement") == "observation");
    BOOST_TEST(at(everything(), "/sectionTemplateIds/0/root") == "1.2.3.99");
}

BOOST_AUTO_TEST_CASE(identity_code_and_times)
{
    const auto& e = everything();
    BOOST_TEST(at(e, "/classCode") == "OBS");
    BOOST_TEST(at(e, "/moodCode") == "RQO");
    BOOST_TEST(at(e, "/negationInd") == "true");
    BOOST_TEST(at(e, "/templateIds/0/extension") == "2020-01-01");
    BOOST_TEST(e.at("templateIds").size() == 2u);
    BOOST_TEST(at(e, "/ids/0/assigningAuthorityName") == "Us");
    BOOST_TEST(at(e, "/ids/1/nullFlavor") == "NI");
    BOOST_TEST(at(e, "/code/codeSystemVersion") == "7");
    BOOST_TEST(at(e, "/code/valueSet") == "1.9.4");
    BOOST_TEST(at(e, "/code/originalText") == "seven of nine");
    BOOST_TEST(at(e, "/code/qualifiers/0/value/displayName") == "left");
    BOOST_TEST(at(e, "/code/qualifiers/0/inverted") == "true");
    BOOST_TEST(at(e, "/code/translations/0/originalText") == "in words");
    BOOST_TEST(at(e, "/derivation") == "a+b");
    BOOST_TEST(at(e, "/text") == "plain");
    BOOST_TEST(!e.contains("status"));
    BOOST_TEST(at(e, "/statusNullFlavor") == "UNK");
    // No 29th of February in 2015: kept as written, no value made of it.
    BOOST_TEST(at(e, "/effectiveTime/low/raw") == "20150229");
    BOOST_TEST(at(e, "/effectiveTime/low/value") == "");
    BOOST_TEST(at(e, "/effectiveTime/low/bad") == "true");
    BOOST_TEST(at(e, "/effectiveTime/high/value") == "2015-02-28T10");
    BOOST_TEST(at(e, "/effectiveTime/high/precision") == "H");
    BOOST_TEST(at(e, "/effectiveTimeMore/0/effectiveTime/kind") == "EIVL");
    BOOST_TEST(at(e, "/effectiveTimeMore/0/effectiveTime/operator") == "A");
    BOOST_TEST(at(e, "/effectiveTimeMore/0/effectiveTime/event") == "ACM");
    BOOST_TEST(at(e, "/effectiveTimeMore/0/effectiveTime/offset/low/value") == "1");
    BOOST_TEST(at(e, "/priorityCode/code") == "R");
    BOOST_TEST(at(e, "/repeatNumberRange/high/value") == "3");
    BOOST_TEST(at(e, "/language") == "de");
}

BOOST_AUTO_TEST_CASE(values_of_every_type)
{
    const auto& e = everything();
    const auto more = [&](int i, const std::string& pointer) {
        return at(e, "/valueMore/" + std::to_string(i) + "/value" + pointer);
    };
    BOOST_TEST(at(e, "/value/code") == "v1");
    BOOST_REQUIRE(e.at("valueMore").size() == 16u);
    BOOST_TEST(more(0, "/low/value") == "1.50");
    BOOST_TEST(more(0, "/low/inclusive") == "false");
    BOOST_TEST(more(0, "/high/nullFlavor") == "PINF");
    BOOST_TEST(more(1, "/denominator/unit") == "d");
    BOOST_TEST(more(2, "/value") == "2");
    BOOST_TEST(more(2, "/code") == "LA2");
    BOOST_TEST(more(3, "/value") == "-4");
    BOOST_TEST(more(4, "/value") == "0.10");
    BOOST_TEST(more(5, "/value") == "false");
    BOOST_TEST(more(6, "/text") == "words & more");
    BOOST_TEST(more(7, "/time/value") == "2016-01-02");
    BOOST_TEST(more(8, "/mediaType") == "image/png");
    BOOST_TEST(more(8, "/encodedSize") == "4");
    BOOST_TEST(more(8, "/text") == "");
    BOOST_TEST(more(9, "/value") == "tel:1");
    BOOST_TEST(more(10, "/extension") == "x");
    BOOST_TEST(more(11, "/city") == "Testville");
    BOOST_TEST(more(11, "/careOf") == "c/o Us");
    BOOST_TEST(more(12, "/family") == "Test");
    BOOST_TEST(more(13, "/code") == "s1");
    BOOST_TEST(more(13, "/text") == "spoken");
    BOOST_TEST(more(14, "/digits") == "1 2 3");
    BOOST_TEST(more(15, "/low/unit") == "kg");
    BOOST_TEST(at(e, "/interpretation/1/code") == "VS");
    BOOST_TEST(at(e, "/method/code") == "m1");
    BOOST_TEST(at(e, "/methodMore/0/method/code") == "m2");
    BOOST_TEST(at(e, "/targetSite/code") == "site");
    BOOST_TEST(at(e, "/referenceRange/0/value/low/value") == "1");
    BOOST_TEST(at(e, "/referenceRange/0/interpretation/0/code") == "N");
}

BOOST_AUTO_TEST_CASE(who_and_with_what)
{
    const auto& e = everything();
    BOOST_TEST(at(e, "/subject/classCode") == "PRS");
    BOOST_TEST(at(e, "/subject/code/code") == "FTH");
    BOOST_TEST(at(e, "/subject/names/0/given/0") == "Karl");
    BOOST_TEST(at(e, "/subject/gender/code") == "M");
    BOOST_TEST(at(e, "/subject/deceased") == "true");
    BOOST_TEST(at(e, "/subject/deceasedTime/value") == "2001");
    BOOST_TEST(at(e, "/specimen/ids/0/root") == "1.9.7");
    BOOST_TEST(at(e, "/specimen/code/code") == "blood");
    BOOST_TEST(at(e, "/specimen/quantity/unit") == "mL");
    BOOST_TEST(at(e, "/specimen/desc") == "red");
    BOOST_TEST(at(e, "/performer/0/functionCode/code") == "PCP");
    BOOST_TEST(at(e, "/performer/0/names/0/text") == "Otto Doer");
    BOOST_TEST(at(e, "/performer/0/addresses/0/city") == "Testville");
    BOOST_TEST(at(e, "/performer/0/organisation/name") == "Clinic");
    BOOST_TEST(at(e, "/performer/0/organisation/industry/code") == "ind");
    BOOST_TEST(at(e, "/performer/0/organisation/partOf/name") == "Trust");
    BOOST_TEST(at(e, "/author/0/device/softwareName") == "S1");
    BOOST_TEST(at(e, "/informant/0/classCode") == "ECON");
    BOOST_TEST(at(e, "/informant/0/names/0/given/0") == "Eva");
    BOOST_TEST(at(e, "/participants/0/typeCode") == "DEV");
    BOOST_TEST(at(e, "/participants/0/classCode") == "MANU");
    BOOST_TEST(at(e, "/participants/0/ids/0/extension") == "udi");
    BOOST_TEST(at(e, "/participants/0/device/code/code") == "dev");
    BOOST_TEST(at(e, "/participants/0/scoper/desc") == "maker");
    BOOST_TEST(at(e, "/participants/0/telecom/0/value") == "tel:3");
}

BOOST_AUTO_TEST_CASE(relations_references_and_what_no_table_knows)
{
    const auto& e = everything();
    BOOST_REQUIRE(e.at("related").size() == 2u);
    BOOST_TEST(at(e, "/related/0/typeCode") == "SUBJ");
    BOOST_TEST(at(e, "/related/0/inversionInd") == "true");
    BOOST_TEST(at(e, "/related/0/relationNegated") == "true");
    BOOST_TEST(at(e, "/related/0/sequenceNumber") == "2");
    BOOST_TEST(at(e, "/related/0/statement") == "act");
    BOOST_TEST(at(e, "/related/0/related/0/statement") == "organizer");
    BOOST_TEST(at(e, "/related/0/related/0/related/0/value/translations/0/value") == "20");
    BOOST_TEST(at(e, "/related/0/related/0/related/0/value/translations/0/code") == "[lb_av]");
    BOOST_TEST(at(e, "/related/1/typeCode") == "COMP");
    BOOST_TEST(at(e, "/references/0/external") == "externalDocument");
    BOOST_TEST(at(e, "/references/0/textReference") == "http://x.example/d.pdf");
    BOOST_TEST(at(e, "/references/0/setIds/0/root") == "1.9.14");
    BOOST_TEST(at(e, "/references/0/versionNumber") == "3");
    BOOST_TEST(at(e, "/preconditions/0/value/code") == "hot");
    BOOST_TEST(at(e, "/inFulfillmentOf/0/ids/0/root") == "1.9.15");
    BOOST_TEST(at(e, "/more/0/element") == "other:rating");
    BOOST_TEST(at(e, "/more/0/attributes/0/value") == "5");
    BOOST_TEST(at(e, "/more/0/children/0/text") == "four");
}

BOOST_AUTO_TEST_CASE(administrations_supplies_and_encounters)
{
    const auto& m = told().items.at(1);
    BOOST_TEST(at(m, "/code/code") == "late");
    BOOST_TEST(at(m, "/product/ids/0/root") == "1.9.20");
    BOOST_TEST(at(m, "/product/code/code") == "mat");
    BOOST_TEST(at(m, "/product/name") == "Pills");
    BOOST_TEST(at(m, "/product/lot") == "L9");
    BOOST_TEST(at(m, "/product/expiration/value") == "2030-01-01");
    BOOST_TEST(at(m, "/product/manufacturer/name") == "Maker");
    BOOST_TEST(at(m, "/route/code") == "r");
    BOOST_TEST(at(m, "/site/code") == "arm");
    BOOST_TEST(at(m, "/dose/high/value") == "2");
    BOOST_TEST(at(m, "/rate/unit") == "mL/h");
    BOOST_TEST(at(m, "/maxDose/denominator/unit") == "d");
    BOOST_TEST(at(m, "/form/code") == "puff");
    // Two authors apart from each other are one list.
    BOOST_REQUIRE(m.at("author").size() == 2u);
    BOOST_TEST(at(m, "/author/1/ids/0/root") == "1.9.21");
    const auto& s = told().items.at(2);
    BOOST_TEST(at(s, "/repeatNumber") == "2");
    BOOST_TEST(at(s, "/independent") == "false");
    BOOST_TEST(at(s, "/quantity/value") == "30");
    BOOST_TEST(at(s, "/expectedUseTime/low/value") == "2020");
    BOOST_TEST(at(s, "/product/code/code") == "m");
    BOOST_TEST(at(told().items.at(3), "/dischargeDisposition/code") == "01");
}

// The host takes JSON 64 deep: an item stays below and says where it was cut.
BOOST_AUTO_TEST_CASE(statements_in_statements_are_cut_before_the_host_refuses_them)
{
    const auto whole = ccda().read(nested(20));
    BOOST_REQUIRE(whole.items.size() == 1u);
    BOOST_TEST(whole.skipped.empty());
    BOOST_TEST(!whole.items[0].contains("cut"));
    BOOST_TEST(whole.items[0].dump().find("l19") != std::string::npos);
    const auto cut = ccda().read(nested(40));
    BOOST_REQUIRE(cut.items.size() == 1u);
    BOOST_TEST(at(cut.items[0], "/cut") == "true");
    BOOST_TEST(cut.items[0].dump().find("l20") != std::string::npos);
    BOOST_REQUIRE(cut.skipped.size() == 1u);
    BOOST_TEST(cut.skipped[0].first == "other");
}

// An attribute of an element nobody knows was lost when nine of them stood in each other, and nothing said so.
BOOST_AUTO_TEST_CASE(elements_nobody_knows_are_told_as_deep_as_an_item_goes)
{
    const auto unknown = [](int levels) {
        std::string open, close;
        for (int i = 0; i < levels; ++i) {
            open += "<odd code=\"u" + std::to_string(i) + "\">";
            close += "</odd>";
        }
        return ccda().read(
            "<ClinicalDocument "
            "xmlns=\"urn:hl7-org:v3\"><component><structuredBody><component><section><entry><act>" +
            open + close +
            "</act></entry></section></component></structuredBody></component></ClinicalDocument>");
    };
    const auto whole = unknown(20);
    BOOST_REQUIRE(whole.items.size() == 1u);
    for (int i = 0; i < 20; ++i)
        BOOST_TEST(whole.items[0].dump().find("\"u" + std::to_string(i) + "\"") != std::string::npos, i);
    BOOST_TEST(!whole.items[0].contains("cut"));
    BOOST_TEST(whole.skipped.empty());
    const auto cut = unknown(80);
    BOOST_REQUIRE(cut.items.size() == 1u);
    BOOST_TEST(at(cut.items[0], "/cut") == "true");
    BOOST_TEST(cut.skipped.size() == 1u);
}

// A document may say an attribute or an element twice; an object of ours may not.
BOOST_AUTO_TEST_CASE(what_is_said_twice_does_not_make_a_member_twice)
{
    const auto t = ccda().read(
        "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><component><structuredBody><component><section><entry>"
        "<observation code=\"x\" classCode=\"A\" classCode=\"B\" typeCode=\"T\" inversionInd=\"true\">"
        "<code code=\"1\" code=\"2\"/><code code=\"3\"/><statusCode code=\"a\"/><statusCode code=\"b\"/>"
        "<consumable/><product/><participant typeCode=\"X\" typeCode=\"Y\"><id root=\"1\"/><participantRole>"
        "<id root=\"2\"/><name>a</name><playingDevice/></participantRole><name>b</name></participant>"
        "<entryRelationship typeCode=\"U\"><act typeCode=\"V\" inversionInd=\"true\"/></entryRelationship>"
        "</observation></entry></section></component></structuredBody></component></ClinicalDocument>");
    BOOST_REQUIRE(t.items.size() == 1u);
    const auto& i = t.items[0];
    BOOST_TEST(at(i, "/code/code") == "1");
    BOOST_TEST(at(i, "/codeMore/0/code/code") == "3");
    BOOST_TEST(at(i, "/status") == "a");
    BOOST_TEST(at(i, "/statusMore/0/status") == "b");
    BOOST_TEST(at(i, "/productMore/0/product") == "{}");
    BOOST_TEST(i.at("participants").at(0).at("ids").size() == 2u);
    BOOST_TEST(at(i, "/participants/0/nameMore/0") == "b");
    BOOST_TEST(at(i, "/related/0/typeCode") == "U");
}
