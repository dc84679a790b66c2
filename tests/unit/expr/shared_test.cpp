// The rows recorded from the Direct project's own Java program.
#include <boost/test/unit_test.hpp>
#include <map>
#include <sstream>

#include "milter/base/text.h"
#include "policy/expr/policy.h"
#include "tests/support/vectors.h"

using namespace direct;
using namespace direct::test;

namespace {

std::string unescaped(const std::string& in)
{
    std::string out;
    for (std::size_t i = 0; i < in.size(); ++i) {
        if (in[i] != '\\' || i + 1 == in.size()) {
            out += in[i];
            continue;
        }
        char c = in[++i];
        if (c == 'u' && in.substr(i + 1, 4) == "FEFF") {
            out += "\xef\xbb\xbf";
            i += 4;
        } else {
            out += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
        }
    }
    return out;
}

/// Some rows name a class of the Java program instead of an expression: the value of that field alone.
std::string expression_of(const std::string& text)
{
    static const std::map<std::string, std::string> classes{
        {"AuthorityInfoAccessOCSPLocExtentionField+",
         "^X509.TBS.EXTENSION.AuthorityInfoAccessSyntax.OCSPLocation+ > -1"},
        {"AuthorityInfoAccessExtentionField+", "^X509.TBS.EXTENSION.AuthorityInfoAccessSyntax.Url+ > -1"},
        {"CertificatePolicyCpsUriExtensionField+", "^X509.TBS.EXTENSION.CertificatePolicies.CPSUrls+ > -1"},
        {"CRLDistributionPointNameExtentionField+",
         "^X509.TBS.EXTENSION.CRLDistributionPoints.FullName+ > -1"},
        {"AuthorityKeyIdentifierKeyIdExtensionField+",
         "X509.TBS.EXTENSION.AuthorityKeyIdentifier.KeyId+ != nothing"},
        {"BasicContraintsExtensionField", "X509.TBS.EXTENSION.BasicConstraints.CA && true"},
        {"KeyUsageExtensionField+", "X509.TBS.EXTENSION.KeyUsage+ > -1"}};
    auto found = classes.find(text);
    return found == classes.end() ? unescaped(text) : found->second;
}

std::string answer_of(const std::string& expression, const Certificate& certificate)
{
    auto policy = CertificatePolicy::parse(expression);
    if (!policy) return "error";
    // Nobody answers at the one address in the rows, which is a closed port of the same host.
    auto answer = policy->evaluate(certificate, [](std::string_view) -> Result<bool> { return false; });
    if (answer.kind == PolicyAnswer::faulty) return "error";
    return answer.kind == PolicyAnswer::complies ? "true" : "false";
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_recorded_row_agrees)
{
    auto folder = shared_dir();
    if (folder.empty()) {
        BOOST_TEST_MESSAGE("skipped: no ../shared here, so no recorded rows");
        return;
    }
    std::istringstream rows(read_file(folder + "/vectors/policy.tsv"));
    std::map<std::string, Certificate> certificates;
    std::string line;
    std::getline(rows, line);  // names of the columns
    int agreed = 0;
    while (std::getline(rows, line)) {
        auto columns = split(line, '\t');
        BOOST_REQUIRE_MESSAGE(columns.size() == 3, line);
        std::string file(columns[1]);
        if (!certificates.contains(file)) {
            auto read = load_certificates(folder + "/vectors/policy-certs/" + file);
            BOOST_REQUIRE_MESSAGE(read && !read->empty(), file);
            certificates.emplace(file, read->front());
        }
        auto got = answer_of(expression_of(std::string(columns[0])), certificates.at(file));
        BOOST_TEST(got == std::string(columns[2]), line << " but got " << got);
        agreed += got == columns[2];
    }
    BOOST_TEST_MESSAGE(agreed << " rows agree");
    BOOST_TEST(agreed > 200);
}
