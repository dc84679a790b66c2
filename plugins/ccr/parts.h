// parts.h - the parts CCR builds its data objects from, and what each is called in an item. For statement.cpp
// alone. Order matters where two rows have one name: the first that is there takes it.
#pragma once
#include "plugins/ccr/extract.h"

namespace direct::ccr {

// How a part is written. "first" kinds take one element, its equals after it go into "more".
enum class How {
    first_code,      ///< a coded description
    first_quantity,  ///< Value and Units
    first_text,      ///< words
    first_actor,     ///< a reference to an actor, joined
    first_value,     ///< a coded description as a value
    first_object,    ///< a data object
    codes,           ///< array of coded descriptions
    quantities,      ///< array of measures
    objects,         ///< array of data objects
    actors,          ///< array of references to actors
    products,        ///< "product": the first, "products": the others
    result,          ///< TestResult: the value of a test
    ranges,          ///< NormalResult: array of ranges
};

struct Part {
    const char* element;
    const char* inner;  ///< the elements are wrapped: Directions/Direction; nullptr: they stand by themselves
    const char* name;   ///< of the member
    How how;
    const char* kind;  ///< of the data objects in it
    Layout layout = Layout::description;
};

constexpr Part parts_table[] = {
    {"Severity", nullptr, "severity", How::first_value, ""},
    {"Product", nullptr, "product", How::products, ""},
    {"Products", "Product", "products", How::objects, "product"},
    {"Quantity", nullptr, "quantity", How::first_quantity, ""},
    {"Directions", "Direction", "directions", How::objects, "direction"},
    {"PatientInstructions", "Instruction", "instructions", How::codes, ""},
    {"Instructions", "Instruction", "instructions", How::codes, ""},
    {"FulfillmentInstructions", "Instruction", "fulfillmentInstructions", How::codes, ""},
    {"LabelInstructions", nullptr, "labelInstructions", How::first_code, ""},
    {"Refills", "Refill", "refills", How::objects, "refill"},
    {"Number", nullptr, "number", How::first_text, ""},
    {"SeriesNumber", nullptr, "repeatNumber", How::first_text, ""},
    {"FulfillmentHistory", "Fulfillment", "supplies", How::objects, "supply"},
    {"FulfillmentMethod", nullptr, "fulfillmentMethod", How::first_code, ""},
    {"Provider", nullptr, "provider", How::first_actor, ""},
    {"Consent", nullptr, "consents", How::objects, "consent"},
    {"Consents", "Consent", "consents", How::objects, "consent"},
    {"Reaction", nullptr, "reactions", How::objects, "reaction", Layout::type_value},
    {"Interventions", "Intervention", "interventions", How::objects, "intervention"},
    {"Agent", nullptr, "agents", How::objects, "agent"},
    {"EnvironmentalAgents", "EnvironmentalAgent", "environmentalAgents", How::objects, "agent"},
    {"Dose", nullptr, "dose", How::first_quantity, ""},
    {"DoseIndicator", nullptr, "doseIndicator", How::first_code, ""},
    {"DeliveryMethod", nullptr, "deliveryMethod", How::first_code, ""},
    {"Vehicle", nullptr, "vehicle", How::first_object, "vehicle"},
    {"Route", nullptr, "route", How::first_code, ""},
    {"Site", nullptr, "site", How::first_code, ""},
    {"Position", nullptr, "position", How::codes, ""},
    {"Method", nullptr, "method", How::codes, ""},
    {"Substance", nullptr, "specimen", How::codes, ""},
    {"Frequency", nullptr, "frequency", How::quantities, ""},
    {"Interval", nullptr, "interval", How::quantities, ""},
    {"Duration", nullptr, "duration", How::quantities, ""},
    {"DirectionSequencePosition", nullptr, "sequence", How::first_text, ""},
    {"MultipleDirectionModifier", nullptr, "modifier", How::first_code, ""},
    {"StopIndicator", nullptr, "stopIndicator", How::first_code, ""},
    {"Indications", "Indication", "indications", How::objects, "indication"},
    {"Indication", nullptr, "indications", How::objects, "indication"},
    {"Locations", "Location", "locations", How::objects, "location"},
    {"Location", nullptr, "locations", How::objects, "location"},
    {"Actor", nullptr, "actors", How::actors, ""},
    {"Practitioners", "Practitioner", "performer", How::actors, ""},
    {"Practitioner", nullptr, "performer", How::actors, ""},
    {"PaymentProvider", nullptr, "payer", How::first_actor, ""},
    {"Subscriber", nullptr, "subscriber", How::first_actor, ""},
    {"Authorizations", "Authorization", "authorizations", How::objects, "authorization"},
    {"Dispositions", "Disposition", "dispositions", How::objects, "disposition"},
    {"FamilyMember", nullptr, "relatives", How::actors, ""},
    {"HealthStatus", nullptr, "healthStatus", How::first_object, "health_status"},
    {"Episodes", "Episode", "episodes", How::objects, "episode"},
    {"TestResult", nullptr, "value", How::result, ""},
    {"NormalResult", "Normal", "referenceRange", How::ranges, ""},
    {"Flag", nullptr, "interpretation", How::codes, ""},
    {"ConfidenceValue", nullptr, "confidence", How::first_quantity, ""},
    {"Test", nullptr, "tests", How::objects, "result"},
    {"OrderRequest", nullptr, "orders", How::objects, "order"},
    {"Problems", "Problem", "problems", How::objects, "problem", Layout::type_value},
    {"Problem", nullptr, "problems", How::objects, "problem", Layout::type_value},
    {"Procedures", "Procedure", "procedures", How::objects, "procedure"},
    {"Procedure", nullptr, "procedures", How::objects, "procedure"},
    {"Results", "Result", "results", How::objects, "panel"},
    {"Medications", "Medication", "medications", How::objects, "medication"},
    {"Medication", nullptr, "medications", How::objects, "medication"},
    {"Immunizations", "Immunization", "immunizations", How::objects, "immunization"},
    {"Services", "Service", "services", How::objects, "service"},
    {"Encounters", "Encounter", "encounters", How::objects, "encounter", Layout::type_value},
    {"Goals", "Goal", "goals", How::objects, "goal"},
};

}  // namespace direct::ccr
