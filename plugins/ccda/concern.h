// concern.h - concern acts: allergies, problems and (by the same rule) diagnoses are observations under an
// act that tells how long one cares about them.
#pragma once
#include "plugins/ccda/extract.h"

namespace direct::ccda {

/// Severity, criticality, status, episode: says something of its neighbour, is no item.
bool is_qualifier(pugi::xml_node observation);

/// Member "concern": ids, status and times of the act; nothing when there is none.
void concern_field(Cda& cda, const Statement& concern);

using TakeConcern = void (*)(Cda& cda, const Section& section, const Statement& observation,
                             const Statement& concern);
/// Each observation under a concern act that is no qualifier, and each bare observation of the section.
/// An act without any, and every other statement, is told as an entry of section "other".
void for_each_concern(Cda& cda, const Section& section, TakeConcern take);

}  // namespace direct::ccda
