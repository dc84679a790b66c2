// explain.cpp - runs the way of a message on a file: the agent's own code, a decision per recipient with all
// its reasons. Changes nothing, sends nothing; one audit entry says who asked, before anything is opened.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "milter/base/text.h"
#include "milter/ctl/access.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/print.h"
#include "milter/mime/wrap.h"
#include "milter/newuser/held_record.h"
#include "milter/newuser/subject.h"
#include "milter/notify/report_reader.h"
#include "milter/sta/outbound.h"

namespace direct::ctl {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t message_file_max = 1024u << 20;

/// What came of it, whichever direction.
struct Story {
    std::vector<RecipientVerdict> verdicts;
    std::string message_id, from, signer, cipher;
    std::vector<std::string> warnings;
    bool inbound = false, encrypted = false, verified = false, wrapped = false;
    std::string goes_on;  ///< the message that would go on; empty when none does

    bool any_good() const
    {
        return std::any_of(verdicts.begin(), verdicts.end(), [](auto& v) { return !is_refusal(v.reason); });
    }
    bool all_temporary() const
    {
        return std::all_of(verdicts.begin(), verdicts.end(), [](auto& v) { return is_temporary(v.reason); });
    }
    Reason overall() const
    {
        for (bool wanted : {true, false})
            for (const auto& v : verdicts)
                if (is_refusal(v.reason) && is_temporary(v.reason) == wanted) return v.reason;
        return verdicts.empty() ? Reason::temporary : verdicts.front().reason;
    }
};

class Explaining {
public:
    Explaining(const Common& common, const Site& site, std::string message)
        : common_(common), site_(site), message_(std::move(message))
    {
    }
    Story inbound(const std::vector<Address>& to);
    Story outbound(const std::vector<Address>& to, const std::string& login);

private:
    Story too_large(const std::vector<Address>& to) const;
    NewuserOptions newuser_options() const;
    void read_newuser(RecipientVerdict& verdict, std::string_view message, Story& story,
                      std::string* for_person);

    const Common& common_;
    const Site& site_;
    Engine engine_;
    std::string message_;
};

NewuserOptions Explaining::newuser_options() const
{
    NewuserOptions options;
    for (const auto& d : site_.settings->domains)
        if (!d.newuser.empty()) options.own_newuser.push_back({d.newuser, d.name});
    options.strip_prefixes = site_.settings->newuser_strip_prefixes;
    options.smtputf8 = site_.settings->newuser_smtputf8;
    return options;
}

void Explaining::read_newuser(RecipientVerdict& verdict, std::string_view message, Story& story,
                              std::string* for_person)
{
    auto entity = read_entity(message, site_.mime_limits());
    auto line = entity ? read_newuser_headers(entity->header_bytes, newuser_options())
                       : Result<NewuserLine>(fail(entity.error()));
    if (!line) {
        verdict.reason = line.error().reason;
        verdict.because.push_back(line.error().why);
        return;
    }
    verdict.reason = Reason::held;
    story.warnings.insert(story.warnings.end(), line->warnings.begin(), line->warnings.end());
    if (story.inbound && !story.wrapped && !line->question.empty()) story.warnings.push_back("W2");
    if (!for_person) return;
    if (auto readable = message_for_person(message, *line, site_.settings->limits_headers))
        *for_person = *readable;
}

Story Explaining::too_large(const std::vector<Address>& to) const
{
    Story story;
    for (const auto& a : to)
        story.verdicts.push_back({a, Reason::too_large, {"larger than milter.message_max"}, {}});
    return story;
}

Story Explaining::inbound(const std::vector<Address>& to)
{
    if (message_.size() > site_.settings->milter_message_max) return too_large(to);
    Story story;
    story.inbound = true;
    std::vector<Address> ours;
    for (const auto& a : to) {
        if (site_.domain_of(a))
            ours.push_back(a);
        else
            story.verdicts.push_back(
                {a, Reason::untouched, {"in no Direct domain of ours: keeps the message as it came"}, {}});
    }
    if (ours.empty()) {
        story.goes_on = message_;
        return story;
    }
    auto opened = open_inbound(site_, engine_, {message_, ours, common_.now});
    story.encrypted = opened.encrypted;
    story.verified = opened.verified;
    story.wrapped = opened.wrapped;
    story.cipher = opened.cipher;
    story.warnings = opened.warnings;
    // Before a signature has verified the From is only what somebody claims.
    if (opened.verified && opened.from) story.from = opened.from->text();
    story.message_id = opened.message_id;
    if (opened.signer) story.signer = opened.signer->fingerprint();
    bool mailbox = false;
    std::string for_person;
    for (auto& v : opened.verdicts) {
        if (v.reason == Reason::not_encrypted && site_.domain_of(v.recipient)->plain == "pass" &&
            !site_.is_newuser(v.recipient)) {
            v.reason = Reason::untouched;
            v.because.push_back("plain mail passed by domain.plain");
        } else if (v.reason == Reason::accepted && site_.is_newuser(v.recipient)) {
            if (!opened.wrapped && site_.settings->newuser_require_wrapped) {
                v.reason = Reason::not_wrapped;
                v.because.push_back(
                    "newuser takes the person's address only from a Subject under the signature");
            } else {
                read_newuser(v, opened.message, story, &for_person);
            }
        }
        mailbox = mailbox || v.reason == Reason::accepted;
        story.verdicts.push_back(std::move(v));
    }
    if (mailbox) {
        // The newuser line carries the answer: whoever else gets the message does not see it.
        auto subject = for_person.empty() ? std::string() : site_.settings->outbound_subject;
        auto clear = deliverable(opened.message, site_.authserv_id, {}, subject, site_.mime_limits());
        if (clear) story.goes_on = std::move(*clear);
    } else if (!for_person.empty()) {
        story.goes_on = std::move(for_person);
    } else if (story.any_good()) {
        story.goes_on = message_;
    }
    return story;
}

Story Explaining::outbound(const std::vector<Address>& to, const std::string& login)
{
    if (message_.size() > site_.settings->milter_message_max) return too_large(to);
    Story story;
    auto all = [&](Reason reason, std::string why) {
        for (const auto& a : to) story.verdicts.push_back({a, reason, {why}, {}});
        return story;
    };
    auto entity = read_entity(message_, site_.mime_limits());
    if (!entity) return all(entity.error().reason, entity.error().why);
    story.message_id = message_id(entity->headers);
    auto who = originators(entity->headers);
    if (!who) return all(who.error().reason, who.error().why);
    story.from = who->from.text();
    if (!site_.domain_of(who->from)) {
        for (const auto& a : to)
            story.verdicts.push_back(
                site_.domain_of(a)
                    ? RecipientVerdict{a, Reason::not_encrypted, {"plain mail to a Direct address"}, {}}
                    : RecipientVerdict{a, Reason::untouched, {"From is in no Direct domain of ours"}, {}});
        if (story.any_good()) story.goes_on = message_;
        return story;
    }
    for (const auto* one : {&who->from, who->sender ? &*who->sender : nullptr})
        if (one && !may_send_as(site_, login, *one))
            return all(Reason::not_authorised, "login " + login + " may not send as " + one->text());
    OutboundMail mail{message_, who->from,   {},
                      {},       common_.now, is_small_notice(message_, site_.mime_limits())};
    std::vector<Address> newuser;
    for (const auto& a : to)
        (site_.is_newuser(a) ? newuser : site_.domain_of(a) ? mail.local : mail.outside).push_back(a);
    auto sealed = seal_outbound(site_, engine_, mail);
    if (!sealed.message_id.empty()) story.message_id = sealed.message_id;
    story.signer = sealed.signer;
    story.verdicts = std::move(sealed.verdicts);
    if (sealed.leg)
        story.goes_on = sealed.leg->message();
    else if (sealed.any_good())
        story.goes_on = message_;
    for (const auto& a : newuser) {
        RecipientVerdict v{a, Reason::temporary, {}, {}};
        read_newuser(v, message_, story, story.goes_on.empty() ? &story.goes_on : nullptr);
        story.verdicts.push_back(std::move(v));
    }
    return story;
}

Json to_json(const Story& story, const ExplainOptions& given, const std::string& help_url)
{
    Json json;
    json["direction"] = given.direction;
    json["recipients"] = Json::array();
    for (const auto& v : story.verdicts) {
        Json row;
        row["address"] = v.recipient.text();
        row["decision"] = token_of(v.reason);
        row["dsn"] = row_of(v.reason).dsn;
        row["because"] = v.because;
        row["certificates"] = v.certificates;
        json["recipients"].push_back(std::move(row));
    }
    json["message_id"] = story.message_id;
    json["from"] = story.from;
    json["signer"] = story.signer;
    if (story.inbound) {
        json["encrypted"] = story.encrypted;
        json["verified"] = story.verified;
        json["wrapped"] = story.wrapped;
        if (!story.cipher.empty()) json["cipher"] = story.cipher;
    }
    json["warnings"] = story.warnings;
    if (!story.any_good()) {
        auto answer = answer_for(story.overall(), !story.inbound || story.verified, help_url);
        json["reply"] = {{"code", answer.code}, {"dsn", answer.dsn}, {"text", answer.text}};
    } else {
        json["reply"] = {{"code", 250}, {"dsn", "2.0.0"}, {"text", "ok"}};
    }
    return json;
}

void print_story(const Story& story, const Json& json)
{
    for (const auto& v : story.verdicts) {
        std::printf("%s: %s (%s)\n", printable(v.recipient.text()).c_str(),
                    std::string(token_of(v.reason)).c_str(), row_of(v.reason).dsn);
        std::printf("  %s\n", std::string(row_of(v.reason).admin).c_str());
        for (const auto& why : v.because) std::printf("  - %s\n", printable(why).c_str());
        for (const auto& c : v.certificates) std::printf("  certificate %s\n", c.c_str());
    }
    const auto& reply = json["reply"];
    std::printf("The peer is told: %d %s %s\n", reply["code"].get<int>(),
                reply["dsn"].get_ref<const std::string&>().c_str(),
                printable(reply["text"].get_ref<const std::string&>()).c_str());
}

/// Where --out goes, opened with the caller's own rights before the change of user. Nobody else may read it.
class OutFile {
public:
    Status open(const std::string& path)
    {
        path_ = path;
        fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        struct stat s {};
        if (fd_ < 0 || ::fstat(fd_, &s) != 0 || !S_ISREG(s.st_mode) || ::fchmod(fd_, 0600) != 0 ||
            ::ftruncate(fd_, 0) != 0)
            return fail(refuse(Reason::input, path + " cannot be written"));
        return Done{};
    }
    Status write(std::string_view bytes)
    {
        while (!bytes.empty()) {
            auto n = ::write(fd_, bytes.data(), bytes.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return fail(temporary(path_ + " cannot be written"));
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return Done{};
    }
    ~OutFile()
    {
        if (fd_ >= 0) ::close(fd_);
    }

private:
    std::string path_;
    int fd_ = -1;
};

Result<std::vector<Address>> addresses(const std::vector<std::string>& given)
{
    std::vector<Address> out;
    for (const auto& text : given) {
        auto path = parse_path(text);
        if (!path || !*path) return fail(refuse(Reason::input, "--to " + text + ": no address"));
        if (std::find(out.begin(), out.end(), **path) == out.end()) out.push_back(**path);
    }
    return out;
}

Note note_of(const ExplainOptions& given, const std::string& message, const MimeLimits& limits)
{
    Note note;
    note.event = "explain";
    note.detail = "direction " + given.direction + (given.out.empty() ? "" : ", message written to a file");
    note.sender = given.from.substr(0, 320);
    note.recipient = join(given.to, ", ").substr(0, 4000);
    if (auto entity = read_entity(message, limits))
        note.message_id = message_id(entity->headers).substr(0, 900);
    return note;
}

}  // namespace

int cmd_explain(const Common& common, const ExplainOptions& options)
{
    auto given = options;
    if (given.message.empty() && given.to.size() > 1) {
        // `--to A B MESSAGE`: an option that takes several takes what follows it as well.
        given.message = given.to.back();
        given.to.pop_back();
    }
    if (given.message.empty()) return tell_usage("MESSAGE is missing");
    if (given.direction != "in" && given.direction != "out") return tell_usage("--direction is in or out");
    auto to = addresses(given.to);
    if (!to) return tell(to.error());
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    auto message = read_whole_file(given.message, message_file_max);
    if (!message) return tell(refuse(Reason::input, message.error().why));
    OutFile out;
    if (!given.out.empty())
        if (auto opened = out.open(given.out); !opened) return tell(opened.error());
    Site limits;
    limits.settings = *settings;
    if (auto noted = write_note(common, *settings, note_of(given, *message, limits.mime_limits())); !noted)
        return tell(noted.error());
    // From here on hostile bytes are read: never as root, unless store and keys are root's own (a trial).
    if (auto became = become_store_owner(**settings); !became) return tell(became.error());
    auto site = load_site(*settings, common.now);
    Explaining explaining(common, *site, to_crlf(*message));
    auto story = given.direction == "in"
                     ? explaining.inbound(*to)
                     : explaining.outbound(*to, given.login.empty() ? given.from : given.login);
    if (!given.out.empty() && story.any_good())
        if (auto written = out.write(story.goes_on); !written) return tell(written.error());
    auto json = to_json(story, given, (*settings)->newuser_help_url);
    if (given.text)
        print_story(story, json);
    else
        std::printf("%s\n",
                    json.dump(common.json ? -1 : 2, ' ', false, Json::error_handler_t::replace).c_str());
    if (story.any_good()) return done;
    return story.all_temporary() ? later : refused;
}

}  // namespace direct::ctl
