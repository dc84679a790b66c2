// The narrative as HTML: rebuilt from an allow-list, whatever the document's markup tries; and what becomes of more words
// than the document object takes.
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <set>

#include "tests/support/vectors.h"
#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;
using nlohmann::json;

namespace {

std::string with_body(const std::string& inside)
{
    return "<ClinicalDocument xmlns=\"urn:hl7-org:v3\" "
           "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">"
           "<component><structuredBody>" +
           inside + "</structuredBody></component></ClinicalDocument>";
}

std::string section(const std::string& text)
{
    return "<component><section><title>T</title><text>" + text + "</text></section></component>";
}

Told read(const std::string& text)
{
    return ccda().read(with_body(section(text)));
}

json only_section(const std::string& text)
{
    return read(text).document.at("sections").at(0);
}

// Without the outermost div.
std::string html(const std::string& text)
{
    const std::string out = only_section(text).value("narrativeHtml", ""),
                      begin = "<div class=\"narrative\">";
    if (out.empty()) return "";
    BOOST_TEST_REQUIRE(out.starts_with(begin));
    BOOST_TEST_REQUIRE(out.ends_with("</div>"));
    return out.substr(begin.size(), out.size() - begin.size() - 6);
}

const std::set<std::string> elements = {"div",  "p",     "ul",    "ol",    "li", "table", "caption",
                                        "col",  "thead", "tbody", "tfoot", "tr", "th",    "td",
                                        "span", "sub",   "sup",   "a",     "br"};
const std::set<std::string> attributes = {"class", "id", "colspan", "rowspan", "span", "href"};

bool is_value(const std::string& s)
{
    return s.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~# ") ==
           s.npos;
}

// One tag between < and >; what is wrong with it, or "".
std::string look_at_tag(std::string tag, std::vector<std::string>& open)
{
    if (tag.starts_with("/")) {
        if (open.empty() || open.back() != tag.substr(1)) return "closes nothing: " + tag;
        open.pop_back();
        return "";
    }
    const bool ends = tag.ends_with("/");
    if (ends) tag.pop_back();
    const auto blank = tag.find(' ');
    const std::string name = tag.substr(0, blank);
    if (!elements.contains(name)) return "element " + name;
    if (!ends) open.push_back(name);
    std::string rest = blank == tag.npos ? "" : tag.substr(blank + 1);
    while (!rest.empty()) {
        const auto eq = rest.find("=\""), quote = rest.find('"', eq + 2);
        if (eq == rest.npos || quote == rest.npos) return "attribute " + rest;
        const std::string value = rest.substr(eq + 2, quote - eq - 2);
        if (!attributes.contains(rest.substr(0, eq)) || !is_value(value)) return "attribute " + rest;
        if (rest.starts_with("href") && !value.starts_with("#n-")) return "leads out: " + value;
        rest.erase(0, quote + 1);
        if (rest.starts_with(" ")) rest.erase(0, 1);
    }
    return "";
}

// What in it is not of our making: "" when all of it is balanced and from the table.
std::string trouble_in(const std::string& out)
{
    std::vector<std::string> open;
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (out[i] == '>' || out[i] == '"' || out[i] == '\'') return "a bare " + std::string(1, out[i]);
        if (out[i] == '&') {
            bool known = false;
            for (const char* e : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"})
                known = known || out.compare(i, std::string(e).size(), e) == 0;
            if (!known) return "a bare &";
        }
        if (out[i] != '<') continue;
        const auto end = out.find('>', i);
        if (end == out.npos) return "an open tag";
        if (auto wrong = look_at_tag(out.substr(i + 1, end - i - 1), open); !wrong.empty()) return wrong;
        i = end;
    }
    return open.empty() ? "" : "not closed: " + open.back();
}

struct Case {
    const char *text, *html;
};
std::ostream& operator<<(std::ostream& out, const Case& c)
{
    return out << c.text;
}

const Case plain[] = {
    {"just words", "just words"},
    {"", ""},
    {" \n ", ""},
    {"<table><tr><td/></tr></table>", ""},
    {"<paragraph>one</paragraph><paragraph>two</paragraph>", "<p>one</p><p>two</p>"},
    {"<paragraph>a<br/>b</paragraph>", "<p>a<br/>b</p>"},
    {"<list><item>a</item><item>b</item></list>", "<ul><li>a</li><li>b</li></ul>"},
    {"<list listType=\"ordered\"><caption>C</caption><item>a</item></list>",
     "<ol><li class=\"caption\">C</li><li>a</li></ol>"},
    {"<list><item>a<list><item>b</item></list></item></list>", "<ul><li>a<ul><li>b</li></ul></li></ul>"},
    {"<table border=\"1\" width=\"100%\"><caption>C</caption><colgroup span=\"2\"/><col "
     "span=\"2\"/><thead><tr><th>A</th>"
     "</tr></thead><tfoot><tr><td>F</td></tr></tfoot><tbody><tr><td colspan=\"2\" "
     "rowspan=\"3\">1</td></tr></tbody></table>",
     "<table><caption>C</caption><col span=\"2\"/><col "
     "span=\"2\"/><thead><tr><th>A</th></tr></thead><tfoot><tr><td>F</td>"
     "</tr></tfoot><tbody><tr><td colspan=\"2\" rowspan=\"3\">1</td></tr></tbody></table>"},
    {"<table><colgroup span=\"5\"><col/><col/></colgroup><tr><td>1</td></tr></table>",
     "<table><col/><col/><tr><td>1</td></tr></table>"},
    {"<content styleCode=\"Bold\">a</content> <content styleCode=\"BoldItalics xSite\">b</content>",
     "<span class=\"bold\">a</span> <span class=\"bold italics\">b</span>"},
    {"<content styleCode=\"Underline Emphasis\">a</content>", "<span class=\"underline emphasis\">a</span>"},
    {"<content>no</content> <content>style</content>", "no style"},
    {"<content revised=\"delete\">old</content><content revised=\"insert\">new</content>",
     "<span class=\"deleted\">old</span><span class=\"inserted\">new</span>"},
    {"H<sub>2</sub>O, m<sup>2</sup>", "H<sub>2</sub>O, m<sup>2</sup>"},
    {"<content ID=\"a1\">x</content>", "<span id=\"n-a1\">x</span>"},
    {"<content ID=\"a b&quot;&lt;_.\">x</content>", "<span id=\"n-a~20b~22~3c_.\">x</span>"},
    {"<linkHtml href=\"#a1\">see</linkHtml>", "<a class=\"link\" href=\"#n-a1\">see</a>"},
    {"<linkHtml href=\"http://x.example/?a&amp;b\">see</linkHtml>",
     "<span class=\"link\">see <span class=\"href\">(http://x.example/?a&amp;b)</span></span>"},
    {"<linkHtml href=\"plan.pdf\">plan.pdf</linkHtml>", "<span class=\"link\">plan.pdf</span>"},
    {"<renderMultiMedia referencedObject=\"MM1\"><caption>Chest</caption></renderMultiMedia>",
     "<span class=\"media\">[MM1]<div class=\"caption\">Chest</div></span>"},
    {"a<footnoteRef IDREF=\"f1\"/><footnote ID=\"f1\">why</footnote>",
     "a<a class=\"footnote-ref\" href=\"#n-f1\">[f1]</a><span class=\"footnote\" id=\"n-f1\">why</span>"},
    {"1 &lt; 2 &amp; 3 &gt; \"2\" 'x'", "1 &lt; 2 &amp; 3 &gt; &quot;2&quot; &#39;x&#39;"},
    {"<![CDATA[<b>a</b>]]>", "&lt;b&gt;a&lt;/b&gt;"},
    {"a&#1;b&#x7f;c\n\n  d", "a? b c d"},
};

// What stands where it may not.
const Case misplaced[] = {
    {"<table>words<td>1</td><td>2</td><tr>3<td>4</td></tr></table>",
     "<table><tr><td>words</td><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table>"},
    {"<list>words <content>on</content><item>a</item></list>", "<ul><li>words on</li><li>a</li></ul>"},
    {"<tr><td>1</td><td>2</td></tr>", "<div><div>1</div><div>2</div></div>"},
    {"<paragraph><td>1</td><td>2</td></paragraph>", "<div><div>1</div><div>2</div></div>"},
    {"<paragraph>a<table><tr><td>1</td></tr></table></paragraph>",
     "<div>a<table><tr><td>1</td></tr></table></div>"},
    {"<paragraph>a<content><paragraph>b</paragraph></content></paragraph>", "<div>a<p>b</p></div>"},
    {"<item>a</item><item>b</item>", "<div>a</div><div>b</div>"},
    {"<thead>x</thead><col span=\"2\">y</col>", "<div>x</div>y"},
    {"<br>a</br>", "<br/>a"},
    {"<p>a</p><div>b</div><h1>c</h1><b>d</b>", "<div>a</div><div>b</div>cd"},
    {"<table><tbody><tbody><tr><td>1</td></tr></tbody></tbody></table>",
     "<table><tbody><tr><td><div><div><div>1</div></div></div></td></tr></tbody></table>"},
};

// Nothing comes out but the words.
const Case hostile[] = {
    {"a<script>alert(1)</script>b", "ab"},
    {"a<style>x{background:url(http://x.example/)}</style>b", "ab"},
    {"a<iframe src=\"http://x.example/\">inside</iframe>b", "ab"},
    {"<img src=\"http://x.example/i.png\" onerror=\"alert(1)\"/>a", "a"},
    {"<paragraph onclick=\"alert(1)\" style=\"background:url(x)\" class=\"x\">a</paragraph>", "<p>a</p>"},
    {"<linkHtml href=\"javascript:alert(1)\">a</linkHtml>", "<span class=\"link\">a</span>"},
    {"<linkHtml href=\" jAvAsCrIpT:alert(1)\">a</linkHtml>", "<span class=\"link\">a</span>"},
    {"<linkHtml href=\"java&#10;script:alert(1)\">a</linkHtml>", "<span class=\"link\">a</span>"},
    {"<linkHtml href=\"data:text/html;base64,PHNjcmlwdD4=\">a</linkHtml>", "<span class=\"link\">a</span>"},
    {"<linkHtml href=\"#x&quot; onclick=&quot;alert(1)\">a</linkHtml>",
     "<a class=\"link\" href=\"#n-x~22~20onclick~3d~22alert~281~29\">a</a>"},
    {"<linkHtml href=\"http://x/&lt;script>\">a</linkHtml>",
     "<span class=\"link\">a <span class=\"href\">(http://x/&lt;script&gt;)</span></span>"},
    {"<content styleCode=\"Bold&quot; onclick=&quot;x\">a</content>", "<span class=\"bold\">a</span>"},
    {"<table><tr><td colspan=\"1001\" rowspan=\"-1\">a</td><td colspan=\"99999999999999999999\">b</td><td "
     "colspan=\"2x\">c"
     "</td><td colspan=\"1\">d</td><td colspan=\"1000\">e</td></tr></table>",
     "<table><tr><td>a</td><td>b</td><td>c</td><td>d</td><td colspan=\"1000\">e</td></tr></table>"},
    {"<html:script xmlns:html=\"http://www.w3.org/1999/xhtml\">x</html:script><x:td "
     "xmlns:x=\"urn:x\">a</x:td>",
     "<div>a</div>"},
    {"<renderMultiMedia referencedObject=\"&lt;img src=x>\"/>",
     "<span class=\"media\">[&lt;img src=x&gt;]</span>"},
    {"<!-- <script> --><?php x ?>a", "a"},
    {"<![CDATA[]]>&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;script&gt;alert(1)&lt;/script&gt;"},
    {"<content ID=\"twice\">a</content><content ID=\"twice\">b</content>", "<span id=\"n-twice\">a</span>b"},
};

std::string repeat(const std::string& s, std::size_t n)
{
    std::string out;
    while (n--) out += s;
    return out;
}

}  // namespace

BOOST_DATA_TEST_CASE(markup_of_the_narrative, plain, c)
{
    BOOST_TEST(html(c.text) == c.html);
    BOOST_TEST(trouble_in(html(c.text)) == "");
}

BOOST_DATA_TEST_CASE(what_stands_where_it_may_not, misplaced, c)
{
    BOOST_TEST(html(c.text) == c.html);
    BOOST_TEST(trouble_in(html(c.text)) == "");
}

BOOST_DATA_TEST_CASE(nothing_to_run_or_to_fetch, hostile, c)
{
    BOOST_TEST(html(c.text) == c.html);
    BOOST_TEST(trouble_in(html(c.text)) == "");
}

BOOST_AUTO_TEST_CASE(what_was_left_out_is_noted)
{
    BOOST_TEST(read("a<script>b</script>").notes.size() == 1u);
    BOOST_TEST(read("a<content>b</content>").notes.empty());
}

BOOST_AUTO_TEST_CASE(the_whole_block_may_have_an_anchor)
{
    const auto told = ccda().read(
        with_body("<component><section><title>T</title><text ID=\"all\">x</text></section></component>"));
    BOOST_TEST(told.document.at("sections").at(0).at("narrativeHtml") ==
               "<div class=\"narrative\" id=\"n-all\">x</div>");
}

BOOST_AUTO_TEST_CASE(deep_markup_becomes_its_words)
{
    const auto out = html(repeat("<list><item>", 30) + "deep" + repeat("</item></list>", 30) + "after");
    BOOST_TEST(out.find("deep") != out.npos);
    BOOST_TEST(out.ends_with("after"));
    std::size_t lists = 0;
    for (auto at = out.find("<ul>"); at != out.npos; at = out.find("<ul>", at + 1)) ++lists;
    BOOST_TEST(lists == 20u);
    BOOST_TEST(trouble_in(out) == "");
}

BOOST_AUTO_TEST_CASE(long_ids_and_addresses_are_left_away)
{
    BOOST_TEST(html("<content ID=\"" + std::string(128, 'i') + "\">x</content>").find("id=") == 6u);
    BOOST_TEST(html("<content ID=\"" + std::string(129, 'i') + "\">x</content>") == "x");
    BOOST_TEST(html("<linkHtml href=\"" + std::string(2000, 'h') + "\">x</linkHtml>").find("hhh") !=
               std::string::npos);
    BOOST_TEST(html("<linkHtml href=\"" + std::string(2001, 'h') + "\">x</linkHtml>") ==
               "<span class=\"link\">x</span>");
}

BOOST_AUTO_TEST_CASE(a_long_narrative_is_whole)
{
    // More than any known document has in all.
    const auto s = only_section("<paragraph>" + repeat("\xc3\xa4 \"q\" ", 120'000) + "</paragraph>");
    BOOST_TEST(s.at("narrative").get<std::string>().size() == 120'000u * 7 - 1);
    BOOST_TEST(!s.contains("narrativeCut"));
    BOOST_TEST(s.at("narrativeHtml").get<std::string>().ends_with("&quot;q&quot;</p></div>"));
}

BOOST_AUTO_TEST_CASE(a_narrative_too_long_is_cut_and_says_so)
{
    const auto told = read("<paragraph>" + repeat("\xc3\xa4", 4'000'000) + "</paragraph>");
    BOOST_TEST(told.items.empty());
    const auto& s = told.document.at("sections").at(0);
    BOOST_TEST(s.at("narrativeCut") == true);
    BOOST_TEST(s.at("narrative").get<std::string>().size() > 600'000u);
    const auto out = s.at("narrativeHtml").get<std::string>();
    BOOST_TEST(out.size() > 600'000u);
    BOOST_TEST(out.ends_with("\xc3\xa4</p><div class=\"cut\">[\xe2\x80\xa6]</div></div>"));
    BOOST_TEST(trouble_in(out) == "");
    BOOST_REQUIRE(told.skipped.size() == 1u);
    BOOST_TEST(told.skipped[0].second.find("cut") != std::string::npos);
    BOOST_TEST(told.document.dump().size() < 4u << 20);
}

BOOST_AUTO_TEST_CASE(markup_without_words_is_bounded_too)
{
    const auto told = read(
        "<table>" +
        repeat("<tr><td><list><item><content styleCode=\"BoldItalics\">.</content></item></list></td></tr>",
               80'000) +
        "</table>");
    const auto& s = told.document.at("sections").at(0);
    BOOST_TEST(s.at("narrativeCut") == true);
    BOOST_TEST(trouble_in(s.at("narrativeHtml").get<std::string>()) == "");
    BOOST_TEST(told.document.dump().size() < 4u << 20);
}

BOOST_AUTO_TEST_CASE(narratives_too_long_together_are_told_as_left_out)
{
    const auto told = ccda().read(with_body(repeat(section(std::string(850'000, 'a')), 3)));
    const auto& sections = told.document.at("sections");
    BOOST_REQUIRE(sections.size() == 3u);
    for (int i : {0, 1}) BOOST_TEST(sections[i].at("narrative").get<std::string>().size() == 850'000u);
    BOOST_TEST(sections[2].at("narrativeCut") == true);
    BOOST_TEST(told.skipped.size() == 1u);
    const auto more = ccda().read(with_body(repeat(section(std::string(700'000, 'a')), 12)));
    BOOST_TEST(more.document.at("sections").at(11).at("narrativeLeftOut") == true);
    BOOST_TEST(more.document.at("sections").at(11).at("path").get<std::string>().find("[12]") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_entry_may_be_a_long_note)
{
    const auto of_size = [](std::size_t n) {
        return ccda().read(with_body("<component><section><title>T</title><entry><act><text>" +
                                     std::string(n, 'n') + "</text></act></entry></section></component>"));
    };
    const auto whole = of_size((256u << 10) - 1);
    BOOST_TEST(whole.items.at(0).at("text").get<std::string>().size() == (256u << 10) - 1);
    BOOST_TEST(whole.skipped.empty());
    const auto cut = of_size(300u << 10);
    BOOST_TEST(cut.items.at(0).at("text").get<std::string>().size() == 256u << 10);
    BOOST_REQUIRE(cut.skipped.size() == 1u);
    BOOST_TEST(cut.skipped[0].second == "1 texts longer than 256 KB were cut");
}

BOOST_AUTO_TEST_CASE(words_beside_the_parts_of_an_address_are_kept)
{
    const auto told = ccda().read(
        "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><recordTarget><patientRole><addr>care of\n the owl "
        "<city>Testville</city> "
        "(back door)</addr><addr>1 Owl Lane</addr></patientRole></recordTarget></ClinicalDocument>");
    const json addresses = told.of("demographics").at(0).at("addresses");
    BOOST_TEST(addresses[0].at("text") == "care of the owl (back door)");
    BOOST_TEST(addresses[0].at("city") == "Testville");
    BOOST_TEST(addresses[1].at("text") == "1 Owl Lane");
}

BOOST_AUTO_TEST_CASE(every_narrative_of_the_corpus_is_of_our_making)
{
    namespace fs = std::filesystem;
    const std::string corpus = shared_dir().empty() ? "" : shared_dir() + "/corpus";
    if (corpus.empty() || !fs::exists(corpus)) {
        BOOST_TEST_MESSAGE("skipped: no ../shared/corpus here");
        return;
    }
    std::size_t narratives = 0;
    for (const auto& file : fs::recursive_directory_iterator(corpus)) {
        if (file.path().extension() != ".xml") continue;
        const Told told = ccda().read(read_file(file.path()));
        if (told.status != DIRECT_PARSED) continue;
        for (const auto& s : told.document.at("sections")) {
            BOOST_TEST(s.contains("narrative") == s.contains("narrativeHtml"));
            BOOST_TEST(!s.contains("narrativeCut"));
            BOOST_TEST(trouble_in(s.value("narrativeHtml", "")) == "", file.path());
            narratives += s.contains("narrativeHtml");
        }
    }
    BOOST_TEST(narratives > 300u);
}
