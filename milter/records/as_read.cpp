#include "milter/records/as_read.h"

#include <charconv>
#include <vector>

#include "milter/base/text.h"

namespace direct::verbs {
namespace {

std::optional<std::uint32_t> number(std::string_view text)
{
    std::uint32_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return n;
}

/// The part the next attachment from a key on has; nothing: there is none.
Result<std::optional<std::uint32_t>> next_part(ReadTxn& txn, std::string_view message_id,
                                               const std::string& from)
{
    std::optional<std::uint32_t> part;
    CHECK(txn.keys(Table::document, message_id, from, [&](std::string_view key) {
        if (key.size() < part_key_size) return true;
        part = read_be32(key.substr(id_size));
        return false;
    }));
    return part;
}

}  // namespace

Result<AsRead::Readings> AsRead::now(ReadTxn& txn, std::string_view message_id)
{
    Readings out;
    for (std::string from(message_id);;) {
        TRY(const auto part, next_part(txn, message_id, from));
        if (!part) return out;
        const auto key = part_key(message_id, *part);
        const auto value = txn.get(Table::document, key);
        const auto row =
            value && *value ? decode_document(**value) : Result<DocumentRecord>(fail(temporary("damaged")));
        // A damaged row hides nothing that was found inside.
        if (!row || row->state != "pending") out[*part] = row ? row->tries : 0;
        if (*part == UINT32_MAX) return out;
        from = part_key(message_id, *part + 1);
    }
}

std::optional<AsRead::Readings> AsRead::parse(std::string_view text)
{
    Readings out;
    if (text == "-") return out;
    for (const auto& one : split(text, ' ')) {
        const auto dot = one.find('.');
        if (dot == std::string_view::npos) return std::nullopt;
        const auto part = number(one.substr(0, dot)), reading = number(one.substr(dot + 1));
        if (!part || !reading) return std::nullopt;
        out[*part] = *reading;
    }
    return out;
}

Result<AsRead> AsRead::of(ReadTxn& txn, std::string_view message_id, std::string_view given)
{
    AsRead out;
    TRY(out.readings_, now(txn, message_id));
    if (given.empty()) return out;
    auto before = parse(given);
    if (!before) return fail(refuse(Reason::input, "parameter as_read: no readings"));
    for (const auto& [part, reading] : *before) {
        const auto found = out.readings_.find(part);
        if (found == out.readings_.end() || found->second != reading)
            return fail(temporary("documents of this message are being read again: ask again"));
    }
    out.readings_ = *std::move(before);
    return out;
}

std::string AsRead::text() const
{
    std::string out;
    for (const auto& [part, reading] : readings_)
        out += (out.empty() ? "" : " ") + std::to_string(part) + "." + std::to_string(reading);
    return out.empty() ? "-" : out;
}

DocumentRecord waiting(DocumentRecord row)
{
    row.state = "pending";
    row.items = 0;
    row.whole = {};
    for (auto* text : {&row.kind, &row.plugin, &row.detail, &row.summary, &row.skipped}) text->clear();
    return row;
}

}  // namespace direct::verbs
