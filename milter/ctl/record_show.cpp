// record_show.cpp - directctl record show: a message with its documents and items, or the items of a mailbox by
// section, code and time. Printed as it is read.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "milter/ctl/commands.h"
#include "milter/ctl/print.h"
#include "milter/ctl/record_reader.h"

namespace direct::ctl {
namespace {

Json parameters_of(const RecordShowOptions& o)
{
    Json p = {{"id", o.id}};
    if (!o.section.empty()) p["section"] = o.section;
    if (!o.since.empty()) p["since"] = o.since;
    if (!o.until.empty()) p["until"] = o.until;
    if (o.all) p["all"] = 1;
    // "2.16.840.1.113883.6.1|2345-7", or the code alone.
    const auto bar = o.code.rfind('|');
    if (!o.code.empty()) p["code"] = bar == std::string::npos ? o.code : o.code.substr(bar + 1);
    if (bar != std::string::npos && bar > 0) p["system"] = o.code.substr(0, bar);
    return p;
}

class Showing {
public:
    Showing(const Common& common, const RecordShowOptions& options)
        : common_(common), options_(options), asking_(common)
    {
    }

    int run()
    {
        const auto parameters = parameters_of(options_);
        auto head = asking_.ask("record.show", {{"id", options_.id}, {"limit", 1}});
        if (!head) return asking_.exit();
        const bool mailbox = (*head)["record"].contains("mailbox");
        return mailbox ? mailbox_items((*head)["record"], parameters) : message(parameters);
    }

private:
    int message(const Json& parameters)
    {
        MessageReader reader(ask_through(asking_), parameters);
        const Json* record = reader.open();
        if (!record) return asking_.exit();
        if (common_.json)
            std::printf("{\"record\":%s,%s\"documents\":[", dump(*record).c_str(),
                        reader.head().contains("also")
                            ? ("\"also\":" + dump(reader.head()["also"]) + ",").c_str()
                            : "");
        else
            print_tree(reader.head(), "");
        for (bool first = true; Json* row = reader.document(); first = false) {
            if (!document(*row, reader.as_read(), first)) return asking_.exit();
            for (bool first_item = true; Json* one = reader.item(); first_item = false) {
                item(*one, first_item, "    ");
                reader.take_item();
            }
            if (common_.json) std::printf("]}");
            reader.take_document();
        }
        if (reader.failed()) return asking_.exit();
        if (common_.json) std::printf("]}\n");
        return done;
    }

    bool document(Json& row, const std::string& as_read, bool first)
    {
        if (options_.narrative && row.contains("document_bytes")) {
            auto whole = asking_.ask("record.document", {{"document", row["key"]}, {"as_read", as_read}});
            if (!whole) return false;
            row["document"] = std::move((*whole)["document"]);
        }
        if (common_.json) {
            auto text = dump(row);
            text.pop_back();
            std::printf("%s%s,\"items\":[", first ? "" : ",\n", text.c_str());
        } else {
            std::printf("document:\n");
            print_tree(row, "  ");
        }
        return true;
    }

    void item(const Json& row, bool first, const char* indent)
    {
        // As it stands in the document; marked when that document has been replaced.
        auto shown = row["item"];
        if (row.contains("superseded") && shown.is_object()) shown["superseded"] = true;
        if (common_.json) {
            std::printf("%s%s", first ? "" : ",\n", dump(shown).c_str());
        } else {
            std::printf("  item:\n");
            print_tree(shown.is_object() ? shown : Json{{"text", shown}}, indent);
        }
    }

    int mailbox_items(const Json& record, const Json& parameters)
    {
        RowStream items(ask_through(asking_), "record.items", parameters, "items");
        Json* row = items.peek();
        if (items.failed()) return asking_.exit();
        if (common_.json)
            std::printf("{\"record\":%s,\"items\":[", dump(record).c_str());
        else
            print_tree(Json{{"record", record}}, "");
        for (bool first = true; row; row = items.peek(), first = false) {
            if (common_.json) {
                std::printf("%s%s", first ? "" : ",\n", dump(*row).c_str());
            } else {
                std::printf("item:\n");
                print_tree(*row, "  ");
            }
            items.take();
        }
        if (items.failed()) return asking_.exit();
        if (common_.json) std::printf("]}\n");
        return done;
    }

    const Common& common_;
    const RecordShowOptions& options_;
    Asking asking_;
};

}  // namespace

int cmd_record_show(const Common& common, const RecordShowOptions& options)
{
    return Showing(common, options).run();
}

}  // namespace direct::ctl
