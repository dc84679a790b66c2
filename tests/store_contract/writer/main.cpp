// store_writer - writes records until it is killed, and says each number once the store has taken it.
//
// usage: store_writer FOLDER FIRST THREADS [TOTAL]
// With TOTAL it writes so many, goes on after one that failed, and ends with 0.
// Output: one line per acknowledged record, its number. The record of number n has the key be32(n), a
// content of n * 997 % 20000 bytes and a reference to it.
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

#include "milter/store/codec.h"
#include "milter/store/lmdb_store.h"
#include "milter/store/schema.h"

using namespace direct;

namespace {

bool write_record(RecordStore& store, std::uint32_t n)
{
    auto content = store.prepare(std::string(n * 997ull % 20000, static_cast<char>('a' + n % 26)));
    if (!content) return false;
    const Status done = store.write([&](WriteTxn& txn) -> Status {
        CHECK((*content)->attach(txn));
        return txn.put(Table::message, be32(n), encode((*content)->ref()));
    });
    if (!done) return false;
    (*content)->keep();
    const std::string line = std::to_string(n) + "\n";
    return ::write(STDOUT_FILENO, line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc != 4 && argc != 5) return 2;
    StoreOptions options;
    options.path = std::string(argv[1]) + "/store";
    options.inline_max = 4096;
    options.map_start = 1u << 20;
    options.size_max = 1u << 30;
    auto store = open_lmdb_store(options, Secret(std::string(32, 'k')));
    if (!store) return 3;
    std::atomic<std::uint32_t> next{static_cast<std::uint32_t>(std::atoi(argv[2]))};
    const std::uint32_t end = argc == 5 ? next + static_cast<std::uint32_t>(std::atoi(argv[4])) : UINT32_MAX;
    std::vector<std::thread> threads;
    for (int t = 0; t < std::atoi(argv[3]); ++t)
        threads.emplace_back([&] {
            for (std::uint32_t n; (n = next++) < end;)
                if (!write_record(**store, n) && argc == 4) return;
        });
    for (auto& thread : threads) thread.join();
    return argc == 5 ? 0 : 4;
}
