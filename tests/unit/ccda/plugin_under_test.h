// plugin_under_test.h - a plugin of the build folder called in this process, and what it told.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "plugins/parser_plugin.h"

namespace direct::test {

struct Told {
    direct_parse_status status = DIRECT_MALFORMED;
    nlohmann::json document;
    std::vector<nlohmann::json> items;
    std::vector<std::pair<std::string, std::string>> skipped;
    std::vector<std::string> notes;
    std::vector<std::pair<std::string, std::string>> children;  ///< media type, content
    std::vector<nlohmann::json> containers;                     ///< what is said of each child; null: nothing
    std::vector<std::string> child_names;

    /// Items of one section; with `kind` only those.
    std::vector<nlohmann::json> of(const std::string& section, const std::string& kind = "") const;
};

class PluginUnderTest {
public:
    explicit PluginUnderTest(const std::string& name);
    const direct_parser& parser() const { return *parser_; }
    Told read(const std::string& bytes, const std::string& charset = "", const std::string& media_type = "",
              const std::string& filename = "") const;
    int recognise(const std::string& bytes, const std::string& charset = "") const;
    /// The same with a host that keeps nothing: for measuring. Returns the number of items.
    std::size_t count(const std::string& bytes) const;
    /// Everything that was told, as text: objects, containers and files of children, what was skipped and why. For looking
    /// at thousands of documents.
    std::string text(const std::string& bytes) const;
    /// A host that says stop at the n-th call.
    direct_parse_status read_until(const std::string& bytes, int calls) const;

private:
    const direct_parser* parser_;
};

/// The value at a JSON pointer as text; "" when there is none.
std::string at(const nlohmann::json& j, const std::string& pointer);
/// Plugin "ccda" of the build folder.
const PluginUnderTest& ccda();
/// tests/vectors/ccda/<name>
std::string vector_document(const std::string& name);

}  // namespace direct::test
