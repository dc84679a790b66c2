// The line that names a person: what is read must read again to itself, and no refusal quotes the line.
// First byte: 'h' a header block, anything else a header value.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "milter/base/text.h"
#include "milter/newuser/line_text.h"
#include "milter/newuser/subject.h"

namespace {

using namespace direct;

void must(bool holds)
{
    if (!holds) std::abort();
}

bool has(const NewuserLine& line, std::string_view warning)
{
    for (const auto& w : line.warnings)
        if (w == warning) return true;
    return false;
}

void reads_again(const NewuserLine& line)
{
    must(!line.contact.local.empty() && !line.contact.domain.empty());
    must(line.question.empty() == line.answer.empty());
    must(has(line, "W5") == line.question.empty());
    const Secret normal = normal_answer(line.answer.view());
    must(normal.empty() == line.answer.empty());
    must(normal_answer(normal.view()).view() == normal.view());
    for (const std::string_view text : {std::string_view(line.question), line.answer.view()}) {
        must(valid_utf8(text) && count_code_points(text) <= newuser_field_max);
        if (text.find(';') != std::string_view::npos) return;  // only fields can carry it
    }
    const std::string whole = line.contact.text() + ";" + line.question + ";" +
                              std::string(line.answer.view()) + ";" + line.real_subject;
    // Single blanks may bring the two ends of an encoded word together.
    if (whole.find("=?") != std::string::npos) return;
    // A domain grows when it becomes A-labels.
    if (count_code_points(whole) > newuser_line_max) return;
    const auto again = read_newuser_value(whole, NewuserOptions{});
    must(again.has_value());
    must(again->contact == line.contact && again->question == line.question);
    must(again->answer.view() == line.answer.view());
    must(again->real_subject == line.real_subject);
    must(has(*again, "W3") == has(line, "W3") && has(*again, "W4") == has(line, "W4"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 1 || size > 8192) return 0;
    const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] != 'h') {
        const auto line = read_newuser_value(in, NewuserOptions{});
        if (line) reads_again(*line);
        return 0;
    }
    const auto line = read_newuser_headers(in, NewuserOptions{});
    if (!line) return 0;
    // In a field the real subject may be an address or blanks and semicolons only: a line cannot say that.
    must(valid_utf8(line->real_subject) && valid_utf8(line->question));
    must(normal_answer(line->answer.view()).empty() == line->answer.empty());
    return 0;
}
