// bundle_files.cpp - see bundle_files.h.
#include "policy/discovery/bundle_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "milter/base/crypto.h"
#include "milter/base/text.h"

namespace direct {
namespace {

constexpr std::size_t file_max = 32 << 20;  // bytes; a bundle has 8 MB at most, see BundleLimits

using Json = nlohmann::json;

std::int64_t ms(Time t)
{
    return t.time_since_epoch().count();
}

Time time_in(const Json& json, const char* name)
{
    auto found = json.find(name);
    return found != json.end() && found->is_number_integer() ? Time(milliseconds(found->get<std::int64_t>()))
                                                             : Time{};
}

std::string text_in(const Json& json, const char* name)
{
    auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

Result<std::optional<KeptBundle>> BundleFiles::read(const std::string& name) const
{
    auto file = file_of(name);
    struct stat there {};
    if (::lstat(file.c_str(), &there) != 0 && errno == ENOENT) return std::nullopt;
    TRY(auto text, read_whole_file(file, file_max));
    auto end = text.find('\n');
    auto json = end == text.npos ? Json() : Json::parse(text.substr(0, end), nullptr, false);
    if (!json.is_object()) return fail(misconfigured(file + ": damaged"));
    KeptBundle out;
    auto& s = out.state;
    s.url = text_in(json, "url");
    s.etag = text_in(json, "etag");
    s.last_modified = text_in(json, "last_modified");
    s.digest = text_in(json, "sha256");
    s.trouble = text_in(json, "trouble");
    s.loaded = time_in(json, "loaded");
    s.checked = time_in(json, "checked");
    s.tried = time_in(json, "tried");
    out.bytes = text.substr(end + 1);
    if ((s.digest.empty() ? "" : hex(sha256(out.bytes))) != s.digest)
        return fail(misconfigured(file + ": damaged"));
    return out;
}

Status BundleFiles::write(const std::string& name, const KeptBundle& kept) const
{
    if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(misconfigured(folder_ + ": " + std::generic_category().message(errno)));
    const auto& s = kept.state;
    Json json = {{"url", s.url},
                 {"etag", s.etag},
                 {"last_modified", s.last_modified},
                 {"sha256", s.digest},
                 {"trouble", s.trouble},
                 {"loaded", ms(s.loaded)},
                 {"checked", ms(s.checked)},
                 {"tried", ms(s.tried)}};
    auto line = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    return write_file_durably(file_of(name), line + kept.bytes, 0600);
}

}  // namespace direct
