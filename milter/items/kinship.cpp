// kinship.cpp - see kinship.h.
#include "milter/items/kinship.h"

#include <algorithm>

namespace direct {
namespace {

bool both(const std::string& a, const std::string& b)
{
    return !a.empty() && a == b;
}

bool has_id(const RecordDocument& d)
{
    return std::any_of(d.patient.begin(), d.patient.end(), [](auto& p) { return p.starts_with('i'); });
}

/// A set named with a version means that one and what came before it.
bool names_set(const RelatedDocument& r, const RecordDocument& by, const RecordDocument& other)
{
    if (!both(r.set_id, other.set_id)) return false;
    if (r.version >= 0 && other.version > r.version) return false;
    const bool own_set = by.set_id == other.set_id;
    return !own_set || (by.version > other.version && other.version >= 0);
}

bool names(const RecordDocument& by, const RecordDocument& other, std::string_view type)
{
    return std::any_of(by.related.begin(), by.related.end(), [&](const RelatedDocument& r) {
        if (r.type != type || both(by.id, other.id)) return false;
        const bool by_id =
            !other.id.empty() && std::find(r.ids.begin(), r.ids.end(), other.id) != r.ids.end();
        return by_id || names_set(r, by, other);
    });
}

}  // namespace

bool says_the_same(const RecordDocument& a, const RecordDocument& b)
{
    if (both(a.sha256, b.sha256)) return true;
    return both(a.id, b.id) && a.version == b.version && both(a.digest, b.digest);
}

bool claims_to_replace(const RecordDocument& later, const RecordDocument& earlier)
{
    const bool version =
        both(later.set_id, earlier.set_id) && earlier.version >= 0 && later.version > earlier.version;
    return version || names(later, earlier, "RPLC");
}

bool claims_to_append(const RecordDocument& addendum, const RecordDocument& to)
{
    return names(addendum, to, "APND");
}

bool same_source(const RecordDocument& a, const RecordDocument& b)
{
    if (!both(a.domain, b.domain)) return false;
    return a.organisation.empty() || b.organisation.empty() || a.organisation == b.organisation;
}

bool same_patient(const RecordDocument& a, const RecordDocument& b)
{
    const char by = has_id(a) && has_id(b) ? 'i' : 'n';
    return std::any_of(a.patient.begin(), a.patient.end(), [&](const std::string& p) {
        return p.starts_with(by) && std::find(b.patient.begin(), b.patient.end(), p) != b.patient.end();
    });
}

std::string_view objection(const RecordDocument& a, const RecordDocument& b)
{
    if (!same_source(a, b)) return "other-sender";
    return same_patient(a, b) ? "" : "other-patient";
}

bool replaces(const RecordDocument& later, const RecordDocument& earlier)
{
    return claims_to_replace(later, earlier) && objection(later, earlier).empty() &&
           !claims_to_replace(earlier, later);
}

}  // namespace direct
