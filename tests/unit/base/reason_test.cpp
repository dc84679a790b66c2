#include <boost/test/unit_test.hpp>
#include <set>

#include "milter/base/result.h"

using namespace direct;

BOOST_AUTO_TEST_CASE(every_reason_is_complete_and_its_token_unique)
{
    std::set<std::string_view> tokens;
    for (const auto& row : all_reasons()) {
        BOOST_TEST_CONTEXT(row.token)
        {
            BOOST_TEST((reason_of(row.token) == row.reason || row.reason == Reason::input));
            BOOST_TEST(tokens.insert(row.token).second);
            BOOST_TEST(std::string_view(row.dsn)[0] == static_cast<char>('0' + row.smtp / 100));
            BOOST_TEST(!row.peer.empty());
            BOOST_TEST(!row.admin.empty());
        }
    }
}

BOOST_AUTO_TEST_CASE(unknown_trouble_is_temporary)
{
    Fault fault;
    BOOST_TEST((fault.retry == Retry::later));
    BOOST_TEST(fault.token() == "temporary");
    BOOST_TEST((refuse(Reason::revocation_unknown, "").retry == Retry::later));
    BOOST_TEST((refuse(Reason::bad_signature, "").retry == Retry::never));
}

BOOST_AUTO_TEST_CASE(try_and_check_leave_with_the_fault)
{
    auto inner = [](bool ok) -> Result<int> {
        if (!ok) return fail(refuse(Reason::malformed, "x"));
        return 5;
    };
    auto outer = [&](bool ok) -> Result<int> {
        TRY(int v, inner(ok));
        CHECK(inner(ok));
        return v + 1;
    };
    BOOST_TEST(*outer(true) == 6);
    BOOST_TEST((outer(false).error().reason == Reason::malformed));
}
