// document.cpp - the "document" object of a CCR: who says what to whom and why.
#include "plugins/ccr/extract.h"
#include "plugins/ccr/values.h"
#include "plugins/time_stamp.h"

namespace direct::ccr {
namespace {

constexpr std::size_t headroom = 64u << 10;  // kept free in the document object for its smaller members

void patient_field(Ccr& ccr, pugi::xml_node root)
{
    auto& w = ccr.json;
    const std::string id = words(root.child("Patient"), "ActorID");
    if (id.empty()) return;
    w.open_field("patient", '{');
    w.field("actorId", id);
    if (const pugi::xml_node actor = ccr.index.actor(id)) {
        ids_field(ccr, actor);
        w.field("name", ccr.name_of(actor));
        const std::string birth = words(actor.child("Person").child("DateOfBirth"), "ExactDateTime");
        const TimeStamp time = read_iso_time(birth);
        w.field("birthTime", time.iso.empty() ? birth : time.iso);
        w.field("gender", words(actor.child("Person").child("Gender"), "Text"));
    }
    w.close('}');
}

// From and To: the actors linked.
void actors_field(Ccr& ccr, const char* name, pugi::xml_node root, const char* element)
{
    bool open = false;
    for (pugi::xml_node n : root.children(element))
        for (pugi::xml_node link : n.children("ActorLink")) {
            if (!open) ccr.json.open_field(name, '[');
            open = true;
            ccr.json.open('{');
            actor_members(ccr, link, false);
            more_field(ccr, link, {"ActorID", "ActorRole"});
            ccr.json.close('}');
        }
    if (open) ccr.json.close(']');
}

// One signature: that there is one, whose and when; its bytes stay in the document.
void signature_members(Ccr& ccr, pugi::xml_node n)
{
    auto& w = ccr.json;
    w.field("id", words(n, "SignatureObjectID"));
    w.field("time", words(n, "ExactDateTime"));
    code_field(ccr, "type", n.child("Type"));
    ids_field(ccr, n);
    sources_field(ccr, n);
    for (pugi::xml_node s : n.children())
        if (s.type() == pugi::node_element && std::string_view(s.name()).ends_with("Signature"))
            w.number_field("signatureOffset", ccr.xml.offset(s));
    more_field(
        ccr, n,
        {"SignatureObjectID", "ExactDateTime", "Type", "IDs", "Source", "Signature", "other:Signature"});
}

struct List {
    const char *outer, *inner;  ///< the elements; outer nullptr: they stand in the root
    const char *name, *kind;    ///< of the member; of the item when it does not fit
    const char* id;             ///< the child that holds the id
};
constexpr List lists[] = {
    {nullptr, "Purpose", "purpose", "purpose", ""},
    {"References", "Reference", "references", "reference", "ReferenceObjectID"},
    {"Comments", "Comment", "comments", "comment", "CommentObjectID"},
    {"Signatures", "CCRSignature", "signatures", "signature", "SignatureObjectID"},
};

void list_members(Ccr& ccr, const List& list, pugi::xml_node n)
{
    if (std::string_view(list.kind) == "signature") return signature_members(ccr, n);
    if (*list.id) ccr.json.field("id", words(n, list.id));
    statement_members(ccr, n, Layout::description, nullptr);
}

// Everything of one list that fits, as a JSON array; what does not is told as an item.
std::string list_json(Ccr& ccr, const List& list, pugi::xml_node root, std::size_t& left)
{
    JsonWriter out;
    std::size_t number = 0;
    const pugi::xml_node parent = list.outer ? root.child(list.outer) : root;
    for (pugi::xml_node n = parent.child(list.inner); n; n = n.next_sibling(list.inner)) {
        ++number;
        if (ccr.stopped()) break;
        auto& w = ccr.json;
        w.clear();
        w.open('{');
        list_members(ccr, list, n);
        ccr.close_item();
        if (w.size() <= left) {
            ccr.told_whole("document");
            left -= w.size();
            out.raw(w.str());
            continue;
        }
        w.clear();
        w.open('{');
        w.field("section", "other");
        w.field("kind", list.kind);
        list_members(ccr, list, n);
        w.number_field("offset", ccr.xml.offset(n));
        w.field("path", std::string("/ContinuityOfCareRecord/") +
                            (list.outer ? std::string(list.outer) + "/" : "") + list.inner + "[" +
                            std::to_string(number) + "]");
        ccr.close_item();
        ccr.tell_item("other", list.kind);
    }
    return out.size() ? "[" + out.take() + "]" : "";
}

}  // namespace

void document_fields(Ccr& ccr, pugi::xml_node root, const std::string& sections)
{
    auto& w = ccr.json;
    std::size_t left =
        ccr.max_json() > headroom + sections.size() ? ccr.max_json() - headroom - sections.size() : 0;
    std::string made[std::size(lists)];
    for (std::size_t i = 0; i < std::size(lists); ++i) made[i] = list_json(ccr, lists[i], root, left);
    w.clear();
    w.open('{');
    w.field("kind", "ccr");
    w.field("type", "CCR");
    w.field("version", words(root, "Version"));
    w.field("id", ccr.document_id);
    code_field(ccr, "languageCode", root.child("Language"));
    w.field("language", words(root.child("Language").child("Code"), "Value"));
    const std::string when = words(root.child("DateTime"), "ExactDateTime");
    const TimeStamp time = read_iso_time(when);
    w.field("effectiveTime", time.iso.empty() ? when : time.iso);
    time_field(ccr, "time", root.child("DateTime"));
    patient_field(ccr, root);
    actors_field(ccr, "author", root, "From");
    actors_field(ccr, "recipients", root, "To");
    for (std::size_t i = 0; i < std::size(lists); ++i) {
        if (made[i].empty()) continue;
        w.name(lists[i].name);
        w.raw(made[i]);
    }
    more_field(ccr, root,
               {"CCRDocumentObjectID", "Version", "Language", "DateTime", "Patient", "From", "To", "Purpose",
                "Body", "Actors", "References", "Comments", "Signatures"});
    unexpected_field(ccr, root);
    w.name("sections");
    w.raw(sections);
}

}  // namespace direct::ccr
