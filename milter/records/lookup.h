// lookup.h - inside this room only: rows by id or Message-ID, and tables as lists.
#pragma once
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "milter/base/text.h"
#include "milter/records/verbs.h"
#include "milter/store/schema.h"

namespace direct::verbs {

/// A value that does not decode is shown as damaged: one bad row must not hide the others.
Json damaged(std::string_view key);
/// As scan(), but a value that cannot be opened any more is a Fault for visit and does not end it. The page is the limit: each
/// value is read by itself.
Status each_row(ReadTxn& txn, Table table, std::string_view prefix, std::string_view from,
                const std::function<bool(std::string_view key, const Result<std::string>& value)>& visit);
/// All rows of a table, page by page; parameters limit, cursor, since.
Reply list_table(const Context& c, Parameters& p, Table table, const char* name,
                 Result<Json> (*row_of_value)(std::string_view));
/// Ids behind an index prefix whose keys end in an id; at most 1000.
Result<std::vector<std::string>> ids_under(ReadTxn& txn, Table table, const std::string& prefix);
/// The 16 bytes that "0123..." means, or empty: a Message-ID never is 32 hexadecimal digits without '@'.
std::string id_of(const std::string& given);
std::string with_brackets(const std::string& message_id);

/// A row that may have been meant.
struct Candidate {
    std::string id;
    std::int64_t received_ms = 0;
    std::string whose;
};
/// The answer to a Message-ID that several rows carry where one is meant: which they are.
/// @param who  what `whose` is: "contact", "sender"
Reply several(std::string_view what, const char* who, const std::vector<Candidate>& found);

/// The rows a name means: one for an id; all that carry a Message-ID, newest first.
template <class Record>
Result<std::vector<Record>> named(const Context& c, const std::string& given, Table table, Table index,
                                  Result<Record> (*decode_value)(std::string_view))
{
    std::vector<Record> found;
    CHECK(c.store.read([&](ReadTxn& txn) -> Status {
        found.clear();
        std::vector<std::string> ids;
        if (auto id = id_of(given); !id.empty())
            ids.push_back(id);
        else {
            TRY(ids, ids_under(txn, index, "m" + c.store.index_key("message-id", with_brackets(given))));
        }
        for (const auto& id : ids) {
            TRY(auto value, txn.get(table, id));
            if (!value) continue;
            TRY(auto record, decode_value(*value));
            found.push_back(std::move(record));
        }
        return Done{};
    }));
    std::sort(found.begin(), found.end(), [](auto& a, auto& b) { return a.received_ms > b.received_ms; });
    return found;
}

}  // namespace direct::verbs
