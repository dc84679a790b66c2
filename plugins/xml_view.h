// xml_view.h - pugixml under limits: the only way a plugin of ours looks at XML.
//
// pugixml expands no entities and fetches nothing, but it takes almost everything for XML. Refused here:
// an encoding we do not read, any DOCTYPE, more than one root, text outside it, more than 32 MB, 500,000
// elements, 100 levels or 256 attributes of one element. Names are made plain once: an element in a namespace of the plugin's table
// has that table's prefix ("" = none), whatever prefix the document used; any other element gets the
// prefix "other". So extractors compare literal names. What the parser made is walked once, checked, and kept as xml_node.h
// has it; instructions and comments are not kept. No XPath: on deep trees it costs minutes.
// Nothing here throws but bad_alloc. One document, one thread per object.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <pugixml.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/xml_node.h"

namespace direct {

struct XmlNamespace {
    const char* uri;
    const char* prefix;  ///< what its elements are called by in the view; "" = plain
};

class XmlView {
public:
    enum class Verdict { good, malformed, limit };

    explicit XmlView(std::span<const XmlNamespace> namespaces) : namespaces_(namespaces) {}
    XmlView(const XmlView&) = delete;
    XmlView& operator=(const XmlView&) = delete;

    /// Reads a whole document. Not good: why() tells; nothing else may be called then.
    Verdict load(std::string_view bytes, std::string_view charset);
    const std::string& why() const { return why_; }
    const std::vector<std::string>& notes() const { return notes_; }
    const std::string& encoding() const { return encoding_; }  ///< the one used
    /// The one the XML declaration names, lower case; "" when it names none.
    const std::string& declared_encoding() const { return declared_encoding_; }
    /// href of the first xml-stylesheet instruction: told, never fetched.
    const std::string& stylesheet() const { return stylesheet_; }

    XmlNode root() const { return XmlNode(cells_.get()); }
    bool unqualified() const { return unqualified_; }  ///< the root is in no namespace
    /// The first element with this value of attribute ID; empty node when there is none.
    XmlNode by_id(std::string_view id) const;
    /// Where the element's '<' stands in the document (in its UTF-8 form).
    std::size_t offset(XmlNode element) const;
    /// White space stood before the element: white space between two elements is not kept as text.
    bool blank_before(XmlNode element) const;

    static constexpr std::size_t size_max = 32u << 20;
    static constexpr std::size_t elements_max = 500'000;
    static constexpr int depth_max = 100;
    static constexpr int attributes_max = 256;
    static constexpr std::size_t declarations_max = 256;  ///< namespaces in scope at once

private:
    struct Scope {
        int depth;
        std::string_view prefix;
        int space;  // index into namespaces_, -1 = no namespace, -2 = another one
    };
    Verdict refuse(Verdict verdict, std::string why);
    Verdict find_root(const ::pugi::xml_document& document, ::pugi::xml_node& root);
    Verdict keep_all(::pugi::xml_node root);
    void make_room(std::size_t cells);
    XmlCell& new_cell();
    void keep_words(const char* words, ::pugi::xml_node_type type);
    bool keep_element(::pugi::xml_node element, int depth);
    bool declare(const char* name, const char* uri, int depth);
    void rename(XmlCell& element);
    void rename_type(std::size_t element);
    bool is_instance(int space) const;
    void leave(int depth);
    int space_of(std::string_view prefix) const;
    bool is_plain(int space) const;

    std::span<const XmlNamespace> namespaces_;
    std::string buffer_, why_, encoding_, declared_encoding_, stylesheet_;
    std::vector<std::string> notes_;
    std::unique_ptr<XmlCell[]> cells_;  // what they point to is in buffer_
    std::size_t cell_count_ = 0, cell_room_ = 0;
    std::deque<std::string> names_;  // of elements whose name the document writes in another way
    std::vector<Scope> scopes_;
    mutable std::vector<std::pair<std::string_view, std::uint32_t>> ids_;
    mutable bool ids_sorted_ = false;
    bool unqualified_ = false;
    bool plain_ = true;        // a name without prefix stays as it is here
    bool other_type_ = false;  // some xsi:type has another prefix
};

}  // namespace direct
