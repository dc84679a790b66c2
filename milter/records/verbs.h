// verbs.h - inside this room only: one function per verb, and what they share.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "milter/records/service.h"

namespace direct::verbs {

using Json = nlohmann::ordered_json;

struct Context {
    const Caller& caller;
    RecordStore& store;
    const Clock& clock;
    const DaemonHooks& hooks;
};

/// What was asked for. Every getter notes the first parameter that is of another type or out of bounds;
/// a verb returns fault() when there is one. Names nobody asked for are a fault too.
class Parameters {
public:
    explicit Parameters(const Json& object) : object_(object) {}
    std::string text(const char* name, std::size_t max = 1000);
    std::vector<std::string> texts(const char* name, std::size_t max_each = 1000);
    std::int64_t number(const char* name, std::int64_t otherwise, std::int64_t min, std::int64_t max);
    std::optional<Time> time(const char* name);  ///< ISO 8601
    std::string bytes(const char* name);         ///< hex; "" when absent
    /// After the last getter.
    Status check();

private:
    const Json* find(const char* name);
    void wrong(const char* name, const char* what);
    const Json& object_;
    std::vector<std::string> asked_;
    std::string fault_;
};

/// Collects a page: counts rows and bytes, remembers where the next page begins.
class Page {
public:
    explicit Page(std::int64_t limit) : limit_(static_cast<std::size_t>(limit)) {}
    /// May one more row be added? When not, `key` is where the next page begins.
    bool room(std::string_view key);
    void add(std::size_t bytes)
    {
        ++rows_;
        bytes_ += bytes;
    }
    bool full() const { return !next_.empty(); }
    const std::string& next() const { return next_; }  ///< hex, "" at the end

private:
    std::size_t limit_, rows_ = 0, bytes_ = 0;
    std::string next_;
};

std::string print(const Json& json);
Reply good(const Json& json);
Reply bad(int exit, std::string_view error, std::string_view detail);
Reply bad(const Fault& fault);
/// JSON text of ours from the store as a value; text that is no shallow JSON stays text.
Json embedded(const std::string& json_text);
std::string iso_ms(std::int64_t ms);

Reply held_list(const Context&, Parameters&);
Reply held_show(const Context&, Parameters&);
Reply held_revoke(const Context&, Parameters&);
Reply held_purge(const Context&, Parameters&);
Reply record_list(const Context&, Parameters&);
Reply record_show(const Context&, Parameters&);
Reply record_items(const Context&, Parameters&);
Reply record_document(const Context&, Parameters&);
Reply record_content(const Context&, Parameters&);
Reply record_reparse(const Context&, Parameters&);
Reply audit_read(const Context&, Parameters&);
Reply audit_verify(const Context&, Parameters&);
Reply outbox_list(const Context&, Parameters&);
Reply outbox_retry(const Context&, Parameters&);
Reply watch_list(const Context&, Parameters&);
Reply status(const Context&, Parameters&);
Reply store_stat(const Context&, Parameters&);
Reply bundle_list(const Context&, Parameters&);
Reply bundle_refresh(const Context&, Parameters&);
Reply reload(const Context&, Parameters&);
Reply metrics(const Context&, Parameters&);
Reply note(const Context&, Parameters&);

}  // namespace direct::verbs
