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

struct RowStream::State {
    Asking& asking;
    std::string verb;
    Json parameters;
    const char* name;
    Json page = {};
    std::deque<Json> rows = {};
    bool at_end = false, failed = false;

    void read_page()
    {
        auto read = asking.ask(verb, parameters);
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

RowStream::RowStream(Asking& asking, std::string verb, const Json& parameters, const char* name)
    : state_(new State{asking, std::move(verb), parameters, name})
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

MessageReader::MessageReader(Asking& asking, const Json& parameters)
    : documents_(asking, "record.show", {{"id", parameters["id"]}}, "documents"),
      items_(asking, "record.items", parameters, "items")
{
}

const Json* MessageReader::open()
{
    // Items first: who may not have them is told so before anything is printed.
    items_.peek();
    if (!items_.failed()) documents_.peek();
    return failed() ? nullptr : &documents_.page()["record"];
}

Json* MessageReader::item()
{
    const Json* const document = documents_.peek();
    for (;;) {
        Json* const item = items_.peek();
        if (!document || !item || place_of(*item) > place_of(*document)) return nullptr;
        if (place_of(*item) == place_of(*document)) return item;
        items_.take();  // its document is damaged
    }
}

}  // namespace direct::ctl
