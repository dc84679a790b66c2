// run_ctl.h - runs the real directctl and keeps what it printed; commands that OpenSSL's own tool can do better
// than code of ours go through the shell of scratch.h.
#pragma once
#include <sys/wait.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

namespace direct::test {

using Json = nlohmann::json;

struct Outcome {
    int exit = -1;
    std::string out, err;
    Json json() const { return Json::parse(out, nullptr, false); }
};

/// For the shell: in single quotes.
inline std::string quoted(const std::string& text)
{
    std::string out = "'";
    for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

inline Outcome ctl(const std::vector<std::string>& arguments, const std::string& input = "")
{
    Scratch scratch;
    write_file(scratch / "in", input);
    std::string command = quoted(build_dir() + "/bin/directctl");
    for (const auto& a : arguments) command += " " + quoted(a);
    command += " < " + scratch / "in" + " > " + scratch / "out" + " 2> " + scratch / "err";
    int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 256, read_file(scratch / "out"),
            read_file(scratch / "err")};
}

/// A trial site in a scratch folder.
struct TrialSite {
    Scratch scratch;
    std::string dir = scratch / "site", config = dir + "/direct.toml";
    Outcome made = ctl({"init", "--domain", "direct.example.org", "--dir", dir, "--test"});
    Outcome run(std::vector<std::string> arguments, const std::string& input = "") const
    {
        arguments.insert(arguments.end(), {"--config", config});
        return ctl(arguments, input);
    }
};

/// One site for the tests that only look: making RSA keys takes long.
inline TrialSite& shared_site()
{
    static TrialSite site;
    return site;
}

}  // namespace direct::test
