// Our own vectors: every operator, every field, every fault.
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <set>

#include "policy/expr/fields.h"
#include "policy/expr/lexer.h"
#include "policy/expr/policy.h"
#include "tests/support/vectors.h"
#include "tests/unit/expr/certificates.h"

using namespace direct;
using namespace direct::test;

namespace {

bool says(const std::string& text, const Vector& v)
{
    return text.find(v.get("Says")) != std::string::npos;
}

}  // namespace

BOOST_DATA_TEST_CASE(policy_vectors, load_vectors("policy.vec"), v)
{
    const auto& certificate = policy_certificate(v.get("Certificate", "full"));
    auto policy = CertificatePolicy::parse(v.get("Policy"), "p");
    if (v.section == "error" && v.has("At")) {
        BOOST_REQUIRE(!policy);
        const auto& why = policy.error().why;
        BOOST_TEST(why.starts_with("p:" + v.get("At") + ": "), why);
        BOOST_TEST(says(why, v), why);
        return;
    }
    if (!policy) {
        BOOST_REQUIRE_MESSAGE(v.section == "error", policy.error().why);
        BOOST_TEST(says(policy.error().why, v), policy.error().why);
        return;
    }
    auto answer = policy->evaluate(certificate);
    if (v.section == "error") {
        BOOST_REQUIRE(answer.kind == PolicyAnswer::faulty);
        BOOST_TEST(says(answer.why, v), answer.why);
        BOOST_TEST(policy->why_not(certificate) == answer.why);
        return;
    }
    BOOST_TEST((answer.kind == PolicyAnswer::complies) == (v.section == "true"),
               policy->explain(certificate));
    BOOST_TEST((answer.kind != PolicyAnswer::faulty), answer.why);
    BOOST_TEST(says(policy->why_not(certificate), v), policy->why_not(certificate));
    // The canonical text means the same.
    auto again = CertificatePolicy::parse(policy->print());
    BOOST_REQUIRE_MESSAGE(again, policy->print());
    BOOST_TEST(again->print() == policy->print());
    BOOST_TEST((again->evaluate(certificate).kind == answer.kind));
}

BOOST_AUTO_TEST_CASE(the_vectors_name_every_operator_and_every_field_that_is_read)
{
    std::string all;
    std::set<std::string_view> missing;
    for (const auto& v : load_vectors("policy.vec"))
        if (v.section != "error") {
            auto policy = CertificatePolicy::parse(v.get("Policy"));
            BOOST_REQUIRE(policy);
            all += policy->print() + "\n";
        }
    for (const auto& row : expr::field_rows())
        if (row.read && !row.name.starts_with("X509.TBS.Issuer.") &&
            all.find(std::string(row.name)) == std::string::npos)
            missing.insert(row.name);
#define OPERATOR(name, word, operands) \
    if (all.find(word) == std::string::npos && std::string_view(word) != "@@") missing.insert(word);
#include "policy/expr/operators.def"
#undef OPERATOR
    for (auto name : missing) BOOST_ERROR("no vector for " << name);
}
