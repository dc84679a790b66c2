// Plugin "file": the type by content, and that the milter's own first look says the same.
#include <boost/test/unit_test.hpp>

#include "milter/mime/sniff.h"
#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;
using namespace std::string_literals;

namespace {

const PluginUnderTest& file()
{
    static const PluginUnderTest plugin("file");
    return plugin;
}

nlohmann::json described(const std::string& bytes)
{
    const auto told = file().read(bytes);
    BOOST_TEST(told.status == DIRECT_PARSED);
    BOOST_TEST(told.document.at("kind") == "file");
    return told.document;
}

}  // namespace

BOOST_AUTO_TEST_CASE(types_by_content)
{
    struct Case {
        std::string bytes, type, sniffed;
    };
    const Case cases[] = {
        {"%PDF-1.7\n", "application/pdf", "pdf"},
        {"\r\n%PDF-1.4", "application/pdf", "pdf"},
        {"PK\x03\x04\x14\0"s, "application/zip", "zip"},
        {"PK\x05\x06\0\0"s, "application/zip", "zip"},
        {"\x89PNG\r\n\x1a\n", "image/png", "image"},
        {"\xff\xd8\xff\xe0", "image/jpeg", "image"},
        {"GIF89a", "image/gif", "image"},
        {"II*\0"s, "image/tiff", "image"},
        {"MM\0*"s, "image/tiff", "image"},
        {"RIFF....WEBPVP8 ", "image/webp", "image"},
        {std::string(128, '\0') + "DICM", "application/dicom", "image"},
        {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage", "ole"},
        {"\x1f\x8b\x08\0\0"s, "application/gzip", "binary"},
        {"{\\rtf1\\ansi}", "application/rtf", "text"},
        {"BM nothing of a bitmap here", "text/plain", "text"},
        {"<!DOCTYPE html><html><body>", "text/html", "text"},
        {"  <HTML>", "text/html", "text"},
        {"<?xml version=\"1.0\"?><!DOCTYPE html><html xmlns=\"http://www.w3.org/1999/xhtml\"/>", "text/html",
         "text"},
        {"just words, gr\xc3\xbc\xc3\x9f dich", "text/plain", "text"},
        {"gr\xfc\xdf dich, in eight bits", "text/plain", "text"},
        {"<jane@clinic.example> wrote:", "text/plain", "text"},
        {"< 5 and > 3", "text/plain", "text"},
        {"\x01\x02\0\x03"s, "", "binary"},
        {"<a/>", "application/xml", "xml"},
        {"<x:SubmitObjectsRequest xmlns:x=\"urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0\"/>",
         "application/xml", "xml"},
        {"<ClinicalDocument/>", "application/cda+xml", "xml"},
        {"\xef\xbb\xbf \n<c:ContinuityOfCareRecord/>", "application/ccr+xml", "xml"},
        {"\xff\xfe<\0a\0/\0>\0"s, "application/xml", "xml"},
        {"\0<\0a\0/\0>"s, "application/xml", "xml"},
        {"\xff\xfeh\0i\0"s, "text/plain", "text"},
        {"{\"a\": 1}", "application/json", "json"},
        {"[1, 2]", "application/json", "json"},
        {"{not json", "text/plain", "text"},
        {"MSH|^~\\&|A|B|C|D|20300101||ADT^A01|1|P|2.3\r", "x-application/hl7-v2+er7", "hl7v2"},
    };
    for (const auto& c : cases) {
        BOOST_TEST(described(c.bytes).at("type") == (c.type.empty() ? "application/octet-stream" : c.type),
                   c.bytes);
        BOOST_TEST(direct::sniff(c.bytes).kind == c.sniffed, c.bytes);
    }
    BOOST_TEST(described("").at("type") == "application/octet-stream");
}

BOOST_AUTO_TEST_CASE(fhir_is_a_file_and_says_so)
{
    auto d = described(
        "{\"id\":\"1\",\"meta\":{\"type\":\"no\",\"a\":[\"}\",\"\\\"\"]},\"resourceType\":\"Bundle\", "
        "\"type\" : \"document\",\"entry\":[{\"resourceType\":\"Patient\"");
    BOOST_TEST(d.at("type") == "application/fhir+json");
    BOOST_TEST(d.at("resourceType") == "Bundle");
    BOOST_TEST(d.at("bundleType") == "document");
    d = described(
        "<?xml version=\"1.0\"?><f:Bundle xmlns:f=\"http://hl7.org/fhir\"><f:id value=\"1\"/><f:type "
        "value=\"document\"/></f:Bundle>");
    BOOST_TEST(d.at("type") == "application/fhir+xml");
    BOOST_TEST(d.at("resourceType") == "Bundle");
    d = described(
        "<Bundle xmlns=\"http://hl7.org/fhir\"><id value=\"1\"/><type value=\"document\"/></Bundle>");
    BOOST_TEST(d.at("bundleType") == "document");
    for (const char* type :
         {"<type value='batch'/>", "<type  value = \"batch\" />", "<type id='1' value='batch'/>"})
        BOOST_TEST(described("<Bundle xmlns='http://hl7.org/fhir'><typed/>" + std::string(type) + "</Bundle>")
                           .at("bundleType") == "batch",
                   type);
    d = described("<Bundle xmlns=\"urn:other\"/>");
    BOOST_TEST(d.at("type") == "application/xml");
    BOOST_TEST(!d.contains("resourceType"));
    // Its members sorted by name, behind more than the first look.
    d = described("\xef\xbb\xbf{\"entry\":[\"" + std::string(100'000, 'x') +
                  "\"],\"resourceType\":\"Bundle\",\"type\":\"batch\"}");
    BOOST_TEST(d.at("type") == "application/fhir+json");
    BOOST_TEST(d.at("bundleType") == "batch");
    // What only looks like it, or is cut off.
    BOOST_TEST(described("{\"resourceType\":").at("type") == "application/json");
    BOOST_TEST(described("{\"x\":{\"resourceType\":\"Bundle\"}}").at("type") == "application/json");
    BOOST_TEST(described("{\"resourceType\"}").at("type") == "text/plain");
    BOOST_TEST(described("{\"a\":" + std::string(60'000, '[')).at("type") == "application/json");
}

BOOST_AUTO_TEST_CASE(hl7_messages_are_files_with_their_type)
{
    const std::string header =
        "MSH|^~\\&|LAB|GOOD HEALTH|REG|ST|20300102030405||VXU^V04^VXU_V04|77|P|2.5.1|||AL\r";
    for (const auto& before : {""s, "\x0B"s, "\xef\xbb\xbf"s, "\r\n"s}) {
        const auto d = described(before + header + "PID|1\r" + (before == "\x0B" ? "\x1c\r" : ""));
        BOOST_TEST(d.at("type") == "x-application/hl7-v2+er7", before);
        BOOST_TEST(d.at("messageType") == "VXU^V04^VXU_V04", before);
        BOOST_TEST(d.at("messageVersion") == "2.5.1", before);
    }
    // The frame of a lower layer, whole, half, or behind an end of line.
    for (const auto& [before, after] :
         {std::pair{""s, "\x1c\r"s}, {"\r\n\x0B"s, "\x1c"s}, {"\x0B\x0B"s, ""s}})
        BOOST_TEST(described(before + header + after).at("messageType") == "VXU^V04^VXU_V04");
    // Controls and blanks in front, in whatever order, the zero byte too; a control inside a field. All of these were files
    // of no known type.
    for (const auto& before : {"\x01\r\n"s, " \x0B \x02"s, "\0\x0B"s, "\x1c\r\x0B"s, "\x7f\t"s})
        BOOST_TEST(described(before + header + "\x1d").at("messageType") == "VXU^V04^VXU_V04");
    BOOST_TEST(described("MSH|^~\\&|L\x1d"
                         "AB" +
                         header.substr(12))
                   .at("type") == "x-application/hl7-v2+er7");
    for (const auto& start : {"FHS|^~\\&|a\r"s,
                              "\x01"
                              "BHS|^~\\&|a\r"s})
        BOOST_TEST(described(start + "\x02" + header).at("type") == "x-application/hl7-v2+er7");
    BOOST_TEST(described("\x01\x02MSH and more\x01"s).at("type") == "application/octet-stream");
    // Other separators, five encoding characters, many messages in one file.
    BOOST_TEST(described("MSH#^~\\&#a#b#c#d#t##ORU^R01#1#P#2.3\n").at("messageType") == "ORU^R01");
    BOOST_TEST(described("MSH|^~\\&#|a|b|c|d|t||ORU^R01|1|P|2.7\n").at("messageType") == "ORU^R01");
    const auto batch = described("FHS|^~\\&|a\rBHS|^~\\&|a\r" + header);
    BOOST_TEST(batch.at("type") == "x-application/hl7-v2+er7");
    BOOST_TEST(batch.at("messageType") == "VXU^V04^VXU_V04");
    // Cut off before its type; only three letters of it; words.
    BOOST_TEST(!described("MSH|^~\\&|LAB|X").contains("messageType"));
    BOOST_TEST(described("MSH").at("type") == "text/plain");
    BOOST_TEST(described("MSHandmade soap").at("type") == "text/plain");
}
