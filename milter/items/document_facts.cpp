// document_facts.cpp - see document_facts.h.
#include "milter/items/document_facts.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>

#include "milter/base/crypto.h"
#include "milter/base/text.h"

namespace direct {
namespace {

using Json = nlohmann::ordered_json;

const Json* member(const Json& object, const char* name)
{
    if (!object.is_object()) return nullptr;
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

std::string text_of(const Json& object, const char* name)
{
    const Json* value = member(object, name);
    return value && value->is_string() ? value->get<std::string>() : "";
}

/// What is only ever compared: a long one by its digest.
std::string comparable(std::string text)
{
    return text.size() <= identity_bytes_max ? text : "sha256:" + hex(sha256(text));
}

bool is_uuid(std::string_view text)
{
    constexpr std::string_view form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    return text.size() == form.size() &&
           std::equal(text.begin(), text.end(), form.begin(), [](char c, char as) {
               return as == '-' ? c == '-' : std::isxdigit(static_cast<unsigned char>(c)) != 0;
           });
}

/// "root^extension" with a root that is a UUID in lower case: writers differ in it.
std::string plain_root(std::string id)
{
    const auto root = std::min(id.find('^'), id.size());
    if (is_uuid(std::string_view(id).substr(0, root)))
        for (std::size_t i = 0; i < root; ++i)
            if (id[i] >= 'A' && id[i] <= 'F') id[i] = static_cast<char>(id[i] + 32);
    return id;
}

/// "root^extension": as text, or as an object {root, extension}. What is marked as not known is no id: a root beside
/// that mark only says whose number is missing.
std::string id_text(const Json& id)
{
    if (id.is_string()) return comparable(plain_root(id.get<std::string>()));
    if (!text_of(id, "nullFlavor").empty()) return "";
    const std::string root = text_of(id, "root"), extension = text_of(id, "extension");
    return comparable(plain_root(root.empty() || extension.empty() ? root : root + "^" + extension));
}

std::vector<std::string> id_texts(const Json* ids)
{
    std::vector<std::string> out;
    const auto add = [&](const Json& id) {
        if (auto text = id_text(id); !text.empty() && out.size() < identities_max)
            out.push_back(std::move(text));
    };
    if (!ids) return out;
    if (ids->is_array())
        for (const auto& id : *ids) add(id);
    else
        add(*ids);
    return out;
}

std::string first(std::vector<std::string> texts)
{
    return texts.empty() ? "" : std::move(texts.front());
}

/// The ids under that name, unless their null flavor stands beside them.
std::vector<std::string> ids_named(const Json& document, const std::string& name)
{
    if (member(document, (name + "NullFlavor").c_str())) return {};
    return id_texts(member(document, name.c_str()));
}

/// A whole number from 0 on, as text; else -1.
std::int64_t version_of(const Json* value)
{
    if (!value || !value->is_string()) return -1;
    const auto& text = value->get_ref<const std::string&>();
    std::int64_t n = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    return error == std::errc() && end == text.data() + text.size() && n >= 0 ? n : -1;
}

/// An OID alone tells who gives numbers (all of a country's, say), not whose number it is; a UUID is one.
bool is_of_one(const std::string& id)
{
    return is_uuid(id) || id.find_first_not_of("0123456789.") != std::string::npos;
}

std::vector<std::string> identity_of(const Json& patient)
{
    std::vector<std::string> out;
    for (const auto& id : id_texts(member(patient, "ids")))
        if (is_of_one(id)) out.push_back("i" + id);
    const std::string name = nfkc_casefold(text_of(patient, "name")), birth = text_of(patient, "birthTime");
    if (!name.empty() && !birth.empty()) out.push_back("n" + comparable(name + "\n" + birth));
    return out;
}

std::vector<RelatedDocument> related_of(const Json* related)
{
    std::vector<RelatedDocument> out;
    if (!related || !related->is_array()) return out;
    std::size_t ids = 0;
    for (const auto& one : *related) {
        if (out.size() == identities_max) break;
        const Json* parent = member(one, "parentDocument");
        const Json& named = parent ? *parent : one;
        RelatedDocument r;
        r.type = comparable(text_of(one, "typeCode"));
        r.ids = id_texts(member(named, "ids"));
        if (r.ids.empty()) r.ids = ids_named(named, "id");
        r.ids.resize(std::min(r.ids.size(), identities_max - ids));
        ids += r.ids.size();
        r.set_id = first(ids_named(named, "setId"));
        const Json* number = member(named, "versionNumber");
        r.version = version_of(number ? number : member(named, "version"));
        out.push_back(std::move(r));
    }
    return out;
}

/// Takes the members of these names away, at any depth. True when there were any.
bool without(Json& value, std::initializer_list<const char*> names)
{
    bool any = false;
    if (value.is_object())
        for (const char* name : names) any = value.erase(name) != 0 || any;
    if (value.is_structured())
        for (auto& inner : value) any = without(inner, names) || any;
    return any;
}

std::string printed(const Json& json)
{
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json only_identity(const Json& document)
{
    Json out;
    for (const char* name : {"kind", "type", "title", "id", "setId", "versionNumber", "effectiveTime"}) {
        const auto text = text_of(document, name);
        if (!text.empty() && text.size() <= 1000) out[name] = text;
    }
    out["shortened"] = true;
    return out;
}

void shorten(Json document, const std::string& whole, DocumentFacts& facts)
{
    facts.summary_whole = !without(document, {"narrative", "narrativeHtml"}) && whole.size() <= summary_max;
    facts.summary = facts.summary_whole ? whole : printed(document);
    if (facts.summary.size() > summary_max && document.erase("sections")) {
        document["shortened"] = true;
        facts.summary = printed(document);
    }
    if (facts.summary.size() > summary_max) facts.summary = printed(only_identity(document));
}

void add_to_digest(Sha256& hash, std::string_view text)
{
    hash.update(be64(text.size()));
    hash.update(text);
}

/// The item's text without its offsets. Inside a string the quotes of this pattern would be escaped.
std::string without_offsets(std::string_view item)
{
    constexpr std::string_view pattern = "\"offset\":";
    std::string out;
    for (;;) {
        const auto at = item.find(pattern);
        if (at == std::string_view::npos) break;
        out += item.substr(0, at);
        item.remove_prefix(at + pattern.size());
        item.remove_prefix(std::min(item.find_first_not_of("0123456789"), item.size()));
    }
    return out.append(item);
}

}  // namespace

DocumentFacts facts_of_document(const std::string& document)
{
    DocumentFacts facts;
    auto json = Json::parse(document, nullptr, false);
    if (!json.is_object()) {
        facts.summary = "{}";
        facts.summary_whole = true;
        return facts;
    }
    facts.id = first(ids_named(json, "id"));
    facts.set_id = first(ids_named(json, "setId"));
    facts.version = version_of(member(json, "versionNumber"));
    if (const Json* patient = member(json, "patient")) facts.patient = identity_of(*patient);
    facts.related = related_of(member(json, "relatedDocuments"));
    shorten(std::move(json), document, facts);
    return facts;
}

std::string content_digest(const ParseOutcome& outcome)
{
    Sha256 hash;
    auto document = Json::parse(outcome.document, nullptr, false);
    without(document, {"offset", "encoding"});
    add_to_digest(hash, document.is_discarded() ? outcome.document : printed(document));
    for (const auto& item : outcome.items) add_to_digest(hash, without_offsets(item.json));
    return hash.finish();
}

}  // namespace direct
