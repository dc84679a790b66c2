// The JSON of directctl parse: whose words it is.
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "plugins/host/worker_pool.h"

using namespace direct;

namespace {

ParseOutcome told(const std::string& document, const std::string& plugin = "mine 1.0")
{
    ParseOutcome o;
    o.status = "parsed";
    o.plugin = plugin;
    o.document = document;
    return o;
}

std::string document_of(const std::string& document, const std::string& plugin = "mine 1.0")
{
    const auto json = to_json(told(document, plugin));
    return json.substr(12, json.find(",\"items\":") - 12);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_failed_document_names_its_plugin)
{
    ParseOutcome o;
    o.plugin = "ccda 1.0";
    o.detail = "killed by SIGSEGV";
    BOOST_TEST(to_json(o) == R"({"error":"crashed","detail":"killed by SIGSEGV","plugin":"ccda 1.0"})");
    // Nobody had it: there is no name.
    o.status = "limit";
    o.plugin = "";
    o.detail = "";
    BOOST_TEST(to_json(o) == R"({"error":"limit","detail":""})");
}

// It stood there twice, and readers of JSON took one or the other.
BOOST_AUTO_TEST_CASE(a_plugin_that_names_itself_is_named_once_by_us)
{
    BOOST_TEST(document_of(R"({"kind":"a","plugin":"other 7"})") == R"({"kind":"a","plugin":"mine 1.0"})");
    BOOST_TEST(document_of(R"({"plugin":{"plugin":[1,{"x":"}"}]},"kind":"a"})") ==
               R"({"kind":"a","plugin":"mine 1.0"})");
    BOOST_TEST(document_of(R"({ "plug\u0069n" : null , "kind":"a"})") ==
               R"({ "kind":"a","plugin":"mine 1.0"})");
    BOOST_TEST(document_of(R"({"plugin":1,"plugin":2})") == R"({"plugin":"mine 1.0"})");
    // Not a member of the document itself, or not the name.
    BOOST_TEST(document_of(R"({"a":{"plugin":1},"b":["plugin",","],"c":"\"plugin\":"})") ==
               R"({"a":{"plugin":1},"b":["plugin",","],"c":"\"plugin\":","plugin":"mine 1.0"})");
    BOOST_TEST(document_of(R"({"plugins":1,"plugi":2,"\\u0070lugin":3})") ==
               R"({"plugins":1,"plugi":2,"\\u0070lugin":3,"plugin":"mine 1.0"})");
    BOOST_TEST(document_of("{\"plug\xc3\xa9in\":1}") == "{\"plug\xc3\xa9in\":1,\"plugin\":\"mine 1.0\"}");
    BOOST_TEST(document_of("{ }") == R"({"plugin":"mine 1.0"})");
    BOOST_TEST(document_of(R"({"kind":"file"})", "") == R"({"kind":"file"})");
}
