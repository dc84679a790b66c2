// answer.h - what a child says about one document, frame by frame, held against limits and the truth that
// can be checked: order, lengths, UTF-8, JSON. Pure: no I/O; one thread per object.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "plugins/host/wire.h"
#include "plugins/host/worker_pool.h"

namespace direct {

class Answer {
public:
    Answer(std::uint64_t items_max, std::uint64_t bytes_max) : items_max_(items_max), bytes_max_(bytes_max) {}

    /// A document inside the document, to be read as one of its own.
    struct Inner {
        std::string filename, media_type, json, content;
    };
    enum class Step {
        more,
        done,   ///< outcome() is complete
        lie,    ///< not what direct-parse would say: kill it
        flood,  ///< more than the limits allow: kill it
    };
    Step take(const wire::Frame& frame);

    ParseOutcome& outcome() { return outcome_; }
    std::vector<Inner>& inner() { return inner_; }
    /// The child went on after this document in order (false: it told that its plugin threw).
    bool child_is_well() const { return well_; }

private:
    Step plugin(std::string_view payload);
    Step about(std::string_view payload);
    Step item(std::string_view payload);
    Step skip(std::string_view payload);
    Step note(std::string_view payload);
    Step child(std::string_view payload);
    Step end(std::string_view payload);
    void forget();

    std::uint64_t items_max_, bytes_max_, bytes_ = 0;
    bool parsing_ = false, well_ = true;
    ParseOutcome outcome_;
    std::vector<Inner> inner_;
};

/// What an outcome holds of an answer.
std::uint64_t bytes_of(const ParseOutcome& outcome);

/// What another parser made of a document that killed its own. As of an attachment: it keeps saying who died of it, unless
/// another clinical parser could read it.
void take_other(ParseOutcome& died, ParseOutcome other);

}  // namespace direct
