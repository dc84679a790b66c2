#include "tests/unit/hostile/forge.h"

#include <algorithm>

#include "milter/base/crypto.h"
#include "milter/base/text.h"
#include "milter/smime/algorithms.h"

namespace direct::test::forge {
namespace {

namespace oids = cms::oids;
using namespace std::string_view_literals;

ber::Element must(std::optional<ber::Element> e)
{
    if (!e) throw std::runtime_error("forge: not the structure that was expected");
    return *e;
}

std::string sign(EVP_PKEY* key, std::string_view bytes)
{
    ossl::Digest ctx(EVP_MD_CTX_new());
    std::size_t n = 0;
    auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
    bool ok = EVP_DigestSignInit(ctx.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
              EVP_DigestSign(ctx.get(), nullptr, &n, p, bytes.size()) == 1;
    std::string out(n, '\0');
    ok = ok &&
         EVP_DigestSign(ctx.get(), reinterpret_cast<unsigned char*>(out.data()), &n, p, bytes.size()) == 1;
    if (!ok) throw std::runtime_error("forge: " + ossl::take_errors());
    out.resize(n);
    return out;
}

std::string algorithm(std::string_view type)
{
    return sequence({oid(type)});
}

}  // namespace

std::string sequence(std::initializer_list<std::string_view> parts)
{
    return ber::element(ber::sequence, parts);
}
std::string set(std::initializer_list<std::string_view> parts)
{
    return ber::element(ber::set, parts);
}
std::string tagged(unsigned n, std::initializer_list<std::string_view> parts)
{
    return ber::element(ber::tagged(n), parts);
}
std::string oid(std::string_view content)
{
    return ber::element(ber::oid, {content});
}
std::string octets(std::string_view content)
{
    return ber::element(ber::octet_string, {content});
}
std::string number(std::string_view content_octets)
{
    return ber::element(ber::integer, {content_octets});
}

std::string repeat(std::string_view piece, std::size_t times)
{
    std::string out;
    out.reserve(piece.size() * times);
    for (std::size_t i = 0; i < times; ++i) out += piece;
    return out;
}

std::string open_ended(unsigned char tag, std::string_view content)
{
    std::string out(1, char(tag | ber::constructed));
    out += '\x80';
    out += content;
    return out + std::string(2, '\0');
}

std::string in_pieces(unsigned char tag, std::string_view content, std::size_t size)
{
    std::string pieces;
    for (std::size_t at = 0; at < content.size(); at += size) pieces += octets(content.substr(at, size));
    return ber::element(static_cast<unsigned char>(tag | ber::constructed), {pieces});
}

std::string content_info(std::string_view type, std::string_view content)
{
    return sequence({oid(type), tagged(0, {content})});
}

std::string issuer_and_serial(const Certificate& c)
{
    return sequence({c.issuer_der(), number(c.serial_bytes())});
}

EnvelopeParts::EnvelopeParts(std::string_view der)
{
    ber::Reader outer(must(ber::Reader(der).next(ber::sequence)).content);
    type = must(outer.next(ber::oid)).content;
    ber::Reader body(must(ber::Reader(must(outer.next(ber::tagged(0))).content).next(ber::sequence)).content);
    version = must(body.next(ber::integer)).whole;
    recipients = must(body.next(ber::set)).content;
    ber::Reader info(must(body.next(ber::sequence)).content);
    content_type = must(info.next(ber::oid)).whole;
    cipher = must(info.next(ber::sequence)).whole;
    encrypted = must(info.next()).whole;
    rest = body.rest();
}

std::string EnvelopeParts::der() const
{
    return content_info(
        type, sequence({version, set({recipients}), sequence({content_type, cipher, encrypted}), rest}));
}

std::string attribute(std::string_view type, std::initializer_list<std::string_view> values)
{
    return sequence({oid(type), set(values)});
}

std::string type_attribute()
{
    return attribute(oids::content_type, {oid(oids::data)});
}

std::string digest_attribute(std::string_view content)
{
    return attribute(oids::message_digest, {octets(sha256(content))});
}

std::string signer(const SignerSpec& spec)
{
    const auto& c = spec.who->certificate;
    auto attributes = spec.attributes;
    if (spec.has_attributes && attributes.empty())
        attributes = {type_attribute(), digest_attribute(spec.content)};
    std::string content;
    for (const auto& a : attributes) content += a;
    std::string signed_bytes = spec.has_attributes ? set({content}) : spec.content;
    std::string signature = spec.signature ? *spec.signature : sign(spec.who->key.get(), signed_bytes);
    std::string method = spec.signature_algorithm ? *spec.signature_algorithm
                                                  : algorithm(c.is_rsa() ? oids::rsa : oids::ec_public_key);
    return sequence({"\x02\x01\x01"sv, spec.id ? *spec.id : issuer_and_serial(c),
                     algorithm(cms::digest_by_name("sha256")->oid),
                     spec.has_attributes ? tagged(0, {content}) : "", method, octets(signature)});
}

std::string signed_data(std::string_view certificates, std::string_view signers, std::string_view content)
{
    std::string encapsulated =
        content.empty() ? sequence({oid(oids::data)}) : sequence({oid(oids::data), tagged(0, {content})});
    return content_info(oids::signed_data,
                        sequence({"\x02\x01\x01"sv, set({algorithm(cms::digest_by_name("sha256")->oid)}),
                                  encapsulated, tagged(0, {certificates}), set({signers})}));
}

std::string multipart(std::string_view content, std::string_view signature_der, const std::string& boundary)
{
    return "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; "
           "boundary=\"" +
           boundary + "\"\r\n\r\n--" + boundary + "\r\n" + std::string(content) + "\r\n--" + boundary +
           "\r\nContent-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
           base64(signature_der, 76) + "\r\n--" + boundary + "--\r\n";
}

std::string opaque(std::string_view der)
{
    return "Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n"
           "Content-Transfer-Encoding: base64\r\n\r\n" +
           base64(der, 76) + "\r\n";
}

}  // namespace direct::test::forge
