// family_history.cpp - one item per relative (organizer), what that person had or has in "sub".
#include "plugins/ccda/panel.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

constexpr Qualifier qualifiers[] = {
    {"age", {"2.16.840.1.113883.10.20.22.4.31", "2.16.840.1.113883.10.20.1.38"}},
};
constexpr std::string_view death_observation = "2.16.840.1.113883.10.20.22.4.47";
constexpr std::string_view cause_of_death = "2.16.840.1.113883.10.20.1.42";  // CCD 1.0, on the condition
constexpr std::string_view dead = "419099009";

// Who it is about: the relationship and all that is known of the person.
void relative(Cda& cda, const Statement& s, Taken& taken)
{
    const pugi::xml_node subject = s.node.child("subject");
    if (!subject) return;
    const pugi::xml_node relationship = subject.child("relatedSubject").child("code");
    cda.json.open_field("relative", '{');
    code_field(cda, "relationship", relationship);
    Taken told;
    told.add(relationship);
    members(cda, subject, told);
    cda.json.close('}');
    taken.add(subject);
}

// The death of that person. In CCD 1.0 it has no template of its own: it is what an
// observation related to the illness asserts.
pugi::xml_node death_of(pugi::xml_node condition)
{
    return find_related(condition, "entryRelationship", [](pugi::xml_node s) {
        return has_template(s, death_observation) ||
               (!s.child("templateId") && dead == s.child("value").attribute("code").value());
    });
}

void condition(Cda& cda, const Statement& s, Taken& taken)
{
    qualifier_fields(cda, s.node, qualifiers, taken);
    const pugi::xml_node death = death_of(s.node);
    qualifier_field(cda, "death", death);
    taken.add(death);
    if (has_type(death.parent(), "CAUS") || has_template(s.node, cause_of_death))
        cda.json.flag_field("causeOfDeath", true);
}

}  // namespace

void extract_family_history(Cda& cda, const Section& section)
{
    extract_panels(cda, section,
                   {.item = "family_history",
                    .part = "condition",
                    .bare_is_part = false,
                    .unwrap = false,
                    .of_item = relative,
                    .of_part = condition});
}

}  // namespace direct::ccda
