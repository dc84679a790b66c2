#include "tests/support/scratch.h"

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace direct::test {

Scratch::Scratch()
{
    auto base = std::filesystem::temp_directory_path() / "direct-test-XXXXXX";
    std::string name = base;
    if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp " + name);
    path_ = name;
}

Scratch::~Scratch()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string run(const std::string& command)
{
    FILE* p = popen((command + " 2>&1").c_str(), "r");
    if (!p) throw std::runtime_error("cannot run " + command);
    std::string out;
    char buf[4096];
    while (auto n = fread(buf, 1, sizeof buf, p)) out.append(buf, n);
    int rc = pclose(p);
    if (rc != 0) throw std::runtime_error(command + ": exit " + std::to_string(WEXITSTATUS(rc)) + "\n" + out);
    return out;
}

}  // namespace direct::test
