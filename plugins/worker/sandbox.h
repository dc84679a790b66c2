// sandbox.h - what direct-parse gives up before it reads its first document.
//
// After enter_sandbox() the process can read and write the descriptors it has, use memory up to its limit,
// and end. It cannot open a file or socket, start a process or thread, map executable memory, or look at
// another process: the system call ends it. Left out in sanitizer builds: the address space limit (shadow
// memory) and the system call filter.
#pragma once
#include <cstdint>
#include <string>

namespace direct {

/// @param memory   address space, bytes; 0 = no limit
/// @return empty, or why this system cannot do it: then no document may be read.
std::string enter_sandbox(std::uint64_t memory, bool filter);

/// The next document may use so much processor time; more ends the process (SIGXCPU).
void limit_processor_time(unsigned seconds);

}  // namespace direct
