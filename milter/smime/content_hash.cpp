// content_hash.cpp - see content_hash.h.
#include "milter/smime/content_hash.h"

#include "milter/base/crypto.h"
#include "milter/base/text.h"

namespace direct::cms {
namespace {

// Line ends are made canonical so many bytes at a time: content that is nothing but LF would stand in
// memory at twice its size, beside the message.
constexpr std::size_t canonical_step = 32 * 1024;

}  // namespace

const std::string& ContentHash::of(const DigestAlgorithm& digest)
{
    auto [it, fresh] = made_.try_emplace(&digest);
    if (!fresh) return it->second;
    ossl::Digest ctx(EVP_MD_CTX_new());
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    bool ok = ctx && EVP_DigestInit_ex(ctx.get(), digest.evp(), nullptr) == 1 && feed(ctx.get()) &&
              EVP_DigestFinal_ex(ctx.get(), out, &n) == 1;
    if (ok) it->second.assign(reinterpret_cast<char*>(out), n);
    return it->second;
}

char ContentHash::first_byte()
{
    // Kept: behind a million empty pieces it is far away, and every signer asks.
    if (!first_) first_ = find_first_byte();
    return *first_;
}

bool TextHash::feed(EVP_MD_CTX* ctx) const
{
    return EVP_DigestUpdate(ctx, text_.data(), text_.size()) == 1;
}

bool CanonicalHash::feed(EVP_MD_CTX* ctx) const
{
    for (auto rest = text_; !rest.empty();) {
        auto step = rest.substr(0, canonical_step);
        if (step.ends_with('\r') && rest.substr(step.size()).starts_with('\n'))
            step = rest.substr(0, step.size() + 1);
        std::string canonical = to_crlf(step);
        const bool ok = EVP_DigestUpdate(ctx, canonical.data(), canonical.size()) == 1;
        discard(canonical);
        if (!ok) return false;
        rest.remove_prefix(step.size());
    }
    return true;
}

char CanonicalHash::find_first_byte() const
{
    if (text_.empty()) return '\0';
    return text_[0] == '\n' ? '\r' : text_[0];
}

bool PieceHash::feed(EVP_MD_CTX* ctx) const
{
    return ber::each_piece(string_, [&](std::string_view piece) {
        return EVP_DigestUpdate(ctx, piece.data(), piece.size()) == 1;
    });
}

char PieceHash::find_first_byte() const
{
    char first = '\0';
    ber::each_piece(string_, [&](std::string_view piece) {
        if (!piece.empty()) first = piece[0];
        return piece.empty();
    });
    return first;
}

}  // namespace direct::cms
