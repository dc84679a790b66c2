// body.h - the walk over a document's body: every section meets its extractor, nothing is dropped.
#pragma once
#include <string>
#include <string_view>

#include "plugins/ccda/extract.h"

namespace direct::ccda {

class Body {
public:
    explicit Body(Cda& cda) : cda_(cda) {}

    /// All sections of every structuredBody, nested ones too, and every nonXMLBody.
    void walk(pugi::xml_node document);
    bool has_known_sections() const { return known_ != 0; }
    /// JSON array, one object per section in document order: name, title, code, how many entries and items,
    /// where it stands, its narrative; "titleMore" and "narrativeMore" (objects like itself) of second ones,
    /// "titleMoreRest" what those say beside their words; "oddEntries": entries without a statement, as they stand.
    /// With around() at most seven eighths of what the host takes as one object.
    std::string contents() { return "[" + contents_.take() + "]"; }
    /// JSON array: component and structuredBody that say something beside the sections in them, as
    /// statement.h writes it, each with its path. "" when none does.
    std::string around() { return around_.size() ? "[" + around_.take() + "]" : ""; }

private:
    void sections(pugi::xml_node parent, const std::string& path);
    void section(pugi::xml_node node, const std::string& path);
    void beside(pugi::xml_node level, const std::string& path);
    void unstructured(pugi::xml_node body, const std::string& path);
    /// An item: the text's attributes by their names, "reference", "size" of what it holds, embedded_members() without a name,
    /// "fileOffset" of what was handed on, "more": elements beside its bytes.
    void embedded(pugi::xml_node body, pugi::xml_node text, pugi::xml_node place, const std::string& path);
    void rest_of_body(pugi::xml_node body);
    void describe(const Section& s, std::size_t items);
    void odd_entries(const Section& s);
    void said_again(const Section& s);
    void describe_embedded(pugi::xml_node text, pugi::xml_node place, const std::string& path, bool encoded);
    void narrative(const char* section, pugi::xml_node text);
    void keep(JsonWriter& list, const char* section);
    std::size_t told() const { return contents_.size() + around_.size(); }
    std::size_t contents_max() const;

    Cda& cda_;
    std::size_t known_ = 0;
    JsonWriter contents_, around_;
};

}  // namespace direct::ccda
