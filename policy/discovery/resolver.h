// resolver.h - where certificates of partners come from: one question, three answers.
//
// Found, NotFound (final: nobody has one) and Later (a server did not answer; the message is answered
// 4xx) are never confused. Steps are asked in order; the first that finds any certificate ends the
// search, even when that certificate turns out unusable (G4). Implementations are thread safe and
// respect the deadline.
// Source: requirements G1-G15, decision 4.
#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "milter/base/address.h"
#include "policy/certificate.h"

namespace direct {

/// One budget for all look-ups of a message (policy.budget).
struct Budget {
    std::chrono::steady_clock::time_point deadline;
    bool spent() const { return std::chrono::steady_clock::now() >= deadline; }
};

struct Discovery {
    enum class Answer : unsigned char { found, not_found, later } answer = Answer::later;
    std::vector<Certificate> certificates;  ///< found: all of the deciding step, usable or not
    std::string step;                       ///< "files address", "dns domain", ... the deciding one
    std::vector<std::string> trace;         ///< what was asked and answered, in order, for the admin
    std::string why;                        ///< later: which server, what happened
};

class CertificateResolver {
public:
    virtual ~CertificateResolver() = default;
    virtual Discovery find(const Address& address, const Budget& budget) = 0;
};

/// Asks several in order: found ends, later ends, not_found goes on.
class ResolverChain : public CertificateResolver {
public:
    explicit ResolverChain(std::vector<std::unique_ptr<CertificateResolver>> steps);
    Discovery find(const Address& address, const Budget& budget) override;

private:
    std::vector<std::unique_ptr<CertificateResolver>> steps_;
};

/// Certificates known by file: <folder>/<address>/*, then <folder>/<domain>/* (*.crt *.pem *.der *.p7b).
/// Read at construction; immutable after. A file that cannot be read is a finding.
class FileResolver : public CertificateResolver {
public:
    explicit FileResolver(const std::string& folder);
    Discovery find(const Address& address, const Budget& budget) override;
    const std::vector<std::string>& findings() const { return findings_; }
    /// Everything known, by address key or domain.
    const std::map<std::string, std::vector<Certificate>>& all() const { return by_name_; }

private:
    std::map<std::string, std::vector<Certificate>> by_name_;  ///< address key or domain
    std::vector<std::string> findings_;
};

class DnsLookup;  // dns_client.h

/// One step that asks the DNS for CERT records: at the name of the address (then of the address without its tag),
/// or at the name of the domain. No such name and no such record are final; what the DNS does not say is Later. A
/// PKIX record ends the search even when nobody can read it; records of other types are passed over.
/// Source: G1-G4, G6, G10; RFC 4398.
class DnsResolver : public CertificateResolver {
public:
    enum class Step : unsigned char { address, domain };
    DnsResolver(std::shared_ptr<DnsLookup> dns, Step step);
    ~DnsResolver() override;
    Discovery find(const Address& address, const Budget& budget) override;

private:
    void ask(const std::string& name, const Budget& budget, Discovery& out);

    std::shared_ptr<DnsLookup> dns_;
    Step step_;
};

}  // namespace direct
