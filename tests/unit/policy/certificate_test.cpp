#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "policy/certificate.h"
#include "tests/support/scratch.h"
#include "tests/support/test_pki.h"
#include "tests/support/vectors.h"

using namespace direct;
using namespace direct::test;

namespace {

Address addr(const std::string& text)
{
    auto a = parse_address(text);
    BOOST_REQUIRE_MESSAGE(a, text);
    return *a;
}

Certificate with_san(std::vector<std::string> san)
{
    static Key key = ec_key();
    return issue({.san = std::move(san)}, key).certificate;
}

}  // namespace

BOOST_AUTO_TEST_CASE(local_part_and_domain_compare_without_case)
{
    Certificate c = with_san({"email:Joe.Doe@D.Example"});
    BOOST_TEST(c.bound_to(addr("joe.doe@d.example")));
    BOOST_TEST(c.bound_to(addr("JOE.DOE@D.EXAMPLE")));
    BOOST_TEST(!c.bound_to(addr("joe.do@d.example")));
    BOOST_TEST(!c.bound_to_domain("d.example"));
}

BOOST_AUTO_TEST_CASE(a_domain_certificate_covers_exactly_its_domain)
{
    Certificate c = with_san({"DNS:D.example"});
    BOOST_TEST(c.bound_to(addr("anyone@d.example")));
    BOOST_TEST(!c.bound_to(addr("a@x.d.example")));
    BOOST_TEST(!c.bound_to(addr("a@example.org")));
    BOOST_TEST(!c.bound_to(addr("a@dd.example")));
    BOOST_TEST(!with_san({"DNS:*.d.example"}).bound_to(addr("a@x.d.example")));
    BOOST_TEST(!c.bound_to_domain(""));
}

BOOST_AUTO_TEST_CASE(every_name_of_several_binds)
{
    Certificate c =
        with_san({"email:a@one.example", "DNS:two.example", "email:b@three.example", "DNS:four.example"});
    for (const char* yes : {"a@one.example", "x@two.example", "b@three.example", "y@four.example"})
        BOOST_TEST(c.bound_to(addr(yes)), yes);
    for (const char* no : {"b@one.example", "a@three.example"}) BOOST_TEST(!c.bound_to(addr(no)), no);
    BOOST_TEST(c.emails().size() == 2u);
    BOOST_TEST(c.domains().size() == 2u);
}

BOOST_AUTO_TEST_CASE(the_dn_address_counts_only_without_alternative_names)
{
    Key key = ec_key();
    Certificate legacy = issue({.name = "x", .dn_email = "old@d.example"}, key).certificate;
    BOOST_TEST(legacy.bound_to(addr("OLD@d.example")));
    Certificate both =
        issue({.name = "x", .san = {"DNS:other.example"}, .dn_email = "old@d.example"}, key).certificate;
    BOOST_TEST(!both.bound_to(addr("old@d.example")));
    // A common name is never an address, and a bare domain in the DN binds nobody.
    BOOST_TEST(!issue({.name = "d.example"}, key).certificate.bound_to(addr("a@d.example")));
    BOOST_TEST(!issue({.name = "emailAddress=a@d.example"}, key).certificate.bound_to(addr("a@d.example")));
    BOOST_TEST(!issue({.name = "x", .dn_email = "d.example"}, key).certificate.bound_to(addr("a@d.example")));
}

BOOST_AUTO_TEST_CASE(a_common_name_binds_nobody)
{
    for (const char* name : {"d.example", "a@d.example"}) {
        Certificate c = issue({.name = name}, ec_key()).certificate;
        BOOST_TEST((c.emails().empty() && c.domains().empty()), name);
        BOOST_TEST(!c.bound_to(addr("a@d.example")), name);
    }
}

BOOST_AUTO_TEST_CASE(key_usage_decides_what_a_certificate_may_do)
{
    Key rsa = rsa_key(), ec = ec_key();
    auto rsa_with = [&](const char* ku) { return issue({.key_usage = ku}, rsa).certificate; };
    auto ec_with = [&](const char* ku) { return issue({.key_usage = ku}, ec).certificate; };
    BOOST_TEST(rsa_with("").may_sign());
    BOOST_TEST(rsa_with("").may_encrypt());
    BOOST_TEST(rsa_with("digitalSignature").may_sign());
    BOOST_TEST(!rsa_with("digitalSignature").may_encrypt());
    BOOST_TEST(rsa_with("nonRepudiation").may_sign());
    BOOST_TEST(!rsa_with("keyEncipherment").may_sign());
    BOOST_TEST(rsa_with("keyEncipherment").may_encrypt());
    BOOST_TEST(!rsa_with("keyAgreement").may_encrypt());
    BOOST_TEST(ec_with("keyAgreement").may_encrypt());
    BOOST_TEST(!ec_with("keyEncipherment").may_encrypt());
    BOOST_TEST(issue({.extended_usage = "emailProtection"}, ec).certificate.for_email());
    BOOST_TEST(issue({.extended_usage = "anyExtendedKeyUsage"}, ec).certificate.for_email());
    BOOST_TEST(issue({}, ec).certificate.for_email());
    BOOST_TEST(!issue({.extended_usage = "serverAuth"}, ec).certificate.for_email());
}

BOOST_AUTO_TEST_CASE(keys_are_strong_or_not)
{
    BOOST_TEST(issue({}, rsa_key()).certificate.strong_key());
    BOOST_TEST(!issue({}, rsa_key(0, 1024)).certificate.strong_key());
    for (const char* group : {"P-256", "P-384", "P-521"})
        BOOST_TEST(issue({}, ec_key(group)).certificate.strong_key());
    BOOST_TEST(!issue({}, ec_key("secp224r1")).certificate.strong_key());
    BOOST_TEST(!issue({}, ec_key("secp256k1")).certificate.strong_key());
}

BOOST_AUTO_TEST_CASE(plain_facts)
{
    Issued root = issue({.name = "Root", .ca = true}, ec_key());
    Issued c =
        issue({.name = "Leaf", .more = {{NID_certificate_policies, "1.2.3.4,2.23.140.1"}}, .serial = 0x1a2b},
              ec_key(), &root);
    BOOST_TEST(c.certificate.serial() == "1a2b");
    BOOST_TEST(c.certificate.subject() == "CN=Leaf");
    BOOST_TEST(c.certificate.issuer() == "CN=Root");
    BOOST_TEST(c.certificate.issuer_der() == root.certificate.subject_der());
    BOOST_TEST(c.certificate.policies() == (std::vector<std::string>{"1.2.3.4", "2.23.140.1"}),
               boost::test_tools::per_element());
    BOOST_TEST(root.certificate.is_ca());
    BOOST_TEST(!c.certificate.is_ca());
    BOOST_TEST(c.certificate.signature_digest() == "sha256");
    BOOST_TEST(c.certificate.fingerprint().size() == 64u);
    BOOST_TEST((c.certificate.not_before() < test_now() && test_now() < c.certificate.not_after()));
    BOOST_TEST((c.certificate == *Certificate::from_x509(c.certificate.x509())));
    BOOST_TEST(!(c.certificate == root.certificate));
}

BOOST_AUTO_TEST_CASE(bytes_after_or_missing_are_refused)
{
    std::string der(with_san({"DNS:d.example"}).der());
    BOOST_TEST(Certificate::from_der(der).has_value());
    BOOST_TEST(!Certificate::from_der(der + "x"));
    BOOST_TEST(!Certificate::from_der(""));
    for (std::size_t cut = 0; cut < der.size(); cut += 7)
        BOOST_TEST(!Certificate::from_der(der.substr(0, cut)));
    auto refused = Certificate::from_der("x");
    BOOST_REQUIRE(!refused);
    BOOST_TEST((refused.error().reason == Reason::malformed));
    BOOST_TEST(ERR_peek_error() == 0u);
}

BOOST_AUTO_TEST_CASE(files_of_every_kind)
{
    Scratch dir;
    Certificate a = with_san({"DNS:a.example"}), b = with_san({"DNS:b.example"});
    write_file(dir / "two.pem", "text before\n" + pem_of(a) + "between\n" + pem_of(b));
    write_file(dir / "one.der", std::string(a.der()));
    write_file(dir / "broken.pem",
               pem_of(a) + "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n");
    write_file(dir / "none.pem", "nothing\n");
    std::string cd = "cd " + dir.path() + " && ";
    run(cd + "openssl crl2pkcs7 -nocrl -certfile two.pem -outform DER -out two.p7b");
    run(cd + "openssl crl2pkcs7 -nocrl -certfile two.pem -out two.p7.pem");
    for (const char* file : {"two.pem", "two.p7b", "two.p7.pem"}) {
        auto read = load_certificates(dir / file);
        BOOST_REQUIRE_MESSAGE(read, file);
        BOOST_TEST(read->size() == 2u, file);
        BOOST_TEST((std::count(read->begin(), read->end(), a) == 1 &&
                    std::count(read->begin(), read->end(), b) == 1));
    }
    BOOST_TEST(load_certificates(dir / "one.der")->size() == 1u);
    for (const char* file : {"broken.pem", "none.pem", "missing.pem"}) {
        auto read = load_certificates(dir / file);
        BOOST_REQUIRE_MESSAGE(!read, file);
        BOOST_TEST((read.error().reason == Reason::configuration));
        BOOST_TEST(read.error().why.find(file) != std::string::npos);
    }
}

// A signed bundle brings its signer's certificate: it must not be taken for an anchor.
BOOST_AUTO_TEST_CASE(a_signed_pkcs7_is_no_list_of_certificates)
{
    Scratch dir;
    Issued signer = issue({.name = "signer"}, rsa_key());
    write_file(dir / "s.crt", pem_of(signer.certificate));
    write_file(dir / "s.key", pem_of(signer.key));
    write_file(dir / "content", "x");
    run("cd " + dir.path() +
        " && openssl cms -sign -nodetach -binary -in content -signer s.crt -inkey s.key"
        " -outform DER -out signed.p7m");
    BOOST_TEST(!read_certificates(read_file(dir / "signed.p7m")));
}

BOOST_AUTO_TEST_CASE(the_cache_returns_the_same_parsed_certificate_and_stays_bounded)
{
    CertificateCache cache(32);
    std::string der(with_san({"DNS:first.example"}).der());
    auto first = cache.get(der);
    BOOST_REQUIRE(first);
    BOOST_TEST(first->x509() == cache.get(der)->x509());
    BOOST_TEST(!cache.get("no certificate"));
    for (int i = 0; i < 200; ++i)
        BOOST_REQUIRE(cache.get(with_san({"DNS:n" + std::to_string(i) + ".example"}).der()));
    // Long since pushed out by others, so it is parsed anew; what was handed out is still whole.
    BOOST_TEST(first->x509() != cache.get(der)->x509());
    BOOST_TEST(first->bound_to_domain("first.example"));
}
