// openssl.h - names for the OpenSSL objects we own. Included in milter/smime, policy/ and milter/base only.
#pragma once
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <string>

#include "milter/base/handle.h"

namespace direct::ossl {

// A plain X509 stack free drops the list but not its members: certificates the list owns need
// pop_free, borrowed ones need free. Two names, two meanings.
inline void free_owned_certs(STACK_OF(X509) * s)
{
    sk_X509_pop_free(s, X509_free);
}
inline void free_cert_list(STACK_OF(X509) * s)
{
    sk_X509_free(s);
}

using Bio = Handle<BIO, &BIO_free_all>;
using Cert = Handle<X509, &X509_free>;
using PrivateKey = Handle<EVP_PKEY, &EVP_PKEY_free>;
using Cms = Handle<CMS_ContentInfo, &CMS_ContentInfo_free>;
using OwnedCerts = Handle<STACK_OF(X509), &free_owned_certs>;
using BorrowedCerts = Handle<STACK_OF(X509), &free_cert_list>;
using Store = Handle<X509_STORE, &X509_STORE_free>;
using StoreCtx = Handle<X509_STORE_CTX, &X509_STORE_CTX_free>;
using Digest = Handle<EVP_MD_CTX, &EVP_MD_CTX_free>;
using Cipher = Handle<EVP_CIPHER_CTX, &EVP_CIPHER_CTX_free>;
using KeyCtx = Handle<EVP_PKEY_CTX, &EVP_PKEY_CTX_free>;
using Mac = Handle<EVP_MAC, &EVP_MAC_free>;
using MacCtx = Handle<EVP_MAC_CTX, &EVP_MAC_CTX_free>;
using Kdf = Handle<EVP_KDF, &EVP_KDF_free>;
using KdfCtx = Handle<EVP_KDF_CTX, &EVP_KDF_CTX_free>;

/// Empties this thread's OpenSSL error queue and returns what stood there, "; " between entries.
/// The queue is per thread and libmilter moves sessions between threads: whoever calls OpenSSL
/// empties it before returning.
inline std::string take_errors()
{
    std::string out;
    char buf[256];
    while (unsigned long e = ERR_get_error()) {
        ERR_error_string_n(e, buf, sizeof buf);
        if (!out.empty()) out += "; ";
        out += buf;
    }
    return out;
}

}  // namespace direct::ossl
