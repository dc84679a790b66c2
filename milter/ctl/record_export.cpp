// record_export.cpp - directctl record export: everything a message or a mailbox has, out of the store. One JSON
// document with messages, their documents and the documents' items, and every attachment byte for byte: as files of a
// new folder, or within the JSON on standard output. Read and written piece by piece.
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
        RowStream head(asking_, "record.show", {{"id", id}}, "messages");
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

private:
    Result<bool> message(const std::string& id)
    {
        MessageReader reader(asking_, {{"id", id}, {"all", 1}, {"purpose", "export"}});
        const Json* record = reader.open();
        if (!record) return false;
        auto text = dump(*record);
        text.pop_back();
        CHECK(write_((messages_++ ? ",\n" : "") + text + ",\"documents\":["));
        for (bool first = true; Json* row = reader.document(); first = false) {
            if (!first) CHECK(write_(",\n"));
            TRY(const bool good, document(*row));
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
    Result<bool> document(Json& row)
    {
        if (row.contains("document_bytes")) {
            auto whole = asking_.ask("record.document", {{"document", row["key"]}, {"purpose", "export"}});
            if (!whole) return false;
            row["document"] = std::move((*whole)["document"]);
            row.erase("document_bytes");
        }
        const bool has_bytes = row.contains("sha256") && !row.contains("inner");
        if (!has_bytes || !folder_) CHECK(begin(row));
        if (has_bytes) {
            TRY(const bool good, folder_ ? into_file(row) : into_json(row));
            if (!good) return false;
        }
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

    Result<bool> into_file(Json& row)
    {
        char number[32];
        std::snprintf(number, sizeof number, "%06zu-%04u", messages_, row.value("part", 0u));
        auto name = number + std::string("-") + safe_file_name(text_of(row, "filename"));
        if (name.ends_with('-')) name += "unnamed";
        ExportFile file(folder_->files(), name);
        TRY(const bool good, pieces(row, [&](std::string_view bytes) { return file.write(bytes); }));
        if (!good) return false;
        TRY(const auto sum, file.finish());
        row["file"] = "files/" + name;
        sums_ += hex(sum) + "  files/" + name + "\n";
        ++files_;
        return true;
    }

    Result<bool> into_json(const Json& row)
    {
        CHECK(write_(",\"base64\":\""));
        TRY(const bool good, pieces(row, [&](std::string_view bytes) { return write_(base64(bytes)); }));
        if (!good) return false;
        CHECK(write_("\""));
        ++files_;
        return true;
    }

    /// All bytes of an attachment; they must have the hash they came with.
    Result<bool> pieces(const Json& row, const Write& take)
    {
        Sha256 hash;
        std::uint64_t offset = 0, size = 0;
        do {
            auto piece = asking_.ask("record.content", {{"document", row["key"]},
                                                        {"offset", offset},
                                                        {"length", piece_size},
                                                        {"purpose", "export"}});
            if (!piece) return false;
            TRY(const auto bytes, unbase64(text_of(*piece, "base64")));
            size = piece->value("bytes", std::uint64_t{0});
            if (bytes.empty() && offset < size) return fail(temporary("an attachment ends before its end"));
            hash.update(bytes);
            offset += bytes.size();
            CHECK(take(bytes));
        } while (offset < size);
        if (hex(hash.finish()) != text_of(row, "sha256"))
            return fail(temporary("an attachment does not have the hash it came with"));
        return true;
    }

    const Common& common_;
    Asking asking_;
    ExportFolder* folder_;
    Write write_;
    std::string sums_;
    std::size_t messages_ = 0, files_ = 0;
};

int export_to_output(const Common& common, const SettingsPtr& settings, const std::string& id)
{
    Exporting exporting(common, settings, nullptr, to_standard_output);
    auto good = exporting.run(id);
    if (!good) return tell(good.error());
    if (!*good) return exporting.exit();
    return std::fflush(stdout) == 0 ? static_cast<int>(done)
                                    : tell(temporary("standard output takes no more"));
}

Result<bool> fill(const Common& common, const SettingsPtr& settings, const std::string& id,
                  ExportFolder& folder, int& exit)
{
    ExportFile record(folder.folder(), "record.json");
    Exporting exporting(common, settings, &folder,
                        [&](std::string_view bytes) { return record.write(bytes); });
    TRY(const bool good, exporting.run(id));
    exit = exporting.exit();
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
    if (*exit != done) return *exit;
    if (auto named = (*folder)->finish(); !named) return tell(named.error());
    return done;
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
