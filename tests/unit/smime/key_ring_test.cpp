#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "milter/base/metrics.h"
#include "tests/unit/smime/other_side.h"

using namespace direct;
using namespace direct::test;

namespace {

Address addr(const std::string& text)
{
    auto a = parse_address(text);
    BOOST_REQUIRE_MESSAGE(a, text);
    return *a;
}

struct Fixture {
    Scratch dir;
    Issued root = issue({.name = "root", .ca = true}, ec_key());

    void put(const std::string& file, const std::string& bytes, unsigned mode = 0600)
    {
        std::filesystem::create_directories(std::filesystem::path(dir / file).parent_path());
        write_file(dir / file, bytes);
        BOOST_REQUIRE(chmod((dir / file).c_str(), mode) == 0);
    }
    void put(const std::string& name, const Issued& pair, unsigned mode = 0600)
    {
        put(name + ".crt", pem_of(pair.certificate), 0644);
        put(name + ".key", pem_of(pair.key), mode);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(key_ring, Fixture)

BOOST_AUTO_TEST_CASE(keys_of_the_address_come_before_those_of_the_domain)
{
    Issued jo = issue({.name = "jo", .san = {"email:jo@d.example"}}, ec_key(), &root);
    Issued old =
        issue({.name = "old", .san = {"DNS:d.example"}, .from_days = -90, .to_days = -5}, ec_key(), &root);
    Issued current = issue({.name = "new", .san = {"DNS:d.example"}, .from_days = -3}, rsa_key(), &root);
    Issued before = issue({.name = "before", .san = {"DNS:d.example"}, .from_days = -30}, ec_key(), &root);
    Issued seal = issue(
        {.name = "seal", .san = {"DNS:d.example"}, .key_usage = "keyAgreement", .from_days = -1}, ec_key());
    put("Jo@D.Example/a", jo);
    put("d.example/old", old);
    put("d.example/before", before);
    put("d.example/current.crt", pem_of(current.certificate) + pem_of(root.certificate), 0644);
    put("d.example/current.key", pem_of(current.key, true), 0400);
    put("d.example/seal", seal);
    put("store.key", "another room's");
    KeyRing ring = KeyRing::load(dir.path());
    BOOST_TEST(ring.all().size() == 5u);
    BOOST_TEST(ring.findings().empty(), join(ring.findings(), "\n"));

    auto names = [](const std::vector<const OwnKey*>& keys) {
        std::string out;
        for (auto* k : keys) out += k->certificate.subject().substr(3) + " ";
        return out;
    };
    BOOST_TEST(names(ring.for_decryption(addr("JO@d.example"))) == "jo before new old seal ");
    BOOST_TEST(names(ring.for_decryption(addr("jo+tag@d.example"))) == "jo before new old seal ");
    BOOST_TEST(names(ring.for_decryption(addr("ann@d.example"))) == "before new old seal ");
    BOOST_TEST(names(ring.for_decryption(addr("jo@x.d.example"))) == "");
    BOOST_TEST(names(ring.for_signing(addr("jo@d.example"), test_now())) == "jo new before ");
    BOOST_TEST(names(ring.for_signing(addr("ann@d.example"), test_now())) == "new before ");
    BOOST_TEST(names(ring.for_signing(addr("ann@d.example"), current.certificate.not_after() + seconds(1))) ==
               "");
    BOOST_TEST(ring.certificates_of(addr("ann@d.example")).size() == 4u);
    const OwnKey* with_chain = ring.for_signing(addr("ann@d.example"), test_now())[0];
    BOOST_TEST((with_chain->chain == std::vector<Certificate>{root.certificate}));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_left_out_and_told)
{
    Issued good = issue({.name = "good", .san = {"DNS:d.example"}}, ec_key());
    Issued elsewhere = issue({.name = "elsewhere", .san = {"DNS:x.d.example"}}, ec_key());
    put("d.example/good", good);
    put("d.example/open", good, 0644);
    put("d.example/grouped", good, 0660);
    put("d.example/elsewhere", elsewhere);
    put("d.example/alone.crt", pem_of(good.certificate), 0644);
    put("d.example/mixed.crt", pem_of(good.certificate), 0644);
    put("d.example/mixed.key", pem_of(ec_key()));
    put("d.example/locked.crt", pem_of(good.certificate), 0644);
    put("d.example/locked.key", pem_of(good.key, false, "secret"));
    put("jo@d.example/domain", good);  // bound to the domain, kept for an address
    put("no name/x", good);
    KeyRing ring = KeyRing::load(dir.path());
    BOOST_TEST(ring.all().size() == 1u);
    std::string told = join(ring.findings(), "\n");
    BOOST_TEST(ring.findings().size() == 8u, told);
    for (const char* word :
         {"open.crt: the key may be read by others", "grouped.crt: the key may be read by others",
          "elsewhere.crt: the certificate is not for d.example", "alone.crt: there is no key",
          "mixed.crt: key and certificate do not fit", "locked.crt: the key cannot be read",
          "domain.crt: the certificate is not for jo@d.example", "no name: the folder's name"})
        BOOST_TEST(told.find(word) != std::string::npos, word << " in\n" << told);
    BOOST_TEST(told.find("PRIVATE") == std::string::npos);
    BOOST_TEST(ERR_peek_error() == 0u);
}

// A key that cannot be read just now must not become "no key" for good, and is found when it is back.
BOOST_AUTO_TEST_CASE(a_key_that_is_away_is_trouble_until_it_is_back)
{
    Issued good = issue({.name = "good", .san = {"DNS:d.example"}}, ec_key());
    Issued jo = issue({.name = "jo", .san = {"email:jo@d.example"}}, ec_key());
    put("d.example/good", good);
    put("jo@d.example/jo", jo);
    KeyRing ring = KeyRing::load(dir.path());
    std::filesystem::rename(dir / "jo@d.example/jo.key", dir / "elsewhere");
    auto before = metrics_text();
    BOOST_TEST(ring.for_decryption(addr("jo@d.example")).size() == 1u);
    BOOST_TEST(metrics_text() != before);  // key_failures_total
    BOOST_REQUIRE(ring.trouble(addr("jo@d.example")).size() == 1u);
    BOOST_TEST(ring.trouble(addr("jo@d.example"))[0].find("jo.crt: there is no key") != std::string::npos);
    BOOST_TEST(ring.trouble(addr("ann@d.example")).empty());
    BOOST_TEST(ring.findings().size() == 1u);
    std::filesystem::rename(dir / "elsewhere", dir / "jo@d.example/jo.key");
    BOOST_TEST(ring.for_decryption(addr("jo@d.example")).size() == 2u);
    BOOST_TEST(ring.trouble(addr("jo@d.example")).empty());
    // Read once, it stays, whatever becomes of the files.
    std::filesystem::remove_all(dir / "jo@d.example");
    BOOST_TEST(ring.for_decryption(addr("jo@d.example")).size() == 2u);
    // A bad file is tried again only when it has changed.
    put("ann@d.example/ann.crt", "no certificate", 0644);
    put("ann@d.example/ann.key", pem_of(jo.key));
    ring = KeyRing::load(dir.path());
    for (int i = 0; i < 2; ++i) BOOST_TEST(ring.for_decryption(addr("ann@d.example")).size() == 1u);
    BOOST_TEST(ring.trouble(addr("ann@d.example")).size() == 1u);
    Issued ann = issue({.name = "ann", .san = {"email:ann@d.example"}}, jo.key);
    put("ann@d.example/ann.crt", pem_of(ann.certificate), 0644);
    BOOST_TEST(ring.for_decryption(addr("ann@d.example")).size() == 2u);
}

BOOST_AUTO_TEST_CASE(many_threads_find_the_same_keys)
{
    for (int i = 0; i < 8; ++i) {
        auto name = "u" + std::to_string(i) + "@d.example";
        put(name + "/own", issue({.name = "u", .san = {"email:" + name}}, ec_key()));
    }
    KeyRing ring = KeyRing::load(dir.path());
    std::vector<std::vector<const OwnKey*>> seen(6);
    std::vector<std::thread> team;
    for (auto& mine : seen)
        team.emplace_back([&] {
            for (int i = 0; i < 8; ++i)
                for (auto* key : ring.for_decryption({"u" + std::to_string(i), "d.example"}))
                    mine.push_back(key);
        });
    ring.read_all();
    for (auto& t : team) t.join();
    for (const auto& mine : seen) BOOST_TEST((mine.size() == 8u && mine == seen[0]));
}

BOOST_AUTO_TEST_CASE(a_missing_folder_is_a_finding)
{
    KeyRing ring = KeyRing::load(dir / "missing");
    BOOST_TEST(ring.all().empty());
    BOOST_TEST(ring.findings().size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
