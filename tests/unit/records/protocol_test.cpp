// Frames: what is written reads back, what is hostile is refused before anything is looked up.
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <thread>

#include "milter/records/protocol.h"

using namespace direct;

namespace {

struct Pair {
    Pair() { BOOST_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0); }
    ~Pair()
    {
        for (int fd : ends)
            if (fd >= 0) close(fd);
    }
    int ends[2];
};

auto soon()
{
    return std::chrono::steady_clock::now() + std::chrono::seconds(20);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_request_reads_back)
{
    auto bytes = encode_request({"held.show", R"({"id":"ä","n":[1,{"x":true}]})"});
    auto back = decode_request(bytes);
    BOOST_REQUIRE(back);
    BOOST_TEST(back->verb == "held.show");
    BOOST_TEST(back->parameters == R"({"id":"ä","n":[1,{"x":true}]})");
    auto bare = decode_request(R"({"verb":"metrics"})");
    BOOST_REQUIRE(bare);
    BOOST_TEST(bare->parameters == "{}");
}

BOOST_AUTO_TEST_CASE(a_reply_reads_back_with_its_exit_code)
{
    for (int exit : {0, 1, 2, 75}) {
        auto back = decode_reply(encode_reply({exit, R"({"error":"x"})"}));
        BOOST_REQUIRE(back);
        BOOST_TEST(back->exit == exit);
        BOOST_TEST(back->json == R"({"error":"x"})");
    }
    for (const char* hostile : {"", "[]", "{}", R"({"exit":3,"json":{}})", R"({"exit":"0","json":{}})",
                                R"({"exit":0,"json":[]})", R"({"exit":0})", R"({"exit":0.5,"json":{}})"})
        BOOST_TEST(!decode_reply(hostile), hostile);
}

BOOST_AUTO_TEST_CASE(hostile_requests_are_refused)
{
    std::string deep(5000, '['), wide = R"({"verb":"a","parameters":{"x":)" + std::string(200, '{');
    for (const auto& hostile :
         {std::string(), std::string("{"), std::string("[]"), std::string("null"),
          std::string(R"({"verb":1})"), std::string(R"({"verb":""})"), std::string(R"({"verb":"Held"})"),
          std::string(R"({"verb":"a b"})"), std::string(R"({"verb":"held.list","parameters":[]})"),
          std::string(R"({"verb":"held.list","parameters":{},"uid":0})"),
          std::string("{\"verb\":\"a\0b\"}", 14), R"({"verb":")" + std::string(41, 'a') + "\"}",
          R"({"verb":"a","parameters":)" + deep, wide, std::string("\xff\xfe{}")}) {
        auto refused = decode_request(hostile);
        BOOST_TEST(!refused.has_value(), hostile.substr(0, 60));
        if (!refused) BOOST_TEST((refused.error().reason == Reason::input));
    }
}

BOOST_AUTO_TEST_CASE(depth_counts_outside_strings_only)
{
    BOOST_TEST(shallow_json(std::string(8, '[') + std::string(8, ']'), 8));
    BOOST_TEST(!shallow_json(std::string(9, '[') + std::string(9, ']'), 8));
    BOOST_TEST(shallow_json(R"({"a":"[[[[[[[[[[[[[\"{{{{{"})", 2));
    BOOST_TEST(!shallow_json(R"({"a\\":{"b":{}}})", 2));
}

BOOST_AUTO_TEST_CASE(a_frame_crosses_a_socket)
{
    Pair p;
    std::string big(3'000'000, 'x');
    std::thread writer([&] { BOOST_TEST(write_frame(p.ends[0], big, reply_frame_max, soon()).has_value()); });
    auto read = read_frame(p.ends[1], reply_frame_max, soon());
    writer.join();
    BOOST_REQUIRE(read);
    BOOST_TEST((*read == big));
}

BOOST_AUTO_TEST_CASE(a_frame_that_claims_too_much_is_refused_at_its_length)
{
    Pair p;
    BOOST_REQUIRE(write(p.ends[0], "\xff\xff\xff\xff", 4) == 4);
    auto refused = read_frame(p.ends[1], request_frame_max, soon());
    BOOST_REQUIRE(!refused);
    BOOST_TEST((refused.error().reason == Reason::input));
    BOOST_TEST(!frame(std::string(request_frame_max + 1, 'x'), request_frame_max));
    BOOST_TEST(frame(std::string(request_frame_max, 'x'), request_frame_max).has_value());
}

BOOST_AUTO_TEST_CASE(a_frame_cut_short_is_trouble_not_data)
{
    Pair p;
    BOOST_REQUIRE(write(p.ends[0], "\0\0\0\x0a{\"ver", 9) == 9);
    close(p.ends[0]);
    p.ends[0] = -1;
    auto refused = read_frame(p.ends[1], request_frame_max, soon());
    BOOST_REQUIRE(!refused);
    BOOST_TEST((refused.error().reason == Reason::temporary));
}
