// postfix.cpp - the rules: mail reaches us, fails closed, is not larger than we take, comes back in where we are
// not called again, and does not leave a Direct domain by an alias.
#include "milter/ctl/postfix.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "milter/base/address.h"
#include "milter/base/text.h"

namespace direct::ctl {
namespace {

using Service = PostfixView::Service;

/// Words of a list value: blanks and commas separate, {...} holds together.
std::vector<std::string> words_of(std::string_view value)
{
    std::vector<std::string> out(1);
    int open = 0;
    for (char c : value) {
        open += c == '{' ? 1 : c == '}' ? -1 : 0;
        bool separates = open <= 0 && c != '}' && (c == ' ' || c == ',' || c == '\t' || c == '\n');
        if (separates && !out.back().empty()) out.emplace_back();
        if (!separates) out.back() += c;
    }
    if (out.back().empty()) out.pop_back();
    return out;
}

/// Is this word of smtpd_milters our socket? Postfix may write it relative to its queue folder, so unix
/// sockets are held together by their end.
bool is_ours(const std::string& word, const Settings& settings)
{
    auto bare = word.starts_with('{')
                    ? std::string(trim(std::string_view(word).substr(1, word.find_first_of(",}") - 1)))
                    : word;
    for (const char* prefix : {"unix:", "local:"})
        if (bare.starts_with(prefix)) bare = "unix:" + bare.substr(std::string(prefix).size());
    const auto& socket = settings.milter_socket;
    if (bare == socket) return true;
    if (socket.starts_with("unix:") && bare.starts_with("unix:")) {
        auto relative = bare.substr(5);
        return !relative.empty() && relative.front() != '/' && socket.ends_with("/" + relative);
    }
    // "inet:8890" and "inet:localhost:8890" mean the loopback that ours names.
    auto port = [](const std::string& s) { return s.substr(s.rfind(':') + 1); };
    return socket.starts_with("inet:") && bare.starts_with("inet:") && port(socket) == port(bare);
}

bool calls_us(const std::string& milters, const Settings& settings)
{
    auto words = words_of(milters);
    return std::any_of(words.begin(), words.end(), [&](auto& w) { return is_ours(w, settings); });
}

/// milter_default_action that holds for our socket in this list: its own in braces, or the general one.
std::string default_action(const std::string& milters, const std::string& general, const Settings& settings)
{
    for (const auto& word : words_of(milters)) {
        auto at = is_ours(word, settings) ? word.find("default_action") : word.npos;
        if (at == word.npos) continue;
        auto value = word.substr(word.find('=', at) + 1);
        return std::string(trim(value.substr(0, value.find_first_of(",}"))));
    }
    return general;
}

std::vector<Service> smtpd_services(const PostfixView& postfix)
{
    std::vector<Service> out;
    for (const auto& s : postfix.services)
        if (s.command == "smtpd" && (s.type == "inet" || s.type == "pass")) out.push_back(s);
    return out;
}

/// What Postfix tells a submitter itself is told to us by copies of its bounces, and they go nowhere else.
void check_bounce_copies(const PostfixView& postfix, const Settings& settings, Findings& findings)
{
    const auto to_us = "direct-dsn+bounced@" + report_domain_of(settings);
    bool copied = false;
    for (const auto& s : postfix.services) {
        const auto classes = s.options.find("notify_classes");
        if (s.command != "bounce" || classes == s.options.end()) continue;
        const auto words = words_of(classes->second);
        if (std::find(words.begin(), words.end(), "bounce") == words.end()) continue;
        const auto where = postfix.value(s, "bounce_notice_recipient");
        if (where == to_us)
            copied = copied || s.name == "bounce";
        else
            findings.warning("Postfix service " + s.name + ": bounce_notice_recipient is \"" + where +
                                 "\": it gets the headers of opened Direct mail, Subject and all, in clear",
                             "copy the bounce lines of conf/postfix/master.cf, with " + to_us);
    }
    if (!copied)
        findings.note(
            "copies of Postfix's bounces do not come to us: whose message Postfix itself has given back "
            "hears "
            "after notify.processed_within a second time that it failed",
            "copy the bounce lines of conf/postfix/master.cf, with " + to_us);
}

void check_milter(const PostfixView& postfix, const Settings& settings, Findings& findings)
{
    bool called = false;
    for (const auto& s : smtpd_services(postfix)) {
        auto milters = postfix.value(s, "smtpd_milters");
        if (!calls_us(milters, settings)) continue;
        called = true;
        auto action = default_action(milters, postfix.value(s, "milter_default_action"), settings);
        if (action != "tempfail")
            findings.fault("Postfix service " + s.name + ": milter_default_action is \"" + action +
                               "\": while the daemon is down, mail passes unchecked or is lost",
                           "postconf -e milter_default_action=tempfail");
    }
    if (!called)
        findings.fault("no smtpd service of Postfix calls " + settings.milter_socket,
                       "postconf -e smtpd_milters=" + settings.milter_socket);
    if (!calls_us(postfix.value("non_smtpd_milters"), settings))
        findings.warning(
            "mail from sendmail(1) does not pass us: a local program could send in clear with a Direct From",
            "postconf -e non_smtpd_milters=" + settings.milter_socket);
    check_bounce_copies(postfix, settings, findings);
    for (const auto& word : words_of(postfix.value("notify_classes")))
        if (word == "bounce" || word == "2bounce" || word == "delay")
            findings.warning(
                "notify_classes has \"" + word +
                    "\": the postmaster gets the headers of opened Direct mail, Subject and all, in clear",
                "postconf -e notify_classes=resource,software");
    for (const auto& word : words_of(postfix.value("internal_mail_filter_classes")))
        if (word == "bounce" || word == "notify")
            findings.warning(
                "internal_mail_filter_classes has \"" + word +
                    "\": Postfix's own notices to Direct addresses would be refused as plain mail",
                "postconf -e internal_mail_filter_classes=");
}

void check_sizes(const PostfixView& postfix, const Settings& settings, Findings& findings)
{
    auto text = postfix.value("message_size_limit");
    std::uint64_t limit = 0;
    std::from_chars(text.data(), text.data() + text.size(), limit);
    auto most = std::to_string(settings.milter_message_max);
    if (limit == 0)
        findings.fault(
            "message_size_limit is 0 (no limit): what is larger than milter.message_max is refused after it "
            "was sent",
            "postconf -e message_size_limit=60000000, at most " + most);
    else if (limit > settings.milter_message_max)
        findings.fault("message_size_limit (" + text + ") is above milter.message_max (" + most +
                           "): mail that Postfix takes is refused by us",
                       "lower message_size_limit or raise milter.message_max");
}

/// Postfix's "300s", "5m", "1h", "2d"; a bare number counts seconds. Nothing when it cannot be read.
std::optional<seconds> postfix_time(const std::string& text)
{
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string unit(end, text.data() + text.size());
    if (error != std::errc() || number < 0 || number > 1'000'000) return std::nullopt;
    if (unit.empty() || unit == "s") return seconds(number);
    if (unit == "m") return seconds(number * 60);
    if (unit == "h") return seconds(number * 3600);
    if (unit == "d") return seconds(number * 86400);
    return std::nullopt;
}

void check_pace(const PostfixView& postfix, const Settings& settings, Findings& findings)
{
    // Our answer comes after all waiting and all look-ups; the rest is for the work itself and the disk.
    constexpr auto for_the_work = seconds(60);
    const auto patience = postfix_time(postfix.value("milter_content_timeout"));
    const auto ours =
        std::chrono::ceil<seconds>(settings.limits_work_wait + settings.policy_budget) + for_the_work;
    if (patience && *patience < ours)
        findings.warning(
            "milter_content_timeout (" + postfix.value("milter_content_timeout") +
                ") is less than limits.work_wait, policy.budget and a minute for the work: under load "
                "Postfix gives up before we answer",
            "postconf -e milter_content_timeout=300s, or lower limits.work_wait");
    // A message we take is discarded in this queue and comes back by re-injection: Postfix counts it as arrived
    // and never as delivered, and brakes what arrives to about a hundred messages a second.
    auto delay = postfix_time(postfix.value("in_flow_delay"));
    for (const auto& s : postfix.services)
        if (s.command == "cleanup" && s.options.count("in_flow_delay"))
            delay = postfix_time(s.options.at("in_flow_delay"));
    if (delay && delay->count() > 0)
        findings.note(
            "in_flow_delay is not 0: Postfix lets in about 100 inbound Direct messages a second at most",
            "postconf -e in_flow_delay=0");
}

/// The port of "127.0.0.1:10026", "localhost:10026", "10026".
std::string port_of(const std::string& name)
{
    return name.substr(name.rfind(':') + 1);
}

void check_listeners(const PostfixView& postfix, const Settings& settings, Findings& findings)
{
    const Service* reinject = nullptr;
    bool report = false, submission = settings.listeners_submission.empty();
    auto services = smtpd_services(postfix);
    for (const auto& s : services) {
        if (port_of(s.name) == port_of(settings.reinject_smtp)) reinject = &s;
        auto daemon = postfix.value(s, "milter_macro_daemon_name");
        auto named = [&](const std::vector<std::string>& names) {
            return std::find(names.begin(), names.end(), daemon) != names.end();
        };
        report = report || named(settings.listeners_report);
        submission = submission || named(settings.listeners_submission);
    }
    if (!reinject)
        findings.fault("master.cf has no smtpd on " + settings.reinject_smtp +
                           " (reinject.smtp): what we owe cannot be handed over",
                       "copy the direct-reinject lines of conf/postfix/master.cf");
    else if (calls_us(postfix.value(*reinject, "smtpd_milters"), settings))
        findings.fault(
            "the listener " + reinject->name + " calls our milter: opened mail would come back to us",
            "give it -o smtpd_milters= with every milter but ours");
    if (!report)
        findings.fault("no smtpd is named " + join(settings.listeners_report, ", ") +
                           " (milter_macro_daemon_name): delivery reports are not understood",
                       "copy the direct-report lines of conf/postfix/master.cf");
    if (!submission)
        findings.note("no smtpd is named " + join(settings.listeners_submission, ", ") +
                          ": only logins, not listed clients, can submit",
                      "give the submission service -o milter_macro_daemon_name=" +
                          settings.listeners_submission.front());
}

void check_report_domain(const PostfixView& postfix, const Settings& settings, Findings& findings)
{
    auto domain = report_domain_of(settings);
    for (const auto& map : words_of(postfix.value("transport_maps"))) {
        if (map.starts_with("proxy:") || !postfix.lookup) continue;
        if (auto answer = postfix.lookup(domain, map); answer.starts_with("smtp:")) return;
    }
    findings.warning(
        "transport_maps sends nothing for " + domain + " to the report listener: delivery reports get lost",
        "add \"" + domain + " smtp:[127.0.0.1]:10027\" to a transport map");
}

/// Does this right-hand side leave the Direct domains?
std::vector<std::string> outside(const std::string& value, const Settings& settings)
{
    std::vector<std::string> out;
    for (const auto& word : words_of(value)) {
        auto at = word.rfind('@');
        if (at == word.npos) continue;
        auto domain = normal_domain(word.substr(at + 1));
        if (!domain || !settings.domain(*domain)) out.push_back(word);
    }
    return out;
}

bool is_direct(const std::string& key, const Settings& settings)
{
    auto domain = normal_domain(key.substr(key.rfind('@') + 1));
    return domain && settings.domain(*domain);
}

void check_aliases(const PostfixView& postfix, const Settings& settings, Findings& findings)
{
    constexpr const char* remedy =
        "let aliases of a Direct domain end in that domain: the mail behind them is opened mail";
    for (const char* name : {"virtual_alias_maps", "recipient_bcc_maps", "sender_bcc_maps"})
        for (const auto& map : words_of(postfix.value(name))) {
            if (!postfix.list) break;
            for (const auto& [key, value] : postfix.list(map))
                if (is_direct(key, settings))
                    for (const auto& target : outside(value, settings))
                        findings.warning(
                            std::string(name) + " " + map + ": " + key + " leads out to " + target, remedy);
        }
    for (const auto& target : outside(postfix.value("always_bcc"), settings))
        findings.fault("always_bcc copies every message to " + target + ", opened Direct mail too", remedy);
    for (const auto& word : words_of(postfix.value("mydestination")))
        if (is_direct(word, settings))
            findings.warning(
                word + " is in mydestination: users' .forward files and alias_maps may lead opened mail out",
                "deliver it as a virtual_mailbox_domains domain, or set forward_path and alias_maps for it");
}

void check_origin(const PostfixView& postfix, const Settings& settings, Findings& findings)
{
    auto origin = postfix.value("myorigin");
    if (is_direct(origin, settings))
        findings.fault(
            "myorigin is " + origin +
                ": a recipient without a domain reaches a Direct mailbox as mail that is none of ours",
            "postconf -e 'myorigin=$myhostname', a name that is not a Direct domain");
}

}  // namespace

void check_postfix(const PostfixView& postfix, const Settings& settings, Findings& findings)
{
    check_milter(postfix, settings, findings);
    check_sizes(postfix, settings, findings);
    check_pace(postfix, settings, findings);
    check_listeners(postfix, settings, findings);
    check_report_domain(postfix, settings, findings);
    check_aliases(postfix, settings, findings);
    check_origin(postfix, settings, findings);
}

}  // namespace direct::ctl
