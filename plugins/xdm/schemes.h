// schemes.h - the fixed names of XDS metadata: which classification scheme, identifier and node means what. Pure functions
// of constant tables, thread safe; UUIDs are compared case aside.
// Source: IHE ITI TF-3 4.2 (metadata), 4.2.5.2 (UUIDs); ebRIM 3.0.
#pragma once
#include <span>
#include <string_view>

namespace direct::xdm {

struct CodeScheme {
    std::string_view uuid;
    const char* member;  ///< what the code is called in JSON
    bool many;           ///< a list of codes
};

/// In the order in which codes are told.
std::span<const CodeScheme> code_schemes();
bool is_author_scheme(std::string_view uuid);
/// "patientId", "uniqueId" or "sourceId", whatever it identifies; "" for any other scheme.
std::string_view identifier_member(std::string_view uuid);
/// The name that the specification wants beside such an identifier: "XDSDocumentEntry.uniqueId".
bool is_identifier_label(std::string_view label, std::string_view member);
/// Node or scheme of an object with less metadata than the specification asks for.
bool is_limited_metadata(std::string_view uuid);
/// One of the names above, an object type or another fixed name: who only refers to it says nothing.
bool is_fixed_name(std::string_view uuid);

inline constexpr std::string_view submission_set_node = "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd";
inline constexpr std::string_view folder_node = "urn:uuid:d9d542f3-6cc4-48b6-8870-ea235fbc94c2";

/// Equal, ASCII case aside.
bool same(std::string_view a, std::string_view b);

}  // namespace direct::xdm
