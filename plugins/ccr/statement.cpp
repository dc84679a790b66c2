// statement.cpp - one data object: a problem, a test, a direction, an order... CCR builds all of them from
// the same parts, so one table says how each part is called in an item, wherever it stands. What no row of
// the table takes, and what a row cannot take twice, goes into "more".
#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <utility>
#include <vector>

#include "plugins/ccr/extract.h"
#include "plugins/ccr/parts.h"
#include "plugins/ccr/values.h"

namespace direct::ccr {
namespace {

// What statement_members() itself writes of every data object.
constexpr const char* common[] = {
    "CCRDataObjectID", "ReferenceObjectID", "CommentObjectID", "DateTime",        "IDs",     "Status",
    "Source",          "ReferenceID",       "CommentID",       "InternalCCRLink", "ActorID", "ActorRole"};

// What an element of a data object is: a row of the table, or nullptr for one every data object has. Not
// found: neither.
const std::unordered_map<std::string_view, const Part*>& elements()
{
    static const auto map = [] {
        std::unordered_map<std::string_view, const Part*> out;
        for (const auto& part : parts_table) out.emplace(part.element, &part);
        for (const char* name : common) out.emplace(name, nullptr);
        return out;
    }();
    return map;
}

bool is_number(std::string_view s)
{
    if (!s.empty() && (s[0] == '-' || s[0] == '+')) s.remove_prefix(1);
    bool digit = false, dot = false;
    for (char c : s) {
        if (c == '.' && !dot)
            dot = true;
        else if (c >= '0' && c <= '9')
            digit = true;
        else
            return false;
    }
    return digit;
}

// Value and Units as a value with its type: a number is a quantity, other words are a string.
void typed_value(Ccr& ccr, pugi::xml_node n)
{
    auto& w = ccr.json;
    const std::string value = words(n, "Value");
    if (value.empty() && n.child("Description")) {
        w.field("type", "CD");
        code_members(ccr, n.child("Description"));
        more_field(ccr, n, {"Description", "Value"});
        return;
    }
    w.field("type", is_number(value) ? "PQ" : "ST");
    w.field(is_number(value) ? "value" : "text", value);
    unit_members(ccr, n.child("Units"));
    code_field(ccr, "description", n.child("Description"));
    more_field(ccr, n, {"Value", "Units", "Description"});
}

void range_object(Ccr& ccr, pugi::xml_node n)
{
    auto& w = ccr.json;
    w.open('{');
    w.open_field("value", '{');
    const std::string value = words(n, "Value");
    w.field("type", is_number(value) ? "PQ" : "ST");
    w.field(is_number(value) ? "value" : "text", value);
    unit_members(ccr, n.child("Units"));
    w.close('}');
    code_field(ccr, "code", n.child("Description"));
    sources_field(ccr, n);
    more_field(ccr, n, {"Value", "Units", "Description", "Source"});
    w.close('}');
}

void product_members(Ccr& ccr, pugi::xml_node n)
{
    auto& w = ccr.json;
    const pugi::xml_node name = n.child("ProductName"), brand = n.child("BrandName");
    ids_field(ccr, n);
    // Many writers code the brand only.
    code_field(ccr, "code", name.child("Code") || !brand.child("Code") ? name : brand);
    const std::string plain = words(name, "Text");
    w.field("name", plain.empty() ? words(brand, "Text") : plain);
    code_field(ccr, "productName", name);
    code_field(ccr, "brandName", brand);
    for (const auto& [element, member] :
         {std::pair{"Strength", "strength"}, {"Concentration", "concentration"}, {"Size", "size"}})
        objects(ccr, member, n, element, [&](pugi::xml_node m) { quantity_members(ccr, m); });
    objects(ccr, "form", n, "Form", [&](pugi::xml_node m) { code_members(ccr, m); });
    if (pugi::xml_node maker = n.child("Manufacturer")) {
        w.open_field("manufacturer", '{');
        actor_members(ccr, maker, false);
        more_field(ccr, maker, {"ActorID", "ActorRole"});
        w.close('}');
    }
    more_field(ccr, n,
               {"CCRDataObjectID", "IDs", "ProductName", "BrandName", "Strength", "Concentration", "Size",
                "Form", "Manufacturer"});
}

void actor_object(Ccr& ccr, pugi::xml_node n)
{
    auto& w = ccr.json;
    w.open('{');
    actor_members(ccr, n, false);
    if (pugi::xml_node health = n.child("HealthStatus")) {
        w.open_field("healthStatus", '{');
        statement_members(ccr, health, Layout::type_value, nullptr);
        w.close('}');
    }
    sources_field(ccr, n);
    more_field(ccr, n, {"ActorID", "ActorRole", "HealthStatus", "Source"});
    w.close('}');
}

// Words from elsewhere, as long as there is room for them.
void joined_field(Ccr& ccr, const char* name, const std::string& text)
{
    if (ccr.joined > Ccr::joined_max) return ccr.json.flag_field("cut", true);
    ccr.joined += text.size();
    ccr.json.field(name, text);
}

// The data object a link leads to, in a few words.
void link_target(Ccr& ccr, const std::string& id)
{
    auto& w = ccr.json;
    if (const pugi::xml_node actor = ccr.index.actor(id)) {
        w.field("element", "Actor");
        joined_field(ccr, "text", ccr.name_of(actor));
    } else if (const pugi::xml_node object = ccr.index.object(id)) {
        w.field("element", object.name());
        joined_field(ccr, "text", ccr.brief_of(object));
    } else {
        w.flag_field("unresolved", true);
    }
}

void links_field(Ccr& ccr, pugi::xml_node node)
{
    auto& w = ccr.json;
    objects(ccr, "links", node, "InternalCCRLink", [&](pugi::xml_node n) {
        const std::string id = words(n, "LinkID");
        w.field("id", id);
        objects(ccr, "relationship", n, "LinkRelationship",
                [&](pugi::xml_node r) { w.field("text", words(r)); });
        link_target(ccr, id);
        sources_field(ccr, n);
        more_field(ccr, n, {"LinkID", "LinkRelationship", "Source"});
    });
}

// Comments and references the object points to: the id and, when it leads somewhere, the words.
void pointers_fields(Ccr& ccr, pugi::xml_node node)
{
    auto& w = ccr.json;
    const auto pointed = [&](const char* name, const char* child, auto find) {
        objects(ccr, name, node, child, [&](pugi::xml_node n) {
            const std::string id = words(n);
            w.field("id", id);
            if (const pugi::xml_node to = find(id))
                joined_field(ccr, "text", ccr.brief_of(to));
            else
                w.flag_field("unresolved", true);
        });
    };
    pointed("comments", "CommentID", [&](const std::string& id) { return ccr.index.comment(id); });
    pointed("references", "ReferenceID", [&](const std::string& id) { return ccr.index.reference(id); });
}

// Which rows of the table are written of one object, so that no member comes twice.
class Writer {
public:
    Writer(Ccr& ccr, pugi::xml_node node, Layout layout, const char* parts)
        : ccr_(ccr), node_(node), layout_(layout), parts_(parts)
    {
    }

    void write()
    {
        auto& w = ccr_.json;
        ids_field(ccr_, node_);
        type_and_description();
        w.field("status", words(node_.child("Status"), "Text"));
        if (node_.child("Status").child("Code")) code_field(ccr_, "statusCode", node_.child("Status"));
        times_fields(ccr_, node_);
        if (node_.child("ActorID") || node_.child("ActorRole")) {
            w.open_field("actor", '{');
            actor_members(ccr_, node_, false);
            w.close('}');
        }
        sources_field(ccr_, node_);
        take_all();
        // After the parts: what they are parts of is found first.
        links_field(ccr_, node_);
        pointers_fields(ccr_, node_);
        rest();
    }

private:
    void type_and_description()
    {
        const pugi::xml_node type = node_.child("Type"), description = node_.child("Description");
        if (layout_ == Layout::type_value) {
            code_field(ccr_, "code", type);
            value_field(ccr_, "value", description);
        } else {
            code_field(ccr_, "code", description);
            code_field(ccr_, "type", type);
        }
        told_.push_back(type);
        told_.push_back(description);
    }

    void take_all()
    {
        bool status = false;
        for (pugi::xml_node n = node_.first_child(); n; n = n.next_sibling()) {
            if (n.type() != pugi::node_element) continue;
            const auto at = elements().find(n.name());
            if (at == elements().end()) continue;
            if (at->second)
                take(*at->second, n);
            else if (!is_named(n, "Status") || !std::exchange(status, true))
                told_.push_back(n);
        }
    }

    bool is_used(const char* name) const
    {
        for (const char* n : names_)
            if (std::strcmp(n, name) == 0) return true;
        return false;
    }

    // Every element of one row, or the first of it, which is `first`.
    void take(const Part& part, pugi::xml_node first)
    {
        const char* name = parts_ && std::strcmp(part.element, parts_) == 0 ? "sub" : part.name;
        // A value is a description or a test's result, never both.
        if (is_used(name) || (part.how == How::result && layout_ == Layout::type_value)) return;
        names_.push_back(name);
        pugi::xml_node holder = node_;
        if (part.inner) {
            told_.push_back(first);
            holder = first;
            first = holder.child(part.inner);
        }
        const char* element = part.inner ? part.inner : part.element;
        if (first) write_part(part, name, holder, element, first);
        if (part.inner) unexpected(holder, element);
    }

    void write_part(const Part& part, const char* name, pugi::xml_node holder, const char* element,
                    pugi::xml_node first)
    {
        auto& w = ccr_.json;
        const auto all = [&](auto members) {
            w.open_field(name, '[');
            for (pugi::xml_node n = first; n; n = n.next_sibling(element)) {
                members(n);
                if (holder == node_) told_.push_back(n);
            }
            w.close(']');
        };
        const auto object = [&](auto members) {
            return [&w, members](pugi::xml_node n) {
                w.open('{');
                members(n);
                w.close('}');
            };
        };
        const auto inner = [&](pugi::xml_node n) {
            w.field("kind", part.kind);
            statement_members(ccr_, n, part.layout, nullptr);
        };
        switch (part.how) {
            case How::codes:
                return all(object([&](pugi::xml_node n) { code_members(ccr_, n); }));
            case How::quantities:
                return all(object([&](pugi::xml_node n) { quantity_members(ccr_, n); }));
            case How::objects:
                return all(object(inner));
            case How::actors:
                return all([&](pugi::xml_node n) { actor_object(ccr_, n); });
            case How::ranges:
                return all([&](pugi::xml_node n) { range_object(ccr_, n); });
            case How::products:
                return products(first);
            default:
                one(part, name, first);
        }
    }

    void one(const Part& part, const char* name, pugi::xml_node n)
    {
        auto& w = ccr_.json;
        told_.push_back(n);
        switch (part.how) {
            case How::first_code:
                return code_field(ccr_, name, n);
            case How::first_quantity:
                return quantity_field(ccr_, name, n);
            case How::first_text:
                return w.field(name, words(n));
            case How::first_value:
                return value_field(ccr_, name, n);
            default:
                break;
        }
        w.open_field(name, '{');
        if (part.how == How::result) {
            typed_value(ccr_, n);
        } else if (part.how == How::first_actor) {
            actor_members(ccr_, n, false);
            more_field(ccr_, n, {"ActorID", "ActorRole"});
        } else {
            w.field("kind", part.kind);
            statement_members(ccr_, n, part.layout, nullptr);
        }
        w.close('}');
    }

    // "product" is the first, as in CDA items; a medication's parts are all of them.
    void products(pugi::xml_node first)
    {
        auto& w = ccr_.json;
        const bool as_parts = parts_ && std::strcmp(parts_, "Product") == 0;
        w.open_field("product", '{');
        product_members(ccr_, first);
        w.close('}');
        pugi::xml_node from = as_parts ? first : first.next_sibling("Product");
        for (pugi::xml_node n = first; n; n = n.next_sibling("Product")) told_.push_back(n);
        if (!from) return;
        names_.push_back("products");
        w.open_field(as_parts ? "sub" : "products", '[');
        for (; from; from = from.next_sibling("Product")) {
            w.open('{');
            w.field("kind", "product");
            product_members(ccr_, from);
            w.close('}');
        }
        w.close(']');
    }

    // What stands in a wrapper beside the elements it is there for.
    void unexpected(pugi::xml_node holder, const char* element)
    {
        for (pugi::xml_node n : holder.children())
            if (n.type() == pugi::node_element && !is_named(n, element)) stray_.push_back(n);
    }

    void rest()
    {
        auto& w = ccr_.json;
        std::sort(told_.begin(), told_.end());
        bool open = false;
        const auto tell = [&](pugi::xml_node n) {
            if (!open && ccr_.too_deep()) return;
            if (!open) w.open_field("more", '[');
            open = true;
            element_object(ccr_, n);
        };
        for (pugi::xml_node n : node_.children())
            if (n.type() == pugi::node_element && !std::binary_search(told_.begin(), told_.end(), n)) tell(n);
        for (pugi::xml_node n : stray_) tell(n);
        if (open) w.close(']');
        w.field("text", words(node_));
    }

    Ccr& ccr_;
    const pugi::xml_node node_;
    const Layout layout_;
    const char* const parts_;
    std::vector<const char*> names_;            // members written
    std::vector<pugi::xml_node> told_, stray_;  // children written; children of wrappers that are not
};

}  // namespace

void statement_members(Ccr& ccr, pugi::xml_node node, Layout layout, const char* parts)
{
    if (!ccr.too_deep()) Writer(ccr, node, layout, parts).write();
}

}  // namespace direct::ccr
