// relations.cpp - see relations.h.
#include "plugins/ccda/relations.h"

#include <cstring>

#include "plugins/ccda/more.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {

namespace {

// The row that knows one of the statement's templates; table.size() when none does.
std::size_t row_of(std::span<const Qualifier> table, pugi::xml_node statement)
{
    for (pugi::xml_node t = statement.first_child(); t; t = t.next_sibling()) {
        if (!is_element(t, "templateId")) continue;
        const std::string_view root = t.attribute("root").text();
        if (root.empty()) continue;
        for (std::size_t i = 0; i < table.size(); ++i)
            for (std::string_view r : table[i].roots)
                if (r == root) return i;
    }
    return table.size();
}

}  // namespace

bool has_type(pugi::xml_node holder, const char* type_code)
{
    return std::strcmp(holder.attribute("typeCode").value(), type_code) == 0;
}

bool is_negated(pugi::xml_node statement)
{
    return is_true(statement.attribute("negationInd").value());
}

bool is_unclear(pugi::xml_node statement)
{
    return truth_of(statement.attribute("negationInd").value()) == Truth::unclear;
}

bool Qualifier::is(pugi::xml_node statement) const
{
    for (std::string_view root : roots)
        if (!root.empty() && has_template(statement, root)) return true;
    return false;
}

void relation_field(Cda& cda, pugi::xml_node holder)
{
    if (!holder || cda.too_deep()) return;
    cda.json.open_field("relation", '{');
    relation_members(cda, holder);
    cda.json.close('}');
}

void relation_members(Cda& cda, pugi::xml_node holder)
{
    auto& w = cda.json;
    w.field("typeCode", holder.attribute("typeCode").value());
    const auto say = [&](XmlName attribute, const char* name) {
        const char* value = holder.attribute(attribute).value();
        const Truth truth = truth_of(value);
        if (truth == Truth::yes) w.flag_field(name, true);
        if (truth == Truth::unclear) w.field(std::string(name) + "Raw", value);
    };
    say("inversionInd", "inversionInd");
    say("negationInd", "relationNegated");
    const pugi::xml_node sequence = holder.child("sequenceNumber");
    number_field(cda, "sequenceNumber", sequence);
    null_field(cda, "relation", holder);
    surplus_fields(cda, holder, "relationWords", "relationMore",
                   [&](pugi::xml_node n) { return n == sequence || is_statement(n); });
}

void qualifier_field(Cda& cda, const char* name, pugi::xml_node observation)
{
    if (!observation || cda.too_deep()) return;
    auto& w = cda.json;
    const pugi::xml_node value = observation.child("value");
    w.open_field(name, '{');
    value_members(cda, value);
    Taken taken;
    taken.add(value);
    w.open_field("statement", '{');
    relation_members(cda, observation.parent());
    statement_members(cda, observation, taken);
    w.close('}');
    w.close('}');
}

void qualifier_fields(Cda& cda, pugi::xml_node of, std::span<const Qualifier> table, Taken& taken,
                      XmlName relation)
{
    unsigned told = 0;
    for_each_related_node(of, relation, [&](pugi::xml_node, pugi::xml_node s, Place) {
        const std::size_t i = row_of(table, s);
        if (i == table.size() || told & 1u << i) return;
        qualifier_field(cda, table[i].name, s);
        taken.add(s);
        told |= 1u << i;
    });
}

}  // namespace direct::ccda
