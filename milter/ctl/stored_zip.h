// stored_zip.h - a zip whose files are stored as they are: for anchor export. Pure.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace direct::ctl {

/// @param files  name (no path), content; together below 4 GB
std::string stored_zip(const std::vector<std::pair<std::string, std::string>>& files);

}  // namespace direct::ctl
