// answer.cpp - how two answers are found equal: people retype what they read somewhere, on another
// keyboard and in another case. Source: newuser manual, section 4. Pure functions, thread safe.
#include <algorithm>
#include <array>

#include "milter/base/text.h"
#include "milter/newuser/line_text.h"
#include "milter/newuser/subject.h"

namespace direct {
namespace {

struct Replacement {
    std::string_view from;
    char to;
};
// Before NFKC: it would turn the acute accent used as an apostrophe into a blank with a mark, and the
// double prime into two single ones.
constexpr std::array replacements = {
    Replacement{"\u2018", '\''}, Replacement{"\u2019", '\''}, Replacement{"\u201A", '\''},
    Replacement{"\u201B", '\''}, Replacement{"\u2039", '\''}, Replacement{"\u203A", '\''},
    Replacement{"\u2032", '\''}, Replacement{"\u2035", '\''}, Replacement{"\u00B4", '\''},
    Replacement{"\u02BC", '\''}, Replacement{"\u02B9", '\''}, Replacement{"\uFF07", '\''},
    Replacement{"\u201C", '"'},  Replacement{"\u201D", '"'},  Replacement{"\u201E", '"'},
    Replacement{"\u201F", '"'},  Replacement{"\u00AB", '"'},  Replacement{"\u00BB", '"'},
    Replacement{"\u2033", '"'},  Replacement{"\u2036", '"'},  Replacement{"\u301D", '"'},
    Replacement{"\u301E", '"'},  Replacement{"\uFF02", '"'},  Replacement{"\u2010", '-'},
    Replacement{"\u2011", '-'},  Replacement{"\u2012", '-'},  Replacement{"\u2013", '-'},
    Replacement{"\u2014", '-'},  Replacement{"\u2015", '-'},  Replacement{"\u2212", '-'},
    Replacement{"\uFE58", '-'},  Replacement{"\uFE63", '-'},  Replacement{"\uFF0D", '-'},
};

// Never longer than its input, so `out`, reserved by the caller, does not move.
void plain_marks(std::string_view in, std::string& out)
{
    while (!in.empty()) {
        const auto* r = std::find_if(replacements.begin(), replacements.end(), [&](const Replacement& x) {
            return in.substr(0, x.from.size()) == x.from;
        });
        if (r != replacements.end()) {
            out += r->to;
            in.remove_prefix(r->from.size());
        } else {
            out += in.front();
            in.remove_prefix(1);
        }
    }
}

void single_blanks(std::string_view in, std::string& out)
{
    in = trim_blanks(in);
    while (!in.empty()) {
        const std::size_t n = std::max<std::size_t>(1, utf8_sequence(in, 0));
        const bool is_blank = trim_blanks(in.substr(0, n)).empty();
        if (!is_blank)
            out += in.substr(0, n);
        else if (out.empty() || out.back() != ' ')
            out += ' ';
        in.remove_prefix(n);
    }
}

}  // namespace

Secret normal_answer(std::string_view answer)
{
    std::string marks, folded, plain, out;
    CleanseAtEnd wipe_marks(marks), wipe_folded(folded), wipe_plain(plain), wipe_out(out);
    marks.reserve(answer.size());
    plain_marks(answer, marks);
    folded = nfkc_casefold(marks);
    // And after it: a triple prime has become three single ones.
    plain.reserve(folded.size());
    plain_marks(folded, plain);
    out.reserve(plain.size());
    single_blanks(plain, out);
    return Secret(out);
}

Secret normal_contact(const Address& contact)
{
    return normal_answer(contact.key());
}

}  // namespace direct
