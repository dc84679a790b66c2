// narrative.cpp - see narrative.h.
#include "plugins/ccda/narrative.h"

#include <algorithm>
#include <cstring>

#include "plugins/json_writer.h"
#include "plugins/xml_text.h"

namespace direct::ccda {
namespace {

enum class Break { none, cell, line };

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

Break break_of(std::string_view name)
{
    if (is_one_of(name, {"td", "th"})) return Break::cell;
    if (is_one_of(name, {"tr", "paragraph", "item", "list", "table", "caption", "br", "thead", "tbody",
                         "tfoot", "p", "div", "li"}))
        return Break::line;
    return Break::none;
}

// Never shown as text: deleted words, references to pictures, what a browser would run.
bool is_hidden(pugi::xml_node n, std::string_view name)
{
    return is_one_of(name,
                     {"script", "style", "iframe", "renderMultiMedia", "footnoteRef", "col", "colgroup"}) ||
           (name == "content" && std::strcmp(n.attribute("revised").value(), "delete") == 0);
}

class Renderer {
public:
    Renderer(const XmlView& xml, std::size_t max, bool one_line) : xml_(xml), max_(max), one_line_(one_line)
    {
    }

    // At most XmlView::depth_max calls deep.
    void children(pugi::xml_node of)
    {
        for (pugi::xml_node n = of.first_child(); n; n = n.next_sibling()) {
            if (out_.size() >= max_) return;
            switch (n.type()) {
                case pugi::node_pcdata:
                case pugi::node_cdata:
                    words(n.value());
                    break;
                case pugi::node_element:
                    element(n);
                    break;
                default:
                    break;
            }
        }
    }
    bool full() const { return out_.size() >= max_; }
    std::string take()
    {
        if (out_.size() > max_) {
            std::size_t cut = max_;
            while (cut && (static_cast<unsigned char>(out_[cut]) & 0xC0) == 0x80) --cut;
            out_.resize(cut);
        }
        return std::move(out_);
    }

private:
    void element(pugi::xml_node n)
    {
        const auto name = local_name(n.name());
        if (is_hidden(n, name)) return;
        const Break here = break_of(name);
        if (here == Break::none && xml_.blank_before(n)) blank_ = true;
        separate(here);
        children(n);
        separate(here == Break::cell ? Break::none : here);
    }
    void separate(Break b)
    {
        if (b == Break::line) at_line_ = true;
        if (b == Break::cell && !at_line_) at_cell_ = true;
    }
    void words(const char* s)
    {
        for (; *s; ++s) {
            const char c = *s;
            const bool nbsp = c == '\xC2' && s[1] == '\xA0';
            if (nbsp) ++s;
            if (nbsp || c == ' ' || c == '\n' || c == '\t' || c == '\r') {
                blank_ = true;
                continue;
            }
            if (blank_ || at_line_ || at_cell_) between();
            out_ += c;
        }
    }
    void between()
    {
        if (!out_.empty()) {
            if (at_line_)
                out_ += one_line_ ? ' ' : '\n';
            else if (at_cell_)
                out_ += one_line_ ? " " : " | ";
            else
                out_ += ' ';
        }
        blank_ = at_line_ = at_cell_ = false;
    }

    const XmlView& xml_;
    std::size_t max_;
    bool one_line_, blank_ = false, at_line_ = false, at_cell_ = false;
    std::string out_;
};

}  // namespace

std::string Narrative::block(pugi::xml_node node, std::size_t max, bool& cut) const
{
    Renderer r(xml_, max, false);
    r.children(node);
    cut = r.full();
    return r.take();
}

std::string Narrative::line(pugi::xml_node node) const
{
    return line(node, line_max);
}

std::string Narrative::line(pugi::xml_node node, std::size_t max) const
{
    Renderer r(xml_, max, true);
    r.children(node);
    if (r.full() && max == line_max) ++lines_cut_;
    return r.take();
}

Narrative::Resolved Narrative::resolve(std::string_view reference)
{
    if (reference.starts_with('#')) reference.remove_prefix(1);
    const pugi::xml_node target = reference.empty() ? pugi::xml_node() : xml_.by_id(reference);
    if (!target || spent_ > document_max) return {};
    Resolved out{line(target, reference_max), true};
    spent_ += out.text.size();
    return out;
}

std::string Narrative::text_of(pugi::xml_node ed, std::string& reference)
{
    reference.clear();
    std::string own = line(ed);
    if (!own.empty()) return own;
    const std::string_view value = ed.child("reference").attribute("value").value();
    if (value.empty()) return own;
    auto resolved = resolve(value);
    if (!resolved.found) reference = value;
    return std::move(resolved.text);
}

}  // namespace direct::ccda
