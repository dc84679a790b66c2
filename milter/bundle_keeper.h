// bundle_keeper.h - keeps the trust bundles fresh: each at its own interval with some jitter, or when an
// administrator asks. A change is written down first and taken over at once; on every error the last good copy
// stays. Tells the log, the metrics and the audit. Thread safe.
// Source: requirements H4, H5.
#pragma once
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "milter/audit/audit.h"
#include "milter/base/clock.h"
#include "milter/sta/bundle_report.h"
#include "milter/store/record_store.h"
#include "policy/discovery/bundle_refresh.h"

namespace direct {

class BundleKeeper {
public:
    struct Hooks {
        BundleFetch fetch;
        std::function<std::shared_ptr<const Settings>()> settings;  ///< as they are now
        std::function<void()> take_over;                            ///< read the bundles again
        std::function<std::string(const std::string&)>
            in_use;  ///< digest of a bundle as mail sees it; "" = absent
        std::function<bool()> clock_is_right = [] { return true; };
    };
    BundleKeeper(RecordStore& store, const Clock& clock, Hooks hooks);
    ~BundleKeeper();  ///< waits for a fetch under way, at most fetch.timeout

    /// The settings may have changed: due times are made anew.
    void wake();
    /// As refresh_bundles, taken over when something changed. `who` stands in the audit.
    Result<std::string> refresh(const std::string& name, bool dry_run, const std::string& who);

private:
    void run();
    /// Refreshes what is due; how long until the next. `anew`: the settings may be others.
    milliseconds look_after(bool anew);
    bool refresh_one(const Settings& settings, const BundleSettings& bundle);
    void after(const BundleRefresh& refresh, const std::string& who);
    bool is_news(const BundleRefresh& refresh) const;
    void tell(const BundleRefresh& refresh);
    void tell_stale(const Settings& settings);

    RecordStore& store_;
    const Clock& clock_;
    Hooks hooks_;
    std::mutex working_;  ///< one refresh at a time
    struct Watched {
        BundleState state;
        Time due{}, told_stale{};
    };
    std::map<std::string, Watched> watched_;  ///< by name; under working_
    std::mutex mutex_;                        ///< the two below
    std::condition_variable wake_;
    bool stopping_ = false, woken_ = false;
    std::thread thread_;
};

}  // namespace direct
