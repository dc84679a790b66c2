// actors.cpp - people, organisations and systems: a CCR names them once, under Actors, and points to them
// from everywhere. Here they are joined.
#include <algorithm>
#include <cstring>
#include <string>

#include "plugins/ccr/extract.h"
#include "plugins/ccr/values.h"

namespace direct::ccr {
namespace {

void append_part(std::string& out, const std::string& part)
{
    if (part.empty()) return;
    if (!out.empty()) out += ' ';
    out += part;
}

// CurrentName, BirthName or AdditionalName on one line.
std::string name_line(pugi::xml_node name)
{
    std::string out;
    for (const char* part : {"Title", "Given", "Middle", "Family", "Suffix"})
        for (pugi::xml_node n : name.children(part)) append_part(out, words(n));
    return out;
}

void words_array(Ccr& ccr, const char* name, pugi::xml_node parent,
                 std::initializer_list<const char*> children)
{
    bool open = false;
    for (const char* child : children)
        for (pugi::xml_node n : parent.children(child)) {
            const std::string text = words(n);
            if (text.empty()) continue;
            if (!open) ccr.json.open_field(name, '[');
            open = true;
            ccr.json.text(text);
        }
    if (open) ccr.json.close(']');
}

void one_name(Ccr& ccr, pugi::xml_node name)
{
    auto& w = ccr.json;
    w.open('{');
    w.field("type", name.name());
    if (is_named(name, "DisplayName")) {
        w.field("text", words(name));
        w.close('}');
        return;
    }
    w.field("text", name_line(name));
    words_array(ccr, "prefix", name, {"Title"});
    words_array(ccr, "given", name, {"Given", "Middle"});
    words_array(ccr, "family", name, {"Family"});
    words_array(ccr, "suffix", name, {"Suffix"});
    words_array(ccr, "nickName", name, {"NickName"});
    time_field(ccr, "period", name.child("DateTime"));
    more_field(ccr, name, {"Title", "Given", "Middle", "Family", "Suffix", "NickName", "DateTime"});
    w.close('}');
}

void names_field(Ccr& ccr, pugi::xml_node person)
{
    bool open = false;
    for (pugi::xml_node name : person.children("Name"))
        for (const char* which : {"CurrentName", "DisplayName", "BirthName", "AdditionalName"})
            for (pugi::xml_node n : name.children(which)) {
                if (!open) ccr.json.open_field("names", '[');
                open = true;
                one_name(ccr, n);
            }
    if (open) ccr.json.close(']');
}

void telecom_field(Ccr& ccr, pugi::xml_node actor)
{
    struct Row {
        const char *element, *system;
    };
    bool open = false;
    for (const Row& row : {Row{"Telephone", "phone"}, Row{"EMail", "email"}, Row{"URL", "url"}})
        for (pugi::xml_node n : actor.children(row.element)) {
            if (!open) ccr.json.open_field("telecom", '[');
            open = true;
            ccr.json.open('{');
            ccr.json.field("system", row.system);
            const std::string value = words(n, "Value");
            ccr.json.field("value", value.empty() ? words(n) : value);
            ccr.json.field("use", words(n.child("Type"), "Text"));
            more_field(ccr, n, {"Value", "Type"});
            ccr.json.close('}');
        }
    if (open) ccr.json.close(']');
}

void addresses_field(Ccr& ccr, pugi::xml_node actor)
{
    objects(ccr, "addresses", actor, "Address", [&](pugi::xml_node n) {
        auto& w = ccr.json;
        w.field("use", words(n.child("Type"), "Text"));
        words_array(ccr, "streetAddressLine", n, {"Line1", "Line2"});
        w.field("city", words(n, "City"));
        w.field("county", words(n, "County"));
        w.field("state", words(n, "State"));
        w.field("postalCode", words(n, "PostalCode"));
        w.field("country", words(n, "Country"));
        more_field(ccr, n, {"Type", "Line1", "Line2", "City", "County", "State", "PostalCode", "Country"});
    });
}

void organisation_field(Ccr& ccr, pugi::xml_node actor)
{
    const pugi::xml_node n = actor.child("Organization");
    if (!n) return;
    ccr.json.open_field("organisation", '{');
    ccr.json.field("name", words(n, "Name"));
    more_field(ccr, n, {"Name"});
    ccr.json.close('}');
}

void device_field(Ccr& ccr, pugi::xml_node actor)
{
    const pugi::xml_node n = actor.child("InformationSystem");
    if (!n) return;
    ccr.json.open_field("device", '{');
    ccr.json.field("softwareName", words(n, "Name"));
    ccr.json.field("type", words(n, "Type"));
    ccr.json.field("version", words(n, "Version"));
    more_field(ccr, n, {"Name", "Type", "Version"});
    ccr.json.close('}');
}

// What the document says of the actor beyond who it is.
void detail_members(Ccr& ccr, pugi::xml_node actor)
{
    const pugi::xml_node person = actor.child("Person");
    time_field(ccr, "birthTime", person.child("DateOfBirth"));
    code_field(ccr, "gender", person.child("Gender"));
    telecom_field(ccr, actor);
    addresses_field(ccr, actor);
    ccr.json.field("status", words(actor.child("Status"), "Text"));
    more_field(ccr, person, {"Name", "DateOfBirth", "Gender"});
}

pugi::xml_node patient_of(const Ccr& ccr, pugi::xml_node root)
{
    return ccr.index.actor(words(root.child("Patient"), "ActorID"));
}

// Elements and bytes of text below a node. One walk, without recursion.
std::size_t extent(pugi::xml_node of)
{
    std::size_t out = 0;
    for (pugi::xml_node n = of.first_child(); n;) {
        out += 1 + std::strlen(n.value());
        if (n.first_child()) {
            n = n.first_child();
            continue;
        }
        while (n != of && !n.next_sibling()) n = n.parent();
        if (n == of) break;
        n = n.next_sibling();
    }
    return out;
}

void begin_item(Ccr& ccr, const char* section, const char* kind)
{
    ccr.json.clear();
    ccr.json.open('{');
    ccr.json.field("section", section);
    ccr.json.field("kind", kind);
}

void end_item(Ccr& ccr, pugi::xml_node node, const std::string& path, const char* section, const char* kind)
{
    ccr.json.number_field("offset", ccr.xml.offset(node));
    ccr.json.field("path", path);
    ccr.close_item();
    ccr.tell_item(section, kind);
}

void tell_patient(Ccr& ccr, pugi::xml_node root)
{
    std::size_t number = 0;
    for (pugi::xml_node p : root.children("Patient")) {
        ++number;
        if (ccr.stopped()) return;
        begin_item(ccr, "demographics", "patient");
        actor_members(ccr, p, true);
        end_item(ccr, p, "/ContinuityOfCareRecord/Patient[" + std::to_string(number) + "]", "demographics",
                 "patient");
    }
}

}  // namespace

std::string display_name(pugi::xml_node actor)
{
    const pugi::xml_node name = actor.child("Person").child("Name");
    if (const std::string shown = words(name, "DisplayName"); !shown.empty()) return shown;
    for (const char* which : {"CurrentName", "BirthName", "AdditionalName"})
        if (const std::string line = name_line(name.child(which)); !line.empty()) return line;
    if (const std::string line = words(actor.child("Organization"), "Name"); !line.empty()) return line;
    return words(actor.child("InformationSystem"), "Name");
}

void person_members(Ccr& ccr, pugi::xml_node actor, bool full)
{
    auto& w = ccr.json;
    if (!full) {
        // Said at every entry: as short as it can be, the whole is the actor's own item.
        w.field("name", ccr.name_of(actor));
        return;
    }
    ids_field(ccr, actor);
    w.field("name", ccr.name_of(actor));
    names_field(ccr, actor.child("Person"));
    organisation_field(ccr, actor);
    device_field(ccr, actor);
    code_field(ccr, "relation", actor.child("Relation"));
    code_field(ccr, "specialty", actor.child("Specialty"));
    detail_members(ccr, actor);
}

void actor_members(Ccr& ccr, pugi::xml_node reference, bool full)
{
    auto& w = ccr.json;
    const std::string id = words(reference, "ActorID");
    w.field("actorId", id);
    code_field(ccr, "code", reference.child("ActorRole"));
    pugi::xml_node second = reference.child("ActorRole").next_sibling("ActorRole");
    if (second && !ccr.too_deep()) {
        w.open_field("roles", '[');
        for (; second; second = second.next_sibling("ActorRole")) {
            w.open('{');
            code_members(ccr, second);
            w.close('}');
        }
        w.close(']');
    }
    if (id.empty()) return;
    const pugi::xml_node actor = ccr.index.actor(id);
    if (!actor) return w.flag_field("unresolved", true);
    if (ccr.joined > Ccr::joined_max)
        return full ? ccr.cut("more is joined than a document may say twice") : w.flag_field("cut", true);
    const std::size_t before = w.size();
    person_members(ccr, actor, full);
    // What was looked at and says nothing costs too.
    ccr.joined += std::max(w.size() - before, full ? extent(actor) : 0);
}

void sources_field(Ccr& ccr, pugi::xml_node parent)
{
    auto& w = ccr.json;
    if (!parent.child("Source") || ccr.too_deep()) return;
    bool open = false;
    const auto begin = [&] {
        if (!open) w.open_field("author", '[');
        open = true;
        w.open('{');
    };
    for (pugi::xml_node source : parent.children("Source")) {
        for (pugi::xml_node actor : source.children("Actor")) {
            begin();
            actor_members(ccr, actor, false);
            more_field(ccr, actor, {"ActorID", "ActorRole"});
            w.close('}');
        }
        bool other = false;
        for (pugi::xml_node n : source.children())
            other = other || (n.type() == pugi::node_element && !is_named(n, "Actor"));
        if (!other) continue;
        begin();
        time_field(ccr, "time", source.child("DateTime"));
        more_field(ccr, source, {"Actor", "DateTime"});
        w.close('}');
    }
    if (open) w.close(']');
}

void extract_actors(Ccr& ccr, pugi::xml_node root)
{
    tell_patient(ccr, root);
    const pugi::xml_node patient = patient_of(ccr, root);
    std::size_t number = 0;
    for (pugi::xml_node actor : root.child("Actors").children("Actor")) {
        ++number;
        if (ccr.stopped()) return;
        begin_item(ccr, "other", "actor");
        ccr.json.field("actorId", words(actor, "ActorObjectID"));
        if (actor == patient) ccr.json.flag_field("patient", true);
        person_members(ccr, actor, true);
        sources_field(ccr, actor);
        more_field(ccr, actor,
                   {"ActorObjectID", "Person", "Organization", "InformationSystem", "IDs", "Relation",
                    "Specialty", "Address", "Telephone", "EMail", "URL", "Status", "Source"});
        end_item(ccr, actor, "/ContinuityOfCareRecord/Actors/Actor[" + std::to_string(number) + "]", "other",
                 "actor");
    }
}

}  // namespace direct::ccr
