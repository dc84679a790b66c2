// damaged_rows.h - rows that cannot be opened or decoded. Whoever works through a table passes over them and hands them
// on to be told: what stands behind one of them does not wait for it.
#pragma once
#include <string>
#include <vector>

#include "milter/store/record_store.h"

namespace direct {

struct DamagedRow {
    Table table;
    std::string key;  ///< as it lies in the table
    std::string why;
};
using DamagedRows = std::vector<DamagedRow>;

}  // namespace direct
