// Records that want to hurt: nested deeper than an answer may be, or pointing a thousand times to what is
// costly to read. The plugin under test checks each answer as the host does.
#include <boost/test/unit_test.hpp>

#include <ctime>

#include "tests/unit/ccr/record.h"

using namespace direct::test;

namespace {

std::string repeat(const std::string& text, int times)
{
    std::string out;
    while (times-- > 0) out += text;
    return out;
}

// One of everything that opens objects without being a data object.
const std::string coded =
    "<Text>t</Text><Code><Value>1</Value></Code><Code><Value>2</Value></Code><ObjectAttribute><Attribute>a"
    "</Attribute><AttributeValue><Value>1</Value><Units><Unit>mg</Unit><Code><Value>3</Value></Code></Units>"
    "</AttributeValue></ObjectAttribute>";
const std::string times =
    "<DateTime><Type>" + coded + "</Type><DateTimeRange><BeginRange><ApproximateDateTime>" + coded +
    "</ApproximateDateTime></BeginRange></DateTimeRange><DateTimeRange><EndRange><Age><Value>1</Value></Age>"
    "</EndRange></DateTimeRange></DateTime>";
const std::string actor =
    "<ActorID>A</ActorID><ActorRole>" + coded + "</ActorRole><ActorRole>" + coded + "</ActorRole>";
const std::string source = "<Source><Actor>" + actor + "<House a=\"b\"/></Actor>" + times + "</Source>";
const std::string leaf =
    "<CCRDataObjectID>L</CCRDataObjectID>" + times + "<IDs><ID>1</ID><IssuedBy>" + actor + "</IssuedBy>" +
    times + source + "</IDs><Type>" + coded + "</Type><Description>" + coded + "</Description>" + source +
    actor + "<Product><ProductName>" + coded +
    "</ProductName><Strength><Value>1</Value></Strength><Manufacturer>" + actor +
    "</Manufacturer></Product><Product/><Actor>" + actor + "<HealthStatus><Description>" + coded +
    "</Description></HealthStatus></Actor><NormalResult><Normal><Value>1</Value><Description>" + coded +
    "</Description></Normal></NormalResult><InternalCCRLink><LinkID>L</LinkID><LinkRelationship>r"
    "</LinkRelationship>" +
    source + "</InternalCCRLink><CommentID>C</CommentID><House a=\"b\">text</House>";

bool says(const nlohmann::json& value, const std::string& text)
{
    return value.dump().find(text) != std::string::npos;
}

}  // namespace

// The host takes 64 objects and arrays in each other; a record may be 100 elements deep, and each costs two.
BOOST_AUTO_TEST_CASE(a_record_nested_deeper_than_an_item_may_be_is_cut)
{
    const std::pair<std::string, std::string> nests[] = {
        {"<House>", "</House>"},
        {"<House a=\"b\"><Other>", "</Other></House>"},
        {"<Problems><Problem>", "</Problem></Problems>"},
        {"<Vehicle>", "</Vehicle>"},
        {"<Agent><Products><Product>", "</Product></Products></Agent>"},
        {"<FamilyMember><HealthStatus>", "</HealthStatus></FamilyMember>"},
        {"<Description><Text>t</Text><House>", "</House></Description>"},
    };
    for (const auto& [begin, end] : nests)
        for (int n = 1; n <= 80; ++n) {
            const std::string deep = repeat(begin, n) + leaf + repeat(end, n);
            const auto told = ccr().read(
                record("<Body><Problems><Problem>" + deep +
                       "</Problem><Problem><Description><Text>"
                       "beside</Text></Description></Problem></Problems></Body><Comments><Comment>" +
                       deep + "</Comment></Comments>"));
            if (told.status == DIRECT_LIMIT && n > 20) break;  // deeper than XML may be
            BOOST_REQUIRE(told.status == DIRECT_PARSED);
            const auto problems = told.of("problems");
            BOOST_REQUIRE(problems.size() == 2u);
            BOOST_TEST(says(problems[1], "beside"));
            BOOST_TEST(!problems[1].contains("cut"));
            BOOST_REQUIRE(told.document.at("comments").size() == 1u);
            const bool cut = problems[0].contains("cut");
            BOOST_TEST((cut || n < (begin == "<Vehicle>" ? 56 : 28)), begin << n);
            BOOST_TEST((!cut || n > 8), begin << n);
            BOOST_TEST(told.document["comments"][0].contains("cut") == cut);
            BOOST_TEST(told.skipped.size() == (cut ? 2u : 0u));
            if (!cut) continue;
            BOOST_TEST(told.skipped[0].first == "problems");
            BOOST_TEST(told.skipped[0].second == "nested deeper than an item may be");
            BOOST_TEST(told.skipped[1].first == "document");
        }
}

BOOST_AUTO_TEST_CASE(an_actor_nested_deeper_than_an_item_may_be_is_cut)
{
    const std::string deep = repeat("<House>", 60) + "x" + repeat("</House>", 60);
    const auto told = ccr().read(
        record("<Patient><ActorID>A</ActorID><ActorRole>" + deep +
               "</ActorRole></Patient><Body/><Actors><Actor>"
               "<ActorObjectID>A</ActorObjectID><Person><Name><DisplayName>Ada</DisplayName></Name>" +
               deep + "</Person></Actor></Actors>" + deep));
    BOOST_TEST(told.status == DIRECT_PARSED);
    BOOST_REQUIRE(told.of("demographics").size() == 1u);
    BOOST_TEST(at(told.of("demographics")[0], "/cut") == "true");
    BOOST_TEST(at(told.of("demographics")[0], "/name") == "Ada");
    BOOST_TEST(at(told.of("other", "actor").at(0), "/cut") == "true");
    BOOST_TEST(told.skipped.size() == 3u);  // the document's own
}

// An item says "cut" once, whatever it was cut for.
BOOST_AUTO_TEST_CASE(a_provider_may_be_cut_for_two_reasons)
{
    const std::string role =
        "<ActorRole>" + repeat("<House>", 60) + "x" + repeat("</House>", 60) + "</ActorRole>";
    const std::string provider = "<Provider><ActorID>A</ActorID>" + role + "</Provider>";
    const auto told =
        ccr().read(record("<Body><HealthCareProviders>" + repeat(provider, 60) +
                          "</HealthCareProviders></Body><Actors><Actor><ActorObjectID>A"
                          "</ActorObjectID><Organization><Name>" +
                          std::string(100'000, 'x') + "</Name></Organization></Actor></Actors>"));
    BOOST_TEST(told.status == DIRECT_PARSED);
    const auto providers = told.of("care_team");
    BOOST_REQUIRE(providers.size() == 60u);
    for (const auto& p : providers) BOOST_TEST(at(p, "/cut") == "true");
    BOOST_TEST(providers[0].contains("organisation"));
    BOOST_TEST(!providers[59].contains("organisation"));
    BOOST_TEST(told.skipped[59].second == "more is joined than a document may say twice");
}

// Not by time: that what was looked at counts is seen by the joins that end, though they bring few words.
BOOST_AUTO_TEST_CASE(an_actor_of_many_elements_is_not_walked_for_every_provider)
{
    const auto read = [](int elements) {
        return ccr().read(
            record("<Body><HealthCareProviders>" + repeat("<Provider><ActorID>A</ActorID></Provider>", 1000) +
                   "</HealthCareProviders></Body><Actors><Actor><ActorObjectID>A</ActorObjectID>" +
                   repeat("<House/>", elements) +
                   "<Organization><Name>Clinic</Name></Organization></Actor></Actors>"));
    };
    const auto few = read(10).of("care_team"), many = read(100'000).of("care_team");
    BOOST_REQUIRE((few.size() == 1000u && many.size() == 1000u));
    BOOST_TEST(at(few[999], "/name") == "Clinic");
    BOOST_TEST(at(many[0], "/name") == "Clinic");
    BOOST_TEST(at(many[999], "/cut") == "true");
}

// 15,000 references to an actor, a problem and a comment of 100,000 elements each: each is looked at once. A
// minute and more when every reference walks.
BOOST_AUTO_TEST_CASE(what_is_pointed_to_is_looked_at_once)
{
    const std::string much = repeat("<House/>", 100'000);
    const std::string pointing =
        "<Problem><Source><Actor><ActorID>A</ActorID></Actor></Source><InternalCCRLink>"
        "<LinkID>P</LinkID></InternalCCRLink><CommentID>C</CommentID></Problem>";
    const std::string bytes =
        record("<Body><Problems>" + repeat(pointing, 15'000) +
               "</Problems><House><CCRDataObjectID>P</CCRDataObjectID>" + much +
               "<Description><Text>p</Text></Description></House></Body><Actors><Actor><ActorObjectID>A"
               "</ActorObjectID>" +
               much +
               "<Organization><Name>a</Name></Organization></Actor></Actors><Comments><Comment>"
               "<CommentObjectID>C</CommentObjectID>" +
               much + "<Description><Text>c</Text></Description></Comment></Comments>");
    const auto from = std::clock();  // of CPU: what else the machine does is no fault of ours
    const auto told = ccr().read(bytes);
    BOOST_TEST((std::clock() - from < 20 * CLOCKS_PER_SEC));
    BOOST_TEST(told.status == DIRECT_PARSED);
    const auto problems = told.of("problems");
    BOOST_REQUIRE(problems.size() == 15'000u);
    BOOST_TEST(at(problems.back(), "/author/0/name") == "a");
    BOOST_TEST(at(problems.back(), "/links/0/text") == "p");
    BOOST_TEST(at(problems.back(), "/comments/0/text") == "c");
}
