// Sealing one submitted message. A recipient is in a leg only when a certificate was found, is bound to
// the address, may be encrypted to, and is trusted for the sender's domain; otherwise nothing leaves.
#include "milter/sta/outbound.h"

#include <algorithm>
#include <map>

#include "milter/base/crypto.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/mime/wrap.h"
#include "milter/sta/judging.h"
#include "milter/sta/partner.h"

namespace direct {
namespace {

/// Lines of one verdict that go to the audit: what was asked first, and what decided.
constexpr std::size_t because_max = 32;

void shorten(std::vector<std::string>& because)
{
    if (because.size() <= because_max) return;
    const auto surplus = because.size() - because_max + 1;
    const auto from = because.begin() + because_max / 2;
    because.insert(because.erase(from, from + static_cast<std::ptrdiff_t>(surplus)),
                   "(" + std::to_string(surplus) + " lines left out)");
}

/// What a partner takes.
struct Manner {
    std::string cipher, key_transport;
};

class Sealing {
public:
    Sealing(const Site& site, Engine& engine, const OutboundMail& mail)
        : site_(site),
          engine_(engine),
          mail_(mail),
          settings_(*site.settings),
          judging_(site, engine, mail.now,
                   mail.looked_up ? mail.looked_up->budget_left : site.settings->policy_budget)
    {
        for (const auto& r : mail.outside) result_.verdicts.push_back({r, Reason::temporary, {}, {}});
        for (const auto& r : mail.local) result_.verdicts.push_back({r, Reason::temporary, {}, {}});
    }

    SealedMail run()
    {
        Timed timed(Metric::seal_seconds);
        if (auto done = steps(); !done) {
            // Whatever failed after recipients had been found good: none of them is served.
            result_.leg.reset();
            for (auto& v : result_.verdicts)
                if (!is_refusal(v.reason) || v.reason == Reason::temporary) {
                    v.reason = done.error().reason;
                    v.because.push_back(done.error().why);
                }
        }
        for (auto& v : result_.verdicts) shorten(v.because);
        discard(wrapped_.own);
        return std::move(result_);
    }

private:
    Status steps();
    Status choose_signer();
    void find_recipient(std::size_t index);
    bool meets_policies(const Certificate& theirs, RecipientVerdict& verdict) const;
    void judge_local(RecipientVerdict& verdict);
    Status seal();
    Status seal_leg(const std::vector<std::size_t>& members, const Manner& manner);
    Manner manner_for(const Address& recipient) const;

    const Site& site_;
    Engine& engine_;
    const OutboundMail& mail_;
    const Settings& settings_;
    Judging judging_;
    SealedMail result_;
    const OwnKey* signer_ = nullptr;
    std::map<std::size_t, std::vector<Certificate>>
        usable_;  // outside recipient -> certificates to encrypt to
    std::vector<Address> visible_;
    std::string outer_;
    Wrapped wrapped_;
    Pieces signed_entity_;  // into frame_, wrapped_ and the message
    SignedFrame frame_;
};

Status Sealing::steps()
{
    TRY(auto entity, read_entity(mail_.message, site_.mime_limits()));
    if (is_cms(entity.content_type))
        return fail(refuse(Reason::already_encrypted, "the submitted message is already encrypted"));
    visible_ = visible_recipients(entity.headers);
    CHECK(choose_signer());
    for (std::size_t i = 0; i < mail_.outside.size(); ++i) find_recipient(i);
    for (std::size_t i = mail_.outside.size(); i < result_.verdicts.size(); ++i)
        judge_local(result_.verdicts[i]);
    // One look-up that may succeed in a minute decides for all: the sender keeps the whole message, and
    // nobody gets it twice (G10).
    if (result_.any_temporary()) return Done{};
    return seal();
}

Status Sealing::choose_signer()
{
    std::vector<std::string> left_out;
    auto keys = site_.policies.allowed(site_.keys.for_signing(mail_.from, mail_.now), mail_.from.domain,
                                       Direction::outgoing, left_out);
    for (const auto* key : keys)
        if (key->certificate.may_sign() && key->certificate.for_email() && key->certificate.strong_key()) {
            signer_ = key;
            result_.signer = key->certificate.fingerprint();
            return Done{};
        }
    if (auto trouble = site_.keys.trouble(mail_.from); !trouble.empty())
        return fail(misconfigured("a key of " + mail_.from.text() + " cannot be read: " + trouble.front()));
    if (!left_out.empty()) return fail(refuse(Reason::policy, join(left_out, "; ")));
    return fail(refuse(Reason::no_sender_certificate,
                       "no key of ours may sign for " + mail_.from.text() + " (directctl key list)"));
}

void Sealing::find_recipient(std::size_t index)
{
    auto& verdict = result_.verdicts[index];
    auto partner =
        find_partner(site_, judging_, mail_.from.domain, verdict.recipient, mail_.notice, mail_.looked_up);
    verdict.because = partner.found.trace;
    verdict.reason = partner.reason;
    if (partner.found.answer == Discovery::Answer::later) verdict.because.push_back(partner.found.why);
    for (auto& one : partner.certificates) {
        verdict.because.insert(verdict.because.end(), one.because.begin(), one.because.end());
        if (one.reason != Reason::sealed) continue;
        verdict.certificates.push_back(one.certificate.fingerprint());
        usable_[index].push_back(std::move(one.certificate));
    }
}

/// The sender's domain wants certificates to be so; a line says why not.
bool Sealing::meets_policies(const Certificate& theirs, RecipientVerdict& verdict) const
{
    auto why = site_.policies.against(mail_.from.domain, Direction::outgoing, theirs);
    if (why) verdict.because.push_back(*why);
    return !why;
}

void Sealing::judge_local(RecipientVerdict& verdict)
{
    const auto* domain = site_.domain_of(verdict.recipient);
    if (!domain || !is_mailbox(*domain, verdict.recipient)) {
        verdict.reason = Reason::unknown_recipient;
        return;
    }
    auto theirs = site_.keys.for_decryption(verdict.recipient);
    if (theirs.empty()) {
        if (auto trouble = site_.keys.trouble(verdict.recipient); !trouble.empty()) {
            verdict.because.push_back("a key cannot be read: " + trouble.front());
            return;  // stays temporary
        }
        verdict.reason = Reason::no_certificate;
        verdict.because.push_back("no key of ours is bound to this recipient");
        return;
    }
    theirs = site_.policies.allowed(theirs, domain->name, Direction::incoming, verdict.because);
    auto signer = judging_.judge(signer_->certificate, signer_->chain,
                                 anchors_for(site_.anchors, domain->name, Direction::incoming, mail_.notice),
                                 Use::signing);
    verdict.because.insert(verdict.because.end(), signer.because.begin(), signer.because.end());
    if (!signer.trusted()) {
        verdict.reason = for_good(site_.anchors, domain->name, signer.reason);
        return;
    }
    if (auto why = site_.policies.against(domain->name, Direction::incoming, signer_->certificate)) {
        verdict.reason = Reason::policy;
        verdict.because.push_back(*why);
        return;
    }
    Reason reason = theirs.empty() ? Reason::policy : Reason::no_valid_certificate;
    for (const auto* key : theirs) {
        const auto& c = key->certificate;
        auto judged = judging_.judge(
            c, key->chain, anchors_for(site_.anchors, mail_.from.domain, Direction::outgoing, mail_.notice),
            Use::encryption);
        verdict.because.insert(verdict.because.end(), judged.because.begin(), judged.because.end());
        if (judged.trusted() && !meets_policies(c, verdict)) judged.reason = Reason::policy;
        if (judged.trusted()) {
            verdict.reason = Reason::clear_local;
            verdict.certificates = {signer_->certificate.fingerprint(), c.fingerprint()};
            return;
        }
        reason = judged.reason;
    }
    verdict.reason = for_good(site_.anchors, mail_.from.domain, reason);
}

Manner Sealing::manner_for(const Address& recipient) const
{
    Manner manner{settings_.outbound_cipher, settings_.outbound_key_transport};
    if (const auto* peer = settings_.peer(recipient.domain)) {
        if (peer->cipher) manner.cipher = *peer->cipher;
        if (peer->key_transport) manner.key_transport = *peer->key_transport;
    }
    return manner;
}

Status Sealing::seal()
{
    if (!result_.any_good()) return Done{};
    TRY(wrapped_, wrap(mail_.message, mail_.from.domain, mail_.now, site_.mime_limits(), mail_.made_id));
    result_.message_id = wrapped_.message_id;
    if (usable_.empty()) return Done{};
    TRY(outer_,
        outer_headers(mail_.message, wrapped_, settings_.outbound_subject, mail_.now, site_.mime_limits()));
    const Pieces entity{wrapped_.own, wrapped_.rest};
    TRY(frame_, sign_entity(entity, *signer_, settings_.outbound_digest, engine_.gate));
    signed_entity_ = {frame_.before, wrapped_.own, wrapped_.rest, frame_.after};
    // Who stands in To and Cc may know of each other; a Bcc recipient is in nobody's envelope but its own.
    std::map<std::string, std::vector<std::size_t>> together;
    std::vector<std::size_t> alone;
    for (const auto& [index, certificates] : usable_) {
        const auto& recipient = result_.verdicts[index].recipient;
        bool visible = std::find(visible_.begin(), visible_.end(), recipient) != visible_.end();
        if (visible)
            together[manner_for(recipient).cipher].push_back(index);
        else
            alone.push_back(index);
    }
    for (const auto& [cipher, members] : together) CHECK(seal_leg(members, {cipher, ""}));
    for (auto index : alone) CHECK(seal_leg({index}, manner_for(result_.verdicts[index].recipient)));
    return Done{};
}

Status Sealing::seal_leg(const std::vector<std::size_t>& members, const Manner& manner)
{
    std::vector<Certificate> certificates;
    EncryptOptions options;
    options.cipher = manner.cipher;
    SealedLeg leg;
    for (auto index : members) {
        const auto& recipient = result_.verdicts[index].recipient;
        auto transport = manner_for(recipient).key_transport;
        for (const auto& c : usable_[index]) {
            if (std::find(certificates.begin(), certificates.end(), c) != certificates.end()) continue;
            certificates.push_back(c);
            options.key_transport.push_back(transport);
        }
        leg.recipients.push_back(recipient);
    }
    TRY(leg.body, encrypt_to(signed_entity_, certificates, options));
    leg.outer = outer_;
    if (!result_.leg)
        result_.leg = std::move(leg);
    else if (mail_.further)
        return mail_.further(std::move(leg));
    return Done{};
}

}  // namespace

std::string SealedLeg::message() const
{
    std::string out;
    out.reserve(outer.size() + body.body.size() + 512);
    out = outer;
    for (const auto& [name, value] : body.headers) out += name + ": " + value + "\r\n";
    out += "\r\n";
    out += body.body;
    return out;
}

bool SealedMail::any_good() const
{
    return std::any_of(verdicts.begin(), verdicts.end(), [](const auto& v) { return !is_refusal(v.reason); });
}

bool SealedMail::any_temporary() const
{
    return std::any_of(verdicts.begin(), verdicts.end(),
                       [](const auto& v) { return is_temporary(v.reason); });
}

Reason SealedMail::overall() const
{
    for (const auto& v : verdicts)
        if (is_temporary(v.reason)) return v.reason;
    for (const auto& v : verdicts)
        if (is_refusal(v.reason)) return v.reason;
    return verdicts.empty() ? Reason::temporary : verdicts.front().reason;
}

SealedMail seal_outbound(const Site& site, Engine& engine, const OutboundMail& mail)
{
    return Sealing(site, engine, mail).run();
}

}  // namespace direct
