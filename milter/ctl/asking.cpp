#include "milter/ctl/asking.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "milter/ctl/print.h"

namespace direct::ctl {

std::string dump(const Json& json)
{
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string text_of(const Json& row, const char* name)
{
    auto found = row.find(name);
    if (found == row.end() || found->is_null()) return "";
    if (found->is_string()) return found->get<std::string>();
    if (!found->is_array()) return dump(*found);
    std::string out;
    for (const auto& one : *found)
        out += (out.empty() ? "" : ", ") + (one.is_string() ? one.get<std::string>() : dump(one));
    return out;
}

/// "name: value" lines; objects and lists of objects further in.
void print_tree(const Json& json, const std::string& indent)
{
    for (const auto& [name, value] : json.items()) {
        bool rows = value.is_array() && !value.empty() && value.front().is_structured();
        if (value.is_object()) {
            std::printf("%s%s:\n", indent.c_str(), printable(name).c_str());
            print_tree(value, indent + "  ");
        } else if (rows) {
            for (const auto& one : value) {
                std::printf("%s%s:\n", indent.c_str(), printable(name).c_str());
                print_tree(one, indent + "  ");
            }
        } else if (auto text = text_of(json, name.c_str()); !text.empty()) {
            std::printf("%s%s: %s\n", indent.c_str(), printable(name).c_str(), printable(text).c_str());
        }
    }
}

namespace {

/// With what may have been meant, when there is a choice.
void print_refusal(const Json& json, const std::string& detail)
{
    std::printf("%s\n", printable(detail).c_str());
    if (const auto candidates = json.find("candidates"); candidates != json.end())
        for (const auto& one : *candidates) {
            std::string line;
            for (const auto& [name, value] : one.items()) line += "  " + text_of(one, name.c_str());
            std::printf("%s\n", printable(line).c_str());
        }
}

}  // namespace

Asking::Asking(const Common& common, const SettingsPtr& settings) : common_(common)
{
    house_.emplace(common, settings);
}

std::optional<Json> Asking::ask(std::string_view verb, const Json& parameters)
{
    if (!house_ && !open()) return std::nullopt;
    auto reply = house_->ask(verb, dump(parameters));
    if (!reply) {
        exit_ = tell(reply.error());
        return std::nullopt;
    }
    auto json = Json::parse(reply->json, nullptr, false);
    exit_ = reply->exit;
    if (json.is_object() && !json.contains("error")) return json;
    say_error(json);
    return std::nullopt;
}

bool Asking::pages(std::string_view verb, Json parameters, const char* name, const char* cursor_in,
                   const char* cursor_out, const std::function<void(Json&)>& row)
{
    for (;;) {
        auto page = ask(verb, parameters);
        if (!page) return false;
        for (auto& one : (*page)[name]) row(one);
        auto next = page->find(cursor_out);
        if (next == page->end()) return true;
        parameters[cursor_in] = *next;
    }
}

bool Asking::open()
{
    auto settings = settings_of(common_);
    if (!settings) {
        exit_ = tell(settings.error());
        return false;
    }
    house_.emplace(common_, *settings);
    return true;
}

void Asking::say_error(const Json& json)
{
    auto detail = json.is_object() ? text_of(json, "detail") : "the reply cannot be read";
    if (exit_ == done) exit_ = later;
    if (exit_ == refused && common_.json)
        std::printf("%s\n", dump(json).c_str());
    else if (exit_ == refused)
        print_refusal(json, detail);
    else
        std::fprintf(stderr, "directctl: %s\n", printable(detail).c_str());
}

}  // namespace direct::ctl
