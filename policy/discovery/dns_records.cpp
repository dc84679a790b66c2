// dns_records.cpp - names and SRV records as bytes; see dns_client.h. No I/O.
#include <algorithm>
#include <tuple>

#include "milter/base/text.h"
#include "policy/discovery/dns_client.h"

namespace direct {
namespace {

constexpr std::size_t label_max = 63, name_max = 255;

unsigned number(std::string_view two_octets)
{
    return static_cast<unsigned char>(two_octets[0]) * 256u + static_cast<unsigned char>(two_octets[1]);
}

/// A whole name in wire form that ends where `wire` ends.
Result<std::string> read_name(std::string_view wire)
{
    std::string name;
    if (wire.size() > name_max) return fail(refuse(Reason::malformed, "a name of more than 255 octets"));
    for (std::size_t at = 0; at < wire.size();) {
        const std::size_t length = static_cast<unsigned char>(wire[at++]);
        if (length == 0) {
            if (at != wire.size()) return fail(refuse(Reason::malformed, "octets after a name"));
            return name;
        }
        if (length > label_max || length > wire.size() - at)
            return fail(refuse(Reason::malformed, "a label longer than what holds it"));
        if (!name.empty()) name += '.';
        name += dns_label(ascii_lower(wire.substr(at, length)));
        at += length;
    }
    return fail(refuse(Reason::malformed, "a name without an end"));
}

}  // namespace

std::string dns_label(std::string_view octets)
{
    std::string out;
    for (char c : octets) {
        const auto octet = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '_';
        if (plain) {
            out += c;
            continue;
        }
        out += '\\';
        out += static_cast<char>('0' + octet / 100);
        out += static_cast<char>('0' + octet / 10 % 10);
        out += static_cast<char>('0' + octet % 10);
    }
    return out;
}

Result<SrvRecord> parse_srv(std::string_view rdata)
{
    constexpr std::size_t fixed = 6;
    if (rdata.size() <= fixed) return fail(refuse(Reason::malformed, "SRV: too short"));
    SrvRecord record;
    record.priority = static_cast<std::uint16_t>(number(rdata));
    record.weight = static_cast<std::uint16_t>(number(rdata.substr(2)));
    record.port = static_cast<std::uint16_t>(number(rdata.substr(4)));
    TRY(record.target, read_name(rdata.substr(fixed)));
    return record;
}

void sort_srv(std::vector<SrvRecord>& records)
{
    auto rank = [](const SrvRecord& r) { return std::tuple(r.priority, -int(r.weight), r.target, r.port); };
    std::sort(records.begin(), records.end(),
              [&](const SrvRecord& a, const SrvRecord& b) { return rank(a) < rank(b); });
}

}  // namespace direct
