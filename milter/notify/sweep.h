// sweep.h - old rows of a table, a batch at a time: no long reader, no long write. Thread safe.
#pragma once
#include <cstddef>
#include <functional>
#include <string_view>

#include "milter/store/record_store.h"

namespace direct {

/// Removes every row whose value `is_old` says yes to, in batches of 2000 rows looked at. Also in a full store. A row that
/// cannot be opened is left. Number removed. Fault: temporary; what was removed by then stays removed.
Result<std::size_t> sweep_rows(RecordStore& store, Table table,
                               const std::function<bool(std::string_view value)>& is_old);

}  // namespace direct
