// policy.cpp - certificate policies: reading one, asking one. Neither configuration nor store nor root.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "milter/base/text.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/files.h"
#include "milter/sta/policies.h"

namespace direct::ctl {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t policy_file_max = 1 << 20;  // the parser refuses far less, with a better word

/// Every fault here is the input's: exit 2, on standard error.
int tell_input(const Fault& fault)
{
    return tell(refuse(Reason::input, fault.why));
}

Result<CertificatePolicy> read_policy(const std::string& file)
{
    std::string text;
    if (file == "-") {
        TRY(text, read_standard_input(policy_file_max));
    } else {
        TRY(text, read_whole_file(file, policy_file_max));
    }
    return CertificatePolicy::parse(text, file == "-" ? "standard input" : file);
}

std::string dump(const Json& json)
{
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

int cmd_policy_check(const Common& common, const std::string& file)
{
    auto policy = read_policy(file);
    if (!policy) return tell_input(policy.error());
    if (common.json) {
        std::printf("%s\n",
                    dump({{"ok", true}, {"policy", policy->print()}, {"warnings", policy->notes()}}).c_str());
        return done;
    }
    for (const auto& note : policy->notes()) std::printf("warning: %s\n", note.c_str());
    if (policy->asks_network())
        std::printf(
            "warning: the operator @@ asks the network: refused unless policy.allow_uri_check is on\n");
    std::printf("%s\n", policy->print().c_str());
    return done;
}

int cmd_policy_eval(const Common& common, const PolicyEvalOptions& given)
{
    auto policy = given.expression.empty() && !given.file.empty()
                      ? read_policy(given.file)
                      : CertificatePolicy::parse(given.expression, "expression");
    if (!policy) return tell_input(policy.error());
    auto certificates = load_certificates(given.certificate);
    if (!certificates) return tell_input(certificates.error());
    if (certificates->empty()) return tell_usage(given.certificate + ": holds no certificate");
    const auto& certificate = certificates->front();
    UriCheck uri_check;
    if (policy->asks_network()) {
        auto settings = settings_or_defaults(common);
        if (!settings) return tell(settings.error());
        uri_check = uri_check_of(**settings);
    }
    auto answer = policy->evaluate(certificate, uri_check);
    if (answer.kind == PolicyAnswer::faulty) {
        if (given.explain) std::fprintf(stderr, "%s", policy->explain(certificate, uri_check).c_str());
        return tell_usage(policy->name() + ": " + answer.why);
    }
    bool complies = answer.kind == PolicyAnswer::complies;
    if (common.json) {
        Json json{{"complies", complies}};
        if (!complies) json["why"] = policy->why_not(certificate, uri_check);
        if (given.explain) json["explain"] = policy->explain(certificate, uri_check);
        std::printf("%s\n", dump(json).c_str());
    } else if (given.explain) {
        std::printf("%s", policy->explain(certificate, uri_check).c_str());
    } else {
        std::printf("%s\n", complies ? "true" : "false");
    }
    return done;
}

}  // namespace direct::ctl
