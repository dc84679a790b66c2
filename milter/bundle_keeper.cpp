// bundle_keeper.cpp - see bundle_keeper.h.
#include "milter/bundle_keeper.h"

#include <syslog.h>

#include <algorithm>
#include <utility>

#include "milter/base/crypto.h"
#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"

namespace direct {
namespace {

constexpr milliseconds retry_after_failure{10 * 60 * 1000};  // a server that is down is back within the hour
constexpr milliseconds longest_sleep{60 * 1000};             // the wall clock may jump
constexpr milliseconds stale_again{24 * 3600 * 1000};        // told once a day while it lasts
constexpr std::size_t lines_max = 20;                        // anchors named one by one in the log

/// Between nine and eleven tenths, so that many sites do not ask one server at one moment.
milliseconds jittered(milliseconds interval)
{
    auto bytes = random_bytes(2);
    auto r = (static_cast<unsigned char>(bytes[0]) << 8 | static_cast<unsigned char>(bytes[1])) % 201;
    return interval * (900 + r) / 1000;
}

AuditEntry audit_of(const BundleRefresh& refresh, const std::string& who, Time now)
{
    AuditEntry e;
    e.at = now;
    e.event = "bundle";
    e.who = who;
    e.from_host = "local";
    e.token = "ok";
    e.detail = summary_of(refresh);
    e.certificates = fingerprints_of(refresh);
    return e;
}

}  // namespace

BundleKeeper::BundleKeeper(RecordStore& store, const Clock& clock, Hooks hooks)
    : store_(store), clock_(clock), hooks_(std::move(hooks)), thread_([this] { run(); })
{
}

BundleKeeper::~BundleKeeper()
{
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void BundleKeeper::wake()
{
    {
        std::lock_guard lock(mutex_);
        woken_ = true;
    }
    wake_.notify_all();
}

void BundleKeeper::run()
{
    bool anew = true;
    for (;;) {
        milliseconds pause = longest_sleep;
        // Border: what a library throws costs this round only.
        try {
            pause = look_after(anew);
        } catch (const std::exception& e) {
            LogLine(LOG_CRIT, "", "unexpected").with("where", "bundles").with("what", e.what());
        }
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, pause, [this] { return stopping_ || woken_; });
        if (stopping_) return;
        anew = std::exchange(woken_, false);
    }
}

milliseconds BundleKeeper::look_after(bool anew)
{
    std::lock_guard one_at_a_time(working_);
    auto settings = hooks_.settings();
    milliseconds pause = longest_sleep;
    // Anchors would look expired, and stay out after the clock is right again.
    if (!hooks_.clock_is_right()) return pause;
    if (anew) watched_.clear();
    for (const auto& b : settings->bundles) {
        {
            std::lock_guard lock(mutex_);
            if (stopping_) return pause;
        }
        auto now = clock_.now();
        auto [found, fresh] = watched_.try_emplace(b.name);
        auto& w = found->second;
        if (fresh) {
            auto kept = bundle_now(BundleFiles(settings->store_path), b, now);
            w.state = kept.state;
            // Neither a restart nor a reload asks again what was asked a moment ago; a copy that is not fit for
            // the configuration (another server, another signer) is as good as none.
            w.due = kept.bundle ? kept.state.checked + jittered(b.refresh) : now;
        }
        w.due = std::min(w.due, now + b.refresh * 11 / 10);  // a clock that was wrong holds nothing up
        if (w.due <= now) {
            bool good = refresh_one(*settings, b);
            w.due = clock_.now() + jittered(good ? b.refresh : std::min(b.refresh, retry_after_failure));
        }
        pause = std::min(pause, std::max(milliseconds(50), w.due - clock_.now()));
    }
    tell_stale(*settings);
    return pause;
}

bool BundleKeeper::refresh_one(const Settings& settings, const BundleSettings& bundle)
{
    BundleFiles files(settings.store_path);
    auto refresh = fetch_bundle(hooks_.fetch, files, bundle, clock_.now());
    if (auto kept = keep_bundle(files, refresh); !kept) {
        refresh.outcome = BundleRefresh::Outcome::failed;
        refresh.why = kept.error().why;
    }
    after(refresh, "direct-milter");
    if (is_news(refresh)) hooks_.take_over();
    return refresh.outcome != BundleRefresh::Outcome::failed;
}

/// What lies in the file now is not what mail is judged by: also when somebody else wrote it, or when it could not be
/// read at the time.
bool BundleKeeper::is_news(const BundleRefresh& refresh) const
{
    const bool failed = refresh.outcome == BundleRefresh::Outcome::failed;
    const auto& kept = failed ? refresh.before : refresh.after;
    return (kept.bundle ? kept.bundle->digest : "") != hooks_.in_use(kept.name);
}

void BundleKeeper::after(const BundleRefresh& refresh, const std::string& who)
{
    auto& w = watched_[refresh.after.name];
    // What could not be written down has not happened.
    w.state = refresh.outcome == BundleRefresh::Outcome::failed ? refresh.before.state : refresh.after.state;
    if (refresh.outcome == BundleRefresh::Outcome::failed) w.state.trouble = refresh.why;
    tell(refresh);
    if (refresh.outcome != BundleRefresh::Outcome::changed) return;
    if (auto audited = audit_now(store_, audit_of(refresh, who, clock_.now())); !audited)
        LogLine(LOG_WARNING, "", "store").with("what", audited.error().why);
}

void BundleKeeper::tell(const BundleRefresh& refresh)
{
    if (refresh.outcome == BundleRefresh::Outcome::failed) {
        count(Metric::bundle_failures_total);
        LogLine(LOG_WARNING, "", "bundle")
            .with("name", refresh.after.name)
            .with("outcome", "failed")
            .with("why", refresh.why)
            .with("in-use", refresh.before.bundle ? "last good copy" : "nothing");
        return;
    }
    if (refresh.outcome == BundleRefresh::Outcome::unchanged) return;
    count(Metric::bundle_changes_total);
    LogLine(LOG_INFO, "", "bundle")
        .with("name", refresh.after.name)
        .with("outcome", "changed")
        .with("come", static_cast<std::int64_t>(refresh.come.size()))
        .with("go", static_cast<std::int64_t>(refresh.go.size()))
        .with("anchors", static_cast<std::int64_t>(refresh.after.bundle->anchors.size()));
    std::size_t lines = 0;
    for (const auto* list : {&refresh.come, &refresh.go})
        for (const auto& c : *list)
            if (lines++ < lines_max)
                LogLine(LOG_INFO, "", "bundle")
                    .with("name", refresh.after.name)
                    .with(list == &refresh.come ? "come" : "go", c.subject())
                    .with("fingerprint", c.fingerprint());
}

void BundleKeeper::tell_stale(const Settings& settings)
{
    auto now = clock_.now();
    std::int64_t stale = 0;
    for (const auto& b : settings.bundles) {
        auto& w = watched_[b.name];
        bool loaded = w.state.url == b.url && !w.state.digest.empty() && !hooks_.in_use(b.name).empty();
        if (loaded && now - w.state.checked <= stale_after(settings, b)) {
            w.told_stale = Time{};
            continue;
        }
        ++stale;
        if (now - w.told_stale < stale_again) continue;
        w.told_stale = now;
        LogLine(LOG_ERR, "", "bundle")
            .with("name", b.name)
            .with("outcome", "stale")
            .with("checked", loaded ? iso8601(w.state.checked) : "never")
            .with("why", w.state.trouble);
    }
    set_gauge(Metric::bundles_stale, stale);
}

Result<std::string> BundleKeeper::refresh(const std::string& name, bool dry_run, const std::string& who)
{
    std::lock_guard one_at_a_time(working_);
    auto settings = hooks_.settings();
    return refresh_bundles(*settings, hooks_.fetch, name, dry_run, clock_.now(), [&](const auto& refresh) {
        if (dry_run) return;
        after(refresh, who);
        if (is_news(refresh)) hooks_.take_over();
    });
}

}  // namespace direct
