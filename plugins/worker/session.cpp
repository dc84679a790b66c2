// session.cpp - see session.h. The name of a plugin goes out before the plugin is called, so that the host knows who
// died.
#include "plugins/worker/session.h"

#include <cxxabi.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <typeinfo>

#include "plugins/host/wire.h"
#include "plugins/plugin_bytes.h"
#include "plugins/text_line.h"
#include "plugins/worker/sandbox.h"
#include "plugins/worker/telling.h"

namespace direct {
namespace {

constexpr std::size_t head_size = 64 * 1024;  // what recognise() may look at

bool read_all(int fd, char* to, std::size_t size)
{
    while (size) {
        const auto n = ::read(fd, to, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        to += n;
        size -= static_cast<std::size_t>(n);
    }
    return true;
}

struct Asked {
    std::string payload;  // owns what follows
    direct_document document{};
    std::vector<std::string_view> refused;

    bool not_for(const std::string& plugin) const
    {
        return std::find(refused.begin(), refused.end(), plugin) != refused.end();
    }
};

// The next document, or nothing when the host has closed the channel (or is not our host).
std::optional<Asked> next_document(const SessionOptions& options)
{
    char header[wire::header_size];
    if (!read_all(options.channel, header, sizeof header)) return std::nullopt;
    const std::size_t size = wire::payload_length(header);
    if (static_cast<wire::Type>(header[4]) != wire::Type::document ||
        size > options.document_max + wire::overhead_max)
        return std::nullopt;
    Asked asked;
    asked.payload.resize(size);
    if (!read_all(options.channel, asked.payload.data(), size)) return std::nullopt;
    return asked;
}

bool open(Asked& asked)
{
    const auto f = wire::fields_of(asked.payload, 5);
    if (f.empty()) return false;
    asked.document = {sizeof(direct_document), bytes_of(f[4]), bytes_of(f[0]), bytes_of(f[1]),
                      bytes_of(f[2])};
    std::string_view rest = f[3];
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        asked.refused.push_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return true;
}

// A plugin that throws broke the contract; what it left behind is not trusted further. The type alone is told: words in
// an exception may be health data.
std::string thrown()
{
    const auto* type = abi::__cxa_current_exception_type();
    if (!type) return "the plugin threw";
    int failed = 0;
    const std::unique_ptr<char, void (*)(void*)> name(
        abi::__cxa_demangle(type->name(), nullptr, nullptr, &failed), std::free);
    return "the plugin threw " + text_line(name ? name.get() : type->name(), 200);
}

struct Candidate {
    int score;
    const Plugin* plugin;
};

struct Candidates {
    std::vector<Candidate> all;
    std::vector<std::string> notes;  // on answers of recognise() that count as 0
};

// Who wants it, most certain first. The host hears each name first.
Candidates ask_all(const Plugins& plugins, const Asked& asked, Telling& telling)
{
    direct_document head = asked.document;
    head.content.len = std::min(head.content.len, head_size);
    Candidates out;
    for (const auto& plugin : plugins.loaded) {
        if (asked.not_for(plugin.name)) continue;
        telling.frame(wire::Type::plugin, {"r", plugin.name});
        telling.flush();
        const int score = plugin.parser->recognise(&head);
        if (score > 0 && score <= 100) out.all.push_back({score, &plugin});
        if (score < 0 || score > 100)
            out.notes.push_back(plugin.name + ": recognise() returned " + std::to_string(score) +
                                ", which counts as 0");
    }
    std::stable_sort(out.all.begin(), out.all.end(), [](auto& a, auto& b) { return a.score > b.score; });
    return out;
}

// How a plugin's parse() ended, and why.
wire::EndStatus judge(direct_parse_status status, const Telling& telling, std::string& detail)
{
    if (telling.broke_contract()) {
        detail = "the plugin broke its contract: " + telling.why();
        return wire::EndStatus::threw;
    }
    if (telling.limited()) {
        detail = telling.why();
        return wire::EndStatus::limit;
    }
    detail = telling.last_note();
    switch (status) {
        case DIRECT_PARSED:
            if (telling.told_document()) return wire::EndStatus::parsed;
            detail = "the plugin told nothing of the document: DIRECT_PARSED without document()";
            return wire::EndStatus::malformed;
        case DIRECT_NOT_MINE:
            return wire::EndStatus::not_mine;
        case DIRECT_LIMIT:
            if (detail.empty()) detail = "a limit of the plugin";
            return wire::EndStatus::limit;
        case DIRECT_MALFORMED:
            if (detail.empty()) detail = "not readable";
            return wire::EndStatus::malformed;
    }
    detail =
        "parse() returned " + std::to_string(static_cast<int>(status)) + ", which is no direct_parse_status";
    return wire::EndStatus::malformed;
}

wire::EndStatus read_one(const Plugins& plugins, const Asked& asked, const SessionOptions& options, int fd,
                         std::string& detail)
{
    Telling asking(fd, options, asked.document.content.len);
    const auto candidates = ask_all(plugins, asked, asking);
    for (const auto& candidate : candidates.all) {
        Telling telling(fd, options, asked.document.content.len);
        telling.frame(wire::Type::plugin, {"p", candidate.plugin->name});
        for (const auto& note : candidates.notes) telling.tell_note(note);
        telling.flush();
        const auto given = candidate.plugin->parser->parse(telling.host(), &asked.document);
        const auto status = judge(given, telling, detail);
        if (status == wire::EndStatus::not_mine) continue;
        if (status == wire::EndStatus::parsed) telling.flush();
        return status;
    }
    detail.clear();
    return wire::EndStatus::nobody;
}

}  // namespace

bool say_hello(int channel, const Plugins& plugins, const std::string& trouble)
{
    std::vector<std::string> lines;
    if (!trouble.empty()) lines.push_back("!" + trouble);
    for (const auto& p : plugins.loaded) lines.push_back("+" + p.name);
    for (const auto& r : plugins.refused) lines.push_back("-" + text_line(r, wire::text_max));
    std::string payload;
    for (const auto& l : lines) {
        std::string one;
        wire::append_frame(one, wire::Type::hello, {l});
        payload += one.substr(wire::header_size);
        if (payload.size() > 32 * 1024) break;
    }
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((payload.size() >> shift) & 0xFF);
    out += static_cast<char>(wire::Type::hello);
    return write_all(channel, out + payload);
}

int serve(const SessionOptions& options, const Plugins& plugins)
{
    while (auto asked = next_document(options)) {
        if (!open(*asked)) return 2;
        limit_processor_time(options.seconds);
        std::string detail;
        auto status = wire::EndStatus::threw;
        try {
            status = read_one(plugins, *asked, options, options.channel, detail);
        } catch (const std::exception& e) {
            detail = thrown();
            if (options.talkative) std::fprintf(stderr, "direct-parse: %s: %s\n", detail.c_str(), e.what());
        } catch (...) {
            detail = thrown();
        }
        std::string end;
        wire::append_frame(end, wire::Type::end, {std::to_string(static_cast<int>(status)), detail});
        if (!write_all(options.channel, end)) return 0;
        if (status == wire::EndStatus::threw) return 3;
    }
    return 0;
}

}  // namespace direct
