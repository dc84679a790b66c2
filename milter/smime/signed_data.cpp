// signed_data.cpp - see signed_data.h.
#include "milter/smime/signed_data.h"

#include <algorithm>

namespace direct::cms {
namespace {

constexpr std::size_t signature_max = 4096;
// Real ones have some hundred bytes. They are copied to be hashed, and BER ones parsed and made anew.
constexpr std::size_t attributes_max = 64 * 1024;

auto broken(const char* where)
{
    return fail(refuse(Reason::malformed, std::string("signature cannot be read: ") + where));
}

bool read_signer(SignerEntry& out, const ber::Element& info)
{
    ber::Reader r(info.content);
    if (!r.next(ber::integer)) return false;
    if (auto id = r.maybe(ber::context)) {
        out.who.key_id = id->content;
        if (id->content.empty()) return false;
    } else {
        auto sequence = r.next(ber::sequence);
        auto who = sequence ? read_issuer_and_serial(*sequence) : std::nullopt;
        if (!who) return false;
        out.who = *who;
    }
    auto digest_element = r.next(ber::sequence);
    auto digest = digest_element ? read_algorithm(digest_element->whole) : std::nullopt;
    out.attributes = r.maybe(ber::tagged(0));
    if (out.attributes && out.attributes->whole.size() > attributes_max) return false;
    auto signature_element = r.next(ber::sequence);
    auto signature_algorithm = signature_element ? read_algorithm(signature_element->whole) : std::nullopt;
    auto signature = r.next();
    r.maybe(ber::tagged(1));  // unsigned attributes
    if (!digest || !signature_algorithm || !signature || !r.at_end()) return false;
    if ((signature->tag & ~ber::constructed) != ber::octet_string) return false;
    auto bytes = ber::octets_of(*signature, signature_max);
    if (!bytes) return false;
    out.digest = *digest;
    out.signature_algorithm = *signature_algorithm;
    out.signature = *std::move(bytes);
    return true;
}

bool read_content(SignedData& out, const ber::Element& encapsulated)
{
    ber::Reader r(encapsulated.content);
    auto type = r.next(ber::oid);
    // Another content type is another protocol's signature (a time stamp, say), not one over mail.
    if (!type || type->content != oids::data) return false;
    if (r.at_end()) return true;
    auto wrapper = r.next(ber::tagged(0));
    if (!wrapper || !r.at_end()) return false;
    ber::Reader inner(wrapper->content);
    auto content = inner.next();
    if (!content || (content->tag & ~ber::constructed) != ber::octet_string || !inner.at_end()) return false;
    out.content = *content;
    return true;
}

/// One attribute with exactly one value.
std::optional<ber::Element> only_value(ber::Reader& attribute)
{
    auto values = attribute.next(ber::set);
    if (!values || !attribute.at_end()) return {};
    ber::Reader each(values->content);
    auto value = each.next();
    if (!value || !each.at_end()) return {};
    return value;
}

}  // namespace

Result<SignedData> read_signed_data(std::string_view der, std::size_t limit)
{
    TRY(ContentInfo info, read_content_info(der));
    if (info.type != oids::signed_data) return fail(refuse(Reason::not_signed, "the CMS is not a signature"));
    if (info.content.tag != ber::sequence) return broken("signed data");
    SignedData out;
    ber::Reader r(info.content.content);
    if (!r.next(ber::integer) || !r.next(ber::set)) return broken("version or digest algorithms");
    auto encapsulated = r.next(ber::sequence);
    if (!encapsulated || !read_content(out, *encapsulated)) return broken("signed content");
    if (auto certificates = r.maybe(ber::tagged(0))) {
        std::size_t seen = 0;
        for (ber::Reader each(certificates->content); !each.at_end();) {
            auto one = each.next();
            if (!one || ++seen > limit) return broken("certificates, or too many of them");
            if (one->tag == ber::sequence) out.certificates.push_back(one->whole);
        }
    }
    r.maybe(ber::tagged(1));  // revocation lists: we fetch our own
    auto signers = r.next(ber::set);
    if (!signers || !r.at_end()) return broken("signers");
    for (ber::Reader each(signers->content); !each.at_end();) {
        SignerEntry entry;
        auto one = each.next(ber::sequence);
        if (!one || out.signers.size() >= limit || !read_signer(entry, *one))
            return broken("a signer, or too many of them");
        out.signers.push_back(std::move(entry));
    }
    return out;
}

std::optional<std::string_view> promised_digest(const ber::Element& attributes)
{
    std::optional<std::string_view> digest;
    bool typed = false;
    for (ber::Reader r(attributes.content); !r.at_end();) {
        auto attribute = r.next(ber::sequence);
        if (!attribute) return {};
        ber::Reader inner(attribute->content);
        auto type = inner.next(ber::oid);
        if (!type) return {};
        bool is_type = type->content == oids::content_type, is_digest = type->content == oids::message_digest;
        if (!is_type && !is_digest) continue;
        auto value = only_value(inner);
        if (!value) return {};
        if (is_type) {
            if (typed || value->tag != ber::oid || value->content != oids::data) return {};
            typed = true;
        } else {
            if (digest || value->tag != ber::octet_string) return {};
            digest = value->content;
        }
    }
    return typed ? digest : std::nullopt;
}

std::optional<std::string> attributes_to_hash(const ber::Element& attributes)
{
    if (!attributes.indefinite) {
        std::string out(attributes.whole);
        out[0] = char(ber::set);
        return out;
    }
    // Sent as BER: what was signed is the DER form, so it is made again.
    std::vector<std::string> encoded;
    for (ber::Reader r(attributes.content); !r.at_end();) {
        auto one = r.next();
        if (!one) return {};
        auto* p = reinterpret_cast<const unsigned char*>(one->whole.data());
        Handle<X509_ATTRIBUTE, &X509_ATTRIBUTE_free> attribute(
            d2i_X509_ATTRIBUTE(nullptr, &p, long(one->whole.size())));
        unsigned char* der = nullptr;
        int n = attribute ? i2d_X509_ATTRIBUTE(attribute.get(), &der) : -1;
        ossl::take_errors();
        if (n <= 0) return {};
        encoded.emplace_back(reinterpret_cast<char*>(der), std::size_t(n));
        OPENSSL_free(der);
    }
    std::sort(encoded.begin(), encoded.end());
    std::string content;
    for (const auto& one : encoded) content += one;
    return ber::element(ber::set, {content});
}

}  // namespace direct::cms
