// item_index.cpp - see item_index.h.
#include "milter/items/item_index.h"

#include <algorithm>
#include <map>

#include "milter/store/schema.h"

namespace direct {
namespace {

constexpr std::size_t prefix_size = 16, time_size = 8, row_size = prefix_size + time_size + item_key_size;
// Within these every moment of a chart lies, and sums with a shift stay far from the ends of 64 bits.
constexpr std::int64_t time_min = -62'135'596'800'000, time_max = 253'402'300'799'999;  // years 1 to 9999
constexpr std::uint64_t undated = ~std::uint64_t{0};
constexpr int shift_bits = 46;  // about 2,200 years

std::string view_key(const RecordStore& store, std::string_view record, char view, std::string_view text)
{
    std::string name(record);
    name += view;
    name += text;
    return store.index_key("items-of", name);
}

std::uint64_t shift_of(const RecordStore& store, std::string_view record)
{
    return read_be64(store.index_key("item-time", record)) >> (64 - shift_bits);
}

/// Greater for what is older.
std::string time_part(std::uint64_t shift, std::optional<std::int64_t> ms)
{
    if (!ms) return be64(undated);
    const auto since_year_one = static_cast<std::uint64_t>(std::clamp(*ms, time_min, time_max) - time_min);
    return be64((std::uint64_t{1} << 62) - shift - since_year_one);
}

class Search {
public:
    Search(ReadTxn& txn, const RecordStore& store, const ItemQuery& query)
        : txn_(txn), store_(store), query_(query), shift_(shift_of(store, query.record))
    {
        if (!query.code.empty())
            prefix_ = view_key(store, query.record, 'c', query.code);
        else if (!query.section.empty())
            prefix_ = view_key(store, query.record, 's', query.section);
        else
            prefix_ = view_key(store, query.record, 'a', "");
    }

    Status run(std::string_view from, const std::function<bool(const FoundItem&)>& visit)
    {
        std::string begin = prefix_;
        // Older than `until` is what has a greater time part than it.
        if (query_.until) begin += time_part(shift_, query_.until->time_since_epoch().count() - 1);
        begin = std::max<std::string>(begin, std::string(from));
        return txn_.keys(Table::item_by, prefix_, begin, [&](std::string_view key) {
            if (key.size() != row_size) return true;
            if (is_too_old(key.substr(prefix_size, time_size))) return false;
            FoundItem found;
            found.row = key;
            found.key = key.substr(prefix_size + time_size);
            found.document = found.key.substr(0, part_key_size);
            const auto wanted = look(found);
            found.damaged = !wanted;
            return (wanted && !*wanted) || visit(found);
        });
    }

private:
    bool is_too_old(std::string_view time) const
    {
        const bool asked = query_.since || query_.until;
        if (asked && read_be64(time) == undated) return true;
        return query_.since && time > time_part(shift_, query_.since->time_since_epoch().count());
    }

    /// Fills in the rest. False: it is not what was asked for. Fault: a row of it cannot be opened.
    Result<bool> look(FoundItem& out)
    {
        TRY(const auto inner, txn_.get(Table::item_by, out.row));
        if (!inner) return false;
        if (const auto number = read_be32(*inner)) out.document = inner_key(out.document, number);
        TRY(const auto state, state_of(out.document));
        out.superseded = state == "superseded";
        if (state != "current" && !(out.superseded && query_.superseded)) return false;
        TRY(auto json, txn_.get(Table::item, out.key));
        if (!json || !fits(*json)) return false;
        out.json = *std::move(json);
        return true;
    }

    /// "" while a document is in work.
    Result<std::string> state_of(const std::string& document)
    {
        const auto known = states_.find(document);
        if (known != states_.end()) return known->second;
        TRY(const auto value, txn_.get(Table::record_doc, query_.record + document));
        std::string state;
        if (value) {
            TRY(const auto row, decode_record_document(*value));
            state = row.state;
        }
        if (states_.size() == states_max) states_.clear();
        return states_.emplace(document, std::move(state)).first->second;
    }

    /// What the rows of the view do not tell.
    bool fits(const std::string& json) const
    {
        if (query_.code.empty() || (query_.section.empty() && query_.system.empty())) return true;
        const auto facts = facts_of_item(json);
        const ItemCode wanted{query_.system, query_.code};
        return (query_.section.empty() || facts.section == query_.section) &&
               (query_.system.empty() ||
                std::find(facts.codes.begin(), facts.codes.end(), wanted) != facts.codes.end());
    }

    static constexpr std::size_t states_max = 10'000;  // of documents remembered, a few MB
    ReadTxn& txn_;
    const RecordStore& store_;
    const ItemQuery& query_;
    std::uint64_t shift_;
    std::string prefix_;
    std::map<std::string, std::string> states_;
};

}  // namespace

std::string record_key(const RecordStore& store, const Address& mailbox)
{
    return store.index_key("record", mailbox.key());
}

std::vector<std::string> record_keys(const RecordStore& store, const std::vector<std::string>& recipients)
{
    std::vector<std::string> out;
    for (const auto& recipient : recipients) {
        const auto address = parse_address(recipient, true);
        if (!address) continue;
        auto key = record_key(store, *address);
        if (std::find(out.begin(), out.end(), key) == out.end()) out.push_back(std::move(key));
    }
    return out;
}

std::vector<std::string> index_rows(const RecordStore& store, std::string_view record,
                                    std::string_view item_key, const ItemFacts& facts)
{
    const std::string rest = time_part(shift_of(store, record), facts.time_ms) + std::string(item_key);
    std::vector<std::string> out{view_key(store, record, 'a', "") + rest};
    if (!facts.section.empty()) out.push_back(view_key(store, record, 's', facts.section) + rest);
    for (const auto& code : facts.codes) out.push_back(view_key(store, record, 'c', code.code) + rest);
    return out;
}

Status find_items(ReadTxn& txn, const RecordStore& store, const ItemQuery& query, std::string_view from,
                  const std::function<bool(const FoundItem&)>& visit)
{
    return Search(txn, store, query).run(from, visit);
}

}  // namespace direct
