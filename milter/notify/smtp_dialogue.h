// smtp_dialogue.h - the client's side of one SMTP connection: a command, its whole reply, nothing ahead of it.
//
// Commands are not pipelined: the listener is on this machine, and each reply then belongs to one command whatever
// breaks off when. Every wait has a deadline, and Interrupt ends it before. Not thread safe, but for Interrupt.
// Source: RFC 5321.
#pragma once
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/clock.h"
#include "milter/base/result.h"

namespace direct {

/// A whole reply: its code, and its lines without code and line ends.
struct SmtpReply {
    int code = 0;  ///< 200 to 599
    std::vector<std::string> lines;
    bool taken() const { return code >= 200 && code <= 299; }
    bool refused() const { return code >= 400 && code <= 599; }
    /// Code and text in one line for the admin, without controls, at most 300 bytes of text.
    std::string text() const;
};

/// Ends dialogues from another thread: their connections are shut down, and who waits on one gets a fault at once.
class Interrupt {
public:
    /// For good: a dialogue that begins later has ended before it connects.
    void raise();

private:
    friend class SmtpDialogue;
    bool watch(int fd);  ///< false: raised before
    void forget(int fd);
    std::mutex lock_;
    std::set<int> open_;
    bool raised_ = false;
};

class SmtpDialogue {
public:
    /// @param timeout    longest wait for the connection, for one reply, and for room to write 64 KB
    /// @param interrupt  borrowed; may be null
    explicit SmtpDialogue(milliseconds timeout, Interrupt* interrupt = nullptr)
        : timeout_(timeout), interrupt_(interrupt)
    {
    }
    ~SmtpDialogue();  ///< closes; quit() says goodbye
    SmtpDialogue(const SmtpDialogue&) = delete;
    SmtpDialogue& operator=(const SmtpDialogue&) = delete;

    /// @param where  host:port or [address]:port; every address of the host is tried
    /// Fault: temporary, as all faults here; then the connection is of no use any more.
    Status connect(const std::string& where);
    /// The reply to what was sent before, or the greeting. Fault: no whole reply came.
    /// @param at_least  waits so long even when the timeout is shorter
    Result<SmtpReply> reply(milliseconds at_least = milliseconds(0));
    /// Sends the line with CRLF and waits for its reply. The line must hold no CR or LF.
    Result<SmtpReply> command(const std::string& line);
    /// Sends content in CRLF form with dot-stuffing, and the final dot. What is copied of it is cleansed.
    Status content(std::string_view canonical);
    /// Says goodbye; a listener that does not answer is not waited for longer than a second.
    void quit();

private:
    Result<std::string> line(milliseconds timeout);
    void close();
    int fd_ = -1;
    milliseconds timeout_;
    Interrupt* interrupt_;
    std::string waiting_;  // received, not yet a line
};

}  // namespace direct
