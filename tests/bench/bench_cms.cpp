// Opening and sealing through the agent, beside the raw cost of the same bytes and keys.
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "milter/base/text.h"
#include "tests/bench/bench_site.h"
#include "tests/bench/raw_work.h"

using namespace direct;
using namespace direct::bench;

namespace {

const Address doc{"doc", "direct.hospital.example"}, nurse{"nurse", "direct.clinic.example"};

std::string seal_once(const BenchSites& s, Engine& engine, const std::string& message)
{
    auto sealed = seal_outbound(*s.hospital, engine, {message, doc, {nurse}, {}, s.now});
    if (!sealed.leg) throw std::runtime_error("not sealed: " + std::string(token_of(sealed.overall())));
    return sealed.leg->message();
}

void open_once(const BenchSites& s, Engine& engine, const std::string& message)
{
    auto opened = open_inbound(*s.clinic, engine, {message, {nurse}, s.now});
    if (!opened.any_accepted())
        throw std::runtime_error("not opened: " + std::string(token_of(opened.overall())));
}

// CPU milliseconds of child processes per call.
double children_ms(const std::string& command)
{
    auto used = [] {
        rusage u{};
        getrusage(RUSAGE_CHILDREN, &u);
        auto ms = [](timeval t) {
            return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
        };
        return ms(u.ru_utime) + ms(u.ru_stime);
    };
    constexpr int calls = 10;
    double from = used();
    for (int i = 0; i < calls; ++i)
        if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
    return (used() - from) / calls;
}

void against_openssl(const BenchSites& s, const std::string& sealed, double open, double seal)
{
    auto clinic = s.folder + "/direct.clinic.example", hospital = s.folder + "/direct.hospital.example";
    auto own = [](const std::string& site, const char* domain) { return site + "/keys/" + domain + "/own"; };
    auto key = own(clinic, "direct.clinic.example"), signer = own(hospital, "direct.hospital.example");
    auto mail = s.folder + "/sealed.eml", plain = s.folder + "/plain.eml";
    if (!write_file_durably(mail, sealed, 0600) || !write_file_durably(plain, message_of(4096), 0600))
        throw std::runtime_error("write");
    double theirs_open = children_ms("openssl cms -decrypt -in " + mail + " -recip " + key + ".crt -inkey " +
                                     key + ".key -out " + s.folder + "/signed && openssl cms -verify -in " +
                                     s.folder + "/signed -CAfile " + clinic +
                                     "/anchors/direct.clinic.example/both/ca.pem -purpose any"
                                     " -out " +
                                     s.folder + "/out 2>/dev/null");
    double theirs_seal =
        children_ms("openssl cms -sign -in " + plain + " -signer " + signer + ".crt -inkey " + signer +
                    ".key -md sha256 -out " + s.folder + "/s1 && openssl cms -encrypt -aes256 -in " +
                    s.folder + "/s1 -out " + s.folder + "/s2 " + key + ".crt");
    std::printf(
        "\nat 4 KB, openssl cms as two processes per message: open %.1f ms = %.1f times ours, seal %.1f ms = "
        "%.1f times ours\n",
        theirs_open, theirs_open / open, theirs_seal, theirs_seal / seal);
}

int run()
{
    BenchSites sites;
    Engine engine;
    const auto* own = sites.clinic->keys.for_decryption(nurse).front();
    std::printf("CPU ms of one core    %10s %10s %6s   %10s %10s %6s\n", "open", "raw", "ratio", "seal",
                "raw", "ratio");
    double open4 = 0, seal4 = 0;
    std::string sealed4;
    for (std::size_t size : {4u << 10, 100u << 10, 5u << 20, 25u << 20}) {
        auto message = message_of(size);
        auto sealed = seal_once(sites, engine, message);
        double open = cpu_ms([&] { open_once(sites, engine, sealed); });
        double raw_open = raw_open_ms(own->key.get(), message.size());
        double seal = cpu_ms([&] { seal_once(sites, engine, message); });
        double raw_seal = raw_seal_ms(own->key.get(), message.size());
        std::printf("%8zu KB           %10.2f %10.2f %6.2f   %10.2f %10.2f %6.2f\n", size >> 10, open,
                    raw_open, open / raw_open, seal, raw_seal, seal / raw_seal);
        if (open4 == 0) open4 = open, seal4 = seal, sealed4 = sealed;
    }
    against_openssl(sites, sealed4, open4, seal4);
    return 0;
}

}  // namespace

int main()
{
    try {
        return run();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_cms: %s\n", e.what());
        return 1;
    }
}
