// extract.h - what one ASTM CCR document in work is made of, and the parts of the plugin, one file each.
// One document, one thread; nothing here throws but bad_alloc.
// Source: ASTM E2369 (Continuity of Care Record, V1.0); clinical documents sections 2 and 7.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "plugins/json_writer.h"
#include "plugins/parser_plugin.h"
#include "plugins/repeats.h"
#include "plugins/xml_view.h"

namespace direct::ccr {

/// Everything in the document that has an id and is pointed to: actors by ActorID, data objects by LinkID,
/// comments and references by theirs. The first of two with one id counts.
class Index {
public:
    explicit Index(pugi::xml_node root);
    pugi::xml_node actor(std::string_view id) const { return find(actors_, id); }
    pugi::xml_node object(std::string_view id) const { return find(objects_, id); }
    pugi::xml_node comment(std::string_view id) const { return find(comments_, id); }
    pugi::xml_node reference(std::string_view id) const { return find(references_, id); }

private:
    using Map = std::unordered_map<std::string_view, pugi::xml_node>;
    static pugi::xml_node find(const Map& map, std::string_view id)
    {
        const auto at = map.find(id);
        return at == map.end() ? pugi::xml_node() : at->second;
    }
    Map actors_, objects_, comments_, references_;
};

/// The document in work: its tree, what points where, and the host that is told.
class Ccr {
public:
    Ccr(const XmlView& view, const direct_host& host) : xml(view), index(view.root()), host_(host) {}

    const XmlView& xml;
    const Index index;
    JsonWriter json;          ///< of the item in work
    std::string document_id;  ///< CCRDocumentObjectID: what the ids of data objects are unique in

    /// Objects and arrays in each other beyond which the JSON does not go: the host takes 64, what is opened
    /// without asking needs up to four, and an object of a list stands two deeper in the document.
    static constexpr int json_depth_max = 56;
    /// Nothing further may be opened here; the item will say "cut" and `skipped` name its section.
    bool too_deep()
    {
        if (json.depth() < json_depth_max) return false;
        cut("nested deeper than an item may be");
        return true;
    }
    /// The object in work lacks something; `why` is a literal.
    void cut(const char* why) { cut_ = why; }
    /// Ends the object in work; one that was cut says so.
    void close_item()
    {
        if (cut_) json.flag_field("cut", true);
        json.close('}');
    }
    /// Tells that what was written since the last call was cut, if it was.
    void told_whole(const char* section);

    /// The host has had enough: every loop ends.
    bool stopped() const { return stopped_; }
    void skip(const char* section, std::string_view reason);
    void note(std::string_view text);
    void tell_document(std::string_view object);
    /// Hands the finished item in `json` to the host.
    void tell_item(const char* section, const char* kind);
    std::uint64_t max_json() const { return host_.max_json; }
    std::size_t items() const { return items_; }
    /// display_name() of an actor and words_of() a data object: looked for once, however often it is pointed to.
    const std::string& name_of(pugi::xml_node actor);
    const std::string& brief_of(pugi::xml_node object);
    /// Bytes that were joined from elsewhere (actors, comments, links) so far, or looked at for it: what is said
    /// once and pointed to a thousand times shall not cost a thousand times. Beyond joined_max only the id is
    /// told, with "cut".
    std::size_t joined = 0;
    static constexpr std::size_t joined_max = 4u << 20;
    Repeats repeats;  ///< data objects that say again what another said

private:
    const direct_host& host_;
    bool stopped_ = false;
    const char* cut_ = nullptr;
    std::size_t items_ = 0;
    using Texts = std::unordered_map<const void*, std::string>;
    Texts names_, briefs_;
};

/// How Type and Description of a data object share the fields "code" and "value".
enum class Layout {
    type_value,   ///< code = Type, value = Description: "Diagnosis" and what was diagnosed
    description,  ///< code = Description, type = Type: a test, a procedure
};

/// Members of a data object, whatever it is: ids, code, times, source and all it holds, into the object in
/// work. What no rule names goes into "more", element by element: nothing is left out.
/// `parts`: the child element whose data objects become "sub"; nullptr for none.
void statement_members(Ccr& ccr, pugi::xml_node node, Layout layout, const char* parts);

/// An item of the body: begins with section, kind and place, and ends told to the host.
void tell_statement(Ccr& ccr, pugi::xml_node node, const std::string& path, const char* section,
                    const char* kind, Layout layout, const char* parts);

/// Actor items (section "other", kind "actor") and the patient (section "demographics").
void extract_actors(Ccr& ccr, pugi::xml_node root);
/// Every body section; returns the JSON array of sections for the document object.
std::string extract_body(Ccr& ccr, pugi::xml_node root);
/// Members of the "document" object. Comments, references, purposes and signatures that would make it larger
/// than the host takes become items of section "other" instead.
void document_fields(Ccr& ccr, pugi::xml_node root, const std::string& sections);

}  // namespace direct::ccr
