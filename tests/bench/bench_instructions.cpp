// One opening and one sealing at 4 KB, and their key operations alone, each in a function of its own, so that
// callgrind counts them apart; see callgrind.py. Does nothing of use without it.
#include <cstdio>
#include <exception>

#include "tests/bench/bench_site.h"
#include "tests/bench/raw_work.h"

using namespace direct;
using namespace direct::bench;

// The names are what --toggle-collect and --dump-after ask for.
extern "C" {
[[gnu::noinline]] void measured_open(const BenchSites& sites, Engine& engine, const std::string& sealed)
{
    open_once(sites, engine, sealed);
}
[[gnu::noinline]] void measured_seal(const BenchSites& sites, Engine& engine, const std::string& message)
{
    seal_once(sites, engine, message);
}
[[gnu::noinline]] void measured_raw_open(const KeyWork& keys)
{
    keys.open();
}
[[gnu::noinline]] void measured_raw_seal(const KeyWork& keys)
{
    keys.seal();
}
}

int main()
{
    try {
        BenchSites sites;
        Engine engine;
        auto message = message_of(4096);
        auto sealed = seal_once(sites, engine, message).leg->message();
        KeyWork theirs(sites.clinic->keys.for_decryption(nurse).front()->key.get());
        KeyWork ours(sites.hospital->keys.for_decryption(doc).front()->key.get());
        // Caches, lazily fetched algorithms, and the blinding of each key: OpenSSL makes that anew after 32 uses.
        for (int i = 0; i < 3; ++i) {
            open_once(sites, engine, sealed);
            seal_once(sites, engine, message);
            theirs.open();
            ours.seal();
        }
        measured_open(sites, engine, sealed);
        measured_seal(sites, engine, message);
        measured_raw_open(theirs);
        measured_raw_seal(ours);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_instructions: %s\n", e.what());
        return 1;
    }
}
