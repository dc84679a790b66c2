// envelope.cpp - see envelope.h.
#include "milter/smime/envelope.h"

#include "milter/base/crypto.h"

namespace direct::cms {
namespace {

constexpr std::size_t encrypted_key_max = 4096;
constexpr std::size_t attributes_max =
    64 * 1024;  // authenticated ones are copied; real ones have some hundred bytes
constexpr unsigned char key_id_tag = ber::context | 0;  // [0] IMPLICIT OCTET STRING

auto broken(const char* where)
{
    return fail(refuse(Reason::malformed, std::string("CMS cannot be read: ") + where));
}

bool read_transport(RecipientEntry& out, const ber::Element& info)
{
    ber::Reader r(info.content);
    if (!r.next(ber::integer)) return false;
    if (auto id = r.maybe(key_id_tag)) {
        out.who.key_id = id->content;
    } else {
        auto sequence = r.next(ber::sequence);
        auto who = sequence ? read_issuer_and_serial(*sequence) : std::nullopt;
        if (!who) return false;
        out.who = *who;
    }
    auto algorithm = r.next(ber::sequence);
    auto key = algorithm ? r.next() : std::nullopt;
    if (!key || (key->tag & ~ber::constructed) != ber::octet_string || !r.at_end()) return false;
    auto bytes = ber::octets_of(*key, encrypted_key_max);
    if (!bytes) return false;
    out.kind = RecipientEntry::transport;
    out.algorithm = algorithm->whole;
    out.encrypted_key = *std::move(bytes);
    return true;
}

/// OriginatorIdentifierOrKey; only a key that came along is of use to us.
bool read_originator(RecipientEntry& out, const ber::Element& explicit_tag)
{
    ber::Reader r(explicit_tag.content);
    auto key = r.maybe(ber::tagged(1));
    if (!key) return r.next().has_value();
    ber::Reader inner(key->content);
    auto point = inner.next(ber::sequence) ? inner.next(ber::bit_string) : std::nullopt;
    if (!point || point->content.size() < 2 || point->content[0] != 0) return false;
    out.originator_point = point->content.substr(1);
    return true;
}

bool read_agreement_recipient(RecipientEntry& out, const ber::Element& one)
{
    ber::Reader r(one.content);
    if (auto by_key = r.maybe(ber::tagged(0))) {
        ber::Reader id(by_key->content);
        auto octets = id.next(ber::octet_string);
        if (!octets) return false;
        out.who.key_id = octets->content;
    } else {
        auto sequence = r.next(ber::sequence);
        auto who = sequence ? read_issuer_and_serial(*sequence) : std::nullopt;
        if (!who) return false;
        out.who = *who;
    }
    auto key = r.next(ber::octet_string);
    if (!key || key->content.size() > encrypted_key_max || !r.at_end()) return false;
    out.encrypted_key = key->content;
    return true;
}

bool read_agreement(std::vector<RecipientEntry>& out, const ber::Element& info, std::size_t limit)
{
    RecipientEntry common;
    common.kind = RecipientEntry::agreement;
    ber::Reader r(info.content);
    if (!r.next(ber::integer)) return false;
    auto originator = r.next(ber::tagged(0));
    if (!originator || !read_originator(common, *originator)) return false;
    if (auto ukm = r.maybe(ber::tagged(1))) {
        auto octets = ber::Reader(ukm->content).next(ber::octet_string);
        if (!octets) return false;
        common.user_material = octets->content;
    }
    auto algorithm = r.next(ber::sequence);
    auto keys = algorithm ? r.next(ber::sequence) : std::nullopt;
    if (!keys || !r.at_end()) return false;
    common.algorithm = algorithm->whole;
    for (ber::Reader each(keys->content); !each.at_end();) {
        RecipientEntry entry = common;
        auto one = each.next(ber::sequence);
        if (!one || out.size() >= limit || !read_agreement_recipient(entry, *one)) return false;
        out.push_back(std::move(entry));
    }
    return true;
}

bool read_recipients(Envelope& out, const ber::Element& set, std::size_t limit)
{
    std::size_t seen = 0;
    for (ber::Reader r(set.content); !r.at_end();) {
        auto info = r.next();
        if (!info || ++seen > limit || out.recipients.size() >= limit) return false;
        if (info->tag == ber::sequence) {
            RecipientEntry entry;
            if (!read_transport(entry, *info)) return false;
            out.recipients.push_back(std::move(entry));
        } else if (info->tag == ber::tagged(1)) {
            if (!read_agreement(out.recipients, *info, limit)) return false;
        } else if (info->tag < ber::tagged(2) || info->tag > ber::tagged(4)) {
            return false;
        }
    }
    return seen > 0;
}

/// The IV of CBC, or nonce and tag size of GCM.
bool read_parameters(Envelope& out, std::string_view parameters, std::size_t& tag_size)
{
    ber::Reader r(parameters);
    if (!out.cipher->gcm) {
        auto iv = r.next(ber::octet_string);
        if (!iv || !r.at_end()) return false;
        out.iv = iv->content;
        return out.iv.size() == 16;
    }
    auto sequence = r.next(ber::sequence);
    if (!sequence || !r.at_end()) return false;
    ber::Reader inner(sequence->content);
    auto nonce = inner.next(ber::octet_string);
    if (!nonce || nonce->content.empty() || nonce->content.size() > 64) return false;
    out.iv = nonce->content;
    tag_size = 12;
    if (auto size = inner.maybe(ber::integer)) {
        if (size->content.size() != 1) return false;
        tag_size = static_cast<unsigned char>(size->content[0]);
    }
    return inner.at_end() && tag_size >= 12 && tag_size <= 16;
}

Status read_encrypted_content(Envelope& out, const ber::Element& info, bool authenticated,
                              std::size_t& tag_size)
{
    ber::Reader r(info.content);
    auto type = r.next(ber::oid);
    auto algorithm_element = type ? r.next(ber::sequence) : std::nullopt;
    auto algorithm = algorithm_element ? read_algorithm(algorithm_element->whole) : std::nullopt;
    if (!algorithm) return broken("content encryption algorithm");
    if (type->content != oids::data) return broken("the envelope does not hold data");
    out.cipher = cipher_by_oid(algorithm->oid);
    if (!out.cipher || out.cipher->gcm != authenticated)
        return fail(refuse(Reason::cannot_decrypt, "content cipher is not taken: " + dotted(algorithm->oid)));
    if (!read_parameters(out, algorithm->parameters, tag_size))
        return broken("content encryption parameters");
    auto content = r.next();
    if (!content || (content->tag & ~ber::constructed) != key_id_tag || !r.at_end())
        return broken("encrypted content");
    out.content = *content;
    bool ok = ber::each_piece(*content, [&](std::string_view piece) {
        out.content_size += piece.size();
        return true;
    });
    if (!ok) return broken("encrypted content");
    return Done{};
}

Status read_tag(Envelope& out, ber::Reader& r, std::size_t tag_size)
{
    if (auto attributes = r.maybe(ber::tagged(1))) {
        // Authenticated is the DER form under the universal tag (RFC 5083 section 2.2).
        if (attributes->indefinite || attributes->whole.size() > attributes_max)
            return broken("authenticated attributes");
        out.authenticated = attributes->whole;
        out.authenticated[0] = char(ber::set);
    }
    auto mac = r.next(ber::octet_string);
    if (!mac || mac->content.size() != tag_size) return broken("authentication tag");
    out.tag = mac->content;
    return Done{};
}

bool right_padding(const std::string& plain)
{
    // All sixteen bytes are looked at whatever the last one says.
    const auto* end = reinterpret_cast<const unsigned char*>(plain.data()) + plain.size();
    unsigned last = end[-1], wrong = 0;
    wrong |= (last - 1U) >> 4;  // 0 or above 16
    for (unsigned i = 0; i < 16; ++i) {
        unsigned inside = (i - last) >> 31;  // 1 when i < last
        wrong |= inside * (end[-1 - int(i)] ^ last);
    }
    return wrong == 0;
}

bool run_cipher(const Envelope& e, std::string_view key, std::string& out)
{
    ossl::Cipher ctx(EVP_CIPHER_CTX_new());
    auto bytes = [](std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); };
    auto* plain = reinterpret_cast<unsigned char*>(out.data());
    if (!ctx || EVP_DecryptInit_ex(ctx.get(), e.cipher->evp(), nullptr, nullptr, nullptr) != 1) return false;
    EVP_CIPHER_CTX_set_padding(ctx.get(), 0);
    if (e.cipher->gcm &&
        EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_SET_IVLEN, int(e.iv.size()), nullptr) != 1)
        return false;
    if (EVP_DecryptInit_ex(ctx.get(), nullptr, nullptr, bytes(key), bytes(e.iv)) != 1) return false;
    int n = 0;
    if (!e.authenticated.empty() &&
        EVP_DecryptUpdate(ctx.get(), nullptr, &n, bytes(e.authenticated), int(e.authenticated.size())) != 1)
        return false;
    std::size_t done = 0;
    bool ok = ber::each_piece(e.content, [&](std::string_view piece) {
        if (piece.empty()) return true;
        if (EVP_DecryptUpdate(ctx.get(), plain + done, &n, bytes(piece), int(piece.size())) != 1)
            return false;
        done += std::size_t(n);
        return true;
    });
    if (!ok) return false;
    if (e.cipher->gcm && EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_SET_TAG, int(e.tag.size()),
                                             const_cast<char*>(e.tag.data())) != 1)
        return false;
    return EVP_DecryptFinal_ex(ctx.get(), plain + done, &n) == 1 && done + std::size_t(n) == out.size();
}

}  // namespace

Result<ContentInfo> read_content_info(std::string_view der)
{
    // OpenSSL counts in int; nothing near this size is a message.
    if (der.size() > 1U << 30) return broken("too large");
    ber::Reader outer(der);
    auto sequence = outer.next(ber::sequence);
    if (!sequence || !outer.at_end()) return broken("not one whole element");
    ber::Reader r(sequence->content);
    auto type = r.next(ber::oid);
    auto content = type ? r.next(ber::tagged(0)) : std::nullopt;
    if (!content || !r.at_end()) return broken("content info");
    ber::Reader inner(content->content);
    auto inside = inner.next();
    if (!inside || !inner.at_end()) return broken("content info");
    return ContentInfo{type->content, *inside};
}

std::optional<Identifier> read_issuer_and_serial(const ber::Element& sequence)
{
    ber::Reader r(sequence.content);
    auto issuer = r.next(ber::sequence);
    auto serial = issuer ? r.next(ber::integer) : std::nullopt;
    if (!serial || !r.at_end()) return {};
    return Identifier{issuer->whole, serial->content, {}};
}

Result<Envelope> read_envelope(std::string_view der, std::size_t limit)
{
    TRY(ContentInfo info, read_content_info(der));
    bool authenticated = info.type == oids::auth_enveloped_data;
    if ((!authenticated && info.type != oids::enveloped_data) || info.content.tag != ber::sequence)
        return broken("not an envelope");
    Envelope out;
    ber::Reader r(info.content.content);
    if (!r.next(ber::integer)) return broken("version");
    r.maybe(ber::tagged(0));  // originatorInfo: certificates we have no use for
    auto recipients = r.next(ber::set);
    if (!recipients || !read_recipients(out, *recipients, limit))
        return broken("recipients, or too many of them");
    auto content = r.next(ber::sequence);
    if (!content) return broken("encrypted content");
    std::size_t tag_size = 0;
    CHECK(read_encrypted_content(out, *content, authenticated, tag_size));
    if (authenticated) CHECK(read_tag(out, r, tag_size));
    r.maybe(ber::tagged(authenticated ? 2 : 1));  // unauthenticated or unprotected attributes
    if (!r.at_end()) return broken("bytes after its end");
    return out;
}

std::optional<std::string> open_content(const Envelope& envelope, std::string_view content_key)
{
    bool cbc = !envelope.cipher->gcm;
    if (cbc && (envelope.content_size == 0 || envelope.content_size % 16 != 0)) return {};
    std::string plain(envelope.content_size, '\0');
    bool ok = run_cipher(envelope, content_key, plain) && (!cbc || right_padding(plain));
    ossl::take_errors();
    if (!ok) {
        cleanse(plain.data(), plain.size());
        return {};
    }
    if (cbc) plain.resize(plain.size() - static_cast<unsigned char>(plain.back()));
    return plain;
}

}  // namespace direct::cms
