// notice_texts.cpp - see notice_texts.h.
#include "milter/notify/notice_texts.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <kainjow/mustache.hpp>
#include <set>

#include "milter/base/text.h"
#include "milter/notify/report_fields.h"

namespace direct {

// conf/notices/en, compiled in: see CMakeLists.txt.
extern const std::pair<const char*, const char*> english_notices[];
extern const std::size_t english_notices_count;

namespace {

using kainjow::mustache::data;

constexpr std::size_t file_max = 64 * 1024;
constexpr const char* packaged = "/usr/share/direct/notices";
constexpr const char* reasons_file = "reasons.txt";
constexpr std::array templates = {"processed.subject", "processed.txt",  "dispatched.subject",
                                  "dispatched.txt",    "failed.subject", "failed.txt",
                                  "report.subject",    "report.txt"};

bool exists(const std::string& path, mode_t kind)
{
    struct stat s {};
    return stat(path.c_str(), &s) == 0 && (s.st_mode & S_IFMT) == kind;
}

std::string& installed()
{
    static std::string folder =
        exists(std::string(packaged) + "/en/report.txt", S_IFREG) ? packaged : DIRECT_NOTICES;
    return folder;
}

// A language becomes part of a path.
bool names_a_folder(const std::string& language)
{
    return !language.empty() &&
           language.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

Result<std::string> fill(const std::string& name, const std::string& source, const data& facts)
{
    try {
        kainjow::mustache::mustache words(source);
        if (!words.is_valid()) return fail(misconfigured(name + ": " + words.error_message()));
        words.set_custom_escape([](const std::string& s) { return s; });  // plain text, no HTML
        return words.render(facts);
    } catch (const std::exception& e) {
        return fail(misconfigured(name + ": " + e.what()));
    }
}

/// Everything any of the templates may be told.
data every_fact()
{
    data all, one, warning;
    for (const char* name : {"recipient", "token", "status", "what", "advice"}) {
        one.set(name, "x");
        all.set(name, "x");
    }
    warning.set("warning", "W1");
    all.set("message_id", "<1@x.test>");
    all.set("recipients", data{data::type::list} << one);
    all.set("warnings", data{data::type::list} << warning);
    return all;
}

/// Every {{name}} a template asks for is one it can get: a misspelt one would be a hole in every notice.
Status knows_its_names(const std::string& name, const std::string& source)
{
    static const std::set<std::string, std::less<>> known = {
        "recipient", "token", "status", "what", "advice", "message_id", "recipients", "warnings", "warning"};
    for (auto at = source.find("{{"); at != std::string::npos; at = source.find("{{", at + 2)) {
        auto word = std::string_view(source).substr(at + 2);
        word = trim(word.substr(0, word.find("}}")));
        if (word.starts_with('!')) continue;
        const auto begin = word.find_first_not_of("#^/&{ ");
        word = begin == std::string_view::npos ? "" : word.substr(begin);
        if (!known.contains(word))
            return fail(misconfigured(name + ": {{" + std::string(word.substr(0, 40)) + "}} is not known"));
    }
    return Done{};
}

Status check_template(const std::string& name, const std::string& source)
{
    CHECK(knows_its_names(name, source));
    TRY(const auto filled, fill(name, source, every_fact()));
    if (trim(filled).empty()) return fail(misconfigured(name + ": empty"));
    return Done{};
}

std::string one_line(std::string_view text)
{
    std::string out;
    for (const char c : trim(text)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    return out;
}

}  // namespace

std::vector<std::string> NoticeTexts::tokens()
{
    std::vector<std::string> out = {"delivery-failed", "delivery-refused", "notice-undeliverable",
                                    "record-expired",  "record-locked",    "record-revoked"};
    for (const auto& row : all_reasons())
        if (is_refusal(row.reason)) out.emplace_back(row.token);
    return out;
}

namespace {

struct Line {
    std::string token, what, advice;
};

/// The lines of reasons.txt; each fault names its line.
std::vector<Line> read_reasons(const std::string& name, const std::string& source,
                               std::vector<std::string>& faults)
{
    const auto known = NoticeTexts::tokens();
    std::vector<Line> out;
    std::size_t number = 0;
    for (const auto raw : split(source, '\n')) {
        ++number;
        const auto line = trim(raw);
        if (line.empty() || line.starts_with('#')) continue;
        const auto cells = split(line, '|');
        const auto place = name + ":" + std::to_string(number) + ": ";
        if (cells.size() != 3 || trim(cells[1]).empty() || trim(cells[2]).empty()) {
            faults.push_back(place + "wants \"token | what happened | what the sender can do\"");
            continue;
        }
        Line one{std::string(trim(cells[0])), one_line(cells[1]), one_line(cells[2])};
        if (std::find(known.begin(), known.end(), one.token) == known.end())
            faults.push_back(place + one.token + " is no token of ours");
        else
            out.push_back(std::move(one));
    }
    return out;
}

}  // namespace

NoticeTexts::NoticeTexts()
{
    std::vector<std::string> none;
    for (std::size_t i = 0; i < english_notices_count; ++i)
        english_.files.emplace(english_notices[i].first, english_notices[i].second);
    for (auto& line : read_reasons(reasons_file, english_.files[reasons_file], none))
        english_.reasons[line.token] = {std::move(line.what), std::move(line.advice)};
}

std::shared_ptr<const NoticeTexts> NoticeTexts::load(const Settings& settings)
{
    auto texts = std::make_shared<NoticeTexts>();
    for (const auto& domain : settings.domains)
        texts->read_language(ascii_lower(domain.language), settings.notify_templates);
    return texts;
}

void NoticeTexts::read_language(const std::string& language, const std::string& site_folder)
{
    if (languages_.contains(language)) return;
    Language found = english_;
    std::string folder;
    for (const auto& one : {language, language.substr(0, language.find('-')), std::string("en")}) {
        if (!names_a_folder(one)) continue;
        if (!exists(site_folder + "/" + one, S_IFDIR) && !exists(installed() + "/" + one, S_IFDIR)) continue;
        folder = one;
        break;
    }
    if (folder.empty()) folder = "en";  // not there either: each of its files is a fault
    if (language != folder && language.substr(0, language.find('-')) != folder)
        faults_.push_back("no folder " + language + " in " + site_folder + " or " + installed() +
                          ": notices are in English");
    const auto source_of = [&](const std::string& file, std::string& path) -> Result<std::string> {
        path = site_folder + "/" + folder + "/" + file;
        if (site_folder.empty() || !exists(path, S_IFREG)) path = installed() + "/" + folder + "/" + file;
        TRY(auto source, read_whole_file(path, file_max));
        if (!valid_utf8(source)) return fail(misconfigured(path + ": not UTF-8"));
        return source;
    };
    std::string path;
    for (const char* file : templates) {
        auto source = source_of(file, path);
        auto good = source ? check_template(path, *source) : Status(fail(source.error()));
        if (good)
            found.files[file] = std::move(*source);
        else
            faults_.push_back(good.error().why);
    }
    if (auto source = source_of(reasons_file, path)) {
        std::set<std::string> told;
        for (auto& line : read_reasons(path, *source, faults_)) {
            told.insert(line.token);
            found.reasons[line.token] = {std::move(line.what), std::move(line.advice)};
        }
        for (const auto& token : tokens())
            if (!told.contains(token)) faults_.push_back(path + ": no line for " + token);
    } else {
        faults_.push_back(source.error().why);
    }
    languages_.emplace(language, std::move(found));
}

const NoticeTexts::Language& NoticeTexts::in(const std::string& language) const
{
    const auto found = languages_.find(ascii_lower(language));
    return found == languages_.end() ? english_ : found->second;
}

const NoticeTexts::Words& NoticeTexts::words_for(const Language& language, std::string_view token) const
{
    auto found = language.reasons.find(token);
    if (found == language.reasons.end()) found = language.reasons.find("delivery-failed");
    return found->second;
}

NoticeText NoticeTexts::disposition(const std::string& language, const About& about) const
{
    const Language& words = in(language);
    const Words& why = words_for(words, about.token);
    const auto warnings = [&] {
        data list{data::type::list};
        for (const auto& w : about.warnings) {
            data one;
            one.set("warning", w);
            list << one;
        }
        return list;
    };
    data facts;
    facts.set("recipient", ascii_form(about.recipient));
    facts.set("token", about.token);
    facts.set("what", why.what);
    facts.set("advice", why.advice);
    facts.set("warnings", warnings());
    NoticeText out;
    const auto render = [&](const std::string& file) {
        const auto at = words.files.find(file);
        auto filled = at == words.files.end() ? Result<std::string>(fail(misconfigured(file)))
                                              : fill(file, at->second, facts);
        return filled ? *filled : about.disposition;
    };
    out.subject = one_line(render(about.disposition + ".subject"));
    out.text = to_crlf(render(about.disposition + ".txt"));
    return out;
}

NoticeText NoticeTexts::failure(const std::string& language, const FailureReport& report) const
{
    const Language& words = in(language);
    data list{data::type::list};
    for (const auto& r : report.failed) {
        const Words& why = words_for(words, token_of(r.reason));
        data one;
        one.set("recipient", ascii_form(r.address.text()));
        one.set("token", std::string(token_of(r.reason)));
        one.set("status", final_status(r.reason));
        one.set("what", why.what);
        one.set("advice", why.advice);
        list << one;
    }
    data facts;
    // Left out when there is none: mustache takes an empty text for something.
    if (auto id = safe_message_id(report.original_message_id); !id.empty()) facts.set("message_id", id);
    facts.set("recipients", list);
    const auto render = [&](const char* file) {
        auto filled = fill(file, words.files.find(file)->second, facts);
        return filled ? *filled : std::string("not delivered");
    };
    return {one_line(render("report.subject")), to_crlf(render("report.txt"))};
}

void set_installed_notices(std::string path)
{
    installed() = std::move(path);
}

}  // namespace direct
