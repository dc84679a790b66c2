// dns_context.h - one life of libunbound: set up, asked by any number of threads, at the end thrown away whole.
//
// libunbound works in a thread of its own; a second one (the pump) hands its answers to those who wait. Answers are
// handed over and questions given up under one lock, so that nobody is called back who has left; no lock is held while
// waiting for the network. What has broken (its pipes, or the process was forked) stays broken: DnsClient makes
// another one. Only for dns_client.cpp.
// Source: requirements G6, G10, G11.
#pragma once
#include <unistd.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "policy/discovery/dns_client.h"

struct ub_ctx;
struct ub_result;

namespace direct {

class DnsContext {
public:
    /// Fault: temporary: what could not be had or read.
    static Result<std::shared_ptr<DnsContext>> make(const DnsOptions& options);
    /// Waits for libunbound's thread; that of a broken one is left to itself, as it may never end.
    ~DnsContext();
    DnsContext(const DnsContext&) = delete;
    DnsContext& operator=(const DnsContext&) = delete;

    /// As DnsLookup::query(). Once usable() is false, everybody is answered at once: temporary.
    DnsAnswer query(const std::string& name, DnsType type, SteadyTime deadline);
    bool usable() const { return !broken_ && of_this_process(); }
    bool of_this_process() const { return process_ == ::getpid(); }
    std::string why();  ///< it has broken; "" while it has not

private:
    struct Pending;
    explicit DnsContext(Dnssec dnssec) : dnssec_(dnssec) {}
    Status start();
    void pump();
    void break_off(std::string why);
    static void answered(void* asker, int error, ub_result* result);

    const Dnssec dnssec_;
    const pid_t process_ = ::getpid();
    std::mutex lock_;  // answers being handed over, questions being given up; stopping_, waiting_, why_
    bool stopping_ = false;
    std::atomic<bool> broken_{false};
    std::set<Pending*> waiting_;
    std::string why_;
    int wake_ = -1;
    ub_ctx* context_ = nullptr;
    std::thread pumping_;
};

}  // namespace direct
