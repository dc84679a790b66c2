#include "milter/daemon.h"

#include <malloc.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <typeinfo>

#include "milter/audit/refusals.h"
#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/notify/leg.h"
#include "milter/notify/watch.h"
#include "milter/store/lmdb_store.h"

namespace direct {
namespace fs = std::filesystem;

namespace {
constexpr auto notices_kept = std::chrono::hours(24 * 30);
constexpr std::string_view expired = ": expired on ";  // a finding about an anchor that was read
}  // namespace

PoolOptions pool_options(const Settings& settings)
{
    PoolOptions o;
    o.worker = settings.plugins_worker;
    o.plugins = settings.plugins_path;
    std::error_code ignored;
    auto self = fs::read_symlink("/proc/self/exe", ignored).parent_path();
    if (!fs::exists(o.worker, ignored) && fs::exists(self / "direct-parse", ignored)) {
        o.worker = self / "direct-parse";
        if (!fs::is_directory(o.plugins, ignored)) o.plugins = self.parent_path() / "lib/direct/plugins";
    }
    o.children = static_cast<std::size_t>(settings.plugins_children);
    o.budget = settings.plugins_parse_budget;
    o.memory = settings.plugins_memory;
    o.document_max = settings.plugins_document_max;
    o.items_max = static_cast<std::uint64_t>(settings.plugins_items_max);
    return o;
}

Result<std::unique_ptr<Daemon>> Daemon::open(const std::string& config_file)
{
    std::unique_ptr<Daemon> daemon(new Daemon(config_file));
    CHECK(daemon->open_rooms());
    return daemon;
}

void Daemon::tell(const std::vector<std::string>& findings)
{
    for (const auto& finding : findings) LogLine(LOG_WARNING, "", "config").with("what", finding);
}

Status Daemon::open_rooms()
{
    TRY(auto site, load_site(config_file_, clock_.now()));
    const auto& settings = *site->settings;
    tell(site->findings);
    TRY(auto store_key, read_key_file(settings.store_keys + "/store.key"));
    TRY(auto pepper, read_key_file(settings.store_keys + "/pepper.key"));
    StoreOptions options;
    options.path = settings.store_path;
    options.size_max = settings.store_size_max;
    options.inline_max = settings.store_inline_max;
    TRY(store_, open_lmdb_store(options, store_key));
    house_ = std::make_unique<House>(*store_, std::move(pepper), clock_, site);
    read_texts(settings);
    CHECK(open_plugins(settings));
    outbox_ = std::make_unique<OutboxSender>(
        *store_, clock_, [this] { return house_->site()->settings; },
        static_cast<std::size_t>(settings.reinject_connections));
    house_->outbox = outbox_.get();
    notices_ = std::make_unique<NoticeMaker>(*house_);
    house_->notices = notices_.get();
    outbox_->after_hand_over([this] { notices_->wake(); });
    DaemonHooks hooks;
    hooks.reload = [this] { return reload(); };
    hooks.metrics = [] { return metrics_text(); };
    hooks.wake_outbox = [this] { house_->wake(); };
    open_bundles();
    hooks.bundles = [this] { return list_bundles(*house_->site()->settings, clock_.now()); };
    hooks.refresh_bundles = [this](const std::string& name, bool dry_run, const std::string& who) {
        return bundles_->refresh(name, dry_run, who);
    };
    service_ = std::make_unique<RecordService>(*store_, clock_, std::move(hooks));
    TRY(control_, ControlServer::start(settings.control_socket, *service_));
    caretaker_ = std::thread([this] { look_after(); });
    house_->wake();  // what an earlier run left
    return Done{};
}

/// Words that are missing or broken are told as an error; English of the program's own stands in for them.
void Daemon::read_texts(const Settings& settings)
{
    auto texts = NoticeTexts::load(settings);
    for (const auto& fault : texts->faults()) LogLine(LOG_ERR, "", "config").with("notice-words", fault);
    house_->use_texts(std::move(texts));
}

Status Daemon::open_plugins(const Settings& settings)
{
    // Without parsers mail still flows: attachments wait in the store until the parsers are back.
    auto pool = WorkerPool::start(pool_options(settings));
    if (!pool) {
        LogLine(LOG_ERR, "", "child").with("what", pool.error().why);
        return Done{};
    }
    pool_ = std::move(*pool);
    hand_over_ = std::make_unique<HandOver>(*store_, *pool_, clock_,
                                            static_cast<std::size_t>(settings.plugins_children));
    house_->hand_over = hand_over_.get();
    return Done{};
}

void Daemon::tidy()
{
    auto now = clock_.now();
    if (auto swept = store_->sweep(now.time_since_epoch().count()); !swept)
        LogLine(LOG_WARNING, "", "store").with("what", swept.error().why);
    const auto expired = expire_items(*store_, now);
    if (!expired) LogLine(LOG_WARNING, "", "store").with("what", expired.error().why);
    if (hand_over_ && (!expired || *expired))
        hand_over_->wake();  // a document that said the same may have to be read for its items
    // A notice, report or repeat later than this is a stranger's.
    if (auto swept = sweep_settled(*store_, now - notices_kept); !swept)
        LogLine(LOG_WARNING, "", "store").with("what", swept.error().why);
    if (auto swept = sweep_legs(*store_, now - notices_kept); !swept)
        LogLine(LOG_WARNING, "", "store").with("what", swept.error().why);
    if (auto swept = sweep_watch(*store_, now - notices_kept); !swept)
        LogLine(LOG_WARNING, "", "store").with("what", swept.error().why);
}

/// Ten thousand keys and anchors take seconds to read; mail does not wait for them. What is wrong with one of them is
/// told here, or when mail needs it first.
void Daemon::read_the_rest()
{
    try {
        auto site = house_->site();
        tell(site->read_all([this] {
            std::lock_guard lock(mutex_);
            return !stopping_;
        }));
    } catch (const std::exception& e) {
        LogLine(LOG_CRIT, "", "unexpected").with("what", typeid(e).name());
    }
}

void Daemon::open_bundles()
{
    BundleKeeper::Hooks hooks;
    hooks.fetch = [this](const BundleSettings& bundle, const BundleState& known) {
        return fetch_over_http(fetch_options_of(*house_->site()->settings))(bundle, known);
    };
    hooks.settings = [this] { return house_->site()->settings; };
    hooks.take_over = [this] { take_bundles_over(); };
    hooks.in_use = [this](const std::string& name) {
        for (const auto& b : house_->site()->bundles)
            if (b.name == name && b.bundle) return b.bundle->digest;
        return std::string();
    };
    hooks.clock_is_right = [this] { return house_->clock_watch.check().has_value(); };
    bundles_ = std::make_unique<BundleKeeper>(*store_, clock_, std::move(hooks));
}

void Daemon::take_bundles_over()
{
    std::lock_guard one_at_a_time(reloading_);
    auto site = with_new_trust(house_->site(), clock_.now());
    tell(site->anchors.findings());
    tell(site->findings);
    house_->take_over(std::move(site));
    LogLine(LOG_INFO, "", "reload").with("taken", "bundles");
}

void Daemon::look_after()
{
    read_the_rest();
    constexpr int minutes_of_tidying = 60;
    // Not at once: a clock that was wrong when the machine came up is set right, and seen to jump, before that.
    for (int minute = 1;; minute = (minute + 1) % minutes_of_tidying) {
        try {
            // By a clock that is wrong nothing is deleted.
            bool believed = house_->clock_watch.check().has_value();
            if (minute == 0 && believed) tidy();
            if (auto told = believed ? tell_refusals(*store_, clock_.now()) : Status(Done{}); !told)
                LogLine(LOG_WARNING, "", "store").with("what", told.error().why);
            malloc_trim(
                0);  // pages free inside the heaps: they grew with each new peak, and only their ends shrink
            if (!hand_over_ && minute > 0) static_cast<void>(open_plugins(*house_->site()->settings));
        } catch (const std::exception& e) {
            LogLine(LOG_CRIT, "", "unexpected").with("what", typeid(e).name());
        }
        std::unique_lock lock(mutex_);
        if (wake_.wait_for(lock, std::chrono::minutes(1), [this] { return stopping_; })) return;
    }
}

// A key that was there and cannot be read now (half renewed, wrong rights) would turn mail away for good.
Status Daemon::keeps_our_keys(const Site& before, const Site& after)
{
    const auto findings = after.keys.findings();
    if (findings.empty()) return Done{};
    std::set<std::string> kept;
    for (const auto* key : after.keys.all()) kept.insert(key->name);
    for (const auto* old : before.keys.all())
        if (!kept.contains(old->name))
            return fail(
                misconfigured("no key of " + old->name + " can be read any more: " + findings.front()));
    return Done{};
}

namespace {

// "PATH: why" about the file itself or a folder above it. That an anchor has expired is no trouble of reading.
bool is_about(const std::string& finding, const std::string& file)
{
    auto path = finding.substr(0, finding.find(": "));
    return (file == path || file.starts_with(path + "/")) && finding.find(expired) == std::string::npos;
}

}  // namespace

// The same for an anchor: without it mail that was trusted would be refused for good. An anchor whose file has
// gone was taken away on purpose.
Status Daemon::keeps_anchors(const Site& before, const Site& after)
{
    std::set<std::string> read;
    for (const auto& row : after.anchors.rows()) read.insert(row.file);
    for (const auto& old : before.anchors.rows()) {
        if (read.contains(old.file)) continue;
        for (const auto& finding : after.anchors.findings())
            if (is_about(finding, old.file))
                return fail(misconfigured("an anchor cannot be read any more: " + finding));
    }
    return Done{};
}

Status Daemon::reload()
{
    std::lock_guard one_at_a_time(reloading_);
    auto site = load_site(config_file_, clock_.now());
    std::vector<std::string> findings;
    if (site) {
        // Before it is taken over: what is wrong must be known while the old site still works.
        findings = (*site)->read_all();
        if (auto kept = keeps_our_keys(*house_->site(), **site); !kept) site = fail(kept.error());
    }
    if (site)
        if (auto kept = keeps_anchors(*house_->site(), **site); !kept) site = fail(kept.error());
    if (!site) {
        count(Metric::reload_failures_total);
        LogLine(LOG_ERR, "", "reload").with("taken", "no").with("what", site.error().why);
        return fail(site.error());
    }
    for (const auto& name : needs_restart(*house_->site()->settings, *(*site)->settings))
        LogLine(LOG_WARNING, "", "reload").with("needs-restart", name);
    tell(findings);
    tell((*site)->findings);
    resize_store(*store_, (*site)->settings->store_size_max);
    house_->clock_watch.believe();
    house_->take_over(std::move(*site));
    if (bundles_) bundles_->wake();
    read_texts(*house_->site()->settings);
    count(Metric::reloads_total);
    LogLine(LOG_INFO, "", "reload").with("taken", "yes");
    return Done{};
}

Daemon::~Daemon()
{
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (caretaker_.joinable()) caretaker_.join();
    control_.reset();
    // They wake each other: both have ended before either goes.
    if (outbox_) outbox_->stop();
    if (notices_) notices_->stop();
    bundles_.reset();
    if (house_) {
        house_->outbox = nullptr;
        house_->hand_over = nullptr;
        house_->notices = nullptr;
    }
    outbox_.reset();
    notices_.reset();
    hand_over_.reset();
    pool_.reset();
    service_.reset();
    house_.reset();
    store_.reset();
}

}  // namespace direct
