// access.h - how a command reaches store, keys and daemon, and as whom.
#pragma once
#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "milter/ctl/context.h"
#include "milter/store/record_store.h"

namespace direct::ctl {

/// Started as root, becomes the user who owns store.path, for good: supplementary groups, group and user.
/// Stays who it is when not root, or when the store belongs to root (a trial). Fault: configuration.
Status become_store_owner(const Settings& settings);

/// Opens the store (store.key is read), without the daemon's committer. Fault: configuration, temporary.
Result<std::unique_ptr<RecordStore>> open_store(const Settings& settings, bool create);

/// Asks the daemon when it runs; otherwise does the same in this process, as the store's owner. Reaching the
/// daemon comes before any change of user, so that it sees who really asks.
class House {
public:
    House(const Common& common, SettingsPtr settings) : common_(common), settings_(std::move(settings)) {}
    bool daemon_runs();
    /// @param parameters  JSON object
    Result<Reply> ask(std::string_view verb, const std::string& parameters);

private:
    Status open();
    const Common& common_;
    SettingsPtr settings_;
    bool asked_ = false, daemon_ = false;
    FixedClock clock_{Time{}};
    std::unique_ptr<RecordStore> store_;
    std::unique_ptr<RecordService> service_;
};

/// Runs `work` as the store's owner: in a child when that is another user, so that this process keeps its rights.
/// What the child prints is seen. Fault: temporary, configuration (`work` returned another exit code than 0).
Status as_store_owner(const Settings& settings, const std::function<int()>& work);

/// The same, with the exit code of `work` as it is. Fault: temporary (no child could be made).
Result<int> exit_as_store_owner(const Settings& settings, const std::function<int()>& work);

/// One audit entry of what a command does. With the daemon stopped it is written by a child process that
/// has become the store's owner, so that this one keeps the rights it needs to go on.
struct Note {
    std::string event, detail, sender, recipient, message_id, token = "ok";
    std::vector<std::string> certificates;
};
Status write_note(const Common& common, const SettingsPtr& settings, const Note& note);

/// Makes the store of a new site, with one audit entry, as the owner of its folder.
Status make_store(const Common& common, const SettingsPtr& settings, const std::string& detail);

}  // namespace direct::ctl
