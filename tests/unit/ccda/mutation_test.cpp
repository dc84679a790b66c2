// Into every element of a document in turn, outside of what was written for readers, goes something that the document does not
// have: an element, an attribute, a null flavour, words. Wherever it stands, it is told.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <random>

#include "tests/support/vectors.h"
#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;

namespace {

struct Tag {
    std::size_t begin, end;  // of the start tag, from '<' to behind '>'
    bool empty;              // <a/>
    bool wordless;           // no words directly in it
    std::size_t behind;      // where the element has ended
    std::string path;
    std::string attributes;
};

bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

// Every start tag outside of section narratives, by a scanner that knows no XML parser of ours.
class Scanner {
public:
    explicit Scanner(const std::string& xml) : xml_(xml) {}

    std::vector<Tag> tags()
    {
        for (std::size_t at = 0; (at = xml_.find('<', at)) != std::string::npos;) {
            words(last_, at);
            if (xml_.compare(at, 4, "<!--") == 0)
                at = last_ = xml_.find("-->", at) + 3;
            else if (xml_.compare(at, 9, "<![CDATA[") == 0) {
                const auto end = xml_.find("]]>", at);
                words(at + 9, end);
                at = last_ = end + 3;
            } else
                at = last_ = markup(at);
        }
        return std::move(tags_);
    }

private:
    void words(std::size_t from, std::size_t to)
    {
        if (open_.empty() || open_.back() == none) return;
        if (!std::all_of(xml_.begin() + static_cast<std::ptrdiff_t>(from),
                         xml_.begin() + static_cast<std::ptrdiff_t>(to), is_blank))
            tags_[open_.back()].wordless = false;
    }
    std::size_t markup(std::size_t at)
    {
        std::size_t end = at;
        for (char quote = 0; quote || xml_[end] != '>'; ++end)
            if (quote)
                quote = xml_[end] == quote ? 0 : quote;
            else if (xml_[end] == '"' || xml_[end] == '\'')
                quote = xml_[end];
        ++end;
        if (xml_[at + 1] == '?' || xml_[at + 1] == '!') return end;
        if (xml_[at + 1] == '/') {
            if (open_.back() != none) tags_[open_.back()].behind = end;
            open_.pop_back();
            names_.pop_back();
            return end;
        }
        start(at, end);
        return end;
    }
    void start(std::size_t at, std::size_t end)
    {
        const bool empty = xml_[end - 2] == '/';
        const auto name_end = xml_.find_first_of(" \t\r\n/>", at + 1);
        names_.push_back(xml_.substr(at + 1, name_end - at - 1));
        const std::size_t n = names_.size();
        const std::string parent = n > 1 ? local(names_[n - 2]) : "";
        // A body that says its type is a file.
        const bool narrative =
            local(names_.back()) == "text" &&
            (parent == "section" ||
             (parent == "nonXMLBody" && xml_.substr(at, end - at).find("mediaType") == std::string::npos));
        const bool inside = narrative || (!open_.empty() && open_.back() == none);
        if (!inside) {
            std::string path;
            for (std::size_t i = n > 4 ? n - 4 : 0; i < n; ++i) path += "/" + local(names_[i]);
            tags_.push_back({at, end, empty, true, end, path, xml_.substr(name_end, end - name_end)});
        }
        open_.push_back(inside ? none : tags_.size() - 1);
        if (!empty) return;
        open_.pop_back();
        names_.pop_back();
    }
    static std::string local(const std::string& name) { return name.substr(name.find(':') + 1); }

    static constexpr std::size_t none = static_cast<std::size_t>(-1);
    const std::string& xml_;
    std::size_t last_ = 0;
    std::vector<Tag> tags_;
    std::vector<std::size_t> open_;
    std::vector<std::string> names_;
};

const std::string unique = "uq7said by nobody else";

std::string name_of(const std::string& xml, const Tag& t)
{
    return xml.substr(t.begin + 1, xml.find_first_of(" \t\r\n/>", t.begin + 1) - t.begin - 1);
}

std::string with_attribute(const std::string& xml, const Tag& t, const std::string& attribute)
{
    std::string out = xml;
    out.insert(t.end - (t.empty ? 2 : 1), " " + attribute);
    return out;
}

std::string with_inside(const std::string& xml, const Tag& t, const std::string& inside)
{
    std::string out = xml;
    if (t.empty)
        out.replace(t.end - 2, 2, ">" + inside + "</" + name_of(xml, t) + ">");
    else
        out.insert(t.end, inside);
    return out;
}

bool has_attribute(const Tag& t, const std::string& name)
{
    return t.attributes.find(name + "=") != std::string::npos;
}

struct Mutation {
    const char* what;
    std::function<std::string(const std::string& xml, const Tag&)> make;  // "" where it does not apply
};

const Mutation mutations[] = {
    {"an element",
     [](const std::string& xml, const Tag& t) { return with_inside(xml, t, "<odd>" + unique + "</odd>"); }},
    {"an attribute",
     [](const std::string& xml, const Tag& t) { return with_attribute(xml, t, "odd=\"" + unique + "\""); }},
    // Known, but not to statements and roles; and the other way round. One of a relation is not a value's either.
    {"a value",
     [](const std::string& xml, const Tag& t) {
         const bool wanted = has_attribute(t, "classCode") || has_attribute(t, "moodCode");
         return wanted ? with_attribute(xml, t, "value=\"" + unique + "\"") : "";
     }},
    {"a class",
     [](const std::string& xml, const Tag& t) {
         const bool wanted =
             has_attribute(t, "codeSystem") || has_attribute(t, "unit") || has_attribute(t, "use");
         return wanted ? with_attribute(xml, t, "classCode=\"" + unique + "\"") : "";
     }},
    {"a null flavour",
     [](const std::string& xml, const Tag& t) {
         return has_attribute(t, "nullFlavor") ? "" : with_attribute(xml, t, "nullFlavor=\"" + unique + "\"");
     }},
    {"a second one",
     [](const std::string& xml, const Tag& t) {
         if (t.begin == xml.find("<ClinicalDocument") || t.behind >= xml.size() - 5) return std::string();
         const std::string name = name_of(xml, t);
         std::string out = xml;
         return out.insert(t.behind, "<" + name + "><odd>" + unique + "</odd></" + name + ">");
     }},
    {"words",
     [](const std::string& xml, const Tag& t) { return t.wordless ? with_inside(xml, t, unique) : ""; }},
};

/// Of a document of so many bytes half of the mutations are tried, of one ten times as large a tenth: about a hundred of each.
constexpr std::size_t tried_by_half = 1000;

// Where what was said got lost, and how often.
using Lost = std::map<std::string, int>;

// Tries the mutations of a document that wanted() picks.
template <class Wanted>
std::size_t mutate(const std::string& name, const std::string& xml, Lost& lost, Wanted wanted)
{
    std::size_t tried = 0;
    for (const Tag& tag : Scanner(xml).tags())
        for (const auto& m : mutations) {
            if (!wanted()) continue;
            const std::string changed = m.make(xml, tag);
            if (changed.empty()) continue;
            ++tried;
            if (ccda().text(changed).find(unique) == std::string::npos)
                ++lost[std::string(m.what) + " in " + tag.path + "  (" + name + ")"];
        }
    return tried;
}

void tell(const Lost& lost)
{
    for (const auto& [where, times] : lost) BOOST_TEST_ERROR(where << " is not told, " << times << " times");
}

}  // namespace

BOOST_AUTO_TEST_CASE(nothing_put_into_a_document_of_ours_is_lost)
{
    Lost lost;
    std::size_t tried = 0;
    for (const auto& file : std::filesystem::directory_iterator(source_dir() + "/tests/vectors/ccda"))
        tried += mutate(file.path().filename(), read_file(file.path()), lost, [] { return true; });
    tell(lost);
    BOOST_TEST(tried > 12'000u);
}

// A few places of each document of the shared corpus, others in each run: DIRECT_SEED takes those of a run again.
BOOST_AUTO_TEST_CASE(nothing_put_into_a_document_of_the_corpus_is_lost)
{
    if (shared_dir().empty()) {
        BOOST_TEST_MESSAGE("no ../shared here");
        return;
    }
    const char* given = std::getenv("DIRECT_SEED");
    const auto seed =
        given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
    std::mt19937 random(seed);
    Lost lost;
    std::size_t tried = 0;
    std::vector<std::filesystem::path> files;
    for (const auto& file : std::filesystem::recursive_directory_iterator(shared_dir() + "/corpus"))
        if (file.path().extension() == ".xml") files.push_back(file.path());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        const std::string xml = read_file(file);
        if (!ccda().recognise(xml)) continue;
        const std::size_t one_in = 1 + xml.size() / tried_by_half;
        tried += mutate(file.filename(), xml, lost, [&] { return random() % one_in == 0; });
    }
    if (!lost.empty()) BOOST_TEST_ERROR("DIRECT_SEED=" << seed);
    tell(lost);
    BOOST_TEST(tried > 1'000u);
}
