// rows.h - removing many rows without one transaction that is too large for the store. Thread safe.
#pragma once
#include <string_view>

#include "milter/store/record_store.h"

namespace direct {

inline constexpr std::size_t batch_bytes =
    2u << 20;  ///< of items in one transaction (the store's own bound is 4 MB)
inline constexpr std::size_t batch_rows = 2000;

/// Erases every row with this prefix, batch by batch. What is left after a fault can be erased again.
Status erase_rows(RecordStore& store, Table table, std::string_view prefix);

}  // namespace direct
