#include "milter/callbacks.h"

#include <arpa/inet.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <syslog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <typeinfo>

#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/milter_socket.h"
#include "milter/session.h"

namespace direct {
namespace {

House* the_house = nullptr;  // set once before smfi_main, never changed while it runs

Session* session_of(SMFICTX* ctx)
{
    return static_cast<Session*>(smfi_getpriv(ctx));
}

// Whatever happens in `work`, libmilter gets an answer. Steps that are never answered cannot say tempfail:
// there the message is dropped from the session, and the end of message finds none and says it.
template <class Work>
sfsistat guard(SMFICTX* ctx, sfsistat in_trouble, Work work) noexcept
{
    try {
        try {
            if (auto* s = session_of(ctx)) {
                s->nudge->moved();
                return work(*s);
            }
            LogLine(LOG_ERR, "", "unexpected").with("what", "callback without a session");
        } catch (const std::exception& e) {
            if (auto* s = session_of(ctx)) s->message.reset();
            // Its kind only: what() of a library may quote the message.
            LogLine(LOG_CRIT, "", "unexpected").with("what", typeid(e).name());
        } catch (...) {
            if (auto* s = session_of(ctx)) s->message.reset();
            LogLine(LOG_CRIT, "", "unexpected").with("what", "foreign exception");
        }
    } catch (...) {
    }
    return in_trouble;
}

std::string macro(SMFICTX* ctx, const char* name)
{
    std::string copy = name;
    const char* value = smfi_getsymval(ctx, copy.data());
    return value ? value : "";
}

std::string ip_text(const sockaddr* address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (!address) return "";
    if (address->sa_family == AF_INET)
        inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
    else if (address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text, sizeof text);
    return text;
}

constexpr unsigned long wanted_actions = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY | SMFIF_DELRCPT;

// Answered steps are libmilter's cost: those that always go on are not answered (NR), those not needed
// are not sent (NO). Postfix since 2.6 and Sendmail since 8.14 know all of them.
constexpr unsigned long wanted_steps = SMFIP_NOHELO | SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_NR_CONN |
                                       SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_BODY |
                                       SMFIP_HDR_LEADSPC;

// Postfix gives the connection from smtpd to cleanup after DATA. What smtpd sent last must be answered there: else
// cleanup's first bytes wait on TCP for an acknowledgement that comes 40 ms later.
bool over_tcp = false;

/// Sessions that may be open at once. Where no descriptor is left libmilter asks for the next connection again and
/// again without a pause (Debian 12: a third of a core for nothing), so it never comes so far: a part of the
/// descriptors stays free for the store, the spool, parsers and the outbox.
std::int64_t sessions_max()
{
    constexpr std::int64_t own_use = 48, share = 16, share_max = 1024;
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > INT32_MAX) return INT32_MAX;
    const auto all = static_cast<std::int64_t>(files.rlim_cur);
    return std::max<std::int64_t>(1, all - own_use - std::min(all / share, share_max));
}

/// One line a minute at most: what is refused is refused by the hundred.
void tell_of_refused_session()
{
    static std::atomic<std::int64_t> told_at{INT64_MIN};
    count(Metric::sessions_refused_total);
    const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch() / std::chrono::seconds(1);
    auto before = told_at.load();
    if ((before != INT64_MIN && now - before < 60) || !told_at.compare_exchange_strong(before, now)) return;
    LogLine(LOG_ERR, "", "sessions")
        .with("what", "connections are closed at once: too few file descriptors are left")
        .with("open", metric_value(Metric::sessions_open))
        .with("most", sessions_max());
}

/// Made at the first packet, so that sessions are counted before another one is taken.
bool make_session(SMFICTX* ctx)
{
    try {
        auto session = std::make_unique<Session>(*the_house);
        if (metric_value(Metric::sessions_open) > sessions_max()) {
            tell_of_refused_session();
            return false;
        }
        if (smfi_setpriv(ctx, session.get()) != MI_SUCCESS) return false;
        session.release();
        return true;
    } catch (...) {
        return false;
    }
}

sfsistat on_negotiate(SMFICTX* ctx, unsigned long f0, unsigned long f1, unsigned long, unsigned long,
                      unsigned long* pf0, unsigned long* pf1, unsigned long* pf2, unsigned long* pf3)
{
    if ((f0 & wanted_actions) != wanted_actions || (f1 & wanted_steps) != wanted_steps) {
        LogLine(LOG_CRIT, "", "config")
            .with("what", "the MTA does not offer the milter actions and steps we need");
        return SMFIS_REJECT;
    }
    if (!make_session(ctx)) return SMFIS_REJECT;  // libmilter closes the connection, the MTA answers 4xx
    *pf0 = wanted_actions;
    *pf1 = over_tcp ? wanted_steps & ~SMFIP_NODATA : wanted_steps;
    *pf2 = *pf3 = 0;
    return SMFIS_CONTINUE;
}

sfsistat on_connect(SMFICTX* ctx, char*, _SOCK_ADDR* address)
{
    return guard(ctx, SMFIS_NOREPLY, [&](Session& s) -> sfsistat {
        s.peer.client_ip = ip_text(reinterpret_cast<const sockaddr*>(address));
        s.peer.daemon_name = macro(ctx, "{daemon_name}");
        return SMFIS_NOREPLY;
    });
}

sfsistat on_envfrom(SMFICTX* ctx, char** arguments)
{
    return guard(ctx, SMFIS_NOREPLY, [&](Session& s) -> sfsistat {
        if (auto name = macro(ctx, "{daemon_name}"); !name.empty()) s.peer.daemon_name = name;
        s.peer.login = macro(ctx, "{auth_authen}");
        s.message = std::make_unique<Transaction>(s.house.site(), s.peer, arguments[0]);
        s.turn.begin();
        return SMFIS_NOREPLY;
    });
}

sfsistat on_envrcpt(SMFICTX* ctx, char** arguments)
{
    return guard(ctx, SMFIS_NOREPLY, [&](Session& s) -> sfsistat {
        if (s.message) s.message->recipient(arguments[0]);
        return SMFIS_NOREPLY;
    });
}

sfsistat on_data(SMFICTX* ctx)
{
    return guard(ctx, SMFIS_CONTINUE, [](Session&) -> sfsistat { return SMFIS_CONTINUE; });
}

sfsistat on_header(SMFICTX* ctx, char* name, char* value)
{
    return guard(ctx, SMFIS_NOREPLY, [&](Session& s) -> sfsistat {
        s.turn.moved();
        if (s.message) s.message->header(name, value);
        return SMFIS_NOREPLY;
    });
}

sfsistat on_eoh(SMFICTX* ctx)
{
    return guard(ctx, SMFIS_TEMPFAIL, [&](Session& s) -> sfsistat {
        if (!s.message) return SMFIS_TEMPFAIL;
        s.message->set_queue_id(macro(ctx, "i").c_str());
        {
            Nudge::Taken taken(*s.nudge);
            s.turn.wait_turn();
        }
        if (s.message->wants_body()) return SMFIS_CONTINUE;
        s.message.reset();  // libmilter calls neither eom nor abort after ACCEPT
        s.turn.leave();
        return SMFIS_ACCEPT;
    });
}

sfsistat on_body(SMFICTX* ctx, unsigned char* bytes, size_t n)
{
    return guard(ctx, SMFIS_NOREPLY, [&](Session& s) -> sfsistat {
        s.turn.moved();
        if (s.message) s.message->body({reinterpret_cast<const char*>(bytes), n});
        return SMFIS_NOREPLY;
    });
}

sfsistat on_eom(SMFICTX* ctx)
{
    return guard(ctx, SMFIS_TEMPFAIL, [&](Session& s) -> sfsistat {
        House::Busy busy(s.house);
        Nudge::Taken taken(*s.nudge);
        Timed timed(Metric::message_seconds);
        s.turn.leave();
        auto message = std::move(s.message);  // gone when this call ends, whatever happens
        if (!message) return SMFIS_TEMPFAIL;
        message->set_queue_id(macro(ctx, "i").c_str());
        // With a clock that is years off every certificate is expired, and the refusal would be for good.
        if (auto right = s.house.clock_watch.check(); !right) {
            count(Metric::messages_deferred_total);
            LogLine(LOG_NOTICE, macro(ctx, "i"), "clock").with("what", right.error().why);
            return SMFIS_TEMPFAIL;
        }
        return apply(ctx, message->finish(s.house));
    });
}

sfsistat on_abort(SMFICTX* ctx)
{
    return guard(ctx, SMFIS_CONTINUE, [](Session& s) -> sfsistat {
        s.message.reset();
        s.turn.leave();
        return SMFIS_CONTINUE;
    });
}

sfsistat on_close(SMFICTX* ctx)
{
    auto* session = session_of(ctx);
    smfi_setpriv(ctx, nullptr);
    delete session;
    return SMFIS_CONTINUE;
}

}  // namespace

Status register_filter(House& house, const std::string& socket)
{
    the_house = &house;
    static std::string name = "direct-milter";
    smfiDesc filter{};
    filter.xxfi_name = name.data();
    filter.xxfi_version = SMFI_VERSION;
    filter.xxfi_flags = wanted_actions;
    filter.xxfi_negotiate = on_negotiate;
    filter.xxfi_connect = on_connect;
    filter.xxfi_envfrom = on_envfrom;
    filter.xxfi_envrcpt = on_envrcpt;
    filter.xxfi_data = on_data;
    filter.xxfi_header = on_header;
    filter.xxfi_eoh = on_eoh;
    filter.xxfi_body = on_body;
    filter.xxfi_eom = on_eom;
    filter.xxfi_abort = on_abort;
    filter.xxfi_close = on_close;
    TRY(auto where, libmilter_socket(socket));
    over_tcp = socket.starts_with("inet:");
    house.nudge = std::make_shared<Nudge>([socket] { touch_socket(socket); });
    if (smfi_register(filter) != MI_SUCCESS) return fail(misconfigured("libmilter does not take the filter"));
    if (smfi_setconn(where.data()) != MI_SUCCESS || smfi_opensocket(true) != MI_SUCCESS)
        return fail(misconfigured("milter.socket: cannot listen on " + socket));
    listeners_send_at_once();
    return Done{};
}

bool serve()
{
    return smfi_main() == MI_SUCCESS;
}

}  // namespace direct
