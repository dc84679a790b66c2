// header.cpp - see header.h.
#include "plugins/ccda/header.h"

#include "plugins/ccda/document.h"
#include "plugins/ccda/more.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

// Places are participations that hold a facility that holds a place: an array of their own.
void encounter_members(Cda& cda, pugi::xml_node encounter)
{
    objects_field(cda, "locations", encounter, "location");
    Taken taken;
    for (pugi::xml_node n : encounter.children("location")) taken.add(n);
    members(cda, encounter, taken);
}

void related_documents(Cda& cda, pugi::xml_node document)
{
    array_field(cda, "relatedDocuments", document, "relatedDocument", [&](pugi::xml_node n) {
        auto& w = cda.json;
        const pugi::xml_node parent = n.child("parentDocument");
        w.field("id", instance_id(parent.child("id")));
        w.field("setId", instance_id(parent.child("setId")));
        null_field(cda, "id", parent.child("id"));
        null_field(cda, "setId", parent.child("setId"));
        members(cda, n);
    });
}

// Something is said around `told`, by an element between it and `outer`, or by that itself.
bool says_around(pugi::xml_node outer, pugi::xml_node told)
{
    const bool holds = told && (told.parent() == outer || told.parent().parent() == outer);
    if (!holds) return says_beside(outer, {});
    for (pugi::xml_node inner = told; inner != outer; inner = inner.parent()) {
        Taken way;
        way.add(inner);
        if (says_beside(inner.parent(), way)) return true;
    }
    return false;
}

// Array `name`: what the elements of that name around one that is told apart say beside it.
void around_field(Cda& cda, const char* name, pugi::xml_node document, const char* child, pugi::xml_node told)
{
    Taken taken;
    taken.add(told);
    bool open = false;
    for (pugi::xml_node n : document.children(child)) {
        if (!says_around(n, told)) continue;
        if (!open) cda.json.open_field(name, '[');
        open = true;
        cda.json.open('{');
        members(cda, n, taken);
        cda.json.close('}');
    }
    if (open) cda.json.close(']');
}

// Array "recordTargetRest": those that name nobody, so that there is no item of them, but say something.
void nobodys_field(Cda& cda, pugi::xml_node document)
{
    bool open = false;
    for (pugi::xml_node n : document.children("recordTarget")) {
        if (n.child("patientRole") || !says_beside(n, {})) continue;
        if (!open) cda.json.open_field("recordTargetRest", '[');
        open = true;
        cda.json.open('{');
        members(cda, n);
        cda.json.close('}');
    }
    if (open) cda.json.close(']');
}

void begin_item(Cda& cda, const char* section, const char* kind)
{
    auto& w = cda.json;
    w.clear();
    w.open('{');
    w.field("section", section);
    w.field("kind", kind);
}

void end_item(Cda& cda, const char* section, const char* kind, pugi::xml_node node, const std::string& path)
{
    cda.json.number_field("offset", cda.xml.offset(node));
    cda.json.field("path", path);
    cda.json.close('}');
    cda.tell_item(section, kind);
}

// One item per participation of that name under `parent`.
void participations(Cda& cda, const char* section, const char* kind, pugi::xml_node parent, XmlName child,
                    const std::string& path, pugi::xml_node service = {})
{
    std::size_t number = 0;
    for (pugi::xml_node n : parent.children(child)) {
        if (cda.stopped()) return;
        begin_item(cda, section, kind);
        members(cda, n);
        if (service) {
            code_field(cda, "service", service.child("code"));
            time_field(cda, "serviceTime", service.child("effectiveTime"));
        }
        end_item(cda, section, kind, n, path + "/" + child.text + "[" + std::to_string(++number) + "]");
    }
}

}  // namespace

void extract_header(Cda& cda, pugi::xml_node document)
{
    const std::string root = "/ClinicalDocument";
    participations(cda, "header_authors", "author", document, "author", root);
    std::size_t number = 0;
    for (pugi::xml_node n : document.children("documentationOf")) {
        const pugi::xml_node service = n.child("serviceEvent");
        participations(cda, "header_performers", "performer", service, "performer",
                       root + "/documentationOf[" + std::to_string(++number) + "]/serviceEvent", service);
    }
    participations(cda, "header_participants", "participant", document, "participant", root);
    const pugi::xml_node encounter = document.child("componentOf").child("encompassingEncounter");
    if (!encounter || cda.stopped()) return;
    begin_item(cda, "header_encounter", "encounter");
    encounter_members(cda, encounter);
    end_item(cda, "header_encounter", "encounter", encounter, root + "/componentOf/encompassingEncounter");
}

void header_fields(Cda& cda, pugi::xml_node document)
{
    struct Participation {
        const char* member;
        XmlName element;
    };
    constexpr Participation all[] = {{"author", "author"},
                                     {"dataEnterer", "dataEnterer"},
                                     {"informants", "informant"},
                                     {"recipients", "informationRecipient"},
                                     {"legalAuthenticator", "legalAuthenticator"},
                                     {"authenticators", "authenticator"},
                                     {"participants", "participant"}};
    for (const auto& p : all) objects_field(cda, p.member, document, p.element);
    nobodys_field(cda, document);
    const pugi::xml_node custodian =
        document.child("custodian").child("assignedCustodian").child("representedCustodianOrganization");
    object_field(cda, "custodian", custodian);
    around_field(cda, "custodianRest", document, "custodian", custodian);
    objects_field(cda, "orders", document, "inFulfillmentOf");
    objects_field(cda, "serviceEvents", document, "documentationOf");
    objects_field(cda, "consents", document, "authorization");
    related_documents(cda, document);
    const pugi::xml_node encounter = document.child("componentOf").child("encompassingEncounter");
    if (encounter) {
        cda.json.open_field("componentOf", '{');
        encounter_members(cda, encounter);
        cda.json.close('}');
    }
    around_field(cda, "componentOfRest", document, "componentOf", encounter);
}

}  // namespace direct::ccda
