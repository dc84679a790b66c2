// reencode_field.cpp - one header field made ASCII with lines of at most 998. See reencode.h.
#include <algorithm>
#include <array>

#include "milter/base/text.h"
#include "milter/mime/content.h"
#include "milter/mime/reencode.h"
#include "milter/mime/split.h"
#include "milter/mime/words.h"

namespace direct {
namespace {

constexpr std::array address_fields = {
    "From",        "To",        "Cc",        "Sender",        "Reply-To",
    "Resent-From", "Resent-To", "Resent-Cc", "Resent-Sender", "Disposition-Notification-To"};

auto malformed(const HeaderField& f, const char* why)
{
    return fail(refuse(Reason::malformed, "field " + std::string(f.name.substr(0, 60)) + ": " + why));
}

bool eight_bit(std::string_view s)
{
    return std::any_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) > 127; });
}

bool has_addresses(std::string_view name)
{
    return std::any_of(address_fields.begin(), address_fields.end(),
                       [&](const char* n) { return equal_ignoring_case(n, name); });
}

/// Words already encoded are decoded, so that they do not end up encoded twice.
std::string plain_text(std::string_view s)
{
    auto decoded = decode_text(s);
    return decoded ? *decoded : unfold(s);
}

/// Writes display names in ASCII and leaves everything else of an address list as it stands.
class AddressFieldWriter {
public:
    explicit AddressFieldWriter(std::string_view value) : rest_(value) {}

    /// Nothing: 8-bit where no word can be encoded.
    std::optional<std::string> write()
    {
        while (!rest_.empty()) {
            const char c = rest_.front();
            if (c == '"') {
                if (!quoted()) return std::nullopt;
            } else if (c == '(') {
                if (!comment()) return std::nullopt;
            } else if (c == '<') {
                if (!angle()) return std::nullopt;
            } else if (c == ',' || c == ';' || c == ':') {
                if (!end_of_phrase(c == ':')) return std::nullopt;
                take(1);
                out_ += raw_;
                raw_.clear();
            } else {
                phrase_ += c;
                take(1);
            }
        }
        if (!end_of_phrase(false)) return std::nullopt;
        return std::move(out_);
    }

private:
    void take(std::size_t n)
    {
        raw_ += rest_.substr(0, n);
        rest_.remove_prefix(n);
    }

    bool quoted()
    {
        const auto before = rest_;
        const auto text = take_quoted(rest_);
        if (!text) return false;
        phrase_ += *text;
        raw_ += before.substr(0, before.size() - rest_.size());
        return true;
    }

    bool comment()
    {
        const auto before = rest_;
        if (!skip_comments(rest_)) return false;
        const auto text = before.substr(0, before.size() - rest_.size());
        raw_ += eight_bit(text) ? std::string_view(" ") : text;
        return true;
    }

    bool angle()
    {
        const auto end = rest_.find('>');
        if (end == std::string_view::npos || eight_bit(rest_.substr(0, end))) return false;
        if (!end_of_phrase(true)) return false;
        take(end + 1);
        out_ += raw_;
        raw_.clear();
        return true;
    }

    /// Words are encoded only in a name; without one the phrase is an address.
    bool end_of_phrase(bool is_name)
    {
        if (eight_bit(raw_)) {
            if (!is_name) return false;
            out_ += " " + encode_text(plain_text(phrase_), 40) + " ";
        } else {
            out_ += raw_;
        }
        raw_.clear();
        phrase_.clear();
        return true;
    }

    std::string_view rest_;
    std::string raw_;     // since the last comma, as written
    std::string phrase_;  // the same as text
    std::string out_;
};

bool lines_fit(std::string_view field)
{
    for (const auto line : split(field, '\n'))
        if (line.size() > 999) return false;  // with its CR
    return true;
}

}  // namespace

Status append_field(std::string& out, const HeaderField& f)
{
    if (!eight_bit(f.raw) && lines_fit(f.raw)) {
        append_crlf(out, f.raw);
        if (!f.raw.ends_with('\n')) out += "\r\n";
        return Done{};
    }
    if (!valid_utf8(f.value)) return malformed(f, "bytes that are not UTF-8");
    std::string value;
    const std::size_t column = f.name.size() + 2;
    if (!eight_bit(f.value)) {
        value = fold_text(unfold(f.value), column);
    } else if (has_addresses(f.name)) {
        auto written = AddressFieldWriter(unfold(f.value)).write();
        if (!written) return malformed(f, "8-bit inside an address");
        value = fold_text(unfold(*written), column);
    } else if (equal_ignoring_case(f.name, "Content-Type")) {
        value = ascii_content_type(f.value);
    } else if (equal_ignoring_case(f.name, "Content-Disposition")) {
        value = ascii_disposition(f.value);
    } else {
        value = encode_text(plain_text(f.value), column);
    }
    std::string field = std::string(f.name) + ": ";
    append_crlf(field, value);
    field += "\r\n";
    if (eight_bit(field) || !lines_fit(field)) return malformed(f, "a line that cannot be folded");
    out += field;
    return Done{};
}

}  // namespace direct
