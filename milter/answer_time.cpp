#include "milter/answer_time.h"

#include <algorithm>

namespace direct {

milliseconds answer_step(milliseconds grid, std::uint64_t bytes)
{
    constexpr std::uint64_t mebibyte = 1u << 20;
    return grid * static_cast<std::int64_t>(std::max<std::uint64_t>(1, (bytes + mebibyte - 1) / mebibyte));
}

std::chrono::steady_clock::time_point answer_at(std::chrono::steady_clock::time_point begin,
                                                std::chrono::steady_clock::time_point ready,
                                                milliseconds step)
{
    const std::chrono::steady_clock::duration one = step;
    auto lines = (ready - begin + one - std::chrono::steady_clock::duration(1)) / one;
    return begin + one * std::max<std::chrono::steady_clock::rep>(1, lines);
}

}  // namespace direct
