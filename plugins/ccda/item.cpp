// item.cpp - what every item has, and entries nobody understood.
#include <cstring>
#include <utility>

#include "plugins/ccda/extract.h"
#include "plugins/ccda/more.h"
#include "plugins/ccda/values.h"
#include "plugins/plugin_bytes.h"

namespace direct::ccda {
namespace {

// Kind and first id: items of one document that share them should be one thing.
std::string identity(const char* kind, pugi::xml_node statement)
{
    const pugi::xml_node id = statement.child("id");
    const std::string_view root = id.attribute("root").value();
    if (root.empty() || id.attribute("nullFlavor")) return "";
    return std::string(kind) + "|" + std::string(root) + "|" + id.attribute("extension").value();
}

// What the entry says that the statement stands in, and the relation in it, if they say anything themselves.
void entry_fields(Cda& cda, pugi::xml_node statement)
{
    pugi::xml_node entry = statement.parent();
    if (!entry.is("entry")) {
        null_field(cda, "relation", entry);
        surplus_fields(cda, entry, "relationWords", "relationMore", is_statement);
    }
    while (entry && !entry.is("entry")) entry = entry.parent();
    if (!entry) return;
    null_field(cda, "entry", entry);
    surplus_fields(cda, entry, "entryWords", "entryMore", is_statement);
}

}  // namespace

void Cda::skip(const char* section, std::string_view reason)
{
    if (!stopped_ && host_.skip(host_.context, bytes_of(section), bytes_of(reason))) stopped_ = true;
}

void Cda::note(std::string_view text)
{
    if (!stopped_ && host_.note(host_.context, bytes_of(text))) stopped_ = true;
}

// What was too deep to be told is skipped by name.
void Cda::told_whole(const char* section)
{
    if (cut_) skip(section, "nested deeper than an item may be");
    cut_ = false;
}

void Cda::tell_document(std::string_view object)
{
    told_whole("document");
    if (!stopped_ && host_.document(host_.context, bytes_of(object))) stopped_ = true;
}

void Cda::tell_child(const direct_child& child)
{
    if (!stopped_ && host_.child(host_.context, &child)) stopped_ = true;
}

bool Cda::tell_file(std::size_t offset, const direct_child& file)
{
    if (files_.contains(offset)) return true;
    if (files_.size() == files_max) {
        if (!std::exchange(files_refused_, true)) skip("document", "more than 100 files in texts");
        return false;
    }
    files_.insert(offset);
    tell_child(file);
    return true;
}

void Cda::tell_item(const char* section, const char* kind)
{
    if (stopped_) return;
    told_whole(section);
    if (json.size() > host_.max_json) {
        skip(section, "an item larger than the host takes");
        return;
    }
    const direct_item item{sizeof(direct_item), bytes_of(section), bytes_of(kind), bytes_of(json.str())};
    ++items_;
    if (host_.item(host_.context, &item)) stopped_ = true;
}

Statement related_statement(const Statement& of, XmlName relation, Place place, pugi::xml_node statement)
{
    Statement out{statement, {}};
    out.path.reserve(of.path.size() + 48);
    out.path += of.path;
    out.path += '/';
    out.path += relation.text;
    out.path += '[';
    out.path += std::to_string(place.number);
    out.path += "]/";
    if (place.position == 1)
        out.path += statement.name();
    else
        out.path += "*[" + std::to_string(place.position) + "]";
    return out;
}

bool has_template(pugi::xml_node statement, std::string_view root)
{
    for (pugi::xml_node t = statement.first_child(); t; t = t.next_sibling())
        if (t.is("templateId") && t.attribute("root").text() == root) return true;
    return false;
}

Item::Item(Cda& cda, const Section& s, const char* section, const char* kind, const Statement& st)
    : cda_(cda), section_(section), kind_(kind), node_(st.node)
{
    auto& w = cda.json;
    w.clear();
    w.open('{');
    w.field("section", section);
    w.field("kind", kind);
    if (!s.template_ids.empty()) {
        w.name("sectionTemplateIds");
        w.raw(s.template_ids);
    }
    w.number_field("offset", cda.xml.offset(st.node));
    w.field("path", st.path);
    content_ = w.size();
    entry_fields(cda, st.node);
}

void Item::mark_null()
{
    cda_.json.flag_field("null", true);
}

void Item::emit()
{
    statement_members(cda_, node_, taken_);
    if (cda_.was_cut()) cda_.json.flag_field("cut", true);
    cda_.repeats.mark(cda_.json, identity(kind_, node_), cda_.json.str().substr(content_));
    cda_.json.close('}');
    cda_.tell_item(section_, kind_);
}

void extract_entry(Cda& cda, const Section& section, const Statement& statement)
{
    Item item(cda, section, section.name(), "entry", statement);
    item.emit();
}

}  // namespace direct::ccda
