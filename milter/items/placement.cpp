// placement.cpp - see placement.h.
#include "milter/items/placement.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "milter/items/kinship.h"

namespace direct {
namespace {

using Neighbours = std::map<std::string, RecordDocument>;  // by document key

std::string by_key(const RecordStore& store, std::string_view record, char what, std::string_view text)
{
    std::string name(record);
    name += what;
    name += text;
    return store.index_key("document-by", name);
}

bool is_replacing(const RelatedDocument& r)
{
    return r.type == "RPLC" || r.type == "APND";
}

/// What a document is known by.
std::vector<std::string> own_keys(const RecordStore& store, std::string_view record, const RecordDocument& d)
{
    if (d.state == "repeats") return {by_key(store, record, 'r', d.other)};
    std::set<std::string> out;
    const auto add = [&](char what, const std::string& text) {
        if (!text.empty()) out.insert(by_key(store, record, what, text));
    };
    add('h', d.sha256);
    add('i', d.id);
    add('s', d.set_id);
    for (const auto& r : d.related) {
        if (!is_replacing(r)) continue;
        for (const auto& id : r.ids) add('n', id);
        add('N', r.set_id);
    }
    return {out.begin(), out.end()};
}

/// What those are known by that may have to do with it.
std::set<std::string> neighbour_keys(const RecordStore& store, std::string_view record,
                                     const RecordDocument& d)
{
    std::set<std::string> out;
    const auto add = [&](char what, const std::string& text) {
        if (!text.empty()) out.insert(by_key(store, record, what, text));
    };
    for (const char what : {'i', 'n'}) add(what, d.id);
    for (const char what : {'s', 'N'}) add(what, d.set_id);
    add('h', d.sha256);
    for (const auto& r : d.related) {
        if (!is_replacing(r)) continue;
        for (const auto& id : r.ids) add('i', id);
        add('s', r.set_id);
    }
    return out;
}

Status put_row(WriteTxn& txn, std::string_view record, const RecordDocument& d)
{
    return txn.put(Table::record_doc, std::string(record) + d.document, encode(d));
}

void add_note(RecordDocument& d, std::string_view note)
{
    if (std::find(d.notes.begin(), d.notes.end(), note) == d.notes.end()) d.notes.emplace_back(note);
}

/// One more than asked for tells that there are more.
Result<std::vector<std::string>> documents_under(ReadTxn& txn, const std::string& prefix,
                                                 std::size_t most = neighbours_max)
{
    std::vector<std::string> out;
    CHECK(txn.scan(Table::doc_by, prefix, prefix, [&](std::string_view key, std::string_view) {
        out.emplace_back(key.substr(prefix.size()));
        return out.size() <= most;
    }));
    return out;
}

/// To be read again, so that it has items of its own.
Status read_again(WriteTxn& txn, const std::string& document)
{
    const std::string attachment = document.substr(0, part_key_size);
    TRY(const auto value, txn.get(Table::document, attachment));
    if (!value) return Done{};
    TRY(auto row, decode_document(*value));
    row.state = "pending";
    CHECK(txn.put(Table::document, attachment, encode(row)));
    return txn.put(Table::pending, attachment, "");
}

/// Those that repeat a document, or repeated one whose place it took.
Result<std::vector<RecordDocument>> repeats_of(ReadTxn& txn, const RecordStore& store,
                                               std::string_view record, const RecordDocument& of)
{
    std::vector<std::string> carriers = of.inherits;
    carriers.push_back(of.document);
    std::vector<RecordDocument> out;
    for (const auto& carrier : carriers) {
        TRY(const auto keys, documents_under(txn, by_key(store, record, 'r', carrier)));
        for (const auto& key : keys) {
            TRY(auto row, placed(txn, record, key));
            if (row && row->state == "repeats") out.push_back(*std::move(row));
        }
    }
    return out;
}

/// Full, the oldest goes: what repeated it has long expired.
void inherit(RecordDocument& heir, const std::string& key)
{
    auto& all = heir.inherits;
    if (key == heir.document || std::find(all.begin(), all.end(), key) != all.end()) return;
    if (all.size() == inherits_max) all.erase(all.begin());
    all.push_back(key);
}

/// The newest of these gets the items: it lasts longest, so that a document which comes every minute is not
/// read again for each of them that expires. The others go on repeating.
Status appoint_heir(WriteTxn& txn, std::string_view record, const RecordDocument& of,
                    std::vector<RecordDocument> repeats)
{
    const auto heir = std::max_element(repeats.begin(), repeats.end(), [](const auto& a, const auto& b) {
        return a.received_ms < b.received_ms;
    });
    if (heir == repeats.end()) return Done{};
    for (const auto& key : of.inherits) inherit(*heir, key);
    inherit(*heir, of.document);
    CHECK(put_row(txn, record, *heir));
    return read_again(txn, heir->document);
}

Status erase_row(WriteTxn& txn, const RecordStore& store, std::string_view record, const RecordDocument& row)
{
    for (const auto& key : own_keys(store, record, row)) CHECK(txn.erase(Table::doc_by, key + row.document));
    CHECK(txn.erase(Table::record_doc, std::string(record) + row.document));
    return Done{};
}

class Placing {
public:
    Placing(WriteTxn& txn, const RecordStore& store, std::string_view record, RecordDocument me,
            NeighbourReads& reads)
        : txn_(txn), store_(store), record_(record), me_(std::move(me)), reads_(reads)
    {
    }

    Result<RecordDocument> run()
    {
        TRY(const auto before, placed(txn_, record_, me_.document));
        if (before) {
            me_.inherits = before->inherits;
            CHECK(erase_row(txn_, store_, record_, *before));
        }
        CHECK(find_neighbours());
        find_superseder();
        if (RecordDocument* const same = find_same())
            CHECK(repeat(*same));
        else
            CHECK(judge_neighbours());
        for (const auto& key : own_keys(store_, record_, me_))
            CHECK(txn_.put(Table::doc_by, key + me_.document, ""));
        CHECK(put_row(txn_, record_, me_));
        return std::move(me_);
    }

private:
    Status find_neighbours()
    {
        for (const auto& prefix : neighbour_keys(store_, record_, me_)) {
            TRY(const auto keys, documents_under(txn_, prefix, std::min(neighbours_max, reads_.left)));
            for (const auto& key : keys) {
                if (key == me_.document || neighbours_.contains(key)) continue;
                if (neighbours_.size() == neighbours_max || reads_.left == 0) {
                    add_note(me_, "too-many-neighbours");
                    return Done{};
                }
                --reads_.left;
                TRY(auto row, placed(txn_, record_, key));
                if (row) neighbours_.emplace(key, *std::move(row));
            }
        }
        return Done{};
    }

    void find_superseder()
    {
        me_.state = "current";
        const RecordDocument* best = nullptr;
        for (const auto& [key, other] : neighbours_)
            if (replaces(other, me_) && (!best || other.version > best->version)) best = &other;
        if (!best) return;
        me_.state = "superseded";
        me_.other = best->document;
    }

    /// One that is out of sight has my items only when I would be out of sight as well.
    RecordDocument* find_same()
    {
        RecordDocument* hidden = nullptr;
        for (auto& [key, other] : neighbours_) {
            if (other.state == "repeats" || !says_the_same(me_, other)) continue;
            if (other.state == "current") return &other;
            hidden = &other;
        }
        return me_.state == "superseded" ? hidden : nullptr;
    }

    Status repeat(RecordDocument& same)
    {
        me_.state = "repeats";
        me_.other = same.document;
        if (me_.inherits.empty()) return Done{};
        for (const auto& key : std::exchange(me_.inherits, {})) inherit(same, key);
        return put_row(txn_, record_, same);
    }

    Status judge_neighbours()
    {
        for (auto& [key, other] : neighbours_) {
            if (claims_to_replace(me_, other) || claims_to_replace(other, me_)) {
                const auto why = objection(me_, other);
                if (!why.empty())
                    add_note(me_, why);
                else if (!replaces(me_, other) && !replaces(other, me_))
                    add_note(me_, "circular");
                else if (replaces(me_, other) && other.state == "current")
                    CHECK(supersede(other));
            }
            CHECK(join_addenda(other));
            if (!me_.id.empty() && me_.id == other.id && me_.version == other.version)
                add_note(me_, "same-id-other-content");
        }
        return Done{};
    }

    Status supersede(RecordDocument& other)
    {
        TRY(const bool ring, leads_to(other.document));
        if (ring) {
            add_note(me_, reads_.left ? "circular" : "too-many-neighbours");
            return Done{};
        }
        other.state = "superseded";
        other.other = me_.document;
        CHECK(put_row(txn_, record_, other));
        return release_repeats(other);
    }

    /// Does the chain of what superseded me end in this document? True when it is too long to tell.
    Result<bool> leads_to(const std::string& document)
    {
        std::string next = me_.state == "superseded" ? me_.other : "";
        for (std::size_t n = 0; !next.empty(); ++n) {
            if (next == document || n == neighbours_max || reads_.left == 0) return true;
            --reads_.left;
            TRY(const auto row, placed(txn_, record_, next));
            next = row && row->state == "superseded" ? row->other : "";
        }
        return false;
    }

    /// Those of another source do not go out of sight with it.
    Status release_repeats(const RecordDocument& of)
    {
        TRY(auto repeats, repeats_of(txn_, store_, record_, of));
        std::erase_if(repeats, [&](const auto& row) { return replaces(me_, row); });
        return appoint_heir(txn_, record_, of, std::move(repeats));
    }

    Status join_addenda(RecordDocument& other)
    {
        const bool mine = claims_to_append(me_, other), its = claims_to_append(other, me_);
        if (!mine && !its) return Done{};
        if (const auto why = objection(me_, other); !why.empty()) {
            add_note(me_, why);
            return Done{};
        }
        if (mine) me_.appends = other.document;
        if (!its) return Done{};
        other.appends = me_.document;
        return put_row(txn_, record_, other);
    }

    WriteTxn& txn_;
    const RecordStore& store_;
    const std::string record_;
    RecordDocument me_;
    NeighbourReads& reads_;
    Neighbours neighbours_;
};

}  // namespace

Result<RecordDocument> place(WriteTxn& txn, const RecordStore& store, std::string_view record,
                             RecordDocument me, NeighbourReads& reads)
{
    return Placing(txn, store, record, std::move(me), reads).run();
}

Status displace(WriteTxn& txn, const RecordStore& store, std::string_view record, std::string_view document)
{
    TRY(const auto row, placed(txn, record, document));
    if (!row) return Done{};
    CHECK(erase_row(txn, store, record, *row));
    if (row->state == "repeats") return Done{};
    TRY(auto repeats, repeats_of(txn, store, record, *row));
    return appoint_heir(txn, record, *row, std::move(repeats));
}

Result<std::optional<RecordDocument>> placed(ReadTxn& txn, std::string_view record, std::string_view document)
{
    TRY(const auto value, txn.get(Table::record_doc, std::string(record) + std::string(document)));
    if (!value) return std::optional<RecordDocument>();
    TRY(auto row, decode_record_document(*value));
    return std::optional(std::move(row));
}

}  // namespace direct
