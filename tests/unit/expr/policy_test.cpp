// What vectors cannot say: form, explanations, limits, the network operator, memory.
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <new>

#include "policy/expr/policy.h"
#include "policy/expr/tree.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"
#include "tests/unit/expr/certificates.h"

using namespace direct;
using namespace direct::test;

namespace {

thread_local long allocations = 0;

void* counted(std::size_t n)
{
    ++allocations;
    if (void* p = std::malloc(n ? n : 1)) return p;
    throw std::bad_alloc();
}

}  // namespace

// Of this test program alone. OpenSSL and PCRE2 allocate elsewhere.
void* operator new(std::size_t n)
{
    return counted(n);
}
void operator delete(void* p) noexcept
{
    std::free(p);
}
void operator delete(void* p, std::size_t) noexcept
{
    std::free(p);
}

namespace {

CertificatePolicy parsed(const std::string& text)
{
    auto policy = CertificatePolicy::parse(text, "p");
    BOOST_REQUIRE_MESSAGE(policy, policy.error().why);
    return *policy;
}

std::string repeated(const std::string& text, std::size_t times)
{
    std::string out;
    while (times-- > 0) out += text;
    return out;
}

bool has(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

/// Allocations of one evaluation, OpenSSL's and PCRE2's counted with `malloc` as the only way.
long cost(const CertificatePolicy& policy, const Certificate& certificate)
{
    policy.evaluate(certificate);
    long before = allocations;
    policy.evaluate(certificate);
    return allocations - before;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_canonical_text)
{
    auto text = [](const std::string& t) { return parsed(t).print(); };
    BOOST_TEST(text("(X509.TBS.EXTENSION.KeyUsage&32)>0") == "(X509.TBS.EXTENSION.KeyUsage & 32) > 0");
    BOOST_TEST(text("a=b&&c=d") == "((a = b) && c) = d");
    BOOST_TEST(text("!!a") == "!(!a)");
    BOOST_TEST(text("((a))=(b)") == "a = b");
    BOOST_TEST(text("{}!X509.TBS.Subject.CN+") == "{}!X509.TBS.Subject.CN+");
    BOOST_TEST(text("United  States = x") == "United  States = x");
    BOOST_TEST(text("lexicon: direct-1\na = \"b c\" # d") == "lexicon: direct-1\na = \"b c\"");
    // A literal that looks like the lexicon's line does not become it.
    BOOST_TEST(text("\nlexicon: direct-1\n# = a") == "\nlexicon: direct-1\n# = a");
    BOOST_TEST(text("lexicon: direct-1\n\"a\\\"\\\\\" = \"\"") == "lexicon: direct-1\n\"a\\\"\\\\\" = \"\"");
}

BOOST_AUTO_TEST_CASE(a_fault_shows_its_line_and_a_caret_below_its_place)
{
    auto policy = CertificatePolicy::parse("(1 = 1) &&\n\t\xc3\xb6 = X509.TBS.Version", "site.pol");
    BOOST_REQUIRE(!policy);
    BOOST_TEST((policy.error().reason == Reason::input));
    BOOST_TEST(policy.error().why ==
               "site.pol:2:6: X509.TBS.Version is not implemented\n"
               "   \xc3\xb6 = X509.TBS.Version\n"
               "       ^");
}

BOOST_AUTO_TEST_CASE(a_very_long_line_is_shown_around_the_place)
{
    auto policy = CertificatePolicy::parse(repeated("\xc3\xb6", 1000) + " = (" + repeated("x", 1000), "p");
    BOOST_REQUIRE(!policy);
    BOOST_TEST(has(policy.error().why, "p:1:1004: the group is not closed"));
    BOOST_TEST(policy.error().why.size() < 300u);
}

BOOST_AUTO_TEST_CASE(what_is_probably_not_meant_is_noted)
{
    BOOST_TEST(parsed("(a = b) && (c = d) && (e = f)").notes().empty());
    auto mixed = parsed("a = b && c = d");
    BOOST_REQUIRE(mixed.notes().size() == 1u);
    BOOST_TEST(has(mixed.notes()[0], "p:1:7: operators are taken from left to right"));
    auto misspelt = parsed("X509.TBS.EXTENSION.KeyUsag = 1");
    BOOST_REQUIRE(misspelt.notes().size() == 1u);
    BOOST_TEST(has(misspelt.notes()[0], "nearest is X509.TBS.EXTENSION.KeyUsage"));
    auto marked = parsed(
        "X509.TBS.EXTENSION.CertificatePolicies.PolicyOIDs {?} \xef\xbb\xbf"
        "1.2.3");
    BOOST_REQUIRE(marked.notes().size() == 1u);
    BOOST_TEST(has(marked.notes()[0], "p:1:56: a byte order mark"));
}

BOOST_AUTO_TEST_CASE(limits_of_a_text)
{
    using namespace direct::expr;
    auto fault = [](const std::string& text) {
        auto policy = CertificatePolicy::parse(text);
        return policy ? std::string() : policy.error().why;
    };
    std::string longest = "x = " + repeated("y", policy_bytes_max - 4);
    BOOST_TEST(fault(longest) == "");
    BOOST_TEST(has(fault(longest + "y"), "longer than 65536 bytes"));
    auto deep = [](std::size_t n) { return repeated("(", n) + "1 = 1" + repeated(")", n); };
    BOOST_TEST(fault(deep(policy_depth_max)) == "");
    BOOST_TEST(has(fault(deep(policy_depth_max + 1)), "nested deeper than 1000"));
    BOOST_TEST(has(fault(repeated("!", policy_depth_max + 1) + "a"), "nested deeper than 1000"));
    auto wide = [](std::size_t n) { return "a" + repeated("=b", n); };
    BOOST_TEST(fault(wide(policy_operations_max)) == "");
    BOOST_TEST(has(fault(wide(policy_operations_max + 1)), "more than 1000 operators"));
    // The canonical text of the widest one is the deepest one.
    auto widest = parsed(wide(policy_operations_max));
    BOOST_TEST(fault(widest.print()) == "");
    BOOST_TEST(widest.explain(policy_certificate("plain")).size() < 300000u);
}

BOOST_AUTO_TEST_CASE(limits_of_a_search)
{
    using namespace direct::expr;
    BOOST_TEST(bool(Pattern::compile(repeated("a", pattern_bytes_max))));
    BOOST_TEST(!Pattern::compile(repeated("a", pattern_bytes_max + 1)));
    auto pattern = Pattern::compile("b$");
    BOOST_REQUIRE(pattern);
    BOOST_TEST(pattern->found_in(repeated("a", subject_bytes_max - 1) + "b").value());
    BOOST_TEST(!pattern->found_in(repeated("a", subject_bytes_max) + "b"));
    BOOST_TEST(!pattern->found_in("\xff"));
    auto costly = Pattern::compile("^(a+)+$");
    BOOST_REQUIRE(costly);
    BOOST_TEST(!costly->found_in(repeated("a", 40) + "!"));
    auto deep = Pattern::compile("^(a(?1)?b)$");
    BOOST_REQUIRE(deep);
    BOOST_TEST(!deep->found_in(repeated("a", 5000) + repeated("b", 5000)));
    BOOST_TEST(!Pattern::compile("a.c")->found_in("a\nc").value());
}

BOOST_AUTO_TEST_CASE(the_explanation_shows_every_value)
{
    auto policy = parsed("((X509.TBS.EXTENSION.KeyUsage & 32) > 0) && (X509.TBS.Subject.CN {?} Al)");
    BOOST_TEST(policy.explain(policy_certificate("full")) ==
               "false\n"
               "  ((X509.TBS.EXTENSION.KeyUsage & 32) > 0) && (X509.TBS.Subject.CN {?} Al)  =  false\n"
               "    (X509.TBS.EXTENSION.KeyUsage & 32) > 0  =  true\n"
               "      X509.TBS.EXTENSION.KeyUsage & 32  =  32\n"
               "        X509.TBS.EXTENSION.KeyUsage  =  160\n"
               "    X509.TBS.Subject.CN {?} Al  =  false\n"
               "      X509.TBS.Subject.CN  =  [\"Jo\"]\n");
    BOOST_TEST(policy.why_not(policy_certificate("full")) ==
               "X509.TBS.Subject.CN {?} Al is false, X509.TBS.Subject.CN is [\"Jo\"]");
    auto faulty = parsed("(a > 1) && (2 > 1)").explain(policy_certificate("full"));
    BOOST_TEST(has(faulty, "fault: a > 1: operator >: \"a\" is no decimal number of 32 bits\n"));
    BOOST_TEST(has(faulty, "2 > 1  =  not evaluated"));
    auto missing = parsed("X509.TBS.EXTENSION.KeyUsage+ = 1").explain(policy_certificate("plain"));
    BOOST_TEST(has(missing, "false: the required field X509.TBS.EXTENSION.KeyUsage is missing\n"));
    BOOST_TEST(has(missing, "X509.TBS.EXTENSION.KeyUsage+  =  not read"));
}

BOOST_AUTO_TEST_CASE(the_network_operator_asks_only_whom_it_is_given)
{
    auto policy = parsed("@@https://ca.example.org/practice");
    BOOST_TEST(policy.asks_network());
    BOOST_TEST(!parsed("a = b").asks_network());
    const auto& c = policy_certificate("full");
    BOOST_TEST((policy.evaluate(c).kind == PolicyAnswer::faulty));
    std::string asked;
    auto yes = [&](std::string_view url) -> Result<bool> { return asked = url, true; };
    BOOST_TEST((policy.evaluate(c, yes).kind == PolicyAnswer::complies));
    BOOST_TEST(asked == "https://ca.example.org/practice");
    auto down = [](std::string_view) -> Result<bool> { return fail(temporary("no network")); };
    BOOST_TEST((policy.evaluate(c, down).kind == PolicyAnswer::faulty));
}

BOOST_AUTO_TEST_CASE(what_a_policy_does_not_name_costs_nothing)
{
    const auto& c = policy_certificate("full");
    BOOST_TEST(cost(parsed("(X509.TBS.EXTENSION.KeyUsage & 32) > 0"), c) == 0);
    BOOST_TEST(
        cost(parsed("(X509.TBS.EXTENSION.BasicConstraints.CA = true) && (X509.TBS.SubjectPublicKeyInfo.Size "
                    "> 2047)"),
             c) == 0);
    // A field of many names does allocate: the counter counts.
    BOOST_TEST(cost(parsed("^X509.TBS.EXTENSION.SubjectAltName > 1"), c) > 0);
}

BOOST_AUTO_TEST_CASE(the_policies_that_are_shipped)
{
    namespace fs = std::filesystem;
    std::map<std::string, CertificatePolicy> all;
    for (const auto& entry : fs::directory_iterator(source_dir() + "/conf/policies")) {
        if (entry.path().extension() != ".pol") continue;
        auto policy = CertificatePolicy::load(entry.path());
        BOOST_REQUIRE_MESSAGE(policy, policy.error().why);
        BOOST_TEST(policy->notes().empty(), entry.path());
        BOOST_TEST(!policy->asks_network());
        all.emplace(entry.path().stem(), *policy);
    }
    BOOST_TEST(all.size() == 7u);
    auto answers = [&](const std::string& certificate) {
        std::string yes;
        for (const auto& [name, policy] : all) {
            auto answer = policy.evaluate(policy_certificate(certificate));
            BOOST_TEST((answer.kind != PolicyAnswer::faulty), name << ": " << answer.why);
            if (answer.kind == PolicyAnswer::complies) yes += name + " ";
        }
        return yes;
    };
    BOOST_TEST(answers("full") == "digital-signature email-protection ");
    BOOST_TEST(answers("plain") == "");
    BOOST_TEST(answers("elliptic") == "key-size ");
    BOOST_TEST(answers("named") == "key-encipherment-only ");
    BOOST_TEST(answers("directtrust") ==
               "digital-signature digital-signature-only directtrust-category directtrust-policy ");
}

BOOST_AUTO_TEST_CASE(a_policy_from_a_file)
{
    Scratch scratch;
    write_file(scratch / "a.pol", "a = (\n");
    auto faulty = CertificatePolicy::load(scratch / "a.pol");
    BOOST_REQUIRE(!faulty);
    BOOST_TEST(faulty.error().why.starts_with(scratch / "a.pol" + ":1:6: "), faulty.error().why);
    write_file(scratch / "a.pol", "a = a\n");
    BOOST_TEST(bool(CertificatePolicy::load(scratch / "a.pol")));
    auto none = CertificatePolicy::load(scratch / "none.pol");
    BOOST_REQUIRE(!none);
    BOOST_TEST((none.error().reason == Reason::configuration));
}
