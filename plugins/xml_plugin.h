// xml_plugin.h - what every plugin that reads XML does the same way: to recognise its document by the root element, and to
// end by a status when the child's memory limit is reached. Nothing is thrown.
#pragma once
#include <new>

#include "plugins/plugin_bytes.h"
#include "plugins/xml_text.h"

namespace direct {

/// 90 when the root element has that local name, else 0. Looks at no more than the first 64 KiB.
inline int recognise_root(const direct_document* head, std::string_view root)
{
    if (!begins_like_xml(view(head->content))) return 0;
    try {
        const auto text = xml_text(view(head->content).substr(0, 64 * 1024), view(head->charset));
        return local_name(root_element(text.utf8)) == root ? 90 : 0;
    } catch (const std::bad_alloc&) {
        return 0;
    }
}

/// read(host, document), and DIRECT_LIMIT when memory was short.
template <class Read>
direct_parse_status within_memory(Read read, const direct_host* host, const direct_document* document)
{
    try {
        return read(host, document);
    } catch (const std::bad_alloc&) {
        return DIRECT_LIMIT;
    }
}

}  // namespace direct
