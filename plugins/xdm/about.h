// about.h - the document object of a zip. One document, one thread; nothing here throws but bad_alloc.
//
// Of a package: kind type title id effectiveTime patient (of the first submission set), submissionSets[], documents[] {path title
// uniqueId mimeType entryId mismatch} of those that are there, and, when there are any, folders[], packages[], associations[],
// objectRefs[], more[] (metadata.h tells what is in them; `in` is the path of the METADATA.XML when there are several).
// Of any zip: members (their number), ignored[] (names), size, what the sender declared. A plain one has a title: its name.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/json_writer.h"
#include "plugins/parser_plugin.h"
#include "plugins/xdm/metadata.h"

namespace direct::xdm {

/// One METADATA.XML and the folder it speaks of.
struct Subset {
    std::string path;    ///< as in the package
    std::string folder;  ///< lower case, with '/' at its end
    Metadata metadata;
};

class About {
public:
    About(const direct_host& host, const direct_document& document) : host_(host), document_(document) {}

    /// A document of the metadata that is there. `path`: as in the package.
    void document(const DocumentEntry& entry, std::string_view path, bool mismatch);
    void ignored(std::string_view name);
    /// Once, at the end.
    std::string json(bool xdm, std::span<const Subset> subsets, std::size_t members);
    /// Of every list that could not hold all it should: what is missing. No health data.
    const std::vector<std::string>& left_out() const { return left_out_; }

private:
    using Objects = std::vector<std::string> Metadata::*;
    void package_fields(std::span<const Subset> subsets);
    void list(const char* name, std::span<const std::string> values, bool empty_too = false);
    void list_of(const char* name, std::span<const Subset> subsets, Objects objects, bool empty_too = false);

    const direct_host& host_;
    const direct_document& document_;
    JsonWriter w_;
    std::size_t room_ = 0;  // bytes of all lists still to come
    std::vector<std::string> documents_, ignored_, left_out_;
};

}  // namespace direct::xdm
