// worker_pool.cpp - see worker_pool.h. A slot is one child at a time; a caller owns the slot while it
// talks to the child, so the child itself needs no lock.
#include "plugins/host/worker_pool.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "milter/base/child.h"
#include "milter/base/crypto.h"
#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "plugins/host/answer.h"
#include "plugins/host/wire.h"
#include "plugins/text_line.h"

namespace direct {
namespace {

using Steady = std::chrono::steady_clock;
using Deadline = Steady::time_point;

constexpr int documents_per_child = 1000;    // bounds what a leaking plugin can hold
constexpr milliseconds start_budget{15000};  // loading plugins, sanitizers included
constexpr int depth_max = 3;                 // documents inside documents
// A package of packages multiplies what each of them may be; so all documents inside one together, those that are not read
// included, may be no more than one package's, take no longer than a few documents, and answer no more than the daemon
// holds.
constexpr std::size_t inner_max = wire::children_max;
constexpr int inner_budgets = 3;
std::uint64_t inner_answers_max(std::uint64_t content)
{
    return 8 * content + (64u << 20);
}
constexpr std::size_t read_size = 256 * 1024;

struct Worker {
    Child child;
    int documents = 0;
    PluginList plugins;
};

// What comes next on the channel, at most read_size bytes. Empty: closed. Fault: deadline, error.
Result<std::string_view> read_some(int fd, std::string& buffer, Deadline deadline)
{
    buffer.resize(read_size);
    for (;;) {
        const auto n = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (n >= 0) return std::string_view(buffer.data(), static_cast<std::size_t>(n));
        if (errno == ECONNRESET || errno == EPIPE) return std::string_view();
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) return fail(temporary("cannot read from direct-parse"));
        const auto left = std::chrono::ceil<milliseconds>(deadline - Steady::now()).count();
        if (left <= 0) return fail(temporary("timeout"));
        pollfd p{fd, POLLIN, 0};
        ::poll(&p, 1, static_cast<int>(std::min<long long>(left, 60'000)));
    }
}

std::string ending(int status)
{
    if (!WIFSIGNALED(status)) return "ended with exit code " + std::to_string(WEXITSTATUS(status));
    if (WTERMSIG(status) == SIGSYS) return "killed by the sandbox: a forbidden system call (SIGSYS)";
    const char* name = ::sigabbrev_np(WTERMSIG(status));
    return std::string("killed by SIG") + (name ? name : "?");
}

class Pool final : public WorkerPool {
public:
    explicit Pool(const PoolOptions& options) : options_(options)
    {
        slots_.resize(std::max<std::size_t>(options.children, 1));
        for (auto& s : slots_) free_.push_back(&s);
    }

    Status fill()
    {
        for (auto& slot : slots_) {
            auto worker = spawn();
            if (!worker) return fail(misconfigured(worker.error().why));
            slot = *std::move(worker);
        }
        plugins_ = slots_.front()->plugins;
        return Done{};
    }

    PluginList plugins() const override { return plugins_; }

    Result<ParseOutcome> parse(const ParseRequest& request) override
    {
        Inside inside{0, inner_answers_max(request.content.size()), {}};
        return parse_at(request, 0, inside);
    }

private:
    using Slot = std::optional<Worker>;

    /// What the documents inside one document have used up together.
    struct Inside {
        std::size_t told = 0;           // documents, read or not: each is a row
        std::uint64_t answer_left = 0;  // bytes
        Steady::duration spent{};       // in children; waiting for a free one is not the document's doing
    };

    const char* exhausted(const Inside& inside) const
    {
        if (inside.spent > inner_budgets * options_.budget) return "documents inside documents: too slow";
        if (inside.answer_left == 0) return "documents inside documents: they hold too much";
        return nullptr;
    }

    /// No more than one attachment may have in all stay in the list; the outcome says how many do not.
    static void shorten(std::vector<Answer::Inner>& inner, ParseOutcome& outcome, Inside& inside)
    {
        const auto listed = std::min(inner.size(), inner_max - inside.told);
        inside.told += listed;
        if (const auto more = inner.size() - listed) outcome.skipped.push_back(not_listed(more));
        inner.resize(listed);
    }

    Result<ParseOutcome> parse_at(const ParseRequest& request, int depth, Inside& inside)
    {
        if (request.content.size() > options_.document_max) {
            ParseOutcome out;
            out.status = "limit";
            out.detail = "larger than plugins.document_max";
            return out;
        }
        std::vector<Answer::Inner> inner;
        ParseOutcome outcome;
        {
            Held held(*this);
            if (!held.slot) return fail(temporary("no parser child was free in time"));
            // Killed from outside while it had nothing to do: no fault of the document that comes now.
            if (*held.slot && !(*held.slot)->child.running()) held.slot->reset();
            if (!*held.slot) {
                TRY(Worker worker, spawn());
                *held.slot = std::move(worker);
            }
            const auto from = Steady::now();
            outcome = talk(*held.slot, request, inner);
            inside.spent += Steady::now() - from;
        }
        if (depth) inside.answer_left -= std::min(inside.answer_left, bytes_of(outcome));
        shorten(inner, outcome, inside);
        std::uint64_t bytes = 0;
        for (auto& one : inner) {
            bytes += one.content.size();
            TRY(auto read, read_inner(one, request, depth, bytes, inside));
            outcome.children.push_back(std::make_shared<ParseOutcome>(std::move(read)));
            one = {};
        }
        return outcome;
    }

    // A document of a document: the same way in, with its own child, budget and verdict. Fault: no child could be
    // had, which says nothing of the document, so the whole is to be read again.
    Result<ParseOutcome> read_inner(const Answer::Inner& one, const ParseRequest& outer, int depth,
                                    std::uint64_t bytes, Inside& inside)
    {
        ParseOutcome out;
        if (const char* why = exhausted(inside)) {
            out.status = "limit";
            out.detail = why;
        } else if (depth + 1 >= depth_max || bytes > wire::answer_max(outer.content.size())) {
            out.status = "limit";
            out.detail = "documents inside documents: too deep or too large";
        } else {
            ParseRequest request{one.content,       one.media_type, "",        one.filename,
                                 outer.not_plugins, outer.message,  outer.part};
            TRY(out, parse_at(request, depth + 1, inside));
            if ((out.status == "crashed" || out.status == "timeout") && !out.plugin.empty() &&
                !exhausted(inside)) {
                request.not_plugins.push_back(out.plugin);
                TRY(auto other, parse_at(request, depth + 1, inside));
                take_other(out, std::move(other));
            }
        }
        out.filename = one.filename;
        out.sha256 = sha256(one.content);
        out.size = one.content.size();
        if (!one.json.empty()) out.container = one.json;
        return out;
    }

    /// A slot of our own until the end of the scope.
    struct Held {
        explicit Held(Pool& p) : pool(p)
        {
            std::unique_lock lock(pool.mutex_);
            if (!pool.freed_.wait_for(lock, pool.options_.budget, [&] { return !pool.free_.empty(); }))
                return;
            slot = pool.free_.back();
            pool.free_.pop_back();
        }
        ~Held()
        {
            if (!slot) return;
            {
                std::lock_guard lock(pool.mutex_);
                pool.free_.push_back(slot);
            }
            pool.freed_.notify_one();
        }
        Held(const Held&) = delete;
        Held& operator=(const Held&) = delete;
        Pool& pool;
        Slot* slot = nullptr;
    };

    Result<Worker> spawn()
    {
        Child::Options o;
        o.program = options_.worker;
        o.quiet =
            options_.sandbox;  // a plugin's own chatter may hold health data; its author wants to see it
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(options_.budget).count();
        o.arguments = {"--memory",       std::to_string(options_.memory),
                       "--seconds",      std::to_string(seconds),
                       "--document-max", std::to_string(options_.document_max),
                       "--items-max",    std::to_string(options_.items_max)};
        if (options_.plugins.empty())
            o.arguments.emplace_back("--archive");
        else
            o.arguments.insert(o.arguments.end(), {"--plugins", options_.plugins});
        if (!options_.sandbox) o.arguments.emplace_back("--no-sandbox");
        TRY(Child child, Child::spawn(o));
        Worker worker{std::move(child), 0, {}};
        CHECK(greet(worker));
        count(Metric::parser_children_total);
        return worker;
    }

    // Reads the hello frame: which plugins there are, which were refused and why.
    Status greet(Worker& worker)
    {
        wire::Decoder decoder(64 * 1024);
        const Deadline deadline = Steady::now() + start_budget;
        std::string buffer;
        wire::Frame frame;
        for (;;) {
            const auto step = decoder.next(frame);
            if (step == wire::Decoder::Step::frame) break;
            auto bytes = read_some(worker.child.channel(), buffer, deadline);
            if (step == wire::Decoder::Step::bad || !bytes || bytes->empty())
                return fail(temporary("direct-parse does not start: " + ending(worker.child.end())));
            decoder.append(*bytes);
        }
        std::vector<std::string_view> fields;
        if (frame.type != wire::Type::hello || !wire::all_fields(frame.payload, fields))
            return fail(temporary(options_.worker + " is not our direct-parse"));
        for (auto f : fields) {
            if (f.starts_with('+'))
                worker.plugins.loaded.emplace_back(f.substr(1));
            else if (f.starts_with('-'))
                worker.plugins.refused.emplace_back(text_line(f.substr(1), wire::text_max));
            else
                return fail(temporary("direct-parse: " + log_quote(f.substr(f.empty() ? 0 : 1))));
        }
        const auto& [loaded, refused] = worker.plugins;
        for (const auto& r : refused) LogLine(LOG_WARNING, "", "child").with("plugin-refused", r);
        if (loaded.empty())
            return fail(misconfigured("no parser plugin could be loaded from " + options_.plugins +
                                      (refused.empty() ? ": there is no *.so" : ": " + join(refused, "; "))));
        return Done{};
    }

    // One document through the slot's child. The slot is empty afterwards when the child is of no use.
    ParseOutcome talk(Slot& slot, const ParseRequest& request, std::vector<Answer::Inner>& inner)
    {
        Worker& worker = *slot;
        const Deadline deadline = Steady::now() + options_.budget;
        Answer answer(options_.items_max, wire::answer_max(request.content.size()));
        const Verdict verdict = exchange(worker, request, answer, deadline);
        if (verdict == Verdict::done) {
            ++worker.documents;
            inner = std::move(answer.inner());
            if (!answer.child_is_well()) tell_of(request, answer.outcome());
            if (!answer.child_is_well() || worker.documents >= documents_per_child) slot.reset();
            return std::move(answer.outcome());
        }
        ParseOutcome out;
        out.plugin = answer.outcome().plugin;
        const int status = last_status(worker.child, verdict);
        switch (verdict) {
            case Verdict::late:
                out.status = "timeout";
                out.detail = "not read within plugins.parse_budget";
                break;
            case Verdict::flood:
                out.status = "limit";
                out.detail = "gave more than the limits allow";
                break;
            case Verdict::lie:
                out.detail = "the child did not keep to the protocol";
                break;
            default:
                out.detail = ending(status);
                // RLIMIT_CPU of the child and our clock watch the same budget.
                if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) out.status = "timeout";
        }
        tell_of(request, out);
        slot.reset();
        return out;
    }

    static void tell_of(const ParseRequest& request, const ParseOutcome& out)
    {
        LogLine line(LOG_WARNING, "", "child");
        if (!request.message.empty())
            line.with("message", request.message).with("part", static_cast<std::int64_t>(request.part));
        line.with("plugin", out.plugin).with("outcome", out.status).with("why", out.detail);
    }

    enum class Verdict { done, gone, late, lie, flood };

    // A child that closed its channel is about to end by itself: its own status tells why.
    static int last_status(Child& child, Verdict verdict)
    {
        const Deadline grace = Steady::now() + milliseconds(500);
        while (verdict == Verdict::gone && Steady::now() < grace && child.running())
            std::this_thread::sleep_for(milliseconds(2));
        return child.end();
    }

    // Anything but done: the child must go.
    Verdict exchange(Worker& worker, const ParseRequest& request, Answer& answer, Deadline deadline)
    {
        const int fd = worker.child.channel();
        const std::string refused = join(request.not_plugins, "\n");
        const std::string head = wire::frame_head(
            wire::Type::document, {request.media_type, request.charset, request.filename, refused},
            request.content.size());
        for (auto part : {std::string_view(head), request.content}) {
            auto sent = write_fully(fd, part, deadline);
            if (!sent) return sent.error().why == "timeout" ? Verdict::late : Verdict::gone;
        }
        wire::Decoder decoder(options_.document_max + wire::overhead_max);
        std::string buffer;
        wire::Frame frame;
        for (;;) {
            const auto step = decoder.next(frame);
            if (step == wire::Decoder::Step::bad) return Verdict::lie;
            if (step == wire::Decoder::Step::more) {
                auto bytes = read_some(fd, buffer, deadline);
                if (!bytes) return Verdict::late;
                if (bytes->empty()) return Verdict::gone;
                decoder.append(*bytes);
                continue;
            }
            switch (answer.take(frame)) {
                case Answer::Step::more:
                    break;
                case Answer::Step::lie:
                    return Verdict::lie;
                case Answer::Step::flood:
                    return Verdict::flood;
                // Bytes after the end would be taken for the next document's answer.
                case Answer::Step::done:
                    return decoder.empty() ? Verdict::done : Verdict::lie;
            }
        }
    }

    const PoolOptions options_;
    std::mutex mutex_;
    std::condition_variable freed_;
    std::vector<Slot> slots_;
    std::vector<Slot*> free_;
    PluginList plugins_;  // written once, before anybody else has the pool
};

}  // namespace

Result<std::unique_ptr<WorkerPool>> WorkerPool::start(const PoolOptions& options)
{
    if (::access(options.worker.c_str(), X_OK) != 0)
        return fail(misconfigured("plugins.worker: cannot run " + options.worker));
    std::error_code ignored;
    if (!options.plugins.empty() && !std::filesystem::is_directory(options.plugins, ignored))
        return fail(misconfigured("plugins.path: no folder " + options.plugins));
    auto pool = std::make_unique<Pool>(options);
    CHECK(pool->fill());
    return std::unique_ptr<WorkerPool>(std::move(pool));
}

}  // namespace direct
