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

pugi::xml_node udi_organizer_of(pugi::xml_node statement)
{
    return find_related(statement, "entryRelationship",
                        [](pugi::xml_node s) { return has_template(s, udi_organizer); });
}

// The identifier as a whole stands with the product, or with the organizer of its parts.
void udi_field(Cda& cda, pugi::xml_node owner, Taken& taken)
{
    ids_field(cda, "udi", owner, "id");
    for (pugi::xml_node id : owner.children("id")) taken.add(id);
}

}  // namespace

void device_fields(Cda& cda, const Statement& s, Taken& taken)
{
    const pugi::xml_node product = product_of(s.node), organizer = udi_organizer_of(s.node);
    const bool known = *product.child("id").attribute("root").value();
    udi_field(cda, known || !organizer ? product : organizer, taken);
    const pugi::xml_node code = product.child("playingDevice").child("code");
    code_field(cda, "deviceCode", code);
    taken.add(code);
    if (!organizer) return;
    cda.json.open_field("udiParts", '{');
    qualifier_fields(cda, organizer, udi_parts, taken, "component");
    relation_members(cda, organizer.parent());
    statement_members(cda, organizer, taken);
    cda.json.close('}');
    taken.add(organizer);
}

}  // namespace direct::ccda
