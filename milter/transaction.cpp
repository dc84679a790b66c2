#include "milter/transaction.h"

#include <syslog.h>

#include <thread>

#include "milter/answer_time.h"
#include "milter/base/fair_gate.h"
#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/custody.h"
#include "milter/mime/split.h"

namespace direct {

Transaction::Transaction(std::shared_ptr<const Site> site, Peer peer, std::string envelope_from)
    : site_(std::move(site)),
      peer_(std::move(peer)),
      envelope_from_(std::move(envelope_from)),
      spool_(site_->settings->store_path, site_->settings->milter_message_max)
{
}

void Transaction::set_queue_id(const char* id)
{
    if (!id || !queue_id_.empty()) return;
    queue_id_ = id;
    LogLine(LOG_DEBUG, queue_id_, "message").with("session", peer_.session_id);
}

void Transaction::recipient(std::string path)
{
    if (recipients_.size() >= static_cast<std::size_t>(site_->settings->limits_recipients)) {
        fault_ = fail(temporary("more than limits.recipients recipients"));
        return;
    }
    recipients_.push_back(classify_recipient(*site_, std::move(path)));
}

void Transaction::append(std::string_view bytes)
{
    if (!fault_) return;
    if (auto done = spool_.append(bytes); !done) fault_ = fail(done.error());
}

void Transaction::header(std::string_view name, std::string_view value)
{
    header_bytes_ += name.size() + value.size() + 3;
    if (header_bytes_ > site_->settings->limits_headers) {
        if (fault_) fault_ = fail(refuse(Reason::malformed, "the header is bigger than limits.headers"));
        return;
    }
    // A message with more fields cannot be read, so none of them will be taken away.
    if (seen_.size() < most_fields) seen_.emplace_back(name, ++numbers_[ascii_lower(name)]);
    if (equal_ignoring_case(name, "Content-Type"))
        is_sealed_ = ascii_lower(value).find("pkcs7-mime") != std::string::npos;
    if (equal_ignoring_case(name, "From")) from_fields_.emplace_back(value);
    if (equal_ignoring_case(name, "Sender")) sender_fields_.emplace_back(value);
    std::string line(name);
    line += ':';
    for (char c : value) {
        if (c == '\n') line += '\r';
        line += c;
    }
    append(line += "\r\n");
}

bool Transaction::wants_body()
{
    // A limit was hit: what is known of the message is not whole, and nothing may be concluded from it.
    if (!fault_) return true;
    RouteInput input{peer_.daemon_name, peer_.login,    peer_.client_ip, envelope_from_,
                     from_fields_,      sender_fields_, recipients_};
    route_ = route(*site_, input);
    routed_ = true;
    append("\r\n");
    if (route_.way != Way::not_ours) return true;
    count(Metric::messages_total);
    count(Metric::messages_untouched_total);
    return false;
}

void Transaction::body(std::string_view chunk)
{
    append(chunk);
}

Plan Transaction::finish(House& house)
{
    count(Metric::messages_total);
    count(Metric::bytes_received_total, static_cast<std::int64_t>(spool_.size()));
    if (spool_.on_disk()) count(Metric::spool_files_total);
    if (!routed_) wants_body();
    const auto begin = std::chrono::steady_clock::now();
    const auto step = answer_step(site_->settings->limits_refusal_grid, spool_.size());
    auto plan = decide(house, route_);
    if (plan.answer.uniform)  // its memory and its place in the work are free by now
        std::this_thread::sleep_until(answer_at(begin, std::chrono::steady_clock::now(), step));
    if (plan.verdict == Plan::Verdict::reject) count(Metric::messages_refused_total);
    if (plan.verdict == Plan::Verdict::tempfail) count(Metric::messages_deferred_total);
    if (plan.verdict == Plan::Verdict::reject || plan.verdict == Plan::Verdict::tempfail)
        LogLine(LOG_INFO, queue_id_, "reply").with("code", plan.answer.code).with("text", plan.answer.text);
    return plan;
}

Plan Transaction::refused(House& house, Reason reason, const std::string& because, bool verified)
{
    Facts facts{queue_id_, peer_.client_ip, peer_.login, envelope_from_, house.clock.now()};
    return refuse_message(house, facts, recipients_, reason, because, verified);
}

Result<std::string> Transaction::read_spool() const
{
    Timed timed(Metric::spool_read_seconds);
    return spool_.read_all();
}

/// Servers of strangers are waited for before the message takes its room (limits.work_memory). Nobody is asked for a
/// message that will not be sealed.
LookedUp Transaction::look_up(const Address& from, Time now) const
{
    std::vector<Address> outside;
    for (const auto& r : recipients_) {
        if (!r.address) outside.clear();
        if (!r.address) break;
        if (!r.ours && !r.newuser) outside.push_back(*r.address);
    }
    if (is_sealed_ || site_->keys.for_signing(from, now).empty()) outside.clear();
    return look_up_partners(*site_, outside);
}

Plan Transaction::decide(House& house, const Route& way)
{
    // Our own user may read why; a stranger sees the uniform answer until a signature has verified.
    // A message that went over a limit in its header was never routed: then the login tells.
    bool own = routed_ ? way.way == Way::outbound || way.way == Way::refuse : !peer_.login.empty();
    if (!fault_) return refused(house, fault_.error().reason, fault_.error().why, own);
    if (way.way == Way::refuse) return refused(house, way.reason, way.because, true);
    if (way.way == Way::not_ours) {
        Plan untouched;
        untouched.verdict = Plan::Verdict::accept;
        return untouched;
    }
    auto looked_up = way.way == Way::outbound ? look_up(*way.from, house.clock.now()) : LookedUp{};
    // One limit for every wait of this message, so that the MTA always hears from us before it gives up.
    Patience patience(site_->settings->limits_work_wait);
    auto room = house.work.enter(spool_.size());
    if (!room) return refused(house, room.error().reason, room.error().why, own);
    auto message = read_spool();
    if (!message) return refused(house, message.error().reason, message.error().why, own);
    spool_ = Spool(site_->settings->store_path, 0);  // its memory and file go before the work begins
    Facts facts{queue_id_, peer_.client_ip, peer_.login, envelope_from_, house.clock.now()};
    Taking taking{house,
                  *site_,
                  facts,
                  recipients_,
                  seen_,
                  std::move(*message),
                  way.plain_submission,
                  std::move(looked_up)};
    switch (way.way) {
        case Way::inbound:
            return take_inbound(std::move(taking));
        case Way::outbound:
            return take_outbound(std::move(taking), *way.from);
        default:
            return take_report(std::move(taking));
    }
}

}  // namespace direct
