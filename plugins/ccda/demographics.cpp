// demographics.cpp - who the document is about: one item per recordTarget/patientRole.
#include <algorithm>
#include <cstring>
#include <iterator>

#include "plugins/ccda/extract.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

// A code of the standard and its sdtc extension (repeating) as one array.
void codes_field(Cda& cda, const char* name, pugi::xml_node patient, const char* standard,
                 const char* extension)
{
    bool open = false;
    for (const char* child : {standard, extension})
        for (pugi::xml_node n : patient.children(child)) {
            if (!open) cda.json.open_field(name, '[');
            open = true;
            cda.json.open('{');
            code_field(cda, "code", n);
            cda.json.close('}');
        }
    if (open) cda.json.close(']');
}

void languages_field(Cda& cda, pugi::xml_node patient)
{
    bool open = false;
    for (pugi::xml_node n : patient.children("languageCommunication")) {
        if (!open) cda.json.open_field("languages", '[');
        open = true;
        cda.json.open('{');
        cda.json.field("language", n.child("languageCode").attribute("code").value());
        cda.json.field("nullFlavor", n.child("languageCode").attribute("nullFlavor").value());
        code_field(cda, "mode", n.child("modeCode"));
        code_field(cda, "proficiency", n.child("proficiencyLevelCode"));
        const char* preferred = n.child("preferenceInd").attribute("value").value();
        if (*preferred) cda.json.flag_field("preferred", std::strcmp(preferred, "true") == 0);
        cda.json.close('}');
    }
    if (open) cda.json.close(']');
}

void guardians_field(Cda& cda, pugi::xml_node patient)
{
    bool open = false;
    for (pugi::xml_node n : patient.children("guardian")) {
        if (!open) cda.json.open_field("guardians", '[');
        open = true;
        cda.json.open('{');
        role_fields(cda, n);
        cda.json.close('}');
    }
    if (open) cda.json.close(']');
}

void birthplace_field(Cda& cda, pugi::xml_node patient)
{
    const pugi::xml_node place = patient.child("birthplace").child("place");
    if (!place) return;
    names_field(cda, "birthPlaceNames", place);
    addresses_field(cda, "birthPlace", place);
}

void deceased_fields(Cda& cda, pugi::xml_node patient)
{
    if (pugi::xml_node d = patient.child("sdtc:deceasedInd"))
        cda.json.flag_field("deceased", std::strcmp(d.attribute("value").value(), "true") == 0);
    time_field(cda, "deceasedTime", patient.child("sdtc:deceasedTime"));
}

void patient_fields(Cda& cda, pugi::xml_node patient)
{
    names_field(cda, "names", patient);
    time_field(cda, "birthTime", patient.child("birthTime"));
    code_field(cda, "gender", patient.child("administrativeGenderCode"));
    codes_field(cda, "race", patient, "raceCode", "sdtc:raceCode");
    codes_field(cda, "ethnicity", patient, "ethnicGroupCode", "sdtc:ethnicGroupCode");
    code_field(cda, "maritalStatus", patient.child("maritalStatusCode"));
    code_field(cda, "religion", patient.child("religiousAffiliationCode"));
    birthplace_field(cda, patient);
    languages_field(cda, patient);
    guardians_field(cda, patient);
    deceased_fields(cda, patient);
    more_field_if(cda, "patientMore", patient, [](pugi::xml_node n) {
        constexpr std::string_view told[] = {"name",
                                             "birthTime",
                                             "administrativeGenderCode",
                                             "raceCode",
                                             "sdtc:raceCode",
                                             "ethnicGroupCode",
                                             "sdtc:ethnicGroupCode",
                                             "maritalStatusCode",
                                             "templateId",
                                             "religiousAffiliationCode",
                                             "birthplace",
                                             "languageCommunication",
                                             "guardian",
                                             "sdtc:deceasedInd",
                                             "sdtc:deceasedTime"};
        return std::find(std::begin(told), std::end(told), n.name()) != std::end(told);
    });
}

}  // namespace

void extract_demographics(Cda& cda, pugi::xml_node document)
{
    std::size_t number = 0;
    for (pugi::xml_node target : document.children("recordTarget")) {
        ++number;
        const pugi::xml_node role = target.child("patientRole");
        if (!role || cda.stopped()) continue;
        auto& w = cda.json;
        w.clear();
        w.open('{');
        w.field("section", "demographics");
        w.field("kind", "patient");
        ids_field(cda, "ids", role, "id");
        if (pugi::xml_node patient = role.child("patient")) patient_fields(cda, patient);
        telecom_field(cda, "telecom", role);
        addresses_field(cda, "addresses", role);
        organisation_field(cda, "providerOrganisation", role.child("providerOrganization"));
        more_field(cda, role, {"id", "patient", "telecom", "addr", "providerOrganization", "templateId"});
        w.number_field("offset", cda.xml.offset(role));
        w.field("path", "/ClinicalDocument/recordTarget[" + std::to_string(number) + "]/patientRole");
        w.close('}');
        cda.tell_item("demographics", "patient");
    }
}

}  // namespace direct::ccda
