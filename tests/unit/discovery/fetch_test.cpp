#include "policy/discovery/fetch.h"

#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "milter/base/metrics.h"
#include "tests/support/http_server.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

using namespace direct;
using namespace direct::test;

namespace {

FetchOptions local()
{
    FetchOptions o;
    o.allow_networks = {"127.0.0.0/8"};
    return o;
}

Budget within(milliseconds time = milliseconds(20000))
{
    return {std::chrono::steady_clock::now() + time};
}

Result<FetchAnswer> get(const std::string& url, FetchOptions options = local())
{
    return Fetcher(std::move(options)).fetch({.url = url}, within());
}

/// The fault's text; fails the test when there is none, or when asking again is not what it says.
std::string fault_of(const Result<FetchAnswer>& answer, Retry wanted = Retry::later)
{
    BOOST_REQUIRE(!answer);
    BOOST_TEST((answer.error().retry == wanted), answer.error().why);
    return answer.error().why;
}

/// One that asking again would bring again.
std::string final_fault_of(const Result<FetchAnswer>& answer)
{
    return fault_of(answer, Retry::never);
}

bool says(const std::string& text, const std::string& what)
{
    return text.find(what) != std::string::npos;
}

HttpServer::Handler redirect(const std::string& to, const std::string& status = "302 Found")
{
    return [=](const HttpServer::Request&) {
        return HttpServer::Reply{http_answer(status, "", "Location: " + to + "\r\n")};
    };
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_answer_with_its_validators)
{
    HttpServer server;
    server.serve("/a.crl", std::string("\0body", 5),
                 "ETag: \"one\"\r\nLast-Modified: Sun, 22 Nov 2026 03:10:00 GMT\r\nContent-Type: "
                 "Application/PKIX-CRL; "
                 "x=y\r\nCache-Control: public, max-age=60\r\nAge: 10\r\n");
    const Time now{seconds(1800000000)};
    auto answer = Fetcher(local()).fetch({.url = server.url("/a.crl#part"), .now = now}, within());
    BOOST_REQUIRE_MESSAGE(answer, answer.error().why);
    BOOST_TEST(answer->status == 200);
    BOOST_TEST((answer->body == std::string("\0body", 5)));
    BOOST_TEST(answer->etag == "\"one\"");
    BOOST_TEST(answer->last_modified == "Sun, 22 Nov 2026 03:10:00 GMT");
    BOOST_TEST(answer->content_type == "application/pkix-crl");
    BOOST_TEST((answer->fresh_until == now + seconds(50)));
    BOOST_TEST(!answer->not_modified);
    auto asked = server.requests().at(0);
    BOOST_TEST(asked.path == "/a.crl");
    BOOST_TEST(asked.method == "GET");
    BOOST_TEST(asked.field("User-Agent") == "direct-milter");
    for (const char* none : {"Accept-Encoding", "Cookie", "Authorization", "If-None-Match", "Referer"})
        BOOST_TEST(asked.field(none) == "", none);
}

BOOST_AUTO_TEST_CASE(freshness_as_the_server_says_it)
{
    HttpServer server;
    const Time now{seconds(1800000000)};
    auto fresh = [&](const std::string& fields) -> std::optional<std::int64_t> {
        server.serve("/f", "x", fields);
        auto answer = Fetcher(local()).fetch({.url = server.url("/f"), .now = now}, within());
        BOOST_REQUIRE(answer);
        if (!answer->fresh_until) return {};
        return std::chrono::duration_cast<seconds>(*answer->fresh_until - now).count();
    };
    const std::string date = "Date: Sun, 22 Nov 2026 03:00:00 GMT\r\n";
    BOOST_TEST((fresh("") == std::nullopt));
    BOOST_TEST((fresh(date) == std::nullopt));
    BOOST_TEST((fresh(date + "Expires: Sun, 22 Nov 2026 04:00:00 GMT\r\n") == 3600));
    BOOST_TEST((fresh(date + "Expires: 0\r\n") == 0));
    BOOST_TEST((fresh("Expires: Sun, 22 Nov 2026 04:00:00 GMT\r\n") == 0));
    BOOST_TEST((fresh("Cache-Control: no-cache, max-age=90\r\n") == 0));
    BOOST_TEST((fresh("Cache-Control: No-Store\r\n") == 0));
    BOOST_TEST((fresh("Cache-Control: max-age=99999999999999999999\r\n") == 30 * 86400));
    BOOST_TEST((fresh("Cache-Control: max-age=10\r\nAge: 20\r\n") == 0));
    BOOST_TEST((fresh("Cache-Control: max-age=-5\r\n") == std::nullopt));
}

BOOST_AUTO_TEST_CASE(a_copy_at_hand_is_confirmed)
{
    HttpServer server;
    server.on("/x", [](const HttpServer::Request& r) {
        bool same = r.field("If-None-Match") == "\"e\"" && r.field("If-Modified-Since") == "then";
        return HttpServer::Reply{
            http_answer(same ? "304 Not Modified" : "200 OK", same ? "" : "whole", "ETag: \"e\"\r\n")};
    });
    auto answer =
        Fetcher(local()).fetch({.url = server.url("/x"), .etag = "\"e\"", .last_modified = "then"}, within());
    BOOST_REQUIRE(answer);
    BOOST_TEST(answer->not_modified);
    BOOST_TEST(answer->status == 304);
    // A validator that would break out of its line is left out.
    answer =
        Fetcher(local()).fetch({.url = server.url("/x"), .etag = "a\r\nX: y", .last_modified = ""}, within());
    BOOST_REQUIRE(answer);
    BOOST_TEST(answer->body == "whole");
    BOOST_TEST(server.requests().back().field("X") == "");
    // A 304 nobody asked for is no answer.
    server.on("/y", [](const HttpServer::Request&) {
        return HttpServer::Reply{http_answer("304 Not Modified", "")};
    });
    BOOST_TEST(says(final_fault_of(get(server.url("/y"))), "status 304"));
}

BOOST_AUTO_TEST_CASE(a_post_carries_its_body_and_follows_nothing)
{
    HttpServer server;
    server.serve("/ocsp", "answer");
    server.on("/moved", redirect("/ocsp", "307 Temporary Redirect"));
    FetchRequest request{.url = server.url("/ocsp"),
                         .body = std::string("\x30\0\1", 3),
                         .body_type = "application/ocsp-request"};
    auto answer = Fetcher(local()).fetch(request, within());
    BOOST_REQUIRE_MESSAGE(answer, answer.error().why);
    BOOST_TEST(answer->body == "answer");
    auto asked = server.requests().at(0);
    BOOST_TEST(asked.method == "POST");
    BOOST_TEST((asked.body == request.body));
    BOOST_TEST(asked.field("Content-Type") == "application/ocsp-request");
    request.url = server.url("/moved");
    BOOST_TEST(says(final_fault_of(Fetcher(local()).fetch(request, within())), "status 307"));
}

BOOST_AUTO_TEST_CASE(addresses_that_are_not_public_are_refused)
{
    HttpServer server;
    server.serve("/", "secret");
    const std::string port = std::to_string(server.port());
    std::string told = final_fault_of(get(server.url(), FetchOptions{}));
    BOOST_TEST(says(told, "127.0.0.1, which is no public address"), told);
    // A name is nothing else than the address it leads to; and no spelling of an address gets past.
    FetchOptions rebinding;
    rebinding.resolve = {"public.example:" + port + ":127.0.0.1"};
    told = final_fault_of(get("http://public.example:" + port + "/", rebinding));
    BOOST_TEST(says(told, "127.0.0.1, which is no public address"), told);
    for (const char* host : {"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "localhost", "[::1]",
                             "[::ffff:127.0.0.1]"}) {
        told = final_fault_of(get("http://" + std::string(host) + ":" + port + "/", FetchOptions{}));
        BOOST_TEST(says(told, "which is no public address"), host + (": " + told));
    }
    BOOST_TEST(server.requests().empty());
    rebinding.allow_networks = {"127.0.0.1"};
    BOOST_TEST(bool(get("http://public.example:" + port + "/", rebinding)));
}

BOOST_AUTO_TEST_CASE(a_name_that_leads_elsewhere_the_second_time_gains_nothing)
{
    // Both addresses are tried at connecting; the private one is refused whatever stands beside it.
    HttpServer server;
    server.serve("/", "secret");
    const std::string port = std::to_string(server.port());
    FetchOptions o;
    o.allow_networks = {"127.0.0.9"};
    o.resolve = {"both.example:" + port + ":127.0.0.9,127.0.0.1"};
    o.total_timeout = milliseconds(3000);
    BOOST_TEST(!get("http://both.example:" + port + "/", o));
    BOOST_TEST(server.requests().empty());
}

BOOST_AUTO_TEST_CASE(urls_that_are_not_asked)
{
    const std::pair<const char*, const char*> urls[] = {
        {"file:///etc/passwd", "\"file\" is not fetched"},
        {"ftp://127.0.0.1/", "\"ftp\" is not fetched"},
        {"ldap://127.0.0.1/cn=x", "\"ldap\" is not fetched"},
        {"gopher://127.0.0.1:2/", "\"gopher\" is not fetched"},
        {"http://jo:secret@127.0.0.1/", "with a user or password"},
        {"http://jo@127.0.0.1/", "with a user or password"},
        {"http://127.0.0.1:0/", "port 0"},
        {"http://127.0.0.1:25/", "port 25"},
        {"http://127.0.0.1:99999/", "ort"},
        {"http://[fe80::1%25eth0]/", "zone"},
        {"127.0.0.1/x", ""},
        {"", ""},
        {"http://", ""},
        {"http://a b/", ""},
        {"http://a/\r\nX: y", ""},
    };
    for (const auto& [url, what] : urls) {
        std::string told = final_fault_of(get(url));
        BOOST_TEST(says(told, what), url << ": " << told);
        BOOST_TEST(!says(told, "secret"), told);
    }
    BOOST_TEST(says(final_fault_of(get("http://127.0.0.1/" + std::string(3000, 'x'))), "longer than"));
}

BOOST_AUTO_TEST_CASE(redirects_are_counted_and_checked_like_the_first)
{
    HttpServer server, other;
    other.serve("/end", "there");
    server.on("/1", redirect("/2"));
    server.on("/2", redirect(other.url("/3"), "301 Moved Permanently"));
    other.on("/3", redirect("end"));
    auto answer = get(server.url("/1"));
    BOOST_REQUIRE_MESSAGE(answer, answer.error().why);
    BOOST_TEST(answer->body == "there");
    FetchOptions two = local();
    two.redirects_max = 2;
    BOOST_TEST(says(final_fault_of(get(server.url("/1"), two)), "more than 2 redirects"));
    server.on("/loop", redirect("/loop"));
    BOOST_TEST(says(final_fault_of(get(server.url("/loop"))), "more than 3 redirects"));
    BOOST_TEST(server.asked("/loop") == 4u);
    server.on("/file", redirect("file:///etc/passwd"));
    BOOST_TEST(says(final_fault_of(get(server.url("/file"))), "\"file\" is not fetched"));
    server.on("/user", redirect("http://a:b@127.0.0.1:" + std::to_string(other.port()) + "/end"));
    BOOST_TEST(says(final_fault_of(get(server.url("/user"))), "with a user or password"));
    // From a public place into the house.
    FetchOptions one = local();
    one.allow_networks = {"127.0.0.2"};
    const std::string port = std::to_string(server.port());
    one.resolve = {"outside.example:" + port + ":127.0.0.2"};
    server.on("/in", redirect(other.url("/end")));
    const auto before = other.requests().size();
    BOOST_TEST(!get("http://outside.example:" + port + "/in", one));
    BOOST_TEST(other.requests().size() == before);
}

BOOST_AUTO_TEST_CASE(other_statuses_are_no_answer)
{
    HttpServer server;
    for (const char* status : {"204 No Content", "206 Partial", "404 Not Found", "302 Found", "408 Slow",
                               "429 Often", "500 Oops", "503 Busy"}) {
        server.on("/",
                  [=](const HttpServer::Request&) { return HttpServer::Reply{http_answer(status, "x")}; });
        const bool later =
            std::string_view("408 429 500 503").find(std::string_view(status, 3)) != std::string_view::npos;
        BOOST_TEST(says(fault_of(get(server.url()), later ? Retry::later : Retry::never),
                        "answered with status " + std::string(status, 3)),
                   status);
    }
}

BOOST_AUTO_TEST_CASE(size_and_form_of_an_answer_are_bounded)
{
    HttpServer server;
    FetchOptions small = local();
    small.bytes_max = 1000;
    server.serve("/fits", std::string(1000, 'x'));
    server.serve("/huge", std::string(1001, 'x'));
    server.on("/endless", [](const HttpServer::Request&) {
        return HttpServer::Reply{"HTTP/1.1 200 OK\r\n\r\n" + std::string(200000, 'x'), true};
    });
    BOOST_TEST(bool(get(server.url("/fits"), small)));
    BOOST_TEST(says(final_fault_of(get(server.url("/huge"), small)), "larger than 1000 bytes"));
    BOOST_TEST(says(final_fault_of(get(server.url("/endless"), small)), "larger than 1000 bytes"));
    BOOST_TEST(bool(Fetcher(small).fetch({.url = server.url("/huge"), .bytes_max = 1001}, within())));

    server.serve("/long", "x", "X-Long: " + std::string(80000, 'h') + "\r\n");
    BOOST_TEST(says(final_fault_of(get(server.url("/long"))), "header is larger"));
    std::string many;
    for (int i = 0; i < 5000; ++i) many += "X-" + std::to_string(i) + ": 0123456789\r\n";
    server.serve("/fields", "x", many);
    BOOST_TEST(says(final_fault_of(get(server.url("/fields"))), "its header is larger than 65536 bytes"));
    server.serve("/packed", "\x1f\x8b", "Content-Encoding: gzip\r\n");
    BOOST_TEST(says(final_fault_of(get(server.url("/packed"))), "encoding that was not asked for (gzip)"));
    server.on("/cut", [](const HttpServer::Request&) {
        return HttpServer::Reply{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"};
    });
    fault_of(get(server.url("/cut")));
    server.on("/old", [](const HttpServer::Request&) { return HttpServer::Reply{"no header at all"}; });
    fault_of(get(server.url("/old")));
}

BOOST_AUTO_TEST_CASE(time_is_bounded_by_settings_and_by_the_budget)
{
    HttpServer server;
    server.on("/silent", [](const HttpServer::Request&) { return HttpServer::Reply{"", true}; });
    server.on("/half", [](const HttpServer::Request&) {
        return HttpServer::Reply{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", true};
    });
    FetchOptions hasty = local();
    hasty.total_timeout = milliseconds(200);
    for (const char* path : {"/silent", "/half"})
        BOOST_TEST(says(fault_of(get(server.url(path), hasty)), "timed out"), path);
    const auto from = std::chrono::steady_clock::now();
    BOOST_TEST(
        says(fault_of(Fetcher(local()).fetch({.url = server.url("/silent")}, within(milliseconds(200)))),
             "timed out"));
    // Ten seconds are the setting's; the budget's fifth of a second decides.
    BOOST_TEST((std::chrono::steady_clock::now() - from < seconds(5)));
    const auto before = server.requests().size();
    BOOST_TEST(says(fault_of(Fetcher(local()).fetch({.url = server.url("/silent")}, within(milliseconds(0)))),
                    "time for looking up is over"));
    BOOST_TEST(server.requests().size() == before);
}

BOOST_AUTO_TEST_CASE(https_is_always_verified)
{
    const Issued root = issue({.name = "web root", .ca = true}, rsa_key(1));
    const Issued good =
        issue({.name = "server", .san = {"IP:127.0.0.1", "DNS:web.example"}}, rsa_key(2), &root);
    const Issued other = issue({.name = "server", .san = {"DNS:other.example"}}, rsa_key(2), &root);
    const Issued old =
        issue({.name = "server", .san = {"IP:127.0.0.1"}, .from_days = -9, .to_days = -1}, rsa_key(2), &root);
    Scratch dir;
    write_file(dir / "roots.pem", pem_of(root.certificate));
    FetchOptions trusting = local();
    trusting.ca_file = dir / "roots.pem";
    HttpServer right(&good), wrong(&other), expired(&old), plain;
    for (auto* server : {&right, &wrong, &expired, &plain}) server->serve("/", "body");
    auto answer = get(right.url(), trusting);
    BOOST_REQUIRE_MESSAGE(answer, answer.error().why);
    BOOST_TEST(answer->body == "body");
    fault_of(get(wrong.url(), trusting));
    fault_of(get(expired.url(), trusting));
    fault_of(get(right.url(), local()));
    BOOST_TEST(wrong.requests().empty());
    BOOST_TEST(expired.requests().empty());
    right.on("/down", redirect(plain.url()));
    BOOST_TEST(says(final_fault_of(get(right.url("/down"), trusting)), "redirects from https to http"));
    BOOST_TEST(plain.requests().empty());
    plain.on("/up", redirect(right.url()));
    BOOST_TEST(bool(get(plain.url("/up"), trusting)));
}

BOOST_AUTO_TEST_CASE(the_environment_names_no_proxy)
{
    HttpServer server, proxy;
    server.serve("/", "direct");
    for (const char* name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"})
        setenv(name, proxy.url().c_str(), 1);
    auto answer = get(server.url());
    for (const char* name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}) unsetenv(name);
    BOOST_REQUIRE_MESSAGE(answer, answer.error().why);
    BOOST_TEST(answer->body == "direct");
    BOOST_TEST(proxy.requests().empty());
}

BOOST_AUTO_TEST_CASE(fetches_and_failures_are_counted)
{
    HttpServer server;
    server.serve("/", "x");
    const auto all = metric_value(Metric::fetches_total), bad = metric_value(Metric::fetch_failures_total);
    get(server.url());
    get(server.url("/nothing"));
    BOOST_TEST(metric_value(Metric::fetches_total) - all == 2);
    BOOST_TEST(metric_value(Metric::fetch_failures_total) - bad == 1);
}
