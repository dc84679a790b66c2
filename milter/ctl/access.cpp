// access.cpp - see access.h. The only fork of the project: one thread, no store open, no OpenSSL state yet.
#include "milter/ctl/access.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>

#include "milter/audit/audit.h"
#include "milter/records/server.h"
#include "milter/store/lmdb_store.h"

namespace direct::ctl {
namespace {

std::string error_text()
{
    return std::generic_category().message(errno);
}

std::string to_parameters(const Note& note)
{
    nlohmann::json p = {{"event", note.event},
                        {"detail", note.detail},
                        {"sender", note.sender},
                        {"recipient", note.recipient},
                        {"message_id", note.message_id},
                        {"token", note.token},
                        {"certificates", note.certificates}};
    return p.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Status as_status(const Reply& reply)
{
    if (reply.exit == 0) return Done{};
    auto json = nlohmann::json::parse(reply.json, nullptr, false);
    auto detail = json.is_object() ? json.value("detail", "") : "";
    auto why = "the audit entry could not be written: " + detail;
    if (reply.exit == 2) return fail(misconfigured(why));
    return fail(reply.exit == 1 ? refuse(Reason::policy, why) : temporary(why));
}

bool must_change_user(const Settings& settings)
{
    struct stat s {};
    return geteuid() == 0 && stat(settings.store_path.c_str(), &s) == 0 && s.st_uid != 0;
}

/// Runs `work` in a child; its exit code.
Result<int> exit_of_child(const std::function<int()>& work)
{
    std::fflush(nullptr);
    pid_t child = fork();
    if (child < 0) return fail(temporary("fork: " + error_text()));
    if (child == 0) {
        int exit = later;
        try {
            exit = work();
        } catch (const std::exception& e) {
            std::fprintf(stderr, "directctl: %s\n", e.what());
        }
        std::fflush(nullptr);
        _exit(exit);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return fail(temporary("waitpid: " + error_text()));
    return WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(later);
}

/// The same; its fault comes back by exit code and standard error.
Status in_child(const std::function<int()>& work)
{
    TRY(const int exit, exit_of_child(work));
    if (exit == done) return Done{};
    auto why = "the store could not be used as its owner";
    return fail(exit == later ? temporary(why) : misconfigured(why));
}

}  // namespace

Status become_store_owner(const Settings& settings)
{
    struct stat s {};
    if (!must_change_user(settings) || stat(settings.store_path.c_str(), &s) != 0) return Done{};
    const passwd* user = getpwuid(s.st_uid);
    if (!user) return fail(misconfigured(settings.store_path + " belongs to a user without a name"));
    if (initgroups(user->pw_name, user->pw_gid) != 0 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
        return fail(misconfigured(std::string("cannot become ") + user->pw_name + ": " + error_text()));
    return Done{};
}

Result<std::unique_ptr<RecordStore>> open_store(const Settings& settings, bool create)
{
    TRY(auto key, read_key_file(settings.store_keys + "/store.key"));
    StoreOptions options;
    options.path = settings.store_path;
    options.size_max = settings.store_size_max;
    options.inline_max = settings.store_inline_max;
    options.map_start = std::min<std::uint64_t>(options.map_start, settings.store_size_max);
    options.create = create;
    options.committer = false;
    return open_lmdb_store(options, key);
}

bool House::daemon_runs()
{
    if (!asked_) daemon_ = direct::daemon_runs(settings_->control_socket);
    asked_ = true;
    return daemon_;
}

Status House::open()
{
    if (service_) return Done{};
    CHECK(become_store_owner(*settings_));
    TRY(store_, open_store(*settings_, false));
    clock_.set(common_.now);
    service_ = std::make_unique<RecordService>(*store_, clock_, DaemonHooks{});
    return Done{};
}

Result<Reply> House::ask(std::string_view verb, const std::string& parameters)
{
    if (daemon_runs())
        return ask_daemon(settings_->control_socket, verb, parameters, std::chrono::minutes(5));
    CHECK(open());
    return service_->handle(common_.caller, verb, parameters);
}

Status as_store_owner(const Settings& settings, const std::function<int()>& work)
{
    if (must_change_user(settings))
        return in_child([&] {
            auto became = become_store_owner(settings);
            return became ? work() : tell(became.error());
        });
    int exit = work();
    if (exit == done) return Done{};
    return fail(exit == later ? temporary("nothing changed") : misconfigured("nothing changed"));
}

Result<int> exit_as_store_owner(const Settings& settings, const std::function<int()>& work)
{
    if (!must_change_user(settings)) return work();
    return exit_of_child([&] {
        auto became = become_store_owner(settings);
        return became ? all_told(work()) : tell(became.error());
    });
}

Status write_note(const Common& common, const SettingsPtr& settings, const Note& note)
{
    auto parameters = to_parameters(note);
    House house(common, settings);
    auto ask = [&]() -> Status {
        TRY(auto reply, house.ask("note", parameters));
        return as_status(reply);
    };
    if (house.daemon_runs() || !must_change_user(*settings)) return ask();
    return in_child([&] {
        auto told = ask();
        return told ? static_cast<int>(done) : tell(told.error());
    });
}

Status make_store(const Common& common, const SettingsPtr& settings, const std::string& detail)
{
    auto make = [&]() -> Status {
        CHECK(become_store_owner(*settings));
        TRY(auto store, open_store(*settings, true));
        AuditEntry entry;
        entry.at = common.now;
        entry.event = "init";
        entry.who = common.caller.name;
        entry.from_host = "local";
        entry.token = "ok";
        entry.detail = detail;
        return audit_now(*store, std::move(entry));
    };
    if (!must_change_user(*settings)) return make();
    return in_child([&] {
        auto made = make();
        return made ? static_cast<int>(done) : tell(made.error());
    });
}

}  // namespace direct::ctl
