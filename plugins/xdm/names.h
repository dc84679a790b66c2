// names.h - names of members and the URIs that mean them, as text. Never paths. Pure functions, thread safe.
#pragma once
#include <string>
#include <string_view>

namespace direct::xdm {

std::string lower(std::string_view s);  ///< ASCII letters

inline std::string_view last_part(std::string_view name)
{
    return name.substr(name.rfind('/') + 1);
}
/// With its '/' at the end; "" at the top.
inline std::string_view folder_of(std::string_view name)
{
    return name.substr(0, name.rfind('/') + 1);
}
/// The last part without its ending.
inline std::string_view stem(std::string_view name)
{
    name = last_part(name);
    return name.substr(0, name.rfind('.'));
}

/// A member METADATA.XML of a folder below IHE_XDM, in whatever case and at whatever depth.
bool is_metadata(std::string_view name);
/// What packages carry beside documents, for people without our software or by accident: index, readme,
/// stylesheets, a system's own files. `path` in lower case.
bool is_company(std::string_view path);
/// A URI that means something outside the package: absolute, with a scheme or drive, or with "..".
bool points_out(std::string_view uri);
/// "%20" as a blank; what is no such triple stays.
std::string percent_decoded(std::string_view s);

}  // namespace direct::xdm
