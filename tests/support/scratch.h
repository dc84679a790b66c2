// scratch.h - a directory of a test's own, removed when the test ends.
#pragma once
#include <string>

namespace direct::test {

class Scratch {
public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

/// Runs a command through /bin/sh; returns its standard output, throws with it when the exit code is not 0.
std::string run(const std::string& command);

}  // namespace direct::test
