// site.h - short ways for the settings tests to parse text and look at what was said.
#pragma once
#include <boost/test/unit_test.hpp>
#include <string>

#include "conf/settings.h"

namespace direct::test {

inline const std::string one_domain = "[[domain]]\nname = \"direct.example.org\"\n";

/// The configuration "text" as /etc/direct/direct.toml; must be taken.
inline std::shared_ptr<const Settings> taken(const std::string& text)
{
    auto r = parse_settings(text, "/etc/direct/direct.toml");
    BOOST_REQUIRE_MESSAGE(r, "refused:\n" << (r ? "" : r.error().why) << "\n" << text);
    return *r;
}

/// What is said about "text", which must be refused.
inline std::string refused(const std::string& text)
{
    auto r = parse_settings(text, "/etc/direct/direct.toml");
    BOOST_REQUIRE_MESSAGE(!r, "taken, but should be refused:\n" << text);
    BOOST_TEST((r.error().reason == Reason::configuration));
    return r.error().why;
}

inline bool says(const std::string& text, const std::string& part)
{
    return text.find(part) != text.npos;
}

#define CHECK_SAYS(text, part) BOOST_TEST(says(text, part), "\"" << (part) << "\" is not in:\n" << (text))

}  // namespace direct::test
