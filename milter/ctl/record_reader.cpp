#include "milter/ctl/record_reader.h"

namespace direct::ctl {
namespace {

/// Part and number of the document inside: what documents and items are ordered by.
std::pair<std::uint64_t, std::uint64_t> place_of(const Json& row)
{
    return {row.value("part", std::uint64_t{0}), row.value("inner", std::uint64_t{0})};
}

}  // namespace

Json* RowStream::peek()
{
    while (rows_.empty() && !at_end_) {
        auto page = asking_.ask(verb_, parameters_);
        failed_ = !page;
        at_end_ = true;
        if (!page) break;
        if (const auto next = page->find("next"); next != page->end()) {
            parameters_["cursor"] = *next;
            at_end_ = false;
        }
        if (const auto found = page->find(name_); found != page->end()) {
            for (auto& row : *found) rows_.push_back(std::move(row));
            page->erase(name_);
        }
        page_ = std::move(*page);
    }
    return rows_.empty() ? nullptr : &rows_.front();
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
