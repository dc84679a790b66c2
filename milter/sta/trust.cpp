#include "milter/sta/trust.h"

namespace direct {
namespace {

const BundleNow* find(const std::vector<BundleNow>& bundles, const std::string& name)
{
    for (const auto& b : bundles)
        if (b.name == name) return &b;
    return nullptr;
}

JudgeOptions options_for(Direction direction, Time now)
{
    JudgeOptions options;
    options.now = now;
    options.revocation = JudgeOptions::RevocationMode::off;
    options.use.kind = direction == Direction::incoming ? Use::signing : Use::encryption;
    return options;
}

}  // namespace

Trust load_trust(const Settings& settings, Time now, const std::map<std::string, Bundle>& instead)
{
    return load_trust(settings, now, TrustAnchors::load(settings.store_anchors, now), instead);
}

Trust load_trust(const Settings& settings, Time now, TrustAnchors anchors_of_files,
                 const std::map<std::string, Bundle>& instead)
{
    Trust out;
    out.anchors = anchors_of_files;
    out.files = std::move(anchors_of_files);
    BundleFiles files(settings.store_path);
    for (const auto& b : settings.bundles) {
        auto found = instead.find(b.name);
        if (found == instead.end()) {
            out.bundles.push_back(bundle_now(files, b, now));
        } else {
            auto& one = out.bundles.emplace_back();
            one.name = b.name;
            one.bundle = found->second;
        }
        const auto& now_used = out.bundles.back();
        auto about = "bundle " + b.name + ": ";
        if (!now_used.bundle) {
            out.findings.push_back(about + now_used.why + "; its anchors are absent");
            continue;
        }
        for (const auto& finding : now_used.bundle->findings) out.findings.push_back(about + finding);
    }
    for (const auto& d : settings.domains)
        for (const auto& wanted : d.bundles) {
            const auto* b = find(out.bundles, wanted.name);
            if (!b || !(wanted.incoming || wanted.outgoing)) continue;
            if (!b->bundle)
                out.anchors.put_at_fault(d.name);
            else
                out.anchors.add(d.name, wanted.incoming, wanted.outgoing, b->bundle->anchors,
                                "bundle " + b->name);
        }
    return out;
}

std::vector<TrustChange> compare_trust(const Settings& settings, const TrustAnchors& before,
                                       const TrustAnchors& after, const FileResolver& known, Time now)
{
    std::vector<TrustChange> out;
    for (const auto& d : settings.domains)
        for (auto direction : {Direction::incoming, Direction::outgoing}) {
            const auto &old_set = before.of(d.name, direction), &new_set = after.of(d.name, direction);
            if (old_set.digest() == new_set.digest()) continue;
            auto options = options_for(direction, now);
            for (const auto& [owner, certificates] : known.all())
                for (const auto& c : certificates) {
                    // Intermediates that lie there are nobody's own certificate.
                    if (c.is_ca()) continue;
                    bool was = judge(c, certificates, old_set, options).trusted();
                    bool is = judge(c, certificates, new_set, options).trusted();
                    if (was != is) out.push_back({owner, c, d.name, direction, is});
                }
        }
    return out;
}

}  // namespace direct
