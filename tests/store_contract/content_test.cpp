// Content: small ones as values, big ones as files; ranges; keys of their own; what goes when it is not kept.
#include <boost/test/unit_test.hpp>

#include "milter/store/schema.h"
#include "tests/store_contract/factories.h"

using namespace direct;
using namespace direct::test;

namespace {

const std::vector<std::size_t> sizes{0,     1,         4096,     4097,       65535,     65536,
                                     65537, 2 * 65536, 200'001u, 1'000'000u, 16 * 65536};

std::string pattern(std::size_t size)
{
    std::string out(size, '\0');
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 31 + i / 257);
    return out;
}

/// Stores the bytes under a record "r" and returns their reference.
ContentRef stored(RecordStore& store, const std::string& bytes, const std::string& own_key = "")
{
    auto content = store.prepare(bytes, own_key);
    BOOST_TEST_REQUIRE(content.has_value());
    BOOST_TEST_REQUIRE(
        store.write([&](WriteTxn& txn) { return (*content)->attach(txn); }, bytes.size()).has_value());
    (*content)->keep();
    return (*content)->ref();
}

std::uint64_t files(RecordStore& store)
{
    const auto stat = store.stat();
    BOOST_TEST_REQUIRE(stat.has_value());
    return stat->content_files;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(content_comes_back_byte_for_byte, Factory, AllStores)
{
    Opened<Factory> store;
    const std::string own(32, 'o');
    std::vector<std::pair<ContentRef, std::string>> all;
    for (const std::size_t size : sizes)
        for (const std::string& key : {std::string(), own})
            all.emplace_back(stored(*store, pattern(size), key), key);
    store.reopen();
    BOOST_TEST(store->sweep(0).has_value());
    for (const auto& [ref, key] : all) {
        BOOST_TEST_CONTEXT("size " << ref.size << (key.empty() ? "" : ", own key"))
        {
            BOOST_TEST(ref.in_file == (ref.size > 4096));
            const auto bytes = store->content(ref, key);
            BOOST_TEST_REQUIRE(bytes.has_value());
            BOOST_TEST((*bytes == pattern(ref.size)));
            // Neither the store's key alone nor another one opens it.
            BOOST_TEST(!store->content(ref, key.empty() ? own : "").has_value());
            BOOST_TEST(!store->content(ref, std::string(32, 'x')).has_value());
            ContentRef wrong = ref;
            wrong.sha256[0] ^= 1;
            const auto other = store->content(wrong, key);
            BOOST_TEST((!other && other.error().retry == Retry::later));
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(ranges_are_exact, Factory, AllStores)
{
    Opened<Factory> store;
    for (const std::size_t size : sizes) {
        const std::string bytes = pattern(size);
        const ContentRef ref = stored(*store, bytes);
        const std::vector<std::uint64_t> edges{0, 1, 65535, 65536, 65537, 131072, size / 2, size - 1, size};
        const std::vector<std::uint64_t> lengths{0, 1, 65536, ~std::uint64_t{0}};
        for (const std::uint64_t offset : edges)
            for (const std::uint64_t length : lengths) {
                if (offset > size) continue;
                const auto part = store->content_range(ref, offset, length);
                BOOST_TEST_REQUIRE(part.has_value(), size << " " << offset << " " << length);
                BOOST_TEST((*part == bytes.substr(offset, length)), size << " " << offset << " " << length);
            }
        BOOST_TEST(!store->content_range(ref, size + 1, 1).has_value());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(content_that_no_record_took_goes_with_its_holder, Factory, AllStores)
{
    Opened<Factory> store;
    ContentRef ref;
    {
        const auto content = store->prepare(pattern(100'000));
        BOOST_TEST_REQUIRE(content.has_value());
        BOOST_TEST(files(*store) == 1u);
        ref = (*content)->ref();
        const Status done = store->write([&](WriteTxn& txn) -> Status {
            CHECK((*content)->attach(txn));
            return fail(temporary("changed its mind"));
        });
        BOOST_TEST(!done.has_value());
    }
    BOOST_TEST(files(*store) == 0u);
    BOOST_TEST(!store->content(ref).has_value());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(committed_content_stays_also_when_nobody_says_keep, Factory, AllStores)
{
    Opened<Factory> store;
    ContentRef ref;
    {
        const auto content = store->prepare(pattern(100'000));
        BOOST_TEST_REQUIRE(content.has_value());
        ref = (*content)->ref();
        BOOST_TEST(store->write([&](WriteTxn& txn) { return (*content)->attach(txn); }).has_value());
    }
    const auto bytes = store->content(ref);
    BOOST_TEST((bytes && *bytes == pattern(100'000)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(erased_content_goes_when_the_transaction_commits, Factory, AllStores)
{
    Opened<Factory> store;
    for (const std::size_t size : {100u, 100'000u}) {
        const ContentRef ref = stored(*store, pattern(size));
        const auto before = files(*store);
        BOOST_TEST(!store
                        ->write([&](WriteTxn& txn) -> Status {
                            CHECK(txn.erase_content(ref.id));
                            return fail(temporary("not now"));
                        })
                        .has_value());
        BOOST_TEST(store->content(ref).has_value());
        BOOST_TEST(files(*store) == before);
        BOOST_TEST(store->write([&](WriteTxn& txn) { return txn.erase_content(ref.id); }).has_value());
        BOOST_TEST(!store->content(ref).has_value());
        BOOST_TEST(files(*store) == 0u);
        BOOST_TEST(store->write([&](WriteTxn& txn) { return txn.erase_content(ref.id); }).has_value());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sweep_leaves_what_is_named_or_being_written, Factory, AllStores)
{
    Opened<Factory> store;
    const ContentRef named = stored(*store, pattern(100'000));
    const auto waiting = store->prepare(pattern(90'000));
    BOOST_TEST_REQUIRE(waiting.has_value());
    BOOST_TEST(store->sweep(0).has_value());
    BOOST_TEST(files(*store) == 2u);
    BOOST_TEST(store->write([&](WriteTxn& txn) { return (*waiting)->attach(txn); }).has_value());
    BOOST_TEST(store->content((*waiting)->ref()).has_value());
    BOOST_TEST(store->content(named).has_value());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sweep_forgets_idempotency_after_ten_days, Factory, AllStores)
{
    Opened<Factory> store;
    const std::int64_t day = 24ll * 3600 * 1000, now = 20'000 * day;
    const Status filled = store->write([&](WriteTxn& txn) -> Status {
        for (std::uint32_t i = 0; i < 2500; ++i) {
            const std::int64_t age = i % 2 ? 11 * day : 9 * day;
            CHECK(txn.put(Table::idempotency, be32(i), encode(IdempotencyRecord{now - age, "held"})));
        }
        return Done{};
    });
    BOOST_TEST_REQUIRE(filled.has_value());
    BOOST_TEST(store->sweep(now).has_value());
    std::size_t left = 0;
    BOOST_TEST(store
                   ->read([&](ReadTxn& txn) {
                       return txn.scan(Table::idempotency, "", "", [&](std::string_view key, auto) {
                           BOOST_TEST(static_cast<unsigned>(key[3]) % 2 == 0u);
                           return ++left > 0;
                       });
                   })
                   .has_value());
    BOOST_TEST(left == 1250u);
}
