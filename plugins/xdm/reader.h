// reader.h - METADATA.XML as objects, and a memory of what was read of them. Whatever attribute or text nobody asked for
// is found again at the end, so nothing is lost because nobody knew it. Names without their prefix: writers differ.
// One metadata file, one thread; nothing here throws but bad_alloc.
// Source: ebRIM 3.0; ebRS 2.1 and 3.0.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "plugins/xml_node.h"

namespace direct::xdm {

namespace limits {
/// Bytes of one value: titles, ids, names of people. A longer one is cut, and counted.
inline constexpr std::size_t value_max = 4096;
/// Bytes of the path of something nobody knows: the deepest element of a real package has 120.
inline constexpr std::size_t path_max = 512;
}  // namespace limits

class Reader {
public:
    explicit Reader(pugi::xml_node root);
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// ExtrinsicObject, RegistryPackage, Association and ObjectRef, at whatever depth, in the document's order.
    const std::vector<pugi::xml_node>& objects() const { return objects_; }
    /// Classifications or ExternalIdentifiers of an object: its children, then those that stand alone and name its id.
    /// Those are given away once.
    std::vector<pugi::xml_node> parts_of(pugi::xml_node object, std::string_view element);

    /// Trimmed, at most value_max bytes; it is told from now on.
    std::string attribute(pugi::xml_node n, const char* name);
    /// The element's own text, the same way.
    std::string text(pugi::xml_node element);
    /// Values of a Slot, its name told with them.
    std::vector<std::string> values(pugi::xml_node slot);
    void mark(pugi::xml_attribute a) { told_.insert(a.internal_object()); }
    bool is_told(pugi::xml_attribute a) const { return told_.contains(a.internal_object()); }
    /// Told by where it stands, or a default of the schema: nobody misses it.
    bool says_nothing(pugi::xml_node n, pugi::xml_attribute a) const;

    /// Everything at and below `top` that was neither told nor says nothing: tell(path, value), in order. An element nobody
    /// knows that holds nothing is told by its path alone. Afterwards all of it is told. `path`: of `top`; "" when it is an
    /// object, whose paths begin with it and whose inner objects are left to themselves.
    using Tell = std::function<void(const std::string& path, const std::string& value)>;
    void sweep(pugi::xml_node top, std::string path, const Tell& tell);

    std::size_t values_cut() const { return cut_; }

private:
    void sort(pugi::xml_node n);
    std::string trimmed(std::string_view s, std::size_t most = limits::value_max);
    void sweep_one(pugi::xml_node n, const std::string& path, const Tell& tell);

    using ByObject = std::unordered_map<std::string_view, std::vector<pugi::xml_node>>;
    std::vector<pugi::xml_node> objects_;
    ByObject classifications_, identifiers_;         // those that stand alone, by the object they name
    std::unordered_set<std::string_view> referred_;  // ids that something refers to
    std::unordered_set<const void*> told_;           // attributes and elements (their text)
    std::size_t cut_ = 0;
};

bool is(pugi::xml_node n, std::string_view local);

template <class F>
void each(pugi::xml_node parent, std::string_view local, F take)
{
    for (pugi::xml_node n = parent.first_child(); n; n = n.next_sibling())
        if (is(n, local)) take(n);
}

}  // namespace direct::xdm
