// log.h - one event, one line: "<queue-id>: <event> key="value" ...".
//
// The event is a fixed word from conf/log_events.def so that an admin can grep for it and the manual
// can explain it. Values are escaped: a line cannot be forged or split by what a message holds.
// Never in a log: subjects, bodies, questions, answers, codes, keys. Thread safe.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace direct {

/// Escapes what could forge or split a log line: controls, DEL, '"', '\', and bytes that are not
/// UTF-8. At most `max` bytes of `in` are used; a cut is shown as "...".
std::string log_quote(std::string_view in, std::size_t max = 200);

class LogLine {
public:
    /// @param priority  syslog priority (LOG_INFO ...)
    /// @param id        queue id, session id or empty ("-" is written)
    /// @param event     a word of conf/log_events.def
    LogLine(int priority, std::string_view id, std::string_view event);
    ~LogLine();  ///< writes the line
    LogLine(const LogLine&) = delete;
    LogLine& operator=(const LogLine&) = delete;
    LogLine& with(std::string_view key, std::string_view untrusted_value);
    LogLine& with(std::string_view key, const char* v) { return with(key, std::string_view(v)); }
    LogLine& with(std::string_view key, const std::string& v) { return with(key, std::string_view(v)); }
    LogLine& with(std::string_view key, std::int64_t number);

private:
    int priority_;
    std::string line_;
};

/// Where lines go. Default: standard error with "<priority>" in front when run by systemd
/// (JOURNAL_STREAM), plain otherwise.
void log_to_syslog(const char* program);
void log_to_stderr();
/// Tests: every line is handed to `sink`. An empty function restores standard error.
void log_to(std::function<void(int priority, const std::string& line)> sink);

}  // namespace direct
