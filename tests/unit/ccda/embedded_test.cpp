// Files in texts, of a body and of an entry: however they are encoded and packed, and with the checks that came with them.
#include <boost/test/unit_test.hpp>
#include <functional>

#include "tests/support/scratch.h"
#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct::test;
using nlohmann::json;

namespace {

const std::string head =
    "<ClinicalDocument xmlns=\"urn:hl7-org:v3\" "
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><component>";
const std::string tail = "</component></ClinicalDocument>";
const std::string pdf = "JVBERi0xLjQKJSBtYWRlIHVwCg==";
// "said once, said twice, said once more", as python's zlib packs it, and its digests
const std::string said = "said once, said twice, said once more";
const std::string deflated = "K07MTFHIz0tO1VEoBjFLyjPhbJCwQm5+USoA",
                  zlib = "eJwrTsxMUcjPS07VUSgGMUvKM+FskLBCbn5RKgD3PA0V",
                  gzip = "H4sIAAAAAAACAytOzExRyM9LTtVRKAYxS8oz4WyQsEJuflEqAL4A2rIlAAAA",
                  sha1 = "20LmcF8eUgQcCtPKHUCtR3CgfQg=",
                  sha256 = "NGX0MzBTEfY9WL6nkkn3oV89eyg4k4cbq1kkMnEnEDE=";

Told body(const std::string& attributes, const std::string& content)
{
    return ccda().read(head + "<nonXMLBody><text " + attributes + ">" + content + "</text></nonXMLBody>" +
                       tail);
}

Told entries(const std::string& inside)
{
    return ccda().read(head + "<structuredBody><component><section>" + inside +
                       "</section></component></structuredBody>" + tail);
}

Told entry(const std::string& attributes, const std::string& content)
{
    return entries("<entry><act><text " + attributes + ">" + content + "</text></act></entry>");
}

// The same of both: the item, whose members of an entry begin with "text".
void both(const std::string& attributes, const std::string& content,
          const std::function<void(const Told&, const std::function<json(const std::string&)>&)>& check)
{
    const Told of_body = body(attributes, content), of_entry = entry(attributes, content);
    BOOST_TEST_CONTEXT(attributes << " " << content.substr(0, 40))
    {
        check(of_body, [&](const std::string& name) {
            std::string small = name;
            small[0] = static_cast<char>(small[0] + 32);
            return of_body.of("nonXMLBody").at(0).value(small, json());
        });
        check(of_entry,
              [&](const std::string& name) { return of_entry.items.at(0).value("text" + name, json()); });
    }
}

void file_is(const std::string& attributes, const std::string& content, const std::string& file)
{
    both(attributes, content, [&](const Told& told, const auto& member) {
        BOOST_REQUIRE(told.children.size() == 1u);
        BOOST_TEST(told.children[0].second == file);
        BOOST_TEST(member("FileOffset") == told.containers.at(0).at("offset"));
        BOOST_TEST(told.containers[0].at("size") == file.size());
        BOOST_TEST(!told.of(told.items[0].at("section").get<std::string>())[0].contains("text"));
        BOOST_TEST(told.skipped.empty());
    });
}

}  // namespace

// They stayed base64 and were taken for words.
BOOST_AUTO_TEST_CASE(base64_by_any_spelling_and_by_its_looks)
{
    const std::string file = "%PDF-1.4\n% made up\n", media = "mediaType=\"application/pdf\"";
    for (const std::string spelling : {"B64", "b64", " B64 ", "B64\n"})
        file_is(media + " representation=\"" + spelling + "\"", pdf, file);
    file_is(media, pdf, file);
    file_is(media, "\n  " + pdf.substr(0, 16) + "\n  " + pdf.substr(16) + "\n", file);
    file_is("mediaType=\"image/png\"", pdf, file);
    file_is("mediaType=\"text/rtf; charset=x\"", pdf, file);
    both(media, pdf, [](const Told&, const auto& member) { BOOST_TEST(member("Base64Assumed") == true); });
    both(media + " representation=\"b64\"", pdf,
         [](const Told&, const auto& member) { BOOST_TEST(member("Base64Assumed").is_null()); });
}

BOOST_AUTO_TEST_CASE(words_are_not_taken_for_a_file)
{
    const auto stays = [](const std::string& attributes, const std::string& words) {
        const Told of_body = body(attributes, words), of_entry = entry(attributes, words);
        BOOST_TEST(at(of_entry.items.at(0), "/text") == words, attributes);
        BOOST_TEST(of_entry.children.empty());
        BOOST_TEST(at(of_body.document, "/sections/0/narrative") == words, attributes);
        BOOST_TEST(of_body.children.at(0).second == words);
    };
    for (const std::string media :
         {"text/plain", "TEXT/html", "application/xml", "application/fhir+json", ""})
        stays("mediaType=\"" + media + "\"", pdf);
    stays("mediaType=\"application/pdf\" representation=\"TXT\"", pdf);
    // A word, a sentence, lines that are not alike, letters of one kind, what is not of fours.
    for (const std::string words :
         {"Attached", "See the attached file", "AttachedToThis1 Message", "SEETHEATTACHEDFILEOFTODAY123",
          "SeeTheAttachedFileOfToday", "SeeTheAttachedFile2", "http://files.example/Scan1"})
        stays("mediaType=\"application/pdf\"", words);
}

BOOST_AUTO_TEST_CASE(what_claims_to_be_base64_and_is_not_is_told_as_words)
{
    const auto told = body("representation=\"B64\"", "Ask for the paper.");
    BOOST_TEST(at(told.document, "/sections/0/narrative") == "Ask for the paper.");
    BOOST_TEST(told.children.empty());
    BOOST_REQUIRE(told.skipped.size() == 1u);
    BOOST_TEST(told.skipped[0].second == "the embedded body is not base64");
}

BOOST_AUTO_TEST_CASE(packed_files_are_inflated)
{
    const std::string b64 = "mediaType=\"text/plain\" representation=\"B64\" compression=";
    file_is(b64 + "\"DF\"", deflated, said);
    file_is(b64 + "\"ZL\"", zlib, said);
    file_is(b64 + "\"gz\"", gzip, said);
    // One called by another's name.
    file_is(b64 + "\"DF\"", zlib, said);
    file_is(b64 + "\"ZL\"", gzip, said);
    both(b64 + "\"ZL\"", zlib, [](const Told& told, const auto& member) {
        BOOST_TEST(member("Compression") == "ZL");
        BOOST_TEST(member("EncodedSize") == zlib.size());
        BOOST_TEST(member("PackedSize") == 33u);
        BOOST_TEST(told.children.at(0).first == "text/plain");
    });
}

BOOST_AUTO_TEST_CASE(what_cannot_be_inflated_is_handed_on_as_it_is_and_says_so)
{
    const auto packed = [](const std::string& compression, const std::string& content,
                           const std::string& bytes, const std::string& why) {
        both("mediaType=\"text/plain\" representation=\"B64\" compression=\"" + compression + "\"", content,
             [&](const Told& told, const auto& member) {
                 BOOST_REQUIRE(told.children.size() == 1u);
                 BOOST_TEST((told.children[0].second == bytes));
                 // What it says of its type is of what is inside.
                 BOOST_TEST(told.children[0].first == "");
                 BOOST_TEST(member("NotInflated") == why);
                 BOOST_TEST(member("PackedSize").is_null());
                 BOOST_REQUIRE(told.skipped.size() == 1u);
                 BOOST_TEST(told.skipped[0].second == "a file was left packed: " + why);
             });
    };
    for (const std::string other : {"Z", "BZ", "Z7", "none"})
        packed(other, "QlpoOQ==", "BZh9", "packed in a way we do not read");
    packed("GZ", "QlpoOQ==", "BZh9", "damaged");
    const std::string bomb =
        run("python3 -c \"import zlib,sys;sys.stdout.buffer.write(zlib.compress(bytes(3<<20),9))\"");
    packed("ZL",
           run("python3 -c \"import "
               "zlib,base64;print(base64.b64encode(zlib.compress(bytes(3<<20),9)).decode(),end='')\""),
           bomb, "more than 200 times its packed size");
}

// One document inflates no more than a package may hold, however many files it comes in.
BOOST_AUTO_TEST_CASE(all_files_of_a_document_are_inflated_within_one_limit)
{
    const std::string mega =
        run("python3 -c \"import "
            "zlib,base64;print(base64.b64encode(zlib.compress(bytes(1<<20),9)).decode(),end='')\"");
    std::string many;
    for (int i = 0; i < 66; ++i)
        many +=
            "<entry><act><text representation=\"B64\" compression=\"ZL\">" + mega + "</text></act></entry>";
    const auto told = entries(many);
    BOOST_REQUIRE(told.children.size() == 66u);
    std::size_t inflated = 0, kept = 0;
    for (const auto& item : told.items) {
        inflated += item.contains("textPackedSize");
        kept += item.contains("textNotInflated");
    }
    BOOST_TEST(inflated == 64u);
    BOOST_TEST(kept == 2u);
    BOOST_TEST(told.skipped.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_check_that_does_not_fit_is_told)
{
    const auto mismatch = [](const std::string& attributes, const std::string& content) {
        std::string out;
        both("representation=\"B64\" " + attributes, content, [&](const Told& told, const auto& member) {
            BOOST_TEST(told.children.size() == 1u);
            out += member("IntegrityMismatch").is_null() ? "-" : "x";
        });
        return out;
    };
    const std::string plain = "c2FpZCBvbmNlLCBzYWlkIHR3aWNlLCBzYWlkIG9uY2UgbW9yZQ==";
    const auto check = [](const std::string& value) { return "integrityCheck=\"" + value + "\" "; };
    const std::string by256 = "integrityCheckAlgorithm=\"SHA-256\" ",
                      by1 = "integrityCheckAlgorithm=\"sha-1\" ";
    // SHA-1 is meant when nothing is said; digits are as good.
    for (const auto& fits : {check(sha1), check(sha1) + by1, check(sha256) + by256,
                             check("DB42E6705F1E52041C0AD3CA1D40AD4770A07D08")})
        BOOST_TEST(mismatch(fits, plain) == "--", fits);
    for (const auto& differs : {check(sha256), check(sha1) + by256, check("AAAA"), check("no check")})
        BOOST_TEST(mismatch(differs, plain) == "xx", differs);
    BOOST_TEST(mismatch(check(sha1) + "compression=\"ZL\"", zlib) == "--");
    // An algorithm we do not know is told as it stands.
    BOOST_TEST(mismatch(check("AAAA") + "integrityCheckAlgorithm=\"MD5\"", plain) == "--");
    both("representation=\"B64\" " + check("AAAA") + by256, plain, [](const Told&, const auto& member) {
        BOOST_TEST(member("IntegrityCheck") == "AAAA");
        BOOST_TEST(member("IntegrityCheckAlgorithm") == "SHA-256");
    });
}

// Pictures stay in the document; that they do not say base64 made words of them.
BOOST_AUTO_TEST_CASE(a_picture_of_no_representation_is_told_by_its_size)
{
    const auto told = entries("<entry><observationMedia><value xsi:type=\"ED\" mediaType=\"image/png\">" +
                              pdf + "</value><odd mediaType=\"image/png\" representation=\"b64\">" + pdf +
                              "</odd></observationMedia></entry>");
    const auto& item = told.items.at(0);
    BOOST_TEST(item.at("value").at("encodedSize") == pdf.size());
    BOOST_TEST(!item.at("value").contains("text"));
    BOOST_TEST(item.at("more").at(0).at("encodedSize") == pdf.size());
    BOOST_TEST(!item.at("more").at(0).contains("text"));
}
