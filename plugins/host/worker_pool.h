// worker_pool.h - documents go to kept direct-parse children; what a document does to its child costs
// that document only.
//
// parse() takes a free child (waiting up to the budget), sends the document, reads the answer, and kills
// and replaces the child when it crashes, hangs, floods or lies. Children are replaced after 1000
// documents. Thread safe: as many callers as there are children run at once.
// Source: design decision 4; requirements I12; clinical documents section 6.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "milter/base/clock.h"
#include "milter/base/result.h"

namespace direct {

struct PoolOptions {
    std::string worker;  ///< path of direct-parse
    std::string
        plugins;  ///< folder of *.so; "": the children unpack zips of certificates (directctl anchor add)
    std::size_t children = 2;
    milliseconds budget{10000};  ///< wall clock per document
    std::uint64_t memory =
        512ull << 20;  ///< address space per child, bytes (not enforced in sanitizer builds)
    std::uint64_t document_max = 32ull << 20;  ///< larger: outcome "limit"
    std::uint64_t items_max = 100000;
    bool sandbox = true;  ///< seccomp, no standard error; off only for directctl parse --no-sandbox
};

struct ParseRequest {
    std::string_view content;  ///< borrowed for the call
    std::string media_type, charset, filename;
    std::vector<std::string> not_plugins;  ///< "ccda 1.0": versions this document has killed
    std::string message;     ///< for log lines: id of its message as hex, "" when there is none,
    std::uint32_t part = 0;  ///< and which of its attachments
};

struct ParsedItem {
    std::string section, kind, json;
};
struct SkippedPart {
    std::string section, reason;
};

/// What stands for documents inside a document that are more than an attachment may have.
SkippedPart not_listed(std::size_t documents);

struct ParseOutcome {
    /// parsed | malformed | limit | crashed | timeout. A document no plugin takes is parsed by "file".
    std::string status = "crashed";
    std::string plugin;    ///< "ccda 1.0": who read it, or who died of it
    std::string document;  ///< JSON object, "" unless parsed
    std::vector<ParsedItem> items;
    std::vector<SkippedPart> skipped;
    std::vector<std::string> notes;
    std::string detail;  ///< for the admin; no health data
    /// Of an attachment, children of children included, at most 1000; `skipped` says of how many more nothing is here.
    std::vector<std::shared_ptr<ParseOutcome>> children;
    std::string filename;    ///< of a child document
    std::string container;   ///< JSON: what the container says of a child document, or ""
    std::string sha256;      ///< 32 bytes, of a child document's bytes
    std::uint64_t size = 0;  ///< bytes of a child document
};

/// What was found in the folder of plugins when a child loaded it.
struct PluginList {
    std::vector<std::string> loaded;   ///< "ccda 1.0"
    std::vector<std::string> refused;  ///< "bad.so: ABI 9, ours is 1"; one line each, made printable
};

class WorkerPool {
public:
    /// Starts the children. Fault: configuration (no worker, no plugin folder, no plugin in it that can be used).
    static Result<std::unique_ptr<WorkerPool>> start(const PoolOptions& options);
    virtual ~WorkerPool() = default;  ///< ends all children and waits for them
    /// Fault: temporary when no child could be had at all; what the document did is in the outcome.
    virtual Result<ParseOutcome> parse(const ParseRequest& request) = 0;
    /// As the first child told it. Thread safe.
    virtual PluginList plugins() const { return {}; }
};

/// The JSON of directctl parse: document, items, skipped, notes, children; or {"error":..,"detail":..,"plugin":..}.
std::string to_json(const ParseOutcome& outcome);
/// Its "skipped" array alone.
std::string skipped_to_json(const std::vector<SkippedPart>& skipped);

}  // namespace direct
