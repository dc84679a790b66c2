// xdm.cpp - the plugin "xdm": IHE XDM packages and every other zip that is no office document. Everything
// below is one document, one thread; bad_alloc under the child's memory limit becomes DIRECT_LIMIT here, nothing
// else is thrown.
#include <new>
#include <string>

#include "plugins/parser_plugin.h"
#include "plugins/plugin_bytes.h"
#include "plugins/xdm/names.h"
#include "plugins/xdm/package.h"
#include "plugins/xdm/zip.h"

namespace {

using namespace direct;

// By content, whatever it is called; the directory may lie beyond what we may look at here.
int recognise(const direct_document* head)
{
    using namespace std::string_view_literals;
    return view(head->content).starts_with("PK\x03\x04"sv) ? 80 : 0;
}

// Zips that are one document to whoever opens them: office files, books, programs.
bool is_document_of_parts(const xdm::Zip& zip)
{
    for (const auto& m : zip.members)
        if (m.name == "[Content_Types].xml" || m.name == "mimetype" || m.name == "META-INF/MANIFEST.MF")
            return true;
    return false;
}

direct_parse_status read(const direct_host* host, const direct_document* document)
{
    const xdm::Zip zip = xdm::read_zip(view(document->content));
    if (!zip.damage.empty()) {
        const std::string why = "zip: " + zip.damage;
        static_cast<void>(host->note(host->context, {why.data(), why.size()}));
        return zip.limit ? DIRECT_LIMIT : DIRECT_MALFORMED;
    }
    bool package = false;
    for (const auto& m : zip.members) package = package || xdm::is_metadata(m.name);
    if (!package && is_document_of_parts(zip)) return DIRECT_NOT_MINE;
    return xdm::tell_package(*host, *document, zip);
}

direct_parse_status parse(const direct_host* host, const direct_document* document)
{
    try {
        return read(host, document);
    } catch (const std::bad_alloc&) {
        return DIRECT_LIMIT;
    }
}

const direct_parser parser = {DIRECT_PARSER_ABI_MAJOR, sizeof(direct_parser), "xdm", "1.0", recognise, parse};

}  // namespace

extern "C" __attribute__((visibility("default"))) const direct_parser* direct_parser_v1(void)
{
    return &parser;
}
