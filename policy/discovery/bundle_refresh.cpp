// bundle_refresh.cpp - see bundle_refresh.h.
#include "policy/discovery/bundle_refresh.h"

#include <algorithm>
#include <iterator>

#include "milter/base/crypto.h"
#include "milter/base/text.h"
#include "policy/discovery/fetch.h"

namespace direct {
namespace {

Result<std::vector<Certificate>> signers_of(const BundleSettings& settings)
{
    if (settings.signer.empty()) return std::vector<Certificate>();
    return load_certificates(settings.signer);
}

Result<Bundle> read_as_configured(std::string_view bytes, const BundleSettings& settings, Time now)
{
    TRY(auto signers, signers_of(settings));
    return read_bundle(bytes, signers, now);
}

std::vector<Certificate> sorted(const std::optional<Bundle>& bundle)
{
    auto out = bundle ? bundle->anchors : std::vector<Certificate>();
    std::sort(out.begin(), out.end());
    return out;
}

void compare(BundleRefresh& r)
{
    auto before = sorted(r.before.bundle), after = sorted(r.after.bundle);
    std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(r.come));
    std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(r.go));
}

}  // namespace

BundleFetch fetch_over_http(FetchOptions options)
{
    options.bytes_max = std::min<std::size_t>(options.bytes_max, BundleLimits().bytes);
    auto fetcher = std::make_shared<const Fetcher>(options);
    return [fetcher](const BundleSettings& bundle, const BundleState& known) -> Result<BundleAnswer> {
        FetchRequest request;
        request.url = bundle.url;
        request.etag = known.etag;
        request.last_modified = known.last_modified;
        Budget budget{std::chrono::steady_clock::now() + fetcher->options().total_timeout};
        TRY(auto answer, fetcher->fetch(request, budget));
        return BundleAnswer{answer.not_modified, std::move(answer.body), answer.etag, answer.last_modified};
    };
}

BundleNow bundle_now(const BundleFiles& files, const BundleSettings& settings, Time now)
{
    BundleNow out;
    out.name = settings.name;
    auto kept = files.read(settings.name);
    if (!kept) {
        out.why = kept.error().why;
        return out;
    }
    if (*kept) out.state = (*kept)->state;
    if (out.state.digest.empty()) {
        out.why = "never loaded" + (out.state.trouble.empty() ? "" : " (" + out.state.trouble + ")");
        return out;
    }
    if (out.state.url != settings.url) {
        out.why = "never loaded from " + settings.url;
        return out;
    }
    auto read = read_as_configured((*kept)->bytes, settings, now);
    if (read)
        out.bundle = *std::move(read);
    else
        out.why = "the copy at hand is not used: " + read.error().why;
    return out;
}

bool is_stale(const BundleNow& bundle, milliseconds limit, Time now)
{
    constexpr auto clock_step = std::chrono::minutes(10);  // clocks are set right by so much
    return !bundle.bundle || now - bundle.state.checked > limit || bundle.state.checked > now + clock_step;
}

milliseconds stale_after(const Settings& settings, const BundleSettings& bundle)
{
    return std::max<milliseconds>(settings.policy_bundle_stale, 2 * bundle.refresh);
}

BundleRefresh fetch_bundle(const BundleFetch& fetch, const BundleFiles& files, const BundleSettings& settings,
                           Time now)
{
    BundleRefresh out;
    out.before = bundle_now(files, settings, now);
    out.after = out.before;
    auto& state = out.after.state;
    state.tried = now;
    // Without a copy that may be used, "not modified" would be no answer.
    BundleState known = out.before.bundle ? out.before.state : BundleState();
    auto answer = fetch(settings, known);
    if (!answer) {
        out.why = state.trouble = answer.error().why;
        return out;
    }
    bool asked_for_change = !known.etag.empty() || !known.last_modified.empty();
    bool same = answer->not_modified && asked_for_change;
    if (!same && out.before.bundle) same = hex(sha256(answer->body)) == known.digest;
    if (answer->not_modified && !same) {
        out.why = state.trouble = settings.url + ": answers \"not modified\" unasked";
        return out;
    }
    if (!same) {
        auto read = read_as_configured(answer->body, settings, now);
        if (!read) {
            out.why = state.trouble = settings.url + ": " + read.error().why;
            return out;
        }
        out.after.bundle = *std::move(read);
        out.after.why.clear();
        out.bytes = std::move(answer->body);
        state.url = settings.url;
        state.digest = out.after.bundle->digest;
        state.loaded = now;
        compare(out);
    }
    if (!answer->not_modified) {
        state.etag = answer->etag;
        state.last_modified = answer->last_modified;
    }
    state.checked = now;
    state.trouble.clear();
    out.outcome = same ? BundleRefresh::Outcome::unchanged : BundleRefresh::Outcome::changed;
    return out;
}

Status keep_bundle(const BundleFiles& files, const BundleRefresh& refresh)
{
    KeptBundle kept{refresh.after.state, refresh.bytes};
    if (refresh.outcome != BundleRefresh::Outcome::changed) {
        auto read = files.read(refresh.after.name);
        if (!read) return Done{};  // what cannot be read is not written over: it may be good in a minute
        auto old = *std::move(read);
        if (!old) old.emplace();  // never loaded: only when it was tried, and what was wrong
        kept.bytes = std::move(old->bytes);
        // What could not be read a moment ago is not written over with what was known of it then.
        if (refresh.outcome == BundleRefresh::Outcome::failed) {
            kept.state = std::move(old->state);
            kept.state.tried = refresh.after.state.tried;
            kept.state.trouble = refresh.after.state.trouble;
        }
    }
    return files.write(refresh.after.name, kept);
}

const char* word_of(BundleRefresh::Outcome outcome)
{
    switch (outcome) {
        case BundleRefresh::Outcome::changed:
            return "changed";
        case BundleRefresh::Outcome::unchanged:
            return "unchanged";
        case BundleRefresh::Outcome::failed:
            return "failed";
    }
    return "failed";
}

}  // namespace direct
