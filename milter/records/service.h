// service.h - what pages and directctl may ask of the store: a fixed list of verbs, each with its rights.
//
// The daemon serves it over a Unix socket (server.h); directctl uses the same object in its own process
// when no daemon runs, so there is one implementation of every verb. Replies are JSON. Never in a reply:
// answer, original subject line, pick-up code, content (but where a verb says so). Thread safe.
// Source: configuration manual "Who may touch what"; cli manual.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "milter/base/clock.h"
#include "milter/base/result.h"
#include "milter/store/record_store.h"

namespace direct {

/// Who asks: from the socket's peer credentials, or the process itself.
struct Caller {
    unsigned uid = 0, gid = 0;
    std::string name;    ///< "uid 0 (root)"
    bool admin = false;  ///< root or user direct: may change; group direct: may read
};

/// What only the running daemon can do; empty functions answer "the daemon is not running".
struct DaemonHooks {
    std::function<Status()> reload;
    std::function<std::string()> metrics;
    std::function<void()> wake_outbox;     ///< and who makes notices, and who reads documents
    std::function<std::string()> bundles;  ///< JSON object
    /// JSON object; `who` stands in the audit. Fault: input (no such bundle), or what a reload tells.
    std::function<Result<std::string>(const std::string& name, bool dry_run, const std::string& who)>
        refresh_bundles;
};

struct Reply {
    int exit = 0;             ///< 0 | 1 | 2 | 75, as the commands' exit codes
    std::string json = "{}";  ///< object; {"error":...} when exit is not 0
};

class RecordService {
public:
    RecordService(RecordStore& store, const Clock& clock, DaemonHooks hooks);
    /// @param parameters  JSON object
    Reply handle(const Caller& caller, std::string_view verb, std::string_view parameters);
    /// All verbs, for the manual and tests.
    static std::vector<std::string> verbs();

private:
    RecordStore& store_;
    const Clock& clock_;
    DaemonHooks hooks_;
};

}  // namespace direct
