// Points in time as ISO 8601; HL7's own form is tested where CDA items are.
#include "plugins/time_stamp.h"

#include <boost/test/unit_test.hpp>

using direct::read_iso_time;

BOOST_AUTO_TEST_CASE(iso_times_say_no_more_than_was_written)
{
    struct Case {
        const char *raw, *iso;
        char precision;
        const char* zone;
        bool bad;
    };
    const Case cases[] = {
        {"2005", "2005", 'Y', "", false},
        {"2005-11", "2005-11", 'M', "", false},
        {"2005-11-16", "2005-11-16", 'D', "", false},
        {"2005-11-16T23", "2005-11-16T23", 'H', "", false},
        {"2005-11-16T23:32", "2005-11-16T23:32", 'm', "", false},
        {"2005-11-16T23:32:39", "2005-11-16T23:32:39", 's', "", false},
        {"2005-11-16T23:32:39Z", "2005-11-16T23:32:39+00:00", 's', "+00:00", false},
        {"2005-11-16T23:32:39.123-05:00", "2005-11-16T23:32:39-05:00", 's', "-05:00", false},
        {"2005-05:00", "2005", 'Y', "-05:00", false},
        {"2005-11-16Z", "2005-11-16", 'D', "+00:00", false},
        {"2005-13-01", "", 0, "", true},
        {"2005-11-16T23:32:39-5:00", "", 0, "", true},
        {"2005-11-16T23:32:39-99:00", "2005-11-16T23:32:39", 's', "", true},
        {"20051116", "", 0, "", true},
        {"2005-1-1", "", 0, "", true},
        {"5/5/06", "", 0, "", true},
        {"yesterday", "", 0, "", true},
        {"", "", 0, "", true}};
    for (const auto& c : cases) {
        const auto t = read_iso_time(c.raw);
        BOOST_TEST(t.iso == c.iso, c.raw);
        BOOST_TEST(t.precision == c.precision, c.raw);
        BOOST_TEST(t.zone == c.zone, c.raw);
        BOOST_TEST(t.bad == c.bad, c.raw);
    }
}
