// record_reader.h - a message of a record, its documents and their items, taken from the record service page by
// page: no more than a page of each is in memory, however large the record.
#pragma once
#include <memory>
#include <string>

#include "milter/ctl/asking.h"

namespace direct::ctl {

/// Rows of a list one by one.
class RowStream {
public:
    RowStream(Asking& asking, std::string verb, const Json& parameters, const char* name);
    ~RowStream();
    /// The next row without taking it; nullptr at the end or when something went wrong (failed()).
    Json* peek();
    void take();
    bool failed() const;
    /// The page that was read last, without its rows.
    const Json& page() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Documents of a message with their items: both lists are in the same order, so they are read side by side.
class MessageReader {
public:
    /// @param parameters  of record.items; "id" names the message
    MessageReader(Asking& asking, const Json& parameters);
    /// Reads the first pages; the message's row, or nullptr when something went wrong.
    const Json* open();
    Json* document() { return documents_.peek(); }
    /// The next item of the document in hand; nullptr when it has no more.
    Json* item();
    void take_item() { items_.take(); }
    void take_document() { documents_.take(); }
    bool failed() const { return documents_.failed() || items_.failed(); }
    const Json& head() const { return documents_.page(); }

private:
    RowStream documents_, items_;
};

}  // namespace direct::ctl
