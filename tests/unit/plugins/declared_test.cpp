// What the sender said against what the document is: helper and plugins.
#include "plugins/declared.h"

#include <boost/test/unit_test.hpp>

#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct;
using namespace direct::test;

BOOST_AUTO_TEST_CASE(declared_and_found)
{
    struct Case {
        const char *kind, *type, *media_type, *filename;
        bool mismatch;
    };
    const Case cases[] = {
        // Nothing said, or what fits everything.
        {"ccda", "", "", "", false},
        {"ccda", "", "application/octet-stream", "", false},
        {"file", "", "application/octet-stream", "x", false},
        // Types a CDA document comes under.
        {"ccda", "", "Application/ccd-xml", "", false},
        {"ccd", "", "application/CCD+XML", "", false},
        {"cda", "", "application/cda+xml; charset=utf-8", "", false},
        {"ccda", "", "Text/xml", "", false},
        {"ccda", "", "application/vnd.house+xml", "", false},
        {"ccr", "", "Application/ccr+xml", "", false},
        {"ccr", "", "text/xml", "", false},
        {"xdm", "", "application/x-zip-compressed", "", false},
        {"file", "application/xml", "text/xml", "", false},
        {"file", "application/fhir+json", "application/json", "", false},
        {"file", "x-application/hl7-v2+er7", "application/hl7-v2", "", false},
        {"file", "application/zip", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
         "", false},
        {"file", "text/plain", "text/csv", "", false},
        {"file", "image/jpeg", "image/jpg", "", false},
        // One kind called another.
        {"ccda", "", "application/ccr+xml", "", true},
        {"ccr", "", "application/ccd-xml", "", true},
        {"ccr", "", "application/cda+xml", "", true},
        {"ccda", "", "application/pdf", "", true},
        {"ccda", "", "text/plain", "", true},
        {"ccda", "", "application/zip", "", true},
        {"xdm", "", "text/xml", "", true},
        {"file", "application/pdf", "text/xml", "", true},
        {"file", "application/xml", "application/ccd-xml", "", true},
        {"file", "text/html", "text/xml", "", true},
        {"file", "application/fhir+json", "text/xml", "", true},
        {"file", "application/pdf", "image/png", "", true},
        {"file", "image/png", "text/csv", "", true},
        // The name counts where the type says nothing, and only there.
        {"ccda", "", "application/octet-stream", "a.PDF", true},
        {"ccda", "", "application/octet-stream", "a.xml", false},
        {"ccda", "", "", "a.ccr", true},
        {"ccda", "", "text/xml", "a.pdf", false},
        {"xdm", "", "", "a.xdm", false},
        {"file", "image/png", "", "a.b.png", false},
        {"file", "image/png", "", ".", false},
    };
    for (const auto& c : cases)
        BOOST_TEST(is_mismatch({c.kind, c.type}, c.media_type, c.filename) == c.mismatch,
                   c.kind << " " << c.type << " as " << c.media_type << " " << c.filename);
}

namespace {

const std::string cda = "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"/>";
const std::string ccr = "<ContinuityOfCareRecord xmlns=\"urn:astm-org:CCR\"/>";

}  // namespace

// The content decides who reads it; a type that is wrong is told, beside what it was.
BOOST_AUTO_TEST_CASE(plugins_tell_a_wrong_type)
{
    const PluginUnderTest cda_plugin("ccda"), ccr_plugin("ccr"), file("file");
    for (const char* type :
         {"application/ccd-xml", "Application/ccd-xml", "APPLICATION/CCD-XML", "application/ccd+xml"}) {
        const auto told = cda_plugin.read(cda, "", type);
        BOOST_TEST(told.document.at("declared") == type);
        BOOST_TEST(!told.document.contains("mismatch"));
    }
    auto told = cda_plugin.read(cda, "", "application/ccr+xml");
    BOOST_TEST(told.status == DIRECT_PARSED);
    BOOST_TEST(told.document.at("mismatch") == true);
    told = ccr_plugin.read(ccr, "", "application/ccd-xml");
    BOOST_TEST(told.document.at("kind") == "ccr");
    BOOST_TEST(told.document.at("mismatch") == true);
    told = ccr_plugin.read(ccr, "", "Application/ccr+xml");
    BOOST_TEST(!told.document.contains("mismatch"));
    told = file.read("%PDF-1.4", "", "text/xml", "x.xml");
    BOOST_TEST(told.document.at("declared") == "text/xml");
    BOOST_TEST(told.document.at("mismatch") == true);
    told = file.read("%PDF-1.4");
    BOOST_TEST(!told.document.contains("declared"));
    BOOST_TEST(!told.document.contains("mismatch"));
}

// All three names of an encoding: the one used, the document's own, the message's.
BOOST_AUTO_TEST_CASE(plugins_tell_the_encoding)
{
    const PluginUnderTest ccr_plugin("ccr");
    const auto told =
        ccr_plugin.read("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" + ccr, "us-ascii", "text/xml");
    BOOST_TEST(told.document.at("encoding") == "windows-1252");
    BOOST_TEST(told.document.at("declaredEncoding") == "iso-8859-1");
    BOOST_TEST(told.document.at("charset") == "us-ascii");
}
