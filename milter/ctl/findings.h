// findings.h - what directctl check has found: each with what to do about it.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace direct::ctl {

enum class Severity : unsigned char { note, warning, fault };

struct Finding {
    Severity severity;
    std::string what, remedy;
};

class Findings {
public:
    void note(std::string what, std::string remedy)
    {
        add(Severity::note, std::move(what), std::move(remedy));
    }
    void warning(std::string what, std::string remedy)
    {
        add(Severity::warning, std::move(what), std::move(remedy));
    }
    void fault(std::string what, std::string remedy)
    {
        add(Severity::fault, std::move(what), std::move(remedy));
    }
    const std::vector<Finding>& all() const { return all_; }
    std::size_t count(Severity s) const
    {
        std::size_t n = 0;
        for (const auto& f : all_) n += f.severity == s;
        return n;
    }

private:
    void add(Severity s, std::string what, std::string remedy)
    {
        all_.push_back({s, std::move(what), std::move(remedy)});
    }
    std::vector<Finding> all_;
};

}  // namespace direct::ctl
