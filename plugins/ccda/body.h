// body.h - the walk over a document's body: every section meets its extractor, nothing is dropped.
#pragma once
#include <string>
#include <string_view>

#include "plugins/ccda/extract.h"

namespace direct::ccda {

class Body {
public:
    explicit Body(Cda& cda) : cda_(cda) {}

    /// All sections of structuredBody, nested ones too, or the nonXMLBody.
    void walk(pugi::xml_node document);
    bool has_known_sections() const { return known_ != 0; }
    /// JSON array, one object per section in document order: name, title, code, how many entries and items,
    /// where it stands, its narrative. At most seven eighths of what the host takes as one object.
    std::string contents() { return "[" + contents_.take() + "]"; }

private:
    void sections(pugi::xml_node parent, const std::string& path);
    void section(pugi::xml_node node, const std::string& path);
    void unstructured(pugi::xml_node body);
    void describe(const Section& s, std::size_t items);
    void describe_unstructured(pugi::xml_node body, bool encoded);
    void narrative(const char* section, pugi::xml_node text);
    void keep(const char* section);
    std::size_t contents_max() const;

    Cda& cda_;
    std::size_t known_ = 0;
    JsonWriter contents_;
};

}  // namespace direct::ccda
