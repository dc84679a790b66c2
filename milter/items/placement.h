// placement.h - what a document is in a record: a new one, one that is there already, a later version, an
// addendum, or one that had been replaced before it came.
//
// Decided among the documents of one record only, whatever their order of arrival:
//   repeats     the same bytes, or the same id and version with the same content: its items are there once
//   superseded  another one has the same setId and a higher versionNumber, or names it with RPLC
//   current     everything else; an addendum (APND) stands beside what it adds to
// When a document leaves, what it had superseded is judged anew; where it was superseded itself, its heir has both.
// Replacing takes items out of sight, so it is believed only of the same source about the same patient:
//   source   the domain of the verified sender is equal, and so is the organisation in the signers'
//            certificates where both name one. The signer alone would forbid new certificates; the domain alone
//            would let one clinic of a shared domain speak for another
//   patient  the documents share an identifier of the patient; where one has none, name and birth time are equal
// Otherwise both stay and the later one has a note. Two that replace each other replace nothing, and no
// chain of replacements closes to a ring: what one sender says at most hides an older word of his own.
// Everything happens inside the caller's transaction. Thread safe.
// Source: HL7 CDA R2 section 4.2 (setId, versionNumber, relatedDocument); clinical documents section 3.
#pragma once
#include <set>
#include <string>
#include <string_view>

#include "milter/store/record_store.h"
#include "milter/store/schema.h"

namespace direct {

/// Neighbours of a document that are looked at; further ones stay as they are and a note tells of it.
inline constexpr std::size_t neighbours_max = 1000;

/// Neighbours that are looked at for one attachment, all its documents and records together: the store has one
/// writer, and mail waits for it. Beyond it as beyond neighbours_max.
inline constexpr std::size_t neighbour_reads_max = 5000;

/// Bytes written by the placings of one transaction, after which the next one goes on: half of what the store commits
/// at once, for mail waits while they are written. One placing writes as much again at most; further neighbours stay
/// as they are, and a note tells of it.
inline constexpr std::size_t placement_bytes_max = 2u << 20;
/// What a row costs beside its bytes: keys lie far from each other, so that nearly each dirties a page of its own.
inline constexpr std::size_t row_overhead = 512;

/// What the placings of one transaction may still read of other documents' rows, and have written.
struct PlacingWork {
    std::size_t reads_left = neighbour_reads_max;
    std::size_t bytes = 0;
    std::string leaving;  ///< documents that begin so leave as well, and take nobody's place; "" = none
    std::string
        unreadable;  ///< set with a fault: the place (record | document) whose row cannot be opened; see mend.h
    bool enough() const { return bytes >= placement_bytes_max; }
    bool is_leaving(std::string_view document) const
    {
        return !leaving.empty() && document.starts_with(leaving);
    }
};

/// Gone documents whose repeats one document answers for; one more each time the carrier of the items expires.
inline constexpr std::size_t inherits_max = 100;

/// Puts a document into a record, or again into it after it was read anew. Neighbours it replaces are marked;
/// repeats whose items are needed now become pending.
/// @param me    everything but state, other, appends and notes, which are found anew
/// @param work  one for each run of the transaction
/// @return      as it was written
Result<RecordDocument> place(WriteTxn& txn, const RecordStore& store, std::string_view record,
                             RecordDocument me, PlacingWork& work);

/// Before place(), of a document that was read anew: when it is known by other things than before (another id, set, version,
/// patient, other documents it names), what it had superseded is judged without it. Otherwise as displace().
/// @param me  as for place()
Result<bool> release(WriteTxn& txn, const RecordStore& store, std::string_view record,
                     const RecordDocument& me, PlacingWork& work);

/// Takes a document out of a record. What it had superseded is placed again: the version before is current, unless
/// another one supersedes it too. What repeats the document becomes pending, to have the items itself.
/// @return  false: one transaction takes no more; call it again in the next one, with a new `work`. Until then it is in
///          the record, beside what has come back already
/// Fault: temporary; its row cannot be opened: `work` says which
Result<bool> displace(WriteTxn& txn, const RecordStore& store, std::string_view record,
                      std::string_view document, PlacingWork& work);

/// All documents of a message or an attachment (the begin of their keys), but those in `present`. Otherwise as displace().
Result<bool> displace_others(WriteTxn& txn, const RecordStore& store, std::string_view record,
                             std::string_view prefix, const std::set<std::string>& present,
                             PlacingWork& work);

/// Nothing when the document has no place in the record.
Result<std::optional<RecordDocument>> placed(ReadTxn& txn, std::string_view record,
                                             std::string_view document);

}  // namespace direct
