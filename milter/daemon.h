// daemon.h - the rooms of the running daemon, opened in order and closed in the opposite one. No mail
// logic. Used by main only.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "milter/bundle_keeper.h"
#include "milter/house.h"
#include "milter/notice_maker.h"
#include "milter/records/server.h"
#include "plugins/host/worker_pool.h"

namespace direct {

class Daemon {
public:
    /// Reads the configuration, opens store and parsers, starts outbox, hand-over and control socket.
    /// Fault: configuration or temporary; nothing is left running then.
    static Result<std::unique_ptr<Daemon>> open(const std::string& config_file);
    ~Daemon();

    House& house() { return *house_; }
    /// Reads everything again; the old site stays when the new one is at fault.
    Status reload();

private:
    explicit Daemon(std::string config_file) : config_file_(std::move(config_file)) {}
    Status open_rooms();
    void read_texts(const Settings& settings);
    Status open_plugins(const Settings& settings);
    void
    look_after();  ///< first the keys and anchors not asked for yet; hourly: orphaned content, old items; each
                   ///< minute: the clock, parsers that did not start
    void tidy();
    void read_the_rest();
    void take_bundles_over();  ///< anchors only: a configuration being edited stays out
    void open_bundles();
    static Status keeps_our_keys(const Site& before, const Site& after);
    static Status keeps_anchors(const Site& before, const Site& after);
    static void tell(const std::vector<std::string>& findings);

    std::string config_file_;
    SystemClock clock_;
    std::unique_ptr<RecordStore> store_;
    std::unique_ptr<House> house_;
    std::unique_ptr<WorkerPool> pool_;
    std::unique_ptr<HandOver> hand_over_;
    std::unique_ptr<NoticeMaker> notices_;
    std::unique_ptr<OutboxSender> outbox_;
    std::unique_ptr<BundleKeeper> bundles_;
    std::unique_ptr<RecordService> service_;
    std::unique_ptr<ControlServer> control_;
    std::mutex reloading_, mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread caretaker_;
};

/// The plugin folder and worker to use: the configured ones, or those beside a program that runs from a build
/// folder when the configured ones are missing.
PoolOptions pool_options(const Settings& settings);

}  // namespace direct
