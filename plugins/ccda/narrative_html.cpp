// narrative_html.cpp - see narrative_html.h.
#include "plugins/ccda/narrative_html.h"

namespace direct::ccda {
namespace {

std::string_view tag_of(const NarrativeNode& n)
{
    switch (n.markup) {
        case Markup::paragraph:
            return n.has_block ? "div" : "p";
        case Markup::unordered:
            return "ul";
        case Markup::ordered:
            return "ol";
        case Markup::item:
        case Markup::caption_item:
            return "li";
        case Markup::table:
            return "table";
        case Markup::head:
            return "thead";
        case Markup::body:
            return "tbody";
        case Markup::foot:
            return "tfoot";
        case Markup::row:
            return "tr";
        case Markup::head_cell:
            return "th";
        case Markup::cell:
            return "td";
        case Markup::column:
            return "col";
        case Markup::caption:
            return "caption";
        case Markup::caption_block:
        case Markup::block:
            return "div";
        case Markup::line_break:
            return "br";
        case Markup::sub:
            return "sub";
        case Markup::sup:
            return "sup";
        case Markup::footnote_ref:
            return "a";
        case Markup::link:
            return n.text.starts_with('#') ? "a" : "span";
        case Markup::words:
        case Markup::content:
        case Markup::media:
        case Markup::footnote:
            break;
    }
    return "span";
}

std::string_view class_of(Markup m)
{
    switch (m) {
        case Markup::caption_item:
        case Markup::caption_block:
            return "caption";
        case Markup::link:
            return "link";
        case Markup::media:
            return "media";
        case Markup::footnote:
            return "footnote";
        case Markup::footnote_ref:
            return "footnote-ref";
        default:
            return "";
    }
}

bool is_inline(Markup m)
{
    switch (m) {
        case Markup::words:
        case Markup::content:
        case Markup::sub:
        case Markup::sup:
        case Markup::link:
        case Markup::media:
        case Markup::footnote:
        case Markup::footnote_ref:
            return true;
        default:
            return false;
    }
}

bool is_void(Markup m)
{
    return m == Markup::line_break || m == Markup::column;
}

// Addresses that may be read on a page. Others (javascript:, data:, what has no name yet) say nothing to a reader.
bool is_readable_address(std::string_view href)
{
    const auto colon = href.find(':');
    if (colon == href.npos || href.find_first_of("/?#") < colon) return true;  // a name of a file
    std::string scheme(href.substr(0, colon));
    for (char& c : scheme)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    for (auto known : {"http", "https", "ftp", "mailto", "tel", "urn"})
        if (scheme == known) return true;
    return false;
}

class Printer {
public:
    Printer(const std::vector<NarrativeNode>& nodes, std::size_t max) : nodes_(nodes), max_(max) {}

    NarrativeHtml print()
    {
        for (std::uint32_t i = 0; i < nodes_.size() && !cut_; ++i) {
            leave(i);
            if (nodes_[i].markup == Markup::words)
                words(nodes_[i].text);
            else
                enter(i);
        }
        leave(static_cast<std::uint32_t>(nodes_.size()));
        if (!any_) return {"", cut_};
        return {std::move(out_), cut_};
    }

private:
    void enter(std::uint32_t number)
    {
        const NarrativeNode& n = nodes_[number];
        if (n.blank_before) blank_ = true;
        if (out_.size() >= max_) {
            cut_ = true;
            return;
        }
        const bool in_line = is_inline(n.markup);
        if (in_line && blank_ && !fresh_) out_ += ' ';
        if (in_line && blank_) blank_ = false;
        // A span that says nothing is none.
        if (n.markup == Markup::content && !n.styles && n.id.empty()) return;
        const auto tag = tag_of(n);
        out_ += '<';
        out_ += tag;
        attributes(number, n);
        out_ += is_void(n.markup) ? "/>" : ">";
        if (!in_line) blank_ = false, fresh_ = true;
        if (n.markup == Markup::media || n.markup == Markup::footnote_ref) marker(n.text);
        if (!is_void(n.markup)) open_.push_back(number);
    }

    void attributes(std::uint32_t number, const NarrativeNode& n)
    {
        std::string classes(number == 0 ? "narrative" : class_of(n.markup));
        constexpr const char* names[] = {"bold", "italics", "underline", "emphasis", "inserted", "deleted"};
        for (unsigned bit = 0; n.styles >> bit; ++bit)
            if (n.styles >> bit & 1) classes += (classes.empty() ? "" : " ") + std::string(names[bit]);
        attribute("class", classes);
        if (!n.id.empty()) attribute("id", narrative_anchor(n.id));
        if (n.columns > 1)
            attribute(n.markup == Markup::column ? "span" : "colspan", std::to_string(n.columns));
        if (n.rows > 1) attribute("rowspan", std::to_string(n.rows));
        if (n.markup == Markup::footnote_ref && !n.text.empty())
            attribute("href", "#" + narrative_anchor(n.text));
        if (n.markup == Markup::link && n.text.starts_with('#'))
            attribute("href", "#" + narrative_anchor(n.text.substr(1)));
    }
    // Values are of our own making: nothing in them needs an escape.
    void attribute(std::string_view name, const std::string& value)
    {
        if (value.empty()) return;
        out_ += ' ';
        out_ += name;
        out_ += "=\"";
        out_ += value;
        out_ += '"';
    }

    // What a reader sees of a picture or a footnote's mark.
    void marker(std::string_view id)
    {
        if (id.empty()) return;
        fresh_ = true;
        words("[");
        fresh_ = true;
        words(id);
        words("]");
    }

    void leave(std::uint32_t at)
    {
        while (!open_.empty() && (cut_ || nodes_[open_.back()].end <= at)) {
            const NarrativeNode& n = nodes_[open_.back()];
            open_.pop_back();
            if (n.markup == Markup::link && !cut_) address(n.text);
            if (cut_ && open_.empty()) out_ += "<div class=\"cut\">[…]</div>";
            out_ += "</";
            out_ += tag_of(n);
            out_ += '>';
            if (!is_inline(n.markup)) blank_ = false, fresh_ = true;
        }
    }

    // Where a link would have led, for the reader's eyes only.
    void address(std::string_view href)
    {
        if (href.empty() || href.starts_with('#') || !is_readable_address(href)) return;
        if (out_.ends_with(href)) return;  // the words said it
        out_ += " <span class=\"href\">(";
        fresh_ = true;
        words(href);
        out_ += ")</span>";
    }

    // Blanks become one, and none at the beginning of a line.
    void words(std::string_view s)
    {
        std::size_t i = 0;
        while (i < s.size()) {
            if (is_blank(s[i])) {
                blank_ = true;
                ++i;
                continue;
            }
            if (blank_ && !fresh_) out_ += ' ';
            blank_ = fresh_ = false;
            any_ = true;
            // A single blank between words is what will be written anyway.
            std::size_t to = i + 1;
            while (to < s.size() &&
                   (!is_blank(s[to]) || (s[to] == ' ' && to + 1 < s.size() && !is_blank(s[to + 1]))))
                ++to;
            if (!phrase(s.substr(i, to - i))) return;
            i = to;
        }
    }
    static bool is_blank(char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F; }
    static bool needs_escape(char c) { return c == '&' || c == '<' || c == '>' || c == '"' || c == '\''; }

    // Words without blanks to mend. False: `max` is reached, and what fits was written.
    bool phrase(std::string_view s)
    {
        while (!s.empty()) {
            std::size_t plain = 0;
            while (plain < s.size() && !needs_escape(s[plain])) ++plain;
            if (out_.size() + plain >= max_) {
                std::size_t fits = max_ > out_.size() ? max_ - out_.size() : 0;
                while (fits && fits < s.size() && (static_cast<unsigned char>(s[fits]) & 0xC0) == 0x80)
                    --fits;
                out_.append(s, 0, fits);
                cut_ = true;
                return false;
            }
            out_.append(s, 0, plain);
            if (plain == s.size()) return true;
            out_ += escaped(s[plain]);
            s.remove_prefix(plain + 1);
        }
        return true;
    }
    static std::string_view escaped(char c)
    {
        switch (c) {
            case '&':
                return "&amp;";
            case '<':
                return "&lt;";
            case '>':
                return "&gt;";
            case '"':
                return "&quot;";
            default:
                return "&#39;";
        }
    }

    const std::vector<NarrativeNode>& nodes_;
    const std::size_t max_;
    std::string out_;
    std::vector<std::uint32_t> open_;
    bool blank_ = false, fresh_ = true, any_ = false, cut_ = false;
};

}  // namespace

NarrativeHtml narrative_html(const NarrativeTree& tree, std::size_t max)
{
    return Printer(tree.nodes(), max).print();
}

std::string narrative_anchor(std::string_view id)
{
    constexpr char hex[] = "0123456789abcdef";
    std::string out = "n-";
    for (const char ch : id) {
        const auto c = static_cast<unsigned char>(ch);
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
            c == '.' || c == '_') {
            out += ch;
        } else {
            out += '~';
            out += hex[c >> 4];
            out += hex[c & 15];
        }
    }
    return out;
}

}  // namespace direct::ccda
