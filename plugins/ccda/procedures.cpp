// procedures.cpp - procedures, notes, and the entries of every section that has one statement per item.
#include "plugins/ccda/entry_parts.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {

void extract_procedures(Cda& cda, const Section& section)
{
    for_each_entry(cda, section, [&](const Statement& s) { tell_statement(cda, section, "procedure", s); });
}

void extract_statements(Cda& cda, const Section& section)
{
    for_each_entry(cda, section,
                   [&](const Statement& s) { tell_statement(cda, section, kind_of_statement(s.node), s); });
}

// What kind of note it is, the code's translation says: the code itself is the same for all.
void extract_notes(Cda& cda, const Section& section)
{
    for_each_entry(cda, section, [&](const Statement& s) {
        Item item(cda, section, section.name(), kind_of_statement(s.node), s);
        const pugi::xml_node code = s.node.child("code"), translation = code.child("translation");
        code_field(cda, "noteType", translation ? translation : code);
        reasons_and_references(cda, s, item.taken());
        if (says_nothing(cda, s.node)) item.mark_null();
        item.emit();
    });
}

}  // namespace direct::ccda
