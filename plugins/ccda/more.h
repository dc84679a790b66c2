// more.h - elements no table has a name for, told as they stand, so that nothing disappears.
#pragma once
#include <pugixml.hpp>

#include "plugins/ccda/extract.h"

namespace direct::ccda {

/// One element: {element, attributes, text or children}. What stands deeper than Cda::too_deep() allows is told as text,
/// and the item says "cut".
void more_element(Cda& cda, pugi::xml_node element);

}  // namespace direct::ccda
