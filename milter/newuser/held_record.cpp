// held_record.cpp - see held_record.h. The order of things in prepare_held is the order of what they
// cost: bounds are asked before the half second of scrypt, content is sealed last.
#include "milter/newuser/held_record.h"

#include <algorithm>

#include "milter/base/crypto.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/mime/parts.h"
#include "milter/mime/sniff.h"
#include "milter/newuser/line_text.h"
#include "milter/notify/held_end.h"

namespace direct {
namespace {

constexpr std::uint64_t scrypt_n = 1 << 15;
constexpr std::uint32_t scrypt_r = 8, scrypt_p = 1;
constexpr std::size_t salt_size = 16;
constexpr milliseconds derivation_wait = seconds(10);  // an SMTP session or a page waits behind it
constexpr std::size_t sniff_size = 4096;
constexpr std::int64_t day_ms = 24 * 3600 * 1000;

std::int64_t ms_of(Time t)
{
    return t.time_since_epoch().count();
}

bool contains(const std::vector<std::string>& all, std::string_view one)
{
    return std::find(all.begin(), all.end(), one) != all.end();
}

MimeLimits limits_of(const Settings& s)
{
    return {s.limits_headers, static_cast<std::size_t>(s.limits_mime_parts),
            static_cast<std::size_t>(s.limits_mime_depth)};
}

Result<std::vector<HeldAttachment>> inventory(std::string_view message, const Settings& settings)
{
    std::vector<HeldAttachment> out;
    CHECK(for_each_attachment(message, limits_of(settings), [&](Attachment&& a) {
        HeldAttachment h;
        h.kind = sniff(std::string_view(a.bytes).substr(0, sniff_size)).kind;
        h.sha256 = sha256(a.bytes);
        h.size = a.bytes.size();
        h.filename = std::move(a.filename);
        h.declared_type = std::move(a.declared_type);
        out.push_back(std::move(h));
        return true;
    }));
    return out;
}

// A language names a folder of templates: letters, digits and '-' only, so that it names no other one.
std::string language_of(std::string_view asked, const DomainSettings& domain)
{
    const auto letter_or_digit = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    };
    const bool usable = asked.size() >= 2 && asked.size() <= 35 && asked.front() != '-' &&
                        std::all_of(asked.begin(), asked.end(), letter_or_digit);
    if (usable) return ascii_lower(asked);
    return domain.language.empty() ? "en" : ascii_lower(domain.language);
}

Result<HeldRecord> describe_record(HeldRequest& request)
{
    const NewuserLine& line = request.line;
    const Settings& settings = *request.settings;
    HeldRecord r;
    TRY(const Time expires, expiry_of(line.expires, request.now, settings.newuser_expiry));
    TRY(r.attachments, inventory(request.message, settings));
    r.id = new_id();
    r.code = new_pickup_code();
    r.environment = request.domain->environment;
    r.domain = request.domain->name;
    r.newuser_address = request.newuser_address;
    r.contact = line.contact.text();
    r.display_name = line.name;
    r.sender = request.sender;
    r.sender_organisation = request.sender_organisation;
    r.sender_fingerprint = request.sender_fingerprint;
    r.message_id = request.message_id;
    r.question = line.question;
    r.language = language_of(line.language, *request.domain);
    r.received_ms = ms_of(request.now);
    r.expires_ms = ms_of(expires);
    r.warnings = line.warnings;
    if (!request.wrapped && !line.question.empty()) r.warnings.push_back("W2");
    r.answer_exposed = contains(r.warnings, "W2") || contains(r.warnings, "W4");
    r.attempts_left = static_cast<std::uint32_t>(settings.newuser_attempts);
    r.notices.push_back({r.received_ms, "queued"});
    return r;
}

Fault over_quota(const char* whose)
{
    return refuse(Reason::newuser_quota, std::string("the daily quota of the ") + whose + " is reached");
}

// One row per day; the rows of days gone by leave with the next count.
Status count_quota(WriteTxn& txn, const std::string& who, std::uint32_t today, std::int64_t max,
                   const char* whose)
{
    std::vector<std::string> old;
    std::int64_t used = 0;
    const std::string now = who + be32(today);
    CHECK(txn.scan(Table::quota, who, who, [&](std::string_view key, std::string_view value) {
        if (key == now) {
            for (const char c : value) used = (used << 8) | static_cast<unsigned char>(c);
        } else if (key < std::string_view(now)) {
            old.emplace_back(key);
        }
        return true;
    }));
    if (used >= max) return fail(over_quota(whose));
    for (const auto& key : old) CHECK(txn.erase(Table::quota, key));
    return txn.put(Table::quota, now, be64(static_cast<std::uint64_t>(used + 1)));
}

std::string domain_part(std::string_view address)
{
    const auto at = address.rfind('@');
    return ascii_lower(at == std::string_view::npos ? address : address.substr(at + 1));
}

std::string contact_key(const std::string& contact)
{
    const auto address = parse_address(contact, true);
    return address ? address->key() : ascii_lower(contact);
}

}  // namespace

Derivations::Derivations(std::size_t at_once) : gate_(std::max<std::size_t>(1, at_once)) {}

Result<Secret> Derivations::wrapping_key(const Secret& pepper, const Secret& normal_answer,
                                         std::string_view salt, milliseconds wait)
{
    {
        Timed timed(Metric::derivation_wait_seconds);
        if (!gate_.enter(1, Patience::until(wait)))
            return fail(refuse(Reason::newuser_busy, "newuser.derivations are all in work"));
    }
    auto slow = scrypt(normal_answer.view(), salt, scrypt_n, scrypt_r, scrypt_p, aead_key_size);
    gate_.leave(1);
    if (!slow) return fail(std::move(slow).error());
    return hkdf_sha256(slow->view(), pepper.view(), "direct held record: wrapping key", aead_key_size);
}

Result<PreparedHeld> prepare_held(RecordStore& store, const Secret& pepper, Derivations& derivations,
                                  HeldRequest request)
{
    PreparedHeld out;
    TRY(out.record, describe_record(request));
    HeldRecord& r = out.record;
    const Secret secret =
        r.question.empty() ? normal_contact(request.line.contact) : normal_answer(request.line.answer.view());
    if (secret.empty())
        return fail(refuse(Reason::newuser_answer_missing, "an answer without a normal form"));
    r.wrap_salt = random_bytes(salt_size);
    TRY(const Secret wrapping, derivations.wrapping_key(pepper, secret, r.wrap_salt, derivation_wait));
    const Secret content_key = random_secret(aead_key_size);
    r.wrapped_key = aead_seal(wrapping.view(), r.id, content_key.view());
    TRY(out.content, store.prepare(request.message, content_key.view()));
    r.content = out.content->ref();
    return out;
}

Status PreparedHeld::write(WriteTxn& txn, const RecordStore& store, const Settings& settings) const
{
    const auto today = static_cast<std::uint32_t>(record.received_ms / day_ms);
    const std::string contact = contact_key(record.contact);
    CHECK(count_quota(txn, store.index_key("quota", "sender " + domain_part(record.sender)), today,
                      settings.newuser_quota_sender, "sender domain"));
    CHECK(count_quota(txn, store.index_key("quota", "contact " + contact), today,
                      settings.newuser_quota_contact, "contact address"));
    CHECK(content->attach(txn));
    CHECK(txn.put(Table::held, record.id, encode(record)));
    CHECK(txn.put(Table::held_by, held_due_key(record), ""));
    CHECK(txn.put(Table::held_by, "c" + store.index_key("code", record.code), record.id));
    CHECK(txn.put(Table::held_by, "e" + store.index_key("contact", contact) + record.id, ""));
    if (!record.message_id.empty())
        CHECK(
            txn.put(Table::held_by, "m" + store.index_key("message-id", record.message_id) + record.id, ""));
    return Done{};
}

Result<std::optional<Secret>> unwrap_content_key(const HeldRecord& record, const Secret& pepper,
                                                 Derivations& derivations, const Secret& normal_answer)
{
    if (normal_answer.empty() || record.wrapped_key.empty()) return std::optional<Secret>();
    TRY(const Secret wrapping,
        derivations.wrapping_key(pepper, normal_answer, record.wrap_salt, derivation_wait));
    auto key = aead_open_secret(wrapping.view(), record.id, record.wrapped_key);
    if (!key || key->size() != aead_key_size) return std::optional<Secret>();
    return std::optional<Secret>(std::move(*key));
}

}  // namespace direct
