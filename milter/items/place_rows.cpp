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
    CHECK(txn_.scan(Table::doc_by, prefix, prefix, [&](std::string_view key, std::string_view) {
        out.emplace_back(key.substr(prefix.size()));
        return out.size() <= most;
    }));
    return out;
}

Result<std::vector<std::string>> PlaceRows::superseded_by(const std::string& document, std::size_t most)
{
    return under(by_key('o', document), most);
}

Result<std::vector<RecordDocument>> PlaceRows::repeats_of(const RecordDocument& of)
{
    std::vector<std::string> carriers = of.inherits;
    carriers.push_back(of.document);
    std::vector<RecordDocument> out;
    for (const auto& carrier : carriers) {
        TRY(const auto keys, under(by_key('r', carrier)));
        for (const auto& key : keys) {
            TRY(auto found, row(key));
            if (found && found->state == "repeats") out.push_back(*std::move(found));
        }
    }
    return out;
}

Result<bool> PlaceRows::read_again(const std::string& document)
{
    const std::string attachment = document.substr(0, part_key_size);
    TRY(const auto value, txn_.get(Table::document, attachment));
    if (!value) return false;
    TRY(auto again, decode_document(*value));
    again.state = "pending";
    CHECK(write(Table::document, attachment, encode(again)));
    CHECK(write(Table::pending, attachment, ""));
    return true;
}

}  // namespace direct
