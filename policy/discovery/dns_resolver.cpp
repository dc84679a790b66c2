// dns_resolver.cpp - the two steps of discovery that ask the DNS for CERT records.
#include "policy/discovery/cert_record.h"
#include "policy/discovery/dns_client.h"
#include "policy/discovery/resolver.h"

namespace direct {
namespace {

using Answer = Discovery::Answer;

std::string counted(std::size_t n, const char* thing)
{
    return std::to_string(n) + " " + thing + (n == 1 ? "" : "s");
}

/// The names of an address that are asked, in order: as it is, then without its tag.
std::vector<std::string> names_of(const Address& address, std::vector<std::string>& trace)
{
    std::vector<std::string> names;
    for (const Address& one : {address, without_tag(address)}) {
        auto name = dns_name_of(one);
        if (!name)
            trace.push_back("dns address " + one.text() + ": not asked, " + name.error().why);
        else if (names.empty() || names.front() != *name)
            names.push_back(*name);
        if (one == without_tag(address)) break;
    }
    return names;
}

}  // namespace

DnsResolver::DnsResolver(std::shared_ptr<DnsLookup> dns, Step step) : dns_(std::move(dns)), step_(step) {}
DnsResolver::~DnsResolver() = default;

Discovery DnsResolver::find(const Address& address, const Budget& budget)
{
    Discovery out;
    out.answer = Answer::not_found;
    const auto names =
        step_ == Step::domain ? std::vector<std::string>{address.domain} : names_of(address, out.trace);
    for (const auto& name : names) {
        ask(name, budget, out);
        if (out.answer != Answer::not_found) break;
    }
    return out;
}

void DnsResolver::ask(const std::string& name, const Budget& budget, Discovery& out)
{
    const std::string step = step_ == Step::domain ? "dns domain" : "dns address";
    const std::string asked = step + " " + name + " CERT: ";
    const DnsAnswer answer = dns_->query(name, DnsType::cert, budget.deadline);
    if (answer.kind == DnsAnswer::Kind::temporary) {
        out.answer = Answer::later;
        out.step = step;
        out.why = asked + answer.why;
        out.trace.push_back(asked + "no answer that counts");
        return;
    }
    if (answer.kind == DnsAnswer::Kind::none) {
        out.trace.push_back(asked + (answer.no_such_name ? "no such name" : "the name has no such record"));
        return;
    }
    CertRecords records = read_cert_records(answer.records);
    out.trace.push_back(asked + counted(records.certificates.size(), "certificate") +
                        (answer.secure ? ", signed by the zone" : ""));
    for (const auto& note : records.notes) out.trace.push_back(asked + note);
    // Also a certificate nobody can read has been published for this name: no other step takes its place (G4).
    if (records.pkix == 0) return;
    out.answer = Answer::found;
    out.step = step;
    out.certificates = std::move(records.certificates);
}

}  // namespace direct
