// Certificate policies: what parses prints, and parses again to the same tree; evaluating never ends otherwise
// than in an answer, and every answer explains itself. The certificate is the trial's own.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "policy/expr/policy.h"
#include "policy/expr/tree.h"
#include "policy/issue.h"

namespace {

using namespace direct;

void must(bool holds)
{
    if (!holds) std::abort();
}

const Certificate& certificate()
{
    static const Certificate made = [] {
        auto key = make_key("p-256");
        must(bool(key));
        CertificateOrder order{{"jo@direct.example.org", "Jo", "Clinic"}, true, Time{}, Time{} + seconds(1)};
        auto pem = issue_certificate(order, *key, nullptr);
        must(bool(pem));
        auto read = read_certificates(*pem);
        must(read && !read->empty());
        return read->front();
    }();
    return made;
}

void same(const expr::Tree& a, const expr::Tree& b)
{
    must(a.direct_1 == b.direct_1 && a.fields == b.fields && a.nodes.size() == b.nodes.size());
    for (std::size_t i = 0; i < a.nodes.size(); ++i) {
        const auto &x = a.nodes[i], &y = b.nodes[i];
        must(x.type == y.type && x.text == y.text && x.slot == y.slot);
        must(x.type != expr::Node::operation || (x.op == y.op && x.left == y.left && x.right == y.right));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size > 4096) return 0;  // far below the limits, which the canonical text must not reach
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    auto tree = expr::parse({"fuzz", text});
    if (!tree) {
        must(tree.error().why.starts_with("fuzz:") && tree.error().why.ends_with("^"));
        return 0;
    }
    const std::string printed = expr::print(*tree);
    auto again = expr::parse({"again", printed});
    must(bool(again));
    same(*tree, *again);
    must(expr::print(*again) == printed);
    auto policy = CertificatePolicy::parse(text);
    must(bool(policy));
    auto answer = policy->evaluate(certificate());
    must((answer.kind == PolicyAnswer::complies) == policy->why_not(certificate()).empty());
    must((answer.kind == PolicyAnswer::faulty) == policy->explain(certificate()).starts_with("fault: "));
    return 0;
}
