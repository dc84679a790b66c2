// xml_name.h - the names of CDA elements and attributes as small numbers, so that a walk compares integers. The
// list only makes a walk fast: a name that is not in it is compared as text and means the same. Pure; thread safe.
// Source: HL7 CDA R2 schema (POCD_MT000040, StrucDoc.Text), HL7 sdtc extensions, data types R1.
#pragma once
#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace direct {

/// In order of their bytes; a name's number is its place, counted from 1.
inline constexpr std::string_view xml_names[] = {"ClinicalDocument",
                                                 "ID",
                                                 "IDREF",
                                                 "act",
                                                 "actReference",
                                                 "additionalLocator",
                                                 "addr",
                                                 "administrationUnitCode",
                                                 "administrativeGenderCode",
                                                 "admissionReferralSourceCode",
                                                 "align",
                                                 "alignment",
                                                 "alternateIdentification",
                                                 "approachSiteCode",
                                                 "asMaintainedEntity",
                                                 "asOrganizationPartOf",
                                                 "asPatientRelationship",
                                                 "assignedAuthor",
                                                 "assignedAuthoringDevice",
                                                 "assignedCustodian",
                                                 "assignedEntity",
                                                 "assignedPerson",
                                                 "assigningAuthorityName",
                                                 "associatedEntity",
                                                 "associatedPerson",
                                                 "authenticator",
                                                 "author",
                                                 "authorization",
                                                 "awarenessCode",
                                                 "birthTime",
                                                 "birthplace",
                                                 "border",
                                                 "br",
                                                 "caption",
                                                 "careOf",
                                                 "category",
                                                 "categoryCode",
                                                 "censusTract",
                                                 "center",
                                                 "charset",
                                                 "city",
                                                 "classCode",
                                                 "code",
                                                 "codeSystem",
                                                 "codeSystemName",
                                                 "codeSystemVersion",
                                                 "col",
                                                 "colgroup",
                                                 "colspan",
                                                 "comp",
                                                 "component",
                                                 "componentOf",
                                                 "compression",
                                                 "confidentialityCode",
                                                 "consent",
                                                 "consumable",
                                                 "content",
                                                 "contextConductionInd",
                                                 "contextControlCode",
                                                 "copyTime",
                                                 "country",
                                                 "county",
                                                 "criterion",
                                                 "currency",
                                                 "custodian",
                                                 "dataEnterer",
                                                 "deceasedInd",
                                                 "deceasedTime",
                                                 "delimiter",
                                                 "deliveryAddressLine",
                                                 "denominator",
                                                 "derivationExpr",
                                                 "desc",
                                                 "determinerCode",
                                                 "digits",
                                                 "direction",
                                                 "dischargeDispositionCode",
                                                 "displayName",
                                                 "div",
                                                 "documentationOf",
                                                 "doseQuantity",
                                                 "effectiveTime",
                                                 "encompassingEncounter",
                                                 "encounter",
                                                 "encounterParticipant",
                                                 "entry",
                                                 "entryRelationship",
                                                 "ethnicGroupCode",
                                                 "event",
                                                 "expectedUseTime",
                                                 "expirationTime",
                                                 "extension",
                                                 "externalAct",
                                                 "externalDocument",
                                                 "externalObservation",
                                                 "externalProcedure",
                                                 "family",
                                                 "footnote",
                                                 "footnoteRef",
                                                 "formCode",
                                                 "functionCode",
                                                 "given",
                                                 "guardian",
                                                 "guardianOrganization",
                                                 "guardianPerson",
                                                 "head",
                                                 "healthCareFacility",
                                                 "high",
                                                 "houseNumber",
                                                 "href",
                                                 "id",
                                                 "identifiedBy",
                                                 "iframe",
                                                 "inFulfillmentOf",
                                                 "inFulfillmentOf1",
                                                 "inclusive",
                                                 "increment",
                                                 "independentInd",
                                                 "informant",
                                                 "informationRecipient",
                                                 "institutionSpecified",
                                                 "integrityCheck",
                                                 "integrityCheckAlgorithm",
                                                 "intendedRecipient",
                                                 "interpretationCode",
                                                 "inversionInd",
                                                 "inverted",
                                                 "item",
                                                 "language",
                                                 "languageCode",
                                                 "languageCommunication",
                                                 "legalAuthenticator",
                                                 "lengthOfStayQuantity",
                                                 "li",
                                                 "linkHtml",
                                                 "list",
                                                 "listType",
                                                 "location",
                                                 "lotNumberText",
                                                 "low",
                                                 "maintainingPerson",
                                                 "manufacturedLabeledDrug",
                                                 "manufacturedMaterial",
                                                 "manufacturedProduct",
                                                 "manufacturerModelName",
                                                 "manufacturerOrganization",
                                                 "maritalStatusCode",
                                                 "maxDoseQuantity",
                                                 "mediaType",
                                                 "methodCode",
                                                 "modeCode",
                                                 "moodCode",
                                                 "multipleBirthInd",
                                                 "multipleBirthOrderNumber",
                                                 "name",
                                                 "negationInd",
                                                 "nonXMLBody",
                                                 "nullFlavor",
                                                 "numerator",
                                                 "observation",
                                                 "observationMedia",
                                                 "observationRange",
                                                 "offset",
                                                 "operator",
                                                 "order",
                                                 "organizer",
                                                 "origin",
                                                 "originalText",
                                                 "p",
                                                 "paragraph",
                                                 "parentDocument",
                                                 "participant",
                                                 "participantRole",
                                                 "patient",
                                                 "patientRole",
                                                 "performer",
                                                 "period",
                                                 "phase",
                                                 "place",
                                                 "playingDevice",
                                                 "playingEntity",
                                                 "postBox",
                                                 "postalCode",
                                                 "precinct",
                                                 "precondition",
                                                 "precondition1",
                                                 "precondition2",
                                                 "preferenceInd",
                                                 "prefix",
                                                 "priorityCode",
                                                 "procedure",
                                                 "product",
                                                 "proficiencyLevelCode",
                                                 "providerOrganization",
                                                 "qualifier",
                                                 "quantity",
                                                 "raceCode",
                                                 "rateQuantity",
                                                 "realmCode",
                                                 "receivedOrganization",
                                                 "recordTarget",
                                                 "reference",
                                                 "referenceRange",
                                                 "referencedObject",
                                                 "regionOfInterest",
                                                 "relatedDocument",
                                                 "relatedEntity",
                                                 "relatedPerson",
                                                 "relatedSubject",
                                                 "religiousAffiliationCode",
                                                 "renderMultiMedia",
                                                 "repeatNumber",
                                                 "representation",
                                                 "representedCustodianOrganization",
                                                 "representedOrganization",
                                                 "responsibleParty",
                                                 "revised",
                                                 "root",
                                                 "routeCode",
                                                 "rowspan",
                                                 "scale",
                                                 "scopingEntity",
                                                 "scopingOrganization",
                                                 "script",
                                                 "sdtc:birthTime",
                                                 "sdtc:code",
                                                 "sdtc:deceasedInd",
                                                 "sdtc:deceasedTime",
                                                 "sdtc:ethnicGroupCode",
                                                 "sdtc:id",
                                                 "sdtc:identifiedBy",
                                                 "sdtc:patient",
                                                 "sdtc:raceCode",
                                                 "sdtc:signatureText",
                                                 "section",
                                                 "seperatableInd",
                                                 "sequence",
                                                 "sequenceNumber",
                                                 "serviceEvent",
                                                 "serviceProviderOrganization",
                                                 "setId",
                                                 "signatureCode",
                                                 "signatureText",
                                                 "softwareName",
                                                 "span",
                                                 "specialty",
                                                 "specimen",
                                                 "specimenPlayingEntity",
                                                 "specimenRole",
                                                 "stabilityTime",
                                                 "standardIndustryClassCode",
                                                 "state",
                                                 "statusCode",
                                                 "streetAddressLine",
                                                 "streetName",
                                                 "structuredBody",
                                                 "style",
                                                 "styleCode",
                                                 "sub",
                                                 "subject",
                                                 "substanceAdministration",
                                                 "suffix",
                                                 "sup",
                                                 "supply",
                                                 "table",
                                                 "targetSiteCode",
                                                 "tbody",
                                                 "td",
                                                 "telecom",
                                                 "templateId",
                                                 "text",
                                                 "tfoot",
                                                 "th",
                                                 "thead",
                                                 "thumbnail",
                                                 "time",
                                                 "title",
                                                 "tr",
                                                 "translation",
                                                 "typeCode",
                                                 "typeId",
                                                 "unit",
                                                 "unitID",
                                                 "use",
                                                 "useablePeriod",
                                                 "validTime",
                                                 "value",
                                                 "valueSet",
                                                 "valueSetVersion",
                                                 "versionNumber",
                                                 "wholeOrganization",
                                                 "width",
                                                 "xmlns",
                                                 "xmlns:sdtc",
                                                 "xmlns:xsi",
                                                 "xsi:schemaLocation",
                                                 "xsi:type"};
inline constexpr std::size_t xml_name_count = std::size(xml_names) + 1;
static_assert(std::is_sorted(std::begin(xml_names), std::end(xml_names)));

/// Number of a name; 0 for one the list does not have.
constexpr std::uint16_t xml_name_id(std::string_view name)
{
    std::size_t from = 0, to = std::size(xml_names);
    while (from < to) {
        const std::size_t middle = (from + to) / 2;
        if (xml_names[middle] < name)
            from = middle + 1;
        else
            to = middle;
    }
    return from < std::size(xml_names) && xml_names[from] == name ? static_cast<std::uint16_t>(from + 1) : 0;
}

/// The same for a name that ends in NUL; behind the NUL seven bytes more must be there to be read.
std::uint16_t find_xml_name(const char* name);

/// Whether a name of the list has a colon in it.
inline constexpr auto xml_name_prefixed = [] {
    std::array<bool, xml_name_count> out{};
    for (std::size_t i = 0; i < std::size(xml_names); ++i)
        out[i + 1] = xml_names[i].find(':') != std::string_view::npos;
    return out;
}();

/// A name to look for. A literal gets its number when compiled.
struct XmlName {
    const char* text = "";
    std::uint16_t id = 0;

    template <std::size_t N>
    consteval XmlName(const char (&name)[N]) : text(name), id(xml_name_id(name))
    {
    }
    template <std::same_as<const char*> T>
    constexpr XmlName(T name) : text(name), id(xml_name_id(name))
    {
    }
};

/// Some names of the list, told apart by one look: place() is where an element's or attribute's name stands among those
/// given, size() for any other.
template <std::size_t N>
class XmlNames {
    static_assert(N < 255);

public:
    template <class... T>
    consteval XmlNames(const T&... name) : names_{name...}
    {
        place_.fill(N);
        for (std::size_t i = N; i-- > 0;) {
            if (!names_[i].id) throw "not in xml_names";
            place_[names_[i].id] = static_cast<std::uint8_t>(i);
        }
    }
    constexpr std::size_t place(std::uint16_t id) const { return id < xml_name_count ? place_[id] : N; }
    template <class Item>
    std::size_t place(Item node_or_attribute) const
    {
        return place(node_or_attribute.id());
    }
    constexpr bool has(std::uint16_t id) const { return place(id) < N; }
    template <class Item>
    bool has(Item node_or_attribute) const
    {
        return place(node_or_attribute.id()) < N;
    }
    constexpr XmlName operator[](std::size_t i) const { return names_[i]; }
    static constexpr std::size_t size() { return N; }

private:
    std::array<XmlName, N> names_;
    std::array<std::uint8_t, xml_name_count> place_{};
};
template <class... T>
XmlNames(const T&...) -> XmlNames<sizeof...(T)>;

}  // namespace direct
