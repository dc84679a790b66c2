// concern.h - concern acts: allergies, problems and (by the same rule) diagnoses are observations under an
// act that tells how long one cares about them.
#pragma once
#include "plugins/ccda/extract.h"

namespace direct::ccda {

/// Severity, criticality, status, episode: says something of its neighbour, is no item.
bool is_qualifier(pugi::xml_node observation);

/// The act around an observation; none for a bare one.
struct Concern {
    Statement act;
    Taken items;        ///< its statements that are items themselves
    bool first = true;  ///< the item in work is the first under it
};

/// Member "concern": all the act says beside its items with the first of them; with the others what
/// short_members() says, so that none stands there affirmed that the act denies. "relation" is what holds the
/// item. Nothing when there is none.
void concern_field(Cda& cda, const Concern& concern, pugi::xml_node item);

using TakeEntry = void (*)(Cda& cda, const Section& section, const Statement& statement);
using TakeConcern = void (*)(Cda& cda, const Section& section, const Statement& observation,
                             const Concern& concern);
/// Each observation under a concern act that is no qualifier, and each bare observation of the section.
/// An act without any, and every other statement, goes to `other`.
void for_each_concern(Cda& cda, const Section& section, TakeConcern take, TakeEntry other = extract_entry);

}  // namespace direct::ccda
