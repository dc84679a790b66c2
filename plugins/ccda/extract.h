// extract.h - what one document in work is made of, and the extractors, one file per section.
// One document, one thread; nothing here throws but bad_alloc.
#pragma once
#include <cstddef>
#include <string>
#include <unordered_set>
#include <vector>

#include "plugins/ccda/narrative.h"
#include "plugins/ccda/sections.h"
#include "plugins/ccda/statement.h"
#include "plugins/inflate.h"
#include "plugins/json_writer.h"
#include "plugins/parser_plugin.h"
#include "plugins/repeats.h"
#include "plugins/xml_view.h"

namespace direct::ccda {

/// One section of the body.
struct Section {
    pugi::xml_node node;
    const SectionRow* row = nullptr;  ///< nullptr: unknown
    std::string path;                 ///< "/ClinicalDocument/component/structuredBody/component[2]/section"
    std::string template_ids;         ///< JSON array, "" when there are none
    const char* name() const { return row ? row->name : "other"; }
};

/// The document in work: its tree, its narrative, and the host that is told.
class Cda {
public:
    Cda(const XmlView& view, const direct_host& host) : xml(view), narrative(view), host_(host) {}

    const XmlView& xml;
    Narrative narrative;
    JsonWriter json;          ///< of the item in work
    std::vector<Slot> slots;  ///< scratch of statement.cpp
    Repeats repeats;          ///< items that say again what another said

    /// Objects and arrays in each other beyond which an item's JSON does not go: the host takes 64, and what
    /// is below a statement needs a few. The deepest real document needs 30.
    static constexpr int json_depth_max = 56;
    /// Nothing further may be opened here; the item will say "cut" and `skipped` name its section.
    bool too_deep()
    {
        if (json.depth() < json_depth_max) return false;
        return cut_ = true;
    }
    bool was_cut() const { return cut_; }

    /// The host has had enough: every loop ends.
    bool stopped() const { return stopped_; }
    /// Tells what could not be read.
    void skip(const char* section, std::string_view reason);
    void note(std::string_view text);
    void tell_document(std::string_view object);
    /// Hands the finished item to the host.
    void tell_item(const char* section, const char* kind);
    void tell_child(const direct_child& child);
    /// Files of texts that one document hands on: the host takes 1,000 inside one document, and ends one with more.
    static constexpr std::size_t files_max = 100;
    /// Hands on the file of a text, the first time that the element at `offset` is met. False: it is one more than
    /// files_max, told as skipped.
    bool tell_file(std::size_t offset, const direct_child& file);
    /// Bytes that may still be inflated in this document; 0 when no further file would be handed on.
    std::uint64_t inflate_room() const
    {
        return files_.size() < files_max && inflated_ < inflate_limits::total_max
                   ? inflate_limits::total_max - inflated_
                   : 0;
    }
    void inflated(std::uint64_t bytes) { inflated_ += bytes; }
    std::size_t items() const { return items_; }
    /// Bytes the host takes as one JSON object.
    std::size_t document_max() const
    {
        constexpr auto known = offsetof(direct_host, max_document) + sizeof host_.max_document;
        return host_.size >= known && host_.max_document ? host_.max_document : host_.max_json;
    }
    /// Bytes that a reference may bring into the object in work: much, while the object is small.
    std::size_t reference_room() const
    {
        return json.size() > host_.max_json / 4 ? Narrative::reference_short : Narrative::reference_max;
    }

private:
    void told_whole(const char* section);

    const direct_host& host_;
    bool stopped_ = false, cut_ = false;
    std::size_t items_ = 0;
    std::unordered_set<std::size_t> files_;
    bool files_refused_ = false;
    std::uint64_t inflated_ = 0;
};

/// A clinical statement and where it stands.
struct Statement {
    pugi::xml_node node;  ///< act, observation, organizer, substanceAdministration, ...
    std::string path;
    explicit operator bool() const { return bool(node); }
};

/// One item: begins with where it stands ("entryNullFlavor", "entryWords", "entryMore": what the entry says itself
/// beside its statements), ends with emit(). What is written to cda.json between is the item's
/// own; whatever of the statement is not taken until emit() is written there, by the names of statement.h.
/// So a special field must have a name no generic field has, or take() the node it comes from.
class Item {
public:
    /// `section` is the item's place ("allergies", "other"); `s` the section it was found in.
    Item(Cda& cda, const Section& s, const char* section, const char* kind, const Statement& statement);
    /// The extractor has written this child (or child of a flattened one) itself.
    void take(pugi::xml_node child) { taken_.add(child); }
    Taken& taken() { return taken_; }
    /// Marks an item whose code or value is only a nullFlavor: kept, and known for what it is.
    void mark_null();
    void emit();

private:
    Cda& cda_;
    const char *section_, *kind_;
    pugi::xml_node node_;
    std::size_t content_ = 0;  // where in the JSON it begins to be the item's own
    Taken taken_;
};

/// Where a statement stands under its relation or entry.
struct Place {
    std::size_t number;    ///< of the relation among its equals
    std::size_t position;  ///< of the statement among those of the relation: both count from 1
};
/// The statement inside an entryRelationship or component of another, with its path.
Statement related_statement(const Statement& of, XmlName relation, Place place, pugi::xml_node statement);
bool has_template(pugi::xml_node statement, std::string_view root);
/// An entry no extractor has a word for: an item of its own section, kind "entry", all of it generic.
void extract_entry(Cda& cda, const Section& section, const Statement& statement);

/// Calls take(statement) for each statement of each entry of the section: an entry has one, but who says more
/// is heard.
template <class F>
void for_each_entry(Cda& cda, const Section& section, F take)
{
    std::size_t number = 0;
    for (pugi::xml_node entry : section.node.children("entry")) {
        if (cda.stopped()) return;
        const std::string path = section.path + "/entry[" + std::to_string(++number) + "]/";
        std::size_t statements = 0;
        for (pugi::xml_node n = entry.first_child(); n; n = n.next_sibling()) {
            if (!is_statement(n)) continue;
            const bool first = ++statements == 1;
            take(Statement{n, path + (first ? n.name() : "*[" + std::to_string(statements) + "]")});
        }
        if (!statements) cda.skip(section.name(), "entry without a statement");
    }
}

/// Calls take(relationship, node, place) for each statement in each entryRelationship (or component) of another:
/// a relationship has one, but who says more is heard.
template <class F>
void for_each_related_node(pugi::xml_node of, XmlName relation, F take)
{
    Place place{};
    for (pugi::xml_node holder = of.child(relation); holder; holder = holder.next_sibling(relation)) {
        ++place.number;
        place.position = 0;
        for (pugi::xml_node n = holder.first_child(); n; n = n.next_sibling()) {
            if (!is_statement(n)) continue;
            ++place.position;
            take(holder, n, place);
        }
    }
}

/// The same, with the path: take(relationship, statement).
template <class F>
void for_each_related(const Statement& of, XmlName relation, F take)
{
    for_each_related_node(of.node, relation, [&](pugi::xml_node holder, pugi::xml_node n, Place place) {
        take(holder, related_statement(of, relation, place, n));
    });
}

/// The first statement related to another for which is(statement) holds; an empty node when there is none.
template <class Is>
pugi::xml_node find_related(pugi::xml_node of, XmlName relation, Is is)
{
    pugi::xml_node found;
    for_each_related_node(of, relation, [&](pugi::xml_node, pugi::xml_node n, Place) {
        if (!found && is(n)) found = n;
    });
    return found;
}

// One file each. Returns nothing: items go to the host as they are found.
void extract_demographics(Cda& cda, pugi::xml_node document);
void extract_allergies(Cda& cda, const Section& section);
void extract_medications(Cda& cda, const Section& section);
void extract_problems(Cda& cda, const Section& section);
void extract_results(Cda& cda, const Section& section);
void extract_vitals(Cda& cda, const Section& section);
void extract_social_history(Cda& cda, const Section& section);
void extract_functional_status(Cda& cda, const Section& section);
void extract_mental_status(Cda& cda, const Section& section);
void extract_family_history(Cda& cda, const Section& section);
void extract_medical_equipment(Cda& cda, const Section& section);
void extract_payers(Cda& cda, const Section& section);
void extract_advance_directives(Cda& cda, const Section& section);
void extract_care_team(Cda& cda, const Section& section);
void extract_procedures(Cda& cda, const Section& section);
void extract_immunizations(Cda& cda, const Section& section);
void extract_encounters(Cda& cda, const Section& section);
void extract_notes(Cda& cda, const Section& section);
/// One item per entry, its kind by what it is: plans, goals, and every section without a shape of its own.
void extract_statements(Cda& cda, const Section& section);

}  // namespace direct::ccda
