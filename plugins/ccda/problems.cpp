// problems.cpp - problems, diagnoses and health concerns: concern act, its observations and what qualifies them.
#include "plugins/ccda/concern.h"
#include "plugins/ccda/entry_parts.h"
#include "plugins/ccda/relations.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

constexpr Qualifier qualifiers[] = {
    {"problemStatus", {"2.16.840.1.113883.10.20.22.4.6", "2.16.840.1.113883.10.20.1.50"}},
    {"onsetAge", {"2.16.840.1.113883.10.20.22.4.31", "2.16.840.1.113883.10.20.1.38"}},
    {"healthStatus", {"2.16.840.1.113883.10.20.22.4.5", "2.16.840.1.113883.10.20.1.51"}},
    {"priority", {"2.16.840.1.113883.10.20.22.4.143"}},
    {"severity", {"2.16.840.1.113883.10.20.22.4.8", "2.16.840.1.113883.10.20.1.55"}},
    {"prognosis", {"2.16.840.1.113883.10.20.22.4.113"}},
};

const char* kind_in(const Section& section)
{
    const std::string_view name = section.name();
    if (name.ends_with("_diagnosis")) return "diagnosis";
    return name == "health_concerns" ? "health_concern" : "problem";
}

void problem(Cda& cda, const Section& section, const Statement& s, const Concern& concern)
{
    Item item(cda, section, section.name(), kind_in(section), s);
    qualifier_fields(cda, s.node, qualifiers, item.taken());
    concern_field(cda, concern, s.node);
    if (!says_something(s.node.child("value"))) item.mark_null();
    item.emit();
}

}  // namespace

void extract_problems(Cda& cda, const Section& section)
{
    for_each_concern(cda, section, problem, [](Cda& c, const Section& in, const Statement& s) {
        tell_statement(c, in, kind_of_statement(s.node), s);
    });
}

}  // namespace direct::ccda
