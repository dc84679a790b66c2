// direct-milter, the daemon: arguments, privileges, signals, smfi_main. No mail logic here.
//
// Exit codes: 0 ended in order, 1 libmilter failed, 2 usage or configuration.
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <exception>
#include <thread>
#include <typeinfo>

#include "milter/base/log.h"
#include "milter/callbacks.h"
#include "milter/daemon.h"

namespace {
using namespace direct;

int usage()
{
    std::fputs("usage: direct-milter [--config FILE]\n", stderr);
    return 2;
}

// Keys and decrypted mail live in this memory: no core file, no debugger of the same user.
void guard_memory()
{
    rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

// What a big message used goes back to the kernel with the message. By itself glibc learns from the first one
// to keep such buffers in its heaps (200 MB stayed after two hundred messages of 25 MB), and gives a heap to each
// thread, of which libmilter starts and ends many.
void give_memory_back()
{
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
    mallopt(M_ARENA_MAX, static_cast<int>(std::max(2U, std::thread::hardware_concurrency())));
}

void raise_descriptor_limit()
{
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

// Started as root, the daemon becomes whoever owns the store.
Status become_owner_of(const std::string& folder)
{
    struct stat s {};
    if (geteuid() != 0 || stat(folder.c_str(), &s) != 0 || s.st_uid == 0) return Done{};
    const passwd* user = getpwuid(s.st_uid);
    if (!user) return fail(misconfigured("store.path belongs to a user without a name"));
    if (initgroups(user->pw_name, user->pw_gid) != 0 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
        return fail(
            misconfigured(std::string("cannot become ") + user->pw_name + ": " + std::strerror(errno)));
    return Done{};
}

// Postfix's smtpd connects as user postfix: the socket is for owner and that group only.
void open_socket_to_postfix(const std::string& socket)
{
    if (!socket.starts_with("unix:")) return;
    auto path = socket.substr(5);
    if (const group* postfix = getgrnam("postfix"))
        if (chown(path.c_str(), static_cast<uid_t>(-1), postfix->gr_gid) != 0)
            LogLine(LOG_DEBUG, "", "start").with("what", "the milter socket keeps its group");
    chmod(path.c_str(), 0660);
}

// SIGUSR1 is reload; libmilter has TERM, INT and HUP for stopping. It is blocked in every thread and
// waited for in this one, so no work is done in a signal handler.
class ReloadThread {
public:
    explicit ReloadThread(Daemon& daemon) : thread_([this, &daemon] { run(daemon); }) {}
    ~ReloadThread()
    {
        stopping_ = true;
        pthread_kill(thread_.native_handle(), SIGUSR1);
        thread_.join();
    }
    static void block()
    {
        sigset_t set;
        sigemptyset(&set);
        // TERM, INT and HUP too: libmilter waits for them in a thread of its own, and a thread of ours that
        // has them unblocked would end the process on the spot.
        for (int number : {SIGUSR1, SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
        pthread_sigmask(SIG_BLOCK, &set, nullptr);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error of write(), not the end
    }

private:
    void run(Daemon& daemon)
    {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        int got = 0;
        while (sigwait(&set, &got) == 0 && !stopping_) {
            try {
                static_cast<void>(daemon.reload());
            } catch (const std::exception& e) {
                LogLine(LOG_CRIT, "", "unexpected").with("what", typeid(e).name());
            }
        }
    }
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

int run(const std::string& config)
{
    guard_memory();
    give_memory_back();
    raise_descriptor_limit();
    umask(077);
    ReloadThread::block();
    auto settings = load_settings(config);
    if (!settings) {
        std::fprintf(stderr, "direct-milter: %s\n", settings.error().why.c_str());
        return 2;
    }
    if ((*settings)->log_target == "syslog") log_to_syslog("direct-milter");
    auto became = become_owner_of((*settings)->store_path);
    guard_memory();  // the kernel forgets it when the user changes
    auto daemon = became ? Daemon::open(config) : fail(became.error());
    if (daemon)
        if (auto registered = register_filter((*daemon)->house(), (*settings)->milter_socket); !registered)
            daemon = fail(registered.error());
    if (!daemon) {
        LogLine(LOG_CRIT, "", "config").with("what", daemon.error().why);
        std::fprintf(stderr, "direct-milter: %s\n", daemon.error().why.c_str());
        return daemon.error().reason == Reason::configuration ? 2 : 75;
    }
    open_socket_to_postfix((*settings)->milter_socket);
    LogLine(LOG_NOTICE, "", "start").with("socket", (*settings)->milter_socket).with("config", config);
    bool served = false;
    {
        ReloadThread reload(**daemon);
        served = serve();
    }
    // smfi_main does not wait for messages in work; what they need must not go under them.
    for (int tenth = 0; (*daemon)->house().busy() > 0 && tenth < 300; ++tenth)
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    LogLine(LOG_NOTICE, "", "stop");
    if ((*daemon)->house().busy() > 0)
        _exit(served ? 0 : 1);  // their senders were told nothing: they keep the mail
    daemon->reset();
    return served ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv)
{
    std::string config = "/etc/direct/direct.toml";
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            config = argv[++i];
        else
            return usage();
    }
    try {
        return run(config);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "direct-milter: %s\n", e.what());
        return 1;
    }
}
