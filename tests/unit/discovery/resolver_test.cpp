#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "milter/base/text.h"
#include "policy/discovery/resolver.h"
#include "tests/support/scratch.h"
#include "tests/support/test_pki.h"
#include "tests/support/vectors.h"

using namespace direct;
using namespace direct::test;
using Answer = Discovery::Answer;

namespace {

Address addr(const std::string& text)
{
    auto a = parse_address(text);
    BOOST_REQUIRE_MESSAGE(a, text);
    return *a;
}

const Budget plenty{std::chrono::steady_clock::now() + std::chrono::hours(1)};

/// Answers what it was told to and counts.
struct Told : CertificateResolver {
    Told(Answer answer, std::string name, int& asked) : answer_(answer), name_(std::move(name)), asked_(asked)
    {
    }
    Discovery find(const Address&, const Budget&) override
    {
        ++asked_;
        return {answer_, {}, name_, {name_ + " asked"}, answer_ == Answer::later ? name_ + " is down" : ""};
    }
    Answer answer_;
    std::string name_;
    int& asked_;
};

struct Asked {
    int first = 0, second = 0;
};

Discovery ask_chain(Answer first, Answer second, Asked& asked, const Budget& budget = plenty)
{
    std::vector<std::unique_ptr<CertificateResolver>> steps;
    steps.push_back(std::make_unique<Told>(first, "one", asked.first));
    steps.push_back(std::make_unique<Told>(second, "two", asked.second));
    return ResolverChain(std::move(steps)).find(addr("a@d.example"), budget);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_first_that_finds_or_fails_ends_the_search)
{
    for (Answer decisive : {Answer::found, Answer::later}) {
        Asked asked;
        Discovery d = ask_chain(decisive, Answer::found, asked);
        BOOST_TEST((d.answer == decisive));
        BOOST_TEST(d.step == "one");
        BOOST_TEST((asked.first == 1 && asked.second == 0));
    }
    Asked asked;
    Discovery d = ask_chain(Answer::not_found, Answer::found, asked);
    BOOST_TEST((d.answer == Answer::found));
    BOOST_TEST(d.step == "two");
    BOOST_TEST(d.trace == (std::vector<std::string>{"one asked", "two asked"}),
               boost::test_tools::per_element());
    d = ask_chain(Answer::not_found, Answer::not_found, asked);
    BOOST_TEST((d.answer == Answer::not_found));
    BOOST_TEST(d.trace.size() == 2u);
    d = ask_chain(Answer::not_found, Answer::later, asked);
    BOOST_TEST((d.answer == Answer::later));
    BOOST_TEST(d.why == "two is down");
}

BOOST_AUTO_TEST_CASE(a_spent_budget_is_not_an_answer)
{
    Asked asked;
    Discovery d = ask_chain(Answer::not_found, Answer::found, asked, {std::chrono::steady_clock::now()});
    BOOST_TEST((d.answer == Answer::later));
    BOOST_TEST(!d.why.empty());
    BOOST_TEST((asked.first == 0 && asked.second == 0));
    BOOST_TEST((ResolverChain({}).find(addr("a@d.example"), plenty).answer == Answer::not_found));
    BOOST_TEST((Discovery{}.answer == Answer::later));
}

BOOST_AUTO_TEST_CASE(files_by_address_before_domain)
{
    Scratch dir;
    Key key = ec_key();
    auto put = [&](const std::string& file, const std::string& bytes) {
        std::filesystem::create_directories(std::filesystem::path(dir / file).parent_path());
        write_file(dir / file, bytes);
    };
    Certificate jo =
        issue({.name = "jo", .san = {"email:jo@d.example"}, .from_days = -9, .to_days = -1}, key).certificate;
    Certificate domain = issue({.name = "d", .san = {"DNS:d.example"}}, key).certificate;
    put("Jo@D.example/jo.crt", pem_of(jo));
    put("Jo@D.example/jo.key", "not looked at");
    put("d.example/a.der", std::string(domain.der()));
    put("d.example/b.pem", pem_of(domain) + pem_of(jo));
    put("other.example/broken.pem", "nothing");
    put("bad name/x.pem", pem_of(jo));
    FileResolver files(dir.path());
    std::string told = join(files.findings(), "\n");
    BOOST_TEST(files.findings().size() == 2u, told);
    BOOST_TEST(told.find("broken.pem") != std::string::npos);

    // The address's certificate ends the search although it has expired.
    Discovery d = files.find(addr("JO@d.EXAMPLE"), plenty);
    BOOST_TEST((d.answer == Answer::found));
    BOOST_TEST(d.step == "files address");
    BOOST_TEST((d.certificates == std::vector<Certificate>{jo}));
    BOOST_TEST((files.find(addr("jo+x@d.example"), plenty).certificates == std::vector<Certificate>{jo}));
    d = files.find(addr("ann@d.example"), plenty);
    BOOST_TEST(d.step == "files domain");
    BOOST_TEST(d.certificates.size() == 3u);
    for (const char* none : {"a@x.d.example", "a@other.example", "a@nowhere.example"}) {
        d = files.find(addr(none), plenty);
        BOOST_TEST((d.answer == Answer::not_found), none);
        BOOST_TEST(d.trace.size() == 2u);
        BOOST_TEST(d.certificates.empty());
    }
}

BOOST_AUTO_TEST_CASE(a_missing_folder_is_a_finding)
{
    Scratch dir;
    FileResolver files(dir / "missing");
    BOOST_TEST(files.findings().size() == 1u);
    BOOST_TEST((files.find(addr("a@d.example"), plenty).answer == Answer::not_found));
}
