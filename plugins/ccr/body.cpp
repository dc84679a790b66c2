// body.cpp - the body sections of a CCR: which section of ours each is, what one item of it is, and what
// CDA items of that kind have beside the parts every data object has.
#include <algorithm>
#include <cstring>
#include <iterator>

#include "plugins/ccr/extract.h"
#include "plugins/ccr/values.h"

namespace direct::ccr {
namespace {

constexpr std::size_t contents_max = 128u << 10;  // bytes of "sections": a dozen is what documents have

enum class Shape { statement, allergy, medication, actor };

struct Row {
    const char* body;     ///< element of Body
    const char* element;  ///< one item of it
    const char* section;  ///< of ours
    const char* kind;
    Layout layout;
    const char* parts;  ///< children that become "sub"
    Shape shape = Shape::statement;
};
// Source: clinical documents, section 7.
constexpr Row rows[] = {
    {"Payers", "Payer", "payers", "payer", Layout::type_value, nullptr},
    {"AdvanceDirectives", "AdvanceDirective", "advance_directives", "advance_directive", Layout::type_value,
     nullptr},
    {"Support", "SupportProvider", "care_team", "support", Layout::type_value, nullptr, Shape::actor},
    {"FunctionalStatus", "Function", "functional_status", "functional_status", Layout::type_value, "Test"},
    {"Problems", "Problem", "problems", "problem", Layout::type_value, nullptr},
    {"FamilyHistory", "FamilyProblemHistory", "family_history", "family_history", Layout::type_value,
     "Problem"},
    {"SocialHistory", "SocialHistoryElement", "social_history", "social_history", Layout::type_value,
     nullptr},
    {"Alerts", "Alert", "allergies", "allergy", Layout::description, "Reaction", Shape::allergy},
    {"Medications", "Medication", "medications", "medication", Layout::description, "Product",
     Shape::medication},
    {"MedicalEquipment", "Equipment", "medical_equipment", "device", Layout::description, nullptr,
     Shape::medication},
    {"Immunizations", "Immunization", "immunizations", "immunization", Layout::description, nullptr,
     Shape::medication},
    {"VitalSigns", "Result", "vitals", "panel", Layout::description, "Test"},
    {"Results", "Result", "results", "panel", Layout::description, "Test"},
    {"Procedures", "Procedure", "procedures", "procedure", Layout::description, nullptr},
    {"Encounters", "Encounter", "encounters", "encounter", Layout::type_value, nullptr},
    {"PlanOfCare", "Plan", "plan_of_treatment", "plan", Layout::description, "OrderRequest"},
    {"HealthCareProviders", "Provider", "care_team", "provider", Layout::type_value, nullptr, Shape::actor},
};

const Row* row_of(pugi::xml_node section)
{
    for (const auto& row : rows)
        if (is_named(section, row.body)) return &row;
    return nullptr;
}

bool is_blank(const char* text)
{
    return text[std::strspn(text, " \t\r\n")] == 0;
}

// An attribute that is no part of what XML itself is written with.
bool has_own_attribute(pugi::xml_node n)
{
    for (pugi::xml_attribute a : n.attributes()) {
        const std::string_view name = a.name();
        if (!name.starts_with("xml") && !name.starts_with("xsi:")) return true;
    }
    return false;
}

// Words that say which item it is, when, or who says so, and not what it is; a coding system names nothing either.
bool is_about(pugi::xml_node n, pugi::xml_node item)
{
    constexpr std::string_view about[] = {"CCRDataObjectID", "DateTime",  "Status",     "Source",
                                          "InternalCCRLink", "CommentID", "ReferenceID"};
    const std::string_view name = n.name();
    if (n.parent() == item) return std::find(std::begin(about), std::end(about), name) != std::end(about);
    return is_named(n.parent(), "Code") && (name == "CodingSystem" || name == "Version");
}

// Says nothing: an item, and marked for what it is. Whatever else stands in it says something, known to us or
// not: what we do not know is told under "more" or "unexpected". Without recursion; it ends at the first words.
bool is_null(pugi::xml_node item)
{
    for (pugi::xml_node n = item;;) {
        const bool text = n.type() == pugi::node_pcdata || n.type() == pugi::node_cdata;
        const bool about = is_about(n, item);
        if (text ? !is_blank(n.value()) : !about && has_own_attribute(n)) return false;
        if (n.first_child() && !about) {
            n = n.first_child();
            continue;
        }
        while (n != item && !n.next_sibling()) n = n.parent();
        if (n == item) return true;
        n = n.next_sibling();
    }
}

bool is_allergy(pugi::xml_node alert)
{
    std::string type = words(alert.child("Type"), "Text");
    for (char& c : type)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    if (type.empty()) return true;
    for (const char* word : {"allerg", "adverse", "intoleran", "hypersens", "sensitiv"})
        if (type.find(word) != std::string::npos) return true;
    return false;
}

pugi::xml_node product_name(pugi::xml_node alert)
{
    const pugi::xml_node product = alert.child("Agent").child("Products").child("Product");
    return product.child("Product").child("ProductName");
}

void allergy_members(Ccr& ccr, pugi::xml_node alert)
{
    value_field(ccr, "value", alert.child("Type"));
    const pugi::xml_node agent = product_name(alert);
    const pugi::xml_node allergen = agent ? agent : alert.child("Description");
    code_field(ccr, "allergen", allergen);
    ccr.json.field("allergenName", words(allergen, "Text"));
    for (pugi::xml_node code : alert.child("Description").children("Code")) {
        const std::string value = words(code, "Value");
        if (value == "716186003" || value == "160244002") {
            ccr.json.flag_field("noKnownAllergies", true);
            return;
        }
    }
}

// Dose, route, site and sig of the first direction, where CDA items have them.
void medication_members(Ccr& ccr, pugi::xml_node node)
{
    const pugi::xml_node direction = node.child("Directions").child("Direction");
    if (!node.child("Dose")) quantity_field(ccr, "dose", direction.child("Dose"));
    if (!node.child("Route")) code_field(ccr, "route", direction.child("Route"));
    if (!node.child("Site")) code_field(ccr, "site", direction.child("Site"));
    ccr.json.field("sig", words(direction.child("Description"), "Text"));
}

void begin(Ccr& ccr, pugi::xml_node node, const char* section, const char* kind)
{
    auto& w = ccr.json;
    w.clear();
    w.open('{');
    w.field("section", section);
    w.field("kind", kind);
    w.field("statement", node.name());
}

void end(Ccr& ccr, pugi::xml_node node, const std::string& path, const char* section, const char* kind)
{
    auto& w = ccr.json;
    const std::string id = words(node, "CCRDataObjectID");
    // Behind the section, whose name is ours.
    const std::string_view content = w.str().substr(w.str().find("\"statement\""));
    ccr.repeats.mark(w, id.empty() ? "" : std::string(kind) + "|" + id, content);
    w.number_field("offset", ccr.xml.offset(node));
    w.field("path", path);
    if (is_null(node)) w.flag_field("null", true);
    ccr.close_item();
    ccr.tell_item(section, kind);
}

// A provider is an actor and what role it has, with all that is known of it.
void tell_actor(Ccr& ccr, pugi::xml_node node, const std::string& path, const Row& row)
{
    begin(ccr, node, row.section, row.kind);
    actor_members(ccr, node, true);
    sources_field(ccr, node);
    more_field(ccr, node, {"ActorID", "ActorRole", "Source"});
    end(ccr, node, path, row.section, row.kind);
}

void tell_row(Ccr& ccr, pugi::xml_node node, const std::string& path, const Row& row)
{
    if (row.shape == Shape::actor) return tell_actor(ccr, node, path, row);
    const bool alert = row.shape == Shape::allergy && !is_allergy(node);
    const char* kind = alert ? "alert" : row.kind;
    begin(ccr, node, row.section, kind);
    if (row.shape == Shape::allergy) allergy_members(ccr, node);
    if (row.shape == Shape::medication) medication_members(ccr, node);
    statement_members(ccr, node, row.layout, row.parts);
    end(ccr, node, path, row.section, kind);
}

// What stands in a section and is none of its items.
void tell_stray(Ccr& ccr, pugi::xml_node node, const std::string& path, const char* found_in)
{
    begin(ccr, node, "other", "entry");
    ccr.json.field("name", found_in);
    statement_members(ccr, node, Layout::type_value, nullptr);
    end(ccr, node, path, "other", "entry");
}

// Steps of a path: each element is numbered among its equals.
class Numbers {
public:
    std::string step(const char* name)
    {
        return std::string(name) + "[" + std::to_string(++seen_[name]) + "]";
    }

private:
    std::unordered_map<std::string_view, std::size_t> seen_;
};

class Sections {
public:
    explicit Sections(Ccr& ccr) : ccr_(ccr) {}

    void one(pugi::xml_node section, const Row* row, const std::string& path)
    {
        const std::size_t before = ccr_.items();
        std::size_t entries = 0;
        Numbers numbers;
        for (pugi::xml_node n : section.children()) {
            if (n.type() != pugi::node_element) continue;
            if (ccr_.stopped()) return;
            const std::string at = path + "/" + numbers.step(n.name());
            if (row && is_named(n, row->element)) {
                ++entries;
                tell_row(ccr_, n, at, *row);
            } else {
                if (!row) ++entries;
                tell_stray(ccr_, n, at, row ? row->section : section.name());
            }
        }
        add(section, row ? row->section : "other", path, entries, ccr_.items() - before);
    }

    void add(pugi::xml_node section, const char* name, const std::string& path, std::size_t entries,
             std::size_t items)
    {
        if (json_.size() > contents_max) return;
        json_.open('{');
        json_.field("name", name);
        json_.field("title", section.name());
        json_.number_field("entries", entries);
        json_.number_field("items", items);
        json_.field("path", path);
        json_.number_field("offset", ccr_.xml.offset(section));
        json_.field("narrative", words(section));
        json_.close('}');
    }
    std::string take() { return "[" + json_.take() + "]"; }

private:
    Ccr& ccr_;
    JsonWriter json_;
};

std::size_t count_elements(pugi::xml_node parent)
{
    std::size_t out = 0;
    for (pugi::xml_node n : parent.children())
        if (n.type() == pugi::node_element) ++out;
    return out;
}

}  // namespace

std::string extract_body(Ccr& ccr, pugi::xml_node root)
{
    Sections out(ccr);
    std::size_t bodies = 0;
    for (pugi::xml_node body : root.children("Body")) {
        const std::string at = ++bodies == 1 ? "/ContinuityOfCareRecord/Body"
                                             : "/ContinuityOfCareRecord/Body[" + std::to_string(bodies) + "]";
        Numbers numbers;
        for (pugi::xml_node section : body.children()) {
            if (section.type() != pugi::node_element) continue;
            out.one(section, row_of(section), at + "/" + numbers.step(section.name()));
        }
    }
    if (const pugi::xml_node actors = root.child("Actors")) {
        const std::size_t before = ccr.items();
        extract_actors(ccr, root);
        const std::size_t patients = count_elements(root.child("Patient")) ? 1 : 0;
        out.add(actors, "other", "/ContinuityOfCareRecord/Actors", count_elements(actors),
                ccr.items() - before - patients);
    } else {
        extract_actors(ccr, root);
    }
    return out.take();
}

}  // namespace direct::ccr
