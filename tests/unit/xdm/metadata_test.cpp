// What the metadata says beyond its documents: each thing has its place in the JSON, and whatever is cut is told.
#include <boost/test/unit_test.hpp>

#include "plugins/xdm/about.h"
#include "plugins/xdm/object.h"
#include "tests/unit/xdm/metadata_xml.h"

using namespace direct::test;
using nlohmann::json;
namespace limits = direct::xdm::limits;

namespace {

const std::string class_code = "41a5887f-8865-4c09-adf7-e362475b143a",
                  nobodys = "00000000-0000-4000-8000-000000000001";
const std::string folder_node = "urn:uuid:d9d542f3-6cc4-48b6-8870-ea235fbc94c2";
const std::string set_node = "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd";
const std::string own_folder = "IHE_XDM/SUBSET01/";

std::string zip_with(const std::string& objects)
{
    return zip_of({{own_folder + "METADATA.XML", request(objects)}, {own_folder + "A.XML", "<a/>"}});
}

Told read(const std::string& objects)
{
    return xdm().read(zip_with(objects));
}

std::string document(const std::string& inside, const std::string& attributes = "")
{
    return "<ExtrinsicObject id=\"D\"" + attributes + ">" + slot("URI", "A.XML") + inside +
           "</ExtrinsicObject>";
}

// What is said of the one document.
json said(const Told& told)
{
    BOOST_REQUIRE(told.containers.size() == 1u);
    return told.containers[0].at("metadata");
}

std::string package(const std::string& id, const std::string& inside)
{
    return "<RegistryPackage id=\"" + id + "\">" + inside + "</RegistryPackage>";
}

std::string association(const std::string& type, const std::string& from, const std::string& to,
                        const std::string& inside = "")
{
    return "<Association id=\"" + from + to + "\" associationType=\"" + type + "\" sourceObject=\"" + from +
           "\" targetObject=\"" + to + "\">" + inside + "</Association>";
}

bool tells(const Told& told, const std::string& reason)
{
    return std::find(told.skipped.begin(), told.skipped.end(),
                     std::pair<std::string, std::string>("metadata", reason)) != told.skipped.end();
}

}  // namespace

BOOST_AUTO_TEST_CASE(sets_folders_and_other_packages)
{
    const auto node = [](const std::string& of, const std::string& uuid) {
        return "<Classification id=\"c\" classifiedObject=\"" + of + "\" classificationNode=\"" + uuid +
               "\"/>";
    };
    const auto told =
        read(package("S1", slot("submissionTime", "20300101") + name_of("One")) +
             package("S2", name_of("Two") + node("S2", set_node)) +
             package("F", slot("lastUpdateTime", "20300102") + slot("house", "green") + name_of("Folder") +
                              code("1ba97051-7806-41a8-a48b-8fce7af683c5", "f1", "house", "first") +
                              code("1ba97051-7806-41a8-a48b-8fce7af683c5", "f2", "house", "second") +
                              identifier("75df8f67-9973-4fbe-a900-df66cefecc5a", "1.2") +
                              identifier("f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a", "P^^^&amp;1&amp;ISO")) +
             package("G", slot("submissionTime", "20300103")) + node("G", folder_node) +
             package("P", name_of("Neither")));
    const auto& d = told.document;
    BOOST_TEST(d.at("title") == "One");
    BOOST_REQUIRE(d.at("submissionSets").size() == 2u);
    BOOST_TEST(d.at("submissionSets")[1] == json({{"title", "Two"}, {"entryId", "S2"}}));
    BOOST_REQUIRE(d.at("folders").size() == 2u);
    const auto& f = d.at("folders")[0];
    BOOST_TEST(f.at("title") == "Folder");
    BOOST_TEST(f.at("entryId") == "F");
    BOOST_TEST(f.at("uniqueId") == "1.2");
    BOOST_TEST(f.at("patientId") == "P^^^&1&ISO");
    BOOST_TEST(f.at("lastUpdateTime") == "20300102");
    BOOST_TEST(f.at("codeList").at(1).at("displayName") == "second");
    BOOST_TEST(f.at("slots") == json::parse(R"([{"name":"house","values":["green"]}])"));
    // What calls itself a folder is one, whatever else it has.
    BOOST_TEST(d.at("folders")[1].at("submissionTime") == "20300103");
    BOOST_TEST(d.at("packages") == json::parse(R"([{"title":"Neither","entryId":"P"}])"));
    BOOST_TEST(!d.contains("more"));
    BOOST_TEST(told.skipped.empty());
}

BOOST_AUTO_TEST_CASE(associations_are_told_with_the_set_and_with_their_documents)
{
    const std::string replaces = "urn:ihe:iti:2007:AssociationType:RPLC";
    const auto told =
        read(document("") + association("HasMember", "S", "D", slot("SubmissionSetStatus", "Original")) +
             association(replaces, "D", "urn:uuid:older",
                         code("abd807a3-4432-4053-87b4-fd82c643d1f3", "why", "house", "for a reason") +
                             slot("x", "y")) +
             association("urn:oasis:names:tc:ebxml-regrep:AssociationType:UpdateAvailabilityStatus", "S",
                         "elsewhere",
                         slot("NewStatus", "Deprecated") + slot("OriginalStatus", "Approved") +
                             slot("PreviousVersion", "1")));
    const auto& a = told.document.at("associations");
    BOOST_REQUIRE(a.size() == 3u);
    BOOST_TEST(a[0] == json({{"id", "SD"},
                             {"type", "HasMember"},
                             {"source", "S"},
                             {"target", "D"},
                             {"submissionSetStatus", "Original"}}));
    BOOST_TEST(a[1].at("type") == replaces);
    BOOST_TEST(a[1].at("documentation").at("displayName") == "for a reason");
    BOOST_TEST(a[1].at("slots")[0].at("values")[0] == "y");
    BOOST_TEST(a[2].at("newStatus") == "Deprecated");
    BOOST_TEST(a[2].at("originalStatus") == "Approved");
    BOOST_TEST(a[2].at("previousVersion") == "1");
    // Membership aside, beside the document too.
    BOOST_TEST(said(told).at("associations") == json::array({a[1]}));
    BOOST_TEST(told.document.at("documents")[0].at("entryId") == "D");
}

BOOST_AUTO_TEST_CASE(what_stands_more_than_once)
{
    const auto two = [](const std::string& name, const std::string& one, const std::string& other) {
        return "<Slot name=\"" + name + "\"><ValueList><Value>" + one + "</Value><Value>" + other +
               "</Value></ValueList></Slot>";
    };
    const auto m = said(read(
        document(two("legalAuthenticator", "first", "second") + slot("sourcePatientInfo", "PID-5|A") +
                 slot("sourcePatientInfo", "PID-8|F") + slot("creationTime", "2030") +
                 slot("creationTime", "2031") + code(class_code, "1", "s", "n") +
                 code(class_code, "2", "s", "n") + identifier("2e82c1f6-a085-4c72-9da3-8640a32e42ab", "1.1") +
                 identifier("2e82c1f6-a085-4c72-9da3-8640a32e42ab", "1.2") +
                 "<Name><LocalizedString value=\"one\"/><LocalizedString value=\"eins\" "
                 "xml:lang=\"de-DE\"/></Name>")));
    BOOST_TEST(m.at("legalAuthenticator") == "first");
    BOOST_TEST(m.at("creationTime") == "2030");
    BOOST_TEST(m.at("sourcePatientInfo") == json({"PID-5|A"}));
    BOOST_TEST(m.at("slots") == json::parse(R"([{"name":"legalAuthenticator","values":["first","second"]},
        {"name":"sourcePatientInfo","values":["PID-8|F"]},{"name":"creationTime","values":["2031"]}])"));
    BOOST_TEST(m.at("classCode").at("code") == "1");
    BOOST_TEST(m.at("classifications")[0].at("scheme") == "urn:uuid:" + class_code);
    BOOST_TEST(m.at("classifications")[0].at("code") == "2");
    BOOST_TEST(m.at("uniqueId") == "1.1");
    BOOST_TEST(m.at("identifiers")[0].at("value") == "1.2");
    BOOST_TEST(m.at("title") == "one");
    BOOST_TEST(m.at("names") == json::parse(R"([{"value":"one"},{"value":"eins","lang":"de-DE"}])"));
    // A URI in pieces is joined as before, and what it was made from is told.
    const std::string pieces = two("URI", "2|.XML", "1|A");
    const auto told = read("<ExtrinsicObject id=\"D\">" + pieces + "</ExtrinsicObject>");
    BOOST_TEST(said(told).at("uri") == "A.XML");
    BOOST_TEST(said(told).at("slots")[0].at("values") == json({"2|.XML", "1|A"}));
}

BOOST_AUTO_TEST_CASE(what_only_some_have)
{
    const auto told = read(
        "<Organization id=\"O\"><Address city=\"Nowhere\"/>words<Empty/></Organization><ObjectRef "
        "id=\"urn:uuid:theirs\" home=\"h\"/>"
        "<ObjectRef id=\"" +
        folder_node + "\"/>" +
        document(
            "<VersionInfo versionName=\"1.1\" comment=\"c\"/>" +
                code(nobodys, "x", "s", "n", code(nobodys, "y", "s", "n")) +
                "<Classification classificationNode=\"urn:uuid:ab9b591b-83ab-4d03-8f5d-f93b1fb92e85\"/>"
                "<Classification classificationScheme=\"urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d\">" +
                slot("authorPerson", "A") + slot("authorBeeper", "5") + "</Classification>" +
                identifier(nobodys, "7"),
            " lid=\"L\" home=\"H\" status=\"S\" objectType=\"T\" house=\"kept\"") +
        "<Classification classifiedObject=\"D\" classificationScheme=\"urn:uuid:" + class_code +
        "\" nodeRepresentation=\"outside\"/>");
    const auto m = said(told);
    const json plain = {{"version", "1.1"}, {"lid", "L"},        {"home", "H"},
                        {"status", "S"},    {"objectType", "T"}, {"limitedMetadata", true}};
    for (const auto& [name, value] : plain.items()) BOOST_TEST(m.at(name) == value, name);
    BOOST_TEST(m.at("classifications")[0].at("code") == "x");
    BOOST_TEST(m.at("classifications")[0].at("codeSystemName") == "s");
    BOOST_TEST(m.at("classifications")[0].at("classifications")[0].at("code") == "y");
    BOOST_TEST(m.at("identifiers")[0] == json({{"scheme", "urn:uuid:" + nobodys}, {"value", "7"}}));
    BOOST_TEST(m.at("author")[0] ==
               json::parse(R"({"person":["A"],"slots":[{"name":"authorBeeper","values":["5"]}]})"));
    // A classification that stands alone belongs to the object it names.
    BOOST_TEST(m.at("classCode").at("code") == "outside");
    BOOST_TEST(
        m.at("more") ==
        json::parse(R"([{"path":"@house","value":"kept"},{"path":"VersionInfo/@comment","value":"c"}])"));
    BOOST_TEST(told.document.at("objectRefs") == json::parse(R"([{"id":"urn:uuid:theirs","home":"h"}])"));
    const std::string at = "/SubmitObjectsRequest/RegistryObjectList/Organization";
    BOOST_TEST(told.document.at("more") == json({{{"path", at + "/@id"}, {"value", "O"}},
                                                 {{"path", at}, {"value", "words"}},
                                                 {{"path", at + "/Address/@city"}, {"value", "Nowhere"}},
                                                 {{"path", at + "/Empty"}}}));
}

BOOST_AUTO_TEST_CASE(several_metadata_files_say_which)
{
    const std::string meta =
        request(package("S", slot("submissionTime", "2030")) + association("RPLC", "a", "b"));
    const auto told =
        xdm().read(zip_of({{own_folder + "METADATA.XML", meta}, {"IHE_XDM/TWO/METADATA.XML", meta}}));
    const auto& a = told.document.at("associations");
    BOOST_REQUIRE(a.size() == 2u);
    BOOST_TEST(a[0].at("in") == own_folder + "METADATA.XML");
    BOOST_TEST(a[1].at("in") == "IHE_XDM/TWO/METADATA.XML");
    BOOST_TEST(told.document.at("submissionSets")[1].at("in") == "IHE_XDM/TWO/METADATA.XML");
}

BOOST_AUTO_TEST_CASE(objects_inside_a_package_are_objects)
{
    const auto told = read(package("S", slot("submissionTime", "2030") + "<RegistryObjectList>" +
                                            document("") + "</RegistryObjectList>"));
    BOOST_TEST(said(told).at("entryId") == "D");
    BOOST_TEST(!told.document.at("submissionSets")[0].contains("more"));
    // The package itself may be all there is; what is in its list is nobody's part but the list's.
    const auto alone = xdm().read(zip_of(
        {{own_folder + "METADATA.XML", package("S", "<RegistryObjectList><Own/></RegistryObjectList>")}}));
    BOOST_TEST(alone.document.at("more") ==
               json::parse(R"([{"path":"/RegistryPackage/RegistryObjectList/Own"}])"));
}

// Characters that are none, mended as in any XML.
BOOST_AUTO_TEST_CASE(what_was_mended_is_noted)
{
    const auto told = read(document(slot("house",
                                         "a\xFF\xC3\xA4\xC3\xB6"
                                         "b")));
    BOOST_REQUIRE(!told.notes.empty());
    BOOST_TEST(told.notes[0].starts_with("metadata: "));
}

BOOST_AUTO_TEST_CASE(a_value_that_is_too_long_is_cut_and_told)
{
    const std::string fits(limits::value_max, 'x'), umlauts = "\xC3\xA4";
    BOOST_TEST(read(document(name_of(fits))).skipped.empty());
    std::string over = fits;
    over.replace(limits::value_max - 1, 1, umlauts);
    const auto told = read(document(name_of(over) + slot("house", fits + "x")));
    BOOST_TEST(said(told).at("title") == std::string(limits::value_max - 1, 'x'));
    BOOST_TEST(said(told).at("slots")[0].at("values")[0] == fits);
    BOOST_TEST(tells(told, own_folder + "METADATA.XML: values or paths that are too long and were cut: 2"));
    // A path.
    const std::string name(limits::path_max, 'n');
    const auto path = read(document("<" + name + " a=\"1\"/>"));
    BOOST_TEST(said(path).at("more")[0].at("path") == name);
    BOOST_TEST(tells(path, own_folder + "METADATA.XML: values or paths that are too long and were cut: 1"));
}

BOOST_AUTO_TEST_CASE(an_object_that_is_too_large_is_cut_and_told)
{
    const std::string value(4000, 'x');
    std::string many;
    for (int i = 0; i < 80; ++i) many += slot("house", value);
    const auto told = read(document(many));
    const auto m = said(told);
    BOOST_TEST(m.dump().size() <= limits::object_max + 100);
    // A slot may still have its name where its values have no room.
    const auto whole = std::count_if(m.at("slots").begin(), m.at("slots").end(),
                                     [](auto& s) { return s.contains("values"); });
    BOOST_TEST(whole > 60);
    BOOST_TEST(m.at("cut").get<int>() >= 80 - whole);
    BOOST_TEST(tells(told, own_folder + "METADATA.XML: parts of objects that are too large, left out: " +
                               m.at("cut").dump()));
}

BOOST_AUTO_TEST_CASE(classifications_in_each_other_end)
{
    std::string inner;
    for (int i = limits::nesting_max; i >= 0; --i)
        inner = code(nobodys, "c" + std::to_string(i), "s", "n", inner);
    const auto told = read(document(inner));
    json at = said(told);
    for (int i = 0; i < limits::nesting_max; ++i) {
        at = json(at.at("classifications")[0]);
        BOOST_TEST(at.at("code") == "c" + std::to_string(i));
    }
    BOOST_TEST(!at.contains("classifications"));
    BOOST_TEST(at.at("more")[1].at("path") == "Classification/@nodeRepresentation");
    BOOST_TEST(at.at("more")[1].at("value") == "c" + std::to_string(limits::nesting_max));
}

BOOST_AUTO_TEST_CASE(a_list_that_is_too_long_is_cut_and_told)
{
    std::string many;
    const int all = 10'000;
    for (int i = 0; i < all; ++i)
        many += association("RPLC", "a" + std::to_string(i), "b" + std::to_string(i));
    const auto told = read(many);
    const auto& listed = told.document.at("associations");
    BOOST_TEST(listed.dump().size() <= limits::list_max + 2);
    BOOST_TEST(listed.size() > 5000u);
    BOOST_TEST(tells(told, "associations: " + std::to_string(all - listed.size()) +
                               " of 10000 are not listed, there is no room for more"));
}

// Paths can be far longer than what they lead to.
BOOST_AUTO_TEST_CASE(what_nobody_knows_is_counted_beyond_a_limit)
{
    const std::string long_name(limits::path_max, 'n');
    std::string many = "<" + long_name + ">";
    for (int i = 0; i < 3000; ++i) many += "<a/>";
    const auto told = read(many + "</" + long_name + ">");
    const auto listed = told.document.at("more").size();
    BOOST_TEST(told.document.at("more").dump().size() <= limits::list_max + 2);
    BOOST_TEST(tells(
        told, own_folder + "METADATA.XML: things nobody knows, left out: " + std::to_string(3000 - listed)));
}

BOOST_AUTO_TEST_CASE(documents_beyond_what_a_package_holds_are_counted)
{
    std::string many;
    for (std::size_t i = 0; i < limits::documents_max + 2; ++i) many += "<ExtrinsicObject id=\"x\"/>";
    const auto told = read(many);
    BOOST_TEST(told.of("other", "missing_document").size() == limits::documents_max);
    BOOST_TEST(tells(told, own_folder + "METADATA.XML: documents beyond the first 10000, left out: 2"));
    BOOST_TEST(!told.document.contains("more"));
}

// A host of before max_document takes a megabyte: the lists share what there is.
BOOST_AUTO_TEST_CASE(all_lists_together_fit_the_host)
{
    std::string many;
    for (int i = 0; i < 8'000; ++i)
        many += association("RPLC", "source", "target") +
                "<ObjectRef id=\"some-other-object\"/><House house=\"" + std::string(60, 'x') + "\"/>";
    struct Seen {
        std::size_t document = 0, skips = 0;
    } seen;
    direct_host host{};
    host.size = offsetof(direct_host, max_document);
    host.context = &seen;
    host.max_items = 1000;
    host.max_json = 1u << 20;
    host.document = [](void* c, direct_bytes b) { return static_cast<Seen*>(c)->document = b.len, 0; };
    host.item = [](void*, const direct_item*) { return 0; };
    host.skip = [](void* c, direct_bytes, direct_bytes) { return ++static_cast<Seen*>(c)->skips, 0; };
    host.note = [](void*, direct_bytes) { return 0; };
    host.child = [](void*, const direct_child*) { return 0; };
    const std::string bytes = zip_with(many);
    const direct_document given{sizeof given, {bytes.data(), bytes.size()}, {}, {}, {}};
    BOOST_TEST(xdm().parser().parse(&host, &given) == DIRECT_PARSED);
    BOOST_TEST(seen.document <= host.max_json);
    BOOST_TEST(seen.document > 900'000u);
    BOOST_TEST(seen.skips == 3u);  // associations, and what stands apart in itself and beside them
}
