// roles.cpp - see roles.h.
#include "plugins/ccda/roles.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

constexpr std::array persons = {"assignedPerson", "relatedPerson", "associatedPerson", "informationRecipient",
                                "guardianPerson"};
constexpr std::array devices = {"assignedAuthoringDevice", "assignedDevice", "playingDevice"};
constexpr std::array players = {"playingEntity", "specimenPlayingEntity"};
constexpr std::array organisations = {"representedOrganization",
                                      "scopingOrganization",
                                      "receivedOrganization",
                                      "guardianOrganization",
                                      "serviceProviderOrganization",
                                      "providerOrganization",
                                      "representedCustodianOrganization",
                                      "manufacturerOrganization"};
constexpr std::array roles = {"assignedAuthor",    "assignedEntity",     "relatedEntity",
                              "associatedEntity",  "intendedRecipient",  "participantRole",
                              "assignedCustodian", "healthCareFacility", "specimenRole"};
constexpr std::array role_parts = {"id", "code", "templateId", "telecom", "addr"};
constexpr std::array participation_parts = {"templateId", "functionCode",  "sdtc:functionCode",
                                            "time",       "signatureCode", "awarenessCode"};
constexpr std::array name_parts = {"prefix", "given", "family", "suffix", "delimiter"};

template <std::size_t N>
bool is_one_of(const std::array<const char*, N>& names, const char* name)
{
    return std::any_of(names.begin(), names.end(), [&](const char* n) { return std::strcmp(n, name) == 0; });
}

template <std::size_t N>
pugi::xml_node first_of(pugi::xml_node node, const std::array<const char*, N>& names)
{
    for (pugi::xml_node n : node.children())
        if (is_one_of(names, n.name())) return n;
    return {};
}

// The text of an element with its blanks normalised.
void words_member(Cda& cda, const char* name, pugi::xml_node node)
{
    if (node) cda.json.field(name, cda.narrative.line(node));
}

void list_of_words(Cda& cda, const char* name, pugi::xml_node parent, const char* child)
{
    bool open = false;
    for (pugi::xml_node n = parent.child(child); n; n = n.next_sibling(child)) {
        if (!open) cda.json.open_field(name, '[');
        open = true;
        cda.json.text(cda.narrative.line(n));
    }
    if (open) cda.json.close(']');
}

void append_words(std::string& out, std::string_view words)
{
    while (!words.empty()) {
        const auto from = words.find_first_not_of(" \t\r\n");
        if (from == std::string_view::npos) return;
        words.remove_prefix(from);
        const auto n = std::min(words.find_first_of(" \t\r\n"), words.size());
        if (!out.empty()) out += ' ';
        out += words.substr(0, n);
        words.remove_prefix(n);
    }
}

void qualifiers_field(Cda& cda, pugi::xml_node name)
{
    bool open = false;
    for (pugi::xml_node part : name.children()) {
        const char* q = part.attribute("qualifier").value();
        if (!*q) continue;
        if (!open) cda.json.open_field("qualifiers", '[');
        open = true;
        cda.json.open('{');
        cda.json.field("part", part.name());
        cda.json.field("qualifier", q);
        cda.json.close('}');
    }
    if (open) cda.json.close(']');
}

// Parts of an address besides the lines of the street, as CDA names them. A part said twice keeps both.
constexpr std::array address_parts = {
    "city",        "county",     "state",       "postalCode",         "country",
    "houseNumber", "streetName", "unitID",      "additionalLocator",  "postBox",
    "careOf",      "precinct",   "censusTract", "deliveryAddressLine"};

void address_part(Cda& cda, pugi::xml_node address, const char* part)
{
    pugi::xml_node n = address.child(part);
    if (!n) return;
    std::string words = cda.narrative.line(n);
    for (n = n.next_sibling(part); n; n = n.next_sibling(part)) append_words(words, cda.narrative.line(n));
    cda.json.field(part, words);
}

pugi::xml_node either(pugi::xml_node node, const char* name, const char* extension)
{
    const pugi::xml_node n = node.child(name);
    return n ? n : node.child(extension);
}

void person_fields(Cda& cda, pugi::xml_node person)
{
    names_field(cda, "names", person);
    code_field(cda, "gender", either(person, "administrativeGenderCode", "sdtc:administrativeGenderCode"));
    time_field(cda, "birthTime", either(person, "birthTime", "sdtc:birthTime"));
    ids_field(cda, "personIds", person, "sdtc:id");
    more_field(cda, person,
               {"name", "templateId", "administrativeGenderCode", "sdtc:administrativeGenderCode",
                "birthTime", "sdtc:birthTime", "sdtc:id"});
}

void device_field(Cda& cda, pugi::xml_node device)
{
    cda.json.open_field("device", '{');
    code_field(cda, "code", device.child("code"));
    words_member(cda, "manufacturerModelName", device.child("manufacturerModelName"));
    words_member(cda, "softwareName", device.child("softwareName"));
    more_field(cda, device, {"code", "manufacturerModelName", "softwareName", "templateId"});
    cda.json.close('}');
}

// Entities that are no persons: substances, places, devices' scopers.
void entity_field(Cda& cda, const char* name, pugi::xml_node entity)
{
    if (!entity) return;
    auto& w = cda.json;
    w.open_field(name, '{');
    w.field("classCode", entity.attribute("classCode").value());
    w.field("determinerCode", entity.attribute("determinerCode").value());
    w.field("nullFlavor", entity.attribute("nullFlavor").value());
    ids_field(cda, "ids", entity, "id");
    code_field(cda, "code", entity.child("code"));
    names_field(cda, "names", entity);
    quantity_field(cda, "quantity", entity.child("quantity"));
    text_field(cda, "desc", entity.child("desc"));
    time_field(cda, "birthTime", either(entity, "birthTime", "sdtc:birthTime"));
    more_field(cda, entity,
               {"id", "code", "name", "quantity", "desc", "birthTime", "sdtc:birthTime", "templateId"});
    w.close('}');
}

// healthCareFacility/location: where it happened.
void place_field(Cda& cda, pugi::xml_node place)
{
    if (!place) return;
    cda.json.open_field("place", '{');
    names_field(cda, "names", place);
    addresses_field(cda, "addresses", place);
    more_field(cda, place, {"name", "addr", "templateId"});
    cda.json.close('}');
}

// Players and scopers of a role. The first of its kind has a name of its own; what comes after it goes to
// "more" with everything else.
void partners(Cda& cda, pugi::xml_node role)
{
    if (const auto person = first_of(role, persons)) person_fields(cda, person);
    if (const auto device = first_of(role, devices)) device_field(cda, device);
    entity_field(cda, "entity", first_of(role, players));
    entity_field(cda, "scoper", role.child("scopingEntity"));
    place_field(cda, role.child("location"));
    organisation_field(cda, "organisation", first_of(role, organisations));
}

}  // namespace

std::string display_name(Cda& cda, pugi::xml_node name)
{
    std::string out;
    for (pugi::xml_node part : name.children()) {
        if (part.type() == pugi::node_pcdata || part.type() == pugi::node_cdata)
            append_words(out, part.value());  // a name without parts, or words between them
        else if (is_one_of(name_parts, part.name()))
            append_words(out, cda.narrative.line(part));
    }
    return out;
}

void name_members(Cda& cda, pugi::xml_node n)
{
    cda.json.field("use", n.attribute("use").value());
    cda.json.field("nullFlavor", n.attribute("nullFlavor").value());
    cda.json.field("text", display_name(cda, n));
    list_of_words(cda, "prefix", n, "prefix");
    list_of_words(cda, "given", n, "given");
    std::string family;
    for (pugi::xml_node f : n.children("family")) append_words(family, cda.narrative.line(f));
    cda.json.field("family", family);
    list_of_words(cda, "suffix", n, "suffix");
    qualifiers_field(cda, n);
    time_field(cda, "period", n.child("validTime"));
}

void names_field(Cda& cda, const char* name, pugi::xml_node parent)
{
    array_field(cda, name, parent, "name", [&](pugi::xml_node n) { name_members(cda, n); });
}

void address_members(Cda& cda, pugi::xml_node n)
{
    cda.json.field("use", n.attribute("use").value());
    cda.json.field("nullFlavor", n.attribute("nullFlavor").value());
    list_of_words(cda, "streetAddressLine", n, "streetAddressLine");
    for (const char* part : address_parts) address_part(cda, n, part);
    // Words between the parts are said too; without the usual parts, all words together.
    std::string text;
    if (!n.child("streetAddressLine") && !n.child("city") && !n.child("state"))
        text = cda.narrative.line(n);
    else
        for (pugi::xml_node own = n.first_child(); own; own = own.next_sibling())
            if (own.type() == pugi::node_pcdata || own.type() == pugi::node_cdata)
                append_words(text, own.value());
    cda.json.field("text", text);
    time_field(cda, "period", n.child("useablePeriod"));
}

void addresses_field(Cda& cda, const char* name, pugi::xml_node parent)
{
    array_field(cda, name, parent, "addr", [&](pugi::xml_node n) { address_members(cda, n); });
}

void telecom_members(Cda& cda, pugi::xml_node n)
{
    for (const char* a : {"use", "value", "nullFlavor"}) cda.json.field(a, n.attribute(a).value());
    time_field(cda, "period", n.child("useablePeriod"));
}

void telecom_field(Cda& cda, const char* name, pugi::xml_node parent)
{
    array_field(cda, name, parent, "telecom", [&](pugi::xml_node n) { telecom_members(cda, n); });
}

void organisation_field(Cda& cda, const char* name, pugi::xml_node node)
{
    if (!node) return;
    cda.json.open_field(name, '{');
    cda.json.field("nullFlavor", node.attribute("nullFlavor").value());
    ids_field(cda, "ids", node, "id");
    words_member(cda, "name", node.child("name"));
    telecom_field(cda, "telecom", node);
    addresses_field(cda, "addresses", node);
    code_field(cda, "industry", node.child("standardIndustryClassCode"));
    more_field(cda, node, {"id", "name", "telecom", "addr", "standardIndustryClassCode", "templateId"});
    cda.json.close('}');
}

void role_fields(Cda& cda, pugi::xml_node role)
{
    auto& w = cda.json;
    w.field("roleClass", role.attribute("classCode").value());
    w.field("nullFlavor", role.attribute("nullFlavor").value());
    if (const auto ids = template_ids(role); !ids.empty()) {
        w.name("roleTemplateIds");
        w.raw(ids);
    }
    ids_field(cda, "ids", role, "id");
    code_field(cda, "code", role.child("code"));
    partners(cda, role);
    telecom_field(cda, "telecom", role);
    addresses_field(cda, "addresses", role);
    // What has been told above is known by its place, not by its name: a second person is not lost.
    const pugi::xml_node told[] = {first_of(role, persons), first_of(role, devices),
                                   first_of(role, players), role.child("scopingEntity"),
                                   role.child("location"),  first_of(role, organisations)};
    more_field_if(cda, "more", role, [&](pugi::xml_node n) {
        return is_one_of(role_parts, n.name()) ||
               std::find(std::begin(told), std::end(told), n) != std::end(told);
    });
}

void participation_fields(Cda& cda, pugi::xml_node n)
{
    auto& w = cda.json;
    w.field("typeCode", n.attribute("typeCode").value());
    w.field("participationNullFlavor", n.attribute("nullFlavor").value());
    if (const auto ids = template_ids(n); !ids.empty()) {
        w.name("templateIds");
        w.raw(ids);
    }
    code_field(cda, "functionCode", either(n, "functionCode", "sdtc:functionCode"));
    time_field(cda, "time", n.child("time"));
    w.field("signature", n.child("signatureCode").attribute("code").value());
    code_field(cda, "awareness", n.child("awarenessCode"));
    const pugi::xml_node role = first_of(n, roles);
    w.field("role", role.name());
    if (role) role_fields(cda, role);
    more_field_if(cda, "participationMore", n, [&](pugi::xml_node child) {
        return child == role || is_one_of(participation_parts, child.name());
    });
}

void roles_field(Cda& cda, const char* name, pugi::xml_node statement, const char* child)
{
    array_field(cda, name, statement, child, [&](pugi::xml_node n) { participation_fields(cda, n); });
}

}  // namespace direct::ccda
