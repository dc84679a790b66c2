// anchor.cpp - see anchor.h.
#include "policy/trust/anchor.h"

#include <ctime>

#include "milter/base/crypto.h"
#include "milter/base/text.h"

namespace direct {
namespace {

using Name = Handle<X509_NAME, &X509_NAME_free>;
using Asn1Time = Handle<ASN1_TIME, &ASN1_TIME_free>;

auto broken()
{
    ossl::take_errors();
    return fail(refuse(Reason::malformed, "certificate: cannot be read"));
}

/// Takes the element in front off `rest` and returns its content; nothing when it is no DER of that tag.
std::optional<std::string_view> take(std::string_view& rest, int tag, std::string_view* whole = nullptr)
{
    auto* begin = reinterpret_cast<const unsigned char*>(rest.data());
    auto* p = begin;
    long size = 0;
    int found = 0, kind = 0;
    // Bit 0x80 tells an error, bit 1 an indefinite length, which DER does not have.
    if (rest.empty() || ASN1_get_object(&p, &size, &found, &kind, long(rest.size())) & 0x81) return {};
    if (found != tag) return {};
    auto header = std::size_t(p - begin);
    auto content = rest.substr(header, std::size_t(size));
    if (whole) *whole = rest.substr(0, header + std::size_t(size));
    rest.remove_prefix(header + std::size_t(size));
    return content;
}

std::optional<Time> time_of(std::string_view validity)
{
    auto* p = reinterpret_cast<const unsigned char*>(validity.data());
    auto* end = p + validity.size();
    std::tm tm{};
    Asn1Time from(d2i_ASN1_TIME(nullptr, &p, long(validity.size())));
    if (!from) return {};
    Asn1Time to(d2i_ASN1_TIME(nullptr, &p, long(end - p)));
    if (!to || p != end || ASN1_TIME_to_tm(to.get(), &tm) != 1) return {};
    return Time(seconds(timegm(&tm)));
}

/// The DER of each block when the text holds certificates in PEM and nothing else between BEGIN and END.
std::optional<std::vector<std::string>> plain_pem(std::string_view text)
{
    constexpr std::string_view any = "-----BEGIN ", begin = "-----BEGIN CERTIFICATE-----",
                               end = "-----END CERTIFICATE-----";
    std::vector<std::string> out;
    for (auto at = text.find(any); at != text.npos; at = text.find(any)) {
        if ((at > 0 && text[at - 1] != '\n') || text.substr(at, begin.size()) != begin) return {};
        text.remove_prefix(at + begin.size());
        auto stop = text.find("-----");
        if (stop == text.npos || text.substr(stop, end.size()) != end) return {};
        auto der = unbase64(text.substr(0, stop));
        if (!der) return {};
        out.push_back(*std::move(der));
        text.remove_prefix(stop + end.size());
    }
    return out;
}

}  // namespace

Status Anchor::read_outline()
{
    std::string_view rest = der_, subject, ignored;
    auto certificate = take(rest, V_ASN1_SEQUENCE);
    auto body = certificate && rest.empty() ? take(*certificate, V_ASN1_SEQUENCE) : std::nullopt;
    if (!body) return broken();
    take(*body, 0, &ignored);  // [0] version
    bool ok = take(*body, V_ASN1_INTEGER) && take(*body, V_ASN1_SEQUENCE) && take(*body, V_ASN1_SEQUENCE);
    auto validity = ok ? take(*body, V_ASN1_SEQUENCE) : std::nullopt;
    auto until = validity ? time_of(*validity) : std::nullopt;
    if (!until || !take(*body, V_ASN1_SEQUENCE, &subject)) return broken();
    auto* p = reinterpret_cast<const unsigned char*>(subject.data());
    Name name(d2i_X509_NAME(nullptr, &p, long(subject.size())));
    int hashed = 0;
    if (name) subject_hash_ = X509_NAME_hash_ex(name.get(), nullptr, nullptr, &hashed);
    if (!hashed) return broken();
    not_after_ = *until;
    ossl::take_errors();
    return Done{};
}

Result<std::shared_ptr<const Anchor>> Anchor::from_der(std::string der)
{
    auto out = std::make_shared<Anchor>();
    out->der_ = std::move(der);
    CHECK(out->read_outline());
    out->fingerprint_ = hex(sha256(out->der_));
    return out;
}

std::shared_ptr<const Anchor> Anchor::from(const Certificate& certificate)
{
    auto out = std::make_shared<Anchor>();
    out->der_ = certificate.der();
    out->fingerprint_ = certificate.fingerprint();
    out->subject_hash_ = X509_subject_name_hash(certificate.x509());
    out->not_after_ = certificate.not_after();
    std::call_once(out->once_, [&] { out->certificate_ = certificate; });
    ossl::take_errors();
    return out;
}

const std::optional<Certificate>& Anchor::certificate() const
{
    std::call_once(once_, [this] {
        if (auto parsed = Certificate::from_der(der_))
            certificate_ = *std::move(parsed);
        else
            broken_ = true;
    });
    return certificate_;
}

Result<Anchors> read_anchors(std::string_view bytes)
{
    Anchors out;
    bool whole = false;
    if (auto blocks = plain_pem(bytes)) {
        whole = !blocks->empty();
        for (auto& der : *blocks) {
            auto one = Anchor::from_der(std::move(der));
            whole = whole && one;
            if (one) out.push_back(*std::move(one));
        }
    }
    if (whole) return out;
    // Something else, or something wrong: the careful reader says what.
    TRY(auto certificates, read_certificates(bytes));
    out.clear();
    for (const auto& c : certificates) out.push_back(Anchor::from(c));
    return out;
}

}  // namespace direct
