// hand_over.h - attachments from a taken message to the parsers and their items into the store.
//
// Inside the message's own transaction owe_documents() writes one DocumentRecord (state pending) and one
// row of Table::pending per attachment. Background threads parse them after the SMTP answer; what
// waits survives a restart. A document that kills its parser is kept raw, marked, and not offered to
// that plugin version again. Nothing of a document's content goes to a log.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "milter/base/clock.h"
#include "milter/mime/parts.h"
#include "milter/store/record_store.h"
#include "milter/store/schema.h"
#include "plugins/host/worker_pool.h"

namespace direct {

/// The attachments of a message, their bytes prepared as content before the transaction.
class PreparedDocuments {
public:
    /// Fault: malformed (message), temporary (store).
    static Result<PreparedDocuments> prepare(RecordStore& store, std::string_view message,
                                             const MimeLimits& limits);
    /// Inside write(): documents and pending rows of this message.
    Status owe(WriteTxn& txn, std::string_view message_id) const;
    void keep();  ///< after write() returned success
    std::size_t size() const { return documents_.size(); }
    const std::vector<DocumentRecord>& documents() const { return documents_; }

private:
    std::vector<DocumentRecord> documents_;
    std::vector<std::unique_ptr<PreparedContent>> contents_;
};

/// The background thread and its helpers. wake() after a commit; stop() (or destruction) finishes the documents
/// in work.
class HandOver {
public:
    /// @param at_once  documents in work at the same time; more than the pool's children gains nothing
    HandOver(RecordStore& store, WorkerPool& pool, const Clock& clock, std::size_t at_once = 1);
    ~HandOver();
    void wake();
    void stop();
    /// One pass over what waits, in the caller's thread; number of documents settled. For tests and tools.
    Result<std::size_t> pass();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Removes items, documents and messages whose items_until has passed (items.retention). Number removed.
/// Fault: temporary; of the last message that could not be removed. All others are gone then as well.
Result<std::size_t> expire_items(RecordStore& store, Time now);

}  // namespace direct
