// problems.cpp - problems: concern act, its observations and what qualifies them.
#include <iterator>

#include "plugins/ccda/concern.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

struct Qualifier {
    const char* name;
    std::string_view roots[2];
};
constexpr Qualifier qualifiers[] = {
    {"problemStatus", {"2.16.840.1.113883.10.20.22.4.6", "2.16.840.1.113883.10.20.1.50"}},
    {"onsetAge", {"2.16.840.1.113883.10.20.22.4.31", "2.16.840.1.113883.10.20.1.38"}},
    {"healthStatus", {"2.16.840.1.113883.10.20.22.4.5", "2.16.840.1.113883.10.20.1.51"}},
    {"priority", {"2.16.840.1.113883.10.20.22.4.143", ""}},
    {"severity", {"2.16.840.1.113883.10.20.22.4.8", "2.16.840.1.113883.10.20.1.55"}},
    {"prognosis", {"2.16.840.1.113883.10.20.22.4.113", ""}},
};

void qualifier_fields(Cda& cda, const Statement& of)
{
    unsigned told = 0;
    for_each_related(of, "entryRelationship", [&](pugi::xml_node, const Statement& s) {
        for (std::size_t i = 0; i < std::size(qualifiers); ++i) {
            const auto& q = qualifiers[i];
            if (told & 1u << i) continue;
            if (!has_template(s.node, q.roots[0]) &&
                (q.roots[1].empty() || !has_template(s.node, q.roots[1])))
                continue;
            value_field(cda, q.name, s.node.child("value"));
            told |= 1u << i;
        }
    });
}

void problem(Cda& cda, const Section& section, const Statement& s, const Statement& concern)
{
    Item item(cda, section, "problems", "problem", s);
    const pugi::xml_node value = s.node.child("value");
    value_field(cda, "value", value);
    qualifier_fields(cda, s);
    concern_field(cda, concern);
    if (is_null_code(value) && !value.first_child()) item.mark_null();
    item.emit();
}

}  // namespace

void extract_problems(Cda& cda, const Section& section)
{
    for_each_concern(cda, section, problem);
}

}  // namespace direct::ccda
