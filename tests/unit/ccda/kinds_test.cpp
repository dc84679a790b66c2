// What kind of document it is, and which section is which: one document of every kind, and every row of
// sections.def found by each of its templates and codes.
#include <boost/test/unit_test.hpp>
#include <sstream>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;
using nlohmann::json;

namespace {

struct Kind {
    const char *file, *kind, *type, *version, *profile;
};
constexpr Kind kinds[] = {
    {"ccd.xml", "ccda", "CCD", "R2.1+R1.1", ""},
    {"ccd_r11.xml", "ccda", "CCD", "R1.1", ""},
    {"care_plan.xml", "ccda", "CarePlan", "R2.1", ""},
    {"discharge.xml", "ccda", "DischargeSummary", "R2.1", ""},
    {"operative.xml", "ccda", "OperativeNote", "R2.0", ""},
    {"narratives.xml", "ccda", "HistoryAndPhysical", "R2.1", ""},
    {"unstructured.xml", "ccda", "UnstructuredDocument", "R2.1+R1.1", ""},
    {"c32.xml", "ccd", "C32", "", ""},
    {"c32_prefixed.xml", "ccd", "C32", "", ""},
    {"ccd10.xml", "ccd", "CCD1.0", "", ""},
    {"other.xml", "cda", "other", "", "PHCR"},
};

std::string document(const std::string& header, const std::string& sections)
{
    return "<ClinicalDocument xmlns=\"urn:hl7-org:v3\">" + header + "<component><structuredBody>" + sections +
           "</structuredBody></component></ClinicalDocument>";
}

std::string section(const std::string& head, const std::string& entries = "")
{
    return "<component><section>" + head + entries + "</section></component>";
}

std::string templates(std::initializer_list<std::string> ids)
{
    std::string out;
    for (auto& id : ids) {
        const auto at = id.find('|');
        out += "<templateId root=\"" + id.substr(0, at) + "\"";
        if (at != std::string::npos) out += " extension=\"" + id.substr(at + 1) + "\"";
        out += "/>";
    }
    return out;
}

struct Row {
    std::string name, roots, loinc;
};
std::vector<Row> rows()
{
    return {
#define SECTION(name, extractor, roots, loinc) {#name, roots, loinc},
#include "plugins/ccda/sections.def"
#undef SECTION
    };
}

std::vector<std::string> words(const std::string& text)
{
    std::istringstream in(text);
    std::vector<std::string> out;
    for (std::string word; in >> word;) out.push_back(word);
    return out;
}

std::string found_as(const std::string& head)
{
    return at(ccda().read(document("", section(head))).document, "/sections/0/name");
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_kind_of_document)
{
    for (const auto& k : kinds) {
        const auto d = ccda().read(vector_document(k.file)).document;
        BOOST_TEST_CONTEXT(k.file)
        {
            BOOST_TEST(at(d, "/kind") == k.kind);
            BOOST_TEST(at(d, "/type") == k.type);
            BOOST_TEST(at(d, "/version") == k.version);
            BOOST_TEST(at(d, "/profile") == k.profile);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_better_known_template_wins)
{
    const std::string c32 = "2.16.840.1.113883.3.88.11.32.1", ccd = "2.16.840.1.113883.10.20.1",
                      ihe = "1.3.6.1.4.1.19376.1.5.3.1.1.1", note = "2.16.840.1.113883.10.20.22.1.14";
    const auto kind = [](const std::string& header, const std::string& sections = "") {
        const auto d = ccda().read(document(header, sections)).document;
        return at(d, "/type") + "/" + at(d, "/version") + "/" + at(d, "/profile");
    };
    BOOST_TEST(kind(templates({ihe, ccd, c32, note})) == "ReferralNote/R1.1/");
    BOOST_TEST(kind(templates({ihe, ccd, c32})) == "C32//");
    BOOST_TEST(kind(templates({ihe, ccd})) == "CCD1.0//");
    BOOST_TEST(kind(templates({ihe})) == "other//IHE PCC");
    BOOST_TEST(kind(templates({note + "|2014-06-09"})) == "ReferralNote/R2.0/");
    BOOST_TEST(kind(templates({note + "|2014-08-01", note})) == "ReferralNote/R2.0+R1.1/");
    BOOST_TEST(kind(templates({note + "|2017-06-01", note + "|2014-06-09"})) == "ReferralNote/R2.1/");
    BOOST_TEST(kind(templates({"2.16.840.1.113883.10.20.22.1.1|2015-08-01"})) == "other/R2.1/");
    BOOST_TEST(kind("", section("<title>Allergies</title>")) == "other//C-CDA-like sections");
    BOOST_TEST(kind("<code code=\"34133-9\"/>") == "other//CCD by code");
    BOOST_TEST(kind("") == "other//");
}

BOOST_AUTO_TEST_CASE(every_section_by_template_of_any_version)
{
    for (const auto& row : rows())
        for (const auto& root : words(row.roots)) {
            BOOST_TEST_CONTEXT(row.name << " " << root)
            {
                BOOST_TEST(found_as(templates({root})) == row.name);
                BOOST_TEST(found_as(templates({"2.999.1", root + "|2031-01-01"})) == row.name);
            }
        }
}

BOOST_AUTO_TEST_CASE(every_section_by_its_code)
{
    for (const auto& row : rows())
        for (const auto& code : words(row.loinc)) {
            BOOST_TEST_CONTEXT(row.name << " " << code)
            {
                const std::string begin = templates({"2.999.1"}) + "<code code=\"" + code + "\"";
                BOOST_TEST(found_as(begin + " codeSystem=\"2.16.840.1.113883.6.1\"/>") == row.name);
                BOOST_TEST(found_as(begin + "/>") == row.name);
                BOOST_TEST(found_as(begin + " codeSystem=\"2.999.9\"/>") == "other");
            }
        }
}

BOOST_AUTO_TEST_CASE(sections_by_title_last)
{
    struct Title {
        const char *title, *section;
    };
    for (const Title& t : std::initializer_list<Title>{{"ALLERGIES and intolerances", "allergies"},
                                                       {"Adverse reactions", "allergies"},
                                                       {"Problem list", "problems"},
                                                       {"Conditions", "problems"},
                                                       {"Conditions of use", "other"},
                                                       {"Vaccinations", "immunizations"},
                                                       {"Vital signs", "vitals"},
                                                       {"Lab results", "results"},
                                                       {"Results", "results"},
                                                       {"Family  History", "family_history"},
                                                       {"Social history", "social_history"},
                                                       {"Insurance providers", "payers"},
                                                       {"Advance directives", "advance_directives"},
                                                       {" \n CARE TEAM", "care_team"},
                                                       {"Current medications", "medications"},
                                                       {"Medications administered", "other"},
                                                       {"Procedures", "procedures"},
                                                       {"Procedures planned", "other"},
                                                       {"Encounters", "encounters"},
                                                       {"My allergies", "other"}}) {
        BOOST_TEST_CONTEXT(t.title)
        {
            BOOST_TEST(found_as("<code/><title>" + std::string(t.title) + "</title>") == t.section);
        }
    }
    BOOST_TEST(found_as("<title><content styleCode=\"Bold\">Encounters</content></title>") == "encounters");
    BOOST_TEST(found_as("<code code=\"48765-2\"/><title>Problems</title>") == "allergies");
}

// Whatever the section: an entry nobody has a word for is an item of it, whole.
BOOST_AUTO_TEST_CASE(an_unheard_of_entry_is_kept_in_every_section)
{
    const std::string entry =
        "<entry><organizer classCode=\"CLUSTER\" moodCode=\"EVN\"><templateId root=\"2.999.3\"/>"
        "<id root=\"2.999.4\" extension=\"x\"/><code code=\"unheard\" codeSystem=\"2.999.9\"/>"
        "<statusCode code=\"completed\"/><effectiveTime value=\"2026\"/><component><observation "
        "classCode=\"OBS\" moodCode=\"EVN\"><code code=\"inner\" codeSystem=\"2.999.9\"/><value "
        "xsi:type=\"PQ\" value=\"1.50\" unit=\"furlong\"/></observation></component></organizer></entry>"
        "<entry/>";
    for (const auto& row : rows()) {
        const auto roots = words(row.roots), codes = words(row.loinc);
        const std::string head =
            roots.empty() ? "<code code=\"" + codes.at(0) + "\"/>" : templates({roots[0]});
        const auto told = ccda().read(document("", section(head, entry)));
        BOOST_TEST_CONTEXT(row.name)
        {
            BOOST_REQUIRE(told.items.size() == 1u);
            BOOST_TEST(at(told.items[0], "/section") == row.name);
            BOOST_TEST(at(told.items[0], "/code/code") == "unheard");
            BOOST_TEST(at(told.items[0], "/effectiveTime/value") == "2026");
            const std::string all = told.items[0].dump();
            BOOST_TEST(all.find("\"inner\"") != std::string::npos);
            BOOST_TEST(all.find("\"1.50\"") != std::string::npos);
            BOOST_TEST(all.find("\"furlong\"") != std::string::npos);
            // An entry without a statement is told as skipped, under the name of its section.
            BOOST_REQUIRE(told.skipped.size() == 1u);
            BOOST_TEST(told.skipped[0].first == row.name);
        }
    }
}
