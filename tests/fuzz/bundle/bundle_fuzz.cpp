// bundle_fuzz.cpp - a trust bundle as a server, or who stands in between, would serve it.
//
// Properties: what a named signer has not signed gives nothing; what is taken keeps the limits, and reading it
// again gives the same.
#include <cstdint>
#include <cstdlib>

#include "milter/base/text.h"
#include "policy/trust/bundle.h"
#include "tests/support/test_pki.h"

using namespace direct;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    // Made anew in every run: no input can carry its signature.
    static const auto signer = test::issue({.name = "fuzz"}, test::ec_key()).certificate;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const Time now = *parse_iso8601("2026-11-22T00:00:00Z");
    BundleLimits limits;
    limits.bytes = 1 << 20;
    limits.certificates = 50;
    limits.findings = 10;
    must(!read_bundle(bytes, {signer}, now, limits));
    auto read = read_bundle(bytes, {}, now, limits);
    must(ERR_peek_error() == 0);
    if (!read) return 0;
    must(size <= limits.bytes && !read->anchors.empty() && read->anchors.size() <= limits.certificates);
    // Two lines may stand before and behind the list of what was left out.
    must(read->findings.size() <= limits.findings + 3 && valid_utf8(read->metadata) && read->signer.empty());
    for (const auto& anchor : read->anchors) must(unfit_as_anchor(anchor, now).empty());
    auto again = read_bundle(bytes, {}, now, limits);
    must(again && again->anchors == read->anchors && again->digest == read->digest);
    return 0;
}
