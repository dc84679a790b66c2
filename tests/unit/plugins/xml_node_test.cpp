// The document as an array says what the parser's tree says, and names that have a number mean what their letters mean.
#include "plugins/xml_node.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <pugixml.hpp>
#include <random>
#include <string>
#include <vector>

#include "plugins/xml_view.h"

namespace {

using namespace direct;

constexpr XmlNamespace plain[] = {{"urn:x", ""}};

/// Names of the list, beginnings of them, longer ones, and such as are in no list.
const std::vector<std::string> some_names = {
    "act", "actR", "actReference", "code", "codes", "cod", "value", "Value", "x", "entryRelationshipOfNobody",
    "br",  "b"};

class Maker {
public:
    explicit Maker(unsigned seed) : random_(seed) {}
    std::string document() { return "<root xmlns='urn:x'>" + inside(0) + "</root>"; }

private:
    std::size_t below(std::size_t n) { return random_() % n; }
    std::string inside(int depth)
    {
        std::string out;
        for (std::size_t left = below(5); left > 0; --left) {
            if (below(4) == 0) out += below(2) ? "words &amp; more" : "<![CDATA[<words>]]>";
            if (depth < 6) out += element(depth);
        }
        return out;
    }
    std::string element(int depth)
    {
        const auto& name = some_names[below(some_names.size())];
        std::string out = "<" + name;
        for (std::size_t i = 0, n = below(4); i < n; ++i)
            out += " " + some_names[(below(4) * 3 + i) % some_names.size()] + std::to_string(i) + "='v" +
                   std::to_string(below(99)) + "'";
        if (below(2)) out += " code='of it'";
        return out + ">" + inside(depth + 1) + "</" + name + ">";
    }
    std::mt19937 random_;
};

/// Elements, attributes and words, in order, as text.
template <class Node>
std::string told(Node node)
{
    if (node.type() != ::pugi::node_element) return std::string("[") + node.value() + "]";
    std::string out = std::string("(") + node.name();
    for (auto a = node.first_attribute(); a; a = a.next_attribute())
        if (std::string_view(a.name()) != "xmlns") out += std::string(" ") + a.name() + "=" + a.value();
    for (auto child = node.first_child(); child; child = child.next_sibling()) {
        BOOST_REQUIRE(child.parent() == node);
        out += told(child);
    }
    return out + ")";
}

// What a look-up by name finds from each node on.
template <class Node>
std::string found(Node node)
{
    std::string out;
    for (const auto& name : some_names) {
        const auto child = node.child(name.c_str());
        out += std::string(child.name()) + child.attribute("code").value() + child.child_value() + "|" +
               child.next_sibling(name.c_str()).attribute(name.c_str()).value() + ",";
    }
    for (auto child = node.first_child(); child; child = child.next_sibling()) out += found(child);
    return out;
}

BOOST_AUTO_TEST_CASE(the_array_says_what_the_parsers_tree_says)
{
    for (unsigned seed = 0; seed < 300; ++seed) {
        const auto document = Maker(seed).document();
        ::pugi::xml_document tree;
        BOOST_REQUIRE(tree.load_string(document.c_str()));
        XmlView view(plain);
        BOOST_REQUIRE(view.load(document, "") == XmlView::Verdict::good);
        BOOST_TEST(told(view.root()) == told(tree.document_element()), "seed " << seed << ": " << document);
        BOOST_TEST(found(view.root()) == found(tree.document_element()), "seed " << seed << ": " << document);
    }
}

BOOST_AUTO_TEST_CASE(each_name_of_the_list_is_found_and_no_other)
{
    BOOST_TEST(std::is_sorted(std::begin(xml_names), std::end(xml_names)));
    const auto number = [](std::string name) {
        name.append(8, '\0');  // what find_xml_name() may read behind it
        return find_xml_name(name.c_str());
    };
    std::uint16_t next = 0;
    for (const auto name : xml_names) {
        ++next;
        BOOST_TEST(number(std::string(name)) == next, name);
        BOOST_TEST(xml_name_id(name) == next, name);
        for (const auto& other : {std::string(name) + "X", std::string(name.substr(0, name.size() - 1)) + "~",
                                  "x:" + std::string(name) + "~"}) {
            BOOST_TEST(number(other) == 0u, other);
            BOOST_TEST(xml_name_id(other) == 0u, other);
        }
    }
    for (const std::string other : {"", "a", "~", ":", "x:y"}) BOOST_TEST(number(other) == 0u, other);
}

BOOST_AUTO_TEST_CASE(some_names_are_told_apart_by_one_look)
{
    constexpr XmlNames names("code", "value", "act");
    BOOST_TEST(names.place(xml_name_id("value")) == 1u);
    BOOST_TEST(names.place(xml_name_id("act")) == 2u);
    BOOST_TEST(names.place(xml_name_id("entry")) == names.size());
    BOOST_TEST(names.place(std::uint16_t{0}) == names.size());
    BOOST_TEST(!names.has(XmlNode()));
}

BOOST_AUTO_TEST_CASE(as_many_attributes_as_are_allowed_stand_before_what_is_inside)
{
    std::string document = "<root xmlns='urn:x'><act";
    for (int i = 0; i < XmlView::attributes_max; ++i) document += " a" + std::to_string(i) + "='v'";
    XmlView view(plain);
    BOOST_REQUIRE(view.load(document + "><code/></act></root>", "") == XmlView::Verdict::good);
    const auto act = view.root().first_child();
    int number = 0;
    for (auto a : act.attributes()) number += a.value()[0] == 'v';
    BOOST_TEST(number == XmlView::attributes_max);
    BOOST_TEST(act.first_child().name() == std::string("code"));
    XmlView too_many(plain);
    BOOST_TEST((too_many.load(document + " b='v'/></root>", "") == XmlView::Verdict::limit));
}

BOOST_AUTO_TEST_CASE(the_empty_node_has_nothing_in_it)
{
    const XmlNode none;
    BOOST_TEST(!none.child("code").attribute("value").next_attribute());
    BOOST_TEST(!none.first_child().next_sibling("act").parent());
    BOOST_TEST(none.name() == std::string());
    BOOST_TEST(none.child_value() == std::string());
    BOOST_TEST(none.words().empty());
    for ([[maybe_unused]] auto child : none.children()) BOOST_TEST(false);
}

}  // namespace
