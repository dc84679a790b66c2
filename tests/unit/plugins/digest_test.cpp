// The checksums that come with files, by the examples of their standards and by the tools of this machine.
#include "plugins/digest.h"

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch.h"

using direct::sha1_hex;
using direct::sha256_hex;

namespace {

// The sum of the sums of every length about the end of a block, as coreutils make it.
std::string by_tool(const std::string& tool, const std::string& digits)
{
    return direct::test::run("for n in $(seq 50 70); do head -c $n /dev/zero | tr '\\0' x | " + tool +
                             " | cut -c1-" + digits + " | tr -d '\\n'; done | " + tool + " | cut -c1-" +
                             digits + " | tr -d '\\n'");
}

}  // namespace

BOOST_AUTO_TEST_CASE(sha1_vectors)
{
    // RFC 3174, section 7.3
    BOOST_TEST(sha1_hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
    BOOST_TEST(sha1_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
               "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    BOOST_TEST(sha1_hex(std::string(1'000'000, 'a')) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    BOOST_TEST(sha1_hex("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    std::string all;
    for (std::size_t n = 50; n <= 70; ++n) all += sha1_hex(std::string(n, 'x'));
    BOOST_TEST(sha1_hex(all) == by_tool("sha1sum", "40"));
}

BOOST_AUTO_TEST_CASE(sha256_vectors)
{
    // RFC 6234, section 8.5
    BOOST_TEST(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    BOOST_TEST(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    BOOST_TEST(sha256_hex(std::string(1'000'000, 'a')) ==
               "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    std::string all;
    for (std::size_t n = 50; n <= 70; ++n) all += sha256_hex(std::string(n, 'x'));
    BOOST_TEST(sha256_hex(all) == by_tool("sha256sum", "64"));
}
