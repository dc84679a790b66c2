// medications.cpp - medication activities: product, schedule, dose, what was supplied and why.
#include <cstring>

#include "plugins/ccda/extract.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

constexpr std::string_view instruction_templates[] = {"2.16.840.1.113883.10.20.22.4.20",
                                                      "2.16.840.1.113883.10.20.1.49"};

bool is_instruction(const Statement& s)
{
    for (auto root : instruction_templates)
        if (has_template(s.node, root)) return true;
    return false;
}

pugi::xml_node product_of(pugi::xml_node statement)
{
    const pugi::xml_node consumable = statement.child("consumable");
    return (consumable ? consumable : statement.child("product")).child("manufacturedProduct");
}

void product_fields(Cda& cda, pugi::xml_node statement)
{
    const pugi::xml_node product = product_of(statement);
    if (!product) return;
    auto& w = cda.json;
    pugi::xml_node material = product.child("manufacturedMaterial");
    if (!material) material = product.child("manufacturedLabeledDrug");
    w.open_field("product", '{');
    ids_field(cda, "ids", product, "id");
    code_field(cda, "code", material.child("code"));
    w.field("name", cda.narrative.line(material.child("name")));
    w.field("lot", cda.narrative.line(material.child("lotNumberText")));
    organisation_field(cda, "manufacturer", product.child("manufacturerOrganization"));
    w.close('}');
}

// Every effectiveTime: when it is taken (IVL, TS) and how often (PIVL, EIVL).
void schedule_field(Cda& cda, pugi::xml_node statement)
{
    auto& w = cda.json;
    w.open_field("schedule", '[');
    for (pugi::xml_node t : statement.children("effectiveTime")) {
        w.open('{');
        w.field("operator", t.attribute("operator").value());
        time_field(cda, "time", t);
        w.close('}');
    }
    w.close(']');
}

void supply(Cda& cda, const Statement& s)
{
    auto& w = cda.json;
    w.open('{');
    w.field("moodCode", s.node.attribute("moodCode").value());
    ids_field(cda, "ids", s.node, "id");
    w.field("status", s.node.child("statusCode").attribute("code").value());
    time_field(cda, "effectiveTime", s.node.child("effectiveTime"));
    w.field("repeatNumber", s.node.child("repeatNumber").attribute("value").value());
    quantity_field(cda, "quantity", s.node.child("quantity"));
    product_fields(cda, s.node);
    roles_field(cda, "author", s.node, "author");
    roles_field(cda, "performer", s.node, "performer");
    w.close('}');
}

void indication(Cda& cda, const Statement& s)
{
    cda.json.open('{');
    ids_field(cda, "ids", s.node, "id");
    code_field(cda, "code", s.node.child("code"));
    value_field(cda, "value", s.node.child("value"));
    time_field(cda, "effectiveTime", s.node.child("effectiveTime"));
    cda.json.close('}');
}

void instruction(Cda& cda, const Statement& s)
{
    cda.json.open('{');
    code_field(cda, "code", s.node.child("code"));
    text_field(cda, "text", s.node.child("text"));
    cda.json.close('}');
}

// One array of what stands in relation to the medication; nothing when there is none of it.
template <class Is>
void related(Cda& cda, const char* name, const Statement& of, Is is, void (*write)(Cda&, const Statement&))
{
    bool open = false;
    for_each_related(of, "entryRelationship", [&](pugi::xml_node holder, const Statement& s) {
        if (!is(holder, s)) return;
        if (!open) cda.json.open_field(name, '[');
        open = true;
        write(cda, s);
    });
    if (open) cda.json.close(']');
}

bool is_supply(pugi::xml_node, const Statement& s)
{
    return std::strcmp(s.node.name(), "supply") == 0;
}

bool is_indication(pugi::xml_node holder, const Statement& s)
{
    return std::strcmp(s.node.name(), "observation") == 0 &&
           (std::strcmp(holder.attribute("typeCode").value(), "RSON") == 0 ||
            has_template(s.node, "2.16.840.1.113883.10.20.22.4.19"));
}

void medication_status(Cda& cda, const Statement& of)
{
    bool done = false;
    for_each_related(of, "entryRelationship", [&](pugi::xml_node, const Statement& s) {
        if (done || !has_template(s.node, "2.16.840.1.113883.10.20.1.47")) return;
        value_field(cda, "medicationStatus", s.node.child("value"));
        done = true;
    });
}

// Free-text sig: its own template, else the statement's text.
void sig_field(Cda& cda, const Statement& of)
{
    bool done = false;
    for_each_related(of, "entryRelationship", [&](pugi::xml_node, const Statement& s) {
        if (done || !has_template(s.node, "2.16.840.1.113883.10.20.22.4.147")) return;
        text_field(cda, "sig", s.node.child("text"));
        done = true;
    });
}

void participants(Cda& cda, pugi::xml_node statement)
{
    for (pugi::xml_node p : statement.children("participant")) {
        const pugi::xml_node role = p.child("participantRole");
        if (std::strcmp(role.attribute("classCode").value(), "MANU") != 0 &&
            !has_template(role, "2.16.840.1.113883.10.20.22.4.24"))
            continue;
        code_field(cda, "vehicle", role.child("playingEntity").child("code"));
        return;
    }
}

void preconditions(Cda& cda, pugi::xml_node statement)
{
    bool open = false;
    for (pugi::xml_node p : statement.children("precondition")) {
        const pugi::xml_node criterion = p.child("criterion");
        if (!criterion) continue;
        if (!open) cda.json.open_field("preconditions", '[');
        open = true;
        cda.json.open('{');
        code_field(cda, "code", criterion.child("code"));
        text_field(cda, "text", criterion.child("text"));
        value_field(cda, "value", criterion.child("value"));
        cda.json.close('}');
    }
    if (open) cda.json.close(']');
}

void dose_fields(Cda& cda, pugi::xml_node n)
{
    code_field(cda, "route", n.child("routeCode"));
    code_field(cda, "site", n.child("approachSiteCode"));
    quantity_field(cda, "dose", n.child("doseQuantity"));
    quantity_field(cda, "rate", n.child("rateQuantity"));
    quantity_field(cda, "maxDose", n.child("maxDoseQuantity"));
    code_field(cda, "form", n.child("administrationUnitCode"));
    cda.json.field("repeatNumber", n.child("repeatNumber").attribute("value").value());
}

bool is_planned(pugi::xml_node statement)
{
    const char* mood = statement.attribute("moodCode").value();
    for (const char* m : {"INT", "RQO", "PRMS", "PRP", "APT", "ARQ", "GOL"})
        if (std::strcmp(mood, m) == 0) return true;
    return false;
}

bool is_null_product(Cda& cda, pugi::xml_node statement)
{
    const pugi::xml_node product = product_of(statement);
    pugi::xml_node material = product.child("manufacturedMaterial");
    if (!material) material = product.child("manufacturedLabeledDrug");
    return is_null_code(material.child("code")) && cda.narrative.line(material.child("name")).empty();
}

void medication(Cda& cda, const Section& section, const Statement& s)
{
    Item item(cda, section, "medications", "medication", s);
    product_fields(cda, s.node);
    schedule_field(cda, s.node);
    dose_fields(cda, s.node);
    sig_field(cda, s);
    medication_status(cda, s);
    participants(cda, s.node);
    preconditions(cda, s.node);
    related(cda, "indications", s, is_indication, indication);
    related(cda, "supplies", s, is_supply, supply);
    related(
        cda, "instructions", s, [](pugi::xml_node, const Statement& i) { return is_instruction(i); },
        instruction);
    if (is_planned(s.node)) cda.json.flag_field("planned", true);
    const bool negated = std::strcmp(s.node.attribute("negationInd").value(), "true") == 0;
    if (!negated && is_null_product(cda, s.node)) item.mark_null();
    item.emit();
}

// The administration itself, or the one an act wraps.
Statement administration_of(const Statement& s)
{
    if (std::strcmp(s.node.name(), "act") != 0) return s;
    Statement found;
    for_each_related(s, "entryRelationship", [&](pugi::xml_node, const Statement& inner) {
        if (!found && std::strcmp(inner.node.name(), "substanceAdministration") == 0) found = inner;
    });
    return found ? found : s;
}

}  // namespace

void extract_medications(Cda& cda, const Section& section)
{
    for_each_entry(cda, section, [&](const Statement& statement) {
        const Statement s = administration_of(statement);
        if (s.node.child("consumable") || s.node.child("product") ||
            std::strcmp(s.node.name(), "substanceAdministration") == 0 || is_supply({}, s))
            medication(cda, section, s);
        else
            extract_entry(cda, section, s);
    });
}

}  // namespace direct::ccda
