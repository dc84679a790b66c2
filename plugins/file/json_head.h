// json_head.h - the members a JSON document begins with, without reading the rest. Pure; thread safe.
#pragma once
#include <functional>
#include <string_view>

namespace direct::file {

/// Calls member(name, value) for each string member of the outermost object, in order, as far as `head` goes;
/// false from it ends the walk. Names and values as they stand between the quotes, escapes not undone.
/// Returns true when what was seen is JSON: an object that is open or closed, nothing else.
bool walk_object(std::string_view head,
                 const std::function<bool(std::string_view, std::string_view)>& member);

}  // namespace direct::file
