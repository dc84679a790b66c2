// Opening and judging one inbound message. The order of the steps is the security of the product:
// nothing decrypted leaves this file before a signature has verified and a path has reached an anchor.
#include "milter/sta/inbound.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "milter/base/crypto.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/mime/wrap.h"
#include "milter/sta/frame.h"
#include "milter/sta/judging.h"

namespace direct {
namespace {

// Reasons kept per recipient. A stranger decides how many signers, paths and recipients a message has, and
// so how long an audit entry would become.
constexpr std::size_t because_max = 16;
// Signers whose paths are looked for: with certificates made for it one search takes a tenth of a second. The
// field signs with all certificates of a sender, which are two or three.
constexpr std::size_t judged_signers_max = 8;

void add_because(RecipientVerdict& verdict, std::string why)
{
    if (verdict.because.size() < because_max) verdict.because.push_back(std::move(why));
}

/// One message on its way through the steps.
class Opening {
public:
    Opening(const Site& site, Engine& engine, const InboundMail& mail)
        : site_(site), engine_(engine), mail_(mail)
    {
        for (const auto& r : mail.recipients) result_.verdicts.push_back({r, Reason::temporary, {}, {}});
    }

    OpenedMail run()
    {
        Timed timed(Metric::open_seconds);
        if (auto done = steps(); !done) refuse_open(done.error());
        if (!result_.any_accepted()) discard(result_.message);
        discard(clear_);
        discard(verified_.content);
        return std::move(result_);
    }

private:
    Status steps();
    Status decrypt(const Entity& outer);
    Status no_key_in_trouble() const;
    Status verify();
    Status verify_inside(const Entity& inner);
    Status verify_parts(const Entity& inner);
    Status take_headers();
    std::string keep_only(std::string_view inside);
    void judge_recipients();
    void judge_one(RecipientVerdict& verdict, const std::vector<const Signer*>& bound, Judging& judging);
    bool check_delivery(RecipientVerdict& verdict);
    bool sha1_allowed() const;
    bool sha1_excepted(const Address& from) const;
    Reason best_signer_fault() const;
    /// From, and Sender where there is one, are both under the certificate (B12).
    bool bound_to_originators(const Certificate& c) const
    {
        return c.bound_to(*result_.from) && (!sender_ || c.bound_to(*sender_));
    }

    /// Everybody who has no verdict yet gets this one.
    void refuse_open(const Fault& fault)
    {
        for (auto& v : result_.verdicts)
            if (v.reason == Reason::temporary) {
                v.reason = fault.reason;
                v.because.push_back(fault.why);
            }
    }

    const Site& site_;
    Engine& engine_;
    const InboundMail& mail_;
    OpenedMail result_;
    std::string clear_;  // decrypted entity: not to be released before judge_recipients
    std::string_view
        signed_part_;  // the exact bytes the signature covers, inside clear_ or verified_.content
    Verified verified_;
    Unwrapped unwrapped_;
    bool weak_ = false;  // a signer was left out for its SHA-1
    std::optional<Address> sender_;
    bool notice_ = false;  // an MDN or DSN under the signature
    std::vector<Address> visible_;
};

Status Opening::steps()
{
    TRY(auto outer, read_entity(mail_.message, site_.mime_limits()));
    if (!is_cms(outer.content_type)) {
        // Plain mail, or mail whose encrypted part hides inside something else: never looked for (O3, O4).
        return fail(refuse(Reason::not_encrypted, "the message is " + outer.content_type.media_type()));
    }
    result_.encrypted = true;
    CHECK(decrypt(outer));
    CHECK(verify());
    CHECK(take_headers());
    judge_recipients();
    return Done{};
}

Status Opening::decrypt(const Entity& outer)
{
    TRY(auto der, decode_body(outer));
    TRY(auto kind, cms_kind(der));
    if (kind == "signed" || kind == "data")
        return fail(refuse(Reason::not_encrypted, "the message is signed but not encrypted"));
    if (kind != "enveloped" && kind != "auth-enveloped")
        return fail(refuse(Reason::cannot_decrypt, "CMS content type " + kind + " is not accepted"));
    std::vector<std::vector<const OwnKey*>> candidates;
    for (auto& v : result_.verdicts)
        candidates.push_back(site_.policies.allowed(site_.keys.for_decryption(v.recipient),
                                                    v.recipient.domain, Direction::incoming, v.because));
    auto served = open_enveloped(der, candidates, site_.cms_limits(), engine_.gate);
    if (!served && served.error().reason == Reason::no_key) CHECK(no_key_in_trouble());
    TRY(auto opened, std::move(served));
    clear_ = std::move(opened.content);
    result_.cipher = opened.cipher;
    for (std::size_t i = 0; i < result_.verdicts.size(); ++i)
        if (!opened.opened_with[i]) {
            auto trouble = site_.keys.trouble(result_.verdicts[i].recipient);
            result_.verdicts[i].reason = trouble.empty() ? Reason::no_key : Reason::configuration;
            result_.verdicts[i].because.push_back(
                "the message is not encrypted to a key bound to this recipient");
            for (auto& t : trouble) result_.verdicts[i].because.push_back("a key cannot be read: " + t);
        }
    return Done{};
}

/// The key that is missing may be one that cannot be read just now: later, not never.
Status Opening::no_key_in_trouble() const
{
    for (const auto& v : result_.verdicts)
        if (auto trouble = site_.keys.trouble(v.recipient); !trouble.empty())
            return fail(
                misconfigured("a key of " + v.recipient.text() + " cannot be read: " + trouble.front()));
    return Done{};
}

bool Opening::sha1_excepted(const Address& from) const
{
    const auto* peer = site_.settings->peer(from.domain);
    return peer && peer->accept_sha1;
}

/// Whether SHA-1 mathematics is tried at all. The outer From is a hint; judge_recipients holds the result
/// against the signed one.
bool Opening::sha1_allowed() const
{
    auto outer = read_entity(mail_.message, site_.mime_limits());
    if (!outer) return false;
    auto from = originators(outer->headers);
    if (!from) return false;
    return sha1_excepted(from->from);
}

Status Opening::verify_inside(const Entity& inner)
{
    if (is_cms(inner.content_type)) {
        CHECK(check_frame(inner));
        TRY(auto der, decode_body(inner));
        discard(clear_);  // `inner` with it: its copy of the signature takes its place in memory
        TRY(auto kind, cms_kind(der));
        if (kind != "signed") return fail(refuse(Reason::not_signed, "inside the envelope lies CMS " + kind));
        TRY(verified_, verify_opaque(der, site_.cms_limits(), engine_.certificates, sha1_allowed()));
        signed_part_ = verified_.content;
        return Done{};
    }
    if (inner.content_type.is("multipart", "signed")) return verify_parts(inner);
    // No word of what was decrypted: this text goes to log and audit (O2).
    return fail(refuse(Reason::not_signed, "what lies inside the envelope is not signed"));
}

Status Opening::verify()
{
    TRY(auto inner, read_entity(clear_, site_.mime_limits()));
    CHECK(verify_inside(inner));
    if (!verified_.any_good()) {
        auto reason = best_signer_fault();
        // The mathematics fits, only the algorithm does not: the sender may be told what to change.
        result_.verified = reason == Reason::weak_algorithm;
        return fail(refuse(reason, "no signature of the message is good"));
    }
    result_.verified = true;
    return Done{};
}

Status Opening::verify_parts(const Entity& inner)
{
    TRY(auto parts, split_signed(inner, site_.mime_limits()));
    if (!is_cms_signature(parts.signature.content_type))
        return fail(refuse(Reason::not_signed, "the second part is no signature"));
    CHECK(check_frame(clear_, inner, parts));
    TRY(auto der, decode_body(parts.signature));
    TRY(verified_,
        verify_detached(parts.content, der, site_.cms_limits(), engine_.certificates, sha1_allowed()));
    signed_part_ = parts.content;
    return Done{};
}

Reason Opening::best_signer_fault() const
{
    if (verified_.signers.empty()) return Reason::not_signed;
    // A signature whose mathematics fits but whose algorithm is weak has verified: say so before anything else.
    for (auto wanted : {Reason::weak_algorithm, Reason::bad_signature, Reason::no_sender_certificate})
        for (const auto& s : verified_.signers)
            if (s.reason == wanted) return wanted;
    return Reason::bad_signature;
}

Status Opening::take_headers()
{
    TRY(const auto inside, message_inside(signed_part_, site_.mime_limits()));
    if (!inside) {
        TRY(unwrapped_, unwrap(signed_part_, mail_.message, site_.mime_limits()));
    }
    result_.wrapped = inside || unwrapped_.wrapped;
    TRY(auto inner, read_entity(inside ? *inside : unwrapped_.message, site_.mime_limits()));
    TRY(auto who, originators(inner.headers));
    result_.from = who.from;
    sender_ = who.sender;
    result_.message_id = message_id(inner.headers);
    visible_ = visible_recipients(inner.headers);
    notice_ = is_notice(inner.content_type);
    if (!result_.wrapped) {
        const auto* peer = site_.settings->peer(who.from.domain);
        bool accept = site_.settings->policy_unwrapped == "accept";
        if (peer && peer->accept_unwrapped) accept = *peer->accept_unwrapped;
        if (!accept) return fail(refuse(Reason::not_wrapped, "the signed part is no whole message"));
        result_.warnings.push_back("unwrapped");
    }
    result_.message = inside ? keep_only(*inside) : std::move(unwrapped_.message);
    discard(clear_);
    discard(verified_.content);
    return Done{};
}

/// The inner message in the memory in which it was decrypted: a large one is not copied once more.
std::string Opening::keep_only(std::string_view inside)
{
    auto lies_in = [&](const std::string& s) {
        return !std::less<>()(inside.data(), s.data()) && !std::less<>()(s.data() + s.size(), inside.data());
    };
    std::string& whole = lies_in(clear_) ? clear_ : verified_.content;
    const auto size = inside.size();
    std::memmove(whole.data(), inside.data(), size);
    cleanse(whole.data() + size, whole.size() - size);
    whole.resize(size);
    return std::move(whole);
}

void Opening::judge_recipients()
{
    std::vector<const Signer*> bound;
    for (const auto& s : verified_.signers)
        if (s.reason == Reason::accepted && bound_to_originators(*s.certificate)) bound.push_back(&s);
    // The exception was looked up for the From on the outside, which anybody can write: it holds only
    // for the partner whom the signed From names.
    if (!sha1_excepted(*result_.from))
        std::erase_if(bound, [&](const Signer* s) { return s->digest == "sha1" && (weak_ = true); });
    if (bound.size() > judged_signers_max) bound.resize(judged_signers_max);
    // Nothing a stranger names has been fetched up to here; the time for it begins now.
    Judging judging(site_, engine_, mail_.now);
    for (auto& v : result_.verdicts) {
        if (v.reason != Reason::temporary) continue;  // no key for this one
        if (bound.empty()) {
            v.reason = weak_ ? Reason::weak_algorithm : Reason::sender_mismatch;
            for (const auto& s : verified_.signers)
                if (s.certificate && v.because.size() < because_max)
                    v.because.push_back("signed by " + s.certificate->subject() + ", which is not bound to " +
                                        result_.from->text());
            continue;
        }
        judge_one(v, bound, judging);
    }
}

void Opening::judge_one(RecipientVerdict& verdict, const std::vector<const Signer*>& bound, Judging& judging)
{
    if (!check_delivery(verdict)) return;
    auto anchors = anchors_for(site_.anchors, verdict.recipient.domain, Direction::incoming, notice_);
    Reason first = Reason::temporary;
    for (const auto* signer : bound) {  // one good one is enough, in any order (D3)
        auto judged = judging.judge(*signer->certificate, verified_.certificates, anchors, Use::signing);
        for (auto& why : judged.because) add_because(verdict, std::move(why));
        std::optional<std::string> broken;  // a stranger's certificate is not looked at any further
        if (judged.trusted())
            broken =
                site_.policies.against(verdict.recipient.domain, Direction::incoming, *signer->certificate);
        if (broken) {
            add_because(verdict, *std::move(broken));
            judged.reason = Reason::policy;
        }
        if (judged.trusted()) {
            verdict.reason = Reason::accepted;
            verdict.certificates = {signer->certificate->fingerprint(), judged.path.back().fingerprint()};
            result_.signer = signer->certificate;
            result_.signed_digest = signer->digest + ":" + signer->content_digest;
            if (signer->digest == "sha1")
                verdict.because.push_back("SHA-1 signature taken by the peer's exception");
            return;
        }
        // A signer of whom more may be known in a minute leaves the question open.
        if (first == Reason::temporary || is_temporary(judged.reason)) first = judged.reason;
        verdict.certificates.push_back(signer->certificate->fingerprint());
    }
    verdict.reason = for_good(site_.anchors, verdict.recipient.domain, first);
}

/// What does not depend on trust: is there such a mailbox, and does it stand in the signed To or Cc.
bool Opening::check_delivery(RecipientVerdict& verdict)
{
    const auto* domain = site_.domain_of(verdict.recipient);
    if (!domain) {
        verdict.reason = Reason::unknown_recipient;
        return false;
    }
    if (!site_.is_newuser(verdict.recipient) && !is_mailbox(*domain, verdict.recipient)) {
        verdict.reason = Reason::unknown_recipient;
        verdict.because.push_back("mailboxes = \"listed\" and this address is not");
        return false;
    }
    if (std::find(visible_.begin(), visible_.end(), verdict.recipient) == visible_.end()) {
        verdict.because.push_back("the recipient does not stand in the signed To or Cc");
        if (site_.settings->policy_tampered == "refuse") {
            verdict.reason = Reason::tampered;
            return false;
        }
        if (std::find(result_.warnings.begin(), result_.warnings.end(), "tampered") == result_.warnings.end())
            result_.warnings.push_back("tampered");
    }
    return true;
}

}  // namespace

OpenedMail open_inbound(const Site& site, Engine& engine, const InboundMail& mail)
{
    return Opening(site, engine, mail).run();
}

}  // namespace direct
