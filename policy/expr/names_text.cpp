#include "policy/expr/names_text.h"

#include <openssl/objects.h>

#include <algorithm>

#include "milter/base/text.h"

namespace direct::expr {
namespace {

std::string_view bytes_of(const ASN1_STRING* s)
{
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(s)), std::size_t(ASN1_STRING_length(s))};
}

template <class T, class Encode>
std::string hex_der(const T* value, Encode encode)
{
    unsigned char* der = nullptr;
    int n = encode(value, &der);
    if (n <= 0) return "#";
    std::string out = "#" + hex({reinterpret_cast<char*>(der), std::size_t(n)});
    OPENSSL_free(der);
    return out;
}

bool is_text(const ASN1_STRING* s)
{
    switch (ASN1_STRING_type(s)) {
        case V_ASN1_PRINTABLESTRING:
        case V_ASN1_UTF8STRING:
        case V_ASN1_T61STRING:
        case V_ASN1_IA5STRING:
        case V_ASN1_GENERALSTRING:
        case V_ASN1_BMPSTRING:
        case V_ASN1_UNIVERSALSTRING:
        case V_ASN1_VISIBLESTRING:
        case V_ASN1_NUMERICSTRING:
            return true;
        default:
            return false;
    }
}

/// IA5String has seven bits; what has eight is read as Latin-1, so that the text stays UTF-8.
std::string latin1_text(std::string_view bytes)
{
    std::string out;
    out.reserve(bytes.size());
    for (unsigned char c : bytes) {
        if (c < 0x80) {
            out += char(c);
        } else {
            out += char(0xc0 | c >> 6);
            out += char(0x80 | (c & 0x3f));
        }
    }
    return out;
}

/// Attribute types RFC 2253 gives a keyword (section 2.3).
std::string_view keyword_of(std::string_view oid)
{
    struct Row {
        std::string_view oid, word;
    };
    static constexpr Row rows[] = {{"2.5.4.3", "CN"},
                                   {"2.5.4.6", "C"},
                                   {"2.5.4.7", "L"},
                                   {"2.5.4.8", "ST"},
                                   {"2.5.4.9", "STREET"},
                                   {"2.5.4.10", "O"},
                                   {"2.5.4.11", "OU"},
                                   {"0.9.2342.19200300.100.1.1", "UID"},
                                   {"0.9.2342.19200300.100.1.25", "DC"}};
    for (const auto& row : rows)
        if (row.oid == oid) return row.word;
    return {};
}

std::string escaped(const std::string& value)
{
    std::string out;
    auto first = value.find_first_not_of(' '), last = value.find_last_not_of(' ');
    for (std::size_t i = 0; i < value.size(); ++i) {
        char c = value[i];
        bool outer_blank = c == ' ' && (first == std::string::npos || i < first || i > last);
        if (c == '\0') {
            out += "\\00";
            continue;
        }
        if (outer_blank || std::string_view(",=+<>#;\"\\").find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

std::string attribute_text(const X509_NAME_ENTRY* entry)
{
    std::string oid = dotted(X509_NAME_ENTRY_get_object(entry));
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(entry);
    auto keyword = keyword_of(oid);
    if (keyword.empty() || !is_text(value)) return oid + "=" + hex_der(value, i2d_ASN1_PRINTABLE);
    return std::string(keyword) + "=" + escaped(string_text(value));
}

}  // namespace

std::string dotted(const ASN1_OBJECT* oid)
{
    char buffer[256];
    int n = OBJ_obj2txt(buffer, sizeof buffer, oid, 1);
    return n > 0 && n < int(sizeof buffer) ? std::string(buffer, std::size_t(n)) : std::string();
}

std::string string_text(const ASN1_STRING* value)
{
    if (!is_text(value)) return hex_der(value, i2d_ASN1_PRINTABLE);
    if (ASN1_STRING_type(value) == V_ASN1_IA5STRING) return latin1_text(bytes_of(value));
    unsigned char* utf8 = nullptr;
    int n = ASN1_STRING_to_UTF8(&utf8, value);
    if (n < 0) return "#" + hex(bytes_of(value));
    std::string out(reinterpret_cast<char*>(utf8), std::size_t(n));
    OPENSSL_free(utf8);
    return out;
}

std::string rfc2253(const X509_NAME* name)
{
    std::string out;
    for (int i = X509_NAME_entry_count(name); i-- > 0;) {
        const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
        if (!out.empty()) {
            const X509_NAME_ENTRY* later = X509_NAME_get_entry(name, i + 1);
            out += X509_NAME_ENTRY_set(later) == X509_NAME_ENTRY_set(entry) ? '+' : ',';
        }
        out += attribute_text(entry);
    }
    return out;
}

std::vector<std::string> attribute_values(const X509_NAME* name, int nid)
{
    std::vector<std::string> out;
    for (int at = -1; (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0;)
        out.push_back(string_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))));
    return out;
}

std::vector<std::string> attribute_values(const X509_NAME* name, std::string_view dotted_oid)
{
    std::vector<std::string> out;
    for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
        const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
        if (dotted(X509_NAME_ENTRY_get_object(entry)) == dotted_oid)
            out.push_back(string_text(X509_NAME_ENTRY_get_data(entry)));
    }
    return out;
}

std::string general_name(const GENERAL_NAME* name)
{
    int kind = 0;
    void* value = GENERAL_NAME_get0_value(name, &kind);
    switch (kind) {
        case GEN_EMAIL:
        case GEN_DNS:
        case GEN_URI:
            return latin1_text(bytes_of(static_cast<ASN1_STRING*>(value)));
        case GEN_IPADD:
            return "#" + hex(bytes_of(static_cast<ASN1_STRING*>(value)));
        case GEN_RID:
            return dotted(static_cast<ASN1_OBJECT*>(value));
        case GEN_DIRNAME:
            return rfc2253(static_cast<X509_NAME*>(value));
        default:
            return hex_der(name, i2d_GENERAL_NAME);
    }
}

std::string_view general_name_kind(const GENERAL_NAME* name)
{
    static constexpr std::string_view kinds[] = {"otherName",
                                                 "rfc822",
                                                 "dns",
                                                 "x400Address",
                                                 "directory",
                                                 "ediParty",
                                                 "uniformResourceIdentifier",
                                                 "ipaddress",
                                                 "registeredId"};
    int kind = 0;
    GENERAL_NAME_get0_value(name, &kind);
    return kind >= 0 && kind < int(std::size(kinds)) ? kinds[kind] : "unknown";
}

}  // namespace direct::expr
