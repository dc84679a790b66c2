// item.cpp - what every item has, and entries nobody understood.
#include <cstring>

#include "plugins/ccda/extract.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

constexpr const char* statements[] = {"act",       "observation",      "substanceAdministration",
                                      "organizer", "supply",           "procedure",
                                      "encounter", "observationMedia", "regionOfInterest"};

direct_bytes bytes_of(std::string_view s)
{
    return {s.data(), s.size()};
}

// Kind and first id: what makes two items of a document the same thing said twice.
std::string identity(const char* kind, pugi::xml_node statement)
{
    const pugi::xml_node id = statement.child("id");
    const std::string_view root = id.attribute("root").value();
    if (root.empty()) return "";
    return std::string(kind) + "|" + std::string(root) + "|" + id.attribute("extension").value();
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

void Cda::tell_document(const std::string& object)
{
    if (!stopped_ && host_.document(host_.context, bytes_of(object))) stopped_ = true;
}

void Cda::tell_child(const direct_child& child)
{
    if (!stopped_ && host_.child(host_.context, &child)) stopped_ = true;
}

void Cda::tell_item(const char* section, const char* kind)
{
    if (stopped_) return;
    if (json.size() > host_.max_json) {
        skip(section, "an item larger than the host takes");
        return;
    }
    const direct_item item{sizeof(direct_item), bytes_of(section), bytes_of(kind), bytes_of(json.str())};
    ++items_;
    if (host_.item(host_.context, &item)) stopped_ = true;
}

Statement statement_of(pugi::xml_node holder, const std::string& holder_path)
{
    for (pugi::xml_node n = holder.first_child(); n; n = n.next_sibling())
        for (const char* name : statements)
            if (std::strcmp(n.name(), name) == 0) return {n, holder_path + "/" + name};
    return {};
}

bool has_template(pugi::xml_node statement, std::string_view root)
{
    for (pugi::xml_node t : statement.children("templateId"))
        if (t.attribute("root").value() == root) return true;
    return false;
}

Item::Item(Cda& cda, const Section& s, const char* section, const char* kind, const Statement& st)
    : cda_(cda), section_(section), kind_(kind)
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
    w.field("statement", st.node.name());
    w.field("classCode", st.node.attribute("classCode").value());
    w.field("moodCode", st.node.attribute("moodCode").value());
    if (const auto ids = template_ids(st.node); !ids.empty()) {
        w.name("templateIds");
        w.raw(ids);
    }
    ids_field(cda, "ids", st.node, "id");
    code_field(cda, "code", st.node.child("code"));
    if (std::strcmp(st.node.attribute("negationInd").value(), "true") == 0) w.flag_field("negationInd", true);
    w.field("nullFlavor", st.node.attribute("nullFlavor").value());
    w.field("status", st.node.child("statusCode").attribute("code").value());
    time_field(cda, "effectiveTime", st.node.child("effectiveTime"));
    roles_field(cda, "author", st.node, "author");
    roles_field(cda, "performer", st.node, "performer");
    roles_field(cda, "informant", st.node, "informant");
    text_field(cda, "text", st.node.child("text"));
    w.number_field("offset", cda.xml.offset(st.node));
    w.field("path", st.path);
    if (const auto key = identity(kind, st.node); !key.empty() && cda.seen(key))
        w.flag_field("duplicate", true);
}

void Item::mark_null()
{
    cda_.json.flag_field("null", true);
}

void Item::emit()
{
    cda_.json.close('}');
    cda_.tell_item(section_, kind_);
}

void extract_entry(Cda& cda, const Section& section, const Statement& statement)
{
    Item item(cda, section, section.name(), "entry", statement);
    value_field(cda, "value", statement.node.child("value"));
    item.emit();
}

}  // namespace direct::ccda
