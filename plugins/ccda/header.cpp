// header.cpp - see header.h.
#include "plugins/ccda/header.h"

#include <cstring>

#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

std::string instance_id(pugi::xml_node id)
{
    const std::string root = id.attribute("root").value(), extension = id.attribute("extension").value();
    return extension.empty() ? root : root + "^" + extension;
}

void template_ids_field(Cda& cda, pugi::xml_node node)
{
    if (const auto ids = template_ids(node); !ids.empty()) {
        cda.json.name("templateIds");
        cda.json.raw(ids);
    }
}

// What an act of the header is: order, consent, service.
void act_fields(Cda& cda, pugi::xml_node act)
{
    auto& w = cda.json;
    w.field("classCode", act.attribute("classCode").value());
    w.field("moodCode", act.attribute("moodCode").value());
    w.field("nullFlavor", act.attribute("nullFlavor").value());
    template_ids_field(cda, act);
    ids_field(cda, "ids", act, "id");
    code_field(cda, "code", act.child("code"));
    code_field(cda, "priority", act.child("priorityCode"));
    w.field("status", act.child("statusCode").attribute("code").value());
    time_field(cda, "effectiveTime", act.child("effectiveTime"));
    roles_field(cda, "performers", act, "performer");
    more_field(cda, act,
               {"templateId", "id", "code", "priorityCode", "statusCode", "effectiveTime", "performer"});
}

// Array `name` of the acts `act` inside each `relation` of the document.
void acts_field(Cda& cda, const char* name, pugi::xml_node document, const char* relation, const char* act)
{
    array_field(cda, name, document, relation, [&](pugi::xml_node n) {
        cda.json.field("typeCode", n.attribute("typeCode").value());
        act_fields(cda, n.child(act));
    });
}

void encounter_fields(Cda& cda, pugi::xml_node encounter)
{
    auto& w = cda.json;
    w.field("nullFlavor", encounter.attribute("nullFlavor").value());
    template_ids_field(cda, encounter);
    ids_field(cda, "ids", encounter, "id");
    code_field(cda, "code", encounter.child("code"));
    time_field(cda, "effectiveTime", encounter.child("effectiveTime"));
    code_field(cda, "dischargeDisposition", encounter.child("dischargeDispositionCode"));
    code_field(cda, "admissionReferralSource", encounter.child("sdtc:admissionReferralSourceCode"));
    roles_field(cda, "responsibleParty", encounter, "responsibleParty");
    roles_field(cda, "performers", encounter, "encounterParticipant");
    roles_field(cda, "locations", encounter, "location");
    more_field(cda, encounter,
               {"templateId", "id", "code", "effectiveTime", "dischargeDispositionCode",
                "sdtc:admissionReferralSourceCode", "responsibleParty", "encounterParticipant", "location"});
}

void related_documents(Cda& cda, pugi::xml_node document)
{
    array_field(cda, "relatedDocuments", document, "relatedDocument", [&](pugi::xml_node n) {
        auto& w = cda.json;
        const pugi::xml_node parent = n.child("parentDocument");
        w.field("typeCode", n.attribute("typeCode").value());
        ids_field(cda, "ids", parent, "id");
        w.field("id", instance_id(parent.child("id")));
        w.field("setId", instance_id(parent.child("setId")));
        w.field("versionNumber", parent.child("versionNumber").attribute("value").value());
        code_field(cda, "code", parent.child("code"));
        text_field(cda, "text", parent.child("text"));
        more_field(cda, parent, {"id", "setId", "versionNumber", "code", "text", "templateId"});
    });
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
void participations(Cda& cda, const char* section, const char* kind, pugi::xml_node parent, const char* child,
                    const std::string& path, pugi::xml_node service = {})
{
    std::size_t number = 0;
    for (pugi::xml_node n : parent.children(child)) {
        if (cda.stopped()) return;
        begin_item(cda, section, kind);
        participation_fields(cda, n);
        if (service) {
            code_field(cda, "service", service.child("code"));
            time_field(cda, "serviceTime", service.child("effectiveTime"));
        }
        end_item(cda, section, kind, n, path + "/" + child + "[" + std::to_string(++number) + "]");
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
    encounter_fields(cda, encounter);
    end_item(cda, "header_encounter", "encounter", encounter, root + "/componentOf/encompassingEncounter");
}

void header_fields(Cda& cda, pugi::xml_node document)
{
    struct Participation {
        const char *member, *element;
    };
    constexpr Participation all[] = {{"author", "author"},
                                     {"dataEnterer", "dataEnterer"},
                                     {"informants", "informant"},
                                     {"recipients", "informationRecipient"},
                                     {"legalAuthenticator", "legalAuthenticator"},
                                     {"authenticators", "authenticator"},
                                     {"participants", "participant"}};
    for (const auto& p : all) roles_field(cda, p.member, document, p.element);
    const pugi::xml_node custodian = document.child("custodian").child("assignedCustodian");
    organisation_field(cda, "custodian", custodian.child("representedCustodianOrganization"));
    acts_field(cda, "orders", document, "inFulfillmentOf", "order");
    acts_field(cda, "serviceEvents", document, "documentationOf", "serviceEvent");
    acts_field(cda, "consents", document, "authorization", "consent");
    related_documents(cda, document);
    if (const pugi::xml_node encounter = document.child("componentOf").child("encompassingEncounter")) {
        cda.json.open_field("componentOf", '{');
        encounter_fields(cda, encounter);
        cda.json.close('}');
    }
}

}  // namespace direct::ccda
