// forge.h - CMS made by hand, so that every field can be wrong. RFC 5652 gives the structures.
#pragma once
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/smime/ber.h"
#include "tests/support/test_pki.h"

namespace direct::test::forge {

std::string sequence(std::initializer_list<std::string_view> parts);
std::string set(std::initializer_list<std::string_view> parts);
std::string tagged(unsigned n, std::initializer_list<std::string_view> parts);
std::string oid(std::string_view content);
std::string octets(std::string_view content);
std::string number(std::string_view content_octets);
std::string repeat(std::string_view piece, std::size_t times);
/// Constructed, of indefinite length.
std::string open_ended(unsigned char tag, std::string_view content);
/// An OCTET STRING (or what `tag` says) cut into pieces of that size.
std::string in_pieces(unsigned char tag, std::string_view content, std::size_t size);
std::string content_info(std::string_view type, std::string_view content);
std::string issuer_and_serial(const Certificate& c);

/// The pieces of an EnvelopedData, to be put together with one of them changed.
struct EnvelopeParts {
    explicit EnvelopeParts(std::string_view der);
    std::string der() const;
    std::string type, version, recipients;        ///< recipients: the content of the SET
    std::string content_type, cipher, encrypted;  ///< whole elements of EncryptedContentInfo
    std::string rest;                             ///< what follows it: attributes, tag
};

/// A SignerInfo. Empty attributes and has_attributes: what honest senders write.
struct SignerSpec {
    const Issued* who = nullptr;
    std::string content;  ///< the bytes whose digest is promised
    bool has_attributes = true;
    std::vector<std::string> attributes;             ///< whole Attribute elements, instead of the honest ones
    std::optional<std::string> id;                   ///< instead of issuer and serial
    std::optional<std::string> signature;            ///< raw, instead of a good one
    std::optional<std::string> signature_algorithm;  ///< whole AlgorithmIdentifier
};
std::string attribute(std::string_view type, std::initializer_list<std::string_view> values);
std::string type_attribute();
std::string digest_attribute(std::string_view content);
std::string signer(const SignerSpec& spec);
/// @param certificates, signers  contents of their SETs
/// @param content  whole element behind [0] in encapContentInfo; "" for a detached signature
std::string signed_data(std::string_view certificates, std::string_view signers,
                        std::string_view content = "");

/// multipart/signed from its two parts' bytes.
std::string multipart(std::string_view content, std::string_view signature_der,
                      const std::string& boundary = "=_b");
/// application/pkcs7-mime around a CMS.
std::string opaque(std::string_view der);

}  // namespace direct::test::forge
