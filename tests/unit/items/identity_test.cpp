// Which ids say that two documents are about one person, or are one document.
#include "tests/unit/items/chart.h"

using namespace direct;
using namespace direct::test;

// Two people whose number is not known had the place that gives numbers in common, and one's document hid the other's.
BOOST_AUTO_TEST_CASE(patients_whose_number_is_not_known_are_not_the_same)
{
    const std::string security = "2.16.840.1.113883.4.1";
    const auto of = [](const char* version, const Json& ids, const char* name) {
        return said(ccd(version, {{"setId", "s"},
                                  {"versionNumber", version},
                                  {"patient", {{"ids", ids}, {"name", name}, {"birthTime", "1961"}}}}),
                    {});
    };
    const Json unknown[] = {{{{"root", security}, {"nullFlavor", "UNK"}}},
                            {{{"root", security}, {"extension", "0"}, {"nullFlavor", "NI"}}},
                            {{{"root", security}}}};
    for (const auto& ids : unknown) {
        Chart c;
        const auto ann = c.settled(of("1", ids, "Ann"));
        const auto bea = c.settled(of("2", ids, "Bea"));
        BOOST_TEST(c.state(ann) == "current", ids.dump());
        BOOST_TEST(join(c.place_of(bea)->notes, " ") == "other-patient", ids.dump());
        // Then name and birth time tell.
        c.settled(of("3", {{{"root", "p"}, {"extension", "9"}}}, "Ann"));
        BOOST_TEST(c.state(ann) == "superseded", ids.dump());
    }
    // What is nobody's number does not keep the other ids from agreeing.
    const auto facts = facts_of_document(
        ccd("d",
            {{"patient", {{"ids", {unknown[0][0], {{"root", "p"}, {"extension", "1"}}}}, {"name", "Ann"}}}})
            .dump());
    BOOST_TEST(facts.patient == std::vector<std::string>{"ip^1"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_uuid_is_the_same_in_capitals)
{
    const std::string low = "7a3c9d10-0b2e-4f5a-9c8d-1e2f3a4b5c6d",
                      high = "7A3C9D10-0B2E-4F5A-9C8D-1E2F3A4B5C6D";
    const auto of = [](const std::string& root, const char* version) {
        Json d = ccd(root + "^D" + version, {{"setId", root}, {"versionNumber", version}});
        d["patient"] = {{"ids", {{{"root", root}}}}};
        return said(d, {});
    };
    Chart c;
    const auto one = c.settled(of(low, "1"));
    c.settled(of(high, "2"));
    BOOST_TEST(c.state(one) == "superseded");
    // An extension's case means something, and so does that of what is no UUID.
    const auto facts = facts_of_document(ccd(high + "^AB", {{"setId", "ABCDEF"}}).dump());
    BOOST_TEST(facts.id == low + "^AB");
    BOOST_TEST(facts.set_id == "ABCDEF");
}

BOOST_AUTO_TEST_CASE(an_id_that_is_not_known_is_no_set)
{
    const Json unknown = {
        {"id", "1.2"}, {"idNullFlavor", "UNK"}, {"setId", "1.3"}, {"setIdNullFlavor", "NI"}};
    Json d = ccd("", unknown);
    d["relatedDocuments"] = {unknown};
    const auto facts = facts_of_document(d.dump());
    BOOST_TEST(facts.id == "");
    BOOST_TEST(facts.set_id == "");
    BOOST_REQUIRE(facts.related.size() == 1u);
    BOOST_TEST(facts.related[0].ids.empty());
    BOOST_TEST(facts.related[0].set_id == "");
}

BOOST_AUTO_TEST_CASE(the_kind_of_a_document_is_read_wherever_it_stands)
{
    // It had to be the very first bytes: with a blank before it a document was of kind "other".
    for (const char* ccd : {R"({"kind":"ccd"})", R"( { "title":"{\"kind\":\"x\"}", "kind" : "ccd" })",
                            R"({"sections":[{"kind":"x"}],"kind":"\u0063cd"})"})
        BOOST_TEST(kind_of_document(ccd) == "ccd", ccd);
    const std::string longest(document_kind_max, 'k');
    BOOST_TEST(kind_of_document("{\"kind\":\"" + longest + "\"}") == longest);
    for (const std::string& other :
         {std::string("{}"), std::string(R"({"kind":""})"), std::string(R"({"kind":7})"),
          std::string(R"({"kind":"two words"})"), std::string(R"({"kind":"a\nb"})"),
          std::string(R"({"a":{"kind":"ccd"}})"), "{\"kind\":\"" + longest + "k\"}"})
        BOOST_TEST(kind_of_document(other) == "other", other);
}
