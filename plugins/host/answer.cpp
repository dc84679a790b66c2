// answer.cpp - see answer.h.
#include "plugins/host/answer.h"

#include "milter/base/text.h"
#include "plugins/host/json_check.h"

namespace direct {
namespace {

using Step = Answer::Step;

/// The object with `section` and `kind` as they were told beside it: what an item is found by is what stands in it.
/// All else stays as it was written, numbers to the last digit.
std::string as_told(std::string_view object, std::string_view section, std::string_view kind)
{
    std::string out = "{\"section\":\"" + std::string(section) + "\",\"kind\":\"" + std::string(kind) + "\"";
    std::string rest;
    int agree = 0, differ = 0;
    for (const auto& member : json_members(object)) {
        const bool is_section = member.is_named("section");
        if (!is_section && !member.is_named("kind")) {
            rest.append(",").append(member.name).append(":").append(member.value);
            continue;
        }
        const auto told = "\"" + std::string(is_section ? section : kind) + "\"";
        ++(member.value == told ? agree : differ);
    }
    return agree == 2 && differ == 0 ? std::string(object) : out + rest + "}";
}

bool is_line(std::string_view s, std::size_t max)
{
    if (s.size() > max || !valid_utf8(s)) return false;
    for (unsigned char c : s)
        if (c < 0x20 || c == 0x7F) return false;
    return true;
}

}  // namespace

void Answer::forget()
{
    outcome_.document.clear();
    outcome_.items.clear();
    outcome_.skipped.clear();
    outcome_.notes.clear();
    inner_.clear();
}

Step Answer::take(const wire::Frame& frame)
{
    bytes_ += wire::header_size + frame.payload.size();
    if (bytes_ > bytes_max_) return Step::flood;
    switch (frame.type) {
        case wire::Type::plugin:
            return plugin(frame.payload);
        case wire::Type::about:
            return about(frame.payload);
        case wire::Type::item:
            return item(frame.payload);
        case wire::Type::skip:
            return skip(frame.payload);
        case wire::Type::note:
            return note(frame.payload);
        case wire::Type::child:
            return child(frame.payload);
        case wire::Type::end:
            return end(frame.payload);
        default:
            return Step::lie;
    }
}

Step Answer::plugin(std::string_view payload)
{
    const auto f = wire::fields_of(payload, 2);
    if (f.empty() || (f[0] != "r" && f[0] != "p") || f[1].empty() || !is_line(f[1], 2 * wire::name_max))
        return Step::lie;
    parsing_ = f[0] == "p";
    outcome_.plugin = f[1];
    forget();
    return Step::more;
}

Step Answer::about(std::string_view payload)
{
    const auto f = wire::fields_of(payload, 1);
    if (!parsing_ || f.empty() || !outcome_.document.empty()) return Step::lie;
    if (f[0].size() > wire::document_json_max) return Step::flood;
    if (!is_json_object(f[0])) return Step::lie;
    outcome_.document = f[0];
    return Step::more;
}

Step Answer::item(std::string_view payload)
{
    const auto f = wire::fields_of(payload, 3);
    if (!parsing_ || f.empty() || !wire::is_word(f[0]) || !wire::is_word(f[1])) return Step::lie;
    if (f[2].size() > wire::json_max || outcome_.items.size() >= items_max_) return Step::flood;
    if (!is_json_object(f[2])) return Step::lie;
    outcome_.items.push_back({std::string(f[0]), std::string(f[1]), as_told(f[2], f[0], f[1])});
    return Step::more;
}

Step Answer::skip(std::string_view payload)
{
    const auto f = wire::fields_of(payload, 2);
    if (!parsing_ || f.empty() || !wire::is_word(f[0]) || !is_line(f[1], wire::text_max)) return Step::lie;
    if (outcome_.skipped.size() >= wire::skips_max) return Step::flood;
    outcome_.skipped.push_back({std::string(f[0]), std::string(f[1])});
    return Step::more;
}

Step Answer::note(std::string_view payload)
{
    const auto f = wire::fields_of(payload, 1);
    if (!parsing_ || f.empty() || !is_line(f[0], wire::text_max)) return Step::lie;
    if (outcome_.notes.size() >= wire::notes_max) return Step::flood;
    outcome_.notes.emplace_back(f[0]);
    return Step::more;
}

Step Answer::child(std::string_view payload)
{
    const auto f = wire::fields_of(payload, 4);
    if (!parsing_ || f.empty() || !is_line(f[0], wire::text_max) || !is_line(f[1], wire::text_max))
        return Step::lie;
    if (f[2].size() > wire::json_max || inner_.size() >= wire::children_max) return Step::flood;
    if (!f[2].empty() && !is_json_object(f[2])) return Step::lie;
    inner_.push_back({std::string(f[0]), std::string(f[1]), std::string(f[2]), std::string(f[3])});
    return Step::more;
}

Step Answer::end(std::string_view payload)
{
    const auto f = wire::fields_of(payload, 2);
    if (f.empty() || f[0].size() != 1 || !is_line(f[1], wire::text_max)) return Step::lie;
    outcome_.detail = f[1];
    switch (static_cast<wire::EndStatus>(f[0][0] - '0')) {
        case wire::EndStatus::parsed:
            if (!parsing_ || outcome_.document.empty()) return Step::lie;
            outcome_.status = "parsed";
            return Step::done;
        case wire::EndStatus::nobody:
            // Even plugin "file" is missing or refused: the document stays what it is.
            forget();
            outcome_.status = "parsed";
            outcome_.plugin.clear();
            outcome_.document = R"({"kind":"file"})";
            return Step::done;
        case wire::EndStatus::malformed:
            outcome_.status = "malformed";
            break;
        case wire::EndStatus::limit:
            outcome_.status = "limit";
            break;
        case wire::EndStatus::threw:
            outcome_.status = "crashed";
            well_ = false;
            break;
        default:
            return Step::lie;
    }
    forget();
    return Step::done;
}

std::uint64_t bytes_of(const ParseOutcome& outcome)
{
    std::uint64_t bytes = outcome.document.size();
    for (const auto& i : outcome.items) bytes += i.json.size() + sizeof i;
    return bytes;
}

void take_other(ParseOutcome& died, ParseOutcome other)
{
    if (other.status != "parsed") return;
    if (json_text_member(other.document, "kind") == "file") {
        other.status = died.status;
        other.plugin = died.plugin;
        other.detail = died.detail;
    }
    died = std::move(other);
}

}  // namespace direct
