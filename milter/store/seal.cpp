// seal.cpp - see seal.h. Faults never name the record key: it may be an id a person could be found by.
#include "milter/store/seal.h"

#include "milter/store/schema.h"

namespace direct {

namespace {

Secret derive(std::string_view store_key, std::string_view label)
{
    return hkdf_sha256(store_key, "direct-milter store", label, store_key_size);
}

}  // namespace

Sealer::Sealer(std::string_view store_key, std::uint64_t schema)
    : schema_(schema), index_key_(derive(store_key, "index")), audit_key_(derive(store_key, "audit"))
{
    add_key(1, store_key);
}

void Sealer::add_key(std::uint8_t number, std::string_view store_key)
{
    seal_keys_.insert_or_assign(number, derive(store_key, "seal"));
    current_ = seal_keys_.rbegin()->first;
}

std::string Sealer::associated(Table table, std::uint8_t number, std::string_view key) const
{
    std::string out;
    out.reserve(10 + key.size());
    out += static_cast<char>(table);
    out += be64(schema_);
    out += static_cast<char>(number);
    out += key;
    return out;
}

std::string Sealer::seal(Table table, std::string_view key, std::string_view plain) const
{
    std::string out(1, static_cast<char>(current_));
    out += aead_seal(seal_keys_.at(current_).view(), associated(table, current_, key), plain);
    return out;
}

Result<std::string> Sealer::open(Table table, std::string_view key, std::string_view sealed) const
{
    const auto number = static_cast<std::uint8_t>(sealed.empty() ? 0 : sealed[0]);
    const auto at = seal_keys_.find(number);
    if (at == seal_keys_.end())
        return fail(temporary(std::string("store: no key for a value of table ") + table_name(table)));
    auto plain = aead_open(at->second.view(), associated(table, number, key), sealed.substr(1));
    if (!plain) return fail(temporary(std::string("store: a damaged value in table ") + table_name(table)));
    return plain;
}

Result<Secret> Sealer::content_key(std::uint8_t number, std::string_view content_id,
                                   std::string_view own_key) const
{
    if (!own_key.empty()) {
        if (own_key.size() != store_key_size) return fail(temporary("store: a content key is not 32 bytes"));
        return hkdf_sha256(own_key, content_id, "direct-milter own content", aead_key_size);
    }
    const auto at = seal_keys_.find(number);
    if (at == seal_keys_.end()) return fail(temporary("store: no key for a content"));
    return hkdf_sha256(at->second.view(), content_id, "direct-milter content", aead_key_size);
}

std::string Sealer::index_key(std::string_view label, std::string_view text) const
{
    std::string bytes(label);
    bytes += '\0';
    bytes += text;
    return hmac_sha256(index_key_.view(), bytes).substr(0, 16);
}

}  // namespace direct
