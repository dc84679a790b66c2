// Sections that say all they say in words: found by template, by LOINC code, or kept with their title alone
// (narratives.xml).
#include <boost/test/unit_test.hpp>
#include <set>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;
using nlohmann::json;

namespace {

const Told& narratives()
{
    static const Told told = ccda().read(vector_document("narratives.xml"));
    return told;
}

struct Words {
    const char *name, *title, *root, *loinc, *narrative, *html;  ///< html without the outermost div
};

// In the order of the document.
constexpr Words all[] = {
    {"assessment", "T 1", "2.16.840.1.113883.10.20.22.2.8", "", "Ankle sprain, left\nHay fever, quiet",
     "<ol><li>Ankle sprain, left</li><li>Hay fever, quiet</li></ol>"},
    {"chief_complaint", "T 2", "2.16.840.1.113883.10.20.22.2.13", "", "My left ankle hurts.",
     "My <span class=\"bold\">left ankle</span> hurts."},
    {"general_status", "T 3", "2.16.840.1.113883.10.20.2.5", "", "Alert, in no distress.\nWalks with a limp.",
     "<p>Alert, in no distress.</p><p>Walks with a limp.</p>"},
    {"history_of_present_illness", "T 4", "1.3.6.1.4.1.19376.1.5.3.1.3.4", "",
     "Slipped on a stair\ntwo days ago.", "Slipped on a stair<br/>two days ago."},
    {"hospital_course", "T 5", "1.3.6.1.4.1.19376.1.5.3.1.3.5", "", "Day | What\n1 | Rest & ice\n2 | Home",
     "<table><thead><tr><th>Day</th><th>What</th></tr></thead><tbody><tr><td>1</td><td>Rest &amp; "
     "ice</td></tr>"
     "<tr><td>2</td><td>Home</td></tr></tbody></table>"},
    {"physical_exam", "T 6", "2.16.840.1.113883.10.20.2.10", "", "Ankle\nSwollen\nPulse present",
     "<ul><li class=\"caption\">Ankle</li><li>Swollen</li><li>Pulse present</li></ul>"},
    {"reason_for_visit", "T 7", "2.16.840.1.113883.10.20.22.2.12", "", "Ankle seen again.",
     "Ankle seen again."},
    {"review_of_systems", "T 8", "1.3.6.1.4.1.19376.1.5.3.1.3.18", "", "No fever; SpO2 not taken.",
     "<span id=\"n-ros1\">No fever</span>; SpO<sub>2</sub> not taken."},

    {"assessment", "L 1", "", "51848-0", "Sprain is healing.", "Sprain is healing."},
    {"chief_complaint", "L 2", "", "10154-3", "\"It still clicks.\"", "&quot;It still clicks.&quot;"},
    {"chief_complaint", "L 3", "", "46239-0", "Complaint and reason in one.", "Complaint and reason in one."},
    {"general_status", "L 4", "", "10210-3", "Well < fresh.", "Well &lt; fresh."},
    {"history_of_present_illness", "L 5", "", "10164-2", "Began on a stair.", "Began on a stair."},
    {"hospital_course", "L 6", "", "8648-8", "One night, uneventful.", "One night, uneventful."},
    {"physical_exam", "L 7", "", "29545-1", "Less swollen.", "Less swollen."},
    {"reason_for_visit", "L 8", "", "29299-5", "Follow-up.", "Follow-up."},
    {"review_of_systems", "L 9", "", "10187-3", "Nothing new.", "Nothing new."},

    // No title pattern is for these: they keep title and words, under no name they did not claim.
    {"other", "Assessment", "", "", "N 1", "N 1"},
    {"other", "Chief Complaint", "", "", "N 2", "N 2"},
    {"other", "General Status", "", "", "N 3", "N 3"},
    {"other", "History of Present Illness", "", "", "N 4", "N 4"},
    {"other", "Hospital Course", "", "", "N 5", "N 5"},
    {"other", "Physical Exam", "", "", "N 6", "N 6"},
    {"other", "Reason for Visit", "", "", "N 7", "N 7"},
    {"other", "Review of Systems", "", "", "N 8", "N 8"},
};

json only_section(const std::string& inside)
{
    const auto told = ccda().read(
        "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><component><structuredBody><component><section>" +
        inside + "</section></component></structuredBody></component></ClinicalDocument>");
    BOOST_TEST(told.items.empty());
    BOOST_TEST(told.skipped.empty());
    return told.document.at("sections").at(0);
}

}  // namespace

BOOST_AUTO_TEST_CASE(words_are_kept_whole_under_the_name_of_their_section)
{
    const auto& sections = narratives().document.at("sections");
    BOOST_REQUIRE(sections.size() == std::size(all));
    const std::string doc = vector_document("narratives.xml");
    for (std::size_t i = 0; i < std::size(all); ++i) {
        const auto& want = all[i];
        const auto& s = sections[i];
        BOOST_TEST_CONTEXT(want.title)
        {
            BOOST_TEST(at(s, "/name") == want.name);
            BOOST_TEST(at(s, "/title") == want.title);
            BOOST_TEST(at(s, "/templateIds/0/root") == want.root);
            BOOST_TEST(at(s, "/code/code") == want.loinc);
            BOOST_TEST(at(s, "/narrative") == want.narrative);
            BOOST_TEST(at(s, "/narrativeHtml") ==
                       "<div class=\"narrative\">" + std::string(want.html) + "</div>");
            BOOST_TEST(at(s, "/entries") == "0");
            BOOST_TEST(at(s, "/items") == "0");
            BOOST_TEST(at(s, "/path") == "/ClinicalDocument/component/structuredBody/component[" +
                                             std::to_string(i + 1) + "]/section");
            BOOST_TEST(doc.substr(s.at("offset").get<std::size_t>()).starts_with("<section>"));
            BOOST_TEST(!s.contains("more"));
        }
    }
    BOOST_TEST(at(sections[8], "/ids/0/extension") == "l1");
    BOOST_TEST(at(sections[8], "/code/displayName") == "Assessments");
    BOOST_TEST(at(sections[8], "/code/codeSystemName") == "LOINC");
}

BOOST_AUTO_TEST_CASE(a_section_of_words_only_gives_no_item_and_loses_nothing)
{
    const auto& told = narratives();
    BOOST_TEST(told.items.size() == 1u);
    BOOST_TEST(told.of("demographics").size() == 1u);
    BOOST_TEST(told.skipped.empty());
    BOOST_TEST(told.notes.empty());
    std::set<std::string> by_root, by_code;
    for (const auto& w : all) {
        if (*w.root) by_root.insert(w.name);
        if (*w.loinc) by_code.insert(w.name);
    }
    BOOST_TEST(by_root.size() == 8u);
    BOOST_TEST(by_code == by_root);
}

BOOST_AUTO_TEST_CASE(templates_of_other_generations_name_the_same_sections)
{
    constexpr std::pair<const char*, const char*> others[] = {
        {"chief_complaint", "1.3.6.1.4.1.19376.1.5.3.1.1.13.2.1"},
        {"chief_complaint", "2.16.840.1.113883.3.88.11.83.105"},
        {"history_of_present_illness", "2.16.840.1.113883.3.88.11.83.107"},
        {"hospital_course", "2.16.840.1.113883.3.88.11.83.121"},
        {"physical_exam", "2.16.840.1.113883.3.88.11.83.118"},
        {"review_of_systems", "2.16.840.1.113883.3.88.11.83.120"},
    };
    for (const auto& [name, root] : others) {
        BOOST_TEST_CONTEXT(root)
        {
            // With any extension, and whatever code and title say.
            const auto s = only_section("<templateId root=\"" + std::string(root) +
                                        "\" extension=\"2015-08-01\"/><code code=\"51848-0\"/>"
                                        "<title>Vital signs</title><text>Words.</text>");
            BOOST_TEST(at(s, "/name") == name);
            BOOST_TEST(at(s, "/templateIds/0/extension") == "2015-08-01");
            BOOST_TEST(at(s, "/narrative") == "Words.");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_code_of_another_system_is_no_loinc_code)
{
    const auto s = only_section(
        "<code code=\"51848-0\" "
        "codeSystem=\"2.16.840.1.113883.6.96\"/><title>Mine</title><text>Words.</text>");
    BOOST_TEST(at(s, "/name") == "other");
    BOOST_TEST(at(s, "/code/code") == "51848-0");
    BOOST_TEST(at(s, "/narrative") == "Words.");
}
