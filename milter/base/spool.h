// spool.h - the bytes of one message while it arrives.
//
// Up to 256 KB stay in memory; then everything goes to a file that has no name (unlinked at once, or
// O_TMPFILE) and is encrypted under a random key of this process, because a disk keeps what was
// deleted and a swap or a stolen disk must not tell a message. A crash leaves nothing readable.
// One owner at a time; not thread safe.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "milter/base/result.h"

namespace direct {

inline constexpr std::size_t spool_memory = 256 * 1024;  ///< bytes kept in memory per message

class Spool {
public:
    /// @param directory  where the unnamed file is made when it is needed
    /// @param max        bytes in all; one more is Fault too_large
    Spool(std::string directory, std::uint64_t max);
    ~Spool();
    Spool(Spool&&) noexcept;
    Spool& operator=(Spool&&) noexcept;

    /// Fault: too_large, or temporary (disk full, I/O, too few descriptors), which is also a line of the log and
    /// a step of spool_failures_total. After a fault the spool stays at fault.
    Status append(std::string_view bytes);
    std::uint64_t size() const;
    bool on_disk() const;
    /// Everything appended so far, decrypted. Fault: temporary.
    Result<std::string> read_all() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace direct
