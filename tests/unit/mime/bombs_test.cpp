// Input made to be slow, deep or large: limits answer, and cost grows with size only.
// Times are compared between two sizes of the same input, so that a slow machine does not matter.
#include <boost/test/unit_test.hpp>
#include <ctime>
#include <functional>

#include "milter/mime/content.h"
#include "milter/mime/message.h"
#include "milter/mime/parts.h"
#include "milter/mime/words.h"
#include "milter/mime/wrap.h"

using namespace direct;

namespace {

std::string repeat(std::string_view piece, std::size_t times)
{
    std::string out;
    out.reserve(piece.size() * times);
    for (std::size_t i = 0; i < times; ++i) out += piece;
    return out;
}

double cpu_seconds(const std::function<void()>& work)
{
    const auto begin = std::clock();
    work();
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

/// Eight times the input may take about eight times as long; quadratic work would take 64 times.
bool linear(const std::function<void(std::size_t)>& work, std::size_t size)
{
    const double small = cpu_seconds([&] { work(size); });
    const double large = cpu_seconds([&] { work(size * 8); });
    return large < 24 * small + 0.05;
}

bool takes_all(Attachment&&)
{
    return true;
}

std::string nested(std::size_t depth, bool messages)
{
    std::string out;
    for (std::size_t i = 0; i < depth; ++i) {
        if (messages) {
            out += "Content-Type: message/rfc822\r\n\r\n";
        } else {
            const auto b = "b" + std::to_string(i) + "x";
            out += "Content-Type: multipart/mixed; boundary=" + b + "\r\n\r\n--" + b + "\r\n";
        }
    }
    return out + "\r\nleaf\r\n";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bombs)

BOOST_AUTO_TEST_CASE(encoded_words_cost_linear_time)
{
    for (const std::string piece : {"=?utf-8?Q?a?= ", "=?utf-8?Q?a?=", "=?", "=?a?Q?",
                                    "=?utf-8?B?QQ==?= =?iso-8859-1?Q?=E9?= ", "=?utf-8?Q?", "?="})
        BOOST_TEST_CONTEXT(piece)
    BOOST_TEST(linear([&](std::size_t n) { static_cast<void>(decode_text(repeat(piece, n))); }, 8000));
}

BOOST_AUTO_TEST_CASE(address_lists_cost_linear_time)
{
    for (const std::string piece : {"a@b.example,", "((((", "\"x\" ", "g:;,", "x ", "<", ",,,,"})
        BOOST_TEST_CONTEXT(piece)
    BOOST_TEST(linear([&](std::size_t n) { static_cast<void>(addresses_in(repeat(piece, n))); }, 1000));
    BOOST_TEST(addresses_in(repeat("a@b.example,", 10'000)).has_value());
    BOOST_TEST(!addresses_in(repeat("a@b.example,", 10'001)).has_value());
}

BOOST_AUTO_TEST_CASE(content_type_parameters_are_bounded)
{
    for (const std::string piece :
         {"; name*0*=x", "; a=b", ";", "(", "; name*999999999=x", "; name=\"=?utf-8?Q?a?=\""}) {
        const auto seconds = cpu_seconds([&] {
            static_cast<void>(read_content_type("text/plain" + repeat(piece, (16'000) / piece.size())));
        });
        BOOST_TEST_CONTEXT(piece) BOOST_TEST(seconds < 1.0);
    }
    BOOST_TEST(!read_content_type("text/plain; name=" + std::string(16 * 1024, 'x')).has_value());
}

BOOST_AUTO_TEST_CASE(headers_over_the_limit_are_refused_before_they_cost)
{
    const std::string folded = "A: b\r\n" + repeat(" x\r\n", 300'000) + "\r\n";
    BOOST_TEST(!read_entity(folded, {}).has_value());
    BOOST_TEST(
        linear([&](std::size_t n) { static_cast<void>(read_entity("A: b\r\n" + repeat(" x\r\n", n), {})); },
               10'000));
    BOOST_TEST(!read_entity(repeat("A: b\r\n", 20'000), {}).has_value());
}

BOOST_AUTO_TEST_CASE(depth_and_parts_have_limits)
{
    MimeLimits limits;
    for (const bool messages : {false, true}) {
        BOOST_TEST(for_each_attachment(nested(limits.depth, messages), limits, takes_all).has_value());
        const auto deep = for_each_attachment(nested(limits.depth + 1, messages), limits, takes_all);
        BOOST_REQUIRE(!deep);
        BOOST_TEST((deep.error().reason == Reason::malformed));
        BOOST_TEST(!for_each_attachment(nested(100'000, messages), limits, takes_all).has_value());
        const auto dirty = "From: a@b.example\r\n" + nested(200, messages) + "\xff\r\n";
        BOOST_TEST(!wrap(dirty, "d.example", Time{}, limits).has_value());
    }
    const std::string head = "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    limits.parts = 10;
    BOOST_TEST(
        for_each_attachment(head + repeat("--b\r\n\r\n\r\n", 9) + "--b--", limits, takes_all).has_value());
    BOOST_TEST(
        !for_each_attachment(head + repeat("--b\r\n\r\n\r\n", 10) + "--b--", limits, takes_all).has_value());
    BOOST_TEST(
        !for_each_attachment(head + repeat("--b\r\n\r\n\r\n", 100'000), limits, takes_all).has_value());
    BOOST_TEST(
        !wrap(head + repeat("--b\r\n\r\n\xff\r\n", 20) + "--b--", "d.example", Time{}, limits).has_value());
}

BOOST_AUTO_TEST_CASE(boundary_lookalikes_cost_linear_time)
{
    const std::string boundary(200, '-');
    const auto work = [&](std::size_t n) {
        const auto message = "Content-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n\r\n" +
                             repeat("-", n) + "\r\n" + repeat("--" + boundary + "x\r\n", n / 200);
        static_cast<void>(for_each_attachment(message, {}, takes_all));
    };
    BOOST_TEST(linear(work, 200'000));
}

BOOST_AUTO_TEST_SUITE_END()
