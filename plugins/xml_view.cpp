// xml_view.cpp - see xml_view.h. One walk over the fresh tree checks depth and counts, makes names plain
// and notes every ID.
#include "plugins/xml_view.h"

#include <algorithm>
#include <cstring>

#include "plugins/xml_text.h"

namespace direct {
namespace {

constexpr unsigned parse_options =
    pugi::parse_default | pugi::parse_doctype | pugi::parse_pi | pugi::parse_fragment;

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
    const auto parsed =
        document_.load_buffer_inplace(buffer_.data(), buffer_.size(), parse_options, pugi::encoding_utf8);
    if (parsed.status == pugi::status_out_of_memory) return refuse(Verdict::limit, "not enough memory");
    if (!parsed)
        return refuse(Verdict::malformed, "not well-formed XML at byte " + std::to_string(parsed.offset) +
                                              ": " + parsed.description());
    if (const auto verdict = one_root(); verdict != Verdict::good) return verdict;
    return normalise();
}

XmlView::Verdict XmlView::one_root()
{
    for (pugi::xml_node n : document_.children()) {
        switch (n.type()) {
            case pugi::node_element:
                if (root_) return refuse(Verdict::malformed, "more than one root element");
                root_ = n;
                break;
            case pugi::node_doctype:
                return refuse(Verdict::malformed, "a document type declaration is refused");
            case pugi::node_pi:
                if (stylesheet_.empty() && std::strcmp(n.name(), "xml-stylesheet") == 0)
                    stylesheet_ = href_of(n.value());
                break;
            case pugi::node_pcdata:
            case pugi::node_cdata:
                if (!all_blank(n.value())) return refuse(Verdict::malformed, "text outside the root element");
                break;
            default:
                break;
        }
    }
    return root_ ? Verdict::good : refuse(Verdict::malformed, "no root element");
}

XmlView::Verdict XmlView::normalise()
{
    std::size_t elements = 0;
    int depth = 1;
    pugi::xml_node n = root_;
    for (;;) {
        if (n.type() == pugi::node_element) {
            if (++elements > elements_max) return refuse(Verdict::limit, "more than 500000 elements");
            if (!enter(n, depth))
                return refuse(Verdict::limit, "more than 256 attributes or namespaces of one element");
        }
        if (pugi::xml_node child = n.first_child()) {
            if (++depth > depth_max) return refuse(Verdict::limit, "more than 100 levels");
            n = child;
            continue;
        }
        for (;;) {
            leave(depth);
            if (n == root_) return Verdict::good;
            if (pugi::xml_node next = n.next_sibling()) {
                n = next;
                break;
            }
            n = n.parent();
            --depth;
        }
    }
}

// Declarations first, then the element's own name and its xsi:type.
bool XmlView::enter(pugi::xml_node element, int depth)
{
    int attributes = 0;
    // By hand: the library's iterators are calls out of line, and this runs for every element.
    for (pugi::xml_attribute a = element.first_attribute(); a; a = a.next_attribute()) {
        if (++attributes > attributes_max) return false;
        const char* name = a.name();
        if (name[0] == 'I' && name[1] == 'D' && name[2] == '\0') {
            ids_.emplace_back(a.value(), element);
        } else if (name[0] == 'x' && std::strncmp(name, "xmlns", 5) == 0 &&
                   (name[5] == '\0' || name[5] == ':')) {
            int space = *a.value() ? -2 : -1;
            for (std::size_t i = 0; i < namespaces_.size(); ++i)
                if (std::strcmp(namespaces_[i].uri, a.value()) == 0) space = static_cast<int>(i);
            scopes_.push_back({depth, name[5] ? name + 6 : "", space});
            if (is_instance(space) && std::strcmp(name, "xmlns:xsi") != 0) other_type_ = true;
            if (scopes_.size() > declarations_max) return false;
            plain_ = is_plain(space_of(""));
        }
    }
    rename(element);
    if (other_type_) rename_type(element);
    return true;
}

// The type of a value by the customary name of that attribute.
void XmlView::rename_type(pugi::xml_node element)
{
    for (pugi::xml_attribute a = element.first_attribute(); a; a = a.next_attribute()) {
        const std::string_view name = a.name();
        if (name.ends_with(":type") && name != "xsi:type" &&
            is_instance(space_of(name.substr(0, name.size() - 5))))
            a.set_name("xsi:type");
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

void XmlView::rename(pugi::xml_node element)
{
    // Nearly every element of nearly every document: no prefix, and none wanted.
    if (plain_ && !std::strchr(element.name(), ':') && element != root_) return;
    const std::string_view name = element.name();
    const auto colon = name.find(':');
    const auto prefix = colon == std::string_view::npos ? std::string_view() : name.substr(0, colon);
    const int space = space_of(prefix);
    if (element == root_) unqualified_ = space == -1;
    const std::string_view wanted = space == -1   ? ""
                                    : space == -2 ? "other"
                                                  : namespaces_[static_cast<std::size_t>(space)].prefix;
    if (wanted == prefix) return;
    const std::string local(local_name(name));
    element.set_name(wanted.empty() ? local.c_str() : (std::string(wanted) + ":" + local).c_str());
}

pugi::xml_node XmlView::by_id(std::string_view id) const
{
    const auto before = [](const auto& a, const auto& b) { return a.first < b.first; };
    if (!ids_sorted_) {
        std::stable_sort(ids_.begin(), ids_.end(), before);
        ids_sorted_ = true;
    }
    const auto at = std::lower_bound(ids_.begin(), ids_.end(), std::pair(id, pugi::xml_node()), before);
    return at != ids_.end() && at->first == id ? at->second : pugi::xml_node();
}

std::size_t XmlView::offset(pugi::xml_node element) const
{
    const auto at = element.offset_debug();
    return at > 0 ? static_cast<std::size_t>(at) - 1 : 0;
}

bool XmlView::blank_before(pugi::xml_node element) const
{
    const auto at = offset(element);
    return at > 0 && at <= buffer_.size() && is_blank(buffer_[at - 1]);
}

}  // namespace direct
