// postfix_view.cpp - what postconf and postmap print, as data.
#include <algorithm>

#include "milter/base/text.h"
#include "milter/ctl/postfix.h"
#include "milter/ctl/tool.h"

namespace direct::ctl {
namespace {

const std::vector<std::string> wanted_names = {"smtpd_milters",
                                               "non_smtpd_milters",
                                               "milter_default_action",
                                               "message_size_limit",
                                               "transport_maps",
                                               "virtual_alias_maps",
                                               "alias_maps",
                                               "notify_classes",
                                               "recipient_bcc_maps",
                                               "sender_bcc_maps",
                                               "always_bcc",
                                               "mydestination",
                                               "myorigin",
                                               "internal_mail_filter_classes",
                                               "virtual_alias_domains",
                                               "forward_path",
                                               "milter_content_timeout",
                                               "in_flow_delay"};

std::vector<std::string> with_folder(std::vector<std::string> command, const std::string& folder)
{
    if (!folder.empty()) command.insert(command.begin() + 1, {"-c", folder});
    return command;
}

std::pair<std::string, std::string> name_and_value(std::string_view line)
{
    auto equals = line.find('=');
    if (equals == line.npos) return {};
    return {std::string(trim(line.substr(0, equals))), std::string(trim(line.substr(equals + 1)))};
}

/// "127.0.0.1:10026/inet/smtpd_milters = " and "smtp/inet = smtp inet n - y - - smtpd".
void read_services(const std::string& folder, PostfixView& view)
{
    auto lines = run_tool(with_folder({"postconf", "-M"}, folder));
    if (lines)
        for (auto line : split(lines->text, '\n')) {
            std::vector<std::string> words;
            for (auto word : split(line, ' '))
                if (!trim(word).empty()) words.emplace_back(trim(word));
            if (words.size() < 8 || line.starts_with(' ')) continue;
            view.services.push_back({words[0], words[1], words[7], {}});
        }
    auto options = run_tool(with_folder({"postconf", "-P"}, folder));
    if (!options) return;
    for (auto line : split(options->text, '\n')) {
        auto [path, value] = name_and_value(line);
        auto last = path.rfind('/');
        if (last == path.npos) continue;
        for (auto& s : view.services)
            if (s.name + "/" + s.type == path.substr(0, last)) s.options[path.substr(last + 1)] = value;
    }
}

bool is_listable(const std::string& map)
{
    for (const char* type : {"hash:", "btree:", "lmdb:", "cdb:", "dbm:", "sdbm:"})
        if (map.starts_with(type)) return true;
    return false;
}

std::vector<std::pair<std::string, std::string>> pairs_in(std::string_view text)
{
    std::vector<std::pair<std::string, std::string>> out;
    for (auto line : split(text, '\n')) {
        auto bare = trim(line);
        if (bare.empty() || bare.starts_with('#')) continue;
        auto blank = bare.find_first_of(" \t");
        if (line.starts_with(' ') || line.starts_with('\t')) {
            if (!out.empty()) out.back().second += " " + std::string(bare);
        } else if (blank != bare.npos) {
            out.emplace_back(bare.substr(0, blank), trim(bare.substr(blank)));
        }
    }
    return out;
}

}  // namespace

std::string PostfixView::value(const std::string& name) const
{
    auto found = main.find(name);
    return found == main.end() ? "" : found->second;
}

std::string PostfixView::value(const Service& service, const std::string& name) const
{
    auto found = service.options.find(name);
    return found == service.options.end() ? value(name) : found->second;
}

bool read_postfix(const std::string& folder, PostfixView& view, Findings& findings)
{
    // -x expands $names: what counts is what smtpd sees.
    std::vector<std::string> command = {"postconf", "-x"};
    command.insert(command.end(), wanted_names.begin(), wanted_names.end());
    auto printed = run_tool(with_folder(command, folder));
    if (!printed || printed->exit != 0 || printed->text.empty()) {
        findings.note(
            "Postfix was not looked at: " +
                (printed ? std::string("postconf reports a fault of its own") : printed.error().why),
            "run directctl check on the machine of the mail server, with --postfix DIR if its configuration "
            "lies elsewhere");
        return false;
    }
    for (auto line : split(printed->text, '\n')) {
        auto [name, value] = name_and_value(line);
        if (!name.empty()) view.main[name] = value;
    }
    // Debian names a file here.
    if (auto& origin = view.main["myorigin"]; origin.starts_with('/'))
        if (auto text = read_whole_file(origin, 4096))
            origin = trim(std::string_view(*text).substr(0, text->find('\n')));
    read_services(folder, view);
    view.lookup = [folder](const std::string& key, const std::string& map) {
        auto answer = run_tool(with_folder({"postmap", "-q", key, map}, folder));
        return answer ? std::string(trim(answer->text)) : std::string();
    };
    view.list = [folder](const std::string& map) {
        std::vector<std::pair<std::string, std::string>> none;
        if (map.starts_with("texthash:")) {
            auto text = read_whole_file(map.substr(9), 16 << 20);
            return text ? pairs_in(*text) : none;
        }
        if (!is_listable(map)) return none;
        auto printed_map = run_tool(with_folder({"postmap", "-s", map}, folder));
        return printed_map ? pairs_in(printed_map->text) : none;
    };
    return true;
}

}  // namespace direct::ctl
