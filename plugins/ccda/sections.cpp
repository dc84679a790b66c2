// sections.cpp - see sections.h.
#include "plugins/ccda/sections.h"

#include <algorithm>
#include <string>
#include <vector>

#include "plugins/ccda/extract.h"

namespace direct::ccda {
namespace {

constexpr std::string_view loinc_oid = "2.16.840.1.113883.6.1";

constexpr SectionRow rows[] = {
#define SECTION(name, extractor, roots, loinc) {#name, extractor, roots, loinc},
#include "plugins/ccda/sections.def"
#undef SECTION
};

struct Index {
    using Entry = std::pair<std::string_view, const SectionRow*>;
    std::vector<Entry> entries;
    explicit Index(const char* const SectionRow::*column)
    {
        for (const auto& row : rows) {
            std::string_view words = row.*column;
            while (!words.empty()) {
                const auto end = std::min(words.find(' '), words.size());
                entries.emplace_back(words.substr(0, end), &row);
                words.remove_prefix(std::min(end + 1, words.size()));
            }
        }
        std::sort(entries.begin(), entries.end());
    }
    const SectionRow* find(std::string_view key) const
    {
        const auto at = std::lower_bound(entries.begin(), entries.end(), key,
                                         [](const Entry& e, std::string_view k) { return e.first < k; });
        return at != entries.end() && at->first == key ? at->second : nullptr;
    }
};

// Only the first letters count, blanks and case do not.
std::string title_key(const char* title)
{
    std::string out;
    for (; *title && out.size() < 64; ++title) {
        const char c = *title;
        if (c >= 'A' && c <= 'Z')
            out += static_cast<char>(c + 32);
        else if (c >= 'a' && c <= 'z')
            out += c;
    }
    return out;
}

struct TitlePattern {
    const char* begins;
    bool whole;
    const char* section;
};
constexpr TitlePattern titles[] = {
    {"allerg", false, "allergies"},
    {"adversereact", false, "allergies"},
    {"problem", false, "problems"},
    {"condition", true, "problems"},
    {"conditions", true, "problems"},
    {"immuniz", false, "immunizations"},
    {"vaccin", false, "immunizations"},
    {"vital", false, "vitals"},
    {"result", false, "results"},
    {"labresult", false, "results"},
    {"laboratoryresult", false, "results"},
    {"familyhistory", false, "family_history"},
    {"socialhistory", false, "social_history"},
    {"payer", false, "payers"},
    {"insurance", false, "payers"},
    {"advancedirective", false, "advance_directives"},
    {"careteam", false, "care_team"},
    {"medication", true, "medications"},
    {"medications", true, "medications"},
    {"currentmedication", true, "medications"},
    {"currentmedications", true, "medications"},
    {"procedure", true, "procedures"},
    {"procedures", true, "procedures"},
    {"encounter", true, "encounters"},
    {"encounters", true, "encounters"},
};

const SectionRow* by_title(pugi::xml_node title)
{
    // The words may stand inside markup.
    while (!title.first_words() && title.first_child()) title = title.first_child();
    const std::string key = title_key(title.first_words().value());
    for (const auto& p : titles)
        if (p.whole ? key == p.begins : key.starts_with(p.begins)) return section_named(p.section);
    return nullptr;
}

}  // namespace

const SectionRow* section_named(std::string_view name)
{
    for (const auto& row : rows)
        if (name == row.name) return &row;
    return nullptr;
}

const SectionRow* recognise_section(pugi::xml_node section)
{
    static const Index roots(&SectionRow::roots), loinc(&SectionRow::loinc);
    for (pugi::xml_node t : section.children("templateId"))
        if (const auto* row = roots.find(t.attribute("root").value())) return row;
    const pugi::xml_node code = section.child("code");
    const std::string_view system = code.attribute("codeSystem").value();
    if (system.empty() || system == loinc_oid)
        if (const auto* row = loinc.find(code.attribute("code").value())) return row;
    return by_title(section.child("title"));
}

}  // namespace direct::ccda
