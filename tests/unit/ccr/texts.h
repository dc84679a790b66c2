// texts.h - what a document says between its tags and the plugin told nowhere. An independent look: no XML
// parser, no table of elements.
#pragma once
#include <set>
#include <string>

#include "tests/unit/ccda/plugin_under_test.h"

namespace direct::test {

inline void gather(const nlohmann::json& value, std::set<std::string>& out)
{
    if (value.is_string()) out.insert(value.get<std::string>());
    if (value.is_structured())
        for (const auto& one : value) gather(one, out);
}

inline std::string plain_text(std::string s)
{
    for (const auto& [from, to] : {std::pair<std::string, std::string>{"&lt;", "<"},
                                   {"&gt;", ">"},
                                   {"&quot;", "\""},
                                   {"&apos;", "'"},
                                   {"&amp;", "&"}})
        for (auto at = s.find(from); at != std::string::npos; at = s.find(from, at + to.size()))
            s.replace(at, from.size(), to);
    std::string out;
    for (char c : s) {
        const bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
        if (!blank)
            out += c;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

/// Every text between two tags that is no string, or part of one, of the document object and the items.
inline std::set<std::string> texts_lost(const std::string& xml, const Told& told)
{
    std::set<std::string> said, lost;
    gather(told.document, said);
    for (const auto& item : told.items) gather(item, said);
    std::string all;
    for (const auto& s : said) all += s + "\n";
    for (auto at = xml.find('>'); at != std::string::npos; at = xml.find('>', at + 1)) {
        const auto end = xml.find('<', at);
        if (end == std::string::npos) break;
        const auto text = plain_text(xml.substr(at + 1, end - at - 1));
        if (!text.empty() && all.find(text) == std::string::npos) lost.insert(text);
    }
    return lost;
}

}  // namespace direct::test
