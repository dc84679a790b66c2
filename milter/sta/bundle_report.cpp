#include "milter/sta/bundle_report.h"

#include <nlohmann/json.hpp>

namespace direct {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t rows_max = 1000;  // of one list; a reply stays far below its frame

Json row_of(const Certificate& c)
{
    return {{"subject", c.subject()},
            {"issuer", c.issuer()},
            {"not_after", iso8601(c.not_after())},
            {"fingerprint", c.fingerprint()}};
}

template <class T, class Row>
void list(Json& out, const char* name, const std::vector<T>& all, Row row)
{
    auto& rows = out[name] = Json::array();
    for (const auto& one : all) {
        if (rows.size() == rows_max) {
            out["more"][name] = all.size() - rows_max;
            return;
        }
        rows.push_back(row(one));
    }
}

Json domains_of(const Settings& settings, const std::string& bundle)
{
    auto out = Json::array();
    for (const auto& d : settings.domains)
        for (const auto& b : d.bundles)
            if (b.name == bundle)
                out.push_back({{"domain", d.name}, {"incoming", b.incoming}, {"outgoing", b.outgoing}});
    return out;
}

void about(Json& out, const BundleNow& b)
{
    out["anchors"] = b.bundle ? b.bundle->anchors.size() : 0;
    if (!b.bundle) return;
    if (!b.bundle->signer.empty()) out["signer"] = b.bundle->signer;
    out["findings"] = b.bundle->findings;
    if (!b.bundle->metadata.empty()) out["metadata"] = b.bundle->metadata;
}

std::string time_text(Time t)
{
    return t == Time{} ? "" : iso8601(t);
}

/// One refresh; long lists are cut, with "more" beside them.
Json report_of(const Settings& settings, const BundleRefresh& refresh,
               const std::vector<TrustChange>& changes)
{
    Json out = {{"name", refresh.after.name}, {"outcome", word_of(refresh.outcome)}};
    if (!refresh.why.empty()) out["why"] = refresh.why;
    about(out, refresh.after);
    list(out, "come", refresh.come, row_of);
    list(out, "go", refresh.go, row_of);
    out["domains"] = domains_of(settings, refresh.after.name);
    for (bool gains : {true, false}) {
        std::vector<TrustChange> some;
        for (const auto& c : changes)
            if (c.gains == gains) some.push_back(c);
        list(out, gains ? "gain" : "lose", some, [](const TrustChange& c) {
            Json row = {{"partner", c.owner},
                        {"domain", c.domain},
                        {"direction", c.direction == Direction::incoming ? "incoming" : "outgoing"}};
            row.update(row_of(c.certificate));
            return row;
        });
    }
    return out;
}

Json report_of(const Settings& settings, const BundleSettings& bundle, const BundleNow& b, Time now)
{
    const char* state = !b.bundle                                         ? "absent"
                        : is_stale(b, stale_after(settings, bundle), now) ? "stale"
                                                                          : "fresh";
    Json out = {{"name", b.name}, {"url", bundle.url}, {"state", state}};
    if (!b.why.empty()) out["why"] = b.why;
    out["loaded"] = time_text(b.state.loaded);
    out["checked"] = time_text(b.state.checked);
    out["tried"] = time_text(b.state.tried);
    if (!b.state.trouble.empty()) out["trouble"] = b.state.trouble;
    about(out, b);
    out["domains"] = domains_of(settings, b.name);
    return out;
}

std::string print(const Json& json)
{
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<TrustChange> changes_by(const Settings& settings, const BundleRefresh& refresh, Time now)
{
    if (refresh.outcome != BundleRefresh::Outcome::changed) return {};
    auto before = load_trust(settings, now);
    auto after = load_trust(settings, now, {{refresh.after.name, *refresh.after.bundle}});
    return compare_trust(settings, before.anchors, after.anchors, FileResolver(settings.store_certificates),
                         now);
}

Result<std::vector<const BundleSettings*>> wanted(const Settings& settings, const std::string& name)
{
    std::vector<const BundleSettings*> out;
    for (const auto& b : settings.bundles)
        if (name.empty() || b.name == name) out.push_back(&b);
    if (out.empty() && !name.empty())
        return fail(refuse(Reason::input, "no [[bundle]] of the configuration is called " + name));
    return out;
}

}  // namespace

Result<std::string> refresh_bundles(const Settings& settings, const BundleFetch& fetch,
                                    const std::string& name, bool dry_run, Time now,
                                    const std::function<void(const BundleRefresh&)>& on_each)
{
    TRY(auto list, wanted(settings, name));
    Json out = {{"dry_run", dry_run}, {"bundles", Json::array()}};
    BundleFiles files(settings.store_path);
    std::size_t failed = 0;
    for (const auto* b : list) {
        auto refresh = fetch_bundle(fetch, files, *b, now);
        auto changes = changes_by(settings, refresh, now);
        if (!dry_run)
            if (auto kept = keep_bundle(files, refresh); !kept) {
                refresh.outcome = BundleRefresh::Outcome::failed;
                refresh.why = kept.error().why;
            }
        failed += refresh.outcome == BundleRefresh::Outcome::failed;
        on_each(refresh);
        out["bundles"].push_back(report_of(settings, refresh, changes));
    }
    out["failed"] = failed;
    return print(out);
}

std::string list_bundles(const Settings& settings, Time now)
{
    Json out = {{"bundles", Json::array()}};
    BundleFiles files(settings.store_path);
    for (const auto& b : settings.bundles)
        out["bundles"].push_back(report_of(settings, b, bundle_now(files, b, now), now));
    return print(out);
}

std::string summary_of(const BundleRefresh& refresh)
{
    return refresh.after.name + ": " + std::to_string(refresh.come.size()) + " anchors came, " +
           std::to_string(refresh.go.size()) + " went; SHA-256 " + refresh.after.state.digest;
}

std::vector<std::string> fingerprints_of(const BundleRefresh& refresh)
{
    std::vector<std::string> out;
    for (const auto* list : {&refresh.come, &refresh.go})
        for (const auto& c : *list)
            if (out.size() < 100) out.push_back(c.fingerprint());
    return out;
}

}  // namespace direct
