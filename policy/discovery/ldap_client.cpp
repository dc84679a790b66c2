// ldap_client.cpp - see ldap_client.h.
#include "policy/discovery/ldap_client.h"

#include <arpa/inet.h>
#include <ldap.h>
#include <netinet/in.h>
#include <openldap.h>

#include <algorithm>
#include <functional>
#include <mutex>

#include "milter/base/handle.h"
#include "milter/base/text.h"
#include "policy/discovery/ldap_socket.h"
#include "policy/discovery/ldap_value.h"

namespace direct {
namespace {

using Ldap = Handle<LDAP, [](LDAP* ld) { return ldap_unbind_ext(ld, nullptr, nullptr); }>;
using Reply = Handle<LDAPMessage, [](LDAPMessage* m) { return ldap_msgfree(m); }>;
using Name = Handle<char, [](char* p) { ldap_memfree(p); }>;
using Walk = Handle<BerElement, [](BerElement* b) { ber_free(b, 0); }>;
using Values = Handle<berval*, [](berval** v) { ldap_value_free_len(v); }>;

constexpr std::size_t bases_max = 16;
constexpr std::size_t base_bytes_max = 1024;

/// Where libldap would connect to by itself, should it lose the connection it was given: nowhere.
constexpr const char* nowhere = "ldapi://%2Fnonexistent%2Fdirect-milter";

std::string_view view(const berval& value)
{
    return {value.bv_val, value.bv_len};
}

/// libldap's own first steps are not made for two threads.
void prepare_library()
{
    static std::once_flag once;
    std::call_once(once, [] {
        LDAP* first = nullptr;
        if (ldap_create(&first) == LDAP_SUCCESS) ldap_unbind_ext(first, nullptr, nullptr);
    });
}

bool is_host(const std::string& name)
{
    return !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_' || c == '.';
    });
}

struct Place {
    sockaddr_storage address{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

bool read_place(const std::string& text, unsigned port, Place& out)
{
    auto* four = reinterpret_cast<sockaddr_in*>(&out.address);
    auto* six = reinterpret_cast<sockaddr_in6*>(&out.address);
    if (inet_pton(AF_INET, text.c_str(), &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(std::uint16_t(port));
        out.size = sizeof *four;
    } else if (inet_pton(AF_INET6, text.c_str(), &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(std::uint16_t(port));
        out.size = sizeof *six;
    }
    return out.size != 0;
}

bool is_ldaps(const LdapOptions& options, unsigned port)
{
    return std::find(options.ldaps_ports.begin(), options.ldaps_ports.end(), port) !=
           options.ldaps_ports.end();
}

timeval interval(milliseconds time)
{
    return {time.count() / 1000, time.count() % 1000 * 1000};
}

/// "userCertificate" with whatever options, or its number (RFC 4512 section 2.5).
bool is_user_certificate(std::string_view description)
{
    auto type = description.substr(0, description.find(';'));
    return equal_ignoring_case(type, "userCertificate") || type == "2.5.4.36";
}

void each_value(LDAP* ld, LDAPMessage* entry,
                const std::function<void(std::string_view, std::string_view)>& take)
{
    BerElement* position = nullptr;
    Name name(ldap_first_attribute(ld, entry, &position));
    Walk walk(position);
    for (; name; name.reset(ldap_next_attribute(ld, entry, walk.get()))) {
        Values values(ldap_get_values_len(ld, entry, name.get()));
        for (berval** v = values.get(); v && *v; ++v) take(name.get(), view(**v));
    }
}

}  // namespace

struct LdapSession::State {
    State(std::string name, const LdapOptions& o, LdapSocket::Moment deadline)
        : server(std::move(name)), options(o), socket(deadline, o.bytes_max)
    {
    }

    std::string server;  ///< "host:port"
    LdapOptions options;
    LdapSocket socket;  // outlives ld, which writes its farewell to it
    Ldap ld;
    std::string address;
    std::vector<std::string> bases;
    bool encrypted = false;
    bool lost_by_tls = false;  ///< what is left of the connection is of no use

    Status connect(const std::vector<std::string>& addresses, unsigned port, const AddressGuard& guard);
    Status begin(const std::string& host, unsigned port);
    bool set_limits();
    bool set_tls();
    Status start_tls(bool ask);
    Status try_tls();
    Status bind();
    Status read_root();
    Result<Reply> exchange(const char* what, const std::function<int(int*)>& send);
    Status code_of(const char* what, LDAPMessage* reply, std::initializer_list<int> good, int& code);
    Fault trouble(const std::string& what, int code);
};

/// What went wrong below libldap says more than its own code.
Fault LdapSession::State::trouble(const std::string& what, int code)
{
    std::string why = socket.why();
    if (why.empty()) why = ldap_err2string(code);
    return temporary(server + ": " + what + ": " + why);
}

Status LdapSession::State::connect(const std::vector<std::string>& addresses, unsigned port,
                                   const AddressGuard& guard)
{
    if (!is_ldap_port(port))
        return fail(temporary(server + ": this port is not asked (389, 636, 1024 and up are)"));
    Fault last = temporary(server + ": has no address");
    for (const auto& text : addresses) {
        Place place;
        if (!read_place(text, port, place)) continue;
        if (!guard.allows(place.get())) {
            last = temporary(server + ": leads to " + text +
                             ", which is no public address (fetch.allow_networks lists exceptions)");
            continue;
        }
        address = text;
        auto done = socket.connect(place.get(), place.size, options.connect_timeout);
        if (done) return done;
        // That this host could not try them all is not forgotten for an address that was tried in vain.
        if (last.reason != Reason::configuration || done.error().reason == Reason::configuration)
            last = because(server + " (" + text + ")", done.error());
        if (socket.time_left().count() == 0) break;
    }
    return fail(std::move(last));
}

bool LdapSession::State::set_limits()
{
    const int version = LDAP_VERSION3, never = LDAP_DEREF_NEVER;
    const int entries = static_cast<int>(options.entries_max);
    const int whole_seconds = static_cast<int>((socket.time_left().count() + 999) / 1000);
    const timeval left = interval(socket.time_left());
    auto set = [&](int option, const void* value) {
        return ldap_set_option(ld.get(), option, value) == LDAP_OPT_SUCCESS;
    };
    return set(LDAP_OPT_PROTOCOL_VERSION, &version) && set(LDAP_OPT_DEREF, &never) &&
           set(LDAP_OPT_REFERRALS, LDAP_OPT_OFF) && set(LDAP_OPT_RESTART, LDAP_OPT_OFF) &&
           set(LDAP_OPT_SIZELIMIT, &entries) && set(LDAP_OPT_TIMELIMIT, &whole_seconds) &&
           set(LDAP_OPT_NETWORK_TIMEOUT, &left) && set(LDAP_OPT_URI, nowhere);
}

/// For this handle alone: what ldap.conf says of TLS does not count.
bool LdapSession::State::set_tls()
{
    const bool proved = options.tls == LdapOptions::Tls::require;
    const int demand = proved ? LDAP_OPT_X_TLS_DEMAND : LDAP_OPT_X_TLS_NEVER;
    const int lowest = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2, client = 0;
    auto set = [&](int option, const void* value) {
        return ldap_set_option(ld.get(), option, value) == LDAP_OPT_SUCCESS;
    };
    return set(LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) &&
           set(LDAP_OPT_X_TLS_CACERTFILE, proved ? options.ca_file.c_str() : "") &&
           set(LDAP_OPT_X_TLS_CACERTDIR, "") && set(LDAP_OPT_X_TLS_PROTOCOL_MIN, &lowest) &&
           set(LDAP_OPT_X_TLS_NEWCTX, &client);
}

Status LdapSession::State::begin(const std::string& host, unsigned port)
{
    const bool ldaps = is_ldaps(options, port);
    // The name in it is what TLS holds the server's certificate against.
    const std::string url = "ldap://" + host + ":" + std::to_string(port);
    LDAP* made = nullptr;
    int code = ldap_init_fd(socket.fd(), LDAP_PROTO_EXT, url.c_str(), &made);
    if (code != LDAP_SUCCESS) return fail(trouble("no session", code));
    ld.reset(made);
    Sockbuf* buffer = nullptr;
    ber_len_t largest = options.bytes_max;
    if (ldap_get_option(made, LDAP_OPT_SOCKBUF, &buffer) != LDAP_OPT_SUCCESS || !socket.attach(buffer) ||
        ber_sockbuf_ctrl(buffer, LBER_SB_OPT_SET_MAX_INCOMING, &largest) != 1 || !set_limits())
        return fail(misconfigured(server + ": libldap refuses its options"));
    // TLS comes before all else: there are servers that say nothing in clear, not even what they offer.
    if (ldaps) {
        CHECK(start_tls(false));
    } else if (options.tls == LdapOptions::Tls::require) {
        CHECK(start_tls(true));
    } else if (options.tls == LdapOptions::Tls::attempt) {
        CHECK(try_tls());
    }
    CHECK(bind());
    return read_root();
}

/// A server that will not is talked to in clear; one that breaks off, or says nothing for half of its time, is no
/// longer talked to over this connection.
Status LdapSession::State::try_tls()
{
    const auto whole = socket.deadline();
    socket.set_deadline(std::chrono::steady_clock::now() + socket.time_left() / 2);
    auto done = start_tls(true);
    socket.set_deadline(whole);
    return lost_by_tls ? done : Status(Done{});
}

Result<Reply> LdapSession::State::exchange(const char* what, const std::function<int(int*)>& send)
{
    int id = 0;
    if (int code = send(&id); code != LDAP_SUCCESS) return fail(trouble(what, code));
    timeval left = interval(socket.time_left());
    LDAPMessage* reply = nullptr;
    int kind = ldap_result(ld.get(), id, LDAP_MSG_ALL, &left, &reply);
    Reply owned(reply);
    if (kind == 0) return fail(temporary(server + ": " + what + ": no answer in time"));
    if (kind < 0 || !owned) {
        int code = LDAP_SERVER_DOWN;
        ldap_get_option(ld.get(), LDAP_OPT_RESULT_CODE, &code);
        return fail(trouble(what, code));
    }
    return owned;
}

Status LdapSession::State::code_of(const char* what, LDAPMessage* reply, std::initializer_list<int> good,
                                   int& code)
{
    int parsed = ldap_parse_result(ld.get(), reply, &code, nullptr, nullptr, nullptr, nullptr, 0);
    if (parsed != LDAP_SUCCESS) return fail(trouble(what, parsed));
    if (std::find(good.begin(), good.end(), code) != good.end()) return Done{};
    return fail(
        temporary(server + ": " + what + ": " + ldap_err2string(code) + " (" + std::to_string(code) + ")"));
}

/// @param ask  by the extended operation first (RFC 4511 section 4.14)
Status LdapSession::State::start_tls(bool ask)
{
    int code = 0;
    lost_by_tls = true;
    if (ask) {
        TRY(Reply reply,
            exchange("StartTLS", [&](int* id) { return ldap_start_tls(ld.get(), nullptr, nullptr, id); }));
        auto agreed = code_of("StartTLS", reply.get(), {LDAP_SUCCESS}, code);
        lost_by_tls = agreed.has_value();
        CHECK(agreed);
    }
    if (!set_tls()) return fail(misconfigured(server + ": TLS cannot be set up (fetch.ca_file)"));
    code = ldap_install_tls(ld.get());
    if (code != LDAP_SUCCESS) {
        char* said = nullptr;
        ldap_get_option(ld.get(), LDAP_OPT_DIAGNOSTIC_MESSAGE, &said);
        Name detail(said);
        Fault fault = trouble("TLS", code);
        if (detail && *detail && socket.why().empty()) fault.why += std::string(" (") + detail.get() + ")";
        return fail(std::move(fault));
    }
    lost_by_tls = false;
    encrypted = true;
    return Done{};
}

Status LdapSession::State::bind()
{
    berval none{0, nullptr};
    int code = 0;
    TRY(Reply reply, exchange("anonymous bind", [&](int* id) {
            return ldap_sasl_bind(ld.get(), "", LDAP_SASL_SIMPLE, &none, nullptr, nullptr, id);
        }));
    return code_of("anonymous bind", reply.get(), {LDAP_SUCCESS}, code);
}

Status LdapSession::State::read_root()
{
    static char contexts[] = "namingContexts";
    char* wanted[] = {contexts, nullptr};
    int code = 0;
    TRY(Reply reply, exchange("root DSE", [&](int* id) {
            return ldap_search_ext(ld.get(), "", LDAP_SCOPE_BASE, "(objectClass=*)", wanted, 0, nullptr,
                                   nullptr, nullptr, 1, id);
        }));
    CHECK(code_of("root DSE", reply.get(), {LDAP_SUCCESS, LDAP_NO_SUCH_OBJECT}, code));
    for (auto* entry = ldap_first_entry(ld.get(), reply.get()); entry;
         entry = ldap_next_entry(ld.get(), entry))
        each_value(ld.get(), entry, [&](std::string_view name, std::string_view value) {
            if (equal_ignoring_case(name, contexts) && bases.size() < bases_max &&
                value.size() <= base_bytes_max && value.find('\0') == value.npos)
                bases.emplace_back(value);
        });
    if (bases.empty()) bases.emplace_back();
    return Done{};
}

LdapSession::LdapSession(std::unique_ptr<State> state) : state_(std::move(state)) {}
LdapSession::LdapSession(LdapSession&&) noexcept = default;
LdapSession& LdapSession::operator=(LdapSession&&) noexcept = default;
LdapSession::~LdapSession() = default;

Result<LdapSession> LdapSession::open(const std::string& host, unsigned port,
                                      const std::vector<std::string>& addresses, const LdapOptions& options,
                                      const AddressGuard& guard, const Budget& budget)
{
    prepare_library();
    const std::string server = host + ":" + std::to_string(port);
    if (!is_host(host)) return fail(temporary("an LDAP server whose name is no host name is not asked"));
    const auto deadline = std::min(budget.deadline, std::chrono::steady_clock::now() + options.timeout);
    LdapOptions how = options;
    for (;;) {
        auto state = std::make_unique<State>(server, how, deadline);
        CHECK(state->connect(addresses, port, guard));
        auto begun = state->begin(host, port);
        if (begun) return LdapSession(std::move(state));
        // TLS was a kindness: where it breaks the conversation, one in clear follows.
        const bool again =
            state->lost_by_tls && how.tls == LdapOptions::Tls::attempt && !is_ldaps(options, port);
        if (!again) return fail(begun.error());
        how.tls = LdapOptions::Tls::off;
    }
}

const std::vector<std::string>& LdapSession::bases() const
{
    return state_->bases;
}

bool LdapSession::encrypted() const
{
    return state_->encrypted;
}

const std::string& LdapSession::address() const
{
    return state_->address;
}

Result<std::vector<std::string>> LdapSession::certificates(const std::string& base, std::string_view mail)
{
    static char binary[] = "userCertificate;binary", plain[] = "userCertificate";
    char* wanted[] = {binary, plain, nullptr};
    const std::string filter = "(mail=" + filter_value(mail) + ")";
    const char* what = "search";
    auto& s = *state_;
    if (s.socket.time_left().count() == 0) return fail(temporary(s.server + ": the time for it is over"));
    int code = 0;
    TRY(Reply reply, s.exchange(what, [&](int* id) {
        return ldap_search_ext(s.ld.get(), base.c_str(), LDAP_SCOPE_SUBTREE, filter.c_str(), wanted, 0,
                               nullptr, nullptr, nullptr, static_cast<int>(s.options.entries_max), id);
    }));
    // A referral is not followed: what another server holds, that server's domain has to name. What strangers may
    // not read, or not by this base, nobody has published for them.
    CHECK(s.code_of(
        what, reply.get(),
        {LDAP_SUCCESS, LDAP_NO_SUCH_OBJECT, LDAP_REFERRAL, LDAP_SIZELIMIT_EXCEEDED, LDAP_INSUFFICIENT_ACCESS,
         LDAP_INAPPROPRIATE_AUTH, LDAP_OPERATIONS_ERROR, LDAP_UNWILLING_TO_PERFORM, LDAP_INVALID_DN_SYNTAX},
        code));
    std::vector<std::string> found;
    std::size_t entries = 0;
    for (auto* entry = ldap_first_entry(s.ld.get(), reply.get()); entry && entries < s.options.entries_max;
         entry = ldap_next_entry(s.ld.get(), entry), ++entries)
        each_value(s.ld.get(), entry, [&](std::string_view name, std::string_view value) {
            // One more than is looked at, so that it is told.
            if (is_user_certificate(name) && found.size() <= ldap_values_max) found.emplace_back(value);
        });
    if (found.empty() && code == LDAP_SIZELIMIT_EXCEEDED)
        return fail(temporary(s.server + ": more entries than it may answer, none with a certificate"));
    return found;
}

}  // namespace direct
