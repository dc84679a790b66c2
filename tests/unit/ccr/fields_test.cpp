// One record written for these tests (tests/vectors/ccr/full.xml), field by field; and what breaks.
#include <boost/test/unit_test.hpp>

#include "tests/support/vectors.h"
#include "tests/unit/ccr/record.h"
#include "tests/unit/ccr/texts.h"

using namespace direct::test;
using nlohmann::json;

namespace {

std::string full_bytes()
{
    return read_file(source_dir() + "/tests/vectors/ccr/full.xml");
}

const Told& full()
{
    static const Told told = ccr().read(full_bytes());
    return told;
}

json only(const std::string& section, const std::string& kind)
{
    const auto items = full().of(section, kind);
    BOOST_REQUIRE_MESSAGE(items.size() == 1u, section << " " << kind << ": " << items.size());
    return items[0];
}

std::string at(const json& value, const char* pointer)
{
    const json found = value.value(json::json_pointer(pointer), json());
    return found.is_string() ? found.get<std::string>() : found.is_null() ? "(none)" : found.dump();
}

}  // namespace

#define FIELD(value, pointer, wanted) BOOST_TEST(at(value, pointer) == wanted, pointer)

BOOST_AUTO_TEST_CASE(the_document)
{
    const auto& d = full().document;
    BOOST_TEST(full().status == DIRECT_PARSED);
    BOOST_TEST(full().notes.empty());
    FIELD(d, "/kind", "ccr");
    FIELD(d, "/id", "doc-77");
    FIELD(d, "/version", "V1.0");
    FIELD(d, "/language", "en-US");
    FIELD(d, "/effectiveTime", "2031-02-03T04:05:06+00:00");
    FIELD(d, "/patient/name", "Ada Q. Invented");
    FIELD(d, "/patient/birthTime", "1977-08-09");
    FIELD(d, "/patient/ids/0/extension", "MRN-1");
    FIELD(d, "/author/0/name", "Dr. Bo Made-Up");
    FIELD(d, "/author/0/code/originalText", "Family doctor");
    FIELD(d, "/author/1/name", "PretendEHR");
    FIELD(d, "/recipients/0/name", "Cy Pretend");
    FIELD(d, "/purpose/0/code/originalText", "Second opinion");
    FIELD(d, "/purpose/0/indications/0/links/0/text", "Atrial flutter");
    FIELD(d, "/references/0/id", "R1");
    FIELD(d, "/references/0/locations/0/code/originalText", "Archive box 4");
    FIELD(d, "/comments/0/code/originalText", "Came back twice");
    FIELD(d, "/signatures/0/id", "S1");
    FIELD(d, "/signatures/0/author/0/name", "Dr. Bo Made-Up");
    BOOST_TEST(d.at("signatures")[0].contains("signatureOffset"));
    FIELD(d, "/encoding", "utf-8");
    BOOST_TEST(d.at("sections").size() == 19u);
    FIELD(d, "/sections/17/title", "HouseSection");
    FIELD(d, "/sections/17/name", "other");
}

BOOST_AUTO_TEST_CASE(nothing_is_left_out)
{
    const std::set<std::string> signature = {"c2lnbmVk"};  // its bytes stay in the document
    BOOST_TEST(texts_lost(full_bytes(), full()) == signature, boost::test_tools::per_element());
    for (const auto& item : full().items) {
        BOOST_TEST(item.contains("offset"));
        const auto offset = item.at("offset").get<std::size_t>();
        BOOST_TEST(full_bytes().at(offset) == '<', item.at("path"));
    }
}

BOOST_AUTO_TEST_CASE(people)
{
    const auto p = only("demographics", "patient");
    FIELD(p, "/names/0/text", "Ada Q. Invented");
    FIELD(p, "/names/0/given/1", "Q.");
    FIELD(p, "/names/1/type", "BirthName");
    FIELD(p, "/birthTime/value", "1977-08-09");
    FIELD(p, "/birthTime/precision", "D");
    FIELD(p, "/gender/originalText", "Female");
    FIELD(p, "/addresses/0/streetAddressLine/1", "Flat 2");
    FIELD(p, "/addresses/0/postalCode", "00001");
    FIELD(p, "/telecom/0/value", "555-0100");
    FIELD(p, "/telecom/1/system", "email");
    const auto actors = full().of("other", "actor");
    BOOST_REQUIRE(actors.size() == 7u);
    FIELD(actors[0], "/patient", "true");
    FIELD(actors[1], "/specialty/originalText", "Family Practice");
    FIELD(actors[1], "/names/0/suffix/0", "MD");
    FIELD(actors[3], "/device/softwareName", "PretendEHR");
    FIELD(actors[4], "/organisation/name", "Imaginary Mutual");
    const auto kin = only("care_team", "support");
    FIELD(kin, "/code/originalText", "Next of Kin");
    FIELD(kin, "/relation/originalText", "Mother");
    FIELD(kin, "/name", "Di Fiction");
    const auto providers = full().of("care_team", "provider");
    BOOST_REQUIRE(providers.size() == 2u);
    FIELD(providers[0], "/telecom/0/value", "555-0101");
    // An actor that is pointed to and not there.
    FIELD(providers[1], "/actorId", "A99");
    FIELD(providers[1], "/unresolved", "true");
}

BOOST_AUTO_TEST_CASE(problems)
{
    const auto items = full().of("problems");
    BOOST_REQUIRE(items.size() == 2u);
    const auto& p = items[0];
    FIELD(p, "/ids/0/root", "doc-77");
    FIELD(p, "/ids/0/extension", "P1");
    FIELD(p, "/code/originalText", "Diagnosis");
    FIELD(p, "/value/type", "CD");
    FIELD(p, "/value/code", "427.32");
    FIELD(p, "/value/codeSystem", "2.16.840.1.113883.6.103");
    FIELD(p, "/value/codeSystemVersion", "2009");
    FIELD(p, "/value/originalText", "Atrial flutter");
    FIELD(p, "/value/translations/0/codeSystem", "2.16.840.1.113883.6.96");
    FIELD(p, "/value/attributes/0/attribute", "Laterality");
    FIELD(p, "/status", "Active");
    FIELD(p, "/effectiveTime/kind", "IVL");
    FIELD(p, "/effectiveTime/low/raw", "2029-06-07T08:09:10.25-05:00");
    FIELD(p, "/effectiveTime/low/value", "2029-06-07T08:09:10-05:00");
    FIELD(p, "/effectiveTime/high/approximate/originalText", "last spring");
    FIELD(p, "/times/2/age/value", "52");
    FIELD(p, "/times/2/age/unit", "Years");
    FIELD(p, "/author/0/name", "Dr. Bo Made-Up");
    FIELD(p, "/author/0/code/originalText", "Diagnosing");
    FIELD(p, "/comments/0/text", "Came back twice");
    FIELD(p, "/comments/1/unresolved", "true");
    FIELD(p, "/references/0/text", "Strip of 7 June");
    FIELD(p, "/episodes/0/code/originalText", "At night");
    FIELD(p, "/healthStatus/code/originalText", "Alive and well");
    FIELD(p, "/path", "/ContinuityOfCareRecord/Body/Problems[1]/Problem[1]");
    BOOST_TEST(!p.contains("null"));
    FIELD(items[1], "/null", "true");
}

BOOST_AUTO_TEST_CASE(alerts)
{
    const auto a = only("allergies", "allergy");
    FIELD(a, "/value/originalText", "Allergy");
    FIELD(a, "/code/code", "111088007");
    FIELD(a, "/allergen/code", "2LQ0UUW8IN");
    FIELD(a, "/allergen/codeSystem", "2.16.840.1.113883.4.9");
    FIELD(a, "/allergenName", "Natural rubber latex");
    BOOST_REQUIRE(a.at("sub").size() == 2u);
    FIELD(a, "/sub/0/kind", "reaction");
    FIELD(a, "/sub/0/value/code", "126485001");
    FIELD(a, "/sub/0/severity/originalText", "Moderate");
    FIELD(only("allergies", "alert"), "/code/originalText", "Needs an interpreter");
}

BOOST_AUTO_TEST_CASE(medications_and_devices)
{
    const auto m = only("medications", "medication");
    FIELD(m, "/product/name", "bisoprolol");
    FIELD(m, "/product/code/codeSystem", "2.16.840.1.113883.6.88");
    FIELD(m, "/sub/0/strength/0/value", "2.50");
    FIELD(m, "/sub/0/manufacturer/name", "Nonesuch Works");
    FIELD(m, "/sub/0/form/0/originalText", "tablet");
    FIELD(m, "/effectiveTime/low/value", "2030-05-06");
    FIELD(m, "/effectiveTime/high/value", "2030-06-06");
    FIELD(m, "/dose/value", "1");
    FIELD(m, "/dose/unit", "tablet");
    FIELD(m, "/route/code", "C38288");
    FIELD(m, "/sig", "one each morning");
    FIELD(m, "/directions/0/vehicle/code/originalText", "water");
    FIELD(m, "/directions/0/frequency/0/value", "qd");
    FIELD(m, "/directions/0/interval/0/unit", "h");
    FIELD(m, "/directions/0/duration/0/value", "30");
    FIELD(m, "/directions/0/indications/0/links/0/text", "Atrial flutter");
    FIELD(m, "/directions/0/sequence", "1");
    FIELD(m, "/directions/1/dose/value", "2");
    FIELD(m, "/quantity/value", "30");
    FIELD(m, "/instructions/0/originalText", "Do not stop at once");
    FIELD(m, "/refills/0/number", "4");
    FIELD(m, "/refills/0/more/0/text", "phone first");
    FIELD(m, "/reactions/0/value/originalText", "Tired");
    FIELD(m, "/supplies/0/provider/name", "Nonesuch Works");
    FIELD(m, "/supplies/0/quantity/value", "28");
    const auto d = only("medical_equipment", "device");
    FIELD(d, "/product/name", "Pacemaker");
    FIELD(d, "/product/ids/0/extension", "PM-9");
    FIELD(d, "/products/0/name", "Lead");
    BOOST_TEST(!d.contains("sub"));
    const auto i = only("immunizations", "immunization");
    FIELD(i, "/product/code/code", "88");
    FIELD(i, "/product/code/codeSystem", "2.16.840.1.113883.12.292");
    FIELD(i, "/route/originalText", "IM");
    FIELD(i, "/site/originalText", "Left arm");
    FIELD(i, "/repeatNumber", "1");
}

BOOST_AUTO_TEST_CASE(results_and_vitals)
{
    const auto v = only("vitals", "panel");
    FIELD(v, "/effectiveTime/value", "2031-01-02T03:04+00:00");
    FIELD(v, "/effectiveTime/precision", "m");
    BOOST_TEST(v.at("sub").size() == 2u);
    FIELD(v, "/sub/0/code/code", "8480-6");
    FIELD(v, "/sub/0/value/type", "PQ");
    FIELD(v, "/sub/0/value/value", "131");
    FIELD(v, "/sub/0/value/unit", "mm[Hg]");
    const auto r = only("results", "panel");
    FIELD(r, "/type/originalText", "Hematology");
    FIELD(r, "/specimen/0/originalText", "whole blood");
    FIELD(r, "/procedures/0/code/originalText", "Venipuncture");
    BOOST_REQUIRE(r.at("sub").size() == 3u);
    FIELD(r, "/sub/0/value/value", "13.20");
    FIELD(r, "/sub/0/status", "final");
    FIELD(r, "/sub/0/method/0/originalText", "photometry");
    FIELD(r, "/sub/0/interpretation/0/code", "N");
    FIELD(r, "/sub/0/referenceRange/0/value/text", "12-16");
    FIELD(r, "/sub/0/referenceRange/0/value/unit", "g/dL");
    FIELD(r, "/sub/0/referenceRange/0/code/originalText", "women");
    FIELD(r, "/sub/1/value/type", "CD");
    FIELD(r, "/sub/1/value/originalText", "No growth");
    FIELD(r, "/sub/2/value/type", "ST");
    FIELD(r, "/sub/2/value/text", "straw");
}

BOOST_AUTO_TEST_CASE(the_other_sections)
{
    const auto payer = only("payers", "payer");
    FIELD(payer, "/ids/1/extension", "POL-5");
    FIELD(payer, "/ids/1/type/originalText", "Policy Number");
    FIELD(payer, "/ids/1/issuedBy/name", "Imaginary Mutual");
    FIELD(payer, "/payer/name", "Imaginary Mutual");
    FIELD(payer, "/subscriber/name", "Ada Q. Invented");
    FIELD(payer, "/effectiveTime/kind", "IVL");
    FIELD(payer, "/effectiveTime/low/value", "2030-01");
    FIELD(payer, "/effectiveTime/high/precision", "Y");
    FIELD(payer, "/authorizations/0/code/originalText", "Two visits");
    const auto directive = only("advance_directives", "advance_directive");
    FIELD(directive, "/value/code", "304252001");
    FIELD(directive, "/statusCode/code", "V");
    const auto function = only("functional_status", "functional_status");
    FIELD(function, "/value/originalText", "Walks with a stick");
    FIELD(function, "/sub/0/value/value", "14.5");
    FIELD(function, "/problems/0/value/originalText", "Stiff knee");
    const auto family = only("family_history", "family_history");
    FIELD(family, "/relatives/0/name", "Di Fiction");
    FIELD(family, "/relatives/0/healthStatus/effectiveTime/age/value", "81");
    BOOST_TEST(family.at("sub").size() == 2u);
    FIELD(family, "/sub/0/value/code", "365.9");
    const auto social = only("social_history", "social_history");
    FIELD(social, "/code/originalText", "Tobacco Use");
    FIELD(social, "/links/0/element", "Problem");
    FIELD(social, "/links/0/relationship/0/text", "worsens");
    const auto procedure = only("procedures", "procedure");
    FIELD(procedure, "/code/code", "92960");
    FIELD(procedure, "/performer/0/code/originalText", "Surgeon");
    FIELD(procedure, "/locations/0/actors/0/name", "Cy Pretend");
    FIELD(procedure, "/more/0/element", "Site");
    const auto encounter = only("encounters", "encounter");
    FIELD(encounter, "/code/originalText", "Outpatient");
    FIELD(encounter, "/dispositions/0/code/originalText", "Home");
    const auto plan = only("plan_of_treatment", "plan");
    FIELD(plan, "/sub/0/kind", "order");
    FIELD(plan, "/sub/0/procedures/0/code/originalText", "Holter recording");
    FIELD(plan, "/sub/0/procedures/0/interval/0/value", "6");
    FIELD(plan, "/sub/0/goals/0/code/originalText", "Sinus rhythm");
    const auto house = only("other", "entry");
    FIELD(house, "/name", "HouseSection");
    FIELD(house, "/statement", "Thing");
}

BOOST_AUTO_TEST_CASE(any_prefix_and_any_encoding)
{
    std::string bytes = full_bytes();
    std::string prefixed;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        prefixed += bytes[at];
        const bool tag = bytes[at] == '<' || (bytes[at] == '/' && bytes[at - 1] == '<');
        if (tag && bytes[at + 1] >= 'A' && bytes[at + 1] <= 'Z') prefixed += "house:";
    }
    prefixed.replace(prefixed.find("xmlns="), 6, "xmlns:house=");
    BOOST_TEST(ccr().recognise(prefixed) == 90);
    const auto told = ccr().read(prefixed);
    BOOST_TEST(told.status == DIRECT_PARSED);
    BOOST_REQUIRE(told.items.size() == full().items.size());
    for (std::size_t i = 0; i < told.items.size(); ++i) {
        auto a = told.items[i], b = full().items[i];
        a.erase("offset");
        b.erase("offset");
        BOOST_TEST((a == b), b.at("path"));
    }
    std::string wide = "\xff\xfe";
    for (char c : bytes) wide += std::string{c, '\0'};
    BOOST_TEST(ccr().recognise(wide) == 90);
    BOOST_TEST(ccr().read(wide).items.size() == full().items.size());
}

BOOST_AUTO_TEST_CASE(what_is_no_record)
{
    BOOST_TEST(ccr().recognise(record("")) == 90);
    for (std::string other : {"", "plain", "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"/>", "{}", "%PDF-1.4"})
        BOOST_TEST(ccr().recognise(other) == 0, other);
    BOOST_TEST(ccr().read("<ContinuityOfCareRecord xmlns=\"urn:astm-org:ccr2\"/>").status == DIRECT_NOT_MINE);
    const auto none = ccr().read("<ContinuityOfCareRecord/>");
    BOOST_TEST(none.status == DIRECT_PARSED);
    BOOST_TEST(none.notes.size() == 1u);
    BOOST_TEST(ccr().read("<!DOCTYPE a [<!ENTITY b \"c\">]>" + record("")).status == DIRECT_MALFORMED);
    BOOST_TEST(ccr().read(record("<Body>")).status == DIRECT_MALFORMED);
    BOOST_TEST(ccr().read("<?xml version=\"1.0\" encoding=\"utf-7\"?>" + record("")).status ==
               DIRECT_MALFORMED);
}

BOOST_AUTO_TEST_CASE(what_points_to_itself_ends)
{
    const auto told = ccr().read(record(
        "<Patient><ActorID>A</ActorID></Patient><Body><Problems><Problem><CCRDataObjectID>P</CCRDataObjectID>"
        "<InternalCCRLink><LinkID>P</LinkID></InternalCCRLink><Source><Actor><ActorID>A</ActorID></Actor></"
        "Source>"
        "</Problem><Problem><CCRDataObjectID>P</CCRDataObjectID><Description><Text>again</Text></Description>"
        "</Problem></Problems></Body><Actors><Actor><ActorObjectID>A</ActorObjectID><Source><Actor><ActorID>A"
        "</ActorID></Actor></Source></Actor><Actor><ActorObjectID>A</ActorObjectID></Actor></Actors>"));
    BOOST_TEST(told.status == DIRECT_PARSED);
    const auto problems = told.of("problems");
    BOOST_REQUIRE(problems.size() == 2u);
    BOOST_TEST(!problems[0].contains("sameId"));
    FIELD(problems[1], "/sameId", "true");
    BOOST_TEST(!problems[1].contains("duplicate"));
}

BOOST_AUTO_TEST_CASE(only_what_says_the_same_is_a_duplicate)
{
    const auto problem = [](const std::string& words) {
        return "<Problem><CCRDataObjectID>P</CCRDataObjectID><Description><Text>" + words +
               "</Text></Description></Problem>";
    };
    const auto told = ccr().read(record("<Body><Problems>" + problem("a") + problem("b") +
                                        "</Problems><Problems>" + problem("a") + "</Problems></Body>"));
    const auto problems = told.of("problems");
    BOOST_REQUIRE(problems.size() == 3u);
    BOOST_TEST(!problems[0].contains("duplicate"));
    BOOST_TEST(!problems[1].contains("duplicate"));
    FIELD(problems[1], "/sameId", "true");
    FIELD(problems[2], "/duplicate", "true");
    BOOST_TEST(!problems[2].contains("sameId"));
}

BOOST_AUTO_TEST_CASE(what_is_said_once_costs_once)
{
    std::string inside = "<Body><Problems>", comment;
    for (int i = 0; i < 2000; ++i)
        inside +=
            "<Problem><Source><Actor><ActorID>A</ActorID></Actor></Source><InternalCCRLink><LinkID>A</LinkID>"
            "</InternalCCRLink><CommentID>C</CommentID></Problem>";
    inside += "</Problems></Body><Actors><Actor><ActorObjectID>A</ActorObjectID><Organization><Name>" +
              std::string(50'000, 'x') +
              "</Name></Organization></Actor></Actors><Comments><Comment><CommentObjectID>C"
              "</CommentObjectID><Description><Text>" +
              std::string(50'000, 'y') + "</Text></Description></Comment></Comments>";
    const auto told = ccr().read(record(inside));
    BOOST_TEST(told.status == DIRECT_PARSED);
    BOOST_TEST(told.of("problems").size() == 2000u);
    std::size_t bytes = 0;
    for (const auto& item : told.items) bytes += item.dump().size();
    BOOST_TEST(bytes < 6u << 20);
    FIELD(told.of("problems").back(), "/author/0/cut", "true");
    FIELD(told.of("problems").back(), "/comments/0/cut", "true");
    FIELD(told.of("problems").front(), "/author/0/actorId", "A");
}

BOOST_AUTO_TEST_CASE(comments_too_large_for_the_document_object_become_items)
{
    std::string comments;
    for (int i = 0; i < 3; ++i)
        comments += "<Comment><CommentObjectID>C" + std::to_string(i) +
                    "</CommentObjectID><Description><Text>" + std::string(400'000, 'x') +
                    "</Text></Description></Comment>";
    const auto told = ccr().read(record("<Comments>" + comments + "</Comments>"));
    BOOST_TEST(told.status == DIRECT_PARSED);
    BOOST_TEST(told.document.at("comments").size() == 2u);
    const auto items = told.of("other", "comment");
    BOOST_REQUIRE(items.size() == 1u);
    FIELD(items[0], "/path", "/ContinuityOfCareRecord/Comments/Comment[3]");
}

BOOST_AUTO_TEST_CASE(a_host_that_says_stop_is_obeyed)
{
    for (int n = 1; n <= 20; ++n) BOOST_TEST(ccr().read_until(full_bytes(), n) == DIRECT_LIMIT, n);
    BOOST_TEST(ccr().read_until(full_bytes(), 1000) == DIRECT_PARSED);
}
