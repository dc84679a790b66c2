// object.cpp - see object.h.
#include "plugins/xdm/object.h"

#include <algorithm>

#include "plugins/xdm/schemes.h"

namespace direct::xdm {
void Room::field(std::string_view name, std::string_view value)
{
    if (!value.empty()) part([&] { json.field(name, value); });
}

void Room::list(std::string_view name, const std::vector<std::string>& values)
{
    RoomList list(*this, name);
    for (const auto& v : values) list.element([&] { json.text(v); });
}

Object::Object(Reader& reader, Room& room, pugi::xml_node node, int nesting)
    : reader_(reader), room_(room), node_(node), nesting_(nesting)
{
    each(node, "Slot", [&](pugi::xml_node s) {
        slots_.push_back({s, s.attribute("name").value(), reader_.values(s)});
    });
    for (const auto n : reader_.parts_of(node, "Classification"))
        classifications_.push_back({n, n.attribute("classificationScheme").value()});
    for (const auto n : reader_.parts_of(node, "ExternalIdentifier"))
        identifiers_.push_back({n, n.attribute("identificationScheme").value()});
}

// Of one name the first that has a value; all of them have a name that somebody knows.
Object::Slot* Object::slot(std::string_view name)
{
    Slot* out = nullptr;
    for (auto& s : slots_) {
        if (s.name != name) continue;
        s.asked = true;
        if (!out && !s.values.empty()) out = &s;
    }
    return out;
}

std::string Object::first(std::string_view name)
{
    Slot* s = slot(name);
    if (!s) return "";
    s->told = std::max<std::size_t>(s->told, 1);
    return s->values[0];
}

std::string Object::joined(std::string_view name)
{
    Slot* s = slot(name);
    if (!s) return "";
    const auto numbered = [](const std::string& v) { return v.size() > 2 && v[1] == '|'; };
    if (s->values.size() == 1 && !numbered(s->values[0])) return first(name);
    // What it was put together from is told among the slots.
    auto pieces = s->values;
    std::sort(pieces.begin(), pieces.end());
    std::string out;
    for (const auto& v : pieces) out += numbered(v) ? v.substr(2) : v;
    return out;
}

void Object::slot_list(std::string_view member, std::string_view name)
{
    Slot* s = slot(name);
    if (!s) return;
    s->told = s->values.size();
    room_.list(member, s->values);
}

std::string Object::localized(std::string_view element)
{
    std::string out;
    each(node_, element, [&](pugi::xml_node n) {
        each(n, "LocalizedString", [&](pugi::xml_node s) {
            if (out.empty()) out = reader_.attribute(s, "value");
        });
    });
    return out;
}

std::string Object::identifier(std::string_view member)
{
    std::string out;
    for (auto& part : identifiers_) {
        if (!out.empty() || identifier_member(part.scheme) != member) continue;
        out = reader_.attribute(part.node, "value");
        if (out.empty()) continue;
        part.told = true;
        reader_.mark(part.node.attribute("identificationScheme"));
        each(part.node, "Name", [&](pugi::xml_node n) {
            each(n, "LocalizedString", [&](pugi::xml_node s) {
                if (is_identifier_label(s.attribute("value").value(), member))
                    reader_.mark(s.attribute("value"));
            });
        });
    }
    // Escaped twice by one writer of packages.
    for (auto at = out.find("&amp;"); at != std::string::npos; at = out.find("&amp;", at + 1))
        out.erase(at + 1, 4);
    return out;
}

bool Object::classified_as(std::string_view node)
{
    for (auto& part : classifications_) {
        const auto a = part.node.attribute("classificationNode");
        if (!same(node, a.value())) continue;
        reader_.mark(a);
        part.told = true;
        return true;
    }
    return false;
}

void Object::authors()
{
    RoomList list(room_, "author");
    for (auto& part : classifications_) {
        if (part.told || !is_author_scheme(part.scheme)) continue;
        part.told = true;
        reader_.mark(part.node.attribute("classificationScheme"));
        list.element([&] {
            Object author(reader_, room_, part.node, nesting_ + 1);
            room_.json.open('{');
            author.slot_list("person", "authorPerson");
            author.slot_list("institution", "authorInstitution");
            author.slot_list("role", "authorRole");
            author.slot_list("specialty", "authorSpecialty");
            author.slot_list("telecommunication", "authorTelecommunication");
            author.rest();
            room_.json.close('}');
        });
    }
}

void Object::code(Part& part, bool with_scheme)
{
    part.told = true;
    Object code(reader_, room_, part.node, nesting_ + 1);
    room_.json.open('{');
    if (with_scheme)
        code.field("scheme", code.attribute("classificationScheme"));
    else
        reader_.mark(part.node.attribute("classificationScheme"));
    if (with_scheme) code.field("node", code.attribute("classificationNode"));
    code.field("code", code.attribute("nodeRepresentation"));
    code.slot_field("codeSystemName", "codingScheme");
    code.field("displayName", code.name());
    code.rest();
    room_.json.close('}');
}

void Object::codes()
{
    for (auto& part : classifications_) {
        if (part.told) continue;
        const auto node = part.node.attribute("classificationNode");
        const auto scheme = part.node.attribute("classificationScheme");
        if (!is_limited_metadata(node.value()) && !is_limited_metadata(scheme.value())) continue;
        part.told = true;
        room_.part([&] { room_.json.flag_field("limitedMetadata", true); });
        reader_.mark(is_limited_metadata(node.value()) ? node : scheme);
        break;
    }
    for (const auto& scheme : code_schemes()) {
        const auto next = [&](auto from) {
            return std::find_if(from, classifications_.end(),
                                [&](auto& p) { return !p.told && same(scheme.uuid, p.scheme); });
        };
        auto at = next(classifications_.begin());
        if (scheme.many) {
            RoomList list(room_, scheme.member);
            for (; at != classifications_.end(); at = next(at + 1)) list.element([&] { code(*at, false); });
        } else if (at != classifications_.end()) {
            room_.part([&] {
                room_.json.name(scheme.member);
                code(*at, false);
            });
        }
    }
}

void Object::identifier_object(Part& part)
{
    Object identifier(reader_, room_, part.node, nesting_ + 1);
    room_.json.open('{');
    identifier.field("scheme", identifier.attribute("identificationScheme"));
    identifier.field("value", identifier.attribute("value"));
    identifier.field("name", identifier.name());
    identifier.rest();
    room_.json.close('}');
}

// Where the first text is not all there is: all of them, with their languages.
void Object::localized_list(std::string_view member, std::string_view element)
{
    std::size_t texts = 0;
    bool news = false;
    const auto all = [&](auto take) {
        each(node_, element, [&](pugi::xml_node n) { each(n, "LocalizedString", take); });
    };
    all([&](pugi::xml_node s) {
        texts += *s.attribute("value").value() != '\0';
        for (const char* name : {"xml:lang", "charset"})
            news |= s.attribute(name) && !reader_.says_nothing(s, s.attribute(name));
    });
    if (texts < 2 && !news) return;
    RoomList list(room_, member);
    all([&](pugi::xml_node s) {
        const std::string value = reader_.attribute(s, "value");
        const std::string lang = reader_.attribute(s, "xml:lang");
        const std::string charset = reader_.attribute(s, "charset");
        list.element([&] {
            room_.json.open('{');
            room_.json.field("value", value);
            room_.json.field("lang", lang);
            room_.json.field("charset", charset);
            room_.json.close('}');
        });
    });
}

void Object::slots()
{
    RoomList list(room_, "slots");
    for (auto& s : slots_) {
        if (s.asked && s.told == s.values.size()) continue;
        list.element([&] {
            room_.json.open('{');
            room_.field("name", reader_.attribute(s.node, "name"));
            room_.list("values", s.values);
            room_.json.close('}');
        });
    }
}

void Object::left_attribute(std::string_view member, pugi::xml_node n, const char* name)
{
    const auto a = n.attribute(name);
    if (a && !reader_.is_told(a) && !reader_.says_nothing(n, a)) field(member, reader_.attribute(n, name));
}

void Object::left_parts()
{
    if (nesting_ >= limits::nesting_max) return;
    {
        RoomList list(room_, "classifications");
        for (auto& part : classifications_)
            if (!part.told) list.element([&] { code(part, true); });
    }
    RoomList list(room_, "identifiers");
    for (auto& part : identifiers_)
        if (!part.told) list.element([&] { identifier_object(part); });
}

void Object::rest()
{
    slots();
    left_attribute("status", node_, "status");
    left_attribute("home", node_, "home");
    left_attribute("lid", node_, "lid");
    bool versioned = false;
    each(node_, "VersionInfo", [&](pugi::xml_node n) {
        if (!versioned) left_attribute("version", n, "versionName");
        versioned = true;
    });
    left_attribute("objectType", node_, "objectType");
    if (!described_) field("description", description());
    localized_list("names", "Name");
    localized_list("descriptions", "Description");
    left_parts();
    RoomList list(room_, "more");
    reader_.sweep(node_, "", [&](const std::string& path, const std::string& value) {
        list.element([&] {
            room_.json.open('{');
            room_.json.field("path", path);
            room_.json.field("value", value);
            room_.json.close('}');
        });
    });
}

}  // namespace direct::xdm
