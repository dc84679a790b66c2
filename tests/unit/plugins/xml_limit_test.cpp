// The bound of XML that no setting moves, and that the settings' text tells of it.
#include <boost/test/unit_test.hpp>

#include "plugins/xml_view.h"
#include "tests/support/vectors.h"
#include "tests/unit/ccda/plugin_under_test.h"

using namespace direct;
using namespace direct::test;

BOOST_AUTO_TEST_CASE(plugins_document_max_tells_where_xml_ends)
{
    const std::string bound = "XML is read up to " + std::to_string(XmlView::size_max >> 20) + " MB";
    for (const char* file : {"conf/settings.def", "conf/direct.toml.sample", "conf/man/direct.toml.5"}) {
        std::string words;
        for (const char c : read_file(source_dir() + "/" + file)) {
            // As lines are broken in a comment or between two literals.
            const bool blank = c == '\n' || c == '#' || c == '"' || c == ' ';
            if (!blank)
                words += c;
            else if (!words.empty() && words.back() != ' ')
                words += ' ';
        }
        BOOST_TEST(words.find(bound) != std::string::npos, file);
    }
}

BOOST_AUTO_TEST_CASE(xml_beyond_its_bound_is_a_limit_whatever_is_set)
{
    const std::string head = "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><title>",
                      tail = "</title></ClinicalDocument>";
    const auto of_size = [&](std::size_t size) {
        return head + std::string(size - head.size() - tail.size(), 'x') + tail;
    };
    BOOST_TEST(ccda().read(of_size(XmlView::size_max)).status == DIRECT_PARSED);
    BOOST_TEST(ccda().read(of_size(XmlView::size_max + 1)).status == DIRECT_LIMIT);
}
