// header.h - the header of a document: who wrote, took part, cared, and what the document is about. Items of
// the sections header_*, and the same as members of the "document" object.
#pragma once

#include "plugins/ccda/extract.h"
#include "plugins/xml_node.h"

namespace direct::ccda {

/// Items: one per author (header_authors), performer of a documented service (header_performers), participant
/// (header_participants), and the encounter the document belongs to (header_encounter).
void extract_header(Cda& cda, pugi::xml_node document);

/// Members of the "document" object about people, encounters, services and other documents. "custodianRest" and
/// "componentOfRest": what the elements around the organisation and the encounter say beside them, and second ones; "recordTargetRest" those without a
/// patientRole.
void header_fields(Cda& cda, pugi::xml_node document);

}  // namespace direct::ccda
