// social_history.cpp - how a person lives: one item per entry, its kind by template, else by what it asks.
#include "plugins/ccda/panel.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

struct SocialKind {
    const char* kind;
    std::string_view root;   ///< of the entry's template
    std::string_view loinc;  ///< of its code, when no template of this table is there; "" = none
};
constexpr SocialKind kinds[] = {
    {"smoking_status", "2.16.840.1.113883.10.20.22.4.78", "72166-2"},
    {"tobacco_use", "2.16.840.1.113883.10.20.22.4.85", "11367-0"},
    {"birth_sex", "2.16.840.1.113883.10.20.22.4.200", "76689-9"},
    {"gender_identity", "2.16.840.1.113883.10.20.34.3.45", "76691-5"},
    {"sexual_orientation", "2.16.840.1.113883.10.20.22.4.501", "76690-7"},
    {"pregnancy", "2.16.840.1.113883.10.20.15.3.8", "82810-3"},
    {"occupation", "2.16.840.1.113883.10.20.22.4.503", "11341-5"},
    {"industry", "2.16.840.1.113883.10.20.22.4.504", "86188-0"},
    {"social_history", "2.16.840.1.113883.10.20.22.4.38", ""},
};

const char* kind_of(pugi::xml_node statement)
{
    for (const auto& k : kinds)
        if (has_template(statement, k.root)) return k.kind;
    const std::string_view code = statement.child("code").attribute("code").value();
    for (const auto& k : kinds)
        if (!k.loinc.empty() && code == k.loinc) return k.kind;
    return "social_history";
}

constexpr Qualifier qualifiers[] = {
    {"estimatedDelivery", {"2.16.840.1.113883.10.20.15.3.1"}},
    {"episode", {"2.16.840.1.113883.10.20.1.41"}},
    {"statusOfEntry", {"2.16.840.1.113883.10.20.1.44"}},
};

void fact(Cda& cda, const Section& section, const Statement& s)
{
    Item item(cda, section, section.name(), kind_of(s.node), s);
    qualifier_fields(cda, s.node, qualifiers, item.taken());
    if (says_nothing(s.node)) item.mark_null();
    item.emit();
}

}  // namespace

void extract_social_history(Cda& cda, const Section& section)
{
    for_each_entry(cda, section, [&](const Statement& s) { fact(cda, section, s); });
}

}  // namespace direct::ccda
