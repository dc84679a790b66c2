// Opening and sealing through the agent, beside the raw cost of the same bytes and keys.
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <stdexcept>

#include "milter/base/text.h"
#include "tests/bench/bench_site.h"
#include "tests/bench/raw_work.h"

using namespace direct;
using namespace direct::bench;

namespace {

/// A line of /proc/self/status, in bytes.
std::size_t status_bytes(const std::string& name)
{
    std::ifstream in("/proc/self/status");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(name + ":")) return std::stoul(line.substr(name.size() + 1)) * 1024;
    throw std::runtime_error("/proc/self/status has no " + name);
}

/// Memory at its highest while `work` ran once, above what is there without the message; in a child, so that
/// nothing earlier lies around.
double peak_of(std::size_t message, const std::function<void()>& work)
{
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("pipe");
    pid_t child = fork();
    if (child == 0) {
        malloc_trim(0);
        std::ofstream("/proc/self/clear_refs") << "5";  // the highest mark begins anew
        auto before = status_bytes("VmRSS");
        work();
        double peak = static_cast<double>(status_bytes("VmHWM")) - static_cast<double>(before) +
                      static_cast<double>(message);
        _exit(write(ends[1], &peak, sizeof peak) == sizeof peak ? 0 : 1);
    }
    close(ends[1]);
    double peak = 0;
    auto n = read(ends[0], &peak, sizeof peak);
    close(ends[0]);
    waitpid(child, nullptr, 0);
    if (n != sizeof peak) throw std::runtime_error("no peak measured");
    return peak;
}

double allowed(std::size_t message)
{
    return 2.5 * static_cast<double>(message) + (8 << 20);
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
    std::printf(
        "CPU ms of one core    %10s %10s %6s   %10s %10s %6s   peak of memory: open, seal, allowed MB\n",
        "open", "raw", "ratio", "seal", "raw", "ratio");
    double open4 = 0, seal4 = 0;
    std::string sealed4;
    for (std::size_t size : {4u << 10, 100u << 10, 5u << 20, 25u << 20}) {
        auto message = message_of(size);
        auto sealed = seal_once(sites, engine, message).leg->message();
        double open = cpu_ms([&] { open_once(sites, engine, sealed); });
        double raw_open = raw_open_ms(own->key.get(), message.size());
        double seal = cpu_ms([&] { seal_once(sites, engine, message); });
        double raw_seal = raw_seal_ms(own->key.get(), message.size());
        double open_peak = peak_of(sealed.size(), [&] { open_once(sites, engine, sealed); });
        double seal_peak = peak_of(message.size(), [&] { seal_once(sites, engine, message); });
        std::printf(
            "%8zu KB           %10.2f %10.2f %6.2f   %10.2f %10.2f %6.2f   %.1f of %.1f, %.1f of %.1f\n",
            size >> 10, open, raw_open, open / raw_open, seal, raw_seal, seal / raw_seal, open_peak / 1e6,
            allowed(sealed.size()) / 1e6, seal_peak / 1e6, allowed(message.size()) / 1e6);
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
