// answer_time.h - when a refusal before a verified signature is told.
//
// How far a message got (key fits, padding fits, MIME fits) takes different time, and whoever can send variants of
// recorded mail could read the difference (C14, O4). So such answers leave on a grid: at the first whole
// multiple of a step, counted from the end of the message, that lies ahead. The step grows with the size, which
// is the sender's own choice, and is longer than the work of any refusal on an idle machine; under load
// what is left is the chance to be carried over one grid line, which the noise of the load covers.
// Pure functions, thread safe.
#pragma once
#include <chrono>
#include <cstdint>

#include "milter/base/clock.h"

namespace direct {

/// @param grid   limits.refusal_grid
/// @param bytes  size of the message as received
/// @return grid for each begun MiB
milliseconds answer_step(milliseconds grid, std::uint64_t bytes);

/// The first grid line at or after `ready`, never `begin` itself.
std::chrono::steady_clock::time_point answer_at(std::chrono::steady_clock::time_point begin,
                                                std::chrono::steady_clock::time_point ready,
                                                milliseconds step);

}  // namespace direct
