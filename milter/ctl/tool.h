// tool.h - runs a tool of the mail server and takes what it prints.
#pragma once
#include <string>
#include <vector>

#include "milter/base/clock.h"
#include "milter/base/result.h"

namespace direct::ctl {

struct ToolOutput {
    int exit = 0;
    std::string text;  ///< standard output, at most 4 MB
};
/// Looks in PATH and the sbin folders. No shell is involved; standard error is dropped. Fault: temporary (not
/// there, cannot be started, longer than `limit`).
Result<ToolOutput> run_tool(const std::vector<std::string>& arguments,
                            milliseconds limit = milliseconds(10000));

}  // namespace direct::ctl
