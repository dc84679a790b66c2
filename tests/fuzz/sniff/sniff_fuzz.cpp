// What first bytes are taken for: one of the known kinds, the same whatever lies beyond the bytes looked at, and only XML is an
// XML document. What the XML readers make of the same bytes is well-formed UTF-8 without NUL, whose root's name is a name.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "milter/mime/sniff.h"
#include "plugins/json_writer.h"
#include "plugins/xml_text.h"

namespace {

constexpr std::array<std::string_view, 9> kinds = {"xml",   "zip",  "pdf",  "image", "ole",
                                                   "hl7v2", "json", "text", "binary"};

void need(bool good)
{
    if (!good) std::abort();
}

void well_formed(std::string_view s)
{
    for (std::size_t i = 0; i < s.size();) {
        const auto n = direct::utf8_length(s, i);
        need(n != 0 && s[i] != '\0');
        i += n;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto sniffed = direct::sniff(bytes);
    need(std::find(kinds.begin(), kinds.end(), sniffed.kind) != kinds.end());
    need(std::none_of(sniffed.encoding.begin(), sniffed.encoding.end(),
                      [](char c) { return c >= 'A' && c <= 'Z'; }));
    need(!sniffed.clinical || sniffed.kind == "xml" || sniffed.kind == "zip");
    const auto again = direct::sniff(bytes.substr(0, 4096));
    need(again.kind == sniffed.kind && again.encoding == sniffed.encoding &&
         again.clinical == sniffed.clinical);
    static_cast<void>(direct::is_xml_document(bytes));

    const auto text = direct::xml_text(bytes, "");
    well_formed(text.utf8);
    const auto root = direct::root_element(text.utf8);
    need(root.find_first_of(" \t\r\n/><&\"'=") == root.npos);
    return 0;
}
