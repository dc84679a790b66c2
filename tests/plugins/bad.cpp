// bad.cpp - a plugin that does what its document tells it: "bad:<word>" chooses the misdeed. Each must
// cost this document only.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "plugins/parser_plugin.h"

namespace {

constexpr int channel = 3;

direct_bytes bytes_of(std::string_view s)
{
    return {s.data(), s.size()};
}

void about(const direct_host* host)
{
    host->document(host->context, bytes_of(R"({"kind":"file","title":"bad"})"));
}

int tell(const direct_host* host, std::string_view json, std::string_view section = "other",
         std::string_view kind = "thing")
{
    const direct_item item{sizeof item, bytes_of(section), bytes_of(kind), bytes_of(json)};
    return host->item(host->context, &item);
}

void say(std::string_view bytes)
{
    static_cast<void>(!::write(channel, bytes.data(), bytes.size()));
}

// The compiler must not see what we are up to.
volatile int zero = 0;
volatile std::uintptr_t nowhere = 0;

int deeper(int n)
{
    volatile char frame[4096];
    frame[n % 4096] = static_cast<char>(n);
    if (zero) return n;
    return deeper(n + 1) + frame[(n + 1) % 4096];
}

direct_parse_status misbehave(const direct_host* host, std::string_view word, const direct_document* document)
{
    if (word == "crash") *reinterpret_cast<volatile int*>(nowhere) = 1;
    if (word == "abort") std::abort();
    if (word == "exit") ::_exit(0);
    if (word == "stack") return static_cast<direct_parse_status>(deeper(0));
    if (word == "hang")
        while (zero == 0) {
        }
    if (word == "throw") throw std::runtime_error("health data in an exception");
    if (word == "memory")
        for (std::vector<std::string> hoard;;) hoard.emplace_back(8u << 20, 'x');
    if (word == "flood")
        for (;;) tell(host, R"({"section":"other","kind":"thing"})");
    if (word == "flood-politely")
        while (tell(host, R"({"section":"other","kind":"thing"})") == 0) {
        }
    if (word == "flood-channel") {
        // Past the worker's own limits: items said to the host directly.
        for (;;)
            say(
                std::string("\0\0\0\x1dI\0\0\0\x05"
                            "other\0\0\0\x05thing\0\0\0\x07{\"a\":1}",
                            34));
    }
    if (word == "big-item") tell(host, "{\"x\":\"" + std::string(2u << 20, 'x') + "\"}");
    if (word == "open") return ::open("/etc/hostname", O_RDONLY) >= 0 ? DIRECT_PARSED : DIRECT_MALFORMED;
    if (word == "create")
        return ::open("/tmp/direct-bad-neighbour", O_CREAT | O_WRONLY, 0600) >= 0 ? DIRECT_PARSED
                                                                                  : DIRECT_MALFORMED;
    if (word == "socket") return ::socket(AF_INET, SOCK_STREAM, 0) >= 0 ? DIRECT_PARSED : DIRECT_MALFORMED;
    if (word == "fork") return ::fork() >= 0 ? DIRECT_PARSED : DIRECT_MALFORMED;
    if (word == "exec") ::execl("/bin/true", "true", nullptr);
    if (word == "kill-parent") return ::kill(::getppid(), 0) == 0 ? DIRECT_PARSED : DIRECT_MALFORMED;
    if (word == "trace-parent")
        return ::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr) == 0 ? DIRECT_PARSED : DIRECT_MALFORMED;
    if (word == "trace-me")
        return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? DIRECT_PARSED : DIRECT_MALFORMED;
    if (word == "thread") std::thread([] {}).join();
    if (word == "duplicate") return ::dup(channel) >= 0 ? DIRECT_PARSED : DIRECT_MALFORMED;
    if (word == "turn-into-code") {
        void* p = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return ::mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0 ? DIRECT_PARSED : DIRECT_MALFORMED;
    }
    if (word == "code") {
        void* p =
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return p != MAP_FAILED ? DIRECT_PARSED : DIRECT_MALFORMED;
    }
    if (word == "garbage") say(std::string(100, '\xEE'));
    if (word == "length") say("\xff\xff\xff\xffI");
    if (word == "fields")
        say(
            std::string("\0\0\0\x08I\0\0\0\xff"
                        "abcd",
                        13));
    if (word == "type") say(std::string("\0\0\0\0Z", 5));
    if (word == "two-ends")
        say(
            std::string("\0\0\0\x09"
                        "E\0\0\0\x01"
                        "0\0\0\0\0",
                        14));
    if (word == "big-document") {
        const std::string json = "{\"x\":\"" + std::string(host->max_document - 7, 'x') + "\"}";
        host->document(host->context, bytes_of(json));
        return DIRECT_PARSED;
    }
    if (word == "largest-document") {
        const std::string json = "{\"x\":\"" + std::string(host->max_document - 8, 'x') + "\"}";
        return host->document(host->context, bytes_of(json)) ? DIRECT_LIMIT : DIRECT_PARSED;
    }
    about(host);
    if (word == "largest-item") {
        const std::string json = "{\"x\":\"" + std::string(host->max_json - 8, 'x') + "\"}";
        return tell(host, json) ? DIRECT_LIMIT : DIRECT_PARSED;
    }
    if (word == "many-children" || word == "children-of-bytes") {
        const std::string content(word == "many-children" ? 1 : 1u << 20, 'c');
        const direct_child child{sizeof child, bytes_of("c"), {}, bytes_of(content), {}};
        while (host->child(host->context, &child) == 0) {
        }
    }
    if (word == "bytes-of-items") {
        const std::string json = "{\"x\":\"" + std::string(100000, 'x') + "\"}";
        while (tell(host, json) == 0) {
        }
    }
    if (word == "long-note") host->note(host->context, bytes_of(std::string(5000, 'n')));
    if (word == "broken-json") tell(host, R"({"section":"other",})");
    if (word == "array-json") tell(host, R"(["no object"])");
    if (word == "not-utf8") tell(host, "{\"x\":\"\xC3\x28\"}");
    if (word == "deep-json") {
        std::string json = R"({"a":)";
        for (int i = 0; i < 64; ++i) json += '[';
        tell(host, json);
    }
    if (word == "goes-on") {
        // Once refused, always refused; and the third item is named, not one that follows.
        if (tell(host, R"({"n":1})") || tell(host, R"({"n":2})")) std::abort();
        if (!tell(host, R"({"n":3)") || !tell(host, R"({"n":4})") || !tell(host, "no")) std::abort();
    }
    if (word == "bad-kind") tell(host, R"({"a":1})", "other", "of a person");
    if (word == "no-kind") tell(host, R"({"a":1})", "other", "");
    if (word == "long-kind") tell(host, R"({"a":1})", "other", std::string(65, 'k'));
    if (word == "bad-skip") host->skip(host->context, {}, bytes_of("why"));
    if (word == "small-item") {
        direct_item item{8, bytes_of("other"), bytes_of("thing"), bytes_of("{}")};
        host->item(host->context, &item);
    }
    if (word == "bad-child") {
        const direct_child child{sizeof child, bytes_of("c"), {}, bytes_of("c"), bytes_of("[]")};
        host->child(host->context, &child);
    }
    if (word == "throw-number") throw 7;
    if (word == "local-time") {
        const time_t now = 0;
        tm out{};
        ::localtime_r(&now, &out);
    }
    if (word == "big-sort") {
        std::vector<int> many(1000);
        std::qsort(many.data(), many.size(), sizeof(int),
                   [](const void* a, const void* b) { return std::memcmp(a, b, sizeof(int)); });
    }
    if (word == "print") {
        std::printf("words\n");
        std::fflush(stdout);
    }
    if (word == "limit") return DIRECT_LIMIT;
    if (word == "bad-section") tell(host, R"({"a":1})", "../../etc");
    if (word == "two-documents") about(host);
    if (word == "null-item") host->item(host->context, nullptr);
    if (word == "strange-status") return static_cast<direct_parse_status>(42);
    if (word == "note") host->note(host->context, bytes_of("line one\nline two \x1b[31m\xff"));
    if (word == "many-notes")
        for (int i = 0; i < 5000; ++i) host->note(host->context, bytes_of("again"));
    if (word == "many-skips")
        for (int i = 0; i < 5000; ++i) host->skip(host->context, bytes_of("other"), bytes_of("again"));
    if (word == "long-skips")
        for (int i = 0; i < 2000; ++i)
            host->skip(host->context, bytes_of("other"), bytes_of(std::string(1024, 's')));
    if (word == "itself") {
        const direct_child child{sizeof child, bytes_of("inner.bad"), {}, document->content, {}};
        host->child(host->context, &child);
    }
    if (word == "crashing-child") {
        const direct_child child{sizeof child, bytes_of("inner.bad"), {}, bytes_of("bad:crash"), {}};
        host->child(host->context, &child);
    }
    if (word == "not-mine") {
        tell(host, R"({"section":"other","kind":"thing"})");
        return DIRECT_NOT_MINE;
    }
    if (word == "malformed") {
        tell(host, R"({"section":"other","kind":"thing"})");
        host->note(host->context, bytes_of("the third bolt is loose"));
        return DIRECT_MALFORMED;
    }
    if (word == "good") tell(host, R"({"section":"other","kind":"thing","n":1})");
    return DIRECT_PARSED;
}

std::string_view word_of(const direct_document* d)
{
    const std::string_view s(d->content.data ? d->content.data : "", d->content.len);
    return s.starts_with("bad:") ? s.substr(4) : std::string_view();
}

int recognise(const direct_document* head)
{
    const auto word = word_of(head);
    if (word == "recognise-crash") *reinterpret_cast<volatile int*>(nowhere) = 1;
    if (word == "score") return 1000;
    return word.empty() ? 0 : 100;
}

direct_parse_status parse(const direct_host* host, const direct_document* document)
{
    const auto word = word_of(document);
    if (word == "silent") return DIRECT_PARSED;
    return misbehave(host, word, document);
}

const direct_parser parser = {DIRECT_PARSER_ABI_MAJOR, sizeof(direct_parser), "bad", "0.1", recognise, parse};

}  // namespace

extern "C" const direct_parser* direct_parser_v1(void)
{
    return &parser;
}
