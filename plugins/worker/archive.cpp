// archive.cpp - see archive.h.
#include "plugins/worker/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <clocale>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "milter/base/text.h"
#include "plugins/json_writer.h"
#include "plugins/plugin_bytes.h"

namespace direct {
namespace {

struct Free {
    void operator()(::archive* a) const { ::archive_read_free(a); }
};
using Reader = std::unique_ptr<::archive, Free>;

Reader open(std::string_view zip)
{
    Reader reader(::archive_read_new());
    if (!reader || ::archive_read_support_format_zip_seekable(reader.get()) != ARCHIVE_OK ||
        ::archive_read_open_memory(reader.get(), zip.data(), zip.size()) != ARCHIVE_OK)
        return {};
    return reader;
}

std::string name_of(archive_entry* entry)
{
    const char* name = ::archive_entry_pathname_utf8(entry);
    if (!name) name = ::archive_entry_pathname(entry);
    return name ? name : "";
}

bool leads_out(std::string_view name)
{
    if (name.empty() || name.front() == '/' || name.front() == '\\' || name.find(':') != name.npos)
        return true;
    std::size_t from = 0;
    while (from <= name.size()) {
        auto to = std::min(name.find_first_of("/\\", from), name.size());
        if (name.substr(from, to - from) == "..") return true;
        from = to + 1;
    }
    return false;
}

/// Why the entry is not read, or "".
const char* refusal(archive_entry* entry, std::string_view name)
{
    if (::archive_entry_filetype(entry) != AE_IFREG || ::archive_entry_symlink(entry) ||
        ::archive_entry_hardlink(entry))
        return "no plain file";
    if (leads_out(name)) return "its name leads out of the archive";
    if (::archive_entry_is_encrypted(entry)) return "encrypted";
    if (::archive_entry_size_is_set(entry) &&
        ::archive_entry_size(entry) > static_cast<la_int64_t>(archive::entry_bytes_max))
        return "larger than 512 KB";
    return "";
}

/// Whatever the header promises: counted while it is unpacked.
const char* read_entry(::archive* reader, std::string& out)
{
    char piece[16384];
    for (;;) {
        auto n = ::archive_read_data(reader, piece, sizeof piece);
        if (n == 0) return "";
        if (n < 0) return "cannot be unpacked";
        out.append(piece, static_cast<std::size_t>(n));
        if (out.size() > archive::entry_bytes_max) return "larger than 512 KB";
    }
}

class Unpacking {
public:
    explicit Unpacking(const direct_host* host) : host_(host) {}

    direct_parse_status run(std::string_view zip)
    {
        host_->document(host_->context, bytes_of(R"({"kind":"archive"})"));
        auto reader = open(zip);
        if (!reader) return DIRECT_MALFORMED;
        for (;;) {
            archive_entry* entry = nullptr;
            int step = ::archive_read_next_header(reader.get(), &entry);
            if (step == ARCHIVE_EOF) return entries_ ? DIRECT_PARSED : malformed("no file in it");
            if (step < ARCHIVE_WARN) return malformed("the zip is damaged");
            if (++entries_ > archive::entries_max) return limit("more than 2000 entries");
            if (auto status = take(reader.get(), entry); status != DIRECT_PARSED) return status;
        }
    }

private:
    direct_parse_status take(::archive* reader, archive_entry* entry)
    {
        auto name = name_of(entry);
        // A folder is no news.
        if (::archive_entry_filetype(entry) == AE_IFDIR) return DIRECT_PARSED;
        std::string_view why = refusal(entry, name);
        std::string content;
        if (why.empty()) why = read_entry(reader, content);
        total_ += content.size();
        if (total_ > archive::total_bytes_max) return limit("more than 8 MB unpacked");
        if (!why.empty()) {
            auto line = name + ": " + std::string(why);
            host_->skip(host_->context, bytes_of("entry"), bytes_of(line));
            return DIRECT_PARSED;
        }
        std::string json = "{\"name\":";
        append_json_string(json, name);
        json += ",\"base64\":\"" + base64(content) + "\"}";
        direct_item item{sizeof item, bytes_of("entry"), bytes_of("file"), bytes_of(json)};
        return host_->item(host_->context, &item) == 0 ? DIRECT_PARSED : DIRECT_LIMIT;
    }

    direct_parse_status tell(const char* why, direct_parse_status status)
    {
        host_->note(host_->context, bytes_of(why));
        return status;
    }
    direct_parse_status malformed(const char* why) { return tell(why, DIRECT_MALFORMED); }
    direct_parse_status limit(const char* why) { return tell(why, DIRECT_LIMIT); }

    const direct_host* host_;
    std::size_t entries_ = 0, total_ = 0;
};

int recognise(const direct_document*)
{
    return 100;
}

direct_parse_status parse(const direct_host* host, const direct_document* document)
{
    return Unpacking(host).run({document->content.data, document->content.len});
}

constexpr direct_parser parser{
    DIRECT_PARSER_ABI_MAJOR, sizeof(direct_parser), "archive", "1", &recognise, &parse};

// A zip with one empty file named by an umlaut: reading it loads the time zone and the tables that turn names into
// other character sets, which the sandbox would not let be opened later.
constexpr unsigned char sample[] = {
    80,  75,  3,  4,  20,  0,   0,  8,  0, 0, 0,  0, 33, 0, 0,  0, 0, 0, 0,  0, 0,   0,   0, 0, 0, 0,
    2,   0,   0,  0,  195, 164, 80, 75, 1, 2, 20, 3, 20, 0, 0,  8, 0, 0, 0,  0, 33,  0,   0, 0, 0, 0,
    0,   0,   0,  0,  0,   0,   0,  0,  2, 0, 0,  0, 0,  0, 0,  0, 0, 0, 0,  0, 164, 129, 0, 0, 0, 0,
    195, 164, 80, 75, 5,   6,   0,  0,  0, 0, 1,  0, 1,  0, 48, 0, 0, 0, 32, 0, 0,   0,   0, 0};

}  // namespace

const direct_parser* archive_parser()
{
    return &parser;
}

void warm_up_archive()
{
    // The dates of a zip are local time. With TZ unset every conversion would look at /etc/localtime anew.
    ::setenv("TZ", "UTC0", 1);
    std::setlocale(LC_CTYPE, "C.UTF-8");  // else names that are no ASCII could not be told
    auto reader = open({reinterpret_cast<const char*>(sample), sizeof sample});
    archive_entry* entry = nullptr;
    while (reader && ::archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) name_of(entry);
}

}  // namespace direct
