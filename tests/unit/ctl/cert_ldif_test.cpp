// Our certificates as LDIF: the text, and that a directory takes it.
#include "milter/ctl/cert_ldif.h"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "milter/base/text.h"
#include "tests/support/scratch.h"
#include "tests/support/test_pki.h"
#include "tests/support/vectors.h"

using namespace direct;
using namespace direct::ctl;
using namespace direct::test;

namespace {

const Certificate& jo()
{
    static const Certificate made =
        issue({.name = "jo", .san = {"email:jo@d.example"}}, ec_key()).certificate;
    return made;
}

std::string ldif(const std::string& name, const LdifOptions& options = {},
                 const std::vector<Certificate>& certificates = {jo()})
{
    auto text = cert_ldif(name, certificates, options);
    BOOST_REQUIRE_MESSAGE(text, text.error().why);
    return *text;
}

std::string unfolded(std::string text)
{
    for (std::size_t at; (at = text.find("\n ")) != text.npos;) text.erase(at, 2);
    return text;
}

const char* const slapadd = "/usr/sbin/slapadd";

/// A directory with Debian's schema and nothing in it; `loaded` tells what it holds after it was given LDIF.
struct Directory {
    Scratch dir;
    explicit Directory(const std::string& suffix)
    {
        std::filesystem::create_directory(dir / "db");
        write_file(dir / "slapd.conf",
                   "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n"
                   "include /etc/ldap/schema/inetorgperson.schema\nmodulepath /usr/lib/ldap\n"
                   "moduleload back_mdb\ndatabase mdb\nmaxsize 10485760\nsuffix \"" +
                       suffix + "\"\ndirectory " + (dir / "db") + "\n");
    }
    std::string loaded(const std::string& tool, const std::string& text)
    {
        write_file(dir / "in.ldif", text);
        run("/usr/sbin/" + tool + " -f " + (dir / "slapd.conf") + " -l " + (dir / "in.ldif") + " 2>&1");
        return unfolded(run("/usr/sbin/slapcat -f " + (dir / "slapd.conf")));
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(lines_are_folded_and_encoded_where_they_must)
{
    BOOST_TEST(ldif_line("mail", "jo@d.example") == "mail: jo@d.example\n");
    BOOST_TEST(ldif_line("cn", "") == "cn: \n");
    for (const char* odd : {" a", ":a", "<a", "a ", "\xc3\xa4", "a\nb"})
        BOOST_TEST(ldif_line("cn", odd) == "cn:: " + base64(odd) + "\n");
    BOOST_TEST(ldif_line("cn", "a: b # c") == "cn: a: b # c\n");
    const std::string folded = ldif_line("cn", std::string(200, 'x'));
    for (auto line : split(folded, '\n')) BOOST_TEST(line.size() <= 76u);
    BOOST_TEST(unfolded(folded) == "cn: " + std::string(200, 'x') + "\n");
}

BOOST_AUTO_TEST_CASE(names_are_escaped)
{
    BOOST_TEST(dn_value("jo@d.example") == "jo@d.example");
    BOOST_TEST(dn_value("a,b+c\"d\\e<f>g;h=i") == "a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h\\=i");
    BOOST_TEST(dn_value(" #a ") == "\\ #a\\ ");
    BOOST_TEST(dn_value("#a") == "\\#a");
    BOOST_TEST(dn_value(std::string_view("a\0b", 3)) == "a\\00b");
}

BOOST_AUTO_TEST_CASE(an_entry_for_an_address_and_for_a_domain)
{
    const std::string value = "userCertificate;binary:: " + base64(jo().der()) + "\n";
    BOOST_TEST(unfolded(ldif("Jo@D.example")) ==
               "dn: mail=jo@d.example,dc=d,dc=example\nobjectClass: top\nobjectClass: person\n"
               "objectClass: organizationalPerson\nobjectClass: inetOrgPerson\ncn: jo@d.example\n"
               "sn: jo@d.example\nmail: jo@d.example\n" +
                   value + "\n");
    BOOST_TEST(unfolded(ldif("d.example", {.base = "ou=x,o=y", .form = LdifForm::device})) ==
               "dn: mail=d.example,ou=x,o=y\nobjectClass: top\nobjectClass: device\nobjectClass: pkiUser\n"
               "objectClass: extensibleObject\ncn: d.example\nmail: d.example\n" +
                   value + "\n");
    BOOST_TEST(unfolded(ldif("d.example", {.form = LdifForm::change}, {jo(), jo()})) ==
               "dn: mail=d.example,dc=d,dc=example\nchangetype: modify\nreplace: userCertificate;binary\n" +
                   value + "-\n\n");
    BOOST_TEST(!cert_ldif("d.example", {}));
    for (const char* name : {"", "a b", "@d.example", "a@", "a@b c"}) BOOST_TEST(!cert_ldif(name, {jo()}));
    BOOST_TEST(!cert_ldif("d.example", {jo()}, {.base = "o=x", .with_base = true}));
}

BOOST_AUTO_TEST_CASE(a_directory_takes_it)
{
    if (access(slapadd, X_OK) != 0) {
        BOOST_TEST_MESSAGE("slapd is not installed: left out");
        return;
    }
    const Certificate other = issue({.name = "other", .san = {"DNS:d.example"}}, ec_key()).certificate;
    Directory directory("dc=d,dc=example");
    const std::string odd = "\"o,d+d =#\"@d.example";
    std::string held =
        directory.loaded("slapadd", ldif("jo@d.example", {.with_base = true}, {jo(), other, jo()}) +
                                        ldif(odd) + ldif("d.example", {.form = LdifForm::device}));
    for (const std::string& mail : {std::string("jo@d.example"), odd, std::string("d.example")})
        BOOST_TEST(held.find("\nmail: " + mail + "\n") != held.npos, mail << "\n" << held);
    BOOST_TEST(held.find("userCertificate;binary:: " + base64(other.der()) + "\n") != held.npos);
    held = directory.loaded("slapmodify", ldif("jo@d.example", {.form = LdifForm::change}) +
                                              ldif("d.example", {.form = LdifForm::change}));
    BOOST_TEST(held.find(base64(other.der())) == held.npos);
    BOOST_TEST(held.find("userCertificate;binary:: " + base64(jo().der()) + "\n") != held.npos);
}
