// package.cpp - see package.h. First the metadata, then each member it names with what it says of it, then
// all the others; what is no document (index, stylesheet, a system's own files) is named and left.
#include "plugins/xdm/package.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "plugins/digest.h"
#include "plugins/json_writer.h"
#include "plugins/plugin_bytes.h"
#include "plugins/text_line.h"
#include "plugins/xdm/about.h"
#include "plugins/xdm/metadata.h"
#include "plugins/xdm/names.h"

namespace direct::xdm {
namespace {

/// A member and what was found out about it.
struct Part {
    const Member* member = nullptr;
    std::string path, content, why;  // path: the name in lower case; why: it has no content
    bool metadata = false, told = false;

    // Asked for by every entry without a URI, made once.
    const std::string& hash()
    {
        if (hash_.empty()) hash_ = sha1_hex(content);
        return hash_;
    }

private:
    std::string hash_;
};

class Package {
public:
    Package(const direct_host& host, const direct_document& document, const Zip& zip)
        : host_(host), about_(host, document)
    {
        for (const auto& m : zip.members) {
            Part p;
            p.member = &m;
            p.path = lower(m.name);
            p.content = unpack(zip, m, p.why);
            p.metadata = is_metadata(m.name);
            parts_.push_back(std::move(p));
        }
    }

    direct_parse_status tell()
    {
        read_subsets();
        index_parts();
        for (const auto& s : subsets_)
            for (const auto& d : s.metadata.documents) named(s, d);
        const bool xdm = std::any_of(parts_.begin(), parts_.end(), [](auto& p) { return p.metadata; });
        for (auto& p : parts_)
            if (!p.told && !p.metadata) unnamed(p, xdm);
        notes();
        describe(xdm);
        return stopped_ ? DIRECT_LIMIT : DIRECT_PARSED;
    }

private:
    void note(std::string_view text)
    {
        if (!stopped_ && host_.note(host_.context, bytes_of(text))) stopped_ = true;
    }
    void skip(std::string_view name, std::string_view why)
    {
        // Names come as they stand in the package, in whatever character set.
        const std::string text = text_line(name, 256) + ": " + text_line(why, 256);
        if (!stopped_ && host_.skip(host_.context, bytes_of("member"), bytes_of(text))) stopped_ = true;
    }

    void skip_metadata(const std::string& text)
    {
        if (!stopped_ && host_.skip(host_.context, bytes_of("metadata"), bytes_of(text))) stopped_ = true;
    }

    void read_subsets()
    {
        for (auto& p : parts_) {
            if (!p.metadata) continue;
            const std::string folder(folder_of(p.path));
            const bool second =
                std::any_of(subsets_.begin(), subsets_.end(), [&](auto& s) { return s.folder == folder; });
            if (second) {
                note("a second metadata file in one folder; the first was used");
                p.metadata = false;  // then it is a member like any other
                continue;
            }
            Subset s{p.member->name, folder, {}};
            s.metadata.why = p.why;
            if (p.why.empty()) s.metadata = read_metadata(p.content);
            if (!s.metadata.why.empty()) {
                note("the metadata cannot be read: " + s.metadata.why);
                skip(p.member->name, s.metadata.why);
            }
            for (const auto& text : s.metadata.notes) note("metadata: " + text);
            tell_cuts(s);
            subsets_.push_back(std::move(s));
        }
    }

    void tell_cuts(const Subset& s)
    {
        const auto cut = [&](std::size_t n, const char* what) {
            if (n) skip_metadata(text_line(s.path, 256) + ": " + what + ": " + std::to_string(n));
        };
        cut(s.metadata.values_cut, "values or paths that are too long and were cut");
        cut(s.metadata.parts_cut, "parts of objects that are too large, left out");
        cut(s.metadata.more_cut, "things nobody knows, left out");
        cut(s.metadata.documents_cut, "documents beyond the first 10000, left out");
    }

    // Looked up by every entry of the metadata, so made once: entries times members would be a hundred million.
    // Of several parts with one key the first that is not told counts: they stand last first.
    using Index = std::unordered_map<std::string, std::vector<Part*>>;
    void index_parts()
    {
        for (auto p = parts_.rbegin(); p != parts_.rend(); ++p) {
            if (p->metadata) continue;
            by_path_[p->path] = &*p;
            by_name_[std::string(folder_of(p->path)) + std::string(stem(p->path))].push_back(&*p);
            if (p->why.empty()) by_hash_[p->hash()].push_back(&*p);
        }
    }

    static Part* untold(Index& index, const std::string& key)
    {
        const auto at = index.find(key);
        if (at == index.end()) return nullptr;
        auto& parts = at->second;
        while (!parts.empty() && parts.back()->told) parts.pop_back();
        return parts.empty() ? nullptr : parts.back();
    }

    // The member a URI means: by its path below the metadata's folder, case aside if it must be.
    Part* by_uri(const Subset& s, const std::string& uri)
    {
        std::string path = lower(uri);
        std::replace(path.begin(), path.end(), '\\', '/');
        while (path.starts_with("./")) path.erase(0, 2);
        for (const std::string& one : {path, lower(percent_decoded(path))})
            if (const auto at = by_path_.find(s.folder + one); at != by_path_.end()) return at->second;
        return nullptr;
    }

    // Without a URI: its hash is its name; else the object's id is the file's name.
    Part* find(const Subset& s, const DocumentEntry& d)
    {
        if (!d.uri.empty()) return by_uri(s, d.uri);
        if (!d.hash.empty())
            if (Part* p = untold(by_hash_, lower(d.hash))) return p;
        // A name has no '/': the id is no path into another folder.
        if (d.object_id.empty() || d.object_id.find('/') != std::string::npos) return nullptr;
        return untold(by_name_, s.folder + lower(d.object_id));
    }

    void named(const Subset& s, const DocumentEntry& d)
    {
        if (stopped_) return;
        Part* p = find(s, d);
        if (p && p->told) {
            note("two entries of the metadata name one member");
            return entry_item(d, "named_twice");
        }
        if (!p) {
            ++missing_;
            skip(d.uri.empty() ? d.object_id : d.uri, points_out(d.uri)
                                                          ? "the metadata points outside the package"
                                                          : "the metadata names it, it is not there");
            return entry_item(d, "missing_document");
        }
        p->told = true;
        if (!p->why.empty()) {
            skip(p->member->name, p->why);
            return entry_item(d, "unreadable_document");
        }
        JsonWriter w;
        begin_container(w, *p);
        const std::string& hash = p->hash();
        const bool sha1 = d.hash.size() == 40;
        const bool hash_fits = sha1 && lower(d.hash) == hash;
        const bool size_fits = !d.size || *d.size == p->content.size();
        w.field("hash", hash);
        if (d.hash.empty())
            ++without_hash_;
        else if (!sha1)
            w.flag_field("hashUnchecked", true);
        else if (!hash_fits)
            w.flag_field("hashMismatch", true);
        if (!size_fits) w.flag_field("sizeMismatch", true);
        if ((sha1 && !hash_fits) || !size_fits) ++mismatches_;
        w.name("metadata");
        w.raw(d.json);
        w.close('}');
        tell_child(*p, d.mime_type, w.str());
        about_.document(d, p->member->name, (sha1 && !hash_fits) || !size_fits);
    }

    // What the metadata says of a document we do not have stays an item.
    void entry_item(const DocumentEntry& d, const char* kind)
    {
        JsonWriter w;
        w.open('{');
        w.field("section", "other");
        w.field("kind", kind);
        w.name("metadata");
        w.raw(d.json);
        w.close('}');
        const direct_item item{sizeof item, bytes_of("other"), bytes_of(kind), bytes_of(w.str())};
        if (!stopped_ && host_.item(host_.context, &item)) stopped_ = true;
    }

    void unnamed(Part& p, bool xdm)
    {
        if (stopped_) return;
        if (is_company(p.path) && xdm) {
            return about_.ignored(p.member->name);
        }
        if (!p.why.empty()) return skip(p.member->name, p.why);
        JsonWriter w;
        begin_container(w, p);
        w.field("hash", p.hash());
        if (xdm) {
            ++unnamed_;
            w.flag_field("notInMetadata", true);
        }
        w.close('}');
        tell_child(p, "", w.str());
    }

    void begin_container(JsonWriter& w, const Part& p)
    {
        w.open('{');
        w.field("path", p.member->name);
        w.number_field("size", p.content.size());
        if (p.member->leads_out) w.flag_field("leadsOut", true);
        if (p.member->odd_name) w.flag_field("oddName", true);
        if (p.member->duplicate) w.flag_field("duplicateName", true);
        odd_names_ += p.member->leads_out || p.member->odd_name || p.member->duplicate;
    }

    void tell_child(Part& p, std::string_view media_type, std::string_view json)
    {
        const direct_child child{sizeof child, bytes_of(last_part(p.member->name)), bytes_of(media_type),
                                 bytes_of(p.content), bytes_of(json)};
        if (!stopped_ && host_.child(host_.context, &child)) stopped_ = true;
        p.told = true;
        p.content.clear();
        p.content.shrink_to_fit();
    }

    void counted(std::size_t n, const char* one, const char* many)
    {
        if (n) note(n == 1 ? std::string("one ") + one : std::to_string(n) + " " + many);
    }
    void notes()
    {
        counted(mismatches_, "document is not what its metadata says (hash or size)",
                "documents are not what their metadata says (hash or size)");
        counted(without_hash_, "document has no hash in the metadata",
                "documents have no hash in the metadata");
        counted(missing_, "document of the metadata is not in the package",
                "documents of the metadata are not in the package");
        counted(unnamed_, "member is not in the metadata", "members are not in the metadata");
        counted(odd_names_, "member has a name no honest writer gives",
                "members have names no honest writer gives");
    }

    void describe(bool xdm)
    {
        const std::string json = about_.json(xdm, subsets_, parts_.size());
        for (const auto& line : about_.left_out()) skip_metadata(line);
        if (!stopped_ && host_.document(host_.context, bytes_of(json))) stopped_ = true;
    }

    const direct_host& host_;
    std::vector<Part> parts_;
    std::unordered_map<std::string, Part*> by_path_;
    Index by_name_, by_hash_;  // by_name_: folder and name without its ending
    std::vector<Subset> subsets_;
    About about_;
    std::size_t mismatches_ = 0, without_hash_ = 0, missing_ = 0, unnamed_ = 0, odd_names_ = 0;
    bool stopped_ = false;
};

}  // namespace

direct_parse_status tell_package(const direct_host& host, const direct_document& document, const Zip& zip)
{
    return Package(host, document, zip).tell();
}

}  // namespace direct::xdm
