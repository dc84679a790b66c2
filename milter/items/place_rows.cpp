// place_rows.cpp - see place_rows.h.
#include "milter/items/place_rows.h"

namespace direct {

bool is_replacing(const RelatedDocument& r)
{
    return r.type == "RPLC" || r.type == "APND";
}

std::string PlaceRows::by_key(char what, std::string_view text) const
{
    std::string name(record_);
    name += what;
    name += text;
    return store_.index_key("document-by", name);
}

std::vector<std::string> PlaceRows::own_keys(const RecordDocument& d) const
{
    if (d.state == "repeats") return {by_key('r', d.other)};
    std::set<std::string> out;
    const auto add = [&](char what, const std::string& text) {
        if (!text.empty()) out.insert(by_key(what, text));
    };
    add('h', d.sha256);
    add('i', d.id);
    add('s', d.set_id);
    if (d.state == "superseded") add('o', d.other);
    for (const auto& r : d.related) {
        if (!is_replacing(r)) continue;
        for (const auto& id : r.ids) add('n', id);
        add('N', r.set_id);
    }
    return {out.begin(), out.end()};
}

std::set<std::string> PlaceRows::neighbour_keys(const RecordDocument& d) const
{
    std::set<std::string> out;
    const auto add = [&](char what, const std::string& text) {
        if (!text.empty()) out.insert(by_key(what, text));
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

Result<std::optional<RecordDocument>> PlaceRows::row(std::string_view document)
{
    return placed(txn_, record_, document);
}

std::optional<RecordDocument> PlaceRows::readable_row(std::string_view document)
{
    // A failure of the disk, not of the row, is known to the transaction: it does not commit.
    auto found = row(document);
    return found ? *std::move(found) : std::nullopt;
}

Status PlaceRows::write(Table table, const std::string& key, const std::string& value)
{
    work_.bytes += key.size() + value.size() + row_overhead;
    return txn_.put(table, key, value);
}

Status PlaceRows::put_row(const RecordDocument& d)
{
    return write(Table::record_doc, record_ + d.document, encode(d));
}

Status PlaceRows::put(const RecordDocument& d)
{
    for (const auto& key : own_keys(d)) CHECK(write(Table::doc_by, key + d.document, ""));
    return put_row(d);
}

Status PlaceRows::put_superseded(RecordDocument& d, const std::string& by)
{
    d.state = "superseded";
    d.other = by;
    CHECK(write(Table::doc_by, by_key('o', by) + d.document, ""));
    return put_row(d);
}

Status PlaceRows::erase(const RecordDocument& d)
{
    for (const auto& key : own_keys(d)) {
        work_.bytes += key.size() + d.document.size() + row_overhead;
        CHECK(txn_.erase(Table::doc_by, key + d.document));
    }
    work_.bytes += record_.size() + d.document.size() + row_overhead;
    CHECK(txn_.erase(Table::record_doc, record_ + d.document));
    return Done{};
}

Result<std::vector<std::string>> PlaceRows::under(const std::string& prefix, std::size_t most)
{
    std::vector<std::string> out;
    CHECK(txn_.keys(Table::doc_by, prefix, prefix, [&](std::string_view key) {
        out.emplace_back(key.substr(prefix.size()));
        return out.size() <= most;
    }));
    return out;
}

Result<std::vector<std::string>> PlaceRows::superseded_by(const std::string& document, std::size_t most)
{
    return under(by_key('o', document), most);
}

Result<Repeats> PlaceRows::repeats_of(const RecordDocument& of)
{
    std::vector<std::string> carriers = of.inherits;
    carriers.push_back(of.document);
    Repeats out;
    for (std::size_t looked = 0; const auto& carrier : carriers) {
        // Those that leave with it are known by their keys: a package may hold the same document a thousand times.
        const auto prefix = by_key('r', carrier);
        std::vector<std::string> keys;
        CHECK(txn_.keys(Table::doc_by, prefix, prefix, [&](std::string_view key) {
            const auto document = key.substr(prefix.size());
            if (!work_.is_leaving(document)) keys.emplace_back(document);
            return keys.size() <= neighbours_max;
        }));
        for (const auto& key : keys) {
            if (looked == neighbours_max || work_.reads_left == 0) {
                out.all = false;
                return out;
            }
            ++looked;
            --work_.reads_left;
            auto found = readable_row(key);
            if (found && found->state == "repeats") out.rows.push_back(*std::move(found));
        }
    }
    return out;
}

Status PlaceRows::forget_superseded(const std::string& document, const std::string& by)
{
    work_.bytes += row_overhead;
    CHECK(txn_.erase(Table::doc_by, by_key('o', by) + document));
    return Done{};
}

Result<bool> PlaceRows::read_again(const std::string& document)
{
    const std::string attachment = document.substr(0, part_key_size);
    const auto value = txn_.get(Table::document, attachment);
    if (!value || !*value) return false;
    auto again = decode_document(**value);
    if (!again) return false;
    again->state = "pending";
    CHECK(write(Table::document, attachment, encode(*again)));
    CHECK(write(Table::pending, attachment, ""));
    return true;
}

}  // namespace direct
