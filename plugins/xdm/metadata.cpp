// metadata.cpp - see metadata.h.
#include "plugins/xdm/metadata.h"

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>

#include "plugins/json_writer.h"
#include "plugins/xml_text.h"
#include "plugins/xml_view.h"

namespace direct::xdm {
namespace {

constexpr std::size_t value_max = 4096;  // bytes of one value: titles and ids; more is cut

bool is(pugi::xml_node n, std::string_view local)
{
    return n.type() == pugi::node_element && local_name(n.name()) == local;
}

template <class F>
void each(pugi::xml_node parent, std::string_view local, F take)
{
    for (pugi::xml_node n = parent.first_child(); n; n = n.next_sibling())
        if (is(n, local)) take(n);
}

std::string trimmed(std::string_view s)
{
    const auto from = s.find_first_not_of(" \t\r\n");
    if (from == std::string_view::npos) return "";
    s = s.substr(from, s.find_last_not_of(" \t\r\n") + 1 - from);
    return std::string(s.substr(0, value_max));
}

// Values of a Slot. One sample is escaped twice: "&amp;amp;" is what was meant as '&'.
std::vector<std::string> values_of(pugi::xml_node slot)
{
    std::vector<std::string> out;
    each(slot, "ValueList", [&](pugi::xml_node list) {
        each(list, "Value", [&](pugi::xml_node v) {
            if (auto text = trimmed(v.child_value()); !text.empty()) out.push_back(std::move(text));
        });
    });
    return out;
}

std::vector<std::string> slot(pugi::xml_node object, std::string_view name)
{
    std::vector<std::string> out;
    each(object, "Slot", [&](pugi::xml_node s) {
        if (out.empty() && name == s.attribute("name").value()) out = values_of(s);
    });
    return out;
}

// Name or Description: the value of its LocalizedString.
std::string localized(pugi::xml_node object, std::string_view element)
{
    std::string out;
    each(object, element, [&](pugi::xml_node n) {
        each(n, "LocalizedString", [&](pugi::xml_node s) {
            if (out.empty()) out = trimmed(s.attribute("value").value());
        });
    });
    return out;
}

struct Scheme {
    std::string_view uuid;
    const char* name;
    bool many;
};
constexpr Scheme document_codes[] = {
    {"urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a", "classCode", false},
    {"urn:uuid:f0306f51-975f-434e-a61c-c59651d33983", "typeCode", false},
    {"urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d", "formatCode", false},
    {"urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", "healthcareFacilityTypeCode", false},
    {"urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead", "practiceSettingCode", false},
    {"urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f", "confidentialityCode", true},
    {"urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4", "eventCodeList", true},
    {"urn:uuid:aa543740-bdda-424e-8c96-df4873be8500", "contentTypeCode", false},
};
constexpr std::string_view author_schemes[] = {"urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d",
                                               "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d"};
constexpr Scheme identifiers[] = {
    {"urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427", "patientId", false},
    {"urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab", "uniqueId", false},
    {"urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446", "patientId", false},
    {"urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8", "uniqueId", false},
    {"urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832", "sourceId", false},
};

bool same(std::string_view a, std::string_view b)
{
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
               const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
               return low(x) == low(y);
           });
}

void code_object(JsonWriter& w, pugi::xml_node n)
{
    w.open('{');
    w.field("code", trimmed(n.attribute("nodeRepresentation").value()));
    const auto scheme = slot(n, "codingScheme");
    if (!scheme.empty()) w.field("codeSystemName", scheme[0]);
    w.field("displayName", localized(n, "Name"));
    w.close('}');
}

void codes(JsonWriter& w, pugi::xml_node object, const Scheme& scheme)
{
    bool open = false;
    each(object, "Classification", [&](pugi::xml_node n) {
        if (!same(scheme.uuid, n.attribute("classificationScheme").value())) return;
        if (open && !scheme.many) return;
        if (!open) {
            if (scheme.many)
                w.open_field(scheme.name, '[');
            else
                w.name(scheme.name);
        }
        open = true;
        code_object(w, n);
    });
    if (open && scheme.many) w.close(']');
}

void list(JsonWriter& w, std::string_view name, const std::vector<std::string>& values)
{
    if (values.empty()) return;
    w.open_field(name, '[');
    for (const auto& v : values) w.text(v);
    w.close(']');
}

void authors(JsonWriter& w, pugi::xml_node object)
{
    bool open = false;
    each(object, "Classification", [&](pugi::xml_node n) {
        const char* scheme = n.attribute("classificationScheme").value();
        if (!same(author_schemes[0], scheme) && !same(author_schemes[1], scheme)) return;
        if (!open) w.open_field("author", '[');
        open = true;
        w.open('{');
        list(w, "person", slot(n, "authorPerson"));
        list(w, "institution", slot(n, "authorInstitution"));
        list(w, "role", slot(n, "authorRole"));
        list(w, "specialty", slot(n, "authorSpecialty"));
        list(w, "telecommunication", slot(n, "authorTelecommunication"));
        w.close('}');
    });
    if (open) w.close(']');
}

std::string identifier(pugi::xml_node object, std::string_view name)
{
    std::string out;
    each(object, "ExternalIdentifier", [&](pugi::xml_node n) {
        for (const auto& i : identifiers)
            if (out.empty() && name == i.name && same(i.uuid, n.attribute("identificationScheme").value()))
                out = trimmed(n.attribute("value").value());
    });
    // Escaped twice by one writer of packages.
    for (auto at = out.find("&amp;"); at != std::string::npos; at = out.find("&amp;", at + 1))
        out.erase(at + 1, 4);
    return out;
}

// Slots that are told by a name of ours; every other one goes into "slots".
constexpr std::string_view document_slots[] = {
    "creationTime",    "languageCode",       "serviceStartTime",   "serviceStopTime",
    "sourcePatientId", "legalAuthenticator", "repositoryUniqueId", "documentAvailability"};
constexpr std::string_view submission_slots[] = {"submissionTime"};

template <std::size_t N>
void slots(JsonWriter& w, pugi::xml_node object, const std::string_view (&known)[N],
           std::initializer_list<std::string_view> told)
{
    for (auto name : known)
        if (const auto values = slot(object, name); !values.empty()) w.field(name, values[0]);
    list(w, "sourcePatientInfo", slot(object, "sourcePatientInfo"));
    list(w, "intendedRecipient", slot(object, "intendedRecipient"));
    bool open = false;
    each(object, "Slot", [&](pugi::xml_node s) {
        const std::string_view name = s.attribute("name").value();
        if (std::find(std::begin(known), std::end(known), name) != std::end(known) ||
            std::find(told.begin(), told.end(), name) != told.end() || name == "sourcePatientInfo" ||
            name == "intendedRecipient")
            return;
        if (!open) w.open_field("slots", '[');
        open = true;
        w.open('{');
        w.field("name", name.substr(0, value_max));
        list(w, "values", values_of(s));
        w.close('}');
    });
    if (open) w.close(']');
}

// A long URI may be told in numbered pieces: "1|one/", "2|two.xml".
std::string uri_of(pugi::xml_node object)
{
    auto values = slot(object, "URI");
    if (values.empty()) return "";
    if (values.size() == 1 && !(values[0].size() > 2 && values[0][1] == '|')) return values[0];
    std::sort(values.begin(), values.end());
    std::string out;
    for (const auto& v : values) out += v.size() > 2 && v[1] == '|' ? v.substr(2) : v;
    return out;
}

DocumentEntry document_of(pugi::xml_node object)
{
    DocumentEntry d;
    d.object_id = trimmed(object.attribute("id").value());
    d.uri = uri_of(object);
    d.mime_type = trimmed(object.attribute("mimeType").value());
    d.title = localized(object, "Name");
    d.unique_id = identifier(object, "uniqueId");
    if (const auto hash = slot(object, "hash"); !hash.empty()) d.hash = hash[0];
    const auto size = slot(object, "size");
    if (!size.empty()) {
        std::uint64_t n = 0;
        const auto r = std::from_chars(size[0].data(), size[0].data() + size[0].size(), n);
        if (r.ec == std::errc() && r.ptr == size[0].data() + size[0].size()) d.size = n;
    }
    JsonWriter w;
    w.open('{');
    w.field("uri", d.uri);
    w.field("mimeType", d.mime_type);
    w.field("title", d.title);
    w.field("description", localized(object, "Description"));
    w.field("uniqueId", d.unique_id);
    w.field("patientId", identifier(object, "patientId"));
    if (!size.empty()) w.field("size", size[0]);
    w.field("hash", d.hash);
    w.field("entryId", d.object_id);
    w.field("status", trimmed(object.attribute("status").value()));
    authors(w, object);
    for (const auto& scheme : document_codes) codes(w, object, scheme);
    slots(w, object, document_slots, {"URI", "size", "hash"});
    w.close('}');
    d.json = w.take();
    return d;
}

void take_submission(pugi::xml_node object, Metadata& out)
{
    out.title = localized(object, "Name");
    out.unique_id = identifier(object, "uniqueId");
    out.patient_id = identifier(object, "patientId");
    if (const auto time = slot(object, "submissionTime"); !time.empty()) out.submission_time = time[0];
    JsonWriter w;
    w.open('{');
    w.field("title", out.title);
    w.field("description", localized(object, "Description"));
    w.field("uniqueId", out.unique_id);
    w.field("sourceId", identifier(object, "sourceId"));
    w.field("patientId", out.patient_id);
    authors(w, object);
    for (const auto& scheme : document_codes) codes(w, object, scheme);
    slots(w, object, submission_slots, {});
    w.close('}');
    out.submission = w.take();
}

}  // namespace

Metadata read_metadata(std::string_view bytes)
{
    Metadata out;
    if (bytes.size() > metadata_max) {
        out.why = "larger than 4 MB";
        return out;
    }
    XmlView xml({});
    if (xml.load(bytes, "") != XmlView::Verdict::good) {
        out.why = xml.why();
        return out;
    }
    // Objects stand at any depth: alone, in a list, or inside a whole request. One walk, no recursion.
    pugi::xml_node n = xml.root();
    for (;;) {
        const bool document = is(n, "ExtrinsicObject");
        const bool package = is(n, "RegistryPackage");
        if (document) out.documents.push_back(document_of(n));
        // Folders are packages too; the submission set is the one with a time or an id of its own kind.
        if (package && out.submission.empty() &&
            (!slot(n, "submissionTime").empty() || !identifier(n, "sourceId").empty()))
            take_submission(n, out);
        if (!document && !package && n.first_child()) {
            n = n.first_child();
            continue;
        }
        while (n != xml.root() && !n.next_sibling()) n = n.parent();
        if (n == xml.root()) return out;
        n = n.next_sibling();
    }
}

}  // namespace direct::xdm
