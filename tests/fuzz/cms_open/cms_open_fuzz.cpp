// cms_open_fuzz.cpp - CMS of a stranger: told apart, opened with a key of ours, verified, its certificates read.
//
// Our keys are made anew in every run, but their certificates always have the same issuer and serial, which
// the corpus names: the private keys work, on encrypted keys that are not theirs.
#include <cstdint>
#include <cstdlib>

#include "milter/smime/smime.h"
#include "tests/support/test_pki.h"

using namespace direct;

namespace {

struct OpenGate : KeyOperationGate {
    Status enter() override { return Done{}; }
    void leave() override {}
};

struct World {
    OwnKey rsa = own("fuzz rsa", test::rsa_key());
    OwnKey ec = own("fuzz ec", test::ec_key());
    CertificateCache cache{64};
    OpenGate gate;

    static OwnKey own(const char* name, const test::Key& key)
    {
        test::Issued made = test::issue({.name = name, .san = {"DNS:d.example"}, .serial = 1}, key);
        return {"d.example", "", made.certificate, {}, key};
    }
};

void must(bool holds)
{
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static World world;
    const std::string_view der(reinterpret_cast<const char*>(data), size);
    const CmsLimits limits{20};
    auto kind = cms_kind(der);
    auto opened = open_enveloped(der, {{&world.rsa}, {&world.ec, &world.rsa}, {}}, limits, world.gate);
    must(kind.has_value() || !opened);
    if (opened)
        must(opened->opened_with.size() == 3 && !opened->opened_with[2] && opened->content.size() <= size);
    auto opaque = verify_opaque(der, limits, world.cache, true);
    must(kind.has_value() || !opaque);
    if (opaque) must(opaque->signers.size() <= limits.infos && opaque->content.size() <= size);
    static_cast<void>(
        verify_detached("Content-Type: text/plain\r\n\r\nx\r\n", der, limits, world.cache, false));
    static_cast<void>(read_certificates(der));
    must(ERR_peek_error() == 0);
    return 0;
}
