// package.cpp - see package.h. First the metadata, then each member it names with what it says of it, then
// all the others; what is no document (index, stylesheet, a system's own files) is named and left.
#include "plugins/xdm/package.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "plugins/declared.h"
#include "plugins/digest.h"
#include "plugins/json_writer.h"
#include "plugins/plugin_bytes.h"
#include "plugins/text_line.h"
#include "plugins/time_stamp.h"
#include "plugins/xdm/metadata.h"
#include "plugins/xdm/names.h"

namespace direct::xdm {
namespace {

constexpr std::size_t list_max = 256u << 10;  // bytes of "documents" in the document object: 1000 of them fit

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

/// One METADATA.XML and the folder it speaks of.
struct Subset {
    std::string folder;  // lower case, with '/' at its end
    Metadata metadata;
};

class Package {
public:
    Package(const direct_host& host, const direct_document& document, const Zip& zip)
        : host_(host), document_(document)
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
            Subset s{folder, {}};
            s.metadata.why = p.why;
            if (p.why.empty()) s.metadata = read_metadata(p.content);
            if (!s.metadata.why.empty()) {
                note("the metadata cannot be read: " + s.metadata.why);
                skip(p.member->name, s.metadata.why);
            }
            subsets_.push_back(std::move(s));
        }
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
        list_entry(d, *p, (sha1 && !hash_fits) || !size_fits);
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
            ignored_.push_back(p.member->name);
            return;
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

    void list_entry(const DocumentEntry& d, const Part& p, bool mismatch)
    {
        if (documents_.size() > list_max) return;
        documents_.open('{');
        documents_.field("path", p.member->name);
        documents_.field("title", d.title);
        documents_.field("uniqueId", d.unique_id);
        documents_.field("mimeType", d.mime_type);
        if (mismatch) documents_.flag_field("mismatch", true);
        documents_.close('}');
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

    // "123^^^&1.2.3&ISO" as an id.
    static void patient_field(JsonWriter& w, std::string_view cx)
    {
        if (cx.empty()) return;
        w.open_field("patient", '{');
        w.open_field("ids", '[');
        w.open('{');
        const auto root = cx.find('&');
        if (root != cx.npos) w.field("root", cx.substr(root + 1, cx.find('&', root + 1) - root - 1));
        w.field("extension", cx.substr(0, cx.find('^')));
        w.close('}');
        w.close(']');
        w.close('}');
    }

    void package_fields(JsonWriter& w)
    {
        const Metadata* set = nullptr;
        for (const auto& s : subsets_)
            if (!set && !s.metadata.submission.empty()) set = &s.metadata;
        if (set) {
            w.field("title", set->title);
            w.field("id", set->unique_id);
            const TimeStamp time = read_time(set->submission_time);
            w.field("effectiveTime", time.iso.empty() ? set->submission_time : time.iso);
            patient_field(w, set->patient_id);
        }
        w.open_field("submissionSets", '[');
        std::size_t left = list_max;
        for (const auto& s : subsets_)
            if (!s.metadata.submission.empty() && s.metadata.submission.size() <= left) {
                w.raw(s.metadata.submission);
                left -= s.metadata.submission.size();
            }
        w.close(']');
        w.name("documents");
        w.raw("[" + documents_.take() + "]");
    }

    void describe(bool xdm)
    {
        JsonWriter w;
        w.open('{');
        w.field("kind", xdm ? "xdm" : "file");
        w.field("type", xdm ? "XDM" : "application/zip");
        if (xdm)
            package_fields(w);
        else
            w.field("title", view(document_.filename).substr(0, 1024));
        w.number_field("members", parts_.size());
        if (!ignored_.empty()) {
            w.open_field("ignored", '[');
            std::size_t left = list_max;
            for (const auto& name : ignored_)
                if (name.size() <= left) {
                    w.text(name);
                    left -= name.size();
                }
            w.close(']');
        }
        w.number_field("size", document_.content.len);
        declared_fields(w, {xdm ? "xdm" : "file", xdm ? "" : "application/zip"}, document_);
        w.close('}');
        if (!stopped_ && host_.document(host_.context, bytes_of(w.str()))) stopped_ = true;
    }

    const direct_host& host_;
    const direct_document& document_;
    std::vector<Part> parts_;
    std::unordered_map<std::string, Part*> by_path_;
    Index by_name_, by_hash_;  // by_name_: folder and name without its ending
    std::vector<Subset> subsets_;
    std::vector<std::string> ignored_;
    JsonWriter documents_;
    std::size_t mismatches_ = 0, without_hash_ = 0, missing_ = 0, unnamed_ = 0, odd_names_ = 0;
    bool stopped_ = false;
};

}  // namespace

direct_parse_status tell_package(const direct_host& host, const direct_document& document, const Zip& zip)
{
    return Package(host, document, zip).tell();
}

}  // namespace direct::xdm
