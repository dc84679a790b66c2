// revocation_lookup.cpp - see revocation_lookup.h.
#include "policy/discovery/revocation_lookup.h"

#include <algorithm>

#include "milter/base/crypto.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "policy/lru_shards.h"
#include "policy/trust/crl.h"
#include "policy/trust/ocsp.h"

namespace direct {
namespace {

// Asked for anew after that time, whatever the data promises: a revocation is not seen later.
constexpr auto recheck = std::chrono::hours(4);
// Not sooner than this, whatever the server says: not every message shall cost a request.
constexpr auto recheck_min = std::chrono::minutes(5);
constexpr std::size_t ocsp_bytes_max = 1024 * 1024;
constexpr std::size_t nonce_size = 16;
// A parsed list takes about 80 bytes an entry; a list of 100000 is 8 MB.
constexpr std::size_t lists_kept = 64;
constexpr std::size_t answers_kept = 8192;

struct KeptList {
    std::string name, digest;
    Crl list;
    Time fresh_until{};
    std::string_view key() const { return name; }
};

struct KeptAnswer {
    std::string name, digest;
    RevocationFact fact;
    Time fresh_until{};
    std::string_view key() const { return name; }
};

/// When data that ends at `end` is asked for anew. A server that has nothing newer is not asked all the time.
Time next_check(Time now, Time end, std::optional<Time> offered)
{
    Time at = std::min<Time>(now + recheck, end);
    if (offered) at = std::min(at, *offered);
    return std::max<Time>(at, now + recheck_min);
}

}  // namespace

struct RevocationLookup::State {
    explicit State(FetchCache& the_cache) : cache(the_cache) {}
    FetchCache& cache;
    LruShards<KeptList> lists{lists_kept};
    LruShards<KeptAnswer> answers{answers_kept};

    Result<KeptList> list(const std::string& url, const Certificate& issuer, const LookupContext& context);
    Result<KeptAnswer> answer(const std::string& url, const Certificate& certificate,
                              const Certificate& issuer, const LookupContext& context);
};

RevocationLookup::RevocationLookup(FetchCache& cache) : state_(std::make_unique<State>(cache)) {}
RevocationLookup::~RevocationLookup() = default;

Result<KeptList> RevocationLookup::State::list(const std::string& url, const Certificate& issuer,
                                               const LookupContext& context)
{
    // Whose signature has been looked at belongs to what is kept: another issuer may name the same URL.
    std::string name = issuer.fingerprint() + " " + url;
    auto kept = lists.find(name);
    if (kept && context.now < kept->fresh_until) {
        count(Metric::fetch_cache_hits_total);
        return *std::move(kept);
    }
    std::optional<Crl> read;
    FetchCache::Question question;
    question.name = "crl " + name;
    question.request.url = url;
    if (kept) question.known_digest = kept->digest;
    question.judge = [&](std::string_view body, std::optional<Time> offered) -> Result<Time> {
        TRY(Crl one, Crl::read(body, issuer));
        // An outdated list in place of a newer one: whoever stands between would hide what came since.
        if (kept && one.this_update() < kept->list.this_update())
            return fail(refuse(Reason::malformed, "revocation list: older than the one at hand"));
        if (one.this_update() > context.now + revocation_clock_skew)
            return fail(refuse(Reason::malformed, "revocation list: dated in the future"));
        // One that has ended long ago still says who was revoked by then; Weighing believes it in nothing else.
        Time until = next_check(context.now, one.next_update(), offered);
        read = std::move(one);
        return until;
    };
    auto copy = cache.get(question, context);
    if (!copy && kept) return *std::move(kept);
    if (!copy) return fail(std::move(copy).error());
    if (!read && copy->body) {
        TRY(Crl one, Crl::read(*copy->body, issuer));
        read = std::move(one);
    }
    if (!read && !kept) return fail(temporary(url + ": nothing to read"));
    KeptList out{std::move(name), copy->digest, read ? *read : kept->list, copy->fresh_until};
    if (copy->stale) out.fresh_until = context.now;
    lists.put(out);
    return out;
}

Result<KeptAnswer> RevocationLookup::State::answer(const std::string& url, const Certificate& certificate,
                                                   const Certificate& issuer, const LookupContext& context)
{
    std::string name = issuer.fingerprint() + " " + certificate.fingerprint() + " " + url;
    auto kept = answers.find(name);
    if (kept && context.now < kept->fresh_until) {
        count(Metric::fetch_cache_hits_total);
        return *std::move(kept);
    }
    const std::string nonce = random_bytes(nonce_size);
    std::optional<RevocationFact> read;
    FetchCache::Question question;
    question.name = "ocsp " + name;
    question.request.url = url;
    question.request.bytes_max = ocsp_bytes_max;
    question.request.body_type = "application/ocsp-request";
    if (kept) question.known_digest = kept->digest;
    TRY(question.request.body, ocsp_request(certificate, issuer, nonce));
    question.judge = [&](std::string_view body, std::optional<Time> offered) -> Result<Time> {
        TRY(RevocationFact one, read_ocsp(body, certificate, issuer, context.now, nonce));
        Time until = next_check(context.now, one.until, offered);
        read = std::move(one);
        return until;
    };
    auto copy = cache.get(question, context);
    if (!copy && kept) return *std::move(kept);
    if (!copy) return fail(std::move(copy).error());
    if (!read && copy->body) {
        TRY(RevocationFact one, read_ocsp(*copy->body, certificate, issuer, context.now));
        read = std::move(one);
    }
    if (!read && !kept) return fail(temporary(url + ": nothing to read"));
    KeptAnswer out{std::move(name), copy->digest, read ? *read : kept->fact, copy->fresh_until};
    if (copy->stale) out.fresh_until = context.now;
    answers.put(out);
    return out;
}

namespace {

/// Weighs what the places of one certificate say, in the order they are asked.
class Weighing {
public:
    explicit Weighing(const LookupContext& context) : context_(context) {}

    /// True: this decides, nobody else need be asked.
    bool add(const std::string& url, const RevocationFact& fact, Time fresh_until)
    {
        if (fact.state == RevocationFact::revoked) {
            out_ = {Revocation::revoked, fact.why + ", says " + url, fresh_until};
            return true;
        }
        if (fact.state == RevocationFact::unknown) {
            tell(url + ": " + fact.why);
            return false;
        }
        if (context_.now < fact.until) {
            // A server that is down now is asked again after its pause, not after the data's end.
            Time again = fresh_until > context_.now ? fresh_until : context_.now + context_.failure_pause;
            out_ = {Revocation::good, "", std::min(again, fact.until)};
            return true;
        }
        std::string ended = url + ": the last data had ended on " + iso8601(fact.until);
        if (context_.now < fact.until + context_.grace) {
            out_ = {Revocation::good, ended + ", within policy.revocation_grace", context_.now};
        } else {
            tell(ended);
        }
        return false;
    }
    void tell(std::string why)
    {
        if (!why_.empty()) why_ += "; ";
        why_ += why;
    }
    RevocationAnswer take(bool asked)
    {
        if (out_.state != Revocation::unknown) return std::move(out_);
        count(Metric::revocation_unknown_total);
        out_.why = std::move(why_);
        if (!asked) {
            out_.why =
                "the certificate names no place to ask" + (out_.why.empty() ? "" : " (" + out_.why + ")");
            out_.fresh_until = Time::max();
        }
        return std::move(out_);
    }

private:
    const LookupContext& context_;
    RevocationAnswer out_;
    std::string why_;
};

}  // namespace

RevocationAnswer RevocationLookup::find(const Certificate& certificate, const Certificate& issuer,
                                        const LookupContext& context)
{
    const auto places = revocation_places(certificate);
    Weighing weighing(context);
    for (const auto& note : places.notes) weighing.tell(note);
    for (const auto& url : places.responders) {
        auto answer = state_->answer(url, certificate, issuer, context);
        if (!answer)
            weighing.tell(answer.error().why);
        else if (weighing.add(url, answer->fact, answer->fresh_until))
            return weighing.take(true);
    }
    for (const auto& point : places.lists)
        for (const auto& url : point.urls) {
            auto list = state_->list(url, issuer, context);
            if (!list) {
                weighing.tell(list.error().why);
                continue;
            }
            auto fact = list->list.find(certificate, context.now, point.some_reasons);
            if (weighing.add(url, fact, list->fresh_until)) return weighing.take(true);
            break;  // the other names of a point stand for the same list
        }
    return weighing.take(!places.responders.empty() || !places.lists.empty());
}

}  // namespace direct
