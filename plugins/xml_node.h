// xml_node.h - the elements, attributes and words of a document as XmlView keeps them: one array in document order, read
// without a call. An element's attributes follow it, then what is in it. A node is borrowed from its view; the empty node
// has nothing in it, so that look-ups may be chained. Nothing here throws.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <pugixml.hpp>
#include <string_view>

#include "plugins/xml_name.h"

namespace direct {

/// One element, attribute or piece of words. For XmlView and the classes below alone.
struct XmlCell {
    static constexpr std::uint16_t no_name = 0xFFFF;  ///< of words

    const char* text;  ///< an element's name; the value of an attribute; words
    const char* name;  ///< of an attribute; of an element as the document writes it
    union {
        std::uint32_t size;        ///< of words and attributes: bytes of text
        std::uint32_t attributes;  ///< of an element; they follow it
    };
    std::uint32_t next;  ///< cells to the next sibling; 0 = the last one
    std::uint32_t up;    ///< cells back to the parent; 0 = the root
    std::uint16_t id;    ///< of the name; 0 = not in xml_names
    std::uint8_t type;   ///< pugi::xml_node_type
    bool more;           ///< something is in this element; behind this attribute is another one
};

inline bool is_named(const char* text, std::uint16_t id, XmlName name)
{
    return id == name.id && (name.id || std::strcmp(text, name.text) == 0);
}

class XmlAttribute {
public:
    XmlAttribute() = default;
    explicit XmlAttribute(const XmlCell* cell) : cell_(cell) {}
    explicit operator bool() const { return cell_; }
    const XmlCell* internal_object() const { return cell_; }
    const char* name() const { return cell_ ? cell_->name : ""; }
    std::uint16_t id() const { return cell_ ? cell_->id : 0; }  ///< of the name, in xml_names
    bool is(XmlName name) const { return cell_ && is_named(cell_->name, cell_->id, name); }
    const char* value() const { return cell_ ? cell_->text : ""; }
    std::string_view text() const
    {
        return cell_ ? std::string_view(cell_->text, cell_->size) : std::string_view();
    }
    XmlAttribute next_attribute() const { return XmlAttribute(cell_ && cell_->more ? cell_ + 1 : nullptr); }

private:
    const XmlCell* cell_ = nullptr;
};

template <class Step>
class XmlRange;
struct XmlAttributeStep;
struct XmlChildStep;
struct XmlNamedStep;

class XmlNode {
public:
    XmlNode() = default;
    explicit XmlNode(const XmlCell* cell) : cell_(cell) {}
    explicit operator bool() const { return cell_; }
    bool operator==(const XmlNode&) const = default;
    /// Document order, within one document.
    bool operator<(XmlNode other) const { return std::less<>()(cell_, other.cell_); }
    const XmlCell* internal_object() const { return cell_; }

    ::pugi::xml_node_type type() const
    {
        return cell_ ? static_cast<::pugi::xml_node_type>(cell_->type) : ::pugi::node_null;
    }
    bool is_element() const { return cell_ && cell_->type == ::pugi::node_element; }
    bool is_words() const { return cell_ && cell_->type != ::pugi::node_element; }
    /// Of an element; "" for anything else.
    const char* name() const { return is_element() ? cell_->text : ""; }
    /// As the document writes it, in its bytes; nullptr for anything but an element.
    const char* written_name() const { return is_element() ? cell_->name : nullptr; }
    std::uint16_t id() const { return cell_ ? cell_->id : XmlCell::no_name; }  ///< of the name, in xml_names
    bool is(XmlName name) const { return cell_ && is_named(cell_->text, cell_->id, name); }
    /// Words; "" for an element.
    const char* value() const { return is_words() ? cell_->text : ""; }
    std::string_view words() const
    {
        return is_words() ? std::string_view(cell_->text, cell_->size) : std::string_view();
    }
    /// Words themselves; of an element the first in it.
    XmlNode first_words() const
    {
        XmlNode n = is_words() ? *this : first_child();
        while (n && !n.is_words()) n = n.next_sibling();
        return n;
    }
    const char* child_value() const { return first_words().value(); }

    XmlNode first_child() const
    {
        return XmlNode(is_element() && cell_->more ? cell_ + 1 + cell_->attributes : nullptr);
    }
    XmlNode next_sibling() const { return XmlNode(cell_ && cell_->next ? cell_ + cell_->next : nullptr); }
    XmlNode parent() const { return XmlNode(cell_ && cell_->up ? cell_ - cell_->up : nullptr); }
    XmlNode child(XmlName name) const { return first_child().this_or_next(name); }
    XmlNode next_sibling(XmlName name) const { return next_sibling().this_or_next(name); }
    XmlAttribute first_attribute() const
    {
        return XmlAttribute(is_element() && cell_->attributes ? cell_ + 1 : nullptr);
    }
    XmlAttribute attribute(XmlName name) const
    {
        XmlAttribute a = first_attribute();
        while (a && !a.is(name)) a = a.next_attribute();
        return a;
    }

    // For loops: `for (XmlNode n : node.children("entry"))`.
    XmlRange<XmlChildStep> children() const;
    XmlRange<XmlNamedStep> children(XmlName name) const;
    XmlRange<XmlAttributeStep> attributes() const;

private:
    XmlNode this_or_next(XmlName name) const
    {
        XmlNode n = *this;
        while (n && !n.is(name)) n = n.next_sibling();
        return n;
    }

    const XmlCell* cell_ = nullptr;
};

/// Number of the part of an element's name that is behind the colon; 0 = not in xml_names.
inline std::uint16_t local_name_id(XmlNode element)
{
    const std::uint16_t id = element.id();
    if (id && id < xml_name_count && !xml_name_prefixed[id]) return id;
    const std::string_view name = element.name();
    return xml_name_id(name.substr(name.find(':') + 1));
}

struct XmlChildStep {
    using Item = XmlNode;
    XmlNode operator()(XmlNode n) const { return n.next_sibling(); }
};
struct XmlNamedStep {
    using Item = XmlNode;
    XmlName name;
    XmlNode operator()(XmlNode n) const { return n.next_sibling(name); }
};
struct XmlAttributeStep {
    using Item = XmlAttribute;
    XmlAttribute operator()(XmlAttribute a) const { return a.next_attribute(); }
};

/// From one item to the last, by steps.
template <class Step>
class XmlRange {
public:
    using Item = typename Step::Item;
    XmlRange(Item first, Step step) : first_(first), step_(step) {}
    struct End {};
    struct Iterator {
        Item item;
        Step step;
        Item operator*() const { return item; }
        Iterator& operator++()
        {
            item = step(item);
            return *this;
        }
        bool operator!=(End) const { return static_cast<bool>(item); }
    };
    Iterator begin() const { return {first_, step_}; }
    End end() const { return {}; }

private:
    Item first_;
    Step step_;
};

inline XmlRange<XmlChildStep> XmlNode::children() const
{
    return {first_child(), {}};
}
inline XmlRange<XmlNamedStep> XmlNode::children(XmlName name) const
{
    return {child(name), {name}};
}
inline XmlRange<XmlAttributeStep> XmlNode::attributes() const
{
    return {first_attribute(), {}};
}

// The extractors call them by the names of the library whose tree they replace.
namespace pugi {
using xml_node = XmlNode;
using xml_attribute = XmlAttribute;
using ::pugi::node_cdata;
using ::pugi::node_element;
using ::pugi::node_null;
using ::pugi::node_pcdata;
}  // namespace pugi

}  // namespace direct
