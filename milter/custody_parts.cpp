#include "milter/custody_parts.h"

#include <syslog.h>

#include <algorithm>
#include <map>
#include <set>

#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/notify/once.h"
#include "milter/store/codec.h"

namespace direct {

AuditEntry audit_of(const Facts& facts, const char* event, const RecipientVerdict& verdict,
                    const std::string& sender, const std::string& message_id)
{
    AuditEntry e;
    e.at = facts.now;
    e.event = event;
    e.who = facts.login.empty() ? sender : "login " + facts.login;
    e.from_host = facts.client_ip.empty() ? "local" : facts.client_ip;
    e.sender = sender;
    e.recipient = verdict.recipient.text();
    e.message_id = message_id;
    e.queue_id = facts.queue_id;
    e.token = token_of(verdict.reason);
    e.detail = join(verdict.because, "; ");
    e.certificates = verdict.certificates;
    keep_small(e);
    return e;
}

void log_decision(const Facts& facts, const RecipientVerdict& verdict, const std::string& sender)
{
    count_decision(static_cast<unsigned>(verdict.reason));
    LogLine line(is_refusal(verdict.reason) ? LOG_NOTICE : LOG_INFO, facts.queue_id, "decision");
    line.with("from", sender).with("to", verdict.recipient.text()).with("token", token_of(verdict.reason));
    if (!verdict.because.empty()) line.with("because", verdict.because.back());
}

Result<bool> append_refusal(WriteTxn& txn, const House& house, const Facts& facts,
                            std::vector<AuditEntry> entries, std::uint64_t beside)
{
    if (facts.login.empty())
        return append_refusals(txn, house.store, std::move(entries), facts.now,
                               house.site()->settings->store_size_max, beside);
    for (auto& e : entries) CHECK(append_audit(txn, house.store, std::move(e)));
    return true;
}

void tell_counted(bool singly)
{
    if (!singly) count(Metric::refusals_summed_total);
}

Status PreparedEntry::write(WriteTxn& txn) const
{
    CHECK(content->attach(txn));
    return owe(txn, entry);
}

Result<PreparedEntry> prepare_entry(RecordStore& store, const Facts& facts, std::string kind,
                                    std::string envelope_from, std::string envelope_id, std::string notify,
                                    std::vector<std::string> recipients, std::string_view message)
{
    PreparedEntry p;
    TRY(p.content, store.prepare(message));
    auto& e = p.entry;
    e.id = new_id();
    e.kind = std::move(kind);
    e.envelope_from = std::move(envelope_from);
    e.envelope_id = std::move(envelope_id);
    e.notify = std::move(notify);
    e.recipients = std::move(recipients);
    e.content = p.content->ref();
    e.queue_id = facts.queue_id;
    e.created_ms = e.due_ms = facts.now.time_since_epoch().count();
    return p;
}

Result<NewuserLine> read_line(const Site& site, std::string_view message)
{
    NewuserOptions options;
    for (const auto& d : site.settings->domains)
        if (!d.newuser.empty()) options.own_newuser.push_back({d.newuser, d.name});
    options.strip_prefixes = site.settings->newuser_strip_prefixes;
    options.smtputf8 = site.settings->newuser_smtputf8;
    TRY(auto entity, read_entity(message, site.mime_limits()));
    return read_newuser_headers(entity.header_bytes, options);
}

Result<PreparedPickup> prepare_pickup(Taking& taking, const PickupSource& source, const Address& recipient,
                                      NewuserLine line)
{
    PreparedPickup p;
    p.recipient = recipient;
    const auto* domain = taking.site.domain_of(recipient);
    if (!domain) return fail(refuse(Reason::unknown_recipient, "no such domain"));
    TRY(auto readable, message_for_person(source.message, line, taking.site.settings->limits_headers));
    HeldRequest request;
    request.domain = domain;
    request.settings = taking.site.settings.get();
    request.line = std::move(line);
    request.message = readable;
    request.sender = source.sender;
    request.sender_organisation = source.organisation;
    request.sender_fingerprint = source.fingerprint;
    request.message_id = source.message_id;
    request.queue_id = taking.facts.queue_id;
    request.newuser_address = recipient.text();
    request.wrapped = source.wrapped;
    request.now = taking.facts.now;
    auto& house = taking.house;
    auto held = prepare_held(house.store, house.pepper, house.derivations, std::move(request));
    cleanse(readable.data(), readable.size());
    if (!held) return fail(held.error());
    p.held = std::move(*held);
    TRY(p.notice, prepare_notice(house.store, p.held.record, *domain, *taking.site.settings, taking.site.host,
                                 taking.facts.queue_id, taking.facts.now));
    return p;
}

void PreparedPickup::keep()
{
    held.content->keep();
    if (notice) notice->content->keep();
}

bool is_newuser_refusal(const Fault& fault)
{
    // Busy is trouble of ours that ends in a moment: everybody's 4xx, or a message beside a mailbox would lose
    // its held record to a short rush.
    return fault.reason != Reason::newuser_busy && token_of(fault.reason).starts_with("newuser:");
}

Result<std::string> without_line(const Site& site, std::string_view message, const Result<NewuserLine>& line)
{
    NewuserLine plain;
    plain.real_subject =
        line && !line->real_subject.empty() ? line->real_subject : site.settings->outbound_subject;
    return message_for_person(message, plain, site.settings->limits_headers);
}

Status write_pickup(WriteTxn& txn, const House& house, const Site& site, const Facts& facts,
                    const PreparedPickup& p)
{
    CHECK(p.held.write(txn, house.store, *site.settings));
    CHECK(p.notice->write(txn));
    AuditEntry e;
    e.at = facts.now;
    e.event = "notice-queued";
    e.who = "direct-milter";
    e.sender = p.held.record.sender;
    e.recipient = p.held.record.contact;
    e.message_id = p.held.record.message_id;
    e.queue_id = facts.queue_id;
    e.token = "ok";
    e.detail = "held record " + hex(p.held.record.id);
    return append_audit(txn, house.store, std::move(e));
}

Result<bool> first_time(WriteTxn& txn, const RecordStore& store, const char* kind,
                        const std::string& message_id, const std::string& from, const Address& recipient,
                        const std::string& content, Time now)
{
    return direct::first_time(txn, once_key(store, kind, message_id, from, recipient.text(), content), kind,
                              now);
}

std::string once_id_of(const Site& site, std::string_view message, const std::string& message_id,
                       const std::string& sending)
{
    if (!message_id.empty()) return message_id;
    const auto entity = read_entity(message, site.mime_limits());
    return entity && entity->headers.count("Date") > 0 ? "" : "sent " + sending;
}

std::string once_id_of(const Site& site, const OpenedMail& opened, const std::string& ciphertext)
{
    return once_id_of(site, opened.wrapped ? opened.message : "", opened.message_id, ciphertext);
}

std::string made_message_id(const RecordStore& store, const Address& from,
                            const std::vector<Recipient>& recipients, const std::string& once_id,
                            const std::string& content)
{
    std::set<std::string> to;  // in whatever order, and however often, they were given
    for (const auto& r : recipients) to.insert(r.address ? r.address->key() : r.path);
    std::string text;
    append_field(text, 1, from.key());
    append_field(text, 2, once_id);
    append_field(text, 3, content);
    for (const auto& r : to) append_field(text, 4, r);
    return hex(store.index_key("made-message-id", text));
}

Plan plan_for(const Fault& fault, const std::string& help_url)
{
    Plan plan;
    // A fault of ours never becomes a refusal for good, whatever reason it carries.
    auto reason =
        fault.retry == Retry::later && !is_temporary(fault.reason) ? Reason::temporary : fault.reason;
    plan.refuse(answer_for(reason, true, help_url));
    return plan;
}

namespace {

// The MTA takes folds as LF.
std::string without_cr(std::string_view value)
{
    std::string out(value);
    out.erase(std::remove(out.begin(), out.end(), '\r'), out.end());
    return out;
}

}  // namespace

// It is ours: as long as the submitted one, which the site's limits have let in, and a little more.
Result<Entity> outer_of(const SealedLeg& leg)
{
    MimeLimits limits;
    limits.headers = std::max(limits.headers, leg.outer.size());
    return read_entity(leg.outer, limits);
}

void replace_header(Plan& plan, const std::vector<std::pair<std::string, int>>& seen, const SealedLeg& leg)
{
    std::vector<std::pair<std::string, std::string>> wanted;
    const auto outer = outer_of(leg);
    for (const auto& field : outer->headers.fields())
        wanted.emplace_back(field.name, trim(without_cr(field.value)));
    for (const auto& [name, value] : leg.body.headers) wanted.emplace_back(name, without_cr(value));
    std::map<std::string, std::pair<int, int>> times;  // by name in lower case: as received, as wanted
    for (const auto& [name, number] : seen) ++times[ascii_lower(name)].first;
    for (const auto& [name, value] : wanted) ++times[ascii_lower(name)].second;
    const auto stays = [&](const std::string& name) { return times[ascii_lower(name)] == std::pair(1, 1); };
    // Each edit wakes the MTA, so what can be one edit is not two. Nothing is left as it was: of a field with a NUL we
    // have seen less than the MTA has.
    for (auto& [name, value] : wanted)
        (stays(name) ? plan.change_headers : plan.add_headers).emplace_back(name, std::move(value));
    for (const auto& [name, number] : seen)
        if (!stays(name)) plan.remove_headers.emplace_back(name, number);
}

Plan ours_leave(const std::vector<Recipient>& recipients)
{
    Plan plan;
    plan.verdict = Plan::Verdict::discard;
    for (const auto& r : recipients) {
        if (r.ours)
            plan.drop_recipients.push_back(r.path);
        else
            plan.verdict = Plan::Verdict::accept;
    }
    return plan;
}

}  // namespace direct
