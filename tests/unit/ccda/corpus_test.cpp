// Every document of the shared corpus against its truth: kind, type, sections, items, parts, nulls and
// negations. Skipped, saying so, where the corpus is not at hand.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "tests/support/scratch.h"
#include "tests/support/vectors.h"
#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;

namespace {

struct Counts {
    int sections = 0, entries = 0, items = 0, sub = 0, nulls = 0, negated = 0;
};
struct Truth {
    std::string type, version, path;
    std::map<std::string, Counts> sections;
};

Counts counts_of(std::string text)
{
    text = text.substr(0, text.find('~'));
    std::replace(text.begin(), text.end(), '/', ' ');
    std::istringstream in(text);
    Counts c;
    in >> c.sections >> c.entries >> c.items >> c.sub >> c.nulls >> c.negated;
    return c;
}

std::vector<Truth> load_truth(const std::string& file)
{
    std::vector<Truth> out;
    std::istringstream in(read_file(file));
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("D\t")) {
            std::istringstream cells(line);
            std::string cell[5];
            for (auto& c : cell) std::getline(cells, c, '\t');
            if (cell[3].starts_with('!')) cell[3].clear();  // a remark, no version
            out.push_back({cell[2], cell[3], cell[4], {}});
        } else if (line.starts_with("\t") && !out.empty()) {
            std::istringstream words(line);
            for (std::string word; words >> word;) {
                const auto eq = word.find('=');
                out.back().sections[word.substr(0, eq)] = counts_of(word.substr(eq + 1));
            }
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

// Rows that count items of another section by their kind.
bool is_kind_of_social_history(const std::string& section)
{
    return section == "smoking_status" || section == "tobacco_use";
}

Counts counted(const Told& told, const std::string& section)
{
    Counts c;
    const auto items =
        is_kind_of_social_history(section) ? told.of("social_history", section) : told.of(section);
    for (auto& item : items) {
        ++c.items;
        if (item.contains("sub")) c.sub += static_cast<int>(item["sub"].size());
        if (item.value("null", false)) ++c.nulls;
        if (item.value("negationInd", false)) ++c.negated;
    }
    for (auto& s : told.document.value("sections", nlohmann::json::array()))
        if (s.at("name") == section) {
            ++c.sections;
            c.entries += s.at("entries").get<int>();
        }
    return c;
}

void compare(const Truth& truth, const std::string& section, const Counts& ours)
{
    const auto at = truth.sections.find(section);
    const Counts want = at == truth.sections.end() ? Counts{} : at->second;
    const auto check = [&](const char* what, int got, int wanted) {
        BOOST_CHECK_MESSAGE(got == wanted, truth.path << " " << section << " " << what << ": " << got
                                                      << ", should be " << wanted);
    };
    check("items", ours.items, want.items);
    check("sub", ours.sub, want.sub);
    check("nulls", ours.nulls, want.nulls);
    check("negated", ours.negated, want.negated);
    // The header is no section of the body, and kinds of social history are none of their own.
    if (section == "demographics" || section.starts_with("header_") || is_kind_of_social_history(section))
        return;
    check("sections", ours.sections, want.sections);
    check("entries", ours.entries, want.entries);
}

// Every section of the truth, and every one we tell of.
std::set<std::string> sections_of(const Truth& truth, const Told& told)
{
    std::set<std::string> out;
    for (auto& [name, counts] : truth.sections) out.insert(name);
    for (auto& item : told.items) out.insert(item.at("section"));
    for (auto& s : told.document.value("sections", nlohmann::json::array())) out.insert(s.at("name"));
    return out;
}

std::string type_of(const Told& told)
{
    const std::string kind = told.document.value("kind", ""), type = told.document.value("type", "");
    if (kind == "ccda") return "CCDA:" + type;
    return kind == "ccd" ? type : "CDA:" + type;
}

bool corpus_is_there(std::string& corpus)
{
    corpus = shared_dir().empty() ? "" : shared_dir() + "/corpus";
    if (!corpus.empty() && std::filesystem::exists(corpus + "/truth.tsv")) return true;
    BOOST_TEST_MESSAGE("skipped: no ../shared/corpus here");
    return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_document_gives_what_it_holds)
{
    std::string corpus;
    if (!corpus_is_there(corpus)) return;
    std::size_t documents = 0;
    for (const auto& truth : load_truth(corpus + "/truth.tsv")) {
        if (truth.type == "CCR") continue;
        const Told told = ccda().read(bytes_of(corpus, truth.path));
        BOOST_CHECK_MESSAGE(told.status == DIRECT_PARSED, truth.path << " is read");
        if (told.status != DIRECT_PARSED) continue;
        ++documents;
        for (const auto& section : sections_of(truth, told)) compare(truth, section, counted(told, section));
        const std::string type = type_of(told), version = told.document.value("version", "");
        BOOST_CHECK_MESSAGE(type == truth.type, truth.path << " is " << type << ", should be " << truth.type);
        BOOST_CHECK_MESSAGE(version == truth.version,
                            truth.path << " version " << version << ", should be " << truth.version);
    }
    BOOST_TEST(documents >= 40u);
}

BOOST_AUTO_TEST_CASE(nothing_known_as_continuity_of_care_record_is_taken)
{
    std::string corpus;
    if (!corpus_is_there(corpus)) return;
    for (const auto& truth : load_truth(corpus + "/truth.tsv"))
        if (truth.type == "CCR") BOOST_TEST(ccda().recognise(bytes_of(corpus, truth.path)) == 0);
}
