// more.h - elements no table has a name for, told as they stand, so that nothing disappears.
#pragma once
#include <pugixml.hpp>

#include "plugins/ccda/extract.h"

namespace direct::ccda {

/// One element: {element, attributes, text or children}. What stands deeper than more_depth_max elements is
/// told as text.
void more_element(Cda& cda, pugi::xml_node element);
inline constexpr int more_depth_max = 8;  ///< the host takes 64 levels of JSON

}  // namespace direct::ccda
