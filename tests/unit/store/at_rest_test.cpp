// What lies on the disk: no clear text, no address, nothing others may read; what is tampered with does
// not open; what does not belong to us is refused.
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "milter/base/text.h"
#include "milter/store/codec.h"
#include "milter/store/lmdb_store.h"
#include "milter/store/lmdb_txn.h"
#include "milter/store/schema.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

using namespace direct;
using namespace direct::test;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view secret = "Penicillin-allergy-of-the-patient";
constexpr std::string_view address = "jo.example@mail.example";

struct OnDisk {
    Scratch scratch;
    StoreOptions options;
    std::unique_ptr<RecordStore> store;
    OnDisk()
    {
        options.path = scratch / "store";
        options.map_start = 4u << 20;
        options.inline_max = 4096;
        open();
    }
    void open()
    {
        store.reset();
        auto opened = open_lmdb_store(options, Secret(std::string(32, 'k')));
        BOOST_REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().why));
        store = *std::move(opened);
    }
    Fault refused()
    {
        store.reset();
        auto opened = open_lmdb_store(options, Secret(std::string(32, 'k')));
        BOOST_REQUIRE(!opened.has_value());
        return opened.error();
    }
    ContentRef keep(std::string_view bytes, std::string_view own_key = {})
    {
        auto content = store->prepare(bytes, own_key);
        BOOST_REQUIRE(content.has_value());
        BOOST_REQUIRE(store->write([&](WriteTxn& txn) { return (*content)->attach(txn); }).has_value());
        (*content)->keep();
        return (*content)->ref();
    }
    std::string file_of(const ContentRef& ref) const { return options.path + "/content/" + hex(ref.id); }
};

std::string repeated(std::string_view text, std::size_t size)
{
    std::string out;
    while (out.size() < size) out += text;
    return out;
}

}  // namespace

// A page of the shared lock table that a full disk has no room for ends the process with SIGBUS.
BOOST_AUTO_TEST_CASE(the_lock_table_has_its_blocks_when_the_store_is_open)
{
    OnDisk disk;
    struct stat about {};
    BOOST_REQUIRE(::stat((disk.options.path + "/lock.mdb").c_str(), &about) == 0);
    BOOST_TEST(about.st_size >= 64 * 1024);
    BOOST_TEST(about.st_blocks * 512 >= about.st_size);
    BOOST_TEST((about.st_mode & 0777) == 0600);
}

BOOST_AUTO_TEST_CASE(neither_clear_text_nor_address_is_on_disk)
{
    OnDisk disk;
    HeldRecord held;
    held.id = new_id();
    held.contact = address;
    held.question = secret;
    const ContentRef small = disk.keep(repeated(secret, 2000)), big = disk.keep(repeated(secret, 300'000)),
                     own = disk.keep(repeated(secret, 300'000), std::string(32, 'o'));
    held.content = big;
    BOOST_TEST(disk.store
                   ->write([&](WriteTxn& txn) -> Status {
                       CHECK(txn.put(Table::held, held.id, encode(held)));
                       return txn.put(Table::held_by,
                                      "e" + disk.store->index_key("contact", address) + held.id, "");
                   })
                   .has_value());
    disk.store.reset();
    std::size_t files = 0, bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(disk.options.path)) {
        const auto mode = entry.status().permissions();
        BOOST_TEST(((mode & (fs::perms::group_all | fs::perms::others_all)) == fs::perms::none),
                   entry.path());
        if (!entry.is_regular_file()) continue;
        const std::string raw = read_file(entry.path());
        ++files;
        bytes += raw.size();
        for (const std::string_view plain : {secret, secret.substr(0, 12), address, address.substr(0, 10)})
            BOOST_TEST(raw.find(plain) == std::string::npos, entry.path());
    }
    BOOST_TEST(files == 5u);  // data.mdb, lock.mdb, store.lock, two contents
    BOOST_TEST(bytes > 600'000u);
    disk.open();
    BOOST_TEST((disk.store->content(small).value() == repeated(secret, 2000)));
    BOOST_TEST((disk.store->content(own, std::string(32, 'o')).value() == repeated(secret, 300'000)));
}

BOOST_AUTO_TEST_CASE(a_content_file_tampered_with_does_not_open)
{
    OnDisk disk;
    const std::string plain = repeated(secret, 4 * 65536);
    const ContentRef ref = disk.keep(plain);
    const std::string path = disk.file_of(ref), whole = read_file(path);
    constexpr std::size_t head = 24, chunk = 65536 + 28;
    BOOST_TEST_REQUIRE(whole.size() >= head + 4 * chunk);
    const auto opens = [&](const std::string& bytes) {
        write_file(path, bytes);
        return disk.store->content(ref).has_value();
    };
    BOOST_TEST(opens(whole));
    const std::string one = whole.substr(head, chunk), two = whole.substr(head + chunk, chunk);
    BOOST_TEST(!opens(whole.substr(0, head) + two + one + whole.substr(head + 2 * chunk)));  // reordered
    BOOST_TEST(!opens(whole.substr(0, head) + two + whole.substr(head + chunk)));            // repeated
    BOOST_TEST(!opens(whole.substr(0, head + 3 * chunk)));                                   // cut at a chunk
    BOOST_TEST(!opens(whole.substr(0, whole.size() - 1)));
    BOOST_TEST(!opens(""));
    for (const std::size_t at :
         {std::size_t{0}, std::size_t{4}, std::size_t{10}, head, head + chunk + 99, whole.size() - 1}) {
        std::string bent = whole;
        bent[at] ^= 1;
        BOOST_TEST(!opens(bent), at);
    }
    // A shorter reference does not make an inner chunk the last one.
    BOOST_TEST(opens(whole));
    ContentRef shorter = ref;
    shorter.size = 2 * 65536;
    shorter.sha256 = sha256(plain.substr(0, shorter.size));
    BOOST_TEST(!disk.store->content(shorter).has_value());
    // The file of another content in its place.
    const ContentRef other = disk.keep(repeated(address, plain.size()));
    BOOST_TEST(!opens(read_file(disk.file_of(other))));
}

BOOST_AUTO_TEST_CASE(a_range_opens_only_its_chunks)
{
    OnDisk disk;
    const std::string plain = repeated(secret, 4 * 65536);
    const ContentRef ref = disk.keep(plain);
    std::string bytes = read_file(disk.file_of(ref));
    bytes[24 + 2 * (65536 + 28) + 50] ^= 1;  // chunk 2
    write_file(disk.file_of(ref), bytes);
    BOOST_TEST(!disk.store->content(ref).has_value());
    BOOST_TEST((disk.store->content_range(ref, 65530, 12).value() == plain.substr(65530, 12)));
    BOOST_TEST((disk.store->content_range(ref, 3 * 65536, 65536).value() == plain.substr(3 * 65536, 65536)));
    BOOST_TEST(!disk.store->content_range(ref, 2 * 65536 - 1, 2).has_value());
}

BOOST_AUTO_TEST_CASE(orphans_and_unfinished_files_are_swept_at_the_next_start)
{
    OnDisk disk;
    const ContentRef kept = disk.keep(repeated(secret, 100'000));
    const std::string folder = disk.options.path + "/content/";
    disk.store.reset();
    write_file(folder + hex(std::string(16, 'x')), "orphan");
    write_file(folder + hex(std::string(16, 'y')) + ".tmp", "unfinished");
    write_file(folder + hex(kept.id) + ".tmp", "unfinished");
    write_file(folder + "notes-of-the-admin", "not ours");
    disk.open();
    BOOST_TEST(disk.store->sweep(0).has_value());
    BOOST_TEST(!fs::exists(folder + hex(std::string(16, 'x'))));
    BOOST_TEST(!fs::exists(folder + hex(std::string(16, 'y')) + ".tmp"));
    BOOST_TEST(!fs::exists(folder + hex(kept.id) + ".tmp"));
    BOOST_TEST(fs::exists(folder + "notes-of-the-admin"));
    BOOST_TEST(disk.store->content(kept).has_value());
}

BOOST_AUTO_TEST_CASE(a_newer_schema_and_a_missing_store_are_refused)
{
    OnDisk disk;
    BOOST_TEST(
        disk.store
            ->write([](WriteTxn& txn) -> Status {
                CHECK(static_cast<LmdbTxn&>(txn).put_raw(Table::meta, "schema", be64(schema_number + 1)));
                return Done{};
            })
            .has_value());
    BOOST_TEST((disk.refused().reason == Reason::configuration));
    BOOST_TEST(disk.refused().why.find("schema") != std::string::npos);
    disk.options.path = disk.scratch / "none";
    disk.options.create = false;
    BOOST_TEST((disk.refused().reason == Reason::configuration));
    BOOST_TEST(!fs::exists(disk.options.path));
    disk.options.path = disk.scratch / "no/such/parent";
    disk.options.create = true;
    BOOST_TEST((disk.refused().reason == Reason::configuration));
}

BOOST_AUTO_TEST_CASE(keys_are_told_of_values_that_do_not_open)
{
    OnDisk disk;
    BOOST_TEST(disk.store
                   ->write([](WriteTxn& txn) -> Status {
                       for (const char* key : {"a1", "a2", "a3", "b1"}) CHECK(txn.put(Table::held, key, "1"));
                       CHECK(static_cast<LmdbTxn&>(txn).put_raw(Table::held, "a2", "damaged"));
                       return Done{};
                   })
                   .has_value());
    BOOST_TEST(disk.store
                   ->read([](ReadTxn& txn) -> Status {
                       std::string all, some;
                       CHECK(txn.keys(Table::held, "a", "", [&](std::string_view key) {
                           all += key;
                           return true;
                       }));
                       CHECK(txn.keys(Table::held, "", "a2", [&](std::string_view key) {
                           some += key;
                           return some.size() < 4;
                       }));
                       BOOST_TEST(all == "a1a2a3");
                       BOOST_TEST(some == "a2a3");
                       BOOST_TEST(!txn.scan(Table::held, "", "", [](auto, auto) { return true; }));
                       return Done{};
                   })
                   .has_value());
}

BOOST_AUTO_TEST_CASE(a_value_moved_inside_the_file_does_not_open)
{
    OnDisk disk;
    BOOST_TEST(disk.store
                   ->write([](WriteTxn& txn) -> Status {
                       CHECK(txn.put(Table::held, "a", "1"));
                       auto& raw = static_cast<LmdbTxn&>(txn);
                       TRY(const auto sealed, raw.get_raw(Table::held, "a"));
                       CHECK(raw.put_raw(Table::held, "b", std::string(*sealed)));
                       return Done{};
                   })
                   .has_value());
    const Status moved = disk.store->read([](ReadTxn& txn) -> Status {
        CHECK(txn.get(Table::held, "b"));
        return Done{};
    });
    BOOST_TEST((!moved && moved.error().retry == Retry::later));
    const Status scanned = disk.store->read(
        [](ReadTxn& txn) { return txn.scan(Table::held, "", "", [](auto, auto) { return true; }); });
    BOOST_TEST(!scanned.has_value());
}

BOOST_AUTO_TEST_CASE(a_key_file_is_32_bytes_for_one_reader)
{
    Scratch scratch;
    const std::string path = scratch / "store.key";
    const auto with = [&](std::size_t size, mode_t mode) {
        fs::remove(path);
        write_file(path, std::string(size, 'k'));
        ::chmod(path.c_str(), mode);
        return read_key_file(path);
    };
    const auto good = with(32, 0400);
    BOOST_TEST_REQUIRE(good.has_value());
    BOOST_TEST((good->view() == std::string(32, 'k')));
    BOOST_TEST(with(32, 0600).has_value());
    for (const mode_t mode : {0440u, 0404u, 0644u, 0420u}) BOOST_TEST(!with(32, mode).has_value(), mode);
    for (const std::size_t size : {0u, 31u, 33u, 64u}) {
        const auto bad = with(size, 0400);
        BOOST_TEST((!bad && bad.error().reason == Reason::configuration), size);
    }
    BOOST_TEST(!read_key_file(scratch / "none").has_value());
    BOOST_TEST(!open_lmdb_store({scratch / "store"}, Secret("short")).has_value());
}
