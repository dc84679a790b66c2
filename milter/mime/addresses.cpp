// addresses.cpp - address-list fields, by hand and strict: library parsers drop text after ';', take
// "jane" for an address and guess at missing commas, and From decides whom we trust. See message.h.
// Source: RFC 5322 section 3.4; each address is checked by milter/base/address.
#include <algorithm>

#include "milter/base/text.h"
#include "milter/mime/message.h"
#include "milter/mime/words.h"

namespace direct {
namespace {

constexpr std::size_t most_addresses = 10'000;

auto malformed(const char* why)
{
    return fail(refuse(Reason::malformed, why));
}

bool special(char c)
{
    return std::string_view("()<>[]:;@\\,\"").find(c) != std::string_view::npos;
}

/// Quoted strings and runs of other characters; what a display name and a local part are made of. Only the
/// first is kept: a local part has one, and of a display name nobody asks for the words.
struct Pieces {
    std::string first;
    std::size_t count = 0;
};

class ListReader {
public:
    explicit ListReader(std::string_view value) : rest_(value) {}

    Result<std::vector<Address>> read()
    {
        CHECK(elements(false));
        return std::move(found_);
    }

private:
    Status skip()
    {
        if (!skip_comments(rest_)) return malformed("address list with an open comment");
        return Done{};
    }

    bool at(char c) const { return !rest_.empty() && rest_.front() == c; }

    bool take(char c)
    {
        if (!at(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }

    /// Up to the end of the list or, inside a group, of the group.
    Status elements(bool in_group)
    {
        for (;;) {
            CHECK(skip());
            if (in_group && take(';')) return Done{};
            if (rest_.empty()) {
                if (in_group) return malformed("address group without its end");
                return Done{};
            }
            if (take(',')) continue;
            CHECK(element(in_group));
            CHECK(skip());
            if (!rest_.empty() && !at(',') && !(in_group && at(';')))
                return malformed("addresses without a comma between them");
        }
    }

    Status element(bool in_group)
    {
        TRY(const auto pieces, read_pieces());
        if (at('@')) {
            if (pieces.count != 1) return malformed("words before an address without <>");
            TRY(auto address, address_after(pieces.first));
            CHECK(skip());
            // "joe@x.org <joe@x.org>" is common and says the same twice.
            if (!at('<')) return keep(std::move(address));
            TRY(const auto inner, angle());
            if (!(inner == address)) return malformed("two different addresses side by side");
            return keep(inner);
        }
        if (at('<')) {
            TRY(auto address, angle());
            return keep(std::move(address));
        }
        if (at(':') && !in_group && pieces.count) {
            rest_.remove_prefix(1);
            return elements(true);
        }
        return malformed("an address without @");
    }

    Result<Pieces> read_pieces()
    {
        for (Pieces pieces;; ++pieces.count) {
            CHECK(skip());
            const auto before = rest_;
            if (at('"')) {
                if (!take_quoted(rest_)) return malformed("quoted string without its end");
            } else if (plain_run().empty()) {
                return pieces;
            }
            if (pieces.count == 0) pieces.first = before.substr(0, before.size() - rest_.size());
        }
    }

    std::string_view plain_run()
    {
        std::size_t n = 0;
        while (n < rest_.size() && !special(rest_[n]) && static_cast<unsigned char>(rest_[n]) > 32) ++n;
        const auto run = rest_.substr(0, n);
        rest_.remove_prefix(n);
        return run;
    }

    Result<Address> angle()
    {
        rest_.remove_prefix(1);
        TRY(const auto pieces, read_pieces());
        if (pieces.count != 1 || !at('@')) return malformed("no address inside <>");
        TRY(auto address, address_after(pieces.first));
        CHECK(skip());
        if (!take('>')) return malformed("< without >");
        return address;
    }

    /// The front is '@'.
    Result<Address> address_after(const std::string& local)
    {
        rest_.remove_prefix(1);
        CHECK(skip());
        // Some readers decode words here, and see another address than we do.
        if (local.find("=?") != std::string::npos) return malformed("encoded word in an address");
        return parse_address(local + "@" + std::string(plain_run()));
    }

    Status keep(Address address)
    {
        if (found_.size() == most_addresses) return malformed("too many addresses");
        found_.push_back(std::move(address));
        return Done{};
    }

    std::string_view rest_;
    std::vector<Address> found_;
};

Result<Address> only_address(std::string_view raw_value, const char* field)
{
    TRY(auto list, addresses_in(raw_value));
    if (list.size() != 1)
        return fail(refuse(Reason::malformed, std::string(field) + " without exactly one address"));
    return std::move(list.front());
}

}  // namespace

Result<std::vector<Address>> addresses_in(std::string_view raw_value)
{
    if (raw_value.find('\0') != std::string_view::npos) return malformed("NUL in an address list");
    return ListReader(raw_value).read();
}

Result<Originators> originators(const Headers& headers)
{
    TRY(const auto from, headers.only("From"));
    if (!from) return malformed("no From field");
    TRY(auto address, only_address(*from, "From"));
    Originators out{std::move(address), std::nullopt};
    TRY(const auto sender, headers.only("Sender"));
    if (sender) {
        TRY(out.sender, only_address(*sender, "Sender"));
    }
    return out;
}

std::vector<Address> visible_recipients(const Headers& headers)
{
    std::vector<Address> out;
    for (const auto& f : headers.fields()) {
        if (!equal_ignoring_case(f.name, "To") && !equal_ignoring_case(f.name, "Cc")) continue;
        auto list = addresses_in(f.value);
        if (!list) continue;
        if (list->size() > most_addresses - out.size()) break;
        out.insert(out.end(), std::make_move_iterator(list->begin()), std::make_move_iterator(list->end()));
    }
    return out;
}

}  // namespace direct
