// settings_fuzz.cpp - a refused configuration names a place for every fault; a taken one has distinct
// normal domains, and its scalars, written down again as directctl shows them, read back to the same.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "conf/settings.h"
#include "milter/base/address.h"
#include "milter/base/text.h"

using namespace direct;

namespace {

const std::string path = "/etc/direct/direct.toml";

void must(bool holds, const char* property)
{
    if (holds) return;
    std::fprintf(stderr, "property does not hold: %s\n", property);
    std::abort();
}

std::string toml_of(const SettingRow& row)
{
    if (row.type == "Count" || row.type == "Flag") return row.value;
    std::string out = "\"";
    for (char c : row.value) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

/// The scalars of `rows` but the lists, whose shown form has no quotes.
std::string written(const std::vector<SettingRow>& rows)
{
    std::string out, section;
    for (const auto& row : rows) {
        if (row.type.empty() || row.type == "Texts") continue;
        auto dot = row.name.find('.');
        if (row.name.substr(0, dot) != section) out += "[" + row.name.substr(0, dot) + "]\n";
        section = row.name.substr(0, dot);
        out += row.name.substr(dot + 1) + " = " + toml_of(row) + "\n";
    }
    // A name that no fuzzed configuration is likely to take as its report domain.
    return out + "[[domain]]\nname = \"d.fuzz-written-again.example\"\n";
}

void check_refused(const std::string& why)
{
    for (auto line : split(why, '\n')) must(line.starts_with(path + ":"), "every fault names its place");
    must(valid_utf8(why), "what is said is UTF-8");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size > 65536) return 0;
    auto taken = parse_settings({reinterpret_cast<const char*>(data), size}, path);
    if (!taken) {
        check_refused(taken.error().why);
        return 0;
    }
    const auto& settings = **taken;
    must(!settings.domains.empty(), "a domain is there");
    std::set<std::string> names;
    for (const auto& d : settings.domains) {
        must(names.insert(d.name).second, "domains are distinct");
        must(normal_domain(d.name) == d.name, "domains are normal");
        must(settings.domain(d.name) == &d, "a domain is found by its name");
    }
    must(!names.contains(report_domain_of(settings)), "the report domain is no Direct domain");
    auto again = parse_settings(written(describe(settings)), path);
    must(again.has_value(), "what is shown can be read");
    must(needs_restart(settings, **again).empty(), "what is shown reads back to the same");
    return 0;
}
