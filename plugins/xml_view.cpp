// xml_view.cpp - see xml_view.h. One walk over the fresh tree checks depth and counts, makes names plain
// and notes every ID.
#include "plugins/xml_view.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "plugins/xml_text.h"

namespace direct {
namespace {

constexpr unsigned parse_options =
    ::pugi::parse_default | ::pugi::parse_doctype | ::pugi::parse_pi | ::pugi::parse_fragment;

bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool all_blank(const char* s)
{
    while (is_blank(*s)) ++s;
    return *s == '\0';
}

// By memchr: ten times as fast as looking at each byte.
std::size_t count_of(char c, std::string_view text)
{
    std::size_t out = 0;
    for (auto at = text.find(c); at != text.npos; at = text.find(c, at + 1)) ++out;
    return out;
}

std::string href_of(std::string_view instruction)
{
    auto at = instruction.find("href=");
    if (at == std::string_view::npos || at + 6 > instruction.size()) return "";
    at += 5;
    const auto end = instruction.find(instruction[at], at + 1);
    if (end == std::string_view::npos) return "";
    return std::string(instruction.substr(at + 1, std::min<std::size_t>(end - at - 1, 500)));
}

}  // namespace

XmlView::Verdict XmlView::refuse(Verdict verdict, std::string why)
{
    why_ = std::move(why);
    return verdict;
}

XmlView::Verdict XmlView::load(std::string_view bytes, std::string_view charset)
{
    if (bytes.size() > size_max) return refuse(Verdict::limit, "larger than 32 MB");
    XmlText text = xml_text(bytes, charset);
    buffer_ = std::move(text.utf8);
    encoding_ = std::move(text.encoding);
    declared_encoding_ = std::move(text.declared);
    notes_ = std::move(text.notes);
    if (!text.refused.empty()) return refuse(Verdict::malformed, std::move(text.refused));
    // Each element opens once and closes at most once: a tree that is too large is not even built. Most
    // documents have fewer bytes than that.
    if (buffer_.size() > 2 * elements_max && count_of('<', buffer_) > 2 * elements_max)
        return refuse(Verdict::limit, "more than 500000 elements");
    const std::size_t size = buffer_.size();
    buffer_.append(XmlText::slack, '\0');  // names are read eight bytes at a time
    ::pugi::xml_document document;
    const auto parsed =
        document.load_buffer_inplace(buffer_.data(), size, parse_options, ::pugi::encoding_utf8);
    if (parsed.status == ::pugi::status_out_of_memory) return refuse(Verdict::limit, "not enough memory");
    if (!parsed)
        return refuse(Verdict::malformed, "not well-formed XML at byte " + std::to_string(parsed.offset) +
                                              ": " + parsed.description());
    ::pugi::xml_node root;
    if (const auto verdict = find_root(document, root); verdict != Verdict::good) return verdict;
    return keep_all(root);
}

XmlView::Verdict XmlView::find_root(const ::pugi::xml_document& document, ::pugi::xml_node& root)
{
    for (::pugi::xml_node n : document.children()) {
        switch (n.type()) {
            case ::pugi::node_element:
                if (root) return refuse(Verdict::malformed, "more than one root element");
                root = n;
                break;
            case ::pugi::node_doctype:
                return refuse(Verdict::malformed, "a document type declaration is refused");
            case ::pugi::node_pi:
                if (stylesheet_.empty() && std::strcmp(n.name(), "xml-stylesheet") == 0)
                    stylesheet_ = href_of(n.value());
                break;
            case ::pugi::node_pcdata:
            case ::pugi::node_cdata:
                if (!all_blank(n.value())) return refuse(Verdict::malformed, "text outside the root element");
                break;
            default:
                break;
        }
    }
    return root ? Verdict::good : refuse(Verdict::malformed, "no root element");
}

// Each step through the parser's tree is a call into its library; it is walked once, here.
XmlView::Verdict XmlView::keep_all(::pugi::xml_node root)
{
    struct Level {
        ::pugi::xml_node node;
        std::uint32_t cell, last;  // its own, and its last child's; 0 = none yet
    };
    std::array<Level, depth_max + 1> levels;
    constexpr std::size_t bytes_per_cell = 16, room_max = 1u << 20;  // as in real documents
    make_room(std::min(buffer_.size() / bytes_per_cell, room_max) + 1);
    const char* const too_many = "more than 256 attributes or namespaces of one element";
    if (!keep_element(root, 1)) return refuse(Verdict::limit, too_many);
    int depth = 1;
    levels[1] = {root, 0, 0};
    std::size_t elements = 1;
    ::pugi::xml_node n = root.first_child();
    for (;;) {
        const auto type = n.type();
        Level& level = levels[static_cast<std::size_t>(depth)];
        if (type == ::pugi::node_null) {
            leave(depth);
            if (--depth == 0) return Verdict::good;
            n = level.node.next_sibling();
            continue;
        }
        if (depth == depth_max) return refuse(Verdict::limit, "more than 100 levels");
        const auto here = static_cast<std::uint32_t>(cell_count_);
        if (type == ::pugi::node_element) {
            if (++elements > elements_max) return refuse(Verdict::limit, "more than 500000 elements");
            if (!keep_element(n, depth + 1)) return refuse(Verdict::limit, too_many);
        } else if (type == ::pugi::node_pcdata || type == ::pugi::node_cdata) {
            keep_words(n.value(), type);
        } else {
            n = n.next_sibling();
            continue;
        }
        if (level.last)
            cells_[level.last].next = here - level.last;
        else
            cells_[level.cell].more = true;
        cells_[here].up = here - level.cell;
        level.last = here;
        if (type == ::pugi::node_element) {
            levels[static_cast<std::size_t>(++depth)] = {n, here, 0};
            n = n.first_child();
        } else {
            n = n.next_sibling();
        }
    }
}

void XmlView::make_room(std::size_t cells)
{
    auto larger = std::make_unique_for_overwrite<XmlCell[]>(cells);
    std::copy_n(cells_.get(), cell_count_, larger.get());
    cells_ = std::move(larger);
    cell_room_ = cells;
}

XmlCell& XmlView::new_cell()
{
    if (cell_count_ == cell_room_) make_room(2 * cell_room_ + attributes_max);
    return cells_[cell_count_++];
}

void XmlView::keep_words(const char* words, ::pugi::xml_node_type type)
{
    const auto size = static_cast<std::uint32_t>(std::strlen(words));
    new_cell() = {words, nullptr, {size}, 0, 0, XmlCell::no_name, static_cast<std::uint8_t>(type), false};
}

// Declarations first, then the element's own name and its xsi:type.
bool XmlView::keep_element(::pugi::xml_node element, int depth)
{
    const std::size_t here = cell_count_;
    const char* const name = element.name();
    new_cell() = {name, name, {0}, 0, 0, find_xml_name(name), ::pugi::node_element, false};
    std::uint32_t attributes = 0;
    for (::pugi::xml_attribute a = element.first_attribute();; a = a.next_attribute()) {
        const char* attribute = a.name();
        if (!*attribute) break;  // behind the last one
        if (++attributes > attributes_max) return false;
        const std::string_view value = a.value();
        const std::uint16_t id = find_xml_name(attribute);
        const auto size = static_cast<std::uint32_t>(value.size());
        new_cell() = {value.data(), attribute, {size}, 0, 0, id, ::pugi::node_null, true};
        if (id == XmlName("ID").id)
            ids_.emplace_back(value, static_cast<std::uint32_t>(here));
        else if (*attribute == 'x' && !declare(attribute, value.data(), depth))
            return false;
    }
    if (attributes) cells_[cell_count_ - 1].more = false;
    XmlCell& cell = cells_[here];
    cell.attributes = attributes;
    // Nearly every element of nearly every document: no prefix, and none wanted.
    const bool plain = cell.id ? !xml_name_prefixed[cell.id] : !std::strchr(name, ':');
    if (!plain_ || !plain || here == 0) rename(cell);
    if (other_type_) rename_type(here);
    return true;
}

// A namespace, when the attribute declares one. False: too many.
bool XmlView::declare(const char* name, const char* uri, int depth)
{
    if (std::strncmp(name, "xmlns", 5) != 0 || (name[5] != '\0' && name[5] != ':')) return true;
    int space = *uri ? -2 : -1;
    for (std::size_t i = 0; i < namespaces_.size(); ++i)
        if (std::strcmp(namespaces_[i].uri, uri) == 0) space = static_cast<int>(i);
    scopes_.push_back({depth, name[5] ? name + 6 : "", space});
    if (is_instance(space) && std::strcmp(name, "xmlns:xsi") != 0) other_type_ = true;
    if (scopes_.size() > declarations_max) return false;
    plain_ = is_plain(space_of(""));
    return true;
}

// The type of a value by the customary name of that attribute.
void XmlView::rename_type(std::size_t element)
{
    constexpr XmlName type = "xsi:type";
    for (std::size_t i = 1; i <= cells_[element].attributes; ++i) {
        XmlCell& cell = cells_[element + i];
        const std::string_view name = cell.name;
        if (name.ends_with(":type") && cell.id != type.id &&
            is_instance(space_of(name.substr(0, name.size() - 5)))) {
            cell.name = type.text;
            cell.id = type.id;
        }
    }
}

bool XmlView::is_instance(int space) const
{
    return space >= 0 && std::strcmp(namespaces_[static_cast<std::size_t>(space)].prefix, "xsi") == 0;
}

void XmlView::leave(int depth)
{
    if (scopes_.empty() || scopes_.back().depth < depth) return;
    while (!scopes_.empty() && scopes_.back().depth >= depth) scopes_.pop_back();
    plain_ = is_plain(space_of(""));
}

bool XmlView::is_plain(int space) const
{
    return space == -1 || (space >= 0 && *namespaces_[static_cast<std::size_t>(space)].prefix == '\0');
}

int XmlView::space_of(std::string_view prefix) const
{
    for (auto s = scopes_.rbegin(); s != scopes_.rend(); ++s)
        if (s->prefix == prefix) return s->space;
    if (prefix.empty()) return -1;
    // Not declared: its customary meaning, as fragments in the field rely on it.
    for (std::size_t i = 0; i < namespaces_.size(); ++i)
        if (prefix == namespaces_[i].prefix) return static_cast<int>(i);
    return -2;
}

void XmlView::rename(XmlCell& element)
{
    const std::string_view name = element.text;
    const auto colon = name.find(':');
    const auto prefix = colon == std::string_view::npos ? std::string_view() : name.substr(0, colon);
    const int space = space_of(prefix);
    if (&element == cells_.get()) unqualified_ = space == -1;
    const std::string_view wanted = space == -1   ? ""
                                    : space == -2 ? "other"
                                                  : namespaces_[static_cast<std::size_t>(space)].prefix;
    if (wanted == prefix) return;
    const std::string_view local = local_name(name);
    std::string renamed(wanted);
    if (!wanted.empty()) renamed += ':';
    renamed += local;
    if (renamed.size() > name.size()) element.name = nullptr;
    element.id = xml_name_id(renamed);
    element.text =
        element.id ? xml_names[element.id - 1].data() : names_.emplace_back(std::move(renamed)).c_str();
}

XmlNode XmlView::by_id(std::string_view id) const
{
    const auto before = [](const auto& a, const auto& b) { return a.first < b.first; };
    if (!ids_sorted_) {
        std::stable_sort(ids_.begin(), ids_.end(), before);
        ids_sorted_ = true;
    }
    const auto at = std::lower_bound(ids_.begin(), ids_.end(), std::pair(id, 0u), before);
    return at != ids_.end() && at->first == id ? XmlNode(&cells_[at->second]) : XmlNode();
}

std::size_t XmlView::offset(XmlNode element) const
{
    const char* name = element.written_name();
    return name ? static_cast<std::size_t>(name - buffer_.data()) - 1 : 0;
}

bool XmlView::blank_before(XmlNode element) const
{
    const auto at = offset(element);
    return at > 0 && at <= buffer_.size() && is_blank(buffer_[at - 1]);
}

}  // namespace direct
