// session.cpp - see session.h. Answers are gathered and written in pieces of 64 KB: a small document is
// one write. The name of a plugin goes out before the plugin is called, so that the host knows who died.
#include "plugins/worker/session.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <optional>

#include "plugins/host/wire.h"
#include "plugins/json_writer.h"
#include "plugins/plugin_bytes.h"
#include "plugins/text_line.h"
#include "plugins/worker/sandbox.h"

namespace direct {
namespace {

constexpr std::size_t write_size = 64 * 1024;
constexpr std::size_t head_size = 64 * 1024;  // what recognise() may look at

bool write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

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

// The host side of one parse() call, as the plugin sees it.
class Telling {
public:
    Telling(int fd, const SessionOptions& options, std::uint64_t content)
        : fd_(fd), items_left_(options.items_max), bytes_left_(wire::answer_max(content) - (64u << 10))
    {
        host_ = {sizeof host_, this,      &on_document,      &on_item,       &on_skip,
                 &on_note,     &on_child, options.items_max, wire::json_max, wire::document_json_max};
    }
    const direct_host* host() const { return &host_; }
    bool limited() const { return limited_; }
    bool told_document() const { return told_document_; }
    const std::string& last_note() const { return last_note_; }

    void frame(wire::Type type, std::initializer_list<std::string_view> fields)
    {
        wire::append_frame(out_, type, fields);
        if (out_.size() >= write_size) flush();
    }
    void flush()
    {
        // The host is gone, or has had enough of us: nobody is left to tell.
        if (!write_all(fd_, out_)) ::_exit(0);
        out_.clear();
    }

private:
    static Telling& self(void* context) { return *static_cast<Telling*>(context); }

    // Whether so many more bytes may be told.
    bool allow(std::size_t bytes)
    {
        bytes += 64;
        if (limited_ || bytes > bytes_left_)
            limited_ = true;
        else
            bytes_left_ -= bytes;
        return !limited_;
    }
    int refuse()
    {
        limited_ = true;
        return 1;
    }

    static int on_document(void* context, direct_bytes json)
    {
        auto& t = self(context);
        if (json.len > wire::document_json_max || t.told_document_ || !t.allow(json.len)) return t.refuse();
        t.told_document_ = true;
        t.frame(wire::Type::about, {view(json)});
        return 0;
    }
    static int on_item(void* context, const direct_item* item)
    {
        auto& t = self(context);
        if (!item || item->size < offsetof(direct_item, json) + sizeof item->json) return t.refuse();
        if (item->json.len > wire::json_max || t.items_left_ == 0 || !t.allow(item->json.len))
            return t.refuse();
        --t.items_left_;
        t.frame(wire::Type::item, {view(item->section), view(item->kind), view(item->json)});
        return 0;
    }
    static int on_skip(void* context, direct_bytes section, direct_bytes reason)
    {
        auto& t = self(context);
        if (t.skips_ == wire::skips_max) return 0;
        const bool last = t.skips_ + 1 == wire::skips_max;  // whether others follow is not known
        const std::string text =
            text_line(view(reason), wire::text_max) + (last ? "; what follows is not listed" : "");
        if (!t.allow(section.len + text.size())) return 1;
        ++t.skips_;
        t.frame(wire::Type::skip, {view(section), text});
        return 0;
    }
    static int on_note(void* context, direct_bytes text)
    {
        auto& t = self(context);
        t.last_note_ = text_line(view(text), wire::text_max);
        if (t.notes_ == wire::notes_max) return 0;
        if (!t.allow(t.last_note_.size())) return 1;
        ++t.notes_;
        t.frame(wire::Type::note, {t.last_note_});
        return 0;
    }
    static int on_child(void* context, const direct_child* child)
    {
        auto& t = self(context);
        if (!child || child->size < offsetof(direct_child, json) + sizeof child->json) return t.refuse();
        if (child->json.len > wire::json_max || t.children_ == wire::children_max ||
            !t.allow(child->json.len + child->content.len))
            return t.refuse();
        ++t.children_;
        t.frame(wire::Type::child, {text_line(view(child->filename), wire::text_max),
                                    text_line(view(child->media_type), wire::text_max), view(child->json),
                                    view(child->content)});
        return 0;
    }

    int fd_;
    std::uint64_t items_left_, bytes_left_;
    std::size_t notes_ = 0, skips_ = 0, children_ = 0;
    bool limited_ = false, told_document_ = false;
    std::string out_, last_note_;
    direct_host host_{};
};

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

struct Candidate {
    int score;
    const Plugin* plugin;
};

// Who wants it, most certain first. The host hears each name first.
std::vector<Candidate> ask_all(const Plugins& plugins, const Asked& asked, Telling& telling)
{
    direct_document head = asked.document;
    head.content.len = std::min(head.content.len, head_size);
    std::vector<Candidate> out;
    for (const auto& plugin : plugins.loaded) {
        if (asked.not_for(plugin.name)) continue;
        telling.frame(wire::Type::plugin, {"r", plugin.name});
        telling.flush();
        const int score = plugin.parser->recognise(&head);
        if (score > 0 && score <= 100) out.push_back({score, &plugin});
    }
    std::stable_sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.score > b.score; });
    return out;
}

wire::EndStatus read_one(const Plugins& plugins, const Asked& asked, const SessionOptions& options, int fd,
                         std::string& detail)
{
    Telling asking(fd, options, asked.document.content.len);
    for (const auto& candidate : ask_all(plugins, asked, asking)) {
        Telling telling(fd, options, asked.document.content.len);
        telling.frame(wire::Type::plugin, {"p", candidate.plugin->name});
        telling.flush();
        auto status = candidate.plugin->parser->parse(telling.host(), &asked.document);
        if (telling.limited()) status = DIRECT_LIMIT;
        if (status == DIRECT_NOT_MINE) continue;
        detail = telling.last_note();
        if (status == DIRECT_PARSED) {
            telling.flush();
            if (telling.told_document()) return wire::EndStatus::parsed;
            detail = "the plugin told nothing of the document";
        }
        if (status == DIRECT_LIMIT) {
            if (detail.empty()) detail = "a limit was hit";
            return wire::EndStatus::limit;
        }
        if (detail.empty()) detail = "not readable";
        return wire::EndStatus::malformed;
    }
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
        } catch (...) {
            // A plugin that throws broke the contract; what it left behind is not trusted further.
            detail = "the plugin threw an exception";
        }
        std::string end;
        wire::append_frame(end, wire::Type::end, {std::to_string(static_cast<int>(status)), detail});
        if (!write_all(options.channel, end)) return 0;
        if (status == wire::EndStatus::threw) return 3;
    }
    return 0;
}

}  // namespace direct
