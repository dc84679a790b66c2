#include "plugins/worker/telling.h"

#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "plugins/host/json_check.h"
#include "plugins/plugin_bytes.h"
#include "plugins/text_line.h"

namespace direct {
namespace {

constexpr std::size_t write_size = 64 * 1024;
constexpr std::size_t spare = 64u << 10;  // of the answer: frames of our own

std::string number(std::uint64_t n)
{
    return std::to_string(n);
}

/// Says why this is no word of the contract; "" when it is one.
std::string not_a_word(const char* what, std::string_view word)
{
    if (wire::is_word(word)) return "";
    std::string why = std::string(what) + " ";
    if (word.empty())
        why += "is empty";
    else if (word.size() > wire::name_max)
        why += "has " + number(word.size()) + " bytes";
    else
        for (std::size_t i = 0; i < word.size(); ++i)
            if (!wire::is_word(word.substr(i, 1))) {
                why += "has a character at byte " + number(i + 1) + " that may not be there";
                break;
            }
    return why + ": wanted are 1 to 64 of A-Z a-z 0-9 _ -";
}

/// Says why this is no object the host would take; "" when it is one.
std::string not_an_object(std::string_view json)
{
    const auto fault = json_object_fault(json);
    if (!fault) return "";
    if (fault->at >= json.size())
        return std::string(fault->what) + ": it ends too early, after " + number(json.size()) + " bytes";
    return std::string(fault->what) + " at byte " + number(fault->at + 1) + " of " + number(json.size());
}

bool missing(direct_bytes b)
{
    return !b.data && b.len;
}

}  // namespace

bool write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

Telling::Telling(int fd, const SessionOptions& options, std::uint64_t content)
    : fd_(fd), items_max_(options.items_max), bytes_left_(wire::answer_max(content) - spare)
{
    host_.size = sizeof host_;
    host_.context = this;
    host_.document = [](void* c, direct_bytes json) { return static_cast<Telling*>(c)->document(json); };
    host_.item = [](void* c, const direct_item* one) { return static_cast<Telling*>(c)->item(one); };
    host_.skip = [](void* c, direct_bytes section, direct_bytes reason) {
        return static_cast<Telling*>(c)->skip(section, reason);
    };
    host_.note = [](void* c, direct_bytes text) { return static_cast<Telling*>(c)->note(text); };
    host_.child = [](void* c, const direct_child* one) { return static_cast<Telling*>(c)->child(one); };
    host_.max_items = options.items_max;
    host_.max_json = wire::json_max;
    host_.max_document = wire::document_json_max;
}

void Telling::tell_note(const std::string& text)
{
    if (notes_ == wire::notes_max) return;
    ++notes_;
    frame(wire::Type::note, {text_line(text, wire::text_max)});
}

void Telling::frame(wire::Type type, std::initializer_list<std::string_view> fields)
{
    wire::append_frame(out_, type, fields);
    if (out_.size() >= write_size) flush();
}

void Telling::flush()
{
    // The host is gone, or has had enough of us: nobody is left to tell.
    if (!write_all(fd_, out_)) ::_exit(0);
    out_.clear();
}

int Telling::end(Verdict verdict, std::string why)
{
    if (verdict_ == Verdict::good) {
        verdict_ = verdict;
        why_ = std::move(why);
    }
    return 1;
}

bool Telling::allow(std::size_t bytes)
{
    if (verdict_ != Verdict::good) return false;
    bytes += 64;
    if (bytes > bytes_left_) {
        over("answer larger than 8 x content + 16 MiB");
        return false;
    }
    bytes_left_ -= bytes;
    return true;
}

int Telling::document(direct_bytes json)
{
    if (told_document_) return broken("document() called twice");
    if (missing(json)) return broken("document(): no bytes");
    if (json.len > wire::document_json_max)
        return over("document(): " + number(json.len) + " bytes, more than max_document (" +
                    number(wire::document_json_max) + ")");
    if (auto why = not_an_object(view(json)); !why.empty()) return broken("document(): " + why);
    if (!allow(json.len)) return 1;
    told_document_ = true;
    frame(wire::Type::about, {view(json)});
    return 0;
}

int Telling::item(const direct_item* item)
{
    const auto which = "item " + number(++items_) + ": ";
    if (!item) return broken(which + "no direct_item");
    if (item->size < offsetof(direct_item, json) + sizeof item->json)
        return broken(which + "size is not sizeof(direct_item)");
    if (items_ > items_max_) return over(which + "more than max_items (" + number(items_max_) + ")");
    if (missing(item->section) || missing(item->kind) || missing(item->json))
        return broken(which + "no bytes");
    for (const auto& [what, word] : {std::pair("section", item->section), std::pair("kind", item->kind)})
        if (auto why = not_a_word(what, view(word)); !why.empty()) return broken(which + why);
    if (item->json.len > wire::json_max)
        return over(which + number(item->json.len) + " bytes of JSON, more than max_json (" +
                    number(wire::json_max) + ")");
    if (auto why = not_an_object(view(item->json)); !why.empty()) return broken(which + why);
    if (!allow(item->json.len)) return 1;
    frame(wire::Type::item, {view(item->section), view(item->kind), view(item->json)});
    return 0;
}

int Telling::skip(direct_bytes section, direct_bytes reason)
{
    if (skips_ == wire::skips_max) return verdict_ == Verdict::good ? 0 : 1;
    const auto which = "skip " + number(skips_ + 1) + ": ";
    if (missing(section) || missing(reason)) return broken(which + "no bytes");
    if (auto why = not_a_word("section", view(section)); !why.empty()) return broken(which + why);
    const bool last = skips_ + 1 == wire::skips_max;  // whether others follow is not known
    constexpr std::string_view more = "; what follows is not listed";
    auto text = text_line(view(reason), wire::text_max - (last ? more.size() : 0));
    if (last) text += more;
    if (!allow(section.len + text.size())) return 1;
    ++skips_;
    frame(wire::Type::skip, {view(section), text});
    return 0;
}

int Telling::note(direct_bytes text)
{
    if (missing(text)) return broken("note(): no bytes");
    last_note_ = text_line(view(text), wire::text_max);
    if (notes_ == wire::notes_max) return verdict_ == Verdict::good ? 0 : 1;
    if (!allow(last_note_.size())) return 1;
    ++notes_;
    frame(wire::Type::note, {last_note_});
    return 0;
}

int Telling::child(const direct_child* child)
{
    const auto which = "child " + number(children_ + 1) + ": ";
    if (!child) return broken(which + "no direct_child");
    if (child->size < offsetof(direct_child, json) + sizeof child->json)
        return broken(which + "size is not sizeof(direct_child)");
    if (children_ == wire::children_max)
        return over(which + "more than " + number(wire::children_max) + " documents in one document");
    if (missing(child->content) || missing(child->json) || missing(child->filename) ||
        missing(child->media_type))
        return broken(which + "no bytes");
    if (child->json.len > wire::json_max)
        return over(which + number(child->json.len) + " bytes of JSON, more than max_json (" +
                    number(wire::json_max) + ")");
    if (child->json.len)
        if (auto why = not_an_object(view(child->json)); !why.empty()) return broken(which + why);
    if (!allow(child->json.len + child->content.len)) return 1;
    ++children_;
    frame(wire::Type::child,
          {text_line(view(child->filename), wire::text_max),
           text_line(view(child->media_type), wire::text_max), view(child->json), view(child->content)});
    return 0;
}

}  // namespace direct
