// log.cpp - log lines and where they go. One lock around the sink, so lines of several threads never
// mix. Nothing here can fail towards the caller: a line that cannot be written is lost.
#include "milter/base/log.h"

#include <syslog.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>

#include "milter/base/text.h"

namespace direct {
namespace {

using Sink = std::function<void(int, const std::string&)>;

void write_to_stderr(int priority, const std::string& line)
{
    // systemd reads the priority from "<n>" when standard error is the journal.
    static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
    std::string out = journal ? "<" + std::to_string(priority & LOG_PRIMASK) + ">" : std::string();
    out += line;
    out += '\n';
    // One write: lines of several processes on one terminal or pipe stay whole.
    [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, out.data(), out.size());
}

std::mutex& sink_lock()
{
    static auto* lock = new std::mutex;  // never destroyed: threads may log while the process ends
    return *lock;
}

Sink& sink()
{
    static auto* s = new Sink(write_to_stderr);
    return *s;
}

void set_sink(Sink s)
{
    const std::lock_guard held(sink_lock());
    sink() = std::move(s);
}

// Well-formed, but able to break or turn round a line where it is shown: C1 controls, line and
// paragraph separators, direction marks, the byte order mark.
bool forges(std::string_view sequence)
{
    if (sequence == "\xD8\x9C") return true;
    if (sequence.size() == 2) return sequence[0] == '\xC2' && static_cast<unsigned char>(sequence[1]) < 0xA0;
    if (sequence.size() != 3) return false;
    const auto last = static_cast<unsigned char>(sequence[2]);
    const auto first_two = sequence.substr(0, 2);
    if (first_two == "\xE2\x80") return (last >= 0x8B && last <= 0x8F) || (last >= 0xA8 && last <= 0xAE);
    if (first_two == "\xE2\x81") return last >= 0xA0 && last <= 0xAF;
    return sequence == "\xEF\xBB\xBF";
}

void append_hex(std::string& out, std::string_view bytes)
{
    for (const char c : bytes) {
        out += "\\x";
        out += hex({&c, 1});
    }
}

}  // namespace

std::string log_quote(std::string_view in, std::size_t max)
{
    const bool cut = in.size() > max;
    if (cut) {
        in = in.substr(0, max);
        // Not through the middle of a character.
        for (std::size_t back = 1; back <= 3 && back <= in.size(); ++back) {
            const auto c = static_cast<unsigned char>(in[in.size() - back]);
            if ((c & 0xC0) == 0x80) continue;
            if (c >= 0xC2 && utf8_sequence(in, in.size() - back) == 0) in.remove_suffix(back);
            break;
        }
    }
    std::string out;
    out.reserve(in.size() + 8);
    for (std::size_t i = 0; i < in.size();) {
        const auto n = utf8_sequence(in, i);
        const auto sequence = in.substr(i, n ? n : 1);
        const char c = sequence[0];
        if (n == 0 || (n == 1 && (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)) || forges(sequence)) {
            append_hex(out, sequence);
        } else {
            if (c == '"' || c == '\\') out += '\\';
            out += sequence;
        }
        i += sequence.size();
    }
    if (cut) out += "...";
    return out;
}

LogLine::LogLine(int priority, std::string_view id, std::string_view event) : priority_(priority)
{
    line_ = id.empty() ? std::string("-") : log_quote(id, 64);
    line_ += ": ";
    line_ += event;
}

LogLine::~LogLine()
{
    // A sink that throws (no memory) must not end the process from a destructor.
    try {
        const std::lock_guard held(sink_lock());
        sink()(priority_, line_);
    } catch (...) {
        write_to_stderr(LOG_ERR, "-: log line lost");
    }
}

LogLine& LogLine::with(std::string_view key, std::string_view untrusted_value)
{
    line_ += ' ';
    line_ += key;
    line_ += "=\"";
    line_ += log_quote(untrusted_value);
    line_ += '"';
    return *this;
}

LogLine& LogLine::with(std::string_view key, std::int64_t number)
{
    line_ += ' ';
    line_ += key;
    line_ += '=';
    line_ += std::to_string(number);
    return *this;
}

void log_to_syslog(const char* program)
{
    static std::string kept;  // openlog keeps the pointer
    {
        const std::lock_guard held(sink_lock());
        kept = program;
        ::openlog(kept.c_str(), LOG_PID | LOG_NDELAY, LOG_MAIL);
    }
    set_sink([](int priority, const std::string& line) { ::syslog(priority, "%s", line.c_str()); });
}

void log_to_stderr()
{
    set_sink(write_to_stderr);
}

void log_to(std::function<void(int priority, const std::string& line)> s)
{
    set_sink(s ? std::move(s) : Sink(write_to_stderr));
}

}  // namespace direct
