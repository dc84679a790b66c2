// tell_tale.cpp - a plugin that tells what it was given: hints, limits, and what it was not given.
#include <unistd.h>

#include <string>
#include <string_view>

#include "plugins/parser_plugin.h"

namespace {

std::string text(direct_bytes b)
{
    return b.data ? std::string(b.data, b.len) : std::string();
}

std::string quoted(const char* name, const std::string& value)
{
    return std::string("\"") + name + "\":\"" + value + "\"";
}

int recognise(const direct_document* head)
{
    // A plugin sees no more than 64 KiB here.
    return text(head->content).starts_with("tell") && head->content.len <= 65536 ? 50 : 0;
}

direct_parse_status parse(const direct_host* host, const direct_document* d)
{
    std::string names;
    for (char** e = environ; e && *e; ++e)
        names += std::string(*e).substr(0, std::string(*e).find('=')) + " ";
    const std::string json =
        "{\"kind\":\"file\"," + quoted("type", text(d->media_type)) + "," +
        quoted("charset", text(d->charset)) + "," + quoted("filename", text(d->filename)) +
        ",\"size\":" + std::to_string(d->content.len) + ",\"items\":" + std::to_string(host->max_items) +
        ",\"json\":" + std::to_string(host->max_json) +
        ",\"document\":" + std::to_string(host->max_document) + ",\"pid\":" + std::to_string(::getpid()) +
        "," + quoted("environment", names) + "}";
    return host->document(host->context, {json.data(), json.size()}) ? DIRECT_LIMIT : DIRECT_PARSED;
}

const direct_parser parser = {
    DIRECT_PARSER_ABI_MAJOR, sizeof(direct_parser), "tell", "2.0", recognise, parse};

}  // namespace

extern "C" const direct_parser* direct_parser_v1(void)
{
    return &parser;
}
