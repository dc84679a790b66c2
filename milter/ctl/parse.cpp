// parse.cpp - the parser plugins on a file, and which plugins there are. Touches neither store nor keys. What is wrong
// with a plugin goes to standard error, so that standard output is the document's JSON alone.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "milter/base/text.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/files.h"
#include "milter/ctl/parsers.h"
#include "milter/ctl/print.h"
#include "milter/mime/content.h"

namespace direct::ctl {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t document_file_max = 256u << 20;

/// "bad.so: ABI 9, ours is 1" in its two halves.
std::pair<std::string, std::string> refusal(const std::string& line)
{
    const auto colon = line.find(": ");
    if (colon == line.npos) return {line, ""};
    return {line.substr(0, colon), line.substr(colon + 2)};
}

int list(const Common& common, const PoolOptions& options, const PluginList& plugins)
{
    if (common.json) {
        Json json = {{"folder", options.plugins}, {"worker", options.worker}};
        json["loaded"] = plugins.loaded;
        json["refused"] = Json::array();
        for (const auto& line : plugins.refused)
            json["refused"].push_back({{"file", refusal(line).first}, {"why", refusal(line).second}});
        std::printf("%s\n", json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
    } else {
        std::printf("folder %s\nworker %s\n\n", printable(options.plugins).c_str(),
                    printable(options.worker).c_str());
        TextTable table({"PLUGIN", "STATE"});
        for (const auto& name : plugins.loaded) table.add({name, "loaded"});
        for (const auto& line : plugins.refused)
            table.add({refusal(line).first, "refused: " + refusal(line).second});
        table.print();
    }
    return plugins.refused.empty() ? done : refused;
}

void tell_of_plugins(const Settings& settings, const ParseOptions& given, const PoolOptions& options,
                     const PluginList& plugins)
{
    if (given.plugins.empty() && !settings.file.empty() && options.plugins != settings.plugins_path)
        std::fprintf(stderr, "directctl: plugins are taken from %s, not from plugins.path (%s)\n",
                     printable(options.plugins).c_str(), printable(settings.plugins_path).c_str());
    for (const auto& line : plugins.refused)
        std::fprintf(stderr, "directctl: plugin refused: %s\n", printable(line).c_str());
}

/// The document with its hints; `content` must outlive it. Fault: input.
Result<ParseRequest> request_of(const ParseOptions& given, const std::string& content)
{
    ParseRequest request;
    request.content = content;
    request.media_type = ascii_lower(given.type);
    if (given.type.find(';') != std::string::npos) {
        // With parameters, as a field of a mail has it: the charset is a hint for the parser.
        auto type = read_content_type(given.type);
        if (!type) return fail(refuse(Reason::input, "--type: " + type.error().why));
        request.media_type = type->media_type();
        request.charset = type->parameter("charset");
    }
    request.filename = !given.name.empty() ? given.name
                       : given.file == "-" ? ""
                                           : fs::path(given.file).filename().string();
    return request;
}

}  // namespace

int cmd_parse(const Common& common, const ParseOptions& given)
{
    if (!given.sandbox && geteuid() == 0) {
        std::printf("refused: --no-sandbox is for plugin authors, not for root\n");
        return refused;
    }
    std::error_code ignored;
    if (!given.plugins.empty() && !fs::is_directory(given.plugins, ignored))
        return tell_usage("--plugins: no folder " + printable(given.plugins));
    auto settings = parser_settings(common);
    if (!settings) return tell(settings.error());
    std::string content;
    if (!given.list) {
        auto bytes = given.file == "-" ? read_standard_input(document_file_max)
                                       : read_whole_file(given.file, document_file_max);
        if (!bytes) return tell(refuse(Reason::input, bytes.error().why));
        content = *std::move(bytes);
    }
    auto request = request_of(given, content);
    if (!request) return tell(request.error());
    auto options = parser_options(common, **settings, given.plugins);
    options.sandbox = given.sandbox;
    auto pool = WorkerPool::start(options);
    if (!pool) return tell(pool.error());
    if (given.list) return list(common, options, (*pool)->plugins());
    tell_of_plugins(**settings, given, options, (*pool)->plugins());
    auto outcome = (*pool)->parse(*request);
    if (!outcome) return tell(outcome.error());
    std::printf("%s\n", to_json(*outcome).c_str());
    return outcome->status == "parsed" ? done : refused;
}

}  // namespace direct::ctl
