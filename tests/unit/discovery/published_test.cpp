// What is published in a directory or in the DNS: how it is read, and that it has an end.
#include "policy/discovery/published.h"

#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "policy/discovery/cert_record.h"
#include "policy/discovery/ldap_value.h"
#include "tests/support/test_pki.h"

using namespace direct;
using namespace direct::test;

namespace {

std::string der_of(const Certificate& c)
{
    return std::string(c.der());
}

const Certificate& one()
{
    static const Certificate made = issue({.name = "one"}, ec_key()).certificate;
    return made;
}

const Certificate& two()
{
    static const Certificate made = issue({.name = "two"}, ec_key()).certificate;
    return made;
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_of_the_attribute_as_directories_hold_them)
{
    const std::string bytes = der_of(one());
    for (const std::string& value : {bytes, pem_of(one()), base64(bytes), base64(bytes, 64)}) {
        auto read = read_ldap_value(value);
        BOOST_REQUIRE_MESSAGE(read, read.error().why);
        BOOST_TEST((*read == std::vector<Certificate>{one()}));
    }
    BOOST_TEST(read_ldap_value(pem_of(one()) + pem_of(two()))->size() == 2u);
    for (const std::string& value :
         {std::string(), std::string("MI"), std::string("MIIB"), bytes + "x", bytes.substr(1),
          bytes.substr(0, 50), base64(bytes + "x"), std::string(ldap_value_max + 1, 'M')})
        BOOST_TEST(!read_ldap_value(value));
    // Each once, in their order, and not without end.
    std::vector<std::string> notes;
    auto all = read_ldap_values({"x", bytes, pem_of(one()), der_of(two())}, notes);
    BOOST_TEST((all == std::vector<Certificate>{one(), two()}));
    BOOST_TEST(notes.size() == 1u);
    std::vector<std::string> many;
    Key key = ec_key();
    for (std::size_t i = 0; i <= published_certificates_max; ++i)
        many.push_back(der_of(issue({.name = "n"}, key).certificate));
    BOOST_TEST(read_ldap_values(many, notes).size() == published_certificates_max);
    BOOST_TEST(notes.size() == 2u);
}

BOOST_AUTO_TEST_CASE(thousands_of_values_are_neither_all_read_nor_all_told_of)
{
    std::vector<std::string> values(5000, "x"), notes;
    BOOST_TEST(read_ldap_values(values, notes).empty());
    BOOST_TEST(notes.size() == published_notes_max + 2);
    BOOST_TEST(notes[published_notes_max] == "and 56 more");
    BOOST_TEST(notes.back().find("more than 64 values") != std::string::npos, notes.back());
    auto records = read_cert_records(values);
    BOOST_TEST(records.notes.size() == published_notes_max + 1);
    BOOST_TEST(records.notes.back() == "and 4992 more");
    values.clear();
    Key key = ec_key();
    for (std::size_t i = 0; i < published_certificates_max + 9; ++i)
        values.push_back(
            write_cert_record({CertRecord::pkix, 0, 0, der_of(issue({.name = "n"}, key).certificate)}));
    records = read_cert_records(values);
    BOOST_TEST(records.certificates.size() == published_certificates_max);
    BOOST_TEST(records.notes.size() == 1u);
    BOOST_TEST(join(records.notes, "").find("more than 32 certificates") != std::string::npos);
}
