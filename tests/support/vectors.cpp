#include "tests/support/vectors.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

namespace direct::test {
namespace fs = std::filesystem;
namespace {

std::string environment(const char* name)
{
    const char* v = std::getenv(name);
    return v ? v : "";
}

std::string trim(const std::string& s)
{
    auto a = s.find_first_not_of(" \t");
    if (a == std::string::npos) return "";
    return s.substr(a, s.find_last_not_of(" \t") - a + 1);
}

std::string unescape(const std::string& s)
{
    std::string out;
    for (std::size_t i = 0; i < s.size(); ++i) {
        if (s[i] != '\\' || i + 1 == s.size()) {
            out += s[i];
            continue;
        }
        switch (char c = s[++i]) {
            case 'n':
                out += '\n';
                break;
            case 'r':
                out += '\r';
                break;
            case 't':
                out += '\t';
                break;
            case 'x':
                out += static_cast<char>(std::stoi(s.substr(i + 1, 2), nullptr, 16));
                i += 2;
                break;
            default:
                out += c;
        }
    }
    return out;
}

[[noreturn]] void give_up(const std::string& why)
{
    std::cerr << why << "\n";
    std::exit(2);
}

}  // namespace

std::string Vector::get(const std::string& name, std::string otherwise) const
{
    auto i = fields.find(name);
    return i == fields.end() ? otherwise : i->second;
}

std::ostream& operator<<(std::ostream& out, const Vector& v)
{
    return out << v.file;
}

std::string source_dir()
{
    if (auto v = environment("DIRECT_SOURCE"); !v.empty()) return v;
    for (auto p = fs::current_path(); p.has_relative_path(); p = p.parent_path())
        if (fs::exists(p / "tests" / "vectors")) return p;
    give_up("DIRECT_SOURCE is not set and no tests/vectors above the working directory");
}

std::string build_dir()
{
    auto v = environment("DIRECT_BUILD");
    return v.empty() ? source_dir() + "/build" : v;
}

std::string shared_dir()
{
    auto v = environment("DIRECT_SHARED");
    auto dir = v.empty() ? source_dir() + "/../shared" : v;
    return fs::is_directory(dir) ? dir : "";
}

std::vector<Vector> load_vectors(const std::string& name)
{
    auto path = source_dir() + "/tests/vectors/" + name;
    std::ifstream in(path);
    if (!in) give_up("missing vector file " + path);
    std::vector<Vector> all;
    std::string section, line;
    Vector block;
    int number = 0;
    auto finish = [&] {
        if (!block.fields.empty()) all.push_back(block);
        block = {};
    };
    while (std::getline(in, line)) {
        ++number;
        if (trim(line).empty()) {
            finish();
            continue;
        }
        if (line[0] == '#') continue;
        if (line[0] == '[') {
            finish();
            section = line.substr(1, line.find(']') - 1);
            continue;
        }
        auto eq = line.find('=');
        if (eq == std::string::npos) give_up(path + ":" + std::to_string(number) + ": no '='");
        if (block.fields.empty()) {
            block.file = name + ":" + std::to_string(number);
            block.section = section;
        }
        auto key = trim(line.substr(0, eq));
        bool escaped = eq + 1 < line.size() && line[eq + 1] == ':';
        auto value = trim(line.substr(eq + (escaped ? 2 : 1)));
        block.fields[key] = escaped ? unescape(value) : value;
    }
    finish();
    if (all.empty()) give_up("no case in vector file " + path);
    return all;
}

std::string read_file(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

void write_file(const std::string& path, const std::string& bytes)
{
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << bytes;
    if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace direct::test
