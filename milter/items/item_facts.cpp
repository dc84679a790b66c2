// item_facts.cpp - see item_facts.h.
#include "milter/items/item_facts.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "milter/base/clock.h"

namespace direct {
namespace {

using Json = nlohmann::ordered_json;

// Who did it, with what right and in which language: nobody looks for an item by these.
constexpr std::string_view passed_over[] = {"author",
                                            "performer",
                                            "informant",
                                            "participant",
                                            "participants",
                                            "role",
                                            "telecom",
                                            "addresses",
                                            "names",
                                            "templateIds",
                                            "ids",
                                            "sectionTemplateIds",
                                            "language",
                                            "interpretation",
                                            "interpretationCode"};

bool is_passed_over(std::string_view name)
{
    return std::find(std::begin(passed_over), std::end(passed_over), name) != std::end(passed_over);
}

const std::string* text_in(const Json& object, const char* name)
{
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get_ptr<const std::string*>() : nullptr;
}

void take_code(const Json& object, std::vector<ItemCode>& codes)
{
    const auto* code = text_in(object, "code");
    if (!code || code->empty()) return;
    const auto* system = text_in(object, "codeSystem");
    if (!system) system = text_in(object, "codeSystemName");
    ItemCode found{system ? *system : "", *code};
    if (std::find(codes.begin(), codes.end(), found) == codes.end()) codes.push_back(std::move(found));
}

/// Level by level, so that what lies deep is what is left out of an item with very many codes.
std::vector<ItemCode> codes_of(const Json& item)
{
    std::vector<ItemCode> codes;
    std::vector<const Json*> level{&item};
    while (!level.empty() && codes.size() < codes_per_item_max) {
        std::vector<const Json*> next;
        for (const Json* one : level) {
            if (one->is_object()) take_code(*one, codes);
            if (codes.size() == codes_per_item_max) break;
            for (auto i = one->begin(); i != one->end(); ++i)
                if (i->is_structured() && !(one->is_object() && is_passed_over(i.key()))) next.push_back(&*i);
        }
        level = std::move(next);
    }
    return codes;
}

std::optional<std::int64_t> point(const Json& object, const char* name)
{
    const auto found = object.find(name);
    if (found == object.end()) return std::nullopt;
    if (found->is_string()) return beginning_of(found->get_ref<const std::string&>());
    if (!found->is_object()) return std::nullopt;
    const auto* value = text_in(*found, "value");
    return value ? beginning_of(*value) : std::nullopt;
}

std::optional<std::int64_t> time_of_value(const Json& value)
{
    if (value.is_string()) return beginning_of(value.get_ref<const std::string&>());
    // A medication has several: how long, and how often.
    if (value.is_array())
        for (const auto& one : value)
            if (auto t = time_of_value(one)) return t;
    if (value.is_object())
        for (const char* part : {"low", "value", "center", "high"})
            if (auto t = point(value, part)) return t;
    return std::nullopt;
}

std::optional<std::int64_t> time_of(const Json& item)
{
    const auto found = item.find("effectiveTime");
    return found == item.end() ? std::nullopt : time_of_value(*found);
}

int digits(std::string_view& text, std::size_t count)
{
    int n = 0;
    if (text.size() < count) return -1;
    for (std::size_t i = 0; i < count; ++i) {
        if (text[i] < '0' || text[i] > '9') return -1;
        n = n * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return n;
}

bool take(std::string_view& text, char c)
{
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

std::optional<std::int64_t> beginning_of(std::string_view iso)
{
    // Filled up to a whole moment, then read by the one reader of times.
    const int year = digits(iso, 4);
    if (year < 0) return std::nullopt;
    char text[64];
    int month = 1, day = 1, hour = 0, minute = 0, second = 0;
    bool good = true;
    const auto part = [&](char before, int& value) {
        if (!good || !take(iso, before)) return false;
        value = digits(iso, 2);
        good = value >= 0;
        return good;
    };
    if (part('-', month) && part('-', day) && part('T', hour) && part(':', minute) && part(':', second))
        if (take(iso, '.')) iso.remove_prefix(std::min(iso.find_first_not_of("0123456789"), iso.size()));
    if (!good || iso.size() > 10) return std::nullopt;
    const std::string zone = iso.empty() ? "Z" : std::string(iso);
    std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day, hour, minute, second);
    const auto time = parse_iso8601(text + zone);
    if (!time) return std::nullopt;
    return time->time_since_epoch().count();
}

ItemFacts facts_of_item(std::string_view json)
{
    ItemFacts facts;
    const auto item = Json::parse(json, nullptr, false);
    if (!item.is_object()) return facts;
    if (const auto* section = text_in(item, "section")) facts.section = *section;
    facts.codes = codes_of(item);
    facts.time_ms = time_of(item);
    if (const auto parts = item.find("sub"); !facts.time_ms && parts != item.end() && parts->is_array())
        for (const auto& part : *parts)
            if (part.is_object() && !facts.time_ms) facts.time_ms = time_of(part);
    return facts;
}

}  // namespace direct
