#include "policy/expr/policy.h"

#include "milter/base/text.h"
#include "policy/expr/evaluator.h"

namespace direct {

struct CertificatePolicy::Data {
    std::string name;
    expr::Tree tree;
};

Result<CertificatePolicy> CertificatePolicy::parse(std::string_view text, std::string name)
{
    if (name.empty()) name = "policy";
    TRY(auto tree, expr::parse({name, text}));
    auto data = std::make_shared<Data>();
    data->name = std::move(name);
    data->tree = std::move(tree);
    return CertificatePolicy(std::move(data));
}

Result<CertificatePolicy> CertificatePolicy::load(const std::string& path)
{
    TRY(auto text, read_whole_file(path, expr::policy_bytes_max));
    return parse(text, path);
}

const std::string& CertificatePolicy::name() const
{
    return data_->name;
}

std::string CertificatePolicy::print() const
{
    return expr::print(data_->tree);
}

const std::vector<std::string>& CertificatePolicy::notes() const
{
    return data_->tree.notes;
}

bool CertificatePolicy::asks_network() const
{
    return data_->tree.uses(expr::Operator::uri_answers);
}

PolicyAnswer CertificatePolicy::evaluate(const Certificate& certificate, const UriCheck& uri_check) const
{
    expr::Evaluation e;
    expr::evaluate(data_->tree, certificate, uri_check, e);
    return std::move(e.answer);
}

std::string CertificatePolicy::explain(const Certificate& certificate, const UriCheck& uri_check) const
{
    expr::Evaluation e;
    expr::evaluate(data_->tree, certificate, uri_check, e);
    return expr::explain(data_->tree, e);
}

std::string CertificatePolicy::why_not(const Certificate& certificate, const UriCheck& uri_check) const
{
    expr::Evaluation e;
    expr::evaluate(data_->tree, certificate, uri_check, e);
    return expr::why_not(data_->tree, e);
}

}  // namespace direct
