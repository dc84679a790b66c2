// codec.cpp - see codec.h. No I/O, no exceptions but bad_alloc, thread safe.
#include "milter/store/codec.h"

#include <limits>

namespace direct {

namespace {

// Signed numbers as zigzag, so that small negative ones stay short.
std::uint64_t to_zigzag(std::int64_t n)
{
    return (static_cast<std::uint64_t>(n) << 1) ^ (n < 0 ? ~std::uint64_t{0} : 0);
}

std::int64_t from_zigzag(std::uint64_t n)
{
    return static_cast<std::int64_t>((n >> 1) ^ (n & 1 ? ~std::uint64_t{0} : 0));
}

}  // namespace

void append_varint(std::string& out, std::uint64_t n)
{
    while (n >= 0x80) {
        out += static_cast<char>(0x80 | (n & 0x7f));
        n >>= 7;
    }
    out += static_cast<char>(n);
}

bool take_varint(std::string_view& bytes, std::uint64_t& n)
{
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
        const auto byte = static_cast<unsigned char>(bytes[i]);
        if (i == 9 && byte > 1) return false;  // past 64 bits
        value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
        if (byte & 0x80) continue;
        n = value;
        bytes.remove_prefix(i + 1);
        return true;
    }
    return false;
}

void append_field(std::string& out, std::uint32_t number, std::string_view bytes)
{
    append_varint(out, number);
    append_varint(out, bytes.size());
    out += bytes;
}

bool FieldReader::next()
{
    if (rest_.empty() || !ok_) return false;
    std::uint64_t number = 0, length = 0;
    ok_ = take_varint(rest_, number) && number >= 1 && number <= 65535 && take_varint(rest_, length) &&
          length <= rest_.size();
    if (!ok_) return false;
    number_ = static_cast<std::uint32_t>(number);
    field_ = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
}

void FieldWriter::put_number(std::uint32_t number, std::uint64_t v)
{
    std::string bytes;
    append_varint(bytes, v);
    append_field(out_, number, bytes);
}

void FieldWriter::operator()(std::uint32_t number, std::int64_t v)
{
    put_number(number, to_zigzag(v));
}

void FieldWriter::operator()(std::uint32_t number, const std::vector<std::string>& v)
{
    for (const auto& one : v) append_field(out_, number, one);
}

void FieldWriter::operator()(std::uint32_t number, const ContentRef& v)
{
    if (v) append_field(out_, number, encode(v));
}

bool FieldTaker::take_number(std::uint32_t number, std::uint64_t max, std::uint64_t& v)
{
    if (number != number_) return false;
    std::string_view rest = bytes_;
    std::uint64_t n = 0;
    ok_ = take_varint(rest, n) && rest.empty() && n <= max;
    if (ok_) v = n;
    return ok_;
}

void FieldTaker::operator()(std::uint32_t number, std::string& v)
{
    if (number == number_) v = std::string(bytes_);
}

void FieldTaker::operator()(std::uint32_t number, bool& v)
{
    std::uint64_t n = 0;
    if (take_number(number, 1, n)) v = n == 1;
}

void FieldTaker::operator()(std::uint32_t number, std::uint32_t& v)
{
    std::uint64_t n = 0;
    if (take_number(number, std::numeric_limits<std::uint32_t>::max(), n)) v = static_cast<std::uint32_t>(n);
}

void FieldTaker::operator()(std::uint32_t number, std::uint64_t& v)
{
    std::uint64_t n = 0;
    if (take_number(number, std::numeric_limits<std::uint64_t>::max(), n)) v = n;
}

void FieldTaker::operator()(std::uint32_t number, std::int64_t& v)
{
    std::uint64_t n = 0;
    if (take_number(number, std::numeric_limits<std::uint64_t>::max(), n)) v = from_zigzag(n);
}

void FieldTaker::operator()(std::uint32_t number, std::vector<std::string>& v)
{
    if (number == number_) v.emplace_back(bytes_);
}

void FieldTaker::operator()(std::uint32_t number, ContentRef& v)
{
    if (number != number_) return;
    auto ref = decode_content_ref(bytes_);
    ok_ = ref.has_value();
    if (ok_) v = *std::move(ref);
}

template <class F, class R>
static void content_ref_fields(F& f, R& r)
{
    f(1, r.id);
    f(2, r.size);
    f(3, r.sha256);
    f(4, r.in_file);
}

std::string encode(const ContentRef& ref)
{
    FieldWriter writer;
    content_ref_fields(writer, ref);
    return writer.take();
}

Result<ContentRef> decode_content_ref(std::string_view bytes)
{
    ContentRef ref;
    FieldReader reader(bytes);
    bool ok = true;
    while (ok && reader.next()) {
        FieldTaker taker(reader.number(), reader.bytes());
        content_ref_fields(taker, ref);
        ok = taker.ok();
    }
    const bool sizes = ref.id.empty() || (ref.id.size() == 16 && ref.sha256.size() == 32);
    if (!ok || !reader.ok() || !sizes) return fail(temporary("store: a content reference is damaged"));
    return ref;
}

}  // namespace direct
