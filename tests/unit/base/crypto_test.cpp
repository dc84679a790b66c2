#include "milter/base/crypto.h"

#include <openssl/err.h>

#include <boost/test/unit_test.hpp>
#include <set>

#include "milter/base/text.h"
#include "tests/support/vectors.h"

using namespace direct;

namespace {
const std::string key(32, 'k');
}

BOOST_AUTO_TEST_SUITE(crypto)

BOOST_AUTO_TEST_CASE(published_vectors)
{
    for (const auto& v : test::load_vectors("crypto.vec")) BOOST_TEST_CONTEXT(v)
        {
            auto bytes = [&](const char* name) { return *unhex(v.get(name)); };
            auto number = [&](const char* name) { return std::stoul(v.get(name)); };
            const auto expected = v.get("Result");
            if (v.section == "sha256") {
                BOOST_TEST(hex(sha256(bytes("Input"))) == expected);
                Sha256 steps;
                for (const char c : bytes("Input")) steps.update({&c, 1});
                BOOST_TEST(hex(steps.finish()) == expected);
            } else if (v.section == "hmac") {
                BOOST_TEST(hex(hmac_sha256(bytes("Key"), bytes("Input"))) == expected);
            } else if (v.section == "hkdf") {
                const auto out =
                    hkdf_sha256(bytes("Key"), bytes("Salt"), bytes("Label"), expected.size() / 2);
                BOOST_TEST(hex(out.view()) == expected);
            } else {
                BOOST_REQUIRE(v.section == "scrypt");
                const auto out = scrypt(v.get("Password"), v.get("Salt"), number("N"),
                                        static_cast<std::uint32_t>(number("R")),
                                        static_cast<std::uint32_t>(number("P")), expected.size() / 2);
                BOOST_REQUIRE(out.has_value());
                BOOST_TEST(hex(out->view()) == expected);
            }
        }
}

BOOST_AUTO_TEST_CASE(scrypt_takes_the_cost_of_the_pickup_and_refuses_nonsense)
{
    BOOST_TEST(scrypt("rex", "0123456789abcdef", 32768, 8, 1, 32).has_value());
    const auto bad = scrypt("rex", "salt", 3, 8, 1, 32);  // n is no power of two
    BOOST_REQUIRE(!bad);
    BOOST_TEST((bad.error().retry == Retry::later));
    BOOST_TEST(bad.error().why.find("rex") == std::string::npos);
    BOOST_TEST(ERR_peek_error() == 0U);
}

BOOST_AUTO_TEST_CASE(sealed_bytes_open_only_whole_and_in_their_place)
{
    for (const std::size_t n : {0U, 1U, 16U, 1000U, 70000U}) {
        const std::string plain(n, 'p');
        const auto sealed = aead_seal(key, "place", plain);
        BOOST_TEST(sealed.size() == n + aead_overhead);
        BOOST_TEST((aead_open(key, "place", sealed) == plain));
        BOOST_TEST(aead_open_secret(key, "place", sealed)->view() == plain);
        BOOST_TEST(!aead_open(key, "other place", sealed));
        BOOST_TEST(!aead_open(key, "", sealed));
        BOOST_TEST(!aead_open(std::string(32, 'x'), "place", sealed));
        BOOST_TEST(!aead_open("short", "place", sealed));
        BOOST_TEST(!aead_open(key, "place", sealed.substr(1)));
        BOOST_TEST(!aead_open(key, "place", sealed.substr(0, sealed.size() - 1)));
        BOOST_TEST(!aead_open_secret(key, "place", sealed + "x"));
    }
    BOOST_TEST(!aead_open(key, "", ""));
    BOOST_TEST(!aead_open(key, "", std::string(27, '\0')));
    BOOST_TEST(ERR_peek_error() == 0U);
}

BOOST_AUTO_TEST_CASE(every_bit_of_a_sealed_string_counts)
{
    const auto sealed = aead_seal(key, "a", "plain text");
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
        auto changed = sealed;
        changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
        BOOST_TEST(!aead_open(key, "a", changed), "bit " << bit);
    }
}

BOOST_AUTO_TEST_CASE(nonces_and_random_bytes_differ)
{
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) BOOST_TEST(seen.insert(aead_seal(key, "", "x").substr(0, 12)).second);
    BOOST_TEST(random_bytes(32) != random_bytes(32));
    BOOST_TEST(random_bytes(0).empty());
    BOOST_TEST(random_secret(32).view() != random_secret(32).view());
}

BOOST_AUTO_TEST_CASE(secrets_move_and_are_overwritten)
{
    Secret a("answer");
    Secret b(std::move(a));
    BOOST_TEST(b.view() == "answer");
    BOOST_TEST(b.copy().view() == "answer");
    std::string text = "a text long enough to be kept on the heap";
    {
        const CleanseAtEnd over(text);
    }
    BOOST_TEST(text == std::string(text.size(), '\0'));
    cleanse(nullptr, 0);
}

BOOST_AUTO_TEST_CASE(comparison)
{
    BOOST_TEST(equal_in_constant_time("abc", "abc"));
    BOOST_TEST(equal_in_constant_time("", ""));
    BOOST_TEST(!equal_in_constant_time("abc", "abd"));
    BOOST_TEST(!equal_in_constant_time("abc", "ab"));
}

BOOST_AUTO_TEST_SUITE_END()
