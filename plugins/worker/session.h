// session.h - documents come in over the channel, answers go out, until the channel closes.
#pragma once
#include <cstdint>
#include <string>

#include "plugins/worker/plugins.h"

namespace direct {

struct SessionOptions {
    int channel = 3;
    unsigned seconds = 10;  ///< processor time per document
    std::uint64_t document_max = 32u << 20;
    std::uint64_t items_max = 100000;
    bool talkative = false;  ///< what a plugin threw goes to standard error, for its author
};

/// Tells the host which plugins there are, or (trouble not empty) why there is no work to be had here.
bool say_hello(int channel, const Plugins& plugins, const std::string& trouble);

/// Serves until the host closes the channel. Returns the exit code of the process.
int serve(const SessionOptions& options, const Plugins& plugins);

}  // namespace direct
