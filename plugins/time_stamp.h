// time_stamp.h - points in time as documents write them. Precision is never invented: what a text does not
// say is not in the result. Pure functions, no faults, thread safe.
#pragma once
#include <string>
#include <string_view>

namespace direct {

class JsonWriter;

/// A point in time: what it says as far as it says it.
struct TimeStamp {
    std::string iso;     ///< "2012-08-06T10:20-05:00", "" when the text is no time
    char precision = 0;  ///< Y M D H m s, 0 = no time
    std::string zone;    ///< "-05:00" or ""
    bool bad = false;    ///< something in it was left out of iso: odd digits, a broken zone
};

/// HL7 TS: YYYY[MM[DD[HH[mm[ss[.fff]]]]]][+-ZZzz]. An odd digit or a broken zone is left out and said so.
TimeStamp read_time(std::string_view raw);

/// ISO 8601 as XML Schema and CCR write it: YYYY[-MM[-DD[Thh:mm[:ss[.fff]]]]][Z|+-hh:mm]. "Z" is zone
/// "+00:00". What has another form is no time: bad and empty.
TimeStamp read_iso_time(std::string_view raw);

/// Members of the object in work: "raw" as it was written, and what was read from it: "value", "precision", "zone", and
/// "bad" when something was left out. A member that would say nothing is left away.
void time_stamp_members(JsonWriter& json, std::string_view raw, const TimeStamp& time);

}  // namespace direct
