// settle.cpp - see settle.h.
#include "milter/items/settle.h"

#include <syslog.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "milter/base/address.h"
#include "milter/base/log.h"
#include "milter/base/text.h"
#include "milter/items/document_facts.h"
#include "milter/items/item_index.h"
#include "milter/items/mend.h"
#include "milter/items/placement.h"
#include "milter/items/rows.h"
#include "plugins/host/json_check.h"
#include "plugins/host/wire.h"

namespace direct {
namespace {

constexpr int attempts_max = 5;  // neighbours may be settled by other threads meanwhile

/// One document of the attachment: itself, or one inside.
struct Found {
    std::string key;
    DocumentRecord row;
    const ParseOutcome* outcome = nullptr;
    RecordDocument facts;
    std::unique_ptr<PreparedContent> whole;
    bool shortened = false;  ///< the row has not the whole document object
    bool has_place = false;  ///< it stands among the documents of a record
};

/// For each document the records that need its items.
using Wanted = std::vector<std::set<std::string>>;

class Settling {
public:
    Settling(RecordStore& store, const std::string& key, DocumentRecord& document,
             const ParseOutcome& outcome)
        : store_(store), key_(key), document_(document), outcome_(outcome)
    {
    }

    Status run()
    {
        CHECK(read_message());
        std::uint32_t next_item = 1;
        CHECK(find_documents(outcome_, document_, next_item));
        CHECK(clear());
        written_.resize(found_.size());
        CHECK(write_inner_rows());
        // Each record has a step for each document, and one for those that are no more.
        const std::size_t end = records_.size() * (found_.size() + 1);
        for (std::size_t at = 0; !done_;) CHECK(settle_page(at, end));
        return Done{};
    }

private:
    Status read_message()
    {
        std::optional<std::string> value;
        CHECK(store_.read([&](ReadTxn& txn) -> Status {
            TRY(value, txn.get(Table::message, document_.message_id));
            return Done{};
        }));
        if (!value) return Done{};
        TRY(message_, decode_message(*value));
        records_ = record_keys(store_, message_.recipients);
        return Done{};
    }

    /// The attachment and, in the order they come, the documents inside.
    Status find_documents(const ParseOutcome& outcome, DocumentRecord row, std::uint32_t& next_item)
    {
        Found f;
        f.outcome = &outcome;
        f.key = row.inner ? inner_key(key_, row.inner) : key_;
        row.first_item = next_item;
        row.items = static_cast<std::uint32_t>(outcome.items.size());
        row.skipped = skipped_to_json(outcome.skipped);
        f.has_place = row.state == "parsed" || (row.state == "file" && row.items > 0);
        next_item += row.items;
        CHECK(describe(f, row));
        f.row = std::move(row);
        const auto me = found_.size();
        found_.push_back(std::move(f));
        std::size_t left_out = 0;
        for (const auto& child : outcome.children) {
            if (found_.size() <= inner_documents_max)
                CHECK(find_documents(*child, inner_row(*child), next_item));
            else
                ++left_out;
        }
        if (left_out) found_[me].row.skipped = with_left_out(outcome, left_out);
        return Done{};
    }

    static std::string with_left_out(const ParseOutcome& outcome, std::size_t documents)
    {
        auto skipped = outcome.skipped;
        skipped.push_back(not_listed(documents));
        return skipped_to_json(skipped);
    }

    DocumentRecord inner_row(const ParseOutcome& child) const
    {
        const bool parsed = child.status == "parsed";
        DocumentRecord row;
        row.message_id = document_.message_id;
        row.part = document_.part;
        row.inner = static_cast<std::uint32_t>(found_.size());
        row.filename = child.filename;
        row.kind = parsed ? kind_of_document(child.document) : "file";
        row.state = !parsed ? child.status : row.kind == "file" ? "file" : "parsed";
        row.plugin = child.plugin;
        row.detail = child.detail;
        row.container = child.container;
        row.sha256 = child.sha256;
        row.size = child.size;
        if (found_.size() * std::max<std::size_t>(1, records_.size()) >= placements_max) {
            row.state = "limit";
            row.detail = "too many documents in one attachment";
        }
        return row;
    }

    Status describe(Found& f, DocumentRecord& row)
    {
        if (f.outcome->document.empty()) return Done{};
        auto known = facts_of_document(f.outcome->document);
        row.summary = std::move(known.summary);
        f.shortened = !known.summary_whole;
        if (f.shortened && !row.inner) {
            TRY(f.whole, store_.prepare(f.outcome->document));
            row.whole = f.whole->ref();
        }
        if (!f.has_place) return Done{};
        auto& facts = f.facts;
        facts.document = f.key;
        facts.sha256 = row.inner ? row.sha256 : row.content.sha256;
        facts.digest = content_digest(*f.outcome);
        facts.id = std::move(known.id);
        facts.set_id = std::move(known.set_id);
        facts.version = known.version;
        facts.patient = std::move(known.patient);
        facts.related = std::move(known.related);
        facts.received_ms = message_.received_ms;
        facts.organisation = message_.sender_organisation;
        if (const auto sender = parse_address(message_.sender, true)) facts.domain = sender->domain;
        return Done{};
    }

    /// Items, and rows of inner documents with their content: those of an earlier run, perhaps of another
    /// version of the plugin.
    Status clear()
    {
        CHECK(erase_items(store_, records_, key_));
        std::vector<std::pair<std::string, std::string>> inner;  // key, content
        CHECK(store_.read([&](ReadTxn& txn) {
            inner.clear();
            return txn.keys(Table::document, key_, inner_key(key_, 1), [&](std::string_view key) {
                // One that cannot be opened is written anew like the others.
                const auto value = txn.get(Table::document, key);
                const auto row =
                    value && *value ? decode_document(**value) : Result<DocumentRecord>(DocumentRecord());
                inner.emplace_back(key, row ? row->whole.id : "");
                return true;
            });
        }));
        for (std::size_t at = 0; at < inner.size(); at += batch_rows) {
            const auto erase_some = [&](WriteTxn& txn) -> Status {
                for (auto i = at; i < std::min(inner.size(), at + batch_rows); ++i) {
                    const auto& [key, content] = inner[i];
                    if (!content.empty()) CHECK(erase_content_or_key(txn, content));
                    CHECK(txn.erase(Table::document, key));
                }
                return Done{};
            };
            CHECK(store_.write_making_room(erase_some));
        }
        return Done{};
    }

    /// Prepared now: what clear() erased is gone for good.
    Status write_inner_rows()
    {
        RowBatch batch(store_, key_);
        for (auto& f : found_) {
            if (!f.row.inner) continue;
            if (f.shortened) {
                TRY(f.whole, store_.prepare(f.outcome->document));
                f.row.whole = f.whole->ref();
                batch.attach(*f.whole);
            }
            CHECK(batch.put(Table::document, f.key, encode(f.row)));
        }
        CHECK(batch.flush());
        done_ = batch.is_gone();
        return Done{};
    }

    /// What another thread has settled beside it may have made some of them needless.
    Status write_items(const Wanted& wanted)
    {
        bool all_wanted = true;
        for (std::size_t i = 0; i < found_.size(); ++i)
            all_wanted = all_wanted && std::ranges::includes(wanted[i], written_[i]);
        if (!all_wanted) {
            CHECK(erase_items(store_, records_, key_));
            written_.assign(found_.size(), {});
        }
        RowBatch batch(store_, key_);
        for (std::size_t i = 0; i < found_.size(); ++i) {
            std::vector<std::string> records;
            std::ranges::set_difference(wanted[i], written_[i], std::back_inserter(records));
            CHECK(write_items(batch, found_[i], records, written_[i].empty()));
        }
        CHECK(batch.flush());
        written_ = wanted;
        done_ = batch.is_gone();
        return Done{};
    }

    Status write_items(RowBatch& batch, const Found& f, const std::vector<std::string>& records, bool first)
    {
        if (records.empty()) return Done{};
        std::uint32_t number = f.row.first_item;
        const std::string inner = f.row.inner ? be32(f.row.inner) : "";
        for (const auto& item : f.outcome->items) {
            const std::string key = key_ + be32(number++);
            if (first) CHECK(batch.put(Table::item, key, item.json));
            const auto facts = facts_of_item(item.json);
            for (const auto& record : records)
                for (auto& row : index_rows(store_, record, key, facts))
                    CHECK(batch.put(Table::item_by, std::move(row), inner));
        }
        return Done{};
    }

    /// As many steps as one transaction takes; `at` moves on. The last one makes the attachment settled.
    Status settle_page(std::size_t& at, std::size_t end)
    {
        for (int attempt = 0; attempt < attempts_max; ++attempt) {
            Wanted wanted;
            TRY(const bool placed, try_page(at, end, wanted));
            if (placed) return Done{};
            CHECK(write_items(wanted));
            if (done_) return Done{};
        }
        return fail(temporary("the documents beside it keep changing"));
    }

    /// False: other items are wanted than are written, and nothing has changed.
    Result<bool> try_page(std::size_t& at, std::size_t end, Wanted& wanted)
    {
        std::size_t next = at, reads_left = reads_left_;
        bool gone = false, other = false;
        PlacingWork work, leaving;
        const auto place_some = [&](WriteTxn& txn) -> Status {
            wanted = written_;
            other = false;
            next = at;
            TRY(const auto before, txn.get(Table::document, key_));
            // Its time passed while it was read: nothing of it stays.
            gone = !before;
            if (gone) return forget(txn);
            work = {.reads_left = reads_left_};
            leaving = {};
            for (bool whole = true; whole && next < end && !work.enough(); next += whole) {
                TRY(whole, step(txn, next, work, leaving, wanted));
            }
            reads_left = work.reads_left;
            other = wanted != written_;
            if (other) return fail(temporary("items first"));
            return next == end ? finish(txn, *before) : Status(Done{});
        };
        const auto bytes = std::min(placement_bytes_max, 4096 * (1 + end - at));
        auto done = store_.write(place_some, found_.front().row.summary.size() + bytes);
        if (other) return false;
        if (!done && !leaving.unreadable.empty()) {
            CHECK(mend_place(store_, leaving.unreadable));
            LogLine(LOG_WARNING, "", "store")
                .with("document", hex(key_))
                .with("what", "a damaged row is mended");
            return true;
        }
        if (!done) return fail(std::move(done).error());
        at = next;
        reads_left_ = reads_left;
        done_ = gone || at == end;
        if (!gone && done_) {
            if (found_.front().whole) found_.front().whole->keep();
            document_ = found_.front().row;
        }
        return true;
    }

    /// False: it goes on in the next transaction.
    Result<bool> step(WriteTxn& txn, std::size_t number, PlacingWork& work, PlacingWork& leaving,
                      Wanted& wanted)
    {
        const auto& record = records_[number / (found_.size() + 1)];
        auto i = number % (found_.size() + 1);
        // First those that are no more, so that none of the others is placed by them.
        if (i-- == 0) return displace_rest(txn, record, work, leaving);
        if (!found_[i].has_place) return true;
        leaving.bytes = work.bytes;
        TRY(const bool released, release(txn, store_, record, found_[i].facts, leaving));
        work.bytes = leaving.bytes;
        if (!released) return false;
        TRY(const auto row, place(txn, store_, record, found_[i].facts, work));
        if (row.state == "repeats")
            wanted[i].erase(record);
        else
            wanted[i].insert(record);
        return true;
    }

    /// What an earlier reading found in this attachment and this one did not.
    /// @param leaving  one for each run of the transaction: placing alone has a budget of reads for the whole attachment
    Result<bool> displace_rest(WriteTxn& txn, const std::string& record, PlacingWork& work,
                               PlacingWork& leaving)
    {
        std::set<std::string> present;
        for (const auto& f : found_)
            if (f.has_place) present.insert(f.key);
        leaving.bytes = work.bytes;
        TRY(const bool whole, displace_others(txn, store_, record, key_, present, leaving));
        work.bytes = leaving.bytes;
        return whole;
    }

    Status finish(WriteTxn& txn, const std::string& before)
    {
        TRY(const auto old, decode_document(before));
        if (old.whole) CHECK(erase_content_or_key(txn, old.whole.id));
        auto& mine = found_.front();
        if (mine.whole) CHECK(mine.whole->attach(txn));
        CHECK(txn.put(Table::document, key_, encode(mine.row)));
        return forget(txn);
    }

    Status forget(WriteTxn& txn)
    {
        CHECK(txn.erase(Table::pending, key_));
        return Done{};
    }

    RecordStore& store_;
    const std::string& key_;
    DocumentRecord& document_;
    const ParseOutcome& outcome_;
    MessageRecord message_;
    std::vector<std::string> records_;
    std::vector<Found> found_;
    Wanted written_;
    std::size_t reads_left_ = neighbour_reads_max;
    bool done_ = false;  // settled, or gone
};

}  // namespace

std::string kind_of_document(const std::string& document)
{
    auto kind = json_text_member(document, "kind");
    return wire::is_word(kind) && kind.size() <= document_kind_max ? kind : "other";
}

Status settle_document(RecordStore& store, const std::string& key, DocumentRecord& document,
                       const ParseOutcome& outcome)
{
    return Settling(store, key, document, outcome).run();
}

}  // namespace direct
