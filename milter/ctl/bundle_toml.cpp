#include "milter/ctl/bundle_toml.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "milter/base/text.h"

namespace direct::ctl {
namespace {

/// TOML's basic strings are written like JSON's.
std::string quoted(const std::string& text)
{
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string inline_table(const DomainBundle& use)
{
    return "{ name = " + quoted(use.name) + ", incoming = " + (use.incoming ? "true" : "false") +
           ", outgoing = " + (use.outgoing ? "true" : "false") + " }";
}

/// The line (from 0) on which the configuration says `name`; npos when it does not.
std::size_t line_of(const Settings& settings, const std::string& name)
{
    auto found = settings.origins.find(name);
    if (found == settings.origins.end()) return std::string::npos;
    auto colon = found->second.rfind(':');
    auto number = std::strtoul(found->second.c_str() + colon + 1, nullptr, 10);
    return number ? number - 1 : std::string::npos;
}

Fault not_edited(const std::string& why)
{
    return refuse(Reason::input, why + "; add it by hand");
}

/// "bundles = [ a ]" with one more; nothing when the list does not stand on this line alone.
Result<std::string> longer_list(std::string_view line, const std::string& one)
{
    auto text = trim(line);
    auto open = text.find('[');
    if (!text.starts_with("bundles") || open == text.npos || !text.ends_with(']') ||
        text.find('#') != text.npos)
        return fail(not_edited("the domain's bundles do not stand on one line"));
    auto inside = trim(text.substr(open + 1, text.size() - open - 2));
    std::string out(text.substr(0, open + 1));
    if (!inside.empty()) out += " " + std::string(inside) + (inside.ends_with(',') ? "" : ",");
    return out + " " + one + " ]";
}

std::map<std::string, std::string> values_but(const Settings& settings, const std::string& list,
                                              const std::string& table)
{
    std::map<std::string, std::string> out;
    for (const auto& row : describe(settings))
        if (row.name != list && !row.name.starts_with(table)) out[row.name] = row.value;
    return out;
}

}  // namespace

BundleText bundle_text(const BundleSettings& bundle, const DomainBundle& use)
{
    BundleText out;
    out.table = "[[bundle]]\nname = " + quoted(bundle.name) + "\nurl = " + quoted(bundle.url) + "\n";
    if (!bundle.signer.empty()) out.table += "signer = " + quoted(bundle.signer) + "\n";
    out.domain_line = "bundles = [ " + inline_table(use) + " ]";
    return out;
}

Result<std::string> with_bundle(const std::string& toml, const Settings& settings, const std::string& domain,
                                const BundleSettings& bundle, const DomainBundle& use)
{
    auto number = std::find_if(settings.domains.begin(), settings.domains.end(),
                               [&](const auto& d) { return d.name == domain; }) -
                  settings.domains.begin() + 1;
    auto prefix = "domain." + std::to_string(number);
    std::vector<std::string> lines;
    for (auto line : split(toml, '\n')) lines.emplace_back(line);
    auto text = bundle_text(bundle, use);
    if (auto at = line_of(settings, prefix + ".bundles"); at < lines.size()) {
        TRY(lines[at], longer_list(lines[at], inline_table(use)));
    } else {
        at = line_of(settings, prefix + ".name");
        if (at >= lines.size()) return fail(not_edited("the domain's table is not found"));
        lines.insert(lines.begin() + std::ptrdiff_t(at) + 1, text.domain_line);
    }
    auto out = join(lines, "\n");
    out += std::string(out.ends_with('\n') ? "" : "\n") + "\n" + text.table;
    // Whatever was edited: only what was meant may have changed.
    auto after = parse_settings(out, settings.file);
    auto table = "bundle." + std::to_string(settings.bundles.size() + 1) + ".";
    if (!after)
        return fail(not_edited("with it the configuration could not be read (" + after.error().why + ")"));
    const auto* d = (*after)->domain(domain);
    bool there = d && (*after)->bundles.size() == settings.bundles.size() + 1 && !d->bundles.empty() &&
                 d->bundles.back().name == use.name && d->bundles.back().incoming == use.incoming &&
                 d->bundles.back().outgoing == use.outgoing && (*after)->bundles.back().url == bundle.url &&
                 (*after)->bundles.back().signer == bundle.signer;
    if (!there ||
        values_but(settings, prefix + ".bundles", table) != values_but(**after, prefix + ".bundles", table))
        return fail(not_edited("the configuration is written in a way that is not edited here"));
    return out;
}

}  // namespace direct::ctl
