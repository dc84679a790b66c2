// postfix.h - does the site's Postfix call us as it must? Reads postconf and postmap output only.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "milter/ctl/findings.h"

namespace direct::ctl {

/// What Postfix has been told.
struct PostfixView {
    std::map<std::string, std::string> main;  ///< main.cf names, expanded values
    struct Service {
        std::string name, type, command;             ///< "smtp", "inet", "smtpd"
        std::map<std::string, std::string> options;  ///< -o name=value
    };
    std::vector<Service> services;  ///< master.cf
    /// Answer of `postmap -q key map`; "" when there is none.
    std::function<std::string(const std::string& key, const std::string& map)> lookup;
    /// All (key, value) of a map that can be listed.
    std::function<std::vector<std::pair<std::string, std::string>>(const std::string& map)> list;

    /// The value that holds in a service.
    std::string value(const Service& service, const std::string& name) const;
    std::string value(const std::string& name) const;
};

/// Asks postconf; nothing is found out when Postfix is not there (a note).
/// @param folder  Postfix's configuration folder, "" = its default
bool read_postfix(const std::string& folder, PostfixView& view, Findings& findings);

void check_postfix(const PostfixView& postfix, const Settings& settings, Findings& findings);

}  // namespace direct::ctl
