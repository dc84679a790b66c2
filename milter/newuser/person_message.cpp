// person_message.cpp - the message without the line that names the person and carries the answer.
// Pure function, thread safe.
#include <algorithm>

#include "milter/base/text.h"
#include "milter/mime/message.h"
#include "milter/mime/words.h"
#include "milter/newuser/held_record.h"

namespace direct {
namespace {

constexpr std::string_view pickup_prefix = "x-direct-pickup-";

bool is_pickup_field(std::string_view name)
{
    return ascii_lower(name.substr(0, pickup_prefix.size())) == pickup_prefix;
}

}  // namespace

Result<std::string> message_for_person(std::string_view message, const NewuserLine& line,
                                       std::size_t header_limit)
{
    MimeLimits limits;
    limits.headers = header_limit;
    TRY(const Entity entity, read_entity(message, limits));
    std::string subject_value = entity.headers.first("Subject");
    CleanseAtEnd wipe(subject_value);

    const std::string_view line_end =
        entity.header_bytes.find("\r\n") == std::string_view::npos ? "\n" : "\r\n";
    std::string out;
    out.reserve(message.size() + line.real_subject.size() * 2 + 64);
    for (const HeaderField& field : entity.headers.fields()) {
        if (is_pickup_field(field.name) || equal_ignoring_case(field.name, "Thread-Topic")) continue;
        if (equal_ignoring_case(field.name, "Subject")) {
            if (!line.real_subject.empty()) {
                const std::string value =
                    encode_text(line.real_subject, std::string_view("Subject: ").size());
                out += "Subject: ";
                for (const char c : value)
                    if (c != '\r' || line_end.size() == 2) out += c;
                out += line_end;
            }
            continue;
        }
        std::string value = unfold(field.value);
        CleanseAtEnd wipe_value(value);
        if (!subject_value.empty() && value == subject_value) continue;
        out += field.raw;
    }
    out += message.substr(entity.header_bytes.size());
    return out;
}

}  // namespace direct
