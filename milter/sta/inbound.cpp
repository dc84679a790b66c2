// Opening and judging one inbound message. The order of the steps is the security of the product:
// nothing decrypted leaves this file before a signature has verified and a path has reached an anchor.
#include "milter/sta/inbound.h"

#include <algorithm>
#include <new>
#include <system_error>

#include "milter/base/crypto.h"
#include "milter/base/cut_text.h"
#include "milter/base/metrics.h"
#include "milter/mime/wrap.h"
#include "milter/sta/frame.h"
#include "milter/sta/inbound_parts.h"
#include "milter/sta/judging.h"

namespace direct {
namespace {

// Reasons kept per recipient: a stranger decides how many signers, paths and recipients a message has.
constexpr std::size_t because_max = 16;
// Bytes of each: a certificate's subject and a URL are as long as a stranger likes, and a reason stands for each recipient.
constexpr std::size_t because_bytes_max = 256;
// Signers whose paths are looked for: with certificates made for it one search takes a tenth of a second. The
// field signs with all certificates of a sender, which are two or three.
constexpr std::size_t judged_signers_max = 8;

void add_because(RecipientVerdict& verdict, std::string_view why)
{
    if (verdict.because.size() < because_max) verdict.because.push_back(cut_text(why, because_bytes_max));
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
        if (auto done = steps_caught(); !done) refuse_open(done.error());
        if (!result_.any_accepted()) discard(result_.message);
        return std::move(result_);
    }
    ~Opening()
    {
        discard(clear_);
        discard(verified_.content);
        discard(unwrapped_.message);
    }
    Opening(const Opening&) = delete;

private:
    Status steps_caught();
    Status steps();
    void tell_key_trouble();
    Status decrypt(const Entity& outer);
    Status no_key_in_trouble() const;
    Status verify();
    Status verify_inside(const Entity& inner);
    Status verify_parts(const Entity& inner);
    Status take_headers();
    void judge_recipients();
    std::vector<Verdict> judge_all(RecipientVerdict& verdict, const std::vector<const Signer*>& bound,
                                   const AnchorSet& set, const AnchorSet& own, Judging& judging);
    void judge_one(RecipientVerdict& verdict, const std::vector<const Signer*>& bound, Judging& judging);
    bool take_signer(RecipientVerdict& verdict, const Signer& signer, Verdict& judged, const AnchorSet& own);
    bool check_delivery(RecipientVerdict& verdict);
    bool sha1_allowed() const;
    bool sha1_excepted(const Address& from) const;
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
                add_because(v, fault.why);
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
    bool opened_ = false;  // something was decrypted
    bool weak_ = false;    // a signer was left out for its SHA-1
    std::optional<Address> sender_;
    bool notice_ = false;  // an MDN or DSN under the signature
    std::vector<Address> visible_;
};

Status Opening::steps()
{
    TRY(auto outer, read_entity(mail_.message, site_.mime_limits()));
    if (!is_cms(outer.content_type)) {
        // Plain mail, or mail whose encrypted part hides inside something else: never looked for (O3, O4).
        return fail(
            refuse(Reason::not_encrypted,
                   "the message is " + cut_text(outer.content_type.media_type(), because_bytes_max / 2)));
    }
    result_.encrypted = true;
    CHECK(decrypt(outer));
    CHECK(verify());
    tell_key_trouble();
    CHECK(take_headers());
    judge_recipients();
    return Done{};
}

/// What a library throws over decrypted bytes must not make another answer than everything else about them.
Status Opening::steps_caught()
{
    try {
        return steps();
    } catch (const std::bad_alloc&) {
        throw;  // want of memory or threads is ours, and bounds keep the bytes from causing it
    } catch (const std::system_error&) {
        throw;
    } catch (const std::exception&) {
        if (!opened_ || result_.verified) throw;
        return fail(refuse(Reason::malformed, "what lies inside the envelope cannot be read"));
    }
}

/// A recipient without a key in the envelope is put off when a key of his cannot be read just now. Told only after a
/// signature has verified: a 4xx for some decrypted bytes and a 5xx for others would tell about them (C14).
void Opening::tell_key_trouble()
{
    for (auto& v : result_.verdicts) {
        if (v.reason != Reason::no_key) continue;
        const auto trouble = site_.keys.trouble(v.recipient);
        if (!trouble.empty()) v.reason = Reason::configuration;
        for (const auto& t : trouble) add_because(v, "a key cannot be read: " + t);
    }
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
    opened_ = true;
    result_.cipher = opened.cipher;
    for (std::size_t i = 0; i < result_.verdicts.size(); ++i)
        if (!opened.opened_with[i]) {
            result_.verdicts[i].reason = Reason::no_key;
            result_.verdicts[i].because.push_back(
                "the message is not encrypted to a key bound to this recipient");
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
    if (std::ranges::none_of(site_.settings->peers, &PeerSettings::accept_sha1)) return false;
    auto outer = read_entity(mail_.message, site_.mime_limits());
    if (!outer) return false;
    const auto from = originators(outer->headers);
    return from && sha1_excepted(from->from);
}

Status Opening::verify_inside(const Entity& inner)
{
    if (is_cms(inner.content_type)) {
        CHECK(check_frame(inner));
        TRY(auto der, decode_body(inner));
        CleanseAtEnd opaque(der);  // it holds the clear text
        discard(clear_);           // `inner` with it: its copy of the signature takes its place in memory
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
        auto reason = best_signer_fault(verified_);
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
    result_.references = referenced_ids(inner.headers, "References");
    result_.in_reply_to = referenced_ids(inner.headers, "In-Reply-To");
    visible_ = visible_recipients(inner.headers);
    notice_ = is_notice(inner.content_type);
    if (!result_.wrapped) {
        const auto* peer = site_.settings->peer(who.from.domain);
        bool accept = site_.settings->policy_unwrapped == "accept";
        if (peer && peer->accept_unwrapped) accept = *peer->accept_unwrapped;
        if (!accept) return fail(refuse(Reason::not_wrapped, "the signed part is no whole message"));
        result_.warnings.push_back("unwrapped");
    }
    result_.message = inside ? keep_only(*inside, clear_, verified_.content) : std::move(unwrapped_.message);
    discard(clear_);
    discard(verified_.content);
    return Done{};
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
                if (s.certificate)
                    add_because(v, "signed by " + cut_text(s.certificate->subject(), because_bytes_max / 2) +
                                       ", which is not bound to " + result_.from->text());
            continue;
        }
        judge_one(v, bound, judging);
    }
}

/// One good signer is enough, in any order (D3). What is at hand is asked of all of them first: a stranger's own signature
/// beside that of a revoked certificate must not spend the time in which the revocation is looked up.
void Opening::judge_one(RecipientVerdict& verdict, const std::vector<const Signer*>& bound, Judging& judging)
{
    if (!check_delivery(verdict)) return;
    auto anchors = anchors_for(site_.anchors, verdict.recipient.domain, Direction::incoming, notice_);
    std::vector<Verdict> judged;
    for (const auto* set : anchors) {
        // A way that only serves notices (the second set) is taken when there is none of his own.
        auto under = judge_all(verdict, bound, *set, *anchors.front(), judging);
        if (verdict.reason == Reason::accepted) return;
        if (judged.empty()) judged = std::move(under);
    }
    Reason first = Reason::temporary;
    for (std::size_t i = 0; i < bound.size(); ++i) {
        // A signer of whom more may be known in a minute leaves the question open.
        if (first == Reason::temporary || is_temporary(judged[i].reason)) first = judged[i].reason;
        verdict.certificates.push_back(bound[i]->certificate->fingerprint());
    }
    verdict.reason = for_good(site_.anchors, verdict.recipient.domain, first);
}

/// The verdicts of all under one set; ends early when one decides.
std::vector<Verdict> Opening::judge_all(RecipientVerdict& verdict, const std::vector<const Signer*>& bound,
                                        const AnchorSet& set, const AnchorSet& own, Judging& judging)
{
    std::vector<Verdict> judged;
    for (const auto* signer : bound) {
        judged.push_back(judging.at_hand(*signer->certificate, verified_.certificates, {&set}, Use::signing));
        if (take_signer(verdict, *signer, judged.back(), own)) return judged;
    }
    for (std::size_t i = 0; i < bound.size(); ++i) {
        if (!judging.add_issuers(judged[i], *bound[i]->certificate, verified_.certificates, {&set},
                                 Use::signing))
            continue;
        if (take_signer(verdict, *bound[i], judged[i], own)) return judged;
    }
    return judged;
}

/// True: this signer decides, the message is accepted for the recipient.
bool Opening::take_signer(RecipientVerdict& verdict, const Signer& signer, Verdict& judged,
                          const AnchorSet& own)
{
    for (const auto& why : judged.because) add_because(verdict, why);
    if (!judged.trusted()) return false;
    // A stranger's certificate is not looked at any further.
    if (auto broken =
            site_.policies.against(verdict.recipient.domain, Direction::incoming, *signer.certificate)) {
        add_because(verdict, *broken);
        judged.reason = Reason::policy;
        return false;
    }
    verdict.reason = Reason::accepted;
    verdict.only_as_notice = !own.contains(judged.path.back());
    verdict.certificates = {signer.certificate->fingerprint(), judged.path.back().fingerprint()};
    result_.signer = signer.certificate;
    result_.signed_digest = "sha256:" + verified_.content_sha256;
    if (signer.digest == "sha1") add_because(verdict, "SHA-1 signature taken by the peer's exception");
    return true;
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
