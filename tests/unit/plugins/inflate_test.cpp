// What stands packed in a document: whole, damaged, called by another name, and larger than it may be.
#include "plugins/inflate.h"

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch.h"

using namespace direct;

namespace {

// Python's own packing of what the expression `bytes` is.
std::string packed(const std::string& bytes, Packing packing)
{
    const char* window = packing == Packing::deflate ? "-15" : packing == Packing::zlib ? "15" : "31";
    return test::run("python3 -c \"import zlib,sys;c=zlib.compressobj(9,8," + std::string(window) +
                     ");sys.stdout.buffer.write(c.compress(" + bytes + ")+c.flush())\"");
}

constexpr Packing all[] = {Packing::deflate, Packing::zlib, Packing::gzip};
const std::string words = "b'said once, said twice, ' * 9", said = [] {
    std::string out;
    for (int i = 0; i < 9; ++i) out += "said once, said twice, ";
    return out;
}();
constexpr std::uint64_t total = inflate_limits::total_max;

std::string why(const Inflated& i)
{
    return i.why ? i.why : "";
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_packed_is_read_whatever_it_is_called)
{
    for (const Packing packing : all) {
        const std::string bytes = packed(words, packing);
        const auto as = [&](Packing name) { return inflate_whole(bytes, name, total); };
        BOOST_TEST(as(packing).bytes == said);
        BOOST_TEST(why(as(packing)) == "");
        BOOST_TEST(as(packing).made == said.size() * (packing == Packing::deflate ? 2 : 1));
        BOOST_TEST(as(Packing::deflate).bytes == said);
        // Bare deflated bytes have nothing to be known by.
        if (packing != Packing::deflate) BOOST_TEST(as(Packing::gzip).bytes == said);
    }
    for (const Packing packing : all) {
        const auto none = inflate_whole(packed("b''", packing), packing, total);
        BOOST_TEST(none.bytes == "");
        BOOST_TEST(why(none) == "");
    }
}

BOOST_AUTO_TEST_CASE(what_is_not_whole_is_told_and_not_handed_out)
{
    for (const Packing packing : all) {
        const std::string bytes = packed(words, packing);
        std::vector<std::string> bads = {"not packed at all"};
        for (std::size_t n = 0; n < bytes.size(); ++n) bads.push_back(bytes.substr(0, n));
        for (const auto& bad : bads) {
            const auto out = inflate_whole(bad, packing, total);
            BOOST_TEST(why(out) == "damaged", bad.size());
            BOOST_TEST(out.bytes.empty());
        }
        if (packing == Packing::deflate) continue;
        std::string other = bytes;
        other[other.size() - (packing == Packing::gzip ? 8 : 1)] ^= 1;
        BOOST_TEST(why(inflate_whole(other, packing, total)) == "damaged");
    }
}

BOOST_AUTO_TEST_CASE(bombs_are_left_packed)
{
    for (const Packing packing : all) {
        const auto of = [&](const std::string& bytes, std::uint64_t most) {
            return inflate_whole(packed(bytes, packing), packing, most);
        };
        const std::string some = "bytes(1 << 20)", more = "bytes((1 << 20) + 1)", much = "bytes(70 << 20)";
        // Up to ratio_from as well as it can, beyond it 200 times.
        BOOST_TEST(of(some, total).bytes.size() == 1u << 20);
        for (const auto& bytes : {more, much}) {
            const auto bomb = of(bytes, total);
            BOOST_TEST(why(bomb) == "more than 200 times its packed size");
            BOOST_TEST(bomb.bytes.empty());
            // No more is made than it may be, but for one piece.
            BOOST_TEST(bomb.made <= 15u << 20);
        }
        BOOST_TEST(why(of(some, 1 << 20)) == "");
        const auto large = of(some, (1 << 20) - 1);
        BOOST_TEST(why(large) == "more than 64 MB unpacked");
        BOOST_TEST(large.bytes.empty());
    }
}
