// refusals.h - entries about mail that was refused to somebody who has proved nothing.
//
// Nothing removes an audit entry, and a stranger may knock as often as he likes: were each knock an entry, he could fill the
// store until nobody's mail is taken any more. So there is a bound for each message and one for the sum. In each window the
// first refusals are entries of their own; when their share of the window is used up an entry says so at once
// ("refusals-summed", token "begun"), the rest is counted, and one entry at the window's end tells how many, to how many
// recipients, by which tokens and from where (token "told"). What is being counted lies in the store, in the transaction of
// each refusal: a crash loses nothing, and the chain says where a single refusal is not to be looked for. The log has each.
//
// Source: requirements.md N1, N5; design decision "untrusted". Thread safe as the store is.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "milter/audit/audit.h"

namespace direct {

/// Bytes kept of a text that a message has a say in. A reason, a CRL's address and a partner's name fit many times.
inline constexpr std::size_t audit_detail_max = 1024;
/// Bytes kept of an address: 64 @ 255 (RFC 5321 4.5.3.1) is the longest there is; a path may be spelled longer.
inline constexpr std::size_t audit_address_max = 320;
/// Bytes kept of a Message-ID: as long as we read one (milter/mime).
inline constexpr std::size_t audit_message_id_max = 990;
/// Fingerprints kept of a message: its signers, and the anchor.
inline constexpr std::size_t audit_certificates_max = 10;
/// Recipients that an entry about a refused message names; the others are counted. One message names one or two, a bulk
/// sender a thousand, which may all be one mailbox (a+1@, a+2@, ...).
inline constexpr std::size_t audit_recipients_named = 10;
/// Entries about one refused message: one for each token, the last for all that are left. Two are usual.
inline constexpr std::size_t refusal_entries_max = 4;
/// Bytes of one such entry, whatever the message says: the sum of the above, of certificates and of what Postfix bounds.
inline constexpr std::size_t refusal_entry_bytes_max = 8 * 1024;

/// How long refusals are counted before the count is an entry, and another budget begins.
inline constexpr milliseconds refusals_window = std::chrono::minutes(10);
/// Bytes of entries about refused messages in one window: some 200 ordinary ones. At worst 10 MB a day, what tells of the counts included.
inline constexpr std::uint64_t refusals_window_bytes = 64 * 1024;
/// The part of store.size_max that such entries may ever take. Then all are counted, over a longer window.
inline constexpr std::uint64_t refusals_share = 8;
inline constexpr milliseconds refusals_long_window = std::chrono::hours(24);
/// Client addresses that the entry with the count names.
inline constexpr std::size_t refusals_hosts_named = 10;

/// Cuts everything in the entry that a message has a say in; not for entries about commands.
void keep_small(AuditEntry& entry);

/// The entries of one refused message, one for each recipient, made few: one for each token with the first recipients and
/// their number, and for no more than refusal_entries_max tokens.
std::vector<AuditEntry> summed_up(std::vector<AuditEntry> entries);

/// Writes the entries about one message refused to a stranger, or counts them. They are summed up and kept small here. Call
/// inside RecordStore::write(). Fault: temporary.
/// @param size_max  store.size_max in bytes
/// @param beside    bytes that are written beside them when they are entries of their own
/// @return true: they are entries of their own; false: the message was counted
Result<bool> append_refusals(WriteTxn& txn, const RecordStore& store, std::vector<AuditEntry> entries,
                             Time now, std::uint64_t size_max, std::uint64_t beside = 0);

/// Tells what was counted in a window that is over. Does nothing when there is none. Call each minute. Fault: temporary.
Status tell_refusals(RecordStore& store, Time now);

}  // namespace direct
