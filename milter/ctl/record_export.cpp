// record_export.cpp - directctl record export: everything a message or a mailbox has, out of the store. One JSON
// document with messages, their documents and the documents' items, and every attachment byte for byte: as files of a
// new folder, or within the JSON on standard output. Read and written piece by piece. An attachment that cannot be read
// any more is named and does not keep the others in the store.
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>

#include "milter/base/crypto.h"
#include "milter/base/text.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/export_folder.h"
#include "milter/ctl/print.h"
#include "milter/ctl/record_reader.h"

namespace direct::ctl {
namespace {

constexpr std::size_t piece_size =
    3 * 256 * 1024;  // bytes asked for at once; base64 of pieces joins without padding

using Write = std::function<Status(std::string_view)>;

Status to_standard_output(std::string_view bytes)
{
    if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size()) return Done{};
    return fail(temporary("standard output takes no more"));
}

class Exporting {
public:
    /// @param folder  nullptr: attachments stand in the JSON
    Exporting(const Common& common, const SettingsPtr& settings, ExportFolder* folder, Write write)
        : common_(common), asking_(common, settings), folder_(folder), write_(std::move(write))
    {
    }

    /// False: the reason has been told, exit() has the code.
    Result<bool> run(const std::string& id)
    {
        // What leaves the store is what was meant: a Message-ID that several messages carry is refused.
        RowStream head(ask_through(asking_), "record.show", {{"id", id}, {"one", 1}}, "messages");
        head.peek();
        if (head.failed()) return false;
        const auto record = head.page()["record"];
        CHECK(write_("{\"format\":1,\"exported\":\"" + iso8601(common_.now) +
                     "\",\"record\":" + dump(record) + ",\"messages\":[\n"));
        if (!record.contains("mailbox")) {
            TRY(const bool good, message(text_of(record, "id")));
            if (!good) return false;
        }
        for (; Json* row = record.contains("mailbox") ? head.peek() : nullptr; head.take()) {
            // A row that cannot be read any more is told; it does not hide the others.
            const bool damaged = text_of(*row, "state") == "damaged";
            if (damaged) CHECK(write_((messages_++ ? ",\n" : "") + dump(*row)));
            TRY(const bool good, damaged ? Result<bool>(true) : message(text_of(*row, "id")));
            if (!good) return false;
        }
        if (head.failed()) return false;
        CHECK(write_("]}\n"));
        return true;
    }

    int exit() const { return asking_.exit(); }
    const std::string& sums() const { return sums_; }
    std::size_t messages() const { return messages_; }
    std::size_t files() const { return files_; }
    /// Attachments that could not be read.
    std::size_t missing() const { return missing_; }

private:
    Result<bool> message(const std::string& id)
    {
        MessageReader reader(ask_through(asking_), {{"id", id}, {"all", 1}, {"purpose", "export"}});
        const Json* record = reader.open();
        if (!record) return false;
        auto text = dump(*record);
        text.pop_back();
        CHECK(write_((messages_++ ? ",\n" : "") + text + ",\"documents\":["));
        for (bool first = true; Json* row = reader.document(); first = false) {
            if (!first) CHECK(write_(",\n"));
            TRY(const bool good, document(*row, reader.as_read()));
            if (!good) return false;
            for (bool first_item = true; Json* item = reader.item(); first_item = false) {
                CHECK(write_((first_item ? "" : ",\n") + dump((*item)["item"])));
                reader.take_item();
            }
            CHECK(write_("]}"));
            reader.take_document();
        }
        if (reader.failed()) return false;
        CHECK(write_("]}"));
        return true;
    }

    /// Up to the begin of its items.
    Result<bool> document(Json& row, const std::string& as_read)
    {
        if (row.contains("document_bytes")) {
            auto whole = asking_.ask("record.document",
                                     {{"document", row["key"]}, {"as_read", as_read}, {"purpose", "export"}});
            if (!whole) return false;
            row["document"] = std::move((*whole)["document"]);
            row.erase("document_bytes");
        }
        const bool has_bytes = row.contains("sha256") && !row.contains("inner");
        if (!has_bytes || !folder_) CHECK(begin(row));
        if (has_bytes) CHECK(folder_ ? into_file(row) : into_json(row));
        if (has_bytes && folder_) CHECK(begin(row));
        CHECK(write_(",\"items\":["));
        return true;
    }

    Status begin(const Json& row)
    {
        auto text = dump(row);
        text.pop_back();
        return write_(text);
    }

    Status into_file(Json& row)
    {
        char number[32];
        std::snprintf(number, sizeof number, "%06zu-%04u", messages_, row.value("part", 0u));
        auto name = number + std::string("-") + safe_file_name(text_of(row, "filename"));
        if (name.ends_with('-')) name += "unnamed";
        ExportFile file(folder_->files(), name);
        TRY(const auto fault, pieces(row, [&](std::string_view bytes) { return file.write(bytes); }));
        if (!fault.empty()) {
            row["missing"] = fault;
            ++missing_;
            return Done{};
        }
        TRY(const auto sum, file.finish());
        row["file"] = "files/" + name;
        sums_ += hex(sum) + "  files/" + name + "\n";
        ++files_;
        return Done{};
    }

    Status into_json(const Json& row)
    {
        CHECK(write_(",\"base64\":\""));
        TRY(const auto fault, pieces(row, [&](std::string_view bytes) { return write_(base64(bytes)); }));
        CHECK(write_("\""));
        ++(fault.empty() ? files_ : missing_);
        return fault.empty() ? Status(Done{}) : write_(",\"missing\":" + dump(Json(fault)));
    }

    /// All bytes of an attachment; they must have the hash they came with. What is wrong with them, "" for nothing; a
    /// fault is the writer's. When the service itself has gone, the next question ends the export.
    Result<std::string> pieces(const Json& row, const Write& take)
    {
        Sha256 hash;
        std::uint64_t offset = 0, size = 0;
        do {
            auto piece = asking_.ask("record.content", {{"document", row["key"]},
                                                        {"offset", offset},
                                                        {"length", piece_size},
                                                        {"purpose", "export"}});
            if (!piece) return std::string("its bytes cannot be read");
            const auto bytes = unbase64(text_of(*piece, "base64"));
            size = piece->value("bytes", std::uint64_t{0});
            if (!bytes || (bytes->empty() && offset < size)) return std::string("it ends before its end");
            hash.update(*bytes);
            offset += bytes->size();
            CHECK(take(*bytes));
        } while (offset < size);
        return std::string(
            hex(hash.finish()) == text_of(row, "sha256") ? "" : "it does not have the hash it came with");
    }

    const Common& common_;
    Asking asking_;
    ExportFolder* folder_;
    Write write_;
    std::string sums_;
    std::size_t messages_ = 0, files_ = 0, missing_ = 0;
};

/// The export is whole but for attachments that are no more: exit 1, and the folder stays.
constexpr int without_some = 3;  // inside this file, where refused also says that there is no such record

int tell_of_missing(std::size_t missing)
{
    if (!missing) return done;
    std::fprintf(stderr,
                 "directctl: %zu attachments could not be read; \"missing\" in the record says which\n",
                 missing);
    return without_some;
}

int outward(int exit)
{
    return exit == without_some ? static_cast<int>(refused) : exit;
}

int export_to_output(const Common& common, const SettingsPtr& settings, const std::string& id)
{
    Exporting exporting(common, settings, nullptr, to_standard_output);
    auto good = exporting.run(id);
    if (!good) return tell(good.error());
    if (!*good) return exporting.exit();
    if (std::fflush(stdout) != 0) return tell(temporary("standard output takes no more"));
    return outward(tell_of_missing(exporting.missing()));
}

Result<bool> fill(const Common& common, const SettingsPtr& settings, const std::string& id,
                  ExportFolder& folder, int& exit)
{
    ExportFile record(folder.folder(), "record.json");
    Exporting exporting(common, settings, &folder,
                        [&](std::string_view bytes) { return record.write(bytes); });
    TRY(const bool good, exporting.run(id));
    exit = good ? tell_of_missing(exporting.missing()) : exporting.exit();
    if (!good) return false;
    TRY(const auto sum, record.finish());
    ExportFile sums(folder.folder(), "SHA256SUMS");
    CHECK(sums.write(exporting.sums() + hex(sum) + "  record.json\n"));
    TRY(const auto ignored, sums.finish());
    static_cast<void>(ignored);
    if (common.json)
        std::printf("%s\n", dump({{"messages", exporting.messages()}, {"files", exporting.files()}}).c_str());
    else
        std::printf("%zu messages, %zu files\n", exporting.messages(), exporting.files());
    return true;
}

int export_to_folder(const Common& common, const SettingsPtr& settings, const RecordExportOptions& options)
{
    const bool asks_daemon = House(common, settings).daemon_runs();
    auto folder = ExportFolder::make(options.out, asks_daemon ? "" : settings->store_path);
    if (!folder) return tell(folder.error());
    const auto work = [&]() -> int {
        int exit = done;
        auto good = fill(common, settings, options.id, **folder, exit);
        return good ? exit : tell(good.error());
    };
    // Without the daemon the store is read as its owner; the folder gets its name as who was asked to make it.
    auto exit = asks_daemon ? Result<int>(work()) : exit_as_store_owner(*settings, work);
    if (!exit) return tell(exit.error());
    if (*exit != done && *exit != without_some) return *exit;
    if (auto named = (*folder)->finish(); !named) return tell(named.error());
    return outward(*exit);
}

}  // namespace

int cmd_record_export(const Common& common, const RecordExportOptions& options)
{
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    return options.out == "-" ? export_to_output(common, *settings, options.id)
                              : export_to_folder(common, *settings, options);
}

}  // namespace direct::ctl
