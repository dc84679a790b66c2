// Packages as they should be and as they come: what the metadata says meets what is there.
#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "plugins/digest.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"
#include "tests/unit/xdm/metadata_xml.h"

using namespace direct::test;
using direct::sha1_hex;
using nlohmann::json;

namespace {

struct Entry {
    std::string uri, content, hash, size, id = "Document01";
};

Entry entry(const std::string& uri, const std::string& content)
{
    return {uri, content, sha1_hex(content), std::to_string(content.size())};
}

std::string object(const Entry& e)
{
    std::string out = "<ExtrinsicObject id=\"" + e.id + "\" mimeType=\"text/xml\" status=\"Approved\">";
    if (!e.uri.empty()) out += slot("URI", e.uri);
    if (!e.hash.empty()) out += slot("hash", e.hash);
    if (!e.size.empty()) out += slot("size", e.size);
    return out + slot("creationTime", "20300102") + slot("house", "kept") +
           slot("sourcePatientInfo", "PID-5|Invented^Ada") + name_of("Letter of January") +
           "<Classification classificationScheme=\"urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d\">" +
           slot("authorPerson", "^Made-Up^Bo") + slot("authorInstitution", "Nonesuch Clinic") +
           "</Classification>" + code("41a5887f-8865-4c09-adf7-e362475b143a", "34133-9", "LOINC", "Summary") +
           code("f0306f51-975f-434e-a61c-c59651d33983", "34133-9", "LOINC", "Summary of episode") +
           code("a09d5840-386c-46f2-b5ad-9c3699a4309d", "urn:hl7-org:sdwg", "house", "format") +
           identifier("58a6f841-87b3-4a3e-92fd-a8ffeff98427", "P1^^^&amp;1.2.3&amp;ISO") +
           identifier("2e82c1f6-a085-4c72-9da3-8640a32e42ab", "1.9.8") + "</ExtrinsicObject>";
}

std::string metadata(const std::vector<Entry>& entries)
{
    std::string out;
    for (const auto& e : entries) out += object(e);
    return request(out + "<RegistryPackage id=\"S\">" + slot("submissionTime", "20300103") +
                   slot("intendedRecipient", "|cy@direct.example.org") + name_of("Set of one") +
                   identifier("96fdda7c-d067-4183-912e-bf5ee74998a8", "1.9.7") +
                   identifier("554ac39e-e3fe-47fe-b233-965d2a147832", "1.9") +
                   identifier("6b5aea1a-874d-4603-a4bc-96a0a7b38446", "P1^^^&amp;1.2.3&amp;ISO") +
                   "</RegistryPackage>");
}

const std::string letter = "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"/>";
const std::string folder = "IHE_XDM/SUBSET01/";

Told package(const std::string& meta, std::vector<ZipEntry> more,
             const std::string& name = folder + "METADATA.XML")
{
    more.insert(more.begin(), {name, meta});
    return xdm().read(zip_of(more));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_package_is_told_with_its_metadata)
{
    const auto told = package(metadata({entry("LETTER.XML", letter)}), {{folder + "LETTER.XML", letter, true},
                                                                        {"INDEX.HTM", "<html"},
                                                                        {"README.TXT", "r"},
                                                                        {folder + ".DS_Store", "x"},
                                                                        {folder + "CCD.xsl", "<x/>"},
                                                                        {"IHE_XDM/", ""}});
    BOOST_TEST(told.status == DIRECT_PARSED);
    const auto& d = told.document;
    BOOST_TEST(d.at("kind") == "xdm");
    BOOST_TEST(d.at("title") == "Set of one");
    BOOST_TEST(d.at("id") == "1.9.7");
    BOOST_TEST(d.at("effectiveTime") == "2030-01-03");
    BOOST_TEST(d.at("patient").at("ids")[0].at("root") == "1.2.3");
    BOOST_TEST(d.at("patient").at("ids")[0].at("extension") == "P1");
    BOOST_TEST(d.at("submissionSets")[0].at("intendedRecipient")[0] == "|cy@direct.example.org");
    BOOST_TEST(d.at("ignored") ==
               json({"INDEX.HTM", "README.TXT", folder + ".DS_Store", folder + "CCD.xsl"}));
    BOOST_TEST(d.at("documents").size() == 1u);
    BOOST_TEST(told.notes.empty());
    BOOST_TEST(told.skipped.empty());
    BOOST_REQUIRE(told.children.size() == 1u);
    BOOST_TEST(told.children[0].first == "text/xml");
    BOOST_TEST(told.children[0].second == letter);
    BOOST_TEST(told.child_names[0] == "LETTER.XML");
    const auto& c = told.containers[0];
    BOOST_TEST(c.at("path") == folder + "LETTER.XML");
    BOOST_TEST(c.at("hash") == sha1_hex(letter));
    BOOST_TEST(!c.contains("hashMismatch"));
    const auto& m = c.at("metadata");
    BOOST_TEST(m.at("uri") == "LETTER.XML");
    BOOST_TEST(m.at("mimeType") == "text/xml");
    BOOST_TEST(m.at("title") == "Letter of January");
    BOOST_TEST(m.at("uniqueId") == "1.9.8");
    BOOST_TEST(m.at("patientId") == "P1^^^&1.2.3&ISO");
    BOOST_TEST(m.at("creationTime") == "20300102");
    BOOST_TEST(m.at("classCode").at("code") == "34133-9");
    BOOST_TEST(m.at("typeCode").at("displayName") == "Summary of episode");
    BOOST_TEST(m.at("formatCode").at("code") == "urn:hl7-org:sdwg");
    BOOST_TEST(m.at("author")[0].at("institution")[0] == "Nonesuch Clinic");
    BOOST_TEST(m.at("sourcePatientInfo")[0] == "PID-5|Invented^Ada");
    BOOST_TEST(m.at("slots")[0].at("name") == "house");
}

BOOST_AUTO_TEST_CASE(any_case_any_depth_any_prefix)
{
    std::string prefixed = metadata({entry("sub dir/a.xml", letter)});
    for (const char* element : {"SubmitObjectsRequest", "RegistryObjectList", "ExtrinsicObject", "Slot",
                                "ValueList", "Value", "ExternalIdentifier"}) {
        for (const std::string before : {"<", "</"})
            for (const std::string after : {" ", ">"})
                for (auto at = prefixed.find(before + element + after); at != std::string::npos;
                     at = prefixed.find(before + element + after, at + 1))
                    prefixed.replace(at + before.size(), 0, "q:");
    }
    prefixed.replace(prefixed.find("xmlns="), 6, "xmlns:q=");
    const auto told =
        package(prefixed, {{"a/b/ihe_xdm/Sub/Sub Dir/A.XML", letter}}, "a/b/ihe_xdm/Sub/Metadata.xml");
    BOOST_TEST(told.document.at("kind") == "xdm");
    BOOST_REQUIRE(told.children.size() == 1u);
    BOOST_TEST(told.containers[0].contains("metadata"));
    BOOST_TEST(told.notes.empty());
    // Percent and backslash in a URI, backslashes in names.
    for (const std::string uri : {"sub%20dir/a.xml", "sub dir\\a.xml", "./sub dir/a.xml"}) {
        const auto other = package(metadata({entry(uri, letter)}), {{folder + "sub dir/a.xml", letter}});
        BOOST_TEST(other.containers.at(0).contains("metadata"), uri);
    }
    const auto windows = package(metadata({entry("a.xml", letter)}), {{"IHE_XDM\\SUBSET01\\a.xml", letter}},
                                 "IHE_XDM\\SUBSET01\\METADATA.XML");
    BOOST_TEST(windows.document.at("kind") == "xdm");
    BOOST_TEST(windows.containers.at(0).contains("metadata"));
    // Two submission sets.
    const auto two = package(metadata({entry("a.xml", letter)}),
                             {{folder + "a.xml", letter},
                              {"IHE_XDM/SUBSET02/METADATA.XML", metadata({entry("a.xml", "other")})},
                              {"IHE_XDM/SUBSET02/a.xml", "other"}});
    BOOST_TEST(two.children.size() == 2u);
    BOOST_TEST(two.document.at("submissionSets").size() == 2u);
    BOOST_TEST(two.notes.empty());
    // Not where it belongs: a plain zip.
    BOOST_TEST(package(metadata({}), {}, "METADATA.XML").document.at("kind") == "file");
    BOOST_TEST(package(metadata({}), {}, "IHE_XDM/METADATA.XML").document.at("kind") == "file");
}

BOOST_AUTO_TEST_CASE(a_document_without_uri_is_found_by_hash_or_name)
{
    auto told = package(metadata({{"", letter, sha1_hex(letter), ""}}),
                        {{folder + "x.xml", "no"}, {folder + "y.xml", letter}});
    BOOST_TEST(told.children.at(0).second == letter);
    BOOST_TEST(told.containers.at(1).value("notInMetadata", false));
    told = package(metadata({{"", letter, "", "", "DOC7"}}),
                   {{folder + "x.xml", "no"}, {folder + "doc7.xml", letter}});
    BOOST_TEST(told.children.at(0).second == letter);
    BOOST_TEST(told.notes.at(0) == "one document has no hash in the metadata");
}

// One hash or one name of several: each entry gets the next of them, in the package's order.
BOOST_AUTO_TEST_CASE(documents_alike_are_found_one_after_the_other)
{
    auto one = entry("", letter);
    const auto alike =
        package(metadata({one, one, one}), {{folder + "B.XML", letter}, {folder + "A.XML", letter}});
    BOOST_REQUIRE(alike.containers.size() == 2u);
    BOOST_TEST(alike.containers[0].at("path") == folder + "B.XML");
    BOOST_TEST(alike.containers[1].at("path") == folder + "A.XML");
    BOOST_TEST(alike.of("other", "missing_document").size() == 1u);
    one.hash.clear();
    one.id = "b";
    const auto named =
        package(metadata({one, one, one}), {{folder + "B.XML", letter}, {folder + "b.txt", letter}});
    BOOST_REQUIRE(named.containers.size() == 2u);
    BOOST_TEST(named.containers[0].at("path") == folder + "B.XML");
    BOOST_TEST(named.containers[1].at("path") == folder + "b.txt");
    BOOST_TEST(named.of("other", "missing_document").size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_kept_and_marked)
{
    struct Case {
        std::string hash, size;
        const char* flag;
    };
    for (const auto& c : {Case{sha1_hex("else"), "", "hashMismatch"}, Case{"", "7", "sizeMismatch"},
                          Case{std::string(64, 'a'), "", "hashUnchecked"}}) {
        const auto told =
            package(metadata({{"a.xml", letter, c.hash, c.size}}), {{folder + "a.xml", letter}});
        BOOST_REQUIRE(told.children.size() == 1u);
        BOOST_TEST(told.children[0].second == letter);
        BOOST_TEST(told.containers[0].value(c.flag, false), c.flag);
    }
    // Capital digits are the same hash; a size that is no number is not held against anything.
    std::string capital = sha1_hex(letter);
    for (char& ch : capital) ch = static_cast<char>(std::toupper(static_cast<unsigned char>(ch)));
    auto told = package(metadata({{"a.xml", letter, capital, "many"}}), {{folder + "a.xml", letter}});
    BOOST_TEST(told.notes.empty());
    BOOST_TEST(told.containers[0].at("metadata").at("size") == "many");
    told = package(metadata({{"a.xml", letter, sha1_hex("else"), ""}}), {{folder + "a.xml", letter}});
    BOOST_TEST(told.notes.at(0) == "one document is not what its metadata says (hash or size)");
    BOOST_TEST(told.document.at("documents")[0].value("mismatch", false));
}

BOOST_AUTO_TEST_CASE(what_is_not_there_and_what_nobody_named)
{
    auto told = package(metadata({entry("gone.xml", letter), entry("../../etc/passwd", letter)}),
                        {{folder + "extra.pdf", "%PDF-1.4"}});
    BOOST_TEST(told.status == DIRECT_PARSED);
    BOOST_REQUIRE(told.skipped.size() == 2u);
    BOOST_TEST(told.skipped[0].second == "gone.xml: the metadata names it, it is not there");
    BOOST_TEST(told.skipped[1].second == "../../etc/passwd: the metadata points outside the package");
    BOOST_TEST(told.of("other", "missing_document").size() == 2u);
    BOOST_TEST(told.of("other", "missing_document")[0].at("metadata").at("title") == "Letter of January");
    BOOST_REQUIRE(told.children.size() == 1u);
    BOOST_TEST(told.containers[0].value("notInMetadata", false));
    // One member named twice: told once.
    told = package(metadata({entry("a.xml", letter), entry("a.xml", letter)}), {{folder + "a.xml", letter}});
    BOOST_TEST(told.children.size() == 1u);
    BOOST_TEST(told.of("other", "named_twice").size() == 1u);
    // An index that the metadata names is a document.
    told = package(metadata({entry("INDEX.HTM", "<html")}), {{folder + "INDEX.HTM", "<html"}});
    BOOST_TEST(told.children.size() == 1u);
}

BOOST_AUTO_TEST_CASE(metadata_that_cannot_be_read)
{
    for (const std::string bad :
         {"<SubmitObjectsRequest>", "", "no xml", "<!DOCTYPE a [<!ENTITY b \"c\">]><a/>"}) {
        const auto told = package(bad, {{folder + "a.xml", letter}});
        BOOST_TEST(told.status == DIRECT_PARSED, bad);
        BOOST_TEST(told.document.at("kind") == "xdm", bad);
        BOOST_REQUIRE(told.children.size() == 1u);
        BOOST_TEST(told.containers[0].value("notInMetadata", false));
        BOOST_TEST(told.notes.at(0).starts_with("the metadata cannot be read"));
    }
    // A second one by the same name: the first counts, the other is kept as a member.
    const auto told =
        package(metadata({entry("a.xml", letter)}),
                {{folder + "a.xml", letter}, {folder + "metadata.xml", metadata({entry("a.xml", "x")})}});
    BOOST_TEST(told.children.size() == 2u);
    BOOST_TEST(told.containers[0].at("metadata").at("size") == std::to_string(letter.size()));
    BOOST_TEST(told.containers[1].value("duplicateName", false));
    BOOST_TEST(told.notes.at(0) == "a second metadata file in one folder; the first was used");
}

BOOST_AUTO_TEST_CASE(a_plain_zip_is_a_file_with_children)
{
    const auto told =
        xdm().read(zip_of({{"a.xml", letter}, {"dir/", ""}, {"dir/b.pdf", "%PDF-1.4"}, {"README.TXT", "r"}}),
                   "", "application/zip", "scans.zip");
    BOOST_TEST(told.document.at("kind") == "file");
    BOOST_TEST(told.document.at("type") == "application/zip");
    BOOST_TEST(told.document.at("title") == "scans.zip");
    BOOST_TEST(told.document.at("members") == 3);
    BOOST_TEST(!told.document.contains("mismatch"));
    BOOST_REQUIRE(told.children.size() == 3u);
    BOOST_TEST(told.child_names[1] == "b.pdf");
    BOOST_TEST(!told.containers[1].contains("notInMetadata"));
    // A zip that is one document to whoever opens it.
    for (const char* name : {"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"})
        BOOST_TEST(xdm().read(zip_of({{name, "x"}, {"a.xml", letter}})).status == DIRECT_NOT_MINE, name);
    BOOST_TEST(xdm().recognise(zip_of({{"a", "b"}})) == 80);
    BOOST_TEST(xdm().recognise("PK\x05\x06") == 0);
    BOOST_TEST(xdm().recognise("<a/>") == 0);
}

BOOST_AUTO_TEST_CASE(packages_of_the_corpus)
{
    const std::string corpus = shared_dir().empty() ? "" : shared_dir() + "/corpus";
    if (corpus.empty() || !std::filesystem::exists(corpus + "/truth.tsv")) {
        BOOST_TEST_MESSAGE("skipped: no ../shared/corpus here");
        return;
    }
    struct Case {
        const char *file, *member, *title;
    };
    for (const auto& c :
         {Case{"nist-ett/BadXHTML.zip", "IHE_XDM/SUBSET01/TOC_A.XML", "Submission Set"},
          Case{"nist-ett/C32_SAMPLE2_IN_XDM.ZIP", "IHE_XDM/SUBSET01/C32_2.XML", "Submission Set"},
          Case{"nist-ett/CCDA_AMB.ZIP", "IHE_XDM/SUBSET01/CCDAAMB.XML", "Submission Set"},
          Case{"nist-ett/CCR_SAMPLE1_IN_XDM.ZIP", "IHE_XDM/SUBSET01/CCR_1.XML", "Submission Set"},
          Case{"nist-ett/TOC_XDM_LIMITED_METADATA.ZIP", "IHE_XDM/SUBSET01/TOC.XML", "Submission Set"},
          Case{"nhin-d/samplexdm.zip", "samplexdm/IHE_XDM/SUBSET01/Document01.xml", "Physical"}}) {
        const auto path = corpus + "/" + c.file;
        const auto told = xdm().read(read_file(path));
        BOOST_TEST(told.status == DIRECT_PARSED, c.file);
        BOOST_TEST(told.document.at("kind") == "xdm", c.file);
        BOOST_TEST(told.document.at("title") == c.title, c.file);
        BOOST_REQUIRE(told.children.size() == 1u);
        BOOST_TEST((told.children[0].second == run("unzip -p '" + path + "' '" + c.member + "'")), c.file);
        const auto& container = told.containers[0];
        BOOST_TEST(container.at("path") == c.member);
        BOOST_TEST(container.at("metadata").contains("uniqueId"), c.file);
        BOOST_TEST(container.at("metadata").contains("formatCode"), c.file);
        // Verified equal for these samples.
        BOOST_TEST(!container.contains("hashMismatch"), c.file);
        BOOST_TEST(!container.contains("sizeMismatch"), c.file);
        BOOST_TEST(told.skipped.empty(), c.file);
    }
}
