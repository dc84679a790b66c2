// settings_text.cpp - the sample file and the manual page, made from settings.def and table_keys.def.
// Both are kept in the tree as well (conf/direct.toml.sample, conf/man/direct.toml.5); a test compares.
#include "conf/settings_rows.h"
#include "milter/base/text.h"

namespace direct {
namespace {

constexpr std::size_t comment_width = 100;

/// `text` in lines of at most `width` characters, each with `prefix` in front.
std::string wrapped(std::string_view text, const std::string& prefix, std::size_t width)
{
    std::string out, line;
    for (auto word : split(text, ' ')) {
        if (!line.empty() && prefix.size() + line.size() + 1 + word.size() > width) {
            out += prefix + line + "\n";
            line.clear();
        }
        if (!line.empty()) line += ' ';
        line += word;
    }
    return out + prefix + line + "\n";
}

std::string quoted(std::string_view text)
{
    std::string out = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

std::string toml_default(const ScalarRow& row)
{
    if (row.type == SettingType::Count || row.type == SettingType::Flag)
        return std::string(row.default_value);
    if (row.type != SettingType::Texts) return quoted(row.default_value);
    std::vector<std::string> items;
    if (!row.default_value.empty())
        for (auto item : split(row.default_value, ',')) items.push_back(quoted(trim(item)));
    return "[" + join(items, ", ") + "]";
}

/// "from 1s to 1h", "one of a, b" or nothing.
std::string bounds(const ScalarRow& row)
{
    if (row.type == SettingType::Choice) return "one of " + join(choice_words(row.max), ", ");
    if (row.min.empty() && row.max.empty()) return "";
    return "from " + std::string(row.min) + " to " + std::string(row.max);
}

std::string sample_tables()
{
    std::string out;
    std::string_view table;
    for (const auto& row : table_key_rows()) {
        // A site must decide its domain; the other tables are for those who need them.
        std::string off = row.table == "domain" && row.required ? "" : "# ";
        if (row.table != table)
            out += "\n" + std::string(row.table == "domain" ? "" : "# ") + "[[" + std::string(row.table) +
                   "]]\n";
        table = row.table;
        out += wrapped(row.doc, "# # ", comment_width);
        out += off + std::string(row.key) + " = " + std::string(row.shown) + "\n";
    }
    return out;
}

/// Text for troff: a backslash or a dot at the start of a line would be read as a request.
std::string troff(std::string_view text)
{
    std::string out;
    for (char c : text) {
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
    }
    if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
    return out;
}

std::string manual_entry(std::string_view heading, std::string_view doc, std::string_view facts)
{
    return ".TP\n.B " + troff(heading) + "\n" + troff(doc) + "\n" +
           (facts.empty() ? "" : ".br\n" + troff(facts) + "\n");
}

std::string manual_scalars()
{
    std::string out;
    std::string_view section;
    for (const auto& row : scalar_rows()) {
        if (row.section != section) out += ".SS [" + std::string(row.section) + "]\n";
        section = row.section;
        auto facts = "Default: " + toml_default(row);
        if (auto b = bounds(row); !b.empty()) facts += "; " + b;
        if (!row.unit.empty()) facts += " (" + std::string(row.unit) + ")";
        facts += row.reload ? "." : ". A change needs a restart.";
        out += manual_entry(row.name, row.doc, facts);
    }
    return out;
}

std::string manual_tables()
{
    std::string out;
    std::string_view table;
    for (const auto& row : table_key_rows()) {
        if (row.table != table) out += ".SS [[" + std::string(row.table) + "]]\n";
        table = row.table;
        auto facts = std::string(row.required ? "Required; for example " : "Default or example: ") +
                     std::string(row.shown);
        out += manual_entry(row.key, row.doc, facts);
    }
    return out;
}

}  // namespace

std::string sample_file()
{
    std::string out =
        "# direct.toml - configuration of direct-milter; see direct.toml(5).\n"
        "# Every line that begins with one \"#\" and a name shows a default: a site writes only what "
        "differs.\n"
        "# Sizes and times carry units: B K M G T, ms s m h d. Relative paths start at this file's folder.\n";
    std::string_view section;
    for (const auto& row : scalar_rows()) {
        if (row.section != section) out += "\n[" + std::string(row.section) + "]\n";
        section = row.section;
        out += wrapped(row.doc, "# # ", comment_width);
        if (auto b = bounds(row); !b.empty()) out += "# # " + b + "\n";
        out += "# " + std::string(row.name) + " = " + toml_default(row) + "\n";
    }
    return out + sample_tables();
}

std::string manual_page()
{
    return ".\\\" Made from conf/settings.def and conf/table_keys.def.\n"
           ".TH direct.toml 5 \"\" \"direct\\-milter\" \"File formats\"\n"
           ".SH NAME\n"
           "direct.toml \\- configuration of direct\\-milter\n"
           ".SH SYNOPSIS\n"
           ".I /etc/direct/direct.toml\n"
           ".SH DESCRIPTION\n"
           "One file in TOML, read strictly: an unknown table or name is refused with its line, its column "
           "and the\n"
           "nearest known name, and all faults are told at once.\n"
           "Every default is the strict choice; a site writes only what differs.\n"
           ".PP\n"
           "Sizes carry a unit (B, K, M, G, T, powers of 1024), times as well (ms, s, m, h, d); 0 needs "
           "none.\n"
           "Relative paths start at the folder of the file.\n"
           "The file is read again on SIGUSR1 or\n"
           ".BR \"directctl reload\" ;\n"
           "a message keeps the settings it began with, and a file with a fault changes nothing.\n"
           ".SH SETTINGS\n" +
           manual_scalars() + ".SH TABLES THAT MAY STAND SEVERAL TIMES\n" + manual_tables() +
           ".SH EXAMPLE\n"
           ".nf\n"
           "[listeners]\n"
           "submission = [\"ORIGINATING\"]\n"
           "\n"
           "[[domain]]\n"
           "name = \"direct.example.org\"\n"
           "login = [ { user = \"drjones\", from = [\"jones@direct.example.org\"] } ]\n"
           ".fi\n"
           ".SH SEE ALSO\n"
           ".BR direct\\-milter (8),\n"
           ".BR directctl (1)\n";
}

}  // namespace direct
