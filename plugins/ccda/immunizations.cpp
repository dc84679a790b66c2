// immunizations.cpp - shots given, refused and planned: product, dose number, why not.
#include "plugins/ccda/entry_parts.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

constexpr Qualifier series_number[] = {{"doseNumber", {"2.16.840.1.113883.10.20.1.46"}}};

// The reason is the observation's code; the observation itself stays in "related".
void refusal_field(Cda& cda, pugi::xml_node statement)
{
    const auto is = [](pugi::xml_node s) { return refusal_reason.is(s); };
    code_field(cda, refusal_reason.name, find_related(statement, "entryRelationship", is).child("code"));
}

// Which of the series: repeatNumber of the administration, or the observation older documents have.
void dose_number_field(Cda& cda, pugi::xml_node statement, Taken& taken)
{
    const pugi::xml_node repeat = statement.child("repeatNumber");
    if (*repeat.attribute("value").value())
        cda.json.field("doseNumber", repeat.attribute("value").value());
    else
        qualifier_fields(cda, statement, series_number, taken);
}

}  // namespace

void extract_immunizations(Cda& cda, const Section& section)
{
    for_each_entry(cda, section, [&](const Statement& s) {
        if (!is_element(s.node, "substanceAdministration")) return extract_entry(cda, section, s);
        Item item(cda, section, section.name(), "immunization", s);
        refusal_field(cda, s.node);
        dose_number_field(cda, s.node, item.taken());
        locations_field(cda, s.node, item.taken());
        reasons_and_references(cda, s, item.taken());
        const bool negated = is_negated(s.node), planned = is_planned(s.node);
        if (!is_unclear(s.node)) cda.json.flag_field("administered", !negated && !planned);
        if (planned) cda.json.flag_field("planned", true);
        if (!negated && says_nothing(cda, s.node)) item.mark_null();
        item.emit();
    });
}

}  // namespace direct::ccda
