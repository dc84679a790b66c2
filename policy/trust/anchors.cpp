// anchors.cpp - the anchors' folder read into sets; see anchors.h.
#include "policy/trust/anchors.h"

#include <algorithm>
#include <filesystem>

#include "milter/base/address.h"
#include "milter/base/text.h"

namespace direct {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t file_max = 16 * 1024 * 1024;

std::vector<fs::path> sorted_entries(const fs::path& folder, std::vector<std::string>& findings, bool& failed)
{
    std::vector<fs::path> out;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        if (it->path().filename().string().front() != '.') out.push_back(it->path());
    if (error) findings.push_back(folder.string() + ": " + error.message());
    // No folder at all is a site without anchors, which is what its administrator made.
    failed = failed || (error && error != std::errc::no_such_file_or_directory);
    // By bytes: comparing paths element by element costs more than reading the files.
    std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.native() < b.native(); });
    return out;
}

bool is_anchor_file(const fs::path& file)
{
    static const char* const known[] = {".pem", ".crt", ".cer", ".der", ".p7b", ".p7c"};
    return std::any_of(std::begin(known), std::end(known),
                       [&](const char* e) { return file.extension() == e; });
}

/// What may be an anchor at that time; the rest is told.
Anchors usable_in(const fs::path& file, Time now, std::vector<std::string>& findings, bool& failed)
{
    auto bytes = read_whole_file(file, file_max);
    if (!bytes) {
        findings.push_back(bytes.error().why);
        failed = true;
        return {};
    }
    auto read = read_anchors(*bytes);
    if (!read) {
        findings.push_back(file.string() + ": " + read.error().why);
        failed = true;
        return {};
    }
    Anchors out;
    for (auto& a : *read) {
        if (now <= a->not_after()) {
            out.push_back(std::move(a));
            continue;
        }
        const auto& c = a->certificate();
        findings.push_back(file.string() + ": expired on " + iso8601(a->not_after()) +
                           (c ? " (" + c->subject() + ")" : ""));
    }
    return out;
}

using Collected = std::map<std::string, Anchors>;

void into(std::map<std::string, AnchorSet, std::less<>>& sets, Collected collected)
{
    for (auto& [domain, anchors] : collected) sets[domain] = AnchorSet(std::move(anchors));
}

}  // namespace

const AnchorSet& TrustAnchors::of(std::string_view normal_domain, Direction direction) const
{
    static const AnchorSet none;
    const auto& sets = direction == Direction::incoming ? in_ : out_;
    auto it = sets.find(normal_domain);
    return it == sets.end() ? none : it->second;
}

TrustAnchors TrustAnchors::load(const std::string& folder, Time now)
{
    TrustAnchors out;
    Collected in, outgoing;
    for (const auto& domain_folder : sorted_entries(folder, out.findings_, out.all_at_fault_)) {
        std::error_code ignored;
        // Single files beside the domains (a bundle's signer) are not anchors.
        if (!fs::is_directory(domain_folder, ignored)) continue;
        auto domain = normal_domain(domain_folder.filename().string());
        if (!domain) {
            out.findings_.push_back(domain_folder.string() + ": the folder's name is not a domain");
            continue;
        }
        bool failed = false;
        for (const auto& way_folder : sorted_entries(domain_folder, out.findings_, failed)) {
            std::string way = way_folder.filename();
            if (way != "in" && way != "out" && way != "both") {
                out.findings_.push_back(way_folder.string() + ": not \"in\", \"out\" or \"both\"; not read");
                continue;
            }
            for (const auto& file : sorted_entries(way_folder, out.findings_, failed)) {
                if (!is_anchor_file(file)) continue;
                for (const auto& a : usable_in(file, now, out.findings_, failed)) {
                    out.known_.push_back({*domain, way, file, a});
                    if (way != "out") in[*domain].push_back(a);
                    if (way != "in") outgoing[*domain].push_back(a);
                }
            }
        }
        if (failed) out.at_fault_.insert(*domain);
    }
    into(out.in_, std::move(in));
    into(out.out_, std::move(outgoing));
    return out;
}

void TrustAnchors::add(std::string_view normal_domain, bool incoming, bool outgoing,
                       const std::vector<Certificate>& certificates, const std::string& from)
{
    Anchors fresh;
    for (const auto& c : certificates) {
        fresh.push_back(Anchor::from(c));
        known_.push_back({std::string(normal_domain),
                          incoming && outgoing ? "both"
                          : incoming           ? "in"
                                               : "out",
                          from, fresh.back()});
    }
    auto merge = [&](auto& sets) {
        Anchors all = sets[std::string(normal_domain)].anchors();
        all.insert(all.end(), fresh.begin(), fresh.end());
        sets[std::string(normal_domain)] = AnchorSet(std::move(all));
    };
    if (incoming) merge(in_);
    if (outgoing) merge(out_);
}

void TrustAnchors::read_all(const std::function<bool()>& go_on) const
{
    for (const auto& k : known_) {
        if (!go_on()) return;
        k.anchor->certificate();
    }
}

std::vector<std::string> TrustAnchors::findings() const
{
    auto out = findings_;
    for (const auto& k : known_)
        if (k.anchor->known_broken()) out.push_back(k.file + ": the certificate cannot be read");
    return out;
}

std::vector<TrustAnchors::Row> TrustAnchors::rows() const
{
    std::vector<Row> out;
    for (const auto& k : known_)
        if (const auto& c = k.anchor->certificate()) out.push_back({k.domain, k.direction, k.file, *c});
    return out;
}

std::string anchor_file(const std::string& folder, std::string_view normal_domain, std::string_view direction,
                        const Certificate& certificate)
{
    return folder + "/" + std::string(normal_domain) + "/" + std::string(direction) + "/" +
           certificate.fingerprint() + ".pem";
}

}  // namespace direct
