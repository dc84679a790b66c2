// medical_equipment.cpp - devices a person has or was given: supplies, the procedures by which they were
// implanted, and organizers of both with their parts in "sub".
#include "plugins/ccda/device.h"
#include "plugins/ccda/panel.h"

namespace direct::ccda {

void extract_medical_equipment(Cda& cda, const Section& section)
{
    extract_panels(cda, section,
                   {.item = "device",
                    .part = "observation",
                    .bare_is_part = false,
                    .unwrap = false,
                    .of_item = device_fields,
                    .of_part = device_fields});
}

}  // namespace direct::ccda
