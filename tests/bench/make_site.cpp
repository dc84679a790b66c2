// make_site.cpp - a site with many keys and many anchors, for tests/bench/start.py.
//
//     bench_make_site FOLDER KEYS ANCHORS
//
// writes FOLDER/keys/userN@direct.clinic.example/own.{crt,key} and FOLDER/anchors/direct.clinic.example/both/N.pem.
// One RSA key serves them all: what is measured is reading, and making ten thousand keys would take an hour.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "milter/base/crypto.h"
#include "policy/issue.h"

using namespace direct;
namespace fs = std::filesystem;

namespace {

const std::string domain = "direct.clinic.example";

template <class T>
T must(Result<T> r)
{
    if (!r) throw std::runtime_error(r.error().why);
    return std::move(*r);
}

void put(const fs::path& path, std::string_view bytes)
{
    fs::create_directories(path.parent_path());
    std::ofstream out(path, std::ios::binary);
    out << bytes;
    fs::permissions(path, fs::perms::owner_read);
    if (!out) throw std::runtime_error("cannot write " + path.string());
}

void make(const fs::path& folder, int keys, int anchors)
{
    auto now = SystemClock().now();
    auto from = now - std::chrono::hours(1), to = now + std::chrono::hours(24 * 30);
    auto key = must(make_key("rsa-2048"));
    auto ca_pem = must(issue_certificate({{"", "Bench CA", ""}, true, from, to}, key, nullptr));
    auto ca = must(read_certificates(ca_pem)).front();
    Issuer issuer{ca, key};
    for (int i = 0; i < keys; ++i) {
        auto address = "user" + std::to_string(i) + "@" + domain;
        put(folder / "keys" / address / "own.crt",
            must(issue_certificate({{address, "", ""}, false, from, to}, key, &issuer)));
        put(folder / "keys" / address / "own.key", key.view());
    }
    for (int i = 0; i < anchors; ++i)
        put(folder / "anchors" / domain / "both" / (std::to_string(i) + ".pem"),
            must(issue_certificate({{"", "Anchor " + std::to_string(i), ""}, true, from, to}, key, nullptr)));
}

}  // namespace

int main(int argc, char** argv)
{
    try {
        if (argc != 4) throw std::runtime_error("bench_make_site FOLDER KEYS ANCHORS");
        make(argv[1], std::atoi(argv[2]), std::atoi(argv[3]));
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_make_site: %s\n", e.what());
        return 1;
    }
}
