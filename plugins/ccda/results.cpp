// results.cpp - laboratory and other results: a panel (organizer) and its parts in "sub", each with its
// kind. A bare observation is a panel of one, so that readers find every value in the same place.
#include "plugins/ccda/panel.h"

namespace direct::ccda {

void extract_results(Cda& cda, const Section& section)
{
    extract_panels(cda, section, {.item = "panel", .part = "result", .bare_is_part = true});
}

}  // namespace direct::ccda
