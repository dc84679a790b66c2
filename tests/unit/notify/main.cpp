#define BOOST_TEST_MODULE notify
#include <boost/test/unit_test.hpp>
#include <csignal>

namespace {

// As the daemon does: a connection that the other side has closed is an answer, not the end of the process.
struct NoSigpipe {
    NoSigpipe() { std::signal(SIGPIPE, SIG_IGN); }
};
BOOST_TEST_GLOBAL_FIXTURE(NoSigpipe);

}  // namespace
