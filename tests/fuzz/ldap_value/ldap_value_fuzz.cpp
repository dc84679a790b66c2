// ldap_value_fuzz.cpp - a value of userCertificate as any directory may hold it.
//
// Properties: what is read gives its own bytes back and reads the same again; nothing beyond the limits; no error
// is left behind in OpenSSL's queue for somebody else to find.
#include <openssl/err.h>

#include <cstdint>
#include <cstdlib>

#include "policy/discovery/ldap_value.h"

using namespace direct;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string value(reinterpret_cast<const char*>(data), size);
    auto read = read_ldap_value(value);
    must(ERR_peek_error() == 0);
    std::vector<std::string> notes;
    auto twice = read_ldap_values({value, value}, notes);
    must(twice.size() <= published_certificates_max);
    if (!read) {
        must(read.error().reason == Reason::malformed && twice.empty() && notes.size() == 2);
        return 0;
    }
    must(size <= ldap_value_max && !read->empty() && twice.size() <= read->size());
    for (const auto& one : *read) {
        auto again = read_ldap_value(one.der());
        must(again && again->size() == 1 && again->front() == one);
    }
    return 0;
}
