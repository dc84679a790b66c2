// demographics.cpp - who the document is about: one item per recordTarget/patientRole.
#include "plugins/ccda/extract.h"
#include "plugins/ccda/more.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

// A code of the standard and its sdtc extension (repeating) as one array.
void codes_field(Cda& cda, const char* name, pugi::xml_node patient, XmlName standard, XmlName extension,
                 Taken& taken)
{
    bool open = false;
    for (const XmlName child : {standard, extension})
        for (pugi::xml_node n : patient.children(child)) {
            if (!open) cda.json.open_field(name, '[');
            open = true;
            cda.json.open('{');
            code_members(cda, n);
            cda.json.close('}');
            taken.add(n);
        }
    if (open) cda.json.close(']');
}

void objects_taken(Cda& cda, const char* name, pugi::xml_node patient, XmlName child, Taken& taken)
{
    objects_field(cda, name, patient, child);
    for (pugi::xml_node n : patient.children(child)) taken.add(n);
}

// The fields of a person stand in the item itself; whatever else is said of the person follows in "person".
void patient_fields(Cda& cda, pugi::xml_node patient)
{
    Taken taken;
    const auto once = [&](XmlName child) {
        const pugi::xml_node n = patient.child(child);
        taken.add(n);
        return n;
    };
    names_field(cda, "names", patient);
    for (pugi::xml_node n : patient.children("name")) taken.add(n);
    time_field(cda, "birthTime", once("birthTime"));
    code_field(cda, "gender", once("administrativeGenderCode"));
    codes_field(cda, "race", patient, "raceCode", "sdtc:raceCode", taken);
    codes_field(cda, "ethnicity", patient, "ethnicGroupCode", "sdtc:ethnicGroupCode", taken);
    code_field(cda, "maritalStatus", once("maritalStatusCode"));
    code_field(cda, "religion", once("religiousAffiliationCode"));
    object_field(cda, "birthPlace", once("birthplace"));
    objects_taken(cda, "languages", patient, "languageCommunication", taken);
    objects_taken(cda, "guardians", patient, "guardian", taken);
    truth_field(cda, "deceased", once("sdtc:deceasedInd"));
    time_field(cda, "deceasedTime", once("sdtc:deceasedTime"));
    bool more = *patient.attribute("nullFlavor").value() || !own_words(patient).empty();
    for (pugi::xml_node n : patient.children())
        more = more || (n.type() == pugi::node_element && !taken.has(n));
    if (!more) return;
    cda.json.open_field("person", '{');
    members(cda, patient, taken);
    cda.json.close('}');
}

}  // namespace

void extract_demographics(Cda& cda, pugi::xml_node document)
{
    std::size_t number = 0;
    for (pugi::xml_node target : document.children("recordTarget")) {
        ++number;
        const pugi::xml_node role = target.child("patientRole");
        if (cda.stopped()) return;
        if (!role) {
            cda.skip("demographics", "recordTarget without a patientRole");
            continue;
        }
        auto& w = cda.json;
        w.clear();
        w.open('{');
        w.field("section", "demographics");
        w.field("kind", "patient");
        null_field(cda, "recordTarget", target);
        surplus_fields(cda, target, "recordTargetWords", "recordTargetMore",
                       [&](pugi::xml_node n) { return n == role; });
        const pugi::xml_node patient = role.child("patient"), provider = role.child("providerOrganization");
        if (patient) patient_fields(cda, patient);
        object_field(cda, "providerOrganisation", provider);
        Taken taken;
        taken.add(patient);
        taken.add(provider);
        members(cda, role, taken);
        w.number_field("offset", cda.xml.offset(role));
        w.field("path", "/ClinicalDocument/recordTarget[" + std::to_string(number) + "]/patientRole");
        w.close('}');
        cda.tell_item("demographics", "patient");
    }
}

}  // namespace direct::ccda
