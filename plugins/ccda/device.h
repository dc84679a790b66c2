// device.h - which device: its code and its unique identifier, wherever a statement names one.
#pragma once
#include "plugins/ccda/relations.h"

namespace direct::ccda {

/// Members "deviceCode", "udi" and "udiParts" of a supply, procedure or organizer that names a device; the
/// first device when it names several, the others stay in "participants".
/// Source: C-CDA product instance (22.4.37), UDI organizer (22.4.311) of the HL7 UDI companion guide.
void device_fields(Cda& cda, const Statement& s, Taken& taken);

}  // namespace direct::ccda
