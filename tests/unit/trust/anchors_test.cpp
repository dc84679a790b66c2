#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "milter/base/text.h"
#include "policy/trust/anchors.h"
#include "tests/support/scratch.h"
#include "tests/support/test_pki.h"
#include "tests/support/vectors.h"

using namespace direct;
using namespace direct::test;

namespace {

struct Fixture {
    Scratch dir;
    Key key = ec_key();
    Certificate a = issue({.name = "A", .ca = true}, key).certificate;
    Certificate b = issue({.name = "B", .ca = true}, key).certificate;
    Certificate old = issue({.name = "Old", .ca = true, .from_days = -9, .to_days = -1}, key).certificate;

    void put(const std::string& file, const std::string& bytes)
    {
        std::filesystem::create_directories(std::filesystem::path(dir / file).parent_path());
        write_file(dir / file, bytes);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(folders_give_domain_and_direction, Fixture)
{
    put("d.example/in/a.pem", pem_of(a));
    put("d.example/both/b.pem", pem_of(b));
    put("other.example/out/ab.pem", pem_of(a) + pem_of(b));
    TrustAnchors anchors = TrustAnchors::load(dir.path(), test_now());
    BOOST_TEST(anchors.findings().empty());
    BOOST_TEST(anchors.rows().size() == 4u);
    const AnchorSet& in = anchors.of("d.example", Direction::incoming);
    BOOST_TEST((in.contains(a) && in.contains(b)));
    const AnchorSet& out = anchors.of("d.example", Direction::outgoing);
    BOOST_TEST((!out.contains(a) && out.contains(b)));
    BOOST_TEST(anchors.of("other.example", Direction::incoming).empty());
    BOOST_TEST(anchors.of("other.example", Direction::outgoing).anchors().size() == 2u);
    BOOST_TEST(anchors.of("x.d.example", Direction::incoming).empty());
    BOOST_TEST(in.digest() != out.digest());
}

BOOST_FIXTURE_TEST_CASE(what_is_wrong_is_left_out_and_told, Fixture)
{
    put("d.example/in/a.pem", pem_of(a));
    put("d.example/in/old.pem", pem_of(old));
    put("d.example/in/broken.pem", "no certificate");
    put("d.example/in/notes.txt", "not looked at");
    put("d.example/inbound/b.pem", pem_of(b));
    put("not a domain/in/b.pem", pem_of(b));
    put("bundle-signer.pem", pem_of(b));
    TrustAnchors anchors = TrustAnchors::load(dir.path(), test_now());
    BOOST_TEST((anchors.of("d.example", Direction::incoming).certificates() == std::vector<Certificate>{a}));
    BOOST_TEST(anchors.rows().size() == 1u);
    std::string told = join(anchors.findings(), "\n");
    BOOST_TEST(anchors.findings().size() == 4u, told);
    for (const char* word : {"old.pem: expired on", "broken.pem", "inbound", "not a domain"})
        BOOST_TEST(told.find(word) != std::string::npos, told);
}

// The fault: with an anchor that could not be read at start the mail it stands for was refused for good.
BOOST_FIXTURE_TEST_CASE(whose_anchors_could_not_be_read_is_known, Fixture)
{
    put("d.example/in/broken.pem", "no certificate");
    put("e.example/in/old.pem", pem_of(old));  // read, and known to have expired
    TrustAnchors anchors = TrustAnchors::load(dir.path(), test_now());
    BOOST_TEST(anchors.at_fault("d.example"));
    BOOST_TEST(!anchors.at_fault("e.example"));
    BOOST_TEST(!TrustAnchors::load(dir / "missing", test_now()).at_fault("d.example"));
    write_file(dir / "file", "where a folder should be");
    BOOST_TEST(TrustAnchors::load(dir / "file", test_now()).at_fault("d.example"));
}

BOOST_FIXTURE_TEST_CASE(an_anchor_that_is_broken_inside_is_told_when_it_is_parsed, Fixture)
{
    // The outline is whole, the public key's algorithm is not one.
    std::string der(b.der());
    const std::string rsa("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), ec("\x2a\x86\x48\xce\x3d\x02\x01");
    auto at = der.find(ec);
    if (at == std::string::npos) at = der.find(rsa);
    BOOST_REQUIRE(at != std::string::npos);
    der[at - 3] = '\x31';  // SEQUENCE becomes SET
    der[at - 4] = '\x31';
    put("d.example/in/a.pem", pem_of(a));
    put("d.example/in/b.pem",
        "-----BEGIN CERTIFICATE-----\n" + base64(der, 64) + "\n-----END CERTIFICATE-----\n");
    TrustAnchors anchors = TrustAnchors::load(dir.path(), test_now());
    BOOST_TEST(anchors.of("d.example", Direction::incoming).anchors().size() == 2u);
    anchors.read_all();
    BOOST_REQUIRE(anchors.findings().size() == 1u);
    BOOST_TEST(anchors.findings()[0].find("b.pem: the certificate cannot be read") != std::string::npos);
    BOOST_TEST(anchors.rows().size() == 1u);
    BOOST_TEST((anchors.of("d.example", Direction::incoming).certificates() == std::vector<Certificate>{a}));
    BOOST_TEST(ERR_peek_error() == 0u);
}

BOOST_FIXTURE_TEST_CASE(every_form_of_a_file_gives_the_same_anchors, Fixture)
{
    put("d.example/in/text.pem", "Anchor A, see -- notes\r\n" + to_crlf(pem_of(a)) + "\nand\n" + pem_of(b));
    put("e.example/in/a.der", std::string(a.der()));
    put("e.example/in/b.crt", pem_of(b) + "trailing");
    TrustAnchors anchors = TrustAnchors::load(dir.path(), test_now());
    BOOST_TEST(anchors.findings().empty(), join(anchors.findings(), "\n"));
    const auto& d = anchors.of("d.example", Direction::incoming);
    const auto& e = anchors.of("e.example", Direction::incoming);
    BOOST_TEST(d.digest() == e.digest());
    BOOST_TEST(d.anchors().size() == 2u);
    for (std::size_t i = 0; i < 2; ++i) {
        BOOST_TEST(d.anchors()[i]->subject_hash() == X509_subject_name_hash(d.certificates()[i].x509()));
        BOOST_TEST(d.anchors()[i]->fingerprint() == d.certificates()[i].fingerprint());
        BOOST_TEST((d.anchors()[i]->not_after() == d.certificates()[i].not_after()));
    }
    // A key beside the certificate, or a block cut off, goes to the careful reader.
    put("f.example/in/cut.pem", pem_of(a).substr(0, 200));
    BOOST_TEST(TrustAnchors::load(dir.path(), test_now()).findings().size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_missing_folder_is_a_finding, Fixture)
{
    TrustAnchors anchors = TrustAnchors::load(dir / "missing", test_now());
    BOOST_TEST(anchors.findings().size() == 1u);
    BOOST_TEST(anchors.of("d.example", Direction::incoming).empty());
}

BOOST_FIXTURE_TEST_CASE(adding_merges_and_changes_the_digest, Fixture)
{
    TrustAnchors anchors;
    anchors.add("d.example", true, false, {a});
    std::string before = anchors.of("d.example", Direction::incoming).digest();
    anchors.add("d.example", true, true, {b, a});
    BOOST_TEST(anchors.of("d.example", Direction::incoming).anchors().size() == 2u);
    BOOST_TEST(anchors.of("d.example", Direction::outgoing).anchors().size() == 2u);
    BOOST_TEST(anchors.of("d.example", Direction::incoming).digest() != before);
}

BOOST_FIXTURE_TEST_CASE(an_added_anchor_is_found_again_in_its_file, Fixture)
{
    std::string file = anchor_file(dir.path(), "d.example", "both", a);
    BOOST_TEST(file == dir / ("d.example/both/" + a.fingerprint() + ".pem"));
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    write_file(file, pem_of(a));
    BOOST_TEST(TrustAnchors::load(dir.path(), test_now()).of("d.example", Direction::outgoing).contains(a));
}
