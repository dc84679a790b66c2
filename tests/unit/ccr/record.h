// record.h - the plugin under test and records to give it.
#pragma once
#include <string>

#include "tests/unit/ccda/plugin_under_test.h"

namespace direct::test {

inline const PluginUnderTest& ccr()
{
    static const PluginUnderTest plugin("ccr");
    return plugin;
}

inline std::string record(const std::string& inside)
{
    return "<ContinuityOfCareRecord xmlns=\"urn:astm-org:CCR\">" + inside + "</ContinuityOfCareRecord>";
}

}  // namespace direct::test
