// content_hash.h - digests of one signed content, each made once however many signers ask for it.
//
// The content is fed from where it lies, never copied whole. One thread at a time.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "milter/smime/algorithms.h"
#include "milter/smime/ber.h"

namespace direct::cms {

class ContentHash {
public:
    virtual ~ContentHash() = default;
    /// Raw bytes; empty when it could not be made, which equals nothing that is promised.
    const std::string& of(const DigestAlgorithm& digest);
    /// NUL when there is no byte at all.
    char first_byte();

private:
    virtual bool feed(EVP_MD_CTX* ctx) const = 0;
    virtual char find_first_byte() const = 0;
    std::map<const DigestAlgorithm*, std::string> made_;
    std::optional<char> first_;
};

/// Bytes as they are.
class TextHash : public ContentHash {
public:
    explicit TextHash(std::string_view text) : text_(text) {}

private:
    bool feed(EVP_MD_CTX* ctx) const override;
    char find_first_byte() const override { return text_.empty() ? '\0' : text_[0]; }
    std::string_view text_;
};

/// The canonical form of bytes: every line end CRLF.
class CanonicalHash : public ContentHash {
public:
    explicit CanonicalHash(std::string_view text) : text_(text) {}

private:
    bool feed(EVP_MD_CTX* ctx) const override;
    char find_first_byte() const override;
    std::string_view text_;
};

/// An OCTET STRING, in pieces or not. The element's bytes must outlive it.
class PieceHash : public ContentHash {
public:
    explicit PieceHash(const ber::Element& string) : string_(string) {}

private:
    bool feed(EVP_MD_CTX* ctx) const override;
    char find_first_byte() const override;
    ber::Element string_;
};

}  // namespace direct::cms
