// placement.h - what a document is in a record: a new one, one that is there already, a later version, an
// addendum, or one that had been replaced before it came.
//
// Decided among the documents of one record only, whatever their order of arrival:
//   repeats     the same bytes, or the same id and version with the same content: its items are there once
//   superseded  another one has the same setId and a higher versionNumber, or names it with RPLC
//   current     everything else; an addendum (APND) stands beside what it adds to
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
#include <string>
#include <string_view>

#include "milter/store/record_store.h"
#include "milter/store/schema.h"

namespace direct {

/// Neighbours of a document that are looked at; further ones stay as they are and a note tells of it.
inline constexpr std::size_t neighbours_max = 1000;

/// Neighbours that are looked at in one transaction, for all its documents and records together: the store has
/// one writer, and mail waits for it. Beyond it as beyond neighbours_max.
inline constexpr std::size_t neighbour_reads_max = 5000;

/// What the placings of one transaction may still read.
struct NeighbourReads {
    std::size_t left = neighbour_reads_max;
};

/// Gone documents whose repeats one document answers for; one more each time the carrier of the items expires.
inline constexpr std::size_t inherits_max = 100;

/// Puts a document into a record, or again into it after it was read anew. Neighbours it replaces are marked;
/// repeats whose items are needed now become pending.
/// @param me     everything but state, other, appends and notes
/// @param reads  one for each run of the transaction
/// @return       as it was written
Result<RecordDocument> place(WriteTxn& txn, const RecordStore& store, std::string_view record,
                             RecordDocument me, NeighbourReads& reads);

/// Takes a document out of a record. What repeats it becomes pending, to have the items itself.
Status displace(WriteTxn& txn, const RecordStore& store, std::string_view record, std::string_view document);

/// Nothing when the document has no place in the record.
Result<std::optional<RecordDocument>> placed(ReadTxn& txn, std::string_view record,
                                             std::string_view document);

}  // namespace direct
