// metadata_xml.h - pieces of METADATA.XML as text, and packages that hold one.
#pragma once
#include <string>

#include "tests/unit/ccda/plugin_under_test.h"
#include "tests/unit/xdm/zip_writer.h"

namespace direct::test {

inline const PluginUnderTest& xdm()
{
    static const PluginUnderTest plugin("xdm");
    return plugin;
}

inline std::string slot(const std::string& name, const std::string& value)
{
    return "<Slot name=\"" + name + "\"><ValueList><Value>" + value + "</Value></ValueList></Slot>";
}

inline std::string name_of(const std::string& name)
{
    return "<Name><LocalizedString value=\"" + name + "\"/></Name>";
}

inline std::string code(const std::string& scheme, const std::string& value, const std::string& system,
                        const std::string& name, const std::string& more = "")
{
    return "<Classification classificationScheme=\"urn:uuid:" + scheme + "\" nodeRepresentation=\"" + value +
           "\">" + slot("codingScheme", system) + name_of(name) + more + "</Classification>";
}

inline std::string identifier(const std::string& scheme, const std::string& value)
{
    return "<ExternalIdentifier identificationScheme=\"urn:uuid:" + scheme + "\" value=\"" + value + "\"/>";
}

inline std::string request(const std::string& objects)
{
    return "<SubmitObjectsRequest xmlns=\"urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0\"><RegistryObjectList "
           "xmlns=\"urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0\">" +
           objects + "</RegistryObjectList></SubmitObjectsRequest>";
}

}  // namespace direct::test
