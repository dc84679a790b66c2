// device.cpp - see device.h.
#include "plugins/ccda/device.h"

#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

constexpr std::string_view product_instance[] = {"2.16.840.1.113883.10.20.22.4.37",
                                                 "2.16.840.1.113883.10.20.1.52"};
constexpr std::string_view udi_organizer = "2.16.840.1.113883.10.20.22.4.311";

// What a unique device identifier is made of, each an observation of the organizer.
constexpr Qualifier udi_parts[] = {
    {"deviceIdentifier", {"2.16.840.1.113883.10.20.22.4.304"}},
    {"lotOrBatch", {"2.16.840.1.113883.10.20.22.4.315"}},
    {"serialNumber", {"2.16.840.1.113883.10.20.22.4.319"}},
    {"manufacturingDate", {"2.16.840.1.113883.10.20.22.4.316"}},
    {"expirationDate", {"2.16.840.1.113883.10.20.22.4.309"}},
    {"distinctIdentification", {"2.16.840.1.113883.10.20.22.4.308"}},
    {"brandName", {"2.16.840.1.113883.10.20.22.4.301"}},
    {"companyName", {"2.16.840.1.113883.10.20.22.4.302"}},
    {"catalogNumber", {"2.16.840.1.113883.10.20.22.4.303"}},
    {"modelNumber", {"2.16.840.1.113883.10.20.22.4.317"}},
    {"latexSafety", {"2.16.840.1.113883.10.20.22.4.314"}},
    {"mriSafety", {"2.16.840.1.113883.10.20.22.4.318"}},
    {"implantStatus", {"2.16.840.1.113883.10.20.22.4.305"}},
};

bool is_product(pugi::xml_node participant)
{
    const pugi::xml_node role = participant.child("participantRole");
    for (std::string_view root : product_instance)
        if (has_template(role, root)) return true;
    return bool(role.child("playingDevice"));
}

pugi::xml_node product_of(pugi::xml_node statement)
{
    for (pugi::xml_node p : statement.children("participant"))
        if (is_product(p)) return p.child("participantRole");
    return {};
}

void udi_parts_field(Cda& cda, pugi::xml_node holder, Taken& taken)
{
    const pugi::xml_node organizer = statement_in(holder);
    if (!has_template(organizer, udi_organizer)) return;
    cda.json.open_field("udiParts", '{');
    Taken told;
    qualifier_fields(cda, organizer, udi_parts, told, "component");
    statement_members(cda, organizer, told);
    cda.json.close('}');
    taken.add(holder);
}

}  // namespace

void device_fields(Cda& cda, const Statement& s, Taken& taken)
{
    if (const pugi::xml_node role = product_of(s.node)) {
        ids_field(cda, "udi", role, "id");
        for (pugi::xml_node id : role.children("id")) taken.add(id);
        const pugi::xml_node code = role.child("playingDevice").child("code");
        code_field(cda, "deviceCode", code);
        taken.add(code);
    }
    for (pugi::xml_node holder : s.node.children("entryRelationship"))
        if (has_template(statement_in(holder), udi_organizer)) return udi_parts_field(cda, holder, taken);
}

}  // namespace direct::ccda
