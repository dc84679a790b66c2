// unexpected.cpp - elements where the format has none: inside a text, a code, a range. Whoever reads those takes
// what belongs there by its name, so anything else in them is looked for here, once for the whole document.
#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "plugins/ccr/extract.h"
#include "plugins/ccr/values.h"

namespace direct::ccr {
namespace {

using Names = std::vector<std::string_view>;

// Elements that are read by the names of their children alone, and those names. None: it is a text.
const std::unordered_map<std::string_view, Names>& closed()
{
    static const std::unordered_map<std::string_view, Names> map = [] {
        std::unordered_map<std::string_view, Names> out = {
            {"Code", {"Value", "CodingSystem", "Version"}},
            {"Units", {"Unit", "Code"}},
            {"DateTimeRange", {"BeginRange", "EndRange"}},
            {"IssuedBy", {"ActorID", "ActorRole"}},
            {"Patient", {"ActorID", "ActorRole"}},
            {"From", {"ActorLink"}},
            {"To", {"ActorLink"}},
            {"Actors", {"Actor"}},
            {"References", {"Reference"}},
            {"Comments", {"Comment"}},
            {"Signatures", {"CCRSignature"}},
        };
        for (const char* text : {"Value",
                                 "CodingSystem",
                                 "Version",
                                 "ExactDateTime",
                                 "Unit",
                                 "ID",
                                 "ActorID",
                                 "LinkID",
                                 "Text",
                                 "Title",
                                 "Given",
                                 "Middle",
                                 "Family",
                                 "Suffix",
                                 "NickName",
                                 "Line1",
                                 "Line2",
                                 "City",
                                 "County",
                                 "State",
                                 "PostalCode",
                                 "Country",
                                 "CCRDataObjectID",
                                 "CommentID",
                                 "ReferenceID",
                                 "DisplayName",
                                 "LinkRelationship",
                                 "Attribute",
                                 "SeriesNumber",
                                 "Number",
                                 "ActorObjectID",
                                 "CCRDocumentObjectID",
                                 "ReferenceObjectID",
                                 "CommentObjectID",
                                 "SignatureObjectID",
                                 "DirectionSequencePosition"})
            out.emplace(text, Names{});
        return out;
    }();
    return map;
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

// What stands for different things in different places. nullptr: whoever reads it looks at all of it.
const Names* closed_by_place(pugi::xml_node node)
{
    static const Names text = {}, only_text = {"Text"},
                       names = {"CurrentName", "DisplayName", "BirthName", "AdditionalName"};
    const std::string_view name = node.name(), parent = node.parent().name();
    if (name == "Name" && parent == "Person") return &names;
    if (name == "Name" && is_one_of(parent, {"Organization", "InformationSystem"})) return &text;
    if (name == "Type" && parent == "InformationSystem") return &text;
    if (name == "Type" && is_one_of(parent, {"Telephone", "EMail", "URL", "Address"})) return &only_text;
    if (name == "Status" && (parent == "Actor" || !node.child("Code"))) return &only_text;
    return nullptr;
}

const Names* closed_names(pugi::xml_node node)
{
    const auto at = closed().find(node.name());
    return at == closed().end() ? closed_by_place(node) : &at->second;
}

bool may_come_again(std::string_view parent)
{
    return !is_one_of(parent, {"Code", "DateTimeRange"});
}

// In the order of the document, without recursion; nullptr after the last one.
pugi::xml_node after(pugi::xml_node n, pugi::xml_node root)
{
    if (n.first_child()) return n.first_child();
    while (n != root && !n.next_sibling()) n = n.parent();
    return n == root ? pugi::xml_node() : n.next_sibling();
}

class Teller {
public:
    explicit Teller(Ccr& ccr) : ccr_(ccr) {}

    void look_at(pugi::xml_node node)
    {
        const Names* known = closed_names(node);
        if (!known) return;
        std::vector<std::string_view> seen;
        for (pugi::xml_node n : node.children()) {
            if (n.type() != pugi::node_element) continue;
            const bool again = std::find(seen.begin(), seen.end(), n.name()) != seen.end();
            const bool is_known = std::find(known->begin(), known->end(), n.name()) != known->end();
            if (!is_known || (again && !may_come_again(node.name()))) tell(node, n);
            seen.emplace_back(n.name());
        }
    }
    void end()
    {
        if (open_) ccr_.json.close(']');
        if (full_) ccr_.skip("document", "more elements in unexpected places than the document object holds");
    }

private:
    void tell(pugi::xml_node in, pugi::xml_node n)
    {
        auto& w = ccr_.json;
        if (full_) return;
        const auto before = w.mark();
        const std::size_t size = w.size();
        if (!open_) w.open_field("unexpected", '[');
        w.open('{');
        w.field("in", in.name());
        w.number_field("offset", ccr_.xml.offset(n));
        w.open_field("what", '[');
        element_object(ccr_, n);
        w.close(']');
        w.close('}');
        bytes_ += w.size() - size;
        full_ = bytes_ > unexpected_max;
        if (full_) return w.rewind(before);
        open_ = true;
    }

    static constexpr std::size_t unexpected_max = 32u << 10;  // half of what the document object keeps free

    Ccr& ccr_;
    std::size_t bytes_ = 0;
    bool open_ = false, full_ = false;
};

}  // namespace

void unexpected_field(Ccr& ccr, pugi::xml_node root)
{
    Teller teller(ccr);
    for (pugi::xml_node n = root; n; n = after(n, root)) {
        const pugi::xml_node first = n.first_child();
        // Nearly all elements hold one text, or others that are read whole.
        if (first && (first.type() == pugi::node_element || first.next_sibling())) teller.look_at(n);
    }
    teller.end();
}

}  // namespace direct::ccr
