// published.h - how much of what a stranger has published for one name is looked at and told of.
//
// Both kinds of place, DNS and directories, may hold thousands of values; each that is told of ends in the audit.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace direct {

/// Certificates of one name: each that fits is judged, which costs time.
inline constexpr std::size_t published_certificates_max = 32;
/// Lines about values that were left out; of the others the number is told.
inline constexpr std::size_t published_notes_max = 8;

/// Lines for the admin, not without end.
class PublishedNotes {
public:
    void add(std::string note)
    {
        if (notes_.size() < published_notes_max)
            notes_.push_back(std::move(note));
        else
            ++more_;
    }
    std::vector<std::string> take()
    {
        if (more_) notes_.push_back("and " + std::to_string(more_) + " more");
        return std::move(notes_);
    }

private:
    std::vector<std::string> notes_;
    std::size_t more_ = 0;
};

}  // namespace direct
