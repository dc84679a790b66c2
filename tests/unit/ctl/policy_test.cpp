// directctl policy: exit codes and what is printed are promises.
#include <boost/test/unit_test.hpp>

#include "tests/unit/ctl/run_ctl.h"

using namespace direct::test;

namespace {

struct Fixture {
    Scratch dir;
    std::string cert = dir / "c.pem";
    Fixture()
    {
        run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -out " +
            direct::test::quoted(cert) + " -subj /CN=Jo -days 9 -addext keyUsage=digitalSignature 2>&1");
    }
    Outcome eval(const std::string& text, std::vector<std::string> more = {})
    {
        std::vector<std::string> all{"policy", "eval", "-e", text, "--cert", cert};
        all.insert(all.end(), more.begin(), more.end());
        return ctl(all);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(true_and_false_are_both_done, Fixture)
{
    auto yes = eval("(X509.TBS.EXTENSION.KeyUsage & 128) > 0");
    BOOST_TEST(yes.exit == 0);
    BOOST_TEST(yes.out == "true\n");
    auto no = eval("-1 > 0");
    BOOST_TEST(no.exit == 0);
    BOOST_TEST(no.out == "false\n");
    BOOST_TEST(no.err == "");
    auto json = eval("1 = 2", {"--json"}).json();
    BOOST_TEST(!json["complies"].get<bool>());
    BOOST_TEST(json["why"] == "1 = 2 is false");
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_parsed_or_evaluated_is_exit_2, Fixture)
{
    auto unread = eval("1 = (");
    BOOST_TEST(unread.exit == 2);
    BOOST_TEST(unread.out == "");
    BOOST_TEST(unread.err.find("expression:1:6: an operand is missing at the end\n  1 = (\n       ^") !=
               std::string::npos);
    auto fault = eval("X509.TBS.EXTENSION.KeyUsage & 128");
    BOOST_TEST(fault.exit == 2);
    BOOST_TEST(fault.out == "");
    BOOST_TEST(fault.err.find("neither true nor false") != std::string::npos);
    BOOST_TEST(eval("@@http://127.0.0.1:1/x").exit == 2);
    BOOST_TEST(eval("").exit == 2);
}

BOOST_FIXTURE_TEST_CASE(an_explanation_begins_with_the_answer, Fixture)
{
    auto told = eval("(X509.TBS.EXTENSION.KeyUsage & 32) > 0", {"--explain"});
    BOOST_TEST(told.exit == 0);
    BOOST_TEST(told.out ==
               "false\n"
               "  (X509.TBS.EXTENSION.KeyUsage & 32) > 0  =  false\n"
               "    X509.TBS.EXTENSION.KeyUsage & 32  =  0\n"
               "      X509.TBS.EXTENSION.KeyUsage  =  128\n");
}

BOOST_FIXTURE_TEST_CASE(a_file_is_checked_and_its_doubts_are_told, Fixture)
{
    write_file(dir / "a.pol", "a = b && c = d\n");
    auto doubtful = ctl({"policy", "check", dir / "a.pol"});
    BOOST_TEST(doubtful.exit == 0);
    BOOST_TEST(doubtful.out.find("warning: " + dir / "a.pol" +
                                 ":1:7: operators are taken from left to right") == 0u);
    BOOST_TEST(doubtful.out.ends_with("((a = b) && c) = d\n"));
    BOOST_TEST(ctl({"policy", "check", "-"}, "a = a\n").out == "a = a\n");
    auto faulty = ctl({"policy", "check", "-"}, "<policy/>");
    BOOST_TEST(faulty.exit == 2);
    BOOST_TEST(faulty.err.find("XML form") != std::string::npos);
    BOOST_TEST(ctl({"policy", "eval", dir / "a.pol", "--cert", cert}).out == "false\n");
}
