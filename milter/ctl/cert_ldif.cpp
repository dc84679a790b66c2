// cert_ldif.cpp - see cert_ldif.h.
#include "milter/ctl/cert_ldif.h"

#include <algorithm>
#include <cstring>

#include "milter/base/text.h"

namespace direct::ctl {
namespace {

constexpr std::size_t columns = 76;

/// SAFE-STRING of RFC 2849; a blank at the end would not survive an editor.
bool is_plain(std::string_view value)
{
    if (value.empty()) return true;
    const bool begins = !std::strchr(" :<", value.front()) && value.back() != ' ';
    return begins && std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string labels_of(std::string_view domain)
{
    std::vector<std::string> parts;
    for (auto label : split(domain, '.')) parts.push_back("dc=" + std::string(label));
    return join(parts, ",");
}

std::string base_entry(const std::string& domain, const std::string& base)
{
    return ldif_line("dn", base) + "objectClass: top\nobjectClass: dcObject\nobjectClass: organization\n" +
           ldif_line("dc", split(domain, '.')[0]) + ldif_line("o", domain) + "\n";
}

std::string classes_of(LdifForm form, const std::string& name)
{
    if (form == LdifForm::device)
        // mail is no attribute of a device: extensibleObject lets it have one.
        return "objectClass: top\nobjectClass: device\nobjectClass: pkiUser\nobjectClass: "
               "extensibleObject\n" +
               ldif_line("cn", name);
    return "objectClass: top\nobjectClass: person\nobjectClass: organizationalPerson\n"
           "objectClass: inetOrgPerson\n" +
           ldif_line("cn", name) + ldif_line("sn", name);
}

}  // namespace

std::string ldif_line(std::string_view attribute, std::string_view value)
{
    const bool plain = is_plain(value);
    std::string line(attribute);
    line += plain ? ": " : ":: ";
    line += plain ? std::string(value) : base64(value);
    std::string out = line.substr(0, columns) + "\n";
    // What follows a line begins with one blank, which is not part of it.
    for (std::size_t at = columns; at < line.size(); at += columns - 1)
        out += " " + line.substr(at, columns - 1) + "\n";
    return out;
}

std::string dn_value(std::string_view value)
{
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        const bool edge = (i == 0 && (c == ' ' || c == '#')) || (i + 1 == value.size() && c == ' ');
        if (c == '\0') {
            out += "\\00";
            continue;
        }
        if (edge || std::strchr("\"+,;<>\\=", c)) out += '\\';
        out += c;
    }
    return out;
}

Result<std::string> cert_ldif(std::string_view name, const std::vector<Certificate>& certificates,
                              const LdifOptions& options)
{
    std::string mail, domain;
    if (name.find('@') != name.npos) {
        TRY(Address address, parse_address(name, true));
        mail = address.key();
        domain = address.domain;
    } else {
        TRY(domain, normal_domain(name));
        mail = domain;
    }
    if (certificates.empty())
        return fail(refuse(Reason::input, "no certificate to publish for " + std::string(name)));
    if (options.with_base && !options.base.empty())
        return fail(refuse(Reason::input, "what kind of entry " + options.base + " is, is not known here"));
    const std::string base = options.base.empty() ? labels_of(domain) : options.base;
    std::string out = options.with_base ? base_entry(domain, base) : "";
    out += ldif_line("dn", "mail=" + dn_value(mail) + "," + base);
    if (options.form == LdifForm::change) {
        out += "changetype: modify\nreplace: userCertificate;binary\n";
    } else {
        out += classes_of(options.form, mail) + ldif_line("mail", mail);
    }
    // Values of an attribute are a set: the same twice would be refused.
    auto each = certificates;
    std::sort(each.begin(), each.end());
    each.erase(std::unique(each.begin(), each.end()), each.end());
    for (const auto& one : each) out += ldif_line("userCertificate;binary", one.der());
    if (options.form == LdifForm::change) out += "-\n";
    return out + "\n";
}

}  // namespace direct::ctl
