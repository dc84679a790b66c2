#include "tests/unit/hostile/site.h"

#include "milter/base/text.h"

#include <filesystem>

namespace direct::test {
namespace {

void put(const std::string& path, const std::string& bytes)
{
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    if (auto done = write_file_durably(path, bytes, 0600); !done) throw std::runtime_error(done.error().why);
}

CertSpec person(const std::string& name, const std::string& san)
{
    return {.name = name, .san = {san}, .key_usage = "digitalSignature,keyEncipherment,keyAgreement"};
}

}  // namespace

Clinic::Clinic()
    : ca(issue({.name = "CA", .ca = true, .key_usage = "keyCertSign,cRLSign"}, ec_key())),
      clinic(issue(person("clinic", "DNS:direct.clinic.example"), rsa_key(0), &ca)),
      ec_clinic(issue(person("ec clinic", "DNS:ec.clinic.example"), ec_key(), &ca)),
      bob(issue(person("bob", "email:bob@direct.hospital.example"), rsa_key(1), &ca)),
      ann(issue(person("ann", "email:ann@direct.hospital.example"), ec_key(), &ca)),
      mallory(issue(person("mallory", "email:mallory@evil.example"), ec_key())),
      now(test_now())
{
    std::string config =
        "[store]\nkeys = \"keys\"\nanchors = \"anchors\"\ncertificates = \"certificates\"\n"
        "path = \"store\"\n[policy]\nrevocation = \"off\"\n";
    for (const auto& [domain, own] : {std::pair<std::string, const Issued*>{"direct.clinic.example", &clinic},
                                      {"ec.clinic.example", &ec_clinic}}) {
        put(folder_ / ("keys/" + domain + "/own.key"), pem_of(own->key));
        put(folder_ / ("keys/" + domain + "/own.crt"), pem_of(own->certificate));
        put(folder_ / ("anchors/" + domain + "/both/ca.pem"), pem_of(ca.certificate));
        config += "[[domain]]\nname = \"" + domain + "\"\n";
    }
    put(folder_ / "direct.toml", config);
    std::filesystem::create_directories(folder_ / "store");
    auto loaded = load_site(folder_ / "direct.toml", now);
    if (!loaded) throw std::runtime_error(loaded.error().why);
    site = *loaded;
    inner = wrapped().substr(std::string("Content-Type: message/rfc822\r\n\r\n").size());
}

std::string Clinic::wrapped(const std::string& from) const
{
    return "Content-Type: message/rfc822\r\n\r\nFrom: " + from + "\r\nTo: " + nurse + ", " + doc +
           "\r\nSubject: results\r\nMessage-ID: <1@direct.hospital.example>\r\n"
           "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n\r\nSECRET words.\r\n";
}

std::string Clinic::signed_by(const Issued& who, const std::string& entity) const
{
    CountingGate gate;
    auto done = sign_entity(entity, own(who), "sha256", gate);
    if (!done) throw std::runtime_error(done.error().why);
    return *done;
}

std::string Clinic::sealed(const std::string& entity, const Issued& to, const std::string& cipher) const
{
    auto done = encrypt_to(entity, {to.certificate}, {.cipher = cipher, .key_transport = {}});
    if (!done) throw std::runtime_error(done.error().why);
    return *done;
}

std::string Clinic::honest(const Issued& to, const std::string& cipher) const
{
    return sealed(signed_by(bob, wrapped()), to, cipher);
}

Outcome Clinic::judge(std::string_view message, const std::string& recipient)
{
    auto address = parse_address(recipient);
    auto opened = open_inbound(*site, engine, {message, {*address}, now});
    const auto& verdict = opened.verdicts.front();
    Outcome out;
    out.token = token_of(verdict.reason);
    out.verified = opened.verified;
    if (is_refusal(verdict.reason)) {
        auto answer = answer_for(opened.overall(), opened.verified);
        out.answer = std::to_string(answer.code) + " " + answer.dsn + " " + answer.text;
    }
    out.because = verdict.because;
    out.clear = std::move(opened.message);
    BOOST_TEST(ERR_peek_error() == 0u);
    return out;
}

Outcome Clinic::judge_der(std::string_view der, const std::string& recipient)
{
    return judge(mail_around(der), recipient);
}

Outcome Clinic::judge_entity(const std::string& entity, const std::string& recipient)
{
    return judge_der(sealed(entity, recipient == doc ? ec_clinic : clinic), recipient);
}

Clinic& the_clinic()
{
    static Clinic clinic;
    return clinic;
}

std::string mail_with(const std::string& content_fields, const std::string& body)
{
    return "From: bob@direct.hospital.example\r\nTo: nurse@direct.clinic.example\r\n"
           "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n" +
           content_fields + "\r\n" + body;
}

std::string mail_around(std::string_view der)
{
    return mail_with(
        "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n"
        "Content-Transfer-Encoding: base64\r\n",
        base64(der, 76) + "\r\n");
}

void check_uniform(const Outcome& o, const std::string& token, const std::string& what)
{
    BOOST_TEST_CONTEXT(what)
    {
        BOOST_TEST(o.token == token);
        BOOST_TEST(o.answer == uniform);
        BOOST_TEST(!o.verified);
        BOOST_TEST(o.clear.empty());
        for (const auto& line : o.because) BOOST_TEST(line.find("SECRET") == std::string::npos);
    }
}

void check_told(const Outcome& o, const std::string& token, const std::string& what)
{
    BOOST_TEST_CONTEXT(what)
    {
        BOOST_TEST(o.token == token);
        BOOST_TEST(o.answer.find("direct: " + token) != std::string::npos, o.answer);
        BOOST_TEST(o.clear.empty());
    }
}

}  // namespace direct::test
