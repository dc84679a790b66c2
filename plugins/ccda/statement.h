// statement.h - any HL7 clinical statement as JSON, whole: what its entry template is does not matter here.
// Every child element has a row in the table of statement_table.cpp that says what it is called in JSON and
// how it is written; elements without a row come back under "more" as they stand, so that nothing disappears. Extractors
// write the fields that make their kind special first, take() the nodes those came from, and let the rest
// be written by members().
//
// Shape: levels that only wrap another (assignedAuthor, participantRole, manufacturedProduct, criterion,
// observationRange, ...) are flattened into the object above; what repeats is an array; the second and
// later ones of what should stand once are "<name>More". entryRelationship and component become "related":
// typeCode, inversionInd and the whole statement, as deep as Cda::too_deep() allows.
// Source: HL7 CDA R2 schema (POCD_MT000040), HL7 sdtc extensions; clinical documents section 3.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/xml_node.h"

namespace direct::ccda {

class Cda;

/// How a child element is written.
enum class As : std::uint8_t {
    templates,
    ids,
    code,    ///< CD, CE: an object
    codes,   ///< the same, an array
    word,    ///< CS: its code as text; "<name>NullFlavor" when it has none
    truth,   ///< BL: true or false; "<name>Raw" when it says neither
    number,  ///< INT: its value as text; a range is an object
    time,
    quantity,
    value,  ///< ANY by xsi:type
    text,   ///< ED
    words,  ///< ST, SC
    telecom,
    address,
    name,  ///< "names" of a person, "name" of anything else
    object,
    objects,  ///< the same, an array
    flatten,  ///< its members belong to the object above
    related,
    ignore,
    more
};

struct ElementRow {
    const char* element;  ///< local name; an sdtc element is the same as the plain one
    const char* json;
    As as;
};

/// Rows with the same JSON name have the same field number; numbers follow the order of the CDA schema.
struct ElementField {
    const ElementRow* row;
    unsigned field;
};
/// How to write an element; As::more for one nobody has told us of. O(1).
const ElementField& element_field(XmlNode element);

/// Nodes at any level below a statement that an extractor has written itself. A relation whose statements are
/// all taken is told with them.
class Taken {
public:
    void add(pugi::xml_node node)
    {
        if (node) nodes_.push_back(node.internal_object());
        sorted_ = false;
    }
    bool has(pugi::xml_node node) const;
    bool empty() const { return nodes_.empty(); }

private:
    mutable std::vector<const void*> nodes_;
    mutable bool sorted_ = false;
};

/// One child waiting to be written; a stack of them lives in Cda, so that nothing is allocated per statement.
struct Slot {
    const ElementField* field;
    pugi::xml_node node;
};

/// Members of a statement, role, entity or participation, without the braces: attributes that mean something
/// (typeCode, classCode, moodCode, negationInd, inversionInd, nullFlavor; "negationIndRaw" and
/// "inversionIndRaw" when they say neither yes nor no), then every child but the taken; what is below
/// them too. "innerNullFlavors" are those of flattened levels but the first: {element, nullFlavor}. "words" are those that stand between the children.
void members(Cda& cda, pugi::xml_node node, const Taken& taken = {});

/// Member "statement" (the element's name), then members().
void statement_members(Cda& cda, pugi::xml_node node, const Taken& taken = {});

/// The same in short, for what is told whole elsewhere: its attributes that mean something, "ids", "status" and
/// "effectiveTime".
void short_members(Cda& cda, pugi::xml_node node);

/// What an entryRelationship or component says beside its statement: typeCode, inversionInd, sequenceNumber;
/// "relationNullFlavor" its own nullFlavor, "relationWords" and "relationMore" what else it has that is no statement;
/// "relationNegated" is its own negationInd ("relationNegatedRaw", "inversionIndRaw": neither yes nor no).
void relation_members(Cda& cda, pugi::xml_node holder);

/// Member "rest": an object of the children that are not told(), apart from the members beside it, so
/// that no element can take the name of one of those. Nothing when there is none.
void rest_field(Cda& cda, pugi::xml_node node, bool (*told)(pugi::xml_node child));

/// Member `name`: an object of members(); nothing when the node is empty.
void object_field(Cda& cda, const char* name, pugi::xml_node node);

/// Member `name`: an array of such objects, one per child element of that name; nothing when there is none.
void objects_field(Cda& cda, const char* name, pugi::xml_node parent, XmlName child);

/// Member "relation": an object of relation_members(), for a statement that is told apart from its relation.
void relation_field(Cda& cda, pugi::xml_node holder);

inline bool is_statement(pugi::xml_node node)
{
    static constexpr XmlNames names{
        "observation", "act",       "substanceAdministration", "organizer",       "supply",
        "procedure",   "encounter", "observationMedia",        "regionOfInterest"};
    return names.has(node);
}

/// What an attribute that should be an xs:boolean says. White space around it and its case do not matter:
/// "True" is said by many. Anything else is `unclear`, to be told as it stands, never taken for a no.
enum class Truth : std::uint8_t { absent, yes, no, unclear };
Truth truth_of(std::string_view value);
bool is_true(std::string_view value);  ///< truth_of() is yes

}  // namespace direct::ccda
