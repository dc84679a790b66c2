// schemes.cpp - see schemes.h.
#include "plugins/xdm/schemes.h"

#include <algorithm>
#include <string>

namespace direct::xdm {
namespace {

constexpr CodeScheme codes[] = {
    {"urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a", "classCode", false},
    {"urn:uuid:f0306f51-975f-434e-a61c-c59651d33983", "typeCode", false},
    {"urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d", "formatCode", false},
    {"urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", "healthcareFacilityTypeCode", false},
    {"urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead", "practiceSettingCode", false},
    {"urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f", "confidentialityCode", true},
    {"urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4", "eventCodeList", true},
    {"urn:uuid:aa543740-bdda-424e-8c96-df4873be8500", "contentTypeCode", false},
    {"urn:uuid:1ba97051-7806-41a8-a48b-8fce7af683c5", "codeList", true},
    {"urn:uuid:abd807a3-4432-4053-87b4-fd82c643d1f3", "documentation", false},
};
constexpr std::string_view authors[] = {"urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d",
                                        "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d"};
struct Identifier {
    std::string_view uuid, member;
};
constexpr Identifier identifiers[] = {
    {"urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427", "patientId"},
    {"urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab", "uniqueId"},
    {"urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446", "patientId"},
    {"urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8", "uniqueId"},
    {"urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832", "sourceId"},
    {"urn:uuid:f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a", "patientId"},
    {"urn:uuid:75df8f67-9973-4fbe-a900-df66cefecc5a", "uniqueId"},
};
// Of a document, a submission set, a folder.
constexpr std::string_view limited[] = {"urn:uuid:ab9b591b-83ab-4d03-8f5d-f93b1fb92e85",
                                        "urn:uuid:5003a9db-8d8d-49e6-bf0c-990e34ac7707",
                                        "urn:uuid:2c144a76-29a9-4b7c-af54-b25409fe7d03"};
// Object types of documents: stable and on demand.
constexpr std::string_view types[] = {"urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1",
                                      "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248"};

template <std::size_t N>
bool holds(const std::string_view (&list)[N], std::string_view uuid)
{
    return std::any_of(std::begin(list), std::end(list), [&](auto one) { return same(one, uuid); });
}

}  // namespace

bool same(std::string_view a, std::string_view b)
{
    const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return low(x) == low(y); });
}

std::span<const CodeScheme> code_schemes()
{
    return codes;
}

bool is_author_scheme(std::string_view uuid)
{
    return holds(authors, uuid);
}

std::string_view identifier_member(std::string_view uuid)
{
    for (const auto& i : identifiers)
        if (same(i.uuid, uuid)) return i.member;
    return "";
}

bool is_identifier_label(std::string_view label, std::string_view member)
{
    for (std::string_view object : {"XDSDocumentEntry.", "XDSSubmissionSet.", "XDSFolder."})
        if (label.starts_with(object) && label.substr(object.size()) == member) return true;
    return false;
}

bool is_limited_metadata(std::string_view uuid)
{
    return holds(limited, uuid);
}

bool is_fixed_name(std::string_view uuid)
{
    return std::any_of(std::begin(codes), std::end(codes), [&](auto& c) { return same(c.uuid, uuid); }) ||
           holds(authors, uuid) || !identifier_member(uuid).empty() || holds(limited, uuid) ||
           holds(types, uuid) || same(uuid, submission_set_node) || same(uuid, folder_node);
}

}  // namespace direct::xdm
