// ccr.cpp - the plugin "ccr": ASTM Continuity of Care Records. Everything below is one document, one thread;
// bad_alloc under the child's memory limit becomes DIRECT_LIMIT here, nothing else is thrown.
#include <cstddef>
#include <string>

#include "plugins/ccr/extract.h"
#include "plugins/ccr/values.h"
#include "plugins/declared.h"
#include "plugins/parser_plugin.h"
#include "plugins/xml_plugin.h"
#include "plugins/xml_view.h"

namespace direct::ccr {
namespace {

constexpr XmlNamespace namespaces[] = {
    {"urn:astm-org:CCR", ""},
    {"http://www.w3.org/2001/XMLSchema-instance", "xsi"},
};

int recognise(const direct_document* head)
{
    return recognise_root(head, "ContinuityOfCareRecord");
}

direct_parse_status read(const direct_host* host, const direct_document* document)
{
    XmlView xml(namespaces);
    const auto verdict = xml.load(view(document->content), view(document->charset));
    if (verdict != XmlView::Verdict::good) {
        static_cast<void>(host->note(host->context, bytes_of(xml.why())));
        return verdict == XmlView::Verdict::limit ? DIRECT_LIMIT : DIRECT_MALFORMED;
    }
    const XmlNode root = xml.root();
    if (!is_named(root, "ContinuityOfCareRecord")) return DIRECT_NOT_MINE;
    Ccr ccr(xml, *host);
    for (const auto& note : xml.notes()) ccr.note(note);
    if (xml.unqualified()) ccr.note("the document is in no namespace; read as CCR");
    ccr.document_id = words(root, "CCRDocumentObjectID");
    const std::string sections = extract_body(ccr, root);
    document_fields(ccr, root, sections);
    encoding_fields(ccr.json, xml.encoding(), xml.declared_encoding(), *document);
    declared_fields(ccr.json, {"ccr", ""}, *document);
    ccr.json.close('}');
    ccr.tell_document(ccr.json.str());
    return ccr.stopped() ? DIRECT_LIMIT : DIRECT_PARSED;
}

direct_parse_status parse(const direct_host* host, const direct_document* document)
{
    return within_memory(read, host, document);
}

const direct_parser parser = {DIRECT_PARSER_ABI_MAJOR, sizeof(direct_parser), "ccr", "1.0", recognise, parse};

// What a map is keyed by: the element's own words as they stand, without blanks around them. Ids with blanks
// inside are found by nobody who writes them another way.
std::string_view id_text(pugi::xml_node node)
{
    std::string_view s = node.child_value();
    const auto from = s.find_first_not_of(" \t\r\n");
    if (from == std::string_view::npos) return {};
    return s.substr(from, s.find_last_not_of(" \t\r\n") + 1 - from);
}

}  // namespace

// One walk over the tree, without recursion.
Index::Index(pugi::xml_node root)
{
    if (!root) return;
    pugi::xml_node n = root;
    for (;;) {
        if (n.type() == pugi::node_element) {
            const std::string_view name = n.name();
            Map* map = name == "CCRDataObjectID"     ? &objects_
                       : name == "ActorObjectID"     ? &actors_
                       : name == "CommentObjectID"   ? &comments_
                       : name == "ReferenceObjectID" ? &references_
                                                     : nullptr;
            if (map)
                if (const auto id = id_text(n); !id.empty()) map->emplace(id, n.parent());
        }
        if (n.first_child()) {
            n = n.first_child();
            continue;
        }
        while (n != root && !n.next_sibling()) n = n.parent();
        if (n == root) return;
        n = n.next_sibling();
    }
}

const std::string& Ccr::name_of(pugi::xml_node actor)
{
    const auto [at, fresh] = names_.try_emplace(actor.internal_object());
    if (fresh) at->second = display_name(actor);
    return at->second;
}

const std::string& Ccr::brief_of(pugi::xml_node object)
{
    const auto [at, fresh] = briefs_.try_emplace(object.internal_object());
    if (fresh) at->second = words_of(object);
    return at->second;
}

void Ccr::skip(const char* section, std::string_view reason)
{
    if (!stopped_ && host_.skip(host_.context, bytes_of(section), bytes_of(reason))) stopped_ = true;
}

void Ccr::note(std::string_view text)
{
    if (!stopped_ && host_.note(host_.context, bytes_of(text))) stopped_ = true;
}

void Ccr::told_whole(const char* section)
{
    if (cut_) skip(section, cut_);
    cut_ = nullptr;
}

void Ccr::tell_document(std::string_view object)
{
    told_whole("document");
    if (stopped_) return;
    constexpr auto known = offsetof(direct_host, max_document) + sizeof host_.max_document;
    const auto most = host_.size >= known && host_.max_document ? host_.max_document : host_.max_json;
    if (object.size() > most) {
        note("the document object is larger than the host takes");
        stopped_ = true;
        return;
    }
    if (host_.document(host_.context, bytes_of(object))) stopped_ = true;
}

void Ccr::tell_item(const char* section, const char* kind)
{
    told_whole(section);
    if (stopped_) return;
    if (json.size() > host_.max_json) return skip(section, "an item larger than the host takes");
    const direct_item item{sizeof(direct_item), bytes_of(section), bytes_of(kind), bytes_of(json.str())};
    ++items_;
    if (host_.item(host_.context, &item)) stopped_ = true;
}

}  // namespace direct::ccr

extern "C" __attribute__((visibility("default"))) const direct_parser* direct_parser_v1(void)
{
    return &direct::ccr::parser;
}
