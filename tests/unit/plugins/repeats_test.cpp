// Which items of a document say again what another one said.
#include <boost/test/unit_test.hpp>

#include "plugins/repeats.h"

namespace {

// What is written beside the content.
std::string mark(direct::Repeats& repeats, const std::string& identity, const std::string& content)
{
    direct::JsonWriter w;
    repeats.mark(w, identity, content);
    return w.take();
}

const std::string same_id = R"("sameId":true)", duplicate = R"("duplicate":true)";

}  // namespace

BOOST_AUTO_TEST_CASE(equal_content_is_a_duplicate_and_an_equal_id_is_not)
{
    direct::Repeats r;
    BOOST_TEST(mark(r, "k", R"("code":"a")") == "");
    BOOST_TEST(mark(r, "k", R"("code":"b")") == same_id);
    BOOST_TEST(mark(r, "k", R"("code":"a")") == duplicate);
    BOOST_TEST(mark(r, "k", R"("code":"b")") == duplicate);
    BOOST_TEST(mark(r, "other", R"("code":"a")") == "");
    BOOST_TEST(mark(r, "", R"("code":"a")") == "");
    BOOST_TEST(mark(r, "", R"("code":"a")") == "");
}

BOOST_AUTO_TEST_CASE(where_a_part_stands_does_not_count)
{
    direct::Repeats r;
    BOOST_TEST(mark(r, "k", R"("sub":[{"path":"/a[1]","code":"x","textFileOffset":12}],"offset":7)") == "");
    BOOST_TEST(mark(r, "k", R"("sub":[{"path":"/b[\"2]","code":"x","textFileOffset":1}],"offset":70)") ==
               duplicate);
    BOOST_TEST(mark(r, "k", R"("sub":[{"path":"/a[1]","code":"y","textFileOffset":12}],"offset":7)") ==
               same_id);
    // An "offset" that is no place but a quantity counts, and words that look like a place do.
    BOOST_TEST(mark(r, "q", R"("offset":{"value":"1"})") == "");
    BOOST_TEST(mark(r, "q", R"("offset":{"value":"2"})") == same_id);
    BOOST_TEST(mark(r, "w", R"("text":"\"path\":\"a\"")") == "");
    BOOST_TEST(mark(r, "w", R"("text":"\"path\":\"b\"")") == same_id);
    BOOST_TEST(mark(r, "w", R"("text":"offset\":1")") == same_id);
    BOOST_TEST(mark(r, "w", R"("text":"offset\":2")") == same_id);
}
