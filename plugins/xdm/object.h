// object.h - one object of the metadata as a JSON object: what has a name of ours by that name, and everything else by the
// name it has there. One object, one thread; nothing here throws but bad_alloc.
//
// What any object may have beside the members its kind is read for (metadata.h tells those):
//   description            where its kind has none of its own
//   names, descriptions    [{value, lang, charset}] when there is more to say than the first text
//   slots                  [{name, values}] slots nobody knows, and known ones that hold more than was told, whole
//   status, home, lid, version, objectType   as written; lid only where it is not the id
//   limitedMetadata        true: sent with less metadata than the specification asks for
//   classifications        [{scheme, node, code, codeSystemName, displayName}] of a scheme nobody knows, or beyond the one told
//   identifiers            [{scheme, value, name}] the same way
//   more                   [{path, value}] attributes and elements nobody knows, by their place in the object
//   cut                    how many parts did not fit (limits::object_max)
// Codes, classifications, identifiers and authors are objects too, and have them in turn.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "plugins/json_writer.h"
#include "plugins/xdm/reader.h"
#include "plugins/xml_node.h"

namespace direct::xdm {

namespace limits {
/// Bytes of one object's JSON: a quarter of what the host takes for a document; real ones have 5 KB.
inline constexpr std::size_t object_max = 256u << 10;
/// Classifications of classifications of ... that are told as objects; what is deeper is told in `more`.
inline constexpr int nesting_max = 4;
}  // namespace limits

/// A JSON object in work that never grows beyond object_max: a part that does not fit is taken back and counted.
class Room {
public:
    template <class F>
    bool part(F write)
    {
        const auto before = json.mark();
        write();
        if (json.size() <= limits::object_max) return true;
        json.rewind(before);
        ++cut;
        return false;
    }
    void field(std::string_view name, std::string_view value);
    void list(std::string_view name, const std::vector<std::string>& values);
    JsonWriter json;
    std::size_t cut = 0;
};

/// A list that is opened by its first element, and closed when there was one.
class RoomList {
public:
    RoomList(Room& room, std::string_view name) : room_(room), name_(name) {}
    RoomList(const RoomList&) = delete;
    RoomList& operator=(const RoomList&) = delete;
    ~RoomList()
    {
        if (open_) room_.json.close(']');
    }
    template <class F>
    void element(F write)
    {
        open_ |= room_.part([&] {
            if (!open_) room_.json.open_field(name_, '[');
            write();
        });
    }

private:
    Room& room_;
    std::string_view name_;
    bool open_ = false;
};

class Object {
public:
    Object(Reader& reader, Room& room, pugi::xml_node node, int nesting = 0);

    // Reading: whatever is asked for is told from now on.
    std::string attribute(const char* name) { return reader_.attribute(node_, name); }
    std::string name() { return localized("Name"); }
    std::string description()
    {
        described_ = true;
        return localized("Description");
    }
    /// The first value of the first slot of that name that has one.
    std::string first(std::string_view slot);
    /// Of a slot whose value may come in numbered pieces, "1|one/" and "2|two.xml": all of it.
    std::string joined(std::string_view slot);
    /// The first identifier with that member name.
    std::string identifier(std::string_view member);
    /// Of a classification node; asked for one that is there, it is told.
    bool classified_as(std::string_view node);

    // Writing.
    void field(std::string_view member, std::string_view value) { room_.field(member, value); }
    /// First value of a slot as a text; all values of its first slot as a list.
    void slot_field(std::string_view member, std::string_view slot) { field(member, first(slot)); }
    void slot_list(std::string_view member, std::string_view slot);
    void authors();
    void codes();
    /// All that is left; nothing of the object is unknown afterwards.
    void rest();

private:
    struct Slot {
        pugi::xml_node node;
        std::string_view name;
        std::vector<std::string> values;
        bool asked = false;    // somebody knows its name
        std::size_t told = 0;  // values, from the first on
    };
    struct Part {
        pugi::xml_node node;
        std::string_view scheme;
        bool told = false;
    };
    std::string localized(std::string_view element);
    Slot* slot(std::string_view name);
    void code(Part& part, bool with_scheme);
    void identifier_object(Part& part);
    void localized_list(std::string_view member, std::string_view element);
    void slots();
    void left_attribute(std::string_view member, pugi::xml_node n, const char* name);
    void left_parts();

    Reader& reader_;
    Room& room_;
    pugi::xml_node node_;
    int nesting_;
    bool described_ = false;
    std::vector<Slot> slots_;
    std::vector<Part> classifications_, identifiers_;
};

}  // namespace direct::xdm
