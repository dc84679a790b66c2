// print.h - tables and JSON for people and scripts. Text from outside is escaped before it reaches a terminal.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace direct::ctl {

/// Controls, direction marks and bytes that are not UTF-8 become visible; nothing can move the cursor.
std::string printable(std::string_view text);

/// Columns as wide as their widest cell, two blanks between; the last column is not padded.
class TextTable {
public:
    explicit TextTable(std::vector<std::string> heading) { rows_.push_back(std::move(heading)); }
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    std::size_t size() const { return rows_.size() - 1; }
    void print() const;

private:
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace direct::ctl
