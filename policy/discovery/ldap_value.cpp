// ldap_value.cpp - see ldap_value.h.
#include "policy/discovery/ldap_value.h"

#include <algorithm>

#include "milter/base/text.h"

namespace direct {

Result<std::vector<Certificate>> read_ldap_value(std::string_view value)
{
    if (value.size() > ldap_value_max)
        return fail(refuse(Reason::malformed, "longer than " + std::to_string(ldap_value_max) + " bytes"));
    if (auto one = Certificate::from_der(value)) return std::vector<Certificate>{*std::move(one)};
    // DER begins with a SEQUENCE, 0x30, which stands for '0' in text; in base64 it becomes 'M'.
    if (value.starts_with("MI") && value.find('-') == value.npos) {
        TRY(std::string der, unbase64(value));
        TRY(auto one, Certificate::from_der(der));
        return std::vector<Certificate>{std::move(one)};
    }
    return read_certificates(value);
}

std::vector<Certificate> read_ldap_values(const std::vector<std::string>& values,
                                          std::vector<std::string>& notes)
{
    std::vector<Certificate> out;
    PublishedNotes left_out;
    bool full = false;
    for (std::size_t i = 0; i < std::min(values.size(), ldap_values_max) && !full; ++i) {
        auto read = read_ldap_value(values[i]);
        if (!read) {
            left_out.add("a value of userCertificate is no certificate: " + read.error().why);
            continue;
        }
        for (auto& one : *read) {
            if (std::find(out.begin(), out.end(), one) != out.end()) continue;
            full = out.size() == published_certificates_max;
            if (full) break;
            out.push_back(std::move(one));
        }
    }
    auto lines = left_out.take();
    notes.insert(notes.end(), lines.begin(), lines.end());
    if (full)
        notes.push_back("more than " + std::to_string(published_certificates_max) +
                        " certificates: the others are left out");
    else if (values.size() > ldap_values_max)
        notes.push_back("more than " + std::to_string(ldap_values_max) +
                        " values: the others are not looked at");
    return out;
}

}  // namespace direct
