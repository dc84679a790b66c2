// Documents that want to hurt: what is refused, what is mended, what stays bounded.
#include <boost/test/unit_test.hpp>
#include <ctime>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;

namespace {

std::string cda(const std::string& inside)
{
    return "<ClinicalDocument xmlns=\"urn:hl7-org:v3\">" + inside + "</ClinicalDocument>";
}

std::string with_section(const std::string& inside)
{
    return cda("<component><structuredBody><component><section>" + inside +
               "</section></component></structuredBody></component>");
}

std::string repeat(const std::string& s, std::size_t n)
{
    std::string out;
    out.reserve(s.size() * n);
    while (n--) out += s;
    return out;
}

Told read(const std::string& bytes, const std::string& charset = "")
{
    return ccda().read(bytes, charset);
}

std::string title(const Told& told)
{
    return told.document.value("title", "");
}

std::string utf16(const std::string& ascii, bool little, bool mark)
{
    std::string out;
    if (mark) out += little ? "\xff\xfe" : "\xfe\xff";
    for (char c : ascii) out += little ? std::string{c, '\0'} : std::string{'\0', c};
    return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(recognised_by_its_root)
{
    BOOST_TEST(ccda().recognise(cda("")) == 90);
    BOOST_TEST(ccda().recognise("\xef\xbb\xbf \n<?xml version=\"1.0\"?><!-- <a> --><?pi x?>" + cda("")) ==
               90);
    BOOST_TEST(ccda().recognise("<x:ClinicalDocument xmlns:x=\"urn:hl7-org:v3\"/>") == 90);
    BOOST_TEST(ccda().recognise("<!DOCTYPE a [<!ENTITY b \"c\">]>" + cda("")) == 90);
    BOOST_TEST(ccda().recognise(utf16(cda(""), true, true)) == 90);
    BOOST_TEST(ccda().recognise(utf16(cda(""), false, false)) == 90);
    for (std::string other :
         {"", "<", "plain", "<html/>", "<ClinicalDocumentX/>", "%PDF-1.4", "{}", "<!-- <ClinicalDocument>"})
        BOOST_TEST(ccda().recognise(other) == 0, other);
}

BOOST_AUTO_TEST_CASE(another_namespace_is_not_ours)
{
    BOOST_TEST(read("<ClinicalDocument xmlns=\"urn:hl7-org:v2\"/>").status == DIRECT_NOT_MINE);
    BOOST_TEST(read("<a:ClinicalDocument xmlns:a=\"urn:hl7-org:v3x\"/>").status == DIRECT_NOT_MINE);
    const auto none = read("<ClinicalDocument/>");
    BOOST_TEST(none.status == DIRECT_PARSED);
    BOOST_TEST(none.document.value("kind", "") == "cda");
    BOOST_TEST(none.notes.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_doctype_is_refused)
{
    for (std::string doctype :
         {"<!DOCTYPE ClinicalDocument>", "<!DOCTYPE a SYSTEM \"http://127.0.0.1/x.dtd\">",
          "<!DOCTYPE a [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]>",
          "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>"}) {
        const auto told = read(doctype + cda("<title>&e;</title>"));
        BOOST_TEST(told.status == DIRECT_MALFORMED, doctype);
        BOOST_REQUIRE(told.notes.size() == 1u);
        BOOST_TEST(told.notes[0].find("document type") != std::string::npos);
        BOOST_TEST(told.items.empty());
    }
    // An entity nobody declared stays what it is.
    BOOST_TEST(title(read(cda("<title>&e; &amp;</title>"))) == "&e; &");
}

BOOST_AUTO_TEST_CASE(one_root_and_nothing_beside_it)
{
    BOOST_TEST(read(cda("") + cda("")).status == DIRECT_MALFORMED);
    BOOST_TEST(read(cda("") + "tail").status == DIRECT_MALFORMED);
    BOOST_TEST(read("head" + cda("")).status == DIRECT_MALFORMED);
    BOOST_TEST(read(cda("") + "\n <!-- fine --> \n").status == DIRECT_PARSED);
    BOOST_TEST(read("<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><a></b>").status == DIRECT_MALFORMED);
    BOOST_TEST(read("<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><a b=\"").status == DIRECT_MALFORMED);
    BOOST_TEST(read("").status == DIRECT_MALFORMED);
}

BOOST_AUTO_TEST_CASE(sizes_are_bounded)
{
    BOOST_TEST(read(cda(repeat("<a>", 99) + repeat("</a>", 99))).status == DIRECT_PARSED);
    BOOST_TEST(read(cda(repeat("<a>", 100) + repeat("</a>", 100))).status == DIRECT_LIMIT);
    BOOST_TEST(read(cda(repeat("<a/>", 499'999))).status == DIRECT_PARSED);
    BOOST_TEST(read(cda(repeat("<a/>", 500'000))).status == DIRECT_LIMIT);
    BOOST_TEST(read(cda(repeat("<a/>", 1'100'000))).status == DIRECT_LIMIT);
    std::string attributes = "<a";
    for (int i = 0; i < 257; ++i) attributes += " a" + std::to_string(i) + "=\"\"";
    BOOST_TEST(read(cda(attributes + "/>")).status == DIRECT_LIMIT);
    std::string scopes, ends;
    for (int level = 0; level < 9; ++level) {
        scopes += "<a";
        for (int i = 0; i < 30; ++i) scopes += " xmlns:p" + std::to_string(level * 30 + i) + "=\"urn:x\"";
        scopes += ">";
        ends += "</a>";
    }
    BOOST_TEST(read(cda(scopes + ends)).status == DIRECT_LIMIT);
    BOOST_TEST(read(cda("<title>" + std::string(33u << 20, 'x') + "</title>")).status == DIRECT_LIMIT);
}

BOOST_AUTO_TEST_CASE(characters_that_are_none)
{
    BOOST_TEST(title(read(cda("<title>a&#0;b</title>"))) == "a? b");
    BOOST_TEST(title(read(cda("<title>a&#xD800;b</title>"))).starts_with("a?"));
    BOOST_TEST(title(read(cda("<title>a&#x1F600;b</title>"))) ==
               "a\xF0\x9F\x98\x80"
               "b");
    BOOST_TEST(title(read(cda("<title>a&#99999999999;b</title>"))).ends_with("b"));
    BOOST_TEST(title(read(cda("<title>gr\xc3\xbc\xc3\x9f a\xff\xc3.b</title>"))) ==
               "gr\xc3\xbc\xc3\x9f a?"
               "?.b");
    BOOST_TEST(title(read(cda(std::string("<title>a\0b</title>", 18)))) == "a b");
    BOOST_TEST(read(cda("<title>\xff</title>")).notes.size() == 1u);
    BOOST_TEST(title(read(cda("<title><![CDATA[a <b> & c]]></title>"))) == "a <b> & c");
}

BOOST_AUTO_TEST_CASE(encodings)
{
    const std::string body = cda("<title>gr\xfc\xdf \x80 \x93q\x94</title>");
    const std::string utf8 = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xe2\x80\x9cq\xe2\x80\x9d";
    BOOST_TEST(title(read("<?xml version=\"1.0\" encoding=\"windows-1252\"?>" + body)) == utf8);
    BOOST_TEST(title(read("<?xml version=\"1.0\" encoding='ISO-8859-1'?>" + body)) == utf8);
    BOOST_TEST(title(read(body, "Windows-1252")) == utf8);
    // Nobody said so, or said UTF-8: it can be nothing else.
    BOOST_TEST(title(read(body)) == utf8);
    BOOST_TEST(title(read("<?xml version=\"1.0\" encoding=\"UTF-8\"?>" + body)) == utf8);
    // The declaration wins over the charset parameter, the mark over both; the quarrel is noted.
    const auto told =
        read("<?xml version=\"1.0\" encoding=\"utf-8\"?>" + cda("<title>\xc3\xbc</title>"), "windows-1252");
    BOOST_TEST(title(told) == "\xc3\xbc");
    BOOST_TEST(told.notes.size() == 1u);
    const std::string marked =
        "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"windows-1252\"?>" + cda("<title>\xc3\xbc</title>");
    BOOST_TEST(title(read(marked)) == "\xc3\xbc");
    for (bool little : {true, false})
        for (bool mark : {true, false})
            BOOST_TEST(title(read(utf16(cda("<title>wide</title>"), little, mark))) == "wide");
    // Declared UTF-16 on bytes that are none.
    BOOST_TEST(title(read("<?xml version=\"1.0\" encoding=\"utf-16\"?>" + cda("<title>narrow</title>"))) ==
               "narrow");
    BOOST_TEST(read("<?xml version=\"1.0\" encoding=\"utf-7\"?>" + cda("")).notes.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_thousand_references_to_one_text_stay_small)
{
    std::string entries;
    for (int i = 0; i < 20000; ++i)
        entries += "<entry><observation><text><reference value=\"#x\"/></text></observation></entry>";
    const std::string bytes =
        with_section("<templateId root=\"2.16.840.1.113883.10.20.22.2.6\"/><text><content ID=\"x\">" +
                     std::string(1u << 20, 'x') + "</content></text>" + entries);
    const auto from = std::clock();  // of CPU: what else the machine does is no fault of ours
    const auto told = read(bytes);
    BOOST_TEST(told.status == DIRECT_PARSED);
    std::size_t total = 0;
    for (auto& i : told.items) total += i.value("text", "").size();
    BOOST_TEST(told.of("allergies").size() == 20000u);
    BOOST_TEST(total < 5u << 20);
    BOOST_TEST((std::clock() - from < 20 * CLOCKS_PER_SEC));
}

// Elements without words cost as much as words: what references walk is counted.
BOOST_AUTO_TEST_CASE(a_thousand_references_to_many_elements_end)
{
    for (const std::string& nothing : {repeat("<br/>", 100'000), std::string(100'000, ' ')}) {
        const auto told = read(with_section(
            "<templateId root=\"2.16.840.1.113883.10.20.22.2.6\"/><text><content ID=\"x\">" + nothing +
            "inmost</content></text>" +
            repeat("<entry><observation><text><reference value=\"#x\"/></text></observation></entry>", 200)));
        BOOST_TEST(told.status == DIRECT_PARSED);
        const auto items = told.of("allergies");
        BOOST_REQUIRE(items.size() == 200u);
        BOOST_TEST(at(items.front(), "/text") == "inmost");
        BOOST_TEST(items.back().dump().find("inmost") == std::string::npos);
        BOOST_TEST(items.back().dump().find("#x") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(references_to_oneself_end)
{
    const auto told = read(with_section(
        "<templateId root=\"2.16.840.1.113883.10.20.22.2.6\"/><text ID=\"t\"><content ID=\"t\">first"
        "</content></text><entry><observation ID=\"o\"><text><reference value=\"#o\"/></text>"
        "<code><originalText><reference value=\"#t\"/></originalText></code></observation></entry>"));
    BOOST_REQUIRE(told.of("allergies").size() == 1u);
    BOOST_TEST(told.of("allergies")[0].at("code").at("originalText") == "first");
}

BOOST_AUTO_TEST_CASE(what_stands_where_it_should_not_is_heard_or_told)
{
    const auto told = read(
        cda("<component><structuredBody><component><section><title>Procedures</title><entry><procedure><code "
            "code=\"a\"/></procedure><act><code code=\"b\"/></act></entry></section></component>"
            "<component><nothing/></component></structuredBody></component>"));
    BOOST_REQUIRE(told.of("procedures").size() == 2u);
    BOOST_TEST(told.items[1].at("code").at("code") == "b");
    BOOST_TEST(told.items[1].at("path").get<std::string>().ends_with("/section/entry[1]/*[2]"));
    BOOST_REQUIRE(told.skipped.size() == 1u);
    BOOST_TEST(told.skipped[0].second == "component without a section");
}

BOOST_AUTO_TEST_CASE(a_header_too_long_is_told_as_left_out)
{
    const std::string person = "<participant><associatedEntity><associatedPerson><name>" +
                               std::string(1000, 'n') +
                               "</name></associatedPerson></associatedEntity>"
                               "</participant>";
    const auto told = read(cda("<title>T</title>" + repeat(person, 1000)));
    BOOST_TEST(told.status == DIRECT_PARSED);
    BOOST_TEST(told.of("header_participants").size() == 1000u);
    BOOST_TEST(title(told) == "T");
    BOOST_TEST(told.document.at("headerLeftOut") == true);
    BOOST_TEST(!told.document.contains("participants"));
    BOOST_REQUIRE(told.skipped.size() == 1u);
    BOOST_TEST(told.skipped[0].first == "document");
}

BOOST_AUTO_TEST_CASE(base64_of_a_body_is_read_as_written_or_refused)
{
    const auto file = [](const std::string& letters) {
        const auto told = read(cda("<component><nonXMLBody><text representation=\"B64\">" + letters +
                                   "</text></nonXMLBody></component>"));
        if (told.children.empty()) BOOST_TEST(told.skipped.size() == 1u);
        return told.children.empty() ? "refused" : told.children[0].second;
    };
    for (const char* same : {"YWJjZGVmZw==", " YW\nJj ZG VmZ w = = ", "YWJjZGVmZw", "YWJjZ\r\n\tGVmZw="})
        BOOST_TEST(file(same) == "abcdefg");
    BOOST_TEST(file("YWJjZGVm") == "abcdef");
    BOOST_TEST(file("YWJjZGVmZ2g=") == "abcdefgh");
    for (const char* bad : {"YWJjZ", "YWJj===", "YW==Jj", "YWJj-", "YW\xc3\xa4", "=", ""})
        BOOST_TEST(file(bad) == "refused");
    std::string line, long_one;
    for (int i = 0; i < 19; ++i) line += "YWJj";
    for (int i = 0; i < 1000; ++i) long_one += line + "\n";
    BOOST_TEST(file(long_one) == repeat("abc", 19'000));
}

// No element can take the name of a member that is ours: the reader of these tests refuses a member said twice.
BOOST_AUTO_TEST_CASE(elements_named_like_our_members)
{
    const std::string names =
        "<time value=\"2000\"/><patient><name>x</name></patient><name>n</name><kind/><type/><path/><rest/>"
        "<status/><performer/><participants/><service/><items>5</items><patient/><related/><act/>";
    const auto told = read(cda(
        "<recordTarget><patientRole>" + names + "<patient>" + names +
        "</patient></patientRole></recordTarget>"
        "<relatedDocument typeCode=\"RPLC\"><parentDocument typeCode=\"APND\">" +
        names +
        "</parentDocument></relatedDocument><documentationOf typeCode=\"A\"><serviceEvent typeCode=\"B\">" +
        names + "</serviceEvent></documentationOf><componentOf><encompassingEncounter>" + names +
        "</encompassingEncounter></componentOf><author>" + names + "</author>" + names +
        "<component><structuredBody><component><section><title>Procedures</title>" + names +
        "<entry><procedure>" + names +
        "</procedure></entry></section></component></structuredBody>"
        "</component>"));
    BOOST_TEST(told.status == DIRECT_PARSED);
    BOOST_TEST(told.document.at("relatedDocuments").at(0).at("typeCode") == "RPLC");
    BOOST_TEST(told.document.at("rest").at("time").at("value") == "2000");
    BOOST_TEST(told.document.at("sections").at(0).at("name") == "procedures");
    BOOST_TEST(told.document.at("sections").at(0).at("rest").at("time").at("value") == "2000");
    BOOST_TEST(told.of("procedures").size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_header_nested_too_deep_is_cut)
{
    const std::string deep = repeat("<asOrganizationPartOf><wholeOrganization>", 40) + "<name>inmost</name>" +
                             repeat("</wholeOrganization></asOrganizationPartOf>", 40);
    const auto told = read(cda("<author><assignedAuthor><representedOrganization>" + deep +
                               "</representedOrganization></assignedAuthor></author>"));
    BOOST_TEST(told.status == DIRECT_PARSED);
    BOOST_TEST(told.of("header_authors").size() == 1u);
    BOOST_TEST(told.document.contains("author"));
    BOOST_TEST(told.skipped.size() == (told.items[0].dump().find("inmost") == std::string::npos ? 2u : 0u));
}

BOOST_AUTO_TEST_CASE(an_unstructured_body_is_a_document_of_its_own)
{
    const auto body = [](const std::string& text) {
        return cda("<component><nonXMLBody>" + text + "</nonXMLBody></component>");
    };
    auto told =
        read(body("<text mediaType=\"application/pdf\" representation=\"B64\"> JVBERi\n0xLjc= </text>"));
    BOOST_REQUIRE(told.children.size() == 1u);
    BOOST_TEST(told.children[0].first == "application/pdf");
    BOOST_TEST(told.children[0].second == "%PDF-1.7");
    told = read(body("<text representation=\"B64\">not base64!</text>"));
    BOOST_TEST(told.children.empty());
    BOOST_TEST(told.skipped.size() == 1u);
    told = read(body("<text mediaType=\"text/plain\">just words</text>"));
    BOOST_TEST(told.of("nonXMLBody", "body").size() == 1u);
    BOOST_TEST(told.document.at("sections").at(0).at("name") == "nonXMLBody");
    BOOST_TEST(told.document.at("sections").at(0).at("narrative") == "just words");
    BOOST_REQUIRE(told.children.size() == 1u);
    BOOST_TEST(told.children[0].second == "just words");
    told = read(body("<text mediaType=\"text/rtf\"><![CDATA[{\\rtf1\n  a]]>\n<![CDATA[}]]></text>"));
    BOOST_REQUIRE(told.children.size() == 1u);
    BOOST_TEST(told.children[0].second.starts_with("{\\rtf1\n  a"));
    told = read(body("<text><paragraph>marked <content>up</content></paragraph></text>"));
    BOOST_TEST(told.children.empty());
    BOOST_TEST(told.document.at("sections").at(0).at("narrative") == "marked up");
    told = read(
        body("<text mediaType=\"application/pdf\"><reference value=\"http://x.example/a.pdf\"/></text>"));
    BOOST_TEST(told.of("nonXMLBody", "body").at(0).at("reference") == "http://x.example/a.pdf");
}

BOOST_AUTO_TEST_CASE(times_say_no_more_than_was_written)
{
    struct Case {
        const char *raw, *value, *precision;
        bool bad;
    };
    const Case cases[] = {{"2012", "2012", "Y", false},
                          {"201208", "2012-08", "M", false},
                          {"20120806", "2012-08-06", "D", false},
                          {"2012080610", "2012-08-06T10", "H", false},
                          {"201208061020-0500", "2012-08-06T10:20-05:00", "m", false},
                          {"20120806102030.123+0000", "2012-08-06T10:20:30+00:00", "s", false},
                          {"201208061", "2012-08-06", "D", true},
                          {"20120806102030-05", "2012-08-06T10:20:30", "s", true},
                          {"201208061020-050", "2012-08-06T10:20", "m", true},
                          {"20120806-0500", "2012-08-06", "D", false},
                          {"20151331", "", "", true},
                          {"20160229", "2016-02-29", "D", false},
                          {"20150229", "", "", true},
                          {"19000229", "", "", true},
                          {"00000101", "", "", true},
                          {"20120806250000", "", "", true},
                          {"yesterday", "", "", true},
                          {"201", "", "", true}};
    for (const auto& c : cases) {
        const auto told =
            read(with_section("<templateId root=\"2.16.840.1.113883.10.20.22.2.6\"/><entry><observation>"
                              "<effectiveTime value=\"" +
                              std::string(c.raw) + "\"/></observation></entry>"));
        const nlohmann::json t = told.of("allergies").at(0).at("effectiveTime");
        BOOST_TEST(t.at("raw") == c.raw);
        BOOST_TEST(t.value("value", "") == c.value, c.raw);
        BOOST_TEST(t.value("precision", "") == c.precision, c.raw);
        BOOST_TEST(t.value("bad", false) == c.bad, c.raw);
    }
}

BOOST_AUTO_TEST_CASE(a_host_that_says_stop_is_obeyed)
{
    const std::string bytes = vector_document("ccd.xml");
    for (int n = 1; n <= 13; ++n) BOOST_TEST(ccda().read_until(bytes, n) == DIRECT_LIMIT, n);
    BOOST_TEST(ccda().read_until(bytes, 1000) == DIRECT_PARSED);
}
