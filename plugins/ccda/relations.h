// relations.h - what stands in relation to a statement: qualifiers that say one thing of it, and parts that are
// statements of their own weight. Both are written whole and taken, so that they are told once.
#pragma once
#include <span>
#include <string_view>

#include "plugins/ccda/extract.h"

namespace direct::ccda {

/// A field that is the value of a related observation, known by its templates in all generations.
struct Qualifier {
    const char* name;
    std::string_view roots[3];  ///< templateId roots; "" = none
    bool is(pugi::xml_node statement) const;
};

/// Member `name`: the value of the related observation, and under "statement" all else it says and what its
/// relation says (relation_members): a relation may deny what it holds.
void qualifier_field(Cda& cda, const char* name, pugi::xml_node observation);

/// For each of `table` the first related observation it knows, as qualifier_field(); those are taken. Further
/// ones of the same kind stay in "related".
void qualifier_fields(Cda& cda, pugi::xml_node of, std::span<const Qualifier> table, Taken& taken,
                      XmlName relation = "entryRelationship");

/// One object of an array of parts: kind, path, what `special` writes, the relation and the whole statement.
template <class F>
void part(Cda& cda, const char* kind, pugi::xml_node holder, const Statement& s, F special)
{
    cda.json.open('{');
    cda.json.field("kind", kind);
    cda.json.field("path", s.path);
    Taken taken;
    special(taken);
    relation_members(cda, holder);
    statement_members(cda, s.node, taken);
    cda.json.close('}');
}

/// Array `name` of the related statements for which is(holder, statement) holds, each whole; they are taken.
/// Nothing when there is none.
template <class Is>
void parts_field(Cda& cda, const char* name, const char* kind, const Statement& of, Taken& taken, Is is)
{
    constexpr XmlName relation = "entryRelationship";
    bool open = false;
    for_each_related_node(of.node, relation, [&](pugi::xml_node holder, pugi::xml_node s, Place place) {
        if (!is(holder, s)) return;
        if (!open) cda.json.open_field(name, '[');
        open = true;
        part(cda, kind, holder, related_statement(of, relation, place, s), [](Taken&) {});
        taken.add(s);
    });
    if (open) cda.json.close(']');
}

inline bool is_element(pugi::xml_node node, XmlName name)
{
    return node.is(name);
}
bool has_type(pugi::xml_node holder, const char* type_code);
bool is_negated(pugi::xml_node statement);
/// Its negationInd is there and says neither yes nor no: nothing may be concluded from it.
bool is_unclear(pugi::xml_node statement);

}  // namespace direct::ccda
