// certificate_files.cpp - certificates out of PEM, DER and PKCS#7 bytes.
//
// A signed PKCS#7 is refused: the certificates beside its signature are its signer's, not what it
// carries (reference-behaviour hole 5b); signed bundles have their own reader.
#include <openssl/pem.h>

#include "milter/base/text.h"
#include "policy/certificate.h"

namespace direct {
namespace {

constexpr std::size_t file_max = 16 * 1024 * 1024;

std::string_view view(const unsigned char* p, long n)
{
    return {reinterpret_cast<const char*>(p), std::size_t(n)};
}

Status add_pkcs7(std::vector<Certificate>& out, std::string_view der)
{
    auto* p = reinterpret_cast<const unsigned char*>(der.data());
    const unsigned char* end = p + der.size();
    ossl::Cms cms(d2i_CMS_ContentInfo(nullptr, &p, long(der.size())));
    bool usable = cms && p == end && OBJ_obj2nid(CMS_get0_type(cms.get())) == NID_pkcs7_signed;
    if (usable && sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms.get())) > 0) {
        ossl::take_errors();
        return fail(refuse(Reason::malformed, "certificates: a signed PKCS#7, not a list of certificates"));
    }
    ossl::OwnedCerts certs(usable ? CMS_get1_certs(cms.get()) : nullptr);
    ossl::take_errors();
    if (!certs)
        return fail(
            refuse(Reason::malformed, "certificates: no certificate and no PKCS#7 with certificates"));
    for (int i = 0; i < sk_X509_num(certs.get()); ++i) {
        TRY(auto one, Certificate::from_x509(sk_X509_value(certs.get(), i)));
        out.push_back(std::move(one));
    }
    return Done{};
}

Status add_der(std::vector<Certificate>& out, std::string_view der)
{
    if (auto one = Certificate::from_der(der)) {
        out.push_back(*std::move(one));
        return Done{};
    }
    return add_pkcs7(out, der);
}

struct PemBlock {
    char *name = nullptr, *header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    PemBlock() = default;
    PemBlock(const PemBlock&) = delete;
    PemBlock& operator=(const PemBlock&) = delete;
    ~PemBlock()
    {
        OPENSSL_free(name);
        OPENSSL_free(header);
        // A key may stand in the same file: nothing of it stays behind.
        OPENSSL_clear_free(data, std::size_t(size));
    }
};

Status add_pem(std::vector<Certificate>& out, std::string_view pem)
{
    ossl::Bio in(BIO_new_mem_buf(pem.data(), int(pem.size())));
    for (;;) {
        PemBlock block;
        if (!in || PEM_read_bio(in.get(), &block.name, &block.header, &block.data, &block.size) != 1) break;
        std::string_view name = block.name;
        if (name == "CERTIFICATE" || name == "X509 CERTIFICATE") {
            TRY(auto one, Certificate::from_der(view(block.data, block.size)));
            out.push_back(std::move(one));
        } else if (name == "PKCS7" || name == "CMS") {
            CHECK(add_pkcs7(out, view(block.data, block.size)));
        }
    }
    // The end of the blocks is an error entry like any other; a broken block must not pass for the end.
    unsigned long last = ERR_peek_last_error();
    bool at_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    std::string errors = ossl::take_errors();
    if (!at_end)
        return fail(refuse(Reason::malformed, "certificates: a PEM block is broken (" + errors + ")"));
    return Done{};
}

}  // namespace

Result<std::vector<Certificate>> read_certificates(std::string_view bytes)
{
    std::vector<Certificate> out;
    if (bytes.size() > file_max) return fail(refuse(Reason::malformed, "certificates: larger than 16 MB"));
    if (bytes.find("-----BEGIN ") != std::string_view::npos && (bytes.empty() || bytes[0] != '\x30'))
        CHECK(add_pem(out, bytes));
    else
        CHECK(add_der(out, bytes));
    if (out.empty()) return fail(refuse(Reason::malformed, "certificates: none inside"));
    return out;
}

Result<std::vector<Certificate>> load_certificates(const std::string& path)
{
    TRY(std::string bytes, read_whole_file(path, file_max));
    auto certificates = read_certificates(bytes);
    if (!certificates) return fail(misconfigured(path + ": " + certificates.error().why));
    return certificates;
}

}  // namespace direct
