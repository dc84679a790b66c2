// package.h - a zip told to the host: an XDM package with what its metadata says of each document, or a
// plain zip with what is in it. One document, one thread; nothing here throws but bad_alloc.
#pragma once
#include "plugins/parser_plugin.h"
#include "plugins/xdm/zip.h"

namespace direct::xdm {

/// Every member is a child (or a skip with its reason), then the document object.
direct_parse_status tell_package(const direct_host& host, const direct_document& document, const Zip& zip);

}  // namespace direct::xdm
