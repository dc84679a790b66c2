// zip.cpp - see zip.h.
#include "plugins/xdm/zip.h"

#include <algorithm>
#include <unordered_set>

#include "plugins/inflate.h"

namespace direct::xdm {
namespace {

constexpr std::size_t end_size = 22, end64_size = 56, locator_size = 20, central_size = 46, local_size = 30;
constexpr unsigned flag_encrypted = 1, flag_strong = 1 << 6, flag_hidden = 1 << 13;

std::uint64_t number(std::string_view s, std::size_t at, std::size_t n)
{
    std::uint64_t out = 0;
    for (std::size_t i = n; i-- > 0;) out = out << 8 | static_cast<unsigned char>(s[at + i]);
    return out;
}

bool has(std::string_view s, std::uint64_t at, std::string_view signature, std::size_t size)
{
    return at <= s.size() && s.size() - at >= size && s.substr(at, 4) == signature;
}

struct Directory {
    std::uint64_t at = 0, size = 0, count = 0, end = 0;  // end: where the record that tells this stands
};

// Zip64: the record the locator in front of the end record points to.
const char* read_end64(std::string_view s, std::size_t end, Directory& out)
{
    if (end < locator_size || !has(s, end - locator_size, "PK\x06\x07", locator_size))
        return "no zip64 locator";
    const std::uint64_t at = number(s, end - locator_size + 8, 8);
    if (!has(s, at, "PK\x06\x06", end64_size) || at > end) return "no zip64 end record";
    if (number(s, at + 16, 4) || number(s, at + 20, 4) || number(s, at + 24, 8) != number(s, at + 32, 8))
        return "in more than one part";
    out = {number(s, at + 48, 8), number(s, at + 40, 8), number(s, at + 32, 8), at};
    return nullptr;
}

// The end record: the last one whose comment fits into what is left.
const char* read_end(std::string_view s, Directory& out)
{
    if (s.size() < end_size) return "no end record";
    std::size_t at = s.size() - end_size;
    const std::size_t last = s.size() > 65557 ? s.size() - 65557 : 0;
    while (!has(s, at, "PK\x05\x06", end_size) || at + end_size + number(s, at + 20, 2) > s.size()) {
        if (at == last) return "no end record";
        --at;
    }
    if (number(s, at + 8, 2) == 0xFFFF || number(s, at + 12, 4) == 0xFFFFFFFF ||
        number(s, at + 16, 4) == 0xFFFFFFFF)
        return read_end64(s, at, out);
    if (number(s, at + 4, 2) || number(s, at + 6, 2) || number(s, at + 8, 2) != number(s, at + 10, 2))
        return "in more than one part";
    out = {number(s, at + 16, 4), number(s, at + 12, 4), number(s, at + 10, 2), at};
    return nullptr;
}

// Sizes and place that did not fit into 32 bits stand in extra field 1, in this order.
bool read_extra64(std::string_view extra, Member& m)
{
    const bool size = m.size == 0xFFFFFFFF, packed = m.packed == 0xFFFFFFFF, offset = m.offset == 0xFFFFFFFF;
    if (!size && !packed && !offset) return true;
    while (extra.size() >= 4) {
        const std::size_t id = number(extra, 0, 2), length = number(extra, 2, 2);
        if (length > extra.size() - 4) return false;
        if (id != 1) {
            extra.remove_prefix(4 + length);
            continue;
        }
        std::string_view body = extra.substr(4, length);
        for (auto [wanted, to] : {std::pair{size, &m.size}, {packed, &m.packed}, {offset, &m.offset}}) {
            if (!wanted) continue;
            if (body.size() < 8) return false;
            *to = number(body, 0, 8);
            body.remove_prefix(8);
        }
        return true;
    }
    return false;
}

std::string lower(std::string s)
{
    for (char& c : s)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return s;
}

bool leads_out(std::string_view name)
{
    if (name.empty() || name.front() == '/' || name.find(':') != name.npos) return true;
    for (std::size_t from = 0; from <= name.size();) {
        const auto to = std::min(name.find('/', from), name.size());
        if (name.substr(from, to - from) == "..") return true;
        from = to + 1;
    }
    return false;
}

void read_name(std::string_view raw, Member& m)
{
    m.name = raw.substr(0, limits::name_max);
    m.odd_name = raw.size() > limits::name_max;
    for (char& c : m.name) {
        if (c == '\\') {
            c = '/';
            m.backslash = true;
        }
        const auto u = static_cast<unsigned char>(c);
        m.odd_name = m.odd_name || u < 0x20 || u == 0x7F;
    }
    m.leads_out = leads_out(m.name);
}

const char* refusal(unsigned flags, unsigned method, unsigned made_by, std::uint32_t attributes)
{
    constexpr unsigned unix_system = 3;
    const unsigned mode = made_by >> 8 == unix_system ? attributes >> 28 : 0;
    if (flags & (flag_encrypted | flag_strong | flag_hidden)) return "encrypted";
    if (mode == 0xA) return "a symbolic link";
    if (mode && mode != 0x8 && mode != 0x4) return "no plain file";
    if (method != 0 && method != 8) return "packed in a way we do not read";
    return "";
}

// The member's local header: must be where the directory says and have its name.
const char* read_local(std::string_view s, std::string_view raw_name, std::uint64_t end, Member& m)
{
    if (!has(s, m.offset, "PK\x03\x04", local_size)) return "a member is not where the directory says";
    const std::uint64_t name = number(s, m.offset + 26, 2), extra = number(s, m.offset + 28, 2);
    m.data = m.offset + local_size + name + extra;
    if (m.data > end || m.packed > end - m.data) return "a member does not end inside the package";
    if (s.substr(m.offset + local_size, name) != raw_name) return "a member has two names";
    if (number(s, m.offset + 8, 2) != m.method) return "a member's two headers differ";
    return nullptr;
}

// Every member's bytes are its own: overlapping ones are how a small file becomes an endless one.
const char* check_places(const std::vector<Member>& members)
{
    std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
    for (const auto& m : members) places.emplace_back(m.offset, m.data + m.packed);
    std::sort(places.begin(), places.end());
    for (std::size_t i = 1; i < places.size(); ++i)
        if (places[i].first < places[i - 1].second) return "members overlap";
    return nullptr;
}

class Reading {
public:
    explicit Reading(std::string_view bytes) { zip_.bytes = bytes; }

    Zip run()
    {
        Directory d;
        if (const char* why = read_end(zip_.bytes, d)) return damaged(why);
        if (d.at > d.end || d.size > d.end - d.at) return damaged("its directory lies outside");
        if (d.count > limits::members_max) return limit("more than 1000 members");
        std::string_view rest = zip_.bytes.substr(d.at, d.size);
        for (std::uint64_t i = 0; i < d.count; ++i)
            if (const char* why = one(rest, d.at)) return damaged(why);
        if (const char* why = check_places(all_)) return damaged(why);
        if (const char* why = check_sizes()) return limit(why);
        return std::move(zip_);
    }

private:
    Zip damaged(const char* why)
    {
        zip_.damage = why;
        zip_.members.clear();
        return std::move(zip_);
    }
    Zip limit(const char* why)
    {
        zip_.limit = true;
        return damaged(why);
    }

    const char* one(std::string_view& rest, std::uint64_t end)
    {
        if (!has(rest, 0, "PK\x01\x02", central_size)) return "its directory is damaged";
        const std::size_t name = number(rest, 28, 2), extra = number(rest, 30, 2),
                          comment = number(rest, 32, 2);
        if (rest.size() - central_size < name + extra + comment) return "its directory is damaged";
        Member m;
        m.method = static_cast<unsigned>(number(rest, 10, 2));
        m.crc = static_cast<std::uint32_t>(number(rest, 16, 4));
        m.packed = number(rest, 20, 4);
        m.size = number(rest, 24, 4);
        m.offset = number(rest, 42, 4);
        const auto raw = rest.substr(central_size, name);
        if (!read_extra64(rest.substr(central_size + name, extra), m)) return "its directory is damaged";
        m.unreadable = refusal(static_cast<unsigned>(number(rest, 8, 2)), m.method,
                               static_cast<unsigned>(number(rest, 4, 2)),
                               static_cast<std::uint32_t>(number(rest, 38, 4)));
        if (const char* why = read_local(zip_.bytes, raw, end, m)) return why;
        read_name(raw, m);
        rest.remove_prefix(central_size + name + extra + comment);
        all_.push_back(m);
        if (m.name.ends_with('/') && m.size == 0) return nullptr;
        m.duplicate = !names_.insert(lower(m.name)).second;
        zip_.members.push_back(std::move(m));
        return nullptr;
    }

    const char* check_sizes() const
    {
        std::uint64_t total = 0;
        for (const auto& m : zip_.members) {
            if (m.size > inflate_limits::total_max || (total += m.size) > inflate_limits::total_max)
                return "more than 64 MB unpacked";
            if (inflate_limits::is_too_well_packed(m.packed, m.size))
                return "a member is more than 200 times its packed size";
        }
        return nullptr;
    }

    Zip zip_;
    std::vector<Member> all_;
    std::unordered_set<std::string> names_;
};

}  // namespace

Zip read_zip(std::string_view bytes)
{
    return Reading(bytes).run();
}

std::string unpack(const Zip& zip, const Member& m, std::string& why)
{
    why = m.unreadable;
    if (!why.empty()) return "";
    const auto packed = zip.bytes.substr(m.data, m.packed);
    // A member that is larger than it says is known by the bytes beyond that.
    std::string out = m.method == 0 ? std::string(packed) : inflate(packed, m.size);
    if (out.size() == m.size && crc32(out) == m.crc) return out;
    why = out.size() == m.size ? "its checksum does not fit" : "its size is not the one told";
    return "";
}

}  // namespace direct::xdm
