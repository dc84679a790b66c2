// odd_attributes.cpp - see odd_attributes.h.
#include "plugins/ccda/odd_attributes.h"

#include <algorithm>
#include <array>

#include "plugins/ccda/data_attributes.h"
#include "plugins/ccda/statement.h"

namespace direct::ccda {
namespace {

// What an attribute is of; an element has those of some groups.
enum Group : unsigned {
    everywhere = 1,
    act = 2,       // of statements, roles and entities
    relation = 4,  // of participations and relations
    coded = 8,
    file = 16,
    value = 32,
    use = 64,
    part = 128,  // of a name
    data = 256,  // of any other data type
    structure = everywhere | act | relation,
    any_data = everywhere | coded | file | value | use | part | data,
    all = any_data | structure
};

struct Named {
    std::string_view name;
    unsigned groups;
};

constexpr Named attributes_by_group[] = {{"nullFlavor", everywhere},
                                         {"ID", everywhere},
                                         {"xsi:type", everywhere},
                                         {"xsi:schemaLocation", everywhere},
                                         {"typeCode", relation},
                                         {"classCode", act},
                                         {"moodCode", act},
                                         {"negationInd", act},
                                         {"inversionInd", relation},
                                         {"code", coded},
                                         {"codeSystem", coded},
                                         {"codeSystemName", coded},
                                         {"codeSystemVersion", coded},
                                         {"displayName", coded},
                                         {"valueSet", coded},
                                         {"valueSetVersion", coded},
                                         {"mediaType", file},
                                         {"representation", file},
                                         {"compression", file},
                                         {"integrityCheck", file},
                                         {"integrityCheckAlgorithm", file},
                                         {"value", value},
                                         {"use", use},
                                         {"qualifier", part}};

// Elements that the table of statements has no row for, or not all of what it says of, because they are told by code of
// their own; by blanks.
struct Level {
    const char* names;
    unsigned groups;
};
constexpr Level levels[] = {
    {"patientRole providerOrganization guardian birthplace languageCommunication dataEnterer "
     "informationRecipient "
     "legalAuthenticator authenticator inFulfillmentOf documentationOf relatedDocument authorization "
     "encompassingEncounter structuredBody nonXMLBody section",
     structure},
    // A relation around them has the others.
    {"observation act substanceAdministration organizer supply procedure encounter observationMedia "
     "regionOfInterest",
     everywhere | act},
    // Of these only the null flavour is told.
    {"ClinicalDocument recordTarget patient custodian assignedCustodian componentOf entry", everywhere},
    // Of a text, or of a statement to another.
    {"reference", structure | value},
    {"originalText", everywhere | file},
    {"prefix given family suffix delimiter", everywhere | part},
    {"streetAddressLine city county state postalCode country houseNumber streetName unitID additionalLocator "
     "postBox careOf "
     "precinct censusTract deliveryAddressLine direction",
     everywhere},
    {"sequenceNumber", everywhere | value},
    {"low high center width period phase offset comp numerator denominator origin scale increment head "
     "translation qualifier "
     "validTime useablePeriod",
     any_data},
    {"event", everywhere | coded},
    {"digits", everywhere},
};

// Groups by the number of a name; asked for every attribute and many an element of a document.
class Names {
public:
    // The first of two counts.
    constexpr void add(std::string_view name, unsigned groups)
    {
        const std::uint16_t id = xml_name_id(name);
        if (!id) throw "not in xml_names";
        if (!groups_[id]) groups_[id] = groups;
    }
    unsigned find(std::uint16_t id) const { return id < xml_name_count ? groups_[id] : 0; }

private:
    std::array<unsigned, xml_name_count> groups_{};
};

constexpr Names attribute_groups = [] {
    Names out;
    for (const auto& n : attributes_by_group) out.add(n.name, n.groups);
    for (std::size_t i = 0; i < data_attributes.size(); ++i) out.add(data_attributes[i].text, data);
    return out;
}();

constexpr Names element_groups = [] {
    Names out;
    for (const auto& level : levels)
        for (std::string_view rest = level.names; !rest.empty();) {
            const auto end = std::min(rest.find(' '), rest.size());
            out.add(rest.substr(0, end), level.groups);
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    return out;
}();

// Which attributes of an element are told where it is told. Of one that nobody knows all are.
unsigned groups_of(pugi::xml_node element)
{
    if (const unsigned groups = element_groups.find(element.id())) return groups;
    switch (element_field(element).row->as) {
        case As::object:
        case As::objects:
        case As::flatten:
        case As::related:
            return structure;
        case As::word:
        case As::words:
            return coded | everywhere;
        case As::truth:
        case As::number:
            return value | everywhere;
        case As::text:
            return file | everywhere;
        case As::telecom:
            return use | value | everywhere;
        case As::address:
            return use | everywhere;
        case As::name:
            // Of a person, or of a qualifier: a code then.
            return element.parent().is("qualifier") ? any_data : use | everywhere;
        case As::more:
            return all;
        default:
            return any_data;
    }
}

// Those of the schema that say nothing while they have the value they have anyway; by blanks.
struct Default {
    std::string_view name, values;
};
constexpr Default defaults[] = {{"determinerCode", " INSTANCE KIND "},   {"contextControlCode", " OP "},
                                {"contextConductionInd", " true 1 "},    {"typeCode", " DRIV COMP RCT CST "},
                                {"classCode", " DOCCLIN ASSIGNED PSN "}, {"moodCode", " EVN "},
                                {"mediaType", " text/plain "},           {"representation", " TXT "}};

bool is_known(unsigned groups, pugi::xml_attribute a)
{
    if (attribute_groups.find(plain_id(a)) & groups) return true;
    std::string_view name = a.name();
    if (name.starts_with("sdtc:")) name.remove_prefix(5);
    if (name.empty() || name.starts_with("xmlns")) return true;
    for (const auto& d : defaults)
        if (name == d.name) return d.values.find(" " + std::string(a.text()) + " ") != d.values.npos;
    return false;
}

// Narrative; the text of a body that says its type is a file, unless that type is narrative.
bool is_for_readers(pugi::xml_node node)
{
    if (!node.is("text")) return false;
    if (node.parent().is("section")) return true;
    if (!node.parent().is("nonXMLBody")) return false;
    const std::string_view media = attribute(node, "mediaType");
    return media.empty() || media.find("hl7-text") != media.npos;
}

// Calls visit(element) for each element with attributes that is not inside of what is for readers.
template <class F>
void for_each_element(pugi::xml_node root, F visit)
{
    for (pugi::xml_node n = root;;) {
        if (n.first_attribute()) visit(n);
        if (pugi::xml_node child = n.first_child(); child && !is_for_readers(n)) {
            n = child;
            continue;
        }
        pugi::xml_node next = n.next_sibling();
        while (!next) {
            if (n == root) return;
            n = n.parent();
            next = n.next_sibling();
        }
        if (n == root) return;
        n = next;
    }
}

}  // namespace

void odd_attributes_field(Cda& cda, pugi::xml_node document)
{
    auto& w = cda.json;
    const auto before = w.mark();
    const std::size_t most = w.size() + cda.document_max() / 16;
    std::size_t told = 0, left = 0;
    w.open_field("oddAttributes", '[');
    const auto tell = [&](pugi::xml_node n, pugi::xml_attribute a) {
        const auto here = w.mark();
        w.open('{');
        w.field("element", n.name());
        w.number_field("offset", cda.xml.offset(n));
        w.field("name", a.name());
        w.field("value", a.value());
        w.close('}');
        const bool fits = w.size() <= most;
        if (!fits) w.rewind(here);
        ++(fits ? told : left);
    };
    for_each_element(document, [&](pugi::xml_node n) {
        const unsigned groups = groups_of(n);
        for (pugi::xml_attribute a = n.first_attribute(); a; a = a.next_attribute())
            if (!is_known(groups, a)) tell(n, a);
    });
    w.close(']');
    if (!told) w.rewind(before);
    if (left) cda.skip("document", std::to_string(left) + " attributes nobody knows");
}

}  // namespace direct::ccda
