#include "milter/store/seal.h"

#include <boost/test/unit_test.hpp>

using namespace direct;

namespace {
const std::string first(32, 'a'), second(32, 'b');
}

BOOST_AUTO_TEST_CASE(a_value_opens_only_where_it_was_put)
{
    const Sealer sealer(first, 1);
    const std::string sealed = sealer.seal(Table::held, "key", "plain");
    BOOST_TEST(sealer.open(Table::held, "key", sealed).value() == "plain");
    BOOST_TEST(!sealer.open(Table::outbox, "key", sealed).has_value());
    BOOST_TEST(!sealer.open(Table::held, "kez", sealed).has_value());
    BOOST_TEST(!sealer.open(Table::held, "ke", sealed).has_value());
    BOOST_TEST(!Sealer(first, 2).open(Table::held, "key", sealed).has_value());
    BOOST_TEST(!Sealer(second, 1).open(Table::held, "key", sealed).has_value());
    BOOST_TEST((sealer.seal(Table::held, "key", "plain") != sealed));
    BOOST_TEST(sealed.size() == 5 + 1 + aead_overhead);
}

BOOST_AUTO_TEST_CASE(a_damaged_value_is_a_temporary_fault_without_its_key)
{
    const Sealer sealer(first, 1);
    const std::string sealed = sealer.seal(Table::held, "a-person", "plain");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        std::string bent = sealed;
        bent[i] ^= 0x40;
        const auto opened = sealer.open(Table::held, "a-person", bent);
        BOOST_TEST_REQUIRE(!opened.has_value(), i);
        BOOST_TEST((opened.error().retry == Retry::later));
        BOOST_TEST(opened.error().why.find("person") == std::string::npos);
        BOOST_TEST(!sealer.open(Table::held, "a-person", sealed.substr(0, i)).has_value());
    }
}

BOOST_AUTO_TEST_CASE(a_further_key_seals_and_the_first_still_opens)
{
    Sealer sealer(first, 1);
    const std::string old = sealer.seal(Table::held, "k", "old");
    const std::string index = sealer.index_key("code", "x"), audit(sealer.audit_key());
    sealer.add_key(2, second);
    BOOST_TEST(int{sealer.current()} == 2);
    const std::string fresh = sealer.seal(Table::held, "k", "new");
    BOOST_TEST(int{fresh[0]} == 2);
    BOOST_TEST(sealer.open(Table::held, "k", old).value() == "old");
    BOOST_TEST(sealer.open(Table::held, "k", fresh).value() == "new");
    BOOST_TEST((sealer.index_key("code", "x") == index));
    BOOST_TEST((sealer.audit_key() == audit));
    BOOST_TEST(!Sealer(first, 1).open(Table::held, "k", fresh).has_value());
    std::string renumbered = old;
    renumbered[0] = 2;
    BOOST_TEST(!sealer.open(Table::held, "k", renumbered).has_value());
}

BOOST_AUTO_TEST_CASE(content_keys_differ_by_content_and_owner)
{
    const Sealer sealer(first, 1);
    const std::string id(16, 'i'), other(16, 'j'), own(32, 'o');
    const auto key = sealer.content_key(1, id, "");
    BOOST_TEST_REQUIRE(key.has_value());
    BOOST_TEST((key->view() != sealer.content_key(1, other, "")->view()));
    BOOST_TEST((key->view() != sealer.content_key(0, id, own)->view()));
    BOOST_TEST((sealer.content_key(0, id, own)->view() == Sealer(second, 1).content_key(0, id, own)->view()));
    BOOST_TEST(!sealer.content_key(9, id, "").has_value());
    BOOST_TEST(!sealer.content_key(0, id, "too short").has_value());
}
