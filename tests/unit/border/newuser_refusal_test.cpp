// Which faults of newuser are the sender's to hear of, while the other recipients are served.
#include <boost/test/unit_test.hpp>

#include "milter/custody_parts.h"

using namespace direct;

BOOST_AUTO_TEST_CASE(the_line_and_the_quota_are_the_senders)
{
    for (auto reason : {Reason::newuser_email_syntax, Reason::newuser_answer_missing, Reason::newuser_quota})
        BOOST_TEST(is_newuser_refusal(refuse(reason, "")), token_of(reason));
}

// A rush made a message to newuser and a mailbox lose its held record: newuser:busy was told as a failure for
// good, and the mailbox was served.
BOOST_AUTO_TEST_CASE(trouble_of_ours_is_everybodys)
{
    for (auto reason : {Reason::newuser_busy, Reason::temporary, Reason::not_wrapped})
        BOOST_TEST(!is_newuser_refusal(refuse(reason, "")), token_of(reason));
}
