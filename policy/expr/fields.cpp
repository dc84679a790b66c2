#include "policy/expr/fields.h"

#include <openssl/objects.h>

#include "policy/expr/field_readers.h"

namespace direct::expr {
namespace {

constexpr FieldRow rows[] = {
#define FIELD(name, kind, reader, detail) \
    {name, Kind::kind, FieldRow::Standing::read, true, &read::reader, detail},
#define PLAIN(name, kind, reader, detail) \
    {name, Kind::kind, FieldRow::Standing::read, false, &read::reader, detail},
#define NEWER(name, kind, reader, detail) \
    {name, Kind::kind, FieldRow::Standing::newer, true, &read::reader, detail},
#define ABSENT(name) {name, Kind::text, FieldRow::Standing::not_read, true, nullptr, 0},
#include "policy/expr/fields.def"
#undef FIELD
#undef PLAIN
#undef NEWER
#undef ABSENT
};

}  // namespace

std::span<const FieldRow> field_rows()
{
    return rows;
}

const FieldRow* field_at(std::string_view text, bool direct_1)
{
    const FieldRow* longest = nullptr;
    if (!text.starts_with("X509.")) return nullptr;
    for (const auto& row : rows) {
        if (row.standing == FieldRow::Standing::newer && !direct_1) continue;
        if (text.starts_with(row.name) && (!longest || row.name.size() > longest->name.size()))
            longest = &row;
    }
    return longest;
}

}  // namespace direct::expr
