// metadata.cpp - see metadata.h.
#include "plugins/xdm/metadata.h"

#include <charconv>
#include <unordered_map>

#include "plugins/xdm/object.h"
#include "plugins/xdm/reader.h"
#include "plugins/xdm/schemes.h"
#include "plugins/xml_text.h"
#include "plugins/xml_view.h"

namespace direct::xdm {
namespace {

// Slots of a document that are told by their own name; every other one goes into "slots".
constexpr std::string_view document_slots[] = {
    "creationTime",    "languageCode",       "serviceStartTime",   "serviceStopTime",
    "sourcePatientId", "legalAuthenticator", "repositoryUniqueId", "documentAvailability"};

struct NamedSlot {
    std::string_view slot, member;
};
constexpr NamedSlot association_slots[] = {{"SubmissionSetStatus", "submissionSetStatus"},
                                           {"NewStatus", "newStatus"},
                                           {"OriginalStatus", "originalStatus"},
                                           {"PreviousVersion", "previousVersion"}};

std::optional<std::uint64_t> number(const std::string& s)
{
    std::uint64_t n = 0;
    const auto r = std::from_chars(s.data(), s.data() + s.size(), n);
    if (s.empty() || r.ec != std::errc() || r.ptr != s.data() + s.size()) return std::nullopt;
    return n;
}

class MetadataReader {
public:
    MetadataReader(pugi::xml_node root, Metadata& out) : reader_(root), root_(root), out_(out) {}

    void read()
    {
        // What a document is to others is told with it, so these come first.
        for (const auto n : reader_.objects())
            if (is(n, "Association")) association(n);
        for (const auto n : reader_.objects()) {
            if (is(n, "ExtrinsicObject")) document(n);
            if (is(n, "RegistryPackage")) package(n);
            if (is(n, "ObjectRef")) reference(n);
        }
        // Held here already against a limit: half a million paths would be more than the document ever was.
        std::size_t used = 0;
        const std::string path = "/" + std::string(local_name(root_.name()));
        reader_.sweep(root_, path, [&](const std::string& at, const std::string& value) {
            if (out_.more_cut) {
                ++out_.more_cut;
                return;
            }
            Room room;
            room.json.open('{');
            room.json.field("path", at);
            room.json.field("value", value);
            finish(room, out_.more);
            used += out_.more.back().size() + 1;
            if (used <= limits::list_max) return;
            out_.more.pop_back();
            ++out_.more_cut;
        });
        out_.values_cut = reader_.values_cut();
    }

private:
    std::string finish(Room& room)
    {
        if (room.cut) room.json.number_field("cut", room.cut);
        out_.parts_cut += room.cut;
        room.json.close('}');
        return room.json.take();
    }
    void finish(Room& room, std::vector<std::string>& into) { into.push_back(finish(room)); }

    void association(pugi::xml_node n)
    {
        Room room;
        room.json.open('{');
        Object o(reader_, room, n);
        o.field("id", o.attribute("id"));
        const std::string type = o.attribute("associationType");
        const std::string source = o.attribute("sourceObject"), target = o.attribute("targetObject");
        o.field("type", type);
        o.field("source", source);
        o.field("target", target);
        o.field("title", o.name());
        for (const auto& s : association_slots) o.slot_field(s.member, s.slot);
        o.codes();
        o.rest();
        finish(room, out_.associations);
        // Nearly all of them only say that something is in the set.
        if (type.ends_with("HasMember")) return;
        of_entry_[source].push_back(out_.associations.size() - 1);
        if (target != source) of_entry_[target].push_back(out_.associations.size() - 1);
    }

    // The associations of an entry; of several entries with one id the first has them.
    void associations_of(Room& room, const std::string& id)
    {
        const auto at = of_entry_.find(id);
        if (id.empty() || at == of_entry_.end()) return;
        RoomList list(room, "associations");
        for (const auto i : at->second) list.element([&] { room.json.raw(out_.associations[i]); });
        of_entry_.erase(at);
    }

    void document(pugi::xml_node n)
    {
        if (out_.documents.size() == limits::documents_max) {
            ++out_.documents_cut;
            reader_.sweep(n, "", [](const std::string&, const std::string&) {});
            return;
        }
        Room room;
        room.json.open('{');
        Object o(reader_, room, n);
        DocumentEntry d;
        d.object_id = o.attribute("id");
        d.uri = o.joined("URI");
        d.mime_type = o.attribute("mimeType");
        d.title = o.name();
        d.unique_id = o.identifier("uniqueId");
        d.hash = o.first("hash");
        const std::string size = o.first("size");
        d.size = number(size);
        o.field("uri", d.uri);
        o.field("mimeType", d.mime_type);
        o.field("title", d.title);
        o.field("description", o.description());
        o.field("uniqueId", d.unique_id);
        o.field("patientId", o.identifier("patientId"));
        o.field("size", size);
        o.field("hash", d.hash);
        o.field("entryId", d.object_id);
        o.field("status", o.attribute("status"));
        o.authors();
        o.codes();
        for (auto name : document_slots) o.slot_field(name, name);
        o.slot_list("sourcePatientInfo", "sourcePatientInfo");
        o.slot_list("intendedRecipient", "intendedRecipient");
        o.rest();
        associations_of(room, d.object_id);
        d.json = finish(room);
        out_.documents.push_back(std::move(d));
    }

    // A submission set says so, or has a time or an id of its own kind; a folder says so or is changed at a time.
    void package(pugi::xml_node n)
    {
        Room room;
        room.json.open('{');
        Object o(reader_, room, n);
        const bool named_set = o.classified_as(submission_set_node);
        const bool named_folder = !named_set && o.classified_as(folder_node);
        const std::string time = o.first("submissionTime"), source = o.identifier("sourceId");
        const bool set = named_set || (!named_folder && !(time.empty() && source.empty()));
        const std::string changed = o.first("lastUpdateTime");
        const bool folder = !set && (named_folder || !changed.empty());

        const std::string title = o.name(), unique_id = o.identifier("uniqueId");
        const std::string patient_id = o.identifier("patientId");
        o.field("title", title);
        o.field("description", o.description());
        o.field("uniqueId", unique_id);
        o.field("sourceId", source);
        o.field("patientId", patient_id);
        o.authors();
        o.codes();
        o.field("submissionTime", time);
        o.field("lastUpdateTime", changed);
        o.slot_list("sourcePatientInfo", "sourcePatientInfo");
        o.slot_list("intendedRecipient", "intendedRecipient");
        o.field("entryId", o.attribute("id"));
        o.rest();
        if (set && out_.submission_sets.empty()) {
            out_.title = title;
            out_.unique_id = unique_id;
            out_.patient_id = patient_id;
            out_.submission_time = time;
        }
        finish(room, set ? out_.submission_sets : folder ? out_.folders : out_.packages);
    }

    void reference(pugi::xml_node n)
    {
        const auto id = n.attribute("id");
        if (!id || reader_.says_nothing(n, id)) return;
        Room room;
        room.json.open('{');
        Object o(reader_, room, n);
        o.field("id", o.attribute("id"));
        o.rest();
        finish(room, out_.references);
    }

    Reader reader_;
    pugi::xml_node root_;
    Metadata& out_;
    std::unordered_map<std::string, std::vector<std::size_t>> of_entry_;  // places in out_.associations
};

}  // namespace

Metadata read_metadata(std::string_view bytes)
{
    Metadata out;
    if (bytes.size() > metadata_max) {
        out.why = "larger than 4 MB";
        return out;
    }
    XmlView xml({});
    if (xml.load(bytes, "") != XmlView::Verdict::good) {
        out.why = xml.why();
        return out;
    }
    out.notes = xml.notes();
    MetadataReader(xml.root(), out).read();
    return out;
}

}  // namespace direct::xdm
