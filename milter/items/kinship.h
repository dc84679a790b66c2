// kinship.h - what two documents of a record are to each other, by what they say of themselves. Pure functions.
#pragma once
#include <string_view>

#include "milter/store/schema.h"

namespace direct {

/// Same bytes, or same id and version with the same content.
bool says_the_same(const RecordDocument& a, const RecordDocument& b);
/// By its own words: a higher version of the same set, or RPLC that names it.
bool claims_to_replace(const RecordDocument& later, const RecordDocument& earlier);
/// By its own words: APND that names it.
bool claims_to_append(const RecordDocument& addendum, const RecordDocument& to);
bool same_source(const RecordDocument& a, const RecordDocument& b);
bool same_patient(const RecordDocument& a, const RecordDocument& b);
/// Why a claim between them is not believed: "other-sender", "other-patient"; "" when it is.
std::string_view objection(const RecordDocument& a, const RecordDocument& b);
/// It replaces, is believed, and is not replaced in turn.
bool replaces(const RecordDocument& later, const RecordDocument& earlier);

}  // namespace direct
