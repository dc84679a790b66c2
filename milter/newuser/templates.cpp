// templates.cpp - finds and fills the templates of a notice. See templates.h.
#include "milter/newuser/templates.h"

#include <sys/stat.h>

#include <array>
#include <kainjow/mustache.hpp>

#include "milter/base/text.h"
#include "milter/newuser/notice.h"

namespace direct {
namespace {

constexpr std::size_t template_max = 64 * 1024;
constexpr std::array files = {"notice.subject", "notice.txt", "notice.html"};
constexpr const char* packaged = "/usr/share/direct/pickup";

bool is_file(const std::string& path)
{
    struct stat s {};
    return stat(path.c_str(), &s) == 0 && S_ISREG(s.st_mode);
}

std::string& installed()
{
    static std::string folder =
        is_file(std::string(packaged) + "/en/notice.txt") ? packaged : DIRECT_TEMPLATES;
    return folder;
}

// A language becomes part of a path.
bool names_a_folder(const std::string& language)
{
    return !language.empty() &&
           language.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

std::vector<std::string> paths_for(const std::string& language, const std::string& site_folder)
{
    std::vector<std::string> out;
    if (!names_a_folder(language)) return out;
    for (const char* file : files) {
        const std::string below = "/" + language + "/" + file;
        const std::string own = site_folder + below, ours = installed() + below;
        if (!site_folder.empty() && is_file(own))
            out.push_back(own);
        else if (is_file(ours))
            out.push_back(ours);
        else
            return {};
    }
    return out;
}

kainjow::mustache::data data_of(const NoticeFacts& facts)
{
    using kainjow::mustache::data;
    data links{data::type::list};
    for (const auto& l : facts.links) {
        data one;
        one.set("link", l.link);
        one.set("has_link", !l.link.empty());
        one.set("code", l.code);
        one.set("expires", l.expires);
        links.push_back(one);
    }
    data all;
    all.set("links", links);
    all.set("sender", facts.sender);
    all.set("site", facts.site);
    all.set("count", std::to_string(facts.links.size()));
    all.set("several", facts.links.size() > 1);
    all.set("test", facts.test);
    return all;
}

Result<std::string> fill(const std::string& path, const NoticeFacts& facts)
{
    TRY(const std::string source, read_whole_file(path, template_max));
    if (!valid_utf8(source)) return fail(misconfigured(path + ": not UTF-8"));
    try {
        kainjow::mustache::mustache words(source);
        if (!words.is_valid()) return fail(misconfigured(path + ": " + words.error_message()));
        if (!path.ends_with(".html")) words.set_custom_escape([](const std::string& s) { return s; });
        return words.render(data_of(facts));
    } catch (const std::exception& e) {
        return fail(misconfigured(path + ": " + e.what()));
    }
}

}  // namespace

void set_installed_templates(std::string path)
{
    installed() = std::move(path);
}

Result<NoticeWords> notice_words(const NoticeFacts& facts, const std::string& site_folder,
                                 const std::string& language, const std::string& otherwise)
{
    const std::string asked = ascii_lower(language);
    for (const auto& one :
         {asked, asked.substr(0, asked.find('-')), ascii_lower(otherwise), std::string("en")}) {
        const auto paths = paths_for(one, site_folder);
        if (paths.empty()) continue;
        NoticeWords words;
        TRY(words.subject, fill(paths[0], facts));
        TRY(words.text, fill(paths[1], facts));
        TRY(words.html, fill(paths[2], facts));
        return words;
    }
    return fail(misconfigured("no notice templates, not even in " + installed() + "/en"));
}

}  // namespace direct
