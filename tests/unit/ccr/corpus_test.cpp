// Every CCR of the shared corpus against its truth, and nothing of any left out. Skipped, saying so, where
// the corpus is not at hand.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "tests/support/scratch.h"
#include "tests/support/vectors.h"
#include "tests/unit/ccda/plugin_under_test.h"
#include "tests/unit/ccr/texts.h"

using namespace direct::test;

namespace {

struct Truth {
    std::string path, counts;
};

std::vector<Truth> load_truth(const std::string& file)
{
    std::vector<Truth> out;
    std::istringstream in(read_file(file));
    bool ours = false;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("D\t")) {
            ours = line.find("\tCCR\t") != std::string::npos;
            if (ours) out.push_back({line.substr(line.rfind('\t') + 1), ""});
        } else if (ours && line.starts_with("\t")) {
            out.back().counts = line.substr(1);
        }
    }
    return out;
}

std::string bytes_of(const std::string& corpus, const std::string& path)
{
    const auto bang = path.find('!');
    if (bang == std::string::npos) return read_file(corpus + "/" + path);
    return run("unzip -p '" + corpus + "/" + path.substr(0, bang) + "' '" + path.substr(bang + 1) + "'");
}

// Items of one body section of the CCR: by the place they were found in.
std::vector<nlohmann::json> items_of(const Told& told, const std::string& body)
{
    std::vector<nlohmann::json> out;
    for (const auto& item : told.items) {
        const auto path = item.at("path").get<std::string>();
        if (path.find("/" + body + "/") != std::string::npos ||
            path.find("/" + body + "[") != std::string::npos)
            out.push_back(item);
    }
    return out;
}

const std::map<std::string, std::string> sections = {{"Payers", "payers"},
                                                     {"AdvanceDirectives", "advance_directives"},
                                                     {"Support", "care_team"},
                                                     {"FunctionalStatus", "functional_status"},
                                                     {"Problems", "problems"},
                                                     {"FamilyHistory", "family_history"},
                                                     {"SocialHistory", "social_history"},
                                                     {"Alerts", "allergies"},
                                                     {"Medications", "medications"},
                                                     {"MedicalEquipment", "medical_equipment"},
                                                     {"Immunizations", "immunizations"},
                                                     {"VitalSigns", "vitals"},
                                                     {"Results", "results"},
                                                     {"Procedures", "procedures"},
                                                     {"Encounters", "encounters"},
                                                     {"PlanOfCare", "plan_of_treatment"},
                                                     {"HealthCareProviders", "care_team"},
                                                     {"Patient", "demographics"},
                                                     {"Actors", "other"}};

void compare(const Told& told, const std::string& path, const std::string& word)
{
    const auto eq = word.find('=');
    const std::string body = word.substr(4, eq - 4);
    std::istringstream numbers(word.substr(eq + 1));
    std::size_t want[4] = {};
    for (auto& n : want)
        if (!(numbers >> n) || numbers.get() != '/') break;
    std::size_t sub = 0, nulls = 0;
    const auto items = items_of(told, body);
    for (const auto& item : items) {
        BOOST_TEST(item.at("section") == sections.at(body), path << " " << body);
        if (item.contains("sub")) sub += item["sub"].size();
        if (item.value("null", false)) ++nulls;
    }
    BOOST_CHECK_MESSAGE(items.size() == want[2],
                        path << " " << body << ": " << items.size() << " items, should be " << want[2]);
    BOOST_CHECK_MESSAGE(sub == want[3],
                        path << " " << body << ": " << sub << " parts, should be " << want[3]);
    BOOST_TEST(nulls == 0u);
    if (body == "Patient") return;
    for (const auto& s : told.document.at("sections"))
        if (s.at("title") == body) {
            BOOST_TEST(s.at("entries") == want[1], path << " " << body);
            BOOST_TEST(s.at("items") == want[2], path << " " << body);
            BOOST_TEST(s.at("name") == sections.at(body));
            return;
        }
    BOOST_ERROR(path << ": no section " << body);
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_record_gives_what_it_holds)
{
    const std::string corpus = shared_dir().empty() ? "" : shared_dir() + "/corpus";
    if (corpus.empty() || !std::filesystem::exists(corpus + "/truth.tsv")) {
        BOOST_TEST_MESSAGE("skipped: no ../shared/corpus here");
        return;
    }
    const PluginUnderTest ccr("ccr");
    std::size_t documents = 0;
    for (const auto& truth : load_truth(corpus + "/truth.tsv")) {
        const auto bytes = bytes_of(corpus, truth.path);
        const Told told = ccr.read(bytes);
        BOOST_CHECK_MESSAGE(told.status == DIRECT_PARSED, truth.path << " is read");
        if (told.status != DIRECT_PARSED) continue;
        ++documents;
        BOOST_TEST(told.document.at("kind") == "ccr");
        BOOST_TEST(told.document.at("version") == "V1.0");
        BOOST_TEST(told.skipped.empty());
        std::istringstream words(truth.counts);
        for (std::string word; words >> word;) compare(told, truth.path, word);
        for (const auto& lost : texts_lost(bytes, told)) BOOST_ERROR(truth.path << " lost: " << lost);
    }
    BOOST_TEST(documents >= 5u);
}
