// record_reader.h - a message of a record, its documents and their items, taken from the record service page by
// page: no more than a page of each is in memory, however large the record.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "milter/ctl/asking.h"

namespace direct::ctl {

/// The reply to a verb; nothing when it went wrong, which has been told.
using Ask = std::function<std::optional<Json>(std::string_view verb, const Json& parameters)>;
Ask ask_through(Asking& asking);

/// Rows of a list one by one.
class RowStream {
public:
    RowStream(Ask ask, std::string verb, const Json& parameters, const char* name);
    ~RowStream();
    /// The next row without taking it; nullptr at the end or when something went wrong (failed()).
    Json* peek();
    void take();
    bool failed() const;
    /// The page that was read last, without its rows.
    const Json& page() const;
    /// Of all pages not asked for yet.
    void also_ask(const char* parameter, const Json& value);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Documents of a message with their items: both lists are in the same order, so they are read side by side. The parsers
/// may go on meanwhile: the items are those of the documents as they were told, so what was not read then has none, and
/// whether a document has been replaced is taken from its own row.
class MessageReader {
public:
    /// @param parameters  of record.items; "id" names the message
    MessageReader(const Ask& ask, const Json& parameters);
    ~MessageReader();
    /// Reads the first pages; the message's row, or nullptr when something went wrong.
    const Json* open();
    Json* document() { return documents_.peek(); }
    /// The next item of the document in hand; nullptr when it has no more.
    Json* item();
    void take_item() { items_.take(); }
    void take_document() { documents_.take(); }
    bool failed() const { return documents_.failed() || items_.failed(); }
    /// What stands beside the documents.
    const Json& head() const { return *head_; }
    /// For record.document: of which reading it must be; "" when that is not known.
    const std::string& as_read() const { return as_read_; }

private:
    const bool all_;
    RowStream documents_, items_;
    std::unique_ptr<Json> head_;
    std::string as_read_;
};

}  // namespace direct::ctl
