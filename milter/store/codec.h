// codec.h - how a record becomes bytes: field after field, each as number, length, bytes.
//
// Field number and length are varints (7 bits a byte, low bits first). A reader skips numbers it does
// not know and a missing field keeps its default, so a record grows without a new schema number. The
// bytes come from a sealed value, yet the reader trusts none of them: every length is held against
// what is left, nothing is allocated before that. Pure functions, thread safe.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/result.h"
#include "milter/store/record_store.h"

namespace direct {

void append_varint(std::string& out, std::uint64_t n);
/// Takes a varint from the front of `bytes`; false (and `bytes` as it was) when cut short or past 64 bits.
bool take_varint(std::string_view& bytes, std::uint64_t& n);

/// Appends one field. Numbers are 1..65535.
void append_field(std::string& out, std::uint32_t number, std::string_view bytes);

/// Walks the fields of a record. The bytes are borrowed.
class FieldReader {
public:
    explicit FieldReader(std::string_view bytes) : rest_(bytes) {}
    /// False at the end and at the first fault; ok() tells which.
    bool next();
    bool ok() const { return ok_; }
    std::uint32_t number() const { return number_; }
    std::string_view bytes() const { return field_; }

private:
    std::string_view rest_, field_;
    std::uint32_t number_ = 0;
    bool ok_ = true;
};

// A record names its fields once, for both directions:
//     template <class F> void fields(F& f, auto& r) { f(1, r.id); f(2, r.recipients); ... }
// FieldWriter is handed the record, FieldTaker one field at a time. Every scalar is written, also when
// it is empty: a default other than nothing then survives. Lists are one field per member.

class FieldWriter {
public:
    void operator()(std::uint32_t number, const std::string& v) { append_field(out_, number, v); }
    void operator()(std::uint32_t number, bool v) { put_number(number, v ? 1 : 0); }
    void operator()(std::uint32_t number, std::uint32_t v) { put_number(number, v); }
    void operator()(std::uint32_t number, std::uint64_t v) { put_number(number, v); }
    void operator()(std::uint32_t number, std::int64_t v);
    void operator()(std::uint32_t number, const std::vector<std::string>& v);
    void operator()(std::uint32_t number, const ContentRef& v);
    template <class Record>
    void operator()(std::uint32_t number, const std::vector<Record>& v);
    std::string take() { return std::move(out_); }

private:
    void put_number(std::uint32_t number, std::uint64_t v);
    std::string out_;
};

class FieldTaker {
public:
    FieldTaker(std::uint32_t number, std::string_view bytes) : number_(number), bytes_(bytes) {}
    void operator()(std::uint32_t number, std::string& v);
    void operator()(std::uint32_t number, bool& v);
    void operator()(std::uint32_t number, std::uint32_t& v);
    void operator()(std::uint32_t number, std::uint64_t& v);
    void operator()(std::uint32_t number, std::int64_t& v);
    void operator()(std::uint32_t number, std::vector<std::string>& v);
    void operator()(std::uint32_t number, ContentRef& v);
    template <class Record>
    void operator()(std::uint32_t number, std::vector<Record>& v);
    bool ok() const { return ok_; }

private:
    bool take_number(std::uint32_t number, std::uint64_t max, std::uint64_t& v);
    std::uint32_t number_;
    std::string_view bytes_;
    bool ok_ = true;
};

template <class Record>
std::string encode_fields(const Record& record)
{
    FieldWriter writer;
    fields(writer, record);
    return writer.take();
}

/// False when the bytes are no record; `record` is then half filled and not to be used.
template <class Record>
bool decode_fields(std::string_view bytes, Record& record)
{
    FieldReader reader(bytes);
    while (reader.next()) {
        FieldTaker taker(reader.number(), reader.bytes());
        fields(taker, record);
        if (!taker.ok()) return false;
    }
    return reader.ok();
}

template <class Record>
void FieldWriter::operator()(std::uint32_t number, const std::vector<Record>& v)
{
    for (const auto& one : v) append_field(out_, number, encode_fields(one));
}

template <class Record>
void FieldTaker::operator()(std::uint32_t number, std::vector<Record>& v)
{
    if (number != number_) return;
    Record one;
    ok_ = decode_fields(bytes_, one);
    if (ok_) v.push_back(std::move(one));
}

std::string encode(const ContentRef& ref);
/// Fault: temporary (damaged).
Result<ContentRef> decode_content_ref(std::string_view bytes);

}  // namespace direct
