// local.cpp - settings, subject: commands that touch neither store nor keys.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "milter/base/text.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/files.h"
#include "milter/ctl/print.h"
#include "milter/newuser/subject.h"

namespace direct::ctl {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t line_max = 1 << 20;

std::string dump(const Json& json)
{
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<NewuserOptions> newuser_options(const Common& common, const std::vector<std::string>& given)
{
    TRY(auto settings, settings_or_defaults(common));
    NewuserOptions options;
    options.strip_prefixes = settings->newuser_strip_prefixes;
    options.smtputf8 = settings->newuser_smtputf8;
    for (const auto& text : given) {
        auto address = parse_address(text);
        if (!address) return fail(refuse(Reason::input, "--newuser " + text + ": no address"));
        options.own_newuser.push_back(*address);
    }
    if (given.empty())
        for (const auto& d : settings->domains)
            if (!d.newuser.empty()) options.own_newuser.push_back({d.newuser, d.name});
    if (options.own_newuser.empty()) options.own_newuser.push_back({"newuser", "direct.example.org"});
    return options;
}

/// Without the line end that echo and editors add.
void drop_line_end(std::string& line)
{
    if (line.ends_with('\n')) line.pop_back();
    if (line.ends_with('\r')) line.pop_back();
}

Json subject_json(const NewuserLine& line)
{
    Json json;
    json["ok"] = true;
    json["email"] = line.contact.text();
    if (!line.name.empty()) json["name"] = line.name;
    if (!line.question.empty()) {
        json["question"] = line.question;
        json["answer"] = std::string(line.answer.view());
    }
    if (!line.real_subject.empty()) json["subject"] = line.real_subject;
    if (!line.expires.empty()) json["expires"] = line.expires;
    if (!line.language.empty()) json["language"] = line.language;
    json["warnings"] = line.warnings;
    return json;
}

std::string short_token(const Fault& fault)
{
    std::string token(fault.token());
    return token.starts_with("newuser:") ? token.substr(8) : token;
}

}  // namespace

int cmd_settings(const Common& common, bool changed)
{
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    auto json = Json::array();
    TextTable table({"SETTING", "VALUE", "FROM"});
    for (const auto& row : describe(**settings)) {
        if (changed && !row.changed) continue;
        json.push_back({{"name", row.name},
                        {"value", row.value},
                        {"origin", row.origin},
                        {"changed", row.changed},
                        {"reload", row.reload}});
        table.add({row.name, row.value, row.origin});
    }
    if (common.json)
        std::printf("%s\n", dump({{"settings", json}}).c_str());
    else
        table.print();
    return done;
}

int cmd_subject(const Common& common, const SubjectOptions& given)
{
    auto options = newuser_options(common, given.newuser);
    if (!options) return tell(options.error());
    Result<std::string> text = given.line;
    if (!given.header_file.empty())
        text = given.header_file == "-" ? read_standard_input(line_max)
                                        : read_whole_file(given.header_file, line_max);
    else if (given.line == "-")
        text = read_standard_input(line_max);
    if (!text) return tell(text.error());
    CleanseAtEnd cleanse(*text);
    if (given.header_file.empty()) drop_line_end(*text);
    auto line = given.header_file.empty() ? read_newuser_value(*text, *options)
                                          : read_newuser_headers(*text, *options);
    if (!line) {
        std::printf("%s\n", dump({{"ok", false}, {"error", short_token(line.error())}}).c_str());
        return refused;
    }
    auto printed = dump(subject_json(*line));
    CleanseAtEnd cleanse_printed(printed);
    std::printf("%s\n", printed.c_str());
    return done;
}

}  // namespace direct::ctl
