#include "tests/bench/bench_site.h"

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>

#include "milter/base/text.h"
#include "policy/issue.h"

namespace direct::bench {
namespace fs = std::filesystem;
namespace {

template <class T>
T must(Result<T> r)
{
    if (!r) throw std::runtime_error(r.error().why);
    return std::move(*r);
}

void put(const std::string& path, std::string_view bytes)
{
    fs::create_directories(fs::path(path).parent_path());
    must(write_file_durably(path, bytes, 0600));
}

}  // namespace

BenchSites::BenchSites(const std::string& anchors_file) : now(SystemClock().now())
{
    std::string name = fs::temp_directory_path() / "direct-bench-XXXXXX";
    if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
    folder = name;
    auto from = now - std::chrono::hours(1), to = now + std::chrono::hours(24 * 30);
    auto ca_key = must(make_key("rsa-2048"));
    auto ca_pem = must(issue_certificate({{"", "Bench CA", ""}, true, from, to}, ca_key, nullptr));
    auto ca = must(read_certificates(ca_pem)).front();
    Issuer issuer{ca, ca_key};
    for (const std::string domain : {"direct.hospital.example", "direct.clinic.example"}) {
        auto site = folder + "/" + domain;
        auto other = domain == "direct.clinic.example" ? "direct.hospital.example" : "direct.clinic.example";
        auto key = must(make_key("rsa-2048"));
        auto pem = must(issue_certificate({{domain, "", ""}, false, from, to}, key, &issuer));
        put(site + "/keys/" + domain + "/own.key", key.view());
        put(site + "/keys/" + domain + "/own.crt", pem);
        put(site + "/anchors/" + domain + "/both/ca.pem", ca_pem);
        if (!anchors_file.empty())
            fs::copy_file(anchors_file, site + "/anchors/" + domain + "/both/idle.pem");
        put(folder + "/" + other + "/certificates/" + domain + "/own.crt", pem);
        put(site + "/direct.toml",
            "[store]\nkeys = \"keys\"\nanchors = \"anchors\"\ncertificates = \"certificates\"\n"
            "path = \"store\"\n[[domain]]\nname = \"" +
                domain + "\"\n");
    }
    hospital = must(load_site(folder + "/direct.hospital.example/direct.toml", now));
    clinic = must(load_site(folder + "/direct.clinic.example/direct.toml", now));
}

BenchSites::~BenchSites()
{
    std::error_code ignored;
    fs::remove_all(folder, ignored);
}

const Address doc{"doc", "direct.hospital.example"}, nurse{"nurse", "direct.clinic.example"};

SealedMail seal_once(const BenchSites& s, Engine& engine, const std::string& message)
{
    auto sealed = seal_outbound(*s.hospital, engine, {message, doc, {nurse}, {}, s.now});
    if (!sealed.leg) throw std::runtime_error("not sealed: " + std::string(token_of(sealed.overall())));
    return sealed;
}

void open_once(const BenchSites& s, Engine& engine, const std::string& message)
{
    auto opened = open_inbound(*s.clinic, engine, {message, {nurse}, s.now});
    if (!opened.any_accepted())
        throw std::runtime_error("not opened: " + std::string(token_of(opened.overall())));
}

std::string idle_authorities(std::size_t count)
{
    const auto now = SystemClock().now();
    const auto key = must(make_key("p-256"));
    std::string out;
    for (std::size_t i = 0; i < count; ++i)
        out += must(issue_certificate({{"", "Idle CA " + std::to_string(i), ""},
                                       true,
                                       now - std::chrono::hours(1),
                                       now + std::chrono::hours(24 * 30)},
                                      key, nullptr));
    return out;
}

std::string message_of(std::size_t size)
{
    std::string head =
        "From: doc@direct.hospital.example\r\nTo: nurse@direct.clinic.example\r\nSubject: bench\r\n"
        "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <bench@direct.hospital.example>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        "Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    auto bytes = size > head.size() + 100 ? (size - head.size() - 100) / 78 * 57 : 57;
    return head + base64(std::string(bytes, 'p'), 76) + "\r\n--b--\r\n";
}

}  // namespace direct::bench
