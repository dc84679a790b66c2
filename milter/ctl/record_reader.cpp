#include "milter/ctl/record_reader.h"

#include <deque>
#include <nlohmann/json.hpp>

namespace direct::ctl {
namespace {

/// Part and number of the document inside: what documents and items are ordered by.
std::pair<std::uint64_t, std::uint64_t> place_of(const Json& row)
{
    return {row.value("part", std::uint64_t{0}), row.value("inner", std::uint64_t{0})};
}

}  // namespace

Ask ask_through(Asking& asking)
{
    return [&asking](std::string_view verb, const Json& parameters) { return asking.ask(verb, parameters); };
}

struct RowStream::State {
    Ask ask;
    std::string verb;
    Json parameters;
    const char* name;
    Json page = {};
    std::deque<Json> rows = {};
    bool at_end = false, failed = false;

    void read_page()
    {
        auto read = ask(verb, parameters);
        failed = !read;
        at_end = true;
        if (!read) return;
        if (const auto next = read->find("next"); next != read->end()) {
            parameters["cursor"] = *next;
            at_end = false;
        }
        if (const auto found = read->find(name); found != read->end()) {
            for (auto& row : *found) rows.push_back(std::move(row));
            read->erase(name);
        }
        page = std::move(*read);
    }
};

RowStream::RowStream(Ask ask, std::string verb, const Json& parameters, const char* name)
    : state_(new State{std::move(ask), std::move(verb), parameters, name})
{
}

RowStream::~RowStream() = default;

Json* RowStream::peek()
{
    while (state_->rows.empty() && !state_->at_end) state_->read_page();
    return state_->rows.empty() ? nullptr : &state_->rows.front();
}

void RowStream::take()
{
    state_->rows.pop_front();
}

bool RowStream::failed() const
{
    return state_->failed;
}

const Json& RowStream::page() const
{
    return state_->page;
}

void RowStream::also_ask(const char* parameter, const Json& value)
{
    state_->parameters[parameter] = value;
}

namespace {

/// In no record it is what it was. As the service judges of items, but at the time the row was told.
bool is_superseded(const Json& document)
{
    bool any = false;
    const auto places = document.find("places");
    if (places == document.end()) return false;
    for (const auto& place : *places) {
        if (text_of(place, "state") == "current") return false;
        any = any || text_of(place, "state") == "superseded";
    }
    return any;
}

Json with_all(Json parameters)
{
    parameters["all"] = 1;
    return parameters;
}

}  // namespace

MessageReader::MessageReader(const Ask& ask, const Json& parameters)
    : all_(parameters.value("all", 0) == 1),
      documents_(ask, "record.show", {{"id", parameters["id"]}}, "documents"),
      items_(ask, "record.items", with_all(parameters), "items")
{
}

MessageReader::~MessageReader() = default;

const Json* MessageReader::open()
{
    documents_.peek();
    if (documents_.failed()) return nullptr;
    head_ = std::make_unique<Json>(documents_.page());
    as_read_ = text_of(*head_, "as_read");
    for (const char* paging : {"as_read", "next"}) head_->erase(paging);
    if (!as_read_.empty()) {
        documents_.also_ask("as_read", as_read_);
        items_.also_ask("as_read", as_read_);
    }
    // Who may not have the items is told so before anything is printed.
    items_.peek();
    return failed() ? nullptr : &(*head_)["record"];
}

Json* MessageReader::item()
{
    const Json* const document = documents_.peek();
    for (;;) {
        Json* const item = items_.peek();
        if (!document || !item || place_of(*item) > place_of(*document)) return nullptr;
        if (place_of(*item) == place_of(*document)) {
            const bool superseded = is_superseded(*document);
            item->erase("superseded");
            if (superseded) (*item)["superseded"] = true;
            if (all_ || !superseded) return item;
        }
        items_.take();  // its document is damaged, or not asked for
    }
}

}  // namespace direct::ctl
