// statement_table.cpp - every element a clinical statement, its roles and its entities may have, in the
// order of the CDA schema: what it is called in JSON and how it is written.
#include <array>
#include <cstring>
#include <iterator>
#include <string_view>

#include "plugins/ccda/statement.h"

namespace direct::ccda {
namespace {

constexpr ElementRow rows[] = {
    {"realmCode", "realm", As::codes},
    {"typeId", "", As::ignore},
    {"templateId", "templateIds", As::templates},
    {"id", "ids", As::ids},
    {"setId", "setIds", As::ids},
    {"versionNumber", "versionNumber", As::number},
    {"seperatableInd", "separable", As::truth},
    {"functionCode", "functionCode", As::code},
    {"awarenessCode", "awareness", As::code},
    {"code", "code", As::code},
    {"derivationExpr", "derivation", As::words},
    {"title", "title", As::words},
    {"text", "text", As::text},
    {"statusCode", "status", As::word},
    {"effectiveTime", "effectiveTime", As::time},
    {"time", "time", As::time},
    {"signatureCode", "signature", As::word},
    {"signatureText", "signatureText", As::text},
    {"modeCode", "mode", As::code},
    {"priorityCode", "priorityCode", As::code},
    {"confidentialityCode", "confidentiality", As::code},
    {"repeatNumber", "repeatNumber", As::number},
    {"languageCode", "language", As::word},
    {"proficiencyLevelCode", "proficiency", As::code},
    {"preferenceInd", "preferred", As::truth},
    {"categoryCode", "category", As::codes},
    {"category", "category", As::codes},
    {"routeCode", "route", As::code},
    {"approachSiteCode", "site", As::code},
    {"doseQuantity", "dose", As::quantity},
    {"rateQuantity", "rate", As::quantity},
    {"maxDoseQuantity", "maxDose", As::quantity},
    {"administrationUnitCode", "form", As::code},
    {"value", "value", As::value},
    {"interpretationCode", "interpretation", As::codes},
    {"methodCode", "method", As::code},
    {"targetSiteCode", "targetSite", As::code},
    {"dischargeDispositionCode", "dischargeDisposition", As::code},
    {"admissionReferralSourceCode", "admissionSource", As::code},
    {"lengthOfStayQuantity", "lengthOfStay", As::quantity},
    {"independentInd", "independent", As::truth},
    {"quantity", "quantity", As::quantity},
    {"expectedUseTime", "expectedUseTime", As::time},
    // Things
    {"consumable", "product", As::object},
    {"product", "product", As::object},
    {"manufacturedProduct", "", As::flatten},
    {"manufacturedMaterial", "", As::flatten},
    {"manufacturedLabeledDrug", "", As::flatten},
    {"formCode", "productForm", As::code},
    {"lotNumberText", "lot", As::words},
    {"expirationTime", "expiration", As::time},
    {"stabilityTime", "stability", As::time},
    {"manufacturerOrganization", "manufacturer", As::object},
    {"specimen", "specimen", As::object},
    {"specimenRole", "", As::flatten},
    {"specimenPlayingEntity", "", As::flatten},
    {"identifiedBy", "identifiedBy", As::objects},
    {"alternateIdentification", "", As::flatten},
    // People, devices, organisations
    {"subject", "subject", As::object},
    {"relatedSubject", "", As::flatten},
    {"assignedAuthor", "", As::flatten},
    {"assignedEntity", "", As::flatten},
    {"relatedEntity", "", As::flatten},
    {"associatedEntity", "", As::flatten},
    {"participantRole", "", As::flatten},
    {"addr", "addresses", As::address},
    {"telecom", "telecom", As::telecom},
    {"assignedPerson", "", As::flatten},
    {"relatedPerson", "", As::flatten},
    {"associatedPerson", "", As::flatten},
    {"maintainingPerson", "", As::flatten},
    {"guardianPerson", "", As::flatten},
    {"assignedCustodian", "", As::flatten},
    {"intendedRecipient", "", As::flatten},
    {"informationRecipient", "", As::flatten},
    {"name", "name", As::name},
    {"administrativeGenderCode", "gender", As::code},
    {"birthTime", "birthTime", As::time},
    {"deceasedInd", "deceased", As::truth},
    {"deceasedTime", "deceasedTime", As::time},
    {"multipleBirthInd", "multipleBirth", As::truth},
    {"multipleBirthOrderNumber", "multipleBirthOrder", As::number},
    {"maritalStatusCode", "maritalStatus", As::code},
    {"religiousAffiliationCode", "religion", As::code},
    {"raceCode", "race", As::codes},
    {"ethnicGroupCode", "ethnicity", As::codes},
    {"desc", "desc", As::text},
    {"manufacturerModelName", "manufacturerModelName", As::words},
    {"softwareName", "softwareName", As::words},
    {"assignedAuthoringDevice", "device", As::object},
    {"playingDevice", "device", As::object},
    {"asMaintainedEntity", "maintainedBy", As::objects},
    {"playingEntity", "entity", As::object},
    {"scopingEntity", "scoper", As::object},
    {"representedOrganization", "organisation", As::object},
    {"representedCustodianOrganization", "organisation", As::object},
    {"receivedOrganization", "organisation", As::object},
    {"guardianOrganization", "organisation", As::object},
    {"scopingOrganization", "organisation", As::object},
    {"serviceProviderOrganization", "organisation", As::object},
    {"healthCareFacility", "", As::flatten},
    {"location", "place", As::object},
    {"place", "", As::flatten},
    {"standardIndustryClassCode", "industry", As::code},
    {"asOrganizationPartOf", "partOf", As::object},
    {"wholeOrganization", "", As::flatten},
    {"patient", "patient", As::object},
    {"asPatientRelationship", "patientRelationship", As::objects},
    {"specialty", "specialty", As::codes},
    // Participations and relations
    {"performer", "performer", As::objects},
    {"encounterParticipant", "performer", As::objects},
    {"responsibleParty", "responsibleParty", As::object},
    {"author", "author", As::objects},
    {"informant", "informant", As::objects},
    {"participant", "participants", As::objects},
    {"reference", "references", As::objects},
    {"externalAct", "", As::flatten},
    {"externalObservation", "", As::flatten},
    {"externalProcedure", "", As::flatten},
    {"externalDocument", "", As::flatten},
    {"parentDocument", "", As::flatten},
    {"order", "", As::flatten},
    {"serviceEvent", "", As::flatten},
    {"consent", "", As::flatten},
    {"inFulfillmentOf1", "inFulfillmentOf", As::objects},
    {"actReference", "", As::flatten},
    {"precondition", "preconditions", As::objects},
    {"precondition1", "preconditions", As::objects},
    {"precondition2", "preconditions", As::objects},
    {"criterion", "", As::flatten},
    {"referenceRange", "referenceRange", As::objects},
    {"observationRange", "", As::flatten},
    {"entryRelationship", "related", As::related},
    {"component", "related", As::related},
    {"", "more", As::more},
};
constexpr std::size_t row_count = std::size(rows);

// By the number of an element's name; an sdtc element is the same as the plain one.
class Table {
public:
    Table()
    {
        std::array<const ElementField*, xml_name_count> by_id{};
        for (unsigned i = 0; i < row_count; ++i) {
            fields_[i] = {&rows[i], i};
            for (unsigned k = 0; k < i && *rows[i].json; ++k)
                if (std::strcmp(rows[k].json, rows[i].json) == 0) {
                    fields_[i].field = k;
                    break;
                }
            by_id[xml_name_id(rows[i].element)] = &fields_[i];
        }
        by_id[0] = &fields_[row_count - 1];
        for (std::size_t id = 0; id < xml_name_count; ++id) {
            const std::string_view name = id ? xml_names[id - 1] : "";
            const auto* of = by_id[name.starts_with("sdtc:") ? xml_name_id(name.substr(5)) : id];
            by_name_[id] = of ? of : by_id[0];
        }
    }
    const ElementField& find(std::uint16_t id) const { return *by_name_[id < xml_name_count ? id : 0]; }

private:
    std::array<ElementField, row_count> fields_{};
    std::array<const ElementField*, xml_name_count> by_name_{};
};

// Each of them has a number.
constexpr bool all_listed()
{
    for (std::size_t i = 0; i + 1 < row_count; ++i)
        if (!xml_name_id(rows[i].element)) return false;
    return true;
}
static_assert(all_listed());

}  // namespace

const ElementField& element_field(XmlNode element)
{
    static const Table table;
    const std::string_view name = element.id() ? "" : element.name();
    if (name.starts_with("sdtc:")) return table.find(xml_name_id(name.substr(5)));
    return table.find(element.id());
}

}  // namespace direct::ccda
