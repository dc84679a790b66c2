// brought.cpp - see brought.h.
#include "milter/smime/brought.h"

namespace direct::cms {
namespace {

/// Issuer and serial number out of the DER, without the cost of parsing the certificate; both empty when
/// they cannot be read.
Identifier name_of(std::string_view der)
{
    auto certificate = ber::Reader(der).next(ber::sequence);
    auto body = certificate ? ber::Reader(certificate->content).next(ber::sequence) : std::nullopt;
    if (!body) return {};
    ber::Reader r(body->content);
    r.maybe(ber::tagged(0));
    auto serial = r.next(ber::integer);
    auto issuer = serial && r.next(ber::sequence) ? r.next(ber::sequence) : std::nullopt;
    if (!issuer) return {};
    return {issuer->whole, serial->content, {}};
}

}  // namespace

Brought::Brought(const SignedData& data, CertificateCache& cache) : data_(data), cache_(cache)
{
    names_.reserve(data.certificates.size());
    for (std::string_view der : data.certificates) names_.push_back(name_of(der));
}

std::optional<Certificate> Brought::find(const Identifier& who)
{
    for (std::size_t i = 0; i < names_.size(); ++i) {
        if (who.key_id.empty() && (names_[i].serial != who.serial || names_[i].issuer != who.issuer))
            continue;
        const auto& c = parsed(data_.certificates[i]);
        if (c && (who.key_id.empty() || c->key_id() == who.key_id)) return c;
    }
    return {};
}

std::vector<Certificate> Brought::all()
{
    std::vector<Certificate> out;
    for (std::string_view der : data_.certificates)
        if (const auto& c = parsed(der)) out.push_back(*c);
    return out;
}

const std::optional<Certificate>& Brought::parsed(std::string_view der)
{
    auto [it, fresh] = parsed_.try_emplace(der.data());
    if (!fresh || der.size() > brought_one_max || der.size() > brought_all_max - parsed_bytes_)
        return it->second;
    parsed_bytes_ += der.size();
    if (auto c = cache_.get(der)) it->second = *std::move(c);
    return it->second;
}

}  // namespace direct::cms
