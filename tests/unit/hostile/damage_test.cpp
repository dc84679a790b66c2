// One message damaged at every byte: refused with the one answer, or exactly the message that was sent.
#include <set>

#include "tests/unit/hostile/cost.h"
#include "tests/unit/hostile/forge.h"
#include "tests/unit/hostile/site.h"

using namespace direct;
using namespace direct::test;

namespace {

/// Every byte; under sanitizers, which are ten times slower, every 13th.
constexpr std::size_t step = sanitized ? 13 : 1;

struct Tally {
    std::size_t tried = 0, opened = 0, told = 0;
    std::set<std::string> answers;  ///< before a signature verified
};

/// Takes one outcome: what is opened is the message that was sent, what is refused releases nothing.
void take(Tally& tally, const Outcome& o, std::size_t at)
{
    ++tally.tried;
    if (o.answer.empty()) {
        ++tally.opened;
        BOOST_TEST(o.clear == the_clinic().inner, "byte " << at);
        return;
    }
    BOOST_TEST(o.clear.empty(), "byte " << at);
    if (o.verified)
        ++tally.told;
    else
        tally.answers.insert(o.answer);
}

struct Kind {
    const char* name;
    bool ec;
    const char* cipher;
};
constexpr Kind kinds[] = {{"RSA, CBC", false, "aes-256-cbc"},
                          {"RSA, GCM", false, "aes-256-gcm"},
                          {"ECDH, CBC", true, "aes-128-cbc"},
                          {"ECDH, GCM", true, "aes-256-gcm"}};

template <class F>
void each_kind(F f)
{
    auto& c = the_clinic();
    for (const auto& kind : kinds) BOOST_TEST_CONTEXT(kind.name)
    f(c.honest(kind.ec ? c.ec_clinic : c.clinic, kind.cipher), kind.ec ? doc : nurse);
}

void only_uniform(const Tally& t)
{
    BOOST_TEST(t.tried > 100u);
    BOOST_TEST((t.answers == std::set<std::string>{uniform}));
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_honest_message_opens)
{
    each_kind([](const std::string& der, const char* to) {
        auto o = the_clinic().judge_der(der, to);
        BOOST_TEST(o.token == "accepted");
        BOOST_TEST(o.clear == the_clinic().inner);
    });
}

BOOST_AUTO_TEST_CASE(an_envelope_cut_at_every_byte)
{
    each_kind([](const std::string& der, const char* to) {
        Tally t;
        for (std::size_t at = 0; at < der.size(); at += step)
            take(t, the_clinic().judge_der(der.substr(0, at), to), at);
        only_uniform(t);
        BOOST_TEST(t.opened == 0u);
        BOOST_TEST(t.told == 0u);
    });
}

BOOST_AUTO_TEST_CASE(an_envelope_with_a_bit_flipped_at_every_byte)
{
    each_kind([](const std::string& der, const char* to) {
        Tally t;
        flip_bytes(der, step, [&](const std::string& changed, std::size_t at) {
            take(t, the_clinic().judge_der(changed, to), at);
        });
        only_uniform(t);
        BOOST_TEST(t.told == 0u);
        // Version numbers, and the first block of CBC where "Content-Type" may change its case.
        BOOST_TEST(t.opened <= 24u);
    });
}

BOOST_AUTO_TEST_CASE(the_mail_cut_and_changed_at_every_byte)
{
    auto& c = the_clinic();
    std::string whole = mail_around(c.honest(c.ec_clinic));
    auto body = whole.find("\r\n\r\n") + 4;
    Tally cut, flipped;
    for (std::size_t at = body; at < whole.size() - 4; at += step)
        take(cut, c.judge(whole.substr(0, at), doc), at);
    only_uniform(cut);
    BOOST_TEST(cut.opened == 0u);
    for (std::size_t at = body; at < whole.size(); at += step) {
        std::string changed = whole;
        changed[at] = char(changed[at] ^ (1 << at % 7));
        take(flipped, c.judge(changed, doc), at);
    }
    only_uniform(flipped);
    BOOST_TEST(flipped.told == 0u);
}

// What lies inside can be changed by who seals it only: the signature decides.
BOOST_AUTO_TEST_CASE(what_is_signed_changed_at_every_byte)
{
    auto& c = the_clinic();
    std::string entity = c.signed_by(c.ann, c.wrapped("ann@direct.hospital.example"));
    auto begin = entity.find("From: ann"), end = entity.find("words.\r\n") + 7;
    BOOST_REQUIRE(end < entity.size());
    std::size_t opened = 0;
    flip_bytes(entity, step, [&](const std::string& changed, std::size_t at) {
        auto o = c.judge_entity(changed, doc);
        if (at >= begin && at < end) check_uniform(o, "bad-signature", "byte " + std::to_string(at));
        if (!o.answer.empty()) {
            BOOST_TEST(o.clear.empty(), "byte " << at);
            return;
        }
        ++opened;  // in the frame around it
        BOOST_TEST(o.clear.find("From: ann@direct.hospital.example\r\n") == 0u, "byte " << at);
        BOOST_TEST(o.clear.find("\r\n\r\nSECRET words.\r\n") != std::string::npos, "byte " << at);
    });
    BOOST_TEST(opened > 0u);
}

BOOST_AUTO_TEST_CASE(a_signature_cut_and_flipped_at_every_byte)
{
    auto& c = the_clinic();
    const std::string content = c.wrapped("ann@direct.hospital.example");
    const std::string der =
        forge::signed_data(c.ann.certificate.der(), forge::signer({.who = &c.ann, .content = content}));
    BOOST_TEST(c.judge_entity(forge::multipart(content, der), doc).token == "accepted");
    for (std::size_t at = 0; at < der.size(); at += step) {
        auto o = c.judge_entity(forge::multipart(content, der.substr(0, at)), doc);
        check_uniform(o, "malformed", "cut at " + std::to_string(at));
    }
    auto certificate = der.find(std::string(c.ann.certificate.der()));
    auto signers = certificate + c.ann.certificate.der().size();
    std::set<std::string> uniform_answers;
    flip_bytes(der, step, [&](const std::string& changed, std::size_t at) {
        auto o = c.judge_entity(forge::multipart(content, changed), doc);
        if (o.answer.empty()) {
            BOOST_TEST((at < certificate || at >= signers), "byte " << at << " of the certificate");
            return;
        }
        BOOST_TEST(o.clear.empty(), "byte " << at);
        // A certificate that is another but has the same key: the signature fits, the certificate does not.
        if (o.verified) BOOST_TEST((at >= certificate && at < signers), "byte " << at << " " << o.answer);
        if (!o.verified) uniform_answers.insert(o.answer);
    });
    BOOST_TEST((uniform_answers == std::set<std::string>{uniform}));
}
