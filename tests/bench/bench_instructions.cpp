// One opening and one sealing at 4 KB, and their key operations alone, each in a function of its own, so that
// callgrind counts them apart; see callgrind.py. Does nothing of use without it.
#include <cstdio>
#include <exception>

#include "milter/base/text.h"
#include "tests/bench/bench_site.h"
#include "tests/bench/raw_work.h"

using namespace direct;
using namespace direct::bench;

// The names are what --toggle-collect and --dump-after ask for.
extern "C" {
[[gnu::noipa]] void measured_open(const BenchSites& sites, Engine& engine, const std::string& sealed)
{
    open_once(sites, engine, sealed);
}
[[gnu::noipa]] void measured_seal(const BenchSites& sites, Engine& engine, const std::string& message)
{
    seal_once(sites, engine, message);
}
[[gnu::noipa]] void measured_few_anchors(const BenchSites& sites, Engine& engine, const std::string& sealed)
{
    open_once(sites, engine, sealed);
}
[[gnu::noipa]] void measured_many_anchors(const BenchSites& sites, Engine& engine, const std::string& sealed)
{
    open_once(sites, engine, sealed);
}
[[gnu::noipa]] void measured_raw_open(const KeyWork& keys)
{
    keys.open();
}
[[gnu::noipa]] void measured_raw_seal(const KeyWork& keys)
{
    keys.seal();
}
}

namespace {

/// The same opening under ten and under ten thousand anchors; what differs is how the sender's authority is found.
/// Each engine knows the sender already, as it does after his first message.
void count_by_anchors(const std::string& few_file, const std::string& many_file)
{
    BenchSites few(few_file), many(many_file);
    Engine few_engine, many_engine;
    auto message = message_of(4096);
    auto for_few = seal_once(few, few_engine, message).leg->message();
    auto for_many = seal_once(many, many_engine, message).leg->message();
    for (int i = 0; i < 3; ++i) {
        open_once(few, few_engine, for_few);
        open_once(many, many_engine, for_many);
    }
    measured_few_anchors(few, few_engine, for_few);
    measured_many_anchors(many, many_engine, for_many);
}

}  // namespace

/// bench_instructions --anchors FILE COUNT   writes authorities for the next (quick only without valgrind)
/// bench_instructions FEW MANY               what is counted
int main(int argc, char** argv)
{
    try {
        if (argc == 4 && std::string(argv[1]) == "--anchors")
            return write_file_durably(argv[2], idle_authorities(std::stoul(argv[3])), 0600) ? 0 : 1;
        if (argc == 3) count_by_anchors(argv[1], argv[2]);
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
