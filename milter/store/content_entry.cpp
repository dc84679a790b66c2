// content_entry.cpp - see content_entry.h.
#include "milter/store/content_entry.h"

#include <concepts>

#include "milter/store/codec.h"

namespace direct {

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, ContentEntry>
void fields(F& f, R& r)
{
    f(1, r.in_file);
    f(2, r.size);
    f(3, r.own_key);
    f(4, r.bytes);
}

std::string encode(const ContentEntry& entry)
{
    return encode_fields(entry);
}

Result<ContentEntry> decode_content_entry(std::string_view bytes)
{
    ContentEntry entry;
    if (!decode_fields(bytes, entry)) return fail(temporary("store: a content entry is damaged"));
    return entry;
}

}  // namespace direct
