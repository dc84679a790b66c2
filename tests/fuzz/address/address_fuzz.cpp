// address_fuzz.cpp - an address that parses prints as one that parses to the same key; both ways of
// asking agree; nothing that parses can leave its header line or its SMTP command.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "milter/base/address.h"

using namespace direct;

namespace {

void must(bool holds, const char* property)
{
    if (holds) return;
    std::fprintf(stderr, "property does not hold: %s\n", property);
    std::abort();
}

void check_address(std::string_view text, bool utf8)
{
    const auto a = parse_address(text, utf8);
    must(a.has_value() == (diagnose_address(text, utf8) == AddressFault::none), "parse and diagnose agree");
    if (!a) return;
    const auto again = parse_address(a->text(), utf8);
    must(again.has_value(), "what was printed parses");
    must(again->key() == a->key(), "the same key after printing");
    must(again->text() == a->text(), "printing is stable");
    must(a->local.size() <= 64 && a->domain.size() <= 253, "lengths");
    must(*a == *a && !(*a < *a), "equal to itself");
    for (const char c : a->text()) must(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "no control");
    for (const char c : a->domain)
        must((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.', "lower-case A-labels");
    // Folding a UTF-8 local part may make it longer than an address may be; an ASCII one stays.
    if (!utf8) must(parse_address(a->key()).has_value(), "the key of an ASCII address is an address");
    if (!utf8) must(parse_address(a->key())->key() == a->key(), "the key is its own key");
    const auto bare = without_tag(*a);
    must(without_tag(bare) == bare || bare.local.find('+') != std::string::npos, "one tag is taken off once");
    must(parse_address(bare.text(), utf8).has_value(), "without its tag it is still an address");
    const auto path = parse_path("<" + std::string(text) + ">");
    must(path.has_value() && path->has_value() && **path == *a, "an address in angles is a path");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_address(text, false);
    check_address(text, true);
    static_cast<void>(parse_path(text));
    if (const auto domain = normal_domain(text))
        must(normal_domain(*domain).has_value() && *normal_domain(*domain) == *domain,
             "a normal domain is stable");
    return 0;
}
