// smtp_dialogue.h - the client's side of one SMTP connection: a command, its whole reply, nothing ahead of it.
//
// Commands are not pipelined: the listener is on this machine, and each reply then belongs to one command whatever
// breaks off when. Every wait has a deadline. Not thread safe. Source: RFC 5321.
#pragma once
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

class SmtpDialogue {
public:
    /// @param timeout  longest wait for the connection, for one reply, and for room to write 64 KB
    explicit SmtpDialogue(milliseconds timeout) : timeout_(timeout) {}
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
    int fd_ = -1;
    milliseconds timeout_;
    std::string waiting_;  // received, not yet a line
};

}  // namespace direct
