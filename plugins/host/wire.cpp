// wire.cpp - see wire.h.
#include "plugins/host/wire.h"

namespace direct::wire {
namespace {

void append_u32(std::string& out, std::size_t n)
{
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((n >> shift) & 0xFF);
}

std::uint32_t read_u32(const char* p)
{
    std::uint32_t n = 0;
    for (int i = 0; i < 4; ++i) n = n << 8 | static_cast<unsigned char>(p[i]);
    return n;
}

}  // namespace

bool is_word(std::string_view s)
{
    if (s.empty() || s.size() > name_max) return false;
    for (char c : s)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
              c == '-'))
            return false;
    return true;
}

std::string frame_head(Type type, std::initializer_list<std::string_view> fields, std::size_t last)
{
    std::size_t payload = 4 + last;
    for (auto f : fields) payload += 4 + f.size();
    std::string out;
    out.reserve(header_size + payload - last);
    append_u32(out, payload);
    out += static_cast<char>(type);
    for (auto f : fields) {
        append_u32(out, f.size());
        out += f;
    }
    append_u32(out, last);
    return out;
}

void append_frame(std::string& out, Type type, std::initializer_list<std::string_view> fields)
{
    std::size_t payload = 0;
    for (auto f : fields) payload += 4 + f.size();
    append_u32(out, payload);
    out += static_cast<char>(type);
    for (auto f : fields) {
        append_u32(out, f.size());
        out += f;
    }
}

std::uint32_t payload_length(const char* header)
{
    return read_u32(header);
}

bool all_fields(std::string_view payload, std::vector<std::string_view>& fields)
{
    fields.clear();
    while (!payload.empty()) {
        if (payload.size() < 4) return false;
        const std::size_t n = read_u32(payload.data());
        payload.remove_prefix(4);
        if (n > payload.size()) return false;
        fields.push_back(payload.substr(0, n));
        payload.remove_prefix(n);
    }
    return true;
}

std::vector<std::string_view> fields_of(std::string_view payload, std::size_t count)
{
    std::vector<std::string_view> out;
    out.reserve(count);
    if (!all_fields(payload, out) || out.size() != count) out.clear();
    return out;
}

void Decoder::append(std::string_view bytes)
{
    if (from_ == buffer_.size()) {
        buffer_.clear();
        from_ = 0;
    } else if (from_ > buffer_.size() / 2) {
        buffer_.erase(0, from_);
        from_ = 0;
    }
    buffer_ += bytes;
}

Decoder::Step Decoder::next(Frame& frame)
{
    const std::size_t have = buffer_.size() - from_;
    if (have < header_size) return Step::more;
    const std::size_t payload = read_u32(buffer_.data() + from_);
    if (payload > frame_max_) return Step::bad;
    if (have < header_size + payload) return Step::more;
    frame.type = static_cast<Type>(buffer_[from_ + 4]);
    frame.payload = std::string_view(buffer_).substr(from_ + header_size, payload);
    from_ += header_size + payload;
    return Step::frame;
}

}  // namespace direct::wire
