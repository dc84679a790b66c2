// ccda.cpp - the plugin "ccda": C-CDA of every release, CCD 1.0, C32, and any other CDA document.
// Everything below is one document, one thread; bad_alloc under the child's memory limit becomes
// DIRECT_LIMIT here, nothing else is thrown.
#include <string>

#include "plugins/ccda/body.h"
#include "plugins/ccda/document.h"
#include "plugins/ccda/extract.h"
#include "plugins/ccda/header.h"
#include "plugins/declared.h"
#include "plugins/parser_plugin.h"
#include "plugins/xml_plugin.h"
#include "plugins/xml_view.h"

namespace {

using namespace direct;

constexpr XmlNamespace namespaces[] = {
    {"urn:hl7-org:v3", ""},
    {"urn:hl7-org:sdtc", "sdtc"},
    {"http://www.w3.org/2001/XMLSchema-instance", "xsi"},
};

int recognise(const direct_document* head)
{
    return recognise_root(head, "ClinicalDocument");
}

void tell_cut(ccda::Cda& cda)
{
    if (const auto n = cda.narrative.lines_cut())
        cda.skip("document", std::to_string(n) + " texts longer than 256 KB were cut");
    if (const auto n = cda.narrative.references_cut())
        cda.skip("document", std::to_string(n) + " texts reached by reference were cut or left out");
}

direct_parse_status read(const direct_host* host, const direct_document* document)
{
    XmlView xml(namespaces);
    const auto verdict = xml.load(view(document->content), view(document->charset));
    ccda::Cda cda(xml, *host);
    if (verdict != XmlView::Verdict::good) {
        cda.note(xml.why());
        return verdict == XmlView::Verdict::limit ? DIRECT_LIMIT : DIRECT_MALFORMED;
    }
    const XmlNode root = xml.root();
    if (std::string_view(root.name()) != "ClinicalDocument") return DIRECT_NOT_MINE;
    for (const auto& note : xml.notes()) cda.note(note);
    if (xml.unqualified()) cda.note("the document is in no namespace; read as CDA");

    ccda::extract_demographics(cda, root);
    ccda::extract_header(cda, root);
    ccda::Body body(cda);
    body.walk(root);
    const auto kind = ccda::kind_of(root, body.has_known_sections());
    cda.json.clear();
    cda.json.open('{');
    ccda::document_fields(cda, root, kind);
    cda.json.name("sections");
    cda.json.raw(body.contents());
    if (const std::string around = body.around(); !around.empty()) {
        cda.json.name("aroundSections");
        cda.json.raw(around);
    }
    encoding_fields(cda.json, xml.encoding(), xml.declared_encoding(), *document);
    declared_fields(cda.json, {kind.kind, ""}, *document);
    cda.json.close('}');
    tell_cut(cda);
    cda.tell_document(cda.json.str());
    return cda.stopped() ? DIRECT_LIMIT : DIRECT_PARSED;
}

direct_parse_status parse(const direct_host* host, const direct_document* document)
{
    return within_memory(read, host, document);
}

const direct_parser parser = {
    DIRECT_PARSER_ABI_MAJOR, sizeof(direct_parser), "ccda", "1.0", recognise, parse};

}  // namespace

extern "C" __attribute__((visibility("default"))) const direct_parser* direct_parser_v1(void)
{
    return &parser;
}
