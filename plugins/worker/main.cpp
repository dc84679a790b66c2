// main.cpp - direct-parse: reads hostile documents for the daemon and for directctl parse.
//
// Started by the worker pool with one socket on descriptor 3; not meant to be run by hand. Loads the
// plugins, gives up everything else, then serves one document after another. Exit code 0 when the host
// closes the channel, 2 when the start failed, 3 after a plugin that threw.
#include <unistd.h>

#include <charconv>
#include <string>
#include <string_view>

#include "plugins/worker/archive.h"
#include "plugins/worker/plugins.h"
#include "plugins/worker/sandbox.h"
#include "plugins/worker/session.h"

namespace {

struct Arguments {
    std::string plugins;
    std::uint64_t memory = 0;
    bool sandbox = true;
    bool archive = false;  ///< read zips of certificates instead of loading plugins
    direct::SessionOptions session;
};

template <class T>
bool number(std::string_view text, T& out)
{
    const auto r = std::from_chars(text.data(), text.data() + text.size(), out);
    return r.ec == std::errc() && r.ptr == text.data() + text.size();
}

bool read_arguments(int argc, char** argv, Arguments& out)
{
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--no-sandbox") {
            out.sandbox = false;
            out.session.talkative = true;
            continue;
        }
        if (name == "--archive") {
            out.archive = true;
            continue;
        }
        if (++i == argc) return false;
        const std::string_view value = argv[i];
        if (name == "--plugins")
            out.plugins = value;
        else if (name == "--memory" && number(value, out.memory))
            continue;
        else if (name == "--seconds" && number(value, out.session.seconds))
            continue;
        else if (name == "--document-max" && number(value, out.session.document_max))
            continue;
        else if (name == "--items-max" && number(value, out.session.items_max))
            continue;
        else
            return false;
    }
    return out.archive != !out.plugins.empty();
}

int run(int argc, char** argv)
{
    Arguments arguments;
    if (!read_arguments(argc, argv, arguments)) return 2;
    direct::Plugins plugins;
    if (arguments.archive) {
        direct::warm_up_archive();
        plugins.loaded.push_back({direct::archive_parser(), "archive 1"});
    } else {
        plugins = direct::load_plugins(arguments.plugins);
    }
    const std::string trouble = direct::enter_sandbox(arguments.memory, arguments.sandbox);
    if (!direct::say_hello(arguments.session.channel, plugins, trouble) || !trouble.empty()) return 2;
    return direct::serve(arguments.session, plugins);
}

}  // namespace

int main(int argc, char** argv)
{
    int code = 2;
    try {
        code = run(argc, argv);
    } catch (...) {
    }
    // Destructors of plugins are not our business any more.
    ::_exit(code);
}
