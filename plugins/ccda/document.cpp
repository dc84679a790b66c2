// document.cpp - see document.h.
#include "plugins/ccda/document.h"

#include <cstring>

#include "plugins/ccda/header.h"
#include "plugins/ccda/more.h"
#include "plugins/ccda/odd_attributes.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

constexpr std::string_view ccda_root = "2.16.840.1.113883.10.20.22.1.";

struct DocumentType {
    int number;  // last part of the C-CDA root
    const char* name;
    const char* loinc;
};
constexpr DocumentType types[] = {
    {2, "CCD", "34133-9"},
    {3, "HistoryAndPhysical", "34117-2"},
    {4, "ConsultationNote", "11488-4"},
    {5, "DiagnosticImagingReport", "18748-4"},
    {6, "ProcedureNote", "28570-0"},
    {7, "OperativeNote", "11504-8"},
    {8, "DischargeSummary", "18842-5"},
    {9, "ProgressNote", "11506-3"},
    {10, "UnstructuredDocument", ""},
    {13, "TransferSummary", "18761-7"},
    {14, "ReferralNote", "57133-1"},
    {15, "CarePlan", "52521-2"},
};

// What the templateIds of a document say together.
struct Templates {
    const char* ccda_type = nullptr;
    bool ccda = false, c32 = false, ccd = false, ihe = false, phcr = false;
    bool r11 = false, r20 = false, r21 = false;
};

void take_ccda(Templates& t, std::string_view root, std::string_view extension)
{
    t.ccda = true;
    if (extension.empty())
        t.r11 = true;
    else if (extension >= "2015-08-01")
        t.r21 = true;
    else
        t.r20 = true;
    for (const auto& type : types)
        if (!t.ccda_type && root == std::to_string(type.number)) t.ccda_type = type.name;
}

Templates read_templates(pugi::xml_node document)
{
    Templates t;
    for (pugi::xml_node n : document.children("templateId")) {
        const std::string_view root = n.attribute("root").value(),
                               extension = n.attribute("extension").value();
        if (root.starts_with(ccda_root))
            take_ccda(t, root.substr(ccda_root.size()), extension);
        else if (root == "2.16.840.1.113883.10.20.29.1")
            t.ccda = true;
        else if (root == "2.16.840.1.113883.3.88.11.32.1" || root == "2.16.840.1.113883.3.88.11.83.1")
            t.c32 = true;
        else if (root == "2.16.840.1.113883.10.20.1")
            t.ccd = true;
        else if (root == "2.16.840.1.113883.10.20.15")
            t.phcr = true;
        else if (root.starts_with("1.3.6.1.4.1.19376.1.5.3.1.1."))
            t.ihe = true;
    }
    return t;
}

std::string version_of(const Templates& t)
{
    std::string out;
    const auto add = [&](bool is, const char* name) {
        if (!is) return;
        if (!out.empty()) out += '+';
        out += name;
    };
    add(t.r21, "R2.1");
    add(t.r20 && !t.r21, "R2.0");
    add(t.r11, "R1.1");
    return out;
}

void patient_field(Cda& cda, pugi::xml_node document)
{
    const pugi::xml_node role = document.child("recordTarget").child("patientRole");
    if (!role) return;
    const pugi::xml_node patient = role.child("patient");
    auto& w = cda.json;
    w.open_field("patient", '{');
    ids_field(cda, "ids", role, "id");
    w.field("name", display_name(cda, patient.child("name")));
    const std::string_view birth = patient.child("birthTime").attribute("value").value();
    const TimeStamp time = read_time(birth);
    w.field("birthTime", time.iso.empty() ? birth : std::string_view(time.iso));
    w.field("gender", patient.child("administrativeGenderCode").attribute("code").value());
    w.close('}');
}

bool is_told(pugi::xml_node n)
{
    static constexpr XmlNames told{
        "realmCode",     "typeId",        "templateId",           "id",
        "code",          "title",         "effectiveTime",        "copyTime",
        "languageCode",  "setId",         "confidentialityCode",  "versionNumber",
        "recordTarget",  "author",        "dataEnterer",          "informant",
        "participant",   "authenticator", "informationRecipient", "legalAuthenticator",
        "custodian",     "componentOf",   "inFulfillmentOf",      "documentationOf",
        "authorization", "component",     "relatedDocument"};
    return told.has(n);
}

// The only type a document may have says nothing.
bool is_cda(pugi::xml_node type_id)
{
    return std::string_view(type_id.attribute("root").value()) == "2.16.840.1.113883.1.3" &&
           std::string_view(type_id.attribute("extension").value()) == "POCD_HD000040";
}

// Array "more": the second and later ones of what a document says once, and the first ones of what is told by an attribute
// when they say something beside it; as they stand.
void said_again(Cda& cda, pugi::xml_node document)
{
    enum class First { whole, but_children, value, type, each };
    struct Once {
        XmlName name;
        First first;  // what of the first one is told elsewhere; `each`: of every one, its value
    };
    constexpr Once all[] = {{"id", First::but_children},
                            {"code", First::whole},
                            {"title", First::whole},
                            {"effectiveTime", First::whole},
                            {"confidentialityCode", First::whole},
                            {"languageCode", First::but_children},
                            {"setId", First::but_children},
                            {"versionNumber", First::but_children},
                            {"copyTime", First::whole},
                            {"realmCode", First::value},
                            {"typeId", First::type},
                            {"templateId", First::each}};
    bool open = false;
    for (const Once& o : all) {
        bool first = true;
        for (pugi::xml_node n = document.child(o.name); n; n = n.next_sibling(o.name)) {
            const bool told = o.first == First::whole ||
                              (o.first == First::but_children ? !n.first_child() : !says_beside(n, {}));
            const bool counts = first || o.first == First::each;
            first = false;
            if (counts && told && (o.first != First::type || is_cda(n))) continue;
            if (!open) cda.json.open_field("more", '[');
            open = true;
            more_element(cda, n);
        }
    }
    if (open) cda.json.close(']');
}

// People and acts of the header, unless there is more of it than belongs beside the sections.
void people(Cda& cda, pugi::xml_node document)
{
    auto& w = cda.json;
    const auto before = w.mark();
    header_fields(cda, document);
    said_again(cda, document);
    rest_field(cda, document, is_told);
    if (w.size() <= cda.document_max() / 16) return;
    w.rewind(before);
    w.flag_field("headerLeftOut", true);
    cda.skip("document", "a header larger than the host takes");
}

}  // namespace

std::string instance_id(pugi::xml_node id)
{
    const std::string root = id.attribute("root").value(), extension = id.attribute("extension").value();
    return extension.empty() ? root : root + "^" + extension;
}

DocumentKind kind_of(pugi::xml_node document, bool has_known_sections)
{
    const Templates t = read_templates(document);
    if (t.ccda) return {"ccda", t.ccda_type ? t.ccda_type : "other", version_of(t), ""};
    if (t.c32) return {"ccd", "C32", "", ""};
    if (t.ccd) return {"ccd", "CCD1.0", "", ""};
    if (t.ihe) return {"cda", "other", "", "IHE PCC"};
    if (t.phcr) return {"cda", "other", "", "PHCR"};
    if (has_known_sections) return {"cda", "other", "", "C-CDA-like sections"};
    const std::string_view code = document.child("code").attribute("code").value();
    for (const auto& type : types)
        if (*type.loinc && code == type.loinc)
            return {"cda", "other", "", std::string(type.name) + " by code"};
    return {"cda", "other", "", ""};
}

void document_fields(Cda& cda, pugi::xml_node document, const DocumentKind& kind)
{
    auto& w = cda.json;
    w.field("kind", kind.kind);
    w.field("type", kind.type);
    w.field("version", kind.version);
    w.field("profile", kind.profile);
    w.open_field("templates", '[');
    std::string last;
    for (pugi::xml_node t : document.children("templateId")) {
        const char* root = t.attribute("root").value();
        if (*root && last != root) w.text(root);
        last = root;
    }
    w.close(']');
    if (const auto ids = template_ids(document); !ids.empty()) {
        w.name("templateIds");
        w.raw(ids);
    }
    words_field(cda, "title", document.child("title"));
    w.field("nullFlavor", document.attribute("nullFlavor").value());
    w.field("id", instance_id(document.child("id")));
    w.field("setId", instance_id(document.child("setId")));
    w.field("versionNumber", document.child("versionNumber").attribute("value").value());
    for (const XmlName name : {XmlName("id"), XmlName("setId"), XmlName("versionNumber")})
        null_field(cda, name.text, document.child(name));
    code_field(cda, "code", document.child("code"));
    const std::string_view when = document.child("effectiveTime").attribute("value").value();
    const TimeStamp time = read_time(when);
    w.field("effectiveTime", time.iso.empty() ? when : std::string_view(time.iso));
    time_field(cda, "time", document.child("effectiveTime"));
    w.field("confidentiality", document.child("confidentialityCode").attribute("code").value());
    code_field(cda, "confidentialityCode", document.child("confidentialityCode"));
    w.field("language", document.child("languageCode").attribute("code").value());
    null_field(cda, "language", document.child("languageCode"));
    w.field("realm", document.child("realmCode").attribute("code").value());
    time_field(cda, "copyTime", document.child("copyTime"));
    patient_field(cda, document);
    people(cda, document);
    w.field("words", own_words(document));
    odd_attributes_field(cda, document);
    w.field("stylesheet", cda.xml.stylesheet());
}

}  // namespace direct::ccda
