// vectors.h - vector files for tests: readable text, one case per block.
//
//   # comment
//   [section]
//   Name = value        blocks end at an empty line
//   Name =: value       the same with \n \r \t \\ \xHH escapes read
#pragma once
#include <map>
#include <ostream>
#include <string>
#include <vector>

namespace direct::test {

struct Vector {
    std::string file;     ///< for messages: "newuser_subject.vec:12"
    std::string section;  ///< the [section] above the block
    std::map<std::string, std::string> fields;
    bool has(const std::string& name) const { return fields.contains(name); }
    std::string get(const std::string& name, std::string otherwise = "") const;
};
std::ostream& operator<<(std::ostream&, const Vector&);

/// Reads tests/vectors/<name>. A missing or empty file ends the test program with a message.
std::vector<Vector> load_vectors(const std::string& name);

/// The project's root (DIRECT_SOURCE, else found from the working directory).
std::string source_dir();
/// The build folder (DIRECT_BUILD).
std::string build_dir();
/// ../shared or DIRECT_SHARED; empty where it is missing: the caller then skips, saying so.
std::string shared_dir();

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);

}  // namespace direct::test
