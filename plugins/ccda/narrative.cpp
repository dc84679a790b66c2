// narrative.cpp - see narrative.h.
#include "plugins/ccda/narrative.h"

#include <algorithm>
#include <cstring>

#include "plugins/json_writer.h"
#include "plugins/xml_text.h"

namespace direct::ccda {
namespace {

// What an element does to the words around it. Hidden is what was never meant to be read: deleted words,
// references to pictures, what a browser would run.
enum class Break { none, cell, line, hidden };

constexpr XmlNames cells{"td", "th"};
constexpr XmlNames lines{"tr",    "br",      "item",      "list", "table", "tbody", "thead",
                         "tfoot", "caption", "paragraph", "p",    "li",    "div"};
constexpr XmlNames hidden{"script",   "style",     "iframe",           "col",
                          "colgroup", "thumbnail", "renderMultiMedia", "footnoteRef"};

Break break_of(pugi::xml_node n)
{
    const std::uint16_t id = local_name_id(n);
    if (cells.has(id)) return Break::cell;
    if (lines.has(id)) return Break::line;
    if (hidden.has(id)) return Break::hidden;
    const bool deleted = id == XmlName("content").id && n.attribute("revised").text() == "delete";
    return deleted ? Break::hidden : Break::none;
}

bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
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
            ++walked_;
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
    std::uint64_t walked() const { return walked_; }  ///< nodes, and blanks between words
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
        const Break here = break_of(n);
        if (here == Break::hidden) return;
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
        while (*s) {
            if (const std::size_t blank = is_blank(*s) ? 1 : is_nbsp(s) ? 2 : 0) {
                blank_ = true;
                ++walked_;
                s += blank;
                continue;
            }
            if (blank_ || at_line_ || at_cell_) between();
            const char* from = s++;
            // A single blank between words is what will be written anyway.
            while (*s && !is_nbsp(s) &&
                   (!is_blank(*s) || (*s == ' ' && s[1] && !is_blank(s[1]) && !is_nbsp(s + 1))))
                ++s;
            out_.append(from, s);
        }
    }
    static bool is_nbsp(const char* s) { return s[0] == '\xC2' && s[1] == '\xA0'; }
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
    std::uint64_t walked_ = 0;
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
    std::uint64_t walked = 0;
    bool cut = false;
    return line(node, line_max, walked, cut);
}

std::string Narrative::line(pugi::xml_node node, std::size_t max, std::uint64_t& walked, bool& cut) const
{
    Renderer r(xml_, max, true);
    r.children(node);
    cut = r.full();
    if (cut && max == line_max) ++lines_cut_;
    walked += r.walked();
    return r.take();
}

Narrative::Resolved Narrative::resolve(std::string_view reference, std::size_t max)
{
    while (!reference.empty() && is_blank(reference.front())) reference.remove_prefix(1);
    while (!reference.empty() && is_blank(reference.back())) reference.remove_suffix(1);
    if (reference.starts_with('#')) reference.remove_prefix(1);
    const pugi::xml_node target = reference.empty() ? pugi::xml_node() : xml_.by_id(reference);
    if (!target) return {};
    if (spent_ > document_max || walked_ > walked_max) {
        ++references_cut_;
        return {{}, true};
    }
    if (spent_ > document_max / 2) max = std::min(max, reference_short);
    Resolved out;
    out.text = line(target, max, walked_, out.cut);
    if (out.cut && max != line_max) ++references_cut_;
    spent_ += out.text.size();
    return out;
}

Narrative::Words Narrative::text_of(pugi::xml_node ed, std::size_t max)
{
    Words own;
    std::uint64_t walked = 0;
    own.text = line(ed, line_max, walked, own.cut);
    if (own.text.empty()) return referred(ed, max);
    own.reference = ed.child("reference").attribute("value").value();
    return own;
}

Narrative::Words Narrative::referred(pugi::xml_node ed, std::size_t max)
{
    const std::string_view value = ed.child("reference").attribute("value").value();
    if (value.empty()) return {};
    auto resolved = resolve(value, max);
    const bool whole = !resolved.cut && !resolved.text.empty();
    return {std::move(resolved.text), whole ? std::string() : std::string(value), resolved.cut};
}

}  // namespace direct::ccda
