// statement.cpp - see statement.h. One pass over the children collects what is to be written (flattening as
// it goes), a second one writes it field by field; they are nearly always in schema order already.
#include "plugins/ccda/statement.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "plugins/ccda/extract.h"
#include "plugins/ccda/more.h"
#include "plugins/ccda/people.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

// What is said by attributes, of the object itself or of a level flattened into it; the first one counts.
struct Head {
    std::string_view type, klass, mood, null, external;
    std::string_view negated_raw, inverted_raw;  // what is neither yes nor no
    bool negated = false, inverted = false;
    std::vector<std::pair<std::string_view, std::string_view>>
        inner_nulls;         // of levels flattened: element, null flavour
    bool statement = false;  // then typeCode and inversionInd are the relation's to tell

    void take(pugi::xml_node node)
    {
        for (pugi::xml_attribute a = node.first_attribute(); a; a = a.next_attribute()) {
            if (a.is("classCode"))
                keep(klass, a.text());
            else if (a.is("moodCode"))
                keep(mood, a.text());
            else if (a.is("nullFlavor") && !null.empty())
                inner_nulls.emplace_back(node.name(), a.text());
            else if (a.is("nullFlavor"))
                keep(null, a.text());
            else if (a.is("negationInd"))
                say(negated, negated_raw, a.text());
            else if (!statement && a.is("typeCode"))
                keep(type, a.text());
            else if (!statement && a.is("inversionInd"))
                say(inverted, inverted_raw, a.text());
        }
    }
    static void keep(std::string_view& into, std::string_view value)
    {
        if (into.empty()) into = value;
    }
    static void say(bool& yes, std::string_view& raw, std::string_view value)
    {
        const Truth truth = truth_of(value);
        yes = yes || truth == Truth::yes;
        if (truth == Truth::unclear) keep(raw, value);
    }
    void write(JsonWriter& w) const
    {
        w.field("typeCode", type);
        if (klass != "ASSIGNED") w.field("classCode", klass);
        w.field("moodCode", mood);
        if (negated) w.flag_field("negationInd", true);
        w.field("negationIndRaw", negated_raw);
        if (inverted) w.flag_field("inversionInd", true);
        w.field("inversionIndRaw", inverted_raw);
        w.field("nullFlavor", null);
        w.field("external", external);
        if (inner_nulls.empty()) return;
        w.open_field("innerNullFlavors", '[');
        for (const auto& [element, flavour] : inner_nulls) {
            w.open('{');
            w.field("element", element);
            w.field("nullFlavor", flavour);
            w.close('}');
        }
        w.close(']');
    }
};

bool is_person(pugi::xml_node node)
{
    static constexpr XmlNames people{"assignedPerson",    "relatedPerson",  "associatedPerson",
                                     "maintainingPerson", "guardianPerson", "informationRecipient",
                                     "subject",           "patient"};
    return people.has(node);
}

bool has_name_parts(pugi::xml_node name)
{
    for (pugi::xml_node n = name.first_child(); n; n = n.next_sibling())
        if (n.is("given") || n.is("family")) return true;
    return false;
}

class Members {
public:
    Members(Cda& cda, const Taken& taken, bool statement)
        : cda_(cda), w_(cda.json), taken_(taken), base_(cda.slots.size())
    {
        head_.statement = statement;
    }
    ~Members() { cda_.slots.resize(base_); }
    Members(const Members&) = delete;
    Members& operator=(const Members&) = delete;

    void collect(pugi::xml_node node)
    {
        head_.take(node);
        const bool related_subject = node.is("relatedSubject");
        bool spoken = false;
        for (pugi::xml_node child = node.first_child(); child; child = child.next_sibling()) {
            spoken = spoken || is_words(child);
            if (child.type() != pugi::node_element) continue;
            const auto& field = element_field(child);
            if (field.row->as == As::ignore || (!taken_.empty() && is_told(child, field.row->as))) continue;
            if (field.row->as == As::flatten || (related_subject && child.is("subject"))) {
                if (std::strncmp(child.name(), "external", 8) == 0) head_.external = child.name();
                collect(child);
            } else {
                cda_.slots.push_back({&field, child});
            }
        }
        // Words where only elements should stand.
        if (spoken) words_ += (words_.empty() ? "" : " ") + own_words(node);
    }
    void write()
    {
        head_.write(w_);
        w_.field("words", words_);
        auto& slots = cda_.slots;
        const auto less = [](const Slot& a, const Slot& b) { return a.field->field < b.field->field; };
        const auto from = slots.begin() + static_cast<std::ptrdiff_t>(base_);
        if (!std::is_sorted(from, slots.end(), less)) std::stable_sort(from, slots.end(), less);
        // By index: what is written below grows and shrinks the stack above `last`.
        const std::size_t last = slots.size();
        for (std::size_t i = base_; i < last;) {
            std::size_t end = i + 1;
            while (end < last && slots[end].field->field == slots[i].field->field) ++end;
            group(i, end);
            i = end;
        }
    }

private:
    bool is_told(pugi::xml_node child, As as) const
    {
        if (taken_.has(child)) return true;
        if (as != As::related) return false;
        bool any = false;
        for (pugi::xml_node n = child.first_child(); n; n = n.next_sibling()) {
            if (!is_statement(n)) continue;
            if (!taken_.has(n)) return false;
            any = true;
        }
        return any;
    }
    pugi::xml_node node(std::size_t i) const { return cda_.slots[i].node; }

    void group(std::size_t i, std::size_t end)
    {
        const ElementRow& row = *cda_.slots[i].field->row;
        switch (row.as) {
            case As::templates:
            case As::ids:
                return list(row.json, i, end, [&](pugi::xml_node n) { data_members(cda_, n); });
            case As::codes:
                return list(row.json, i, end, [&](pugi::xml_node n) { code_members(cda_, n); });
            case As::telecom:
                return list(row.json, i, end, [&](pugi::xml_node n) { telecom_members(cda_, n); });
            case As::address:
                return list(row.json, i, end, [&](pugi::xml_node n) { address_members(cda_, n); });
            case As::objects:
                return list(row.json, i, end, [&](pugi::xml_node n) { members(cda_, n, taken_); });
            case As::more:
                return more_elements(row.json, i, end);
            case As::related:
                return related(i, end);
            case As::name:
                return names(i, end);
            default:
                one(row, node(i));
                if (end > i + 1) more(row, i + 1, end);
        }
    }
    template <class F>
    void list(const char* name, std::size_t i, std::size_t end, F write)
    {
        if (cda_.too_deep()) return;
        w_.open_field(name, '[');
        for (; i < end; ++i) {
            w_.open('{');
            write(node(i));
            w_.close('}');
        }
        w_.close(']');
    }
    void more_elements(const char* name, std::size_t i, std::size_t end)
    {
        if (cda_.too_deep()) return;
        w_.open_field(name, '[');
        for (; i < end; ++i) more_element(cda_, node(i));
        w_.close(']');
    }
    // The second and later ones of what should stand once.
    void more(const ElementRow& row, std::size_t i, std::size_t end)
    {
        const std::string name = std::string(row.json) + "More";
        list(name.c_str(), i, end, [&](pugi::xml_node n) { one(row, n); });
    }
    void one(const ElementRow& row, pugi::xml_node n)
    {
        switch (row.as) {
            case As::code:
                return code_field(cda_, row.json, n);
            case As::word:
                return word_field(cda_, row.json, n);
            case As::truth:
                return truth_field(cda_, row.json, n);
            case As::number:
                return number_field(cda_, row.json, n);
            case As::time:
                return time_field(cda_, row.json, n);
            case As::quantity:
                return quantity_field(cda_, row.json, n);
            case As::value:
                return value_field(cda_, row.json, n);
            case As::text:
                return text_field(cda_, row.json, n);
            case As::words:
                return words_field(cda_, row.json, n);
            default:
                return object(row.json, n);
        }
    }
    void object(const char* name, pugi::xml_node n)
    {
        if (cda_.too_deep()) return;
        const auto before = w_.mark();
        w_.open_field(name, '{');
        const std::size_t empty = w_.size();
        members(cda_, n, taken_);
        if (w_.size() == empty && !taken_.empty())
            w_.rewind(before);  // an extractor took all of it
        else
            w_.close('}');
    }
    void names(std::size_t i, std::size_t end)
    {
        bool person = is_person(node(i).parent());
        for (std::size_t k = i; k < end && !person; ++k) person = has_name_parts(node(k));
        if (person) {
            list("names", i, end, [&](pugi::xml_node n) { name_members(cda_, n); });
            return;
        }
        words_field(cda_, "name", node(i));
        if (end == i + 1) return;
        w_.open_field("nameMore", '[');
        for (++i; i < end; ++i) w_.text(cda_.narrative.line(node(i)));
        w_.close(']');
    }
    void related(std::size_t i, std::size_t end)
    {
        if (cda_.too_deep()) return;
        w_.open_field("related", '[');
        for (; i < end; ++i) {
            const pugi::xml_node holder = node(i);
            bool any = false;
            for (pugi::xml_node s = holder.first_child(); s; s = s.next_sibling())
                if (is_statement(s)) {
                    if (!taken_.has(s)) relation(holder, s);
                    any = true;
                }
            if (!any) relation(holder, {});
        }
        w_.close(']');
    }
    void relation(pugi::xml_node holder, pugi::xml_node statement)
    {
        w_.open('{');
        relation_members(cda_, holder);
        if (statement) statement_members(cda_, statement, taken_);
        w_.close('}');
    }

    Cda& cda_;
    JsonWriter& w_;
    const Taken& taken_;
    std::size_t base_;
    Head head_;
    std::string words_;
};

}  // namespace

bool Taken::has(pugi::xml_node node) const
{
    if (!sorted_) std::sort(nodes_.begin(), nodes_.end());
    sorted_ = true;
    return std::binary_search(nodes_.begin(), nodes_.end(), static_cast<const void*>(node.internal_object()));
}

Truth truth_of(std::string_view value)
{
    constexpr std::string_view blanks = " \t\r\n";
    std::string_view s = value;
    s.remove_prefix(std::min(s.find_first_not_of(blanks), s.size()));
    s = s.substr(0, s.find_last_not_of(blanks) + 1);
    if (s.empty()) return !value.empty() ? Truth::unclear : Truth::absent;
    const auto says = [&](std::string_view word) {
        return std::equal(s.begin(), s.end(), word.begin(), word.end(),
                          [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
    };
    if (s == "1" || says("true")) return Truth::yes;
    return s == "0" || says("false") ? Truth::no : Truth::unclear;
}

bool is_true(std::string_view value)
{
    return truth_of(value) == Truth::yes;
}

void members(Cda& cda, pugi::xml_node node, const Taken& taken)
{
    Members m(cda, taken, false);
    m.collect(node);
    m.write();
}

void statement_members(Cda& cda, pugi::xml_node node, const Taken& taken)
{
    cda.json.field("statement", node.name());
    Members m(cda, taken, true);
    m.collect(node);
    m.write();
}

void short_members(Cda& cda, pugi::xml_node node)
{
    cda.json.field("statement", node.name());
    Head head;
    head.statement = true;
    head.take(node);
    head.write(cda.json);
    ids_field(cda, "ids", node, "id");
    word_field(cda, "status", node.child("statusCode"));
    time_field(cda, "effectiveTime", node.child("effectiveTime"));
}

void object_field(Cda& cda, const char* name, pugi::xml_node node)
{
    if (!node || cda.too_deep()) return;
    cda.json.open_field(name, '{');
    members(cda, node);
    cda.json.close('}');
}

void rest_field(Cda& cda, pugi::xml_node node, bool (*told)(pugi::xml_node child))
{
    Taken taken;
    bool any = false;
    for (pugi::xml_node n = node.first_child(); n; n = n.next_sibling()) {
        if (n.type() != pugi::node_element) continue;
        if (told(n))
            taken.add(n);
        else
            any = true;
    }
    if (!any || cda.too_deep()) return;
    cda.json.open_field("rest", '{');
    members(cda, node, taken);
    cda.json.close('}');
}

void objects_field(Cda& cda, const char* name, pugi::xml_node parent, XmlName child)
{
    array_field(cda, name, parent, child, [&](pugi::xml_node n) { members(cda, n); });
}

}  // namespace direct::ccda
