// asking.h - a command's questions to the record service, as JSON. Who includes it includes nlohmann/json.hpp.
#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "milter/ctl/access.h"
#include "milter/ctl/context.h"

namespace direct::ctl {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json);
/// A member as text: lists with commas, objects as JSON; "" when it is missing.
std::string text_of(const Json& row, const char* name);
/// "name: value" lines; objects and lists of objects further in.
void print_tree(const Json& json, const std::string& indent);

/// A command's connection to the service: configuration read once, trouble told once.
class Asking {
public:
    explicit Asking(const Common& common) : common_(common) {}
    /// With a configuration that has been read.
    Asking(const Common& common, const SettingsPtr& settings);

    /// The reply as JSON; nothing when it went wrong, exit() then says how.
    std::optional<Json> ask(std::string_view verb, const Json& parameters);
    /// All pages of a list; false when it went wrong. `row` sees every member of `name`.
    bool pages(std::string_view verb, Json parameters, const char* name, const char* cursor_in,
               const char* cursor_out, const std::function<void(Json&)>& row);
    int exit() const { return exit_; }

private:
    bool open();
    void say_error(const Json& json);

    const Common& common_;
    std::optional<House> house_;
    int exit_ = done;
};

}  // namespace direct::ctl
