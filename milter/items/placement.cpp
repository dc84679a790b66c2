// placement.cpp - see placement.h.
#include "milter/items/placement.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "milter/items/kinship.h"
#include "milter/items/place_rows.h"

namespace direct {
namespace {

using Neighbours = std::map<std::string, RecordDocument>;  // by document key

void add_note(RecordDocument& d, std::string_view note)
{
    if (std::find(d.notes.begin(), d.notes.end(), note) == d.notes.end()) d.notes.emplace_back(note);
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
/// read again for each of them that expires. The others go on repeating. One that is going itself is passed over.
Status appoint_heir(PlaceRows& rows, const RecordDocument& of, std::vector<RecordDocument> repeats)
{
    std::stable_sort(repeats.begin(), repeats.end(),
                     [](const auto& a, const auto& b) { return a.received_ms > b.received_ms; });
    for (auto& heir : repeats) {
        TRY(const bool there, rows.read_again(heir.document));
        if (!there) continue;
        for (const auto& key : of.inherits) inherit(heir, key);
        inherit(heir, of.document);
        return rows.put_row(heir);
    }
    return Done{};
}

class Placing {
public:
    Placing(PlaceRows& rows, RecordDocument me)
        : rows_(rows), me_(std::move(me)), stop_at_(rows.work().bytes + placement_bytes_max)
    {
    }

    Result<RecordDocument> run()
    {
        TRY(const auto before, own_row());
        if (before) {
            me_.inherits = before->inherits;
            CHECK(rows_.erase(*before));
        }
        forget_verdict();
        CHECK(find_neighbours());
        std::vector<RecordDocument> released;
        if (const auto* superseder = find_superseder()) {
            TRY(const bool known, find_released(me_, *superseder, before.has_value(), released));
            if (known) {
                me_.state = "superseded";
                me_.other = superseder->document;
            }
        }
        if (RecordDocument* const same = find_same()) {
            const bool had_items = before && before->state != "repeats";
            CHECK(repeat(*same, had_items));
        } else {
            CHECK(judge_neighbours());
        }
        CHECK(rows_.put(me_));
        if (me_.state == "superseded") CHECK(appoint_heir(rows_, me_, std::move(released)));
        return std::move(me_);
    }

private:
    /// As it was placed before. A row that cannot be opened is written anew; it may have had items.
    Result<std::optional<RecordDocument>> own_row()
    {
        auto row = rows_.row(me_.document);
        if (row) return row;
        RecordDocument blank;
        blank.document = me_.document;
        blank.state = "current";
        return std::optional(std::move(blank));
    }

    void forget_verdict()
    {
        me_.state = "current";
        me_.other.clear();
        me_.appends.clear();
        me_.notes.clear();
    }

    Status find_neighbours()
    {
        auto& left = rows_.work().reads_left;
        for (const auto& prefix : rows_.neighbour_keys(me_)) {
            TRY(const auto keys, rows_.under(prefix, std::min(neighbours_max, left)));
            for (const auto& key : keys) {
                if (key == me_.document || neighbours_.contains(key) || rows_.work().is_leaving(key))
                    continue;
                if (neighbours_.size() == neighbours_max || left == 0) {
                    add_note(me_, "too-many-neighbours");
                    return Done{};
                }
                --left;
                if (auto row = rows_.readable_row(key)) neighbours_.emplace(key, *std::move(row));
            }
        }
        return Done{};
    }

    const RecordDocument* find_superseder() const
    {
        const RecordDocument* best = nullptr;
        for (const auto& [key, other] : neighbours_)
            if (replaces(other, me_) && (!best || other.version > best->version)) best = &other;
        return best;
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

    /// @param had_items  others may repeat me
    Status repeat(RecordDocument& same, bool had_items)
    {
        me_.state = "repeats";
        me_.other = same.document;
        if (me_.inherits.empty() && !had_items) return Done{};
        if (had_items) inherit(same, me_.document);
        for (const auto& key : std::exchange(me_.inherits, {})) inherit(same, key);
        return rows_.put_row(same);
    }

    Status judge_neighbours()
    {
        for (auto& [key, other] : neighbours_) {
            if (rows_.work().bytes >= stop_at_) {
                add_note(me_, "too-many-neighbours");
                break;
            }
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
            add_note(me_, rows_.work().reads_left ? "circular" : "too-many-neighbours");
            return Done{};
        }
        std::vector<RecordDocument> released;
        TRY(const bool known, find_released(other, me_, true, released));
        if (!known) return Done{};
        CHECK(rows_.put_superseded(other, me_.document));
        return appoint_heir(rows_, other, std::move(released));
    }

    /// Does the chain of what superseded me end in this document? True when it is too long to tell.
    Result<bool> leads_to(const std::string& document)
    {
        auto& left = rows_.work().reads_left;
        std::string next = me_.state == "superseded" ? me_.other : "";
        for (std::size_t n = 0; !next.empty(); ++n) {
            if (next == document || n == neighbours_max || left == 0) return true;
            --left;
            const auto row = rows_.row(next);
            if (!row) return true;
            next = *row && (*row)->state == "superseded" ? (*row)->other : "";
        }
        return false;
    }

    /// Those that repeat a document and, being of another source, do not go out of sight with it. One of them is enough,
    /// it answers for the others.
    /// @return  false: there are too many to tell whether there is one, so that it must stay
    Result<bool> find_released(const RecordDocument& of, const RecordDocument& by, bool may_be_repeated,
                               std::vector<RecordDocument>& out)
    {
        if (!may_be_repeated) return true;
        TRY(auto repeats, rows_.repeats_of(of));
        std::erase_if(repeats.rows, [&](const auto& row) { return replaces(by, row); });
        out = std::move(repeats.rows);
        if (repeats.all || !out.empty()) return true;
        add_note(me_, "too-many-neighbours");
        return false;
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
        return rows_.put_row(other);
    }

    PlaceRows& rows_;
    RecordDocument me_;
    const std::size_t stop_at_;
    Neighbours neighbours_;
};

/// What a document had superseded that leaves the record. A copy of that document which is still to be read takes them
/// again when it is.
Result<bool> bring_back(PlaceRows& rows, const RecordDocument& gone)
{
    auto& work = rows.work();
    TRY(const auto keys, rows.superseded_by(gone.document, neighbours_max));
    for (const auto& key : keys) {
        if (work.enough() || work.reads_left < neighbours_max) return false;
        --work.reads_left;
        auto row = rows.readable_row(key);
        if (!row || row->state != "superseded" || row->other != gone.document) {
            CHECK(rows.forget_superseded(key, gone.document));
            continue;
        }
        if (gone.state == "superseded") {
            // Its word stands: what came after it is later than this one too.
            CHECK(rows.erase(*row));
            row->other = gone.other;
            CHECK(rows.put(*row));
        } else {
            TRY(const auto ignored, Placing(rows, *std::move(row)).run());
            static_cast<void>(ignored);
        }
    }
    return keys.size() <= neighbours_max;
}

/// What others are judged by, as bytes.
std::string known_by(const RecordDocument& d)
{
    RecordDocument only;
    only.id = d.id;
    only.set_id = d.set_id;
    only.version = d.version;
    only.patient = d.patient;
    only.related = d.related;
    return encode(only);
}

}  // namespace

Result<RecordDocument> place(WriteTxn& txn, const RecordStore& store, std::string_view record,
                             RecordDocument me, PlacingWork& work)
{
    PlaceRows rows(txn, store, record, work);
    return Placing(rows, std::move(me)).run();
}

Result<bool> release(WriteTxn& txn, const RecordStore& store, std::string_view record,
                     const RecordDocument& me, PlacingWork& work)
{
    PlaceRows rows(txn, store, record, work);
    const auto found = rows.row(me.document);
    if (!found) return true;  // place() writes it anew
    const auto& row = *found;
    if (!row || known_by(*row) == known_by(me)) return true;
    CHECK(rows.erase(*row));
    TRY(const bool whole, bring_back(rows, *row));
    if (!whole) {
        CHECK(rows.put_row(*row));
        return false;
    }
    // What it is there, and for whom it stands, place() finds in its row.
    RecordDocument now = me;
    now.state = row->state;
    now.other = row->other;
    now.inherits = row->inherits;
    CHECK(rows.put(now));
    return true;
}

Result<bool> displace(WriteTxn& txn, const RecordStore& store, std::string_view record,
                      std::string_view document, PlacingWork& work)
{
    PlaceRows rows(txn, store, record, work);
    auto found = rows.row(document);
    if (!found) {
        work.unreadable = std::string(record) + std::string(document);
        return fail(std::move(found).error());
    }
    const auto& row = *found;
    if (!row) return true;
    // Nobody finds it any more, so that what it superseded is judged without it.
    CHECK(rows.erase(*row));
    TRY(bool whole, bring_back(rows, *row));
    const bool may_be_repeated = row->state != "repeats";
    if (may_be_repeated && work.reads_left < neighbours_max) whole = false;
    if (!whole) {
        CHECK(rows.put_row(*row));
        return false;
    }
    if (!may_be_repeated) return true;
    TRY(auto repeats, rows.repeats_of(*row));
    CHECK(appoint_heir(rows, *row, std::move(repeats.rows)));
    return true;
}

Result<bool> displace_others(WriteTxn& txn, const RecordStore& store, std::string_view record,
                             std::string_view prefix, const std::set<std::string>& present, PlacingWork& work)
{
    std::vector<std::string> gone;
    const std::string all = std::string(record) + std::string(prefix);
    const auto most = 1 + placement_bytes_max / row_overhead;  // more cannot go in one transaction
    CHECK(txn.keys(Table::record_doc, all, all, [&](std::string_view key) {
        std::string document(key.substr(record.size()));
        if (!present.contains(document)) gone.push_back(std::move(document));
        return gone.size() < most;
    }));
    for (const auto& document : gone) {
        if (work.enough()) return false;
        TRY(const bool whole, displace(txn, store, record, document, work));
        if (!whole) return false;
    }
    return gone.size() < most;
}

Result<std::optional<RecordDocument>> placed(ReadTxn& txn, std::string_view record, std::string_view document)
{
    TRY(const auto value, txn.get(Table::record_doc, std::string(record) + std::string(document)));
    if (!value) return std::optional<RecordDocument>();
    TRY(auto row, decode_record_document(*value));
    return std::optional(std::move(row));
}

}  // namespace direct
