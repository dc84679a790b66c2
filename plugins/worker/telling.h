// telling.h - the host as one parse() call sees it. Every call is held against the contract of parser_plugin.h at once, so
// that a plugin's author reads which call was wrong and why; the host checks again, as a child may lie.
//
// The first call that is wrong or over a limit decides: it and all that follow return non-zero, and the document
// ends with that reason whatever parse() returns. Reasons name calls, places and limits, never what a plugin handed
// over: that may be health data. One thread.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "plugins/host/wire.h"
#include "plugins/parser_plugin.h"
#include "plugins/worker/session.h"

namespace direct {

/// Writes everything to a descriptor; false when the other end is gone.
bool write_all(int fd, std::string_view bytes);

class Telling {
public:
    /// @param content  bytes of the document: they bound the answer
    Telling(int fd, const SessionOptions& options, std::uint64_t content);
    Telling(const Telling&) = delete;
    Telling& operator=(const Telling&) = delete;

    const direct_host* host() const { return &host_; }
    bool told_document() const { return told_document_; }
    const std::string& last_note() const { return last_note_; }
    /// Something was handed over that is not what the contract says.
    bool broke_contract() const { return verdict_ == Verdict::broken; }
    /// A limit was hit.
    bool limited() const { return verdict_ == Verdict::limited; }
    const std::string& why() const { return why_; }  ///< of the two above

    /// A note of our own, beside the plugin's.
    void tell_note(const std::string& text);
    /// Gathered and written in pieces of 64 KB: a small document is one write.
    void frame(wire::Type type, std::initializer_list<std::string_view> fields);
    void flush();

private:
    enum class Verdict { good, broken, limited };

    int broken(std::string why) { return end(Verdict::broken, std::move(why)); }
    int over(std::string limit) { return end(Verdict::limited, std::move(limit)); }
    int end(Verdict verdict, std::string why);
    /// Whether so many more bytes may be told.
    bool allow(std::size_t bytes);

    int document(direct_bytes json);
    int item(const direct_item* item);
    int skip(direct_bytes section, direct_bytes reason);
    int note(direct_bytes text);
    int child(const direct_child* child);

    int fd_;
    std::uint64_t items_max_, bytes_left_;
    std::uint64_t items_ = 0;
    std::size_t notes_ = 0, skips_ = 0, children_ = 0;
    bool told_document_ = false;
    Verdict verdict_ = Verdict::good;
    std::string out_, last_note_, why_;
    direct_host host_{};
};

}  // namespace direct
