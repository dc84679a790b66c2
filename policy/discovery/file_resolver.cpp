// file_resolver.cpp - partners whose certificates an admin has put into a folder.
#include <algorithm>
#include <filesystem>

#include "policy/discovery/resolver.h"

namespace direct {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> sorted_entries(const fs::path& folder, std::vector<std::string>& findings)
{
    std::vector<fs::path> out;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        if (it->path().filename().string().front() != '.') out.push_back(it->path());
    if (error) findings.push_back(folder.string() + ": " + error.message());
    std::sort(out.begin(), out.end());
    return out;
}

/// The key a folder is looked up by: an address's or a domain's normal form.
Result<std::string> key_of(const std::string& folder_name)
{
    if (folder_name.find('@') == std::string::npos) return normal_domain(folder_name);
    TRY(Address address, parse_address(folder_name));
    return address.key();
}

bool is_certificate_file(const fs::path& file)
{
    static const char* const known[] = {".crt", ".pem", ".der", ".p7b"};
    return std::any_of(std::begin(known), std::end(known),
                       [&](const char* e) { return file.extension() == e; });
}

}  // namespace

FileResolver::FileResolver(const std::string& folder)
{
    for (const auto& sub : sorted_entries(folder, findings_)) {
        std::error_code ignored;
        if (!fs::is_directory(sub, ignored)) continue;
        auto key = key_of(sub.filename());
        if (!key) {
            findings_.push_back(sub.string() + ": the folder's name is neither address nor domain");
            continue;
        }
        for (const auto& file : sorted_entries(sub, findings_)) {
            if (!is_certificate_file(file)) continue;
            auto read = load_certificates(file);
            if (!read) {
                findings_.push_back(read.error().why);
                continue;
            }
            auto& known = by_name_[*key];
            known.insert(known.end(), read->begin(), read->end());
        }
    }
}

Discovery FileResolver::find(const Address& address, const Budget&)
{
    Discovery out;
    out.answer = Discovery::Answer::not_found;
    auto ask = [&](const std::string& name, const char* step) {
        auto it = by_name_.find(name);
        bool found = it != by_name_.end() && !it->second.empty();
        out.trace.push_back(std::string(step) + " " + name + ": " +
                            (found ? std::to_string(it->second.size()) + " found" : "none"));
        if (!found) return false;
        out.answer = Discovery::Answer::found;
        out.certificates = it->second;
        out.step = step;
        return true;
    };
    std::string exact = address.key(), plain = without_tag(address).key();
    if (ask(exact, "files address")) return out;
    // "jo+tag" is jo's mailbox; its certificate is published without the tag.
    if (plain != exact && ask(plain, "files address")) return out;
    ask(address.domain, "files domain");
    return out;
}

}  // namespace direct
