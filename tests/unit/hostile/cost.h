// cost.h - what a piece of work takes: CPU seconds of this thread, and how much the process grew meanwhile.
#pragma once
#include <algorithm>
#include <cstddef>
#include <functional>

namespace direct::test {

struct Cost {
    double seconds = 0;
    std::size_t memory = 0;  ///< bytes resident at the peak above those before
};

/// One thread at a time: the peak is the process's own (VmHWM, reset through /proc/self/clear_refs).
Cost cost_of(const std::function<void()>& work);

/// Sanitizers keep freed memory and shadow it: there no bound on memory says anything.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

/// The bound of design "Memory" for one message in work.
inline std::size_t memory_bound(std::size_t message_bytes)
{
    return message_bytes / 2 * 5 + (8U << 20);
}

}  // namespace direct::test
