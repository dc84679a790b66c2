// test_bundle.h - trust bundles of every shape, made on the spot.
#pragma once
#include "milter/base/text.h"
#include "tests/support/test_pki.h"

namespace direct::test {

struct BundleSpec {
    std::vector<Certificate> certificates;  ///< in the bundle itself
    std::string metadata;
    bool indefinite = false;  ///< BER with indefinite lengths
};

inline std::string bytes_of(const ossl::Bio& bio)
{
    char* p = nullptr;
    long n = BIO_get_mem_data(bio.get(), &p);
    return {p, std::size_t(n)};
}

inline std::string written(CMS_ContentInfo* cms, const std::string& content, bool indefinite)
{
    ossl::Bio out(BIO_new(BIO_s_mem())), in(BIO_new_mem_buf(content.data(), int(content.size())));
    int done = indefinite ? i2d_CMS_bio_stream(out.get(), cms, in.get(), CMS_STREAM | CMS_BINARY)
                          : i2d_CMS_bio(out.get(), cms);
    if (done != 1) throw std::runtime_error("test bundle: " + ossl::take_errors());
    return bytes_of(out);
}

/// Tag, length, content; with an indefinite length when the tag is a constructed one.
inline std::string tlv(unsigned char tag, const std::string& content, bool indefinite = false)
{
    std::string out(1, static_cast<char>(tag));
    if (indefinite) return out + '\x80' + content + std::string(2, '\0');
    if (content.size() < 128) return out + static_cast<char>(content.size()) + content;
    std::string length;
    for (auto n = content.size(); n; n >>= 8) length.insert(length.begin(), static_cast<char>(n & 0xff));
    return out + static_cast<char>(0x80 | length.size()) + length + content;
}

/// A list of certificates, unsigned. Written by hand: OpenSSL writes no content without a signature.
inline std::string p7b(const BundleSpec& spec)
{
    bool open = spec.indefinite;
    std::string data = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01", list;
    if (!spec.metadata.empty()) {
        auto half = spec.metadata.size() / 2;
        auto octets =
            open ? tlv(0x24, tlv(4, spec.metadata.substr(0, half)) + tlv(4, spec.metadata.substr(half)), true)
                 : tlv(4, spec.metadata);
        data += tlv(0xa0, octets, open);
    }
    for (const auto& c : spec.certificates) list += c.der();
    auto body = std::string("\x02\x01\x01\x31\x00", 5) + tlv(0x30, data, open) +
                (list.empty() ? "" : tlv(0xa0, list, open)) + std::string("\x31\x00", 2);
    return tlv(0x30, "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" + tlv(0xa0, tlv(0x30, body, open), open),
               open);
}

struct SignSpec {
    std::vector<const Issued*> signers;
    const char* digest = "SHA256";
    bool attributes = true, with_certificates = true, indefinite = false;
    std::vector<Certificate> beside;  ///< more certificates of the outer message
};

/// A signed message around any content.
inline std::string p7m(const std::string& content, const SignSpec& spec)
{
    ossl::BorrowedCerts certs(sk_X509_new_null());
    for (const auto& c : spec.beside) sk_X509_push(certs.get(), c.x509());
    unsigned flags = CMS_BINARY | CMS_PARTIAL | (spec.indefinite ? unsigned(CMS_STREAM) : 0u);
    ossl::Cms cms(CMS_sign(nullptr, nullptr, certs.get(), nullptr, flags));
    unsigned more = CMS_BINARY | (spec.attributes ? 0u : unsigned(CMS_NOATTR)) |
                    (spec.with_certificates ? 0u : unsigned(CMS_NOCERTS));
    for (const auto* s : spec.signers)
        if (!CMS_add1_signer(cms.get(), s->certificate.x509(), s->key.get(),
                             EVP_get_digestbyname(spec.digest), more))
            throw std::runtime_error("test bundle: " + ossl::take_errors());
    if (spec.indefinite) return written(cms.get(), content, true);
    ossl::Bio in(BIO_new_mem_buf(content.data(), int(content.size())));
    if (CMS_final(cms.get(), in.get(), nullptr, flags) != 1)
        throw std::runtime_error("test bundle: " + ossl::take_errors());
    return written(cms.get(), "", false);
}

inline std::string pem_bundle(const std::string& der, const char* label = "PKCS7")
{
    return std::string("-----BEGIN ") + label + "-----\n" + base64(der, 64) + "\n-----END " + label +
           "-----\n";
}

}  // namespace direct::test
