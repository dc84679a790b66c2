// settings_tables.cpp - [[domain]], [[bundle]] and [[peer]]: one line per key, which says how the key is
// read and how it is shown. table_keys.def describes the same keys for people; a test compares the two.
#include <functional>

#include "conf/settings_reader.h"
#include "milter/base/address.h"
#include "milter/base/text.h"

namespace direct {
namespace {

using Reader = SettingsReader;
using Kind = TomlNode::Kind;

template <class T>
struct Key {
    const char* name;
    void (*read)(Reader&, const TomlNode&, const std::string& full_name, T&);
    std::string (*shown)(const T&);
};

/// Reads one table strictly: unknown keys are faults, known ones are handed to their reader.
template <class T, std::size_t N>
void read_keys(Reader& reader, const TomlNode& node, const std::string& prefix, const Key<T> (&keys)[N],
               T& out)
{
    if (!reader.is_kind(node, prefix, Kind::table)) return;
    std::vector<std::string> known;
    for (const auto& key : keys) known.emplace_back(key.name);
    for (const auto& member : node.members) {
        auto full = prefix + "." + member.name;
        const Key<T>* found = nullptr;
        for (const auto& key : keys)
            if (member.name == key.name) found = &key;
        if (!found) {
            reader.unknown(member.at, "name", full, known);
            continue;
        }
        reader.was_set(full, member.at);
        found->read(reader, member.value, full, out);
    }
}

template <class T, std::size_t N>
void read_list(Reader& reader, const TomlNode& node, const std::string& name, const Key<T> (&keys)[N],
               const char* required, std::vector<T>& out)
{
    if (!reader.is_kind(node, name, Kind::list)) return;
    for (const auto& item : node.items) {
        auto one = name + "." + std::to_string(out.size() + 1);
        reader.was_set(one, item.at);
        read_keys(reader, item, one, keys, out.emplace_back());
        if (item.kind == Kind::table && !reader.is_set(one + "." + required))
            reader.fault(item.at, one + " has no " + required);
    }
}

// One line per kind of member; the member is a template argument, so that a table is a plain array.
template <auto Member, class T>
void text(Reader& r, const TomlNode& n, const std::string& name, T& t)
{
    r.text(n, name, t.*Member);
}
template <auto Member, class T>
void lower(Reader& r, const TomlNode& n, const std::string& name, T& t)
{
    if (r.text(n, name, t.*Member)) t.*Member = ascii_lower(t.*Member);
}
template <auto Member, class T>
void texts(Reader& r, const TomlNode& n, const std::string& name, T& t)
{
    r.texts(n, name, t.*Member);
}
template <auto Member, class T>
void flag(Reader& r, const TomlNode& n, const std::string& name, T& t)
{
    r.flag(n, name, t.*Member);
}
template <auto Member, class T>
void domain(Reader& r, const TomlNode& n, const std::string& name, T& t)
{
    std::string typed;
    if (!r.text(n, name, typed)) return;
    auto normal = normal_domain(typed);
    if (normal)
        t.*Member = *normal;
    else
        r.fault(n.at, name + " \"" + typed + "\" is no domain name");
}
template <auto Member, class T>
std::string shown(const T& t)
{
    return value_text(t.*Member);
}

using Login = LoginSettings;
constexpr Key<Login> login_keys[] = {
    {"user", text<&Login::user, Login>, shown<&Login::user, Login>},
    {"from", texts<&Login::from, Login>, shown<&Login::from, Login>},
};

using Client = ClientSettings;
constexpr Key<Client> client_keys[] = {
    {"network", text<&Client::network, Client>, shown<&Client::network, Client>},
    {"from", texts<&Client::from, Client>, shown<&Client::from, Client>},
};

constexpr Key<DomainBundle> domain_bundle_keys[] = {
    {"name", text<&DomainBundle::name, DomainBundle>, shown<&DomainBundle::name, DomainBundle>},
    {"incoming", flag<&DomainBundle::incoming, DomainBundle>, shown<&DomainBundle::incoming, DomainBundle>},
    {"outgoing", flag<&DomainBundle::outgoing, DomainBundle>, shown<&DomainBundle::outgoing, DomainBundle>},
};

using Domain = DomainSettings;

constexpr Key<PolicyUse> policy_use_keys[] = {
    {"file", text<&PolicyUse::file, PolicyUse>, shown<&PolicyUse::file, PolicyUse>},
    {"incoming", flag<&PolicyUse::incoming, PolicyUse>, shown<&PolicyUse::incoming, PolicyUse>},
    {"outgoing", flag<&PolicyUse::outgoing, PolicyUse>, shown<&PolicyUse::outgoing, PolicyUse>},
};

/// A list of files, or of tables where the directions are not the usual ones of the place.
template <auto Member, bool Incoming, bool Outgoing>
void policy_uses(Reader& r, const TomlNode& n, const std::string& name, Domain& d)
{
    if (!r.is_kind(n, name, Kind::list)) return;
    auto& list = d.*Member;
    for (const auto& item : n.items) {
        PolicyUse use{"", Incoming, Outgoing};
        auto one = name + "." + std::to_string(list.size() + 1);
        if (item.kind == Kind::table) {
            read_keys(r, item, one, policy_use_keys, use);
            if (!r.is_set(one + ".file")) r.fault(item.at, one + " has no file");
        } else {
            r.text(item, one, use.file);
        }
        if (!use.incoming && !use.outgoing) r.fault(item.at, one + " has neither direction");
        use.file = r.absolute(use.file);
        list.push_back(std::move(use));
    }
}

template <auto Member>
std::string shown_uses(const Domain& d)
{
    std::vector<std::string> parts;
    for (const auto& use : d.*Member)
        parts.push_back(use.file + (use.incoming && use.outgoing ? ""
                                    : use.incoming               ? " (incoming)"
                                                                 : " (outgoing)"));
    return join(parts, ", ");
}

constexpr Key<Domain> policy_keys[] = {
    {"private", policy_uses<&Domain::policies_private, true, true>, shown_uses<&Domain::policies_private>},
    {"public", policy_uses<&Domain::policies_public, false, true>, shown_uses<&Domain::policies_public>},
    {"trust", policy_uses<&Domain::policies_trust, true, false>, shown_uses<&Domain::policies_trust>},
};

template <class T, std::size_t N>
std::string shown_keys(const Key<T> (&keys)[N], const T& t)
{
    std::vector<std::string> parts;
    for (const auto& key : keys) parts.push_back(std::string(key.name) + "=" + key.shown(t));
    return join(parts, " ");
}

template <class T, std::size_t N>
std::string shown_list(const Key<T> (&keys)[N], const std::vector<T>& list)
{
    std::vector<std::string> parts;
    for (const auto& t : list) parts.push_back(shown_keys(keys, t));
    return join(parts, "; ");
}

void read_listed(Reader& r, const TomlNode& n, const std::string& name, Domain& d)
{
    if (!r.texts(n, name, d.listed)) return;
    for (auto& local : d.listed) local = ascii_lower(local);
}

template <auto Member, std::size_t Words, class T>
void choice(Reader& r, const TomlNode& n, const std::string& name, T& t)
{
    static constexpr const char* words[] = {"postfix|listed", "refuse|pass", "delivered|relayed",
                                            "pkcs1|oaep-sha256", "aes-128-cbc|aes-256-cbc|aes-256-gcm"};
    std::string word;
    if (r.choice(n, name, words[Words], word)) t.*Member = word;
}

void read_pickup_url(Reader& r, const TomlNode& n, const std::string& name, Domain& d)
{
    if (!r.text(n, name, d.pickup_url)) return;
    while (d.pickup_url.ends_with('/')) d.pickup_url.pop_back();
}

constexpr Key<Domain> domain_keys[] = {
    {"name", domain<&Domain::name, Domain>, shown<&Domain::name, Domain>},
    {"environment", text<&Domain::environment, Domain>, shown<&Domain::environment, Domain>},
    {"newuser", lower<&Domain::newuser, Domain>, shown<&Domain::newuser, Domain>},
    {"mailboxes", choice<&Domain::mailboxes, 0, Domain>, shown<&Domain::mailboxes, Domain>},
    {"listed", read_listed, shown<&Domain::listed, Domain>},
    {"plain", choice<&Domain::plain, 1, Domain>, shown<&Domain::plain, Domain>},
    {"final", choice<&Domain::final_, 2, Domain>, shown<&Domain::final_, Domain>},
    {"bundles",
     [](Reader& r, const TomlNode& n, const std::string& name, Domain& d) {
         read_list(r, n, name, domain_bundle_keys, "name", d.bundles);
     },
     [](const Domain& d) { return shown_list(domain_bundle_keys, d.bundles); }},
    {"policies",
     [](Reader& r, const TomlNode& n, const std::string& name, Domain& d) {
         read_keys(r, n, name, policy_keys, d);
     },
     [](const Domain& d) { return shown_keys(policy_keys, d); }},
    {"login_is_address", flag<&Domain::login_is_address, Domain>, shown<&Domain::login_is_address, Domain>},
    {"login",
     [](Reader& r, const TomlNode& n, const std::string& name, Domain& d) {
         read_list(r, n, name, login_keys, "user", d.login);
     },
     [](const Domain& d) { return shown_list(login_keys, d.login); }},
    {"client",
     [](Reader& r, const TomlNode& n, const std::string& name, Domain& d) {
         read_list(r, n, name, client_keys, "network", d.client);
     },
     [](const Domain& d) { return shown_list(client_keys, d.client); }},
    {"pickup_url", read_pickup_url, shown<&Domain::pickup_url, Domain>},
    {"organisation", text<&Domain::organisation, Domain>, shown<&Domain::organisation, Domain>},
    {"language", text<&Domain::language, Domain>, shown<&Domain::language, Domain>},
};

using Bundle = BundleSettings;

void read_signer(Reader& r, const TomlNode& n, const std::string& name, Bundle& b)
{
    if (r.text(n, name, b.signer)) b.signer = r.absolute(b.signer);
}

void read_refresh(Reader& r, const TomlNode& n, const std::string& name, Bundle& b)
{
    std::string typed;
    if (!r.text(n, name, typed)) return;
    ScalarRow row{};
    row.type = SettingType::Duration;
    row.min = "1s";
    row.max = "30d";
    if (auto done = read_value(row, typed, b.refresh); !done) r.fault(n.at, name + " " + done.error().why);
}

constexpr Key<Bundle> bundle_keys[] = {
    {"name", text<&Bundle::name, Bundle>, shown<&Bundle::name, Bundle>},
    {"url", text<&Bundle::url, Bundle>, shown<&Bundle::url, Bundle>},
    {"signer", read_signer, shown<&Bundle::signer, Bundle>},
    {"refresh", read_refresh, shown<&Bundle::refresh, Bundle>},
};

using Peer = PeerSettings;

template <auto Member>
std::string shown_optional(const Peer& p)
{
    return p.*Member ? value_text(*(p.*Member)) : "";
}

constexpr Key<Peer> peer_keys[] = {
    {"domain", domain<&Peer::domain, Peer>, shown<&Peer::domain, Peer>},
    {"key_transport", choice<&Peer::key_transport, 3, Peer>, shown_optional<&Peer::key_transport>},
    {"cipher", choice<&Peer::cipher, 4, Peer>, shown_optional<&Peer::cipher>},
    {"accept_sha1", flag<&Peer::accept_sha1, Peer>, shown<&Peer::accept_sha1, Peer>},
    {"accept_unwrapped",
     [](Reader& r, const TomlNode& n, const std::string& name, Peer& p) {
         bool on = false;
         if (r.flag(n, name, on)) p.accept_unwrapped = on;
     },
     shown_optional<&Peer::accept_unwrapped>},
};

template <class T, std::size_t N>
void values_of(const std::string& prefix, const Key<T> (&keys)[N], const std::vector<T>& list,
               std::vector<TableValue>& out)
{
    for (std::size_t i = 0; i < list.size(); ++i)
        for (const auto& key : keys)
            out.push_back({prefix + "." + std::to_string(i + 1) + "." + key.name, key.shown(list[i])});
}

template <class T, std::size_t N>
std::vector<std::string> names(const Key<T> (&keys)[N])
{
    std::vector<std::string> all;
    for (const auto& key : keys) all.emplace_back(key.name);
    return all;
}

}  // namespace

void read_tables(SettingsReader& reader, const TomlMember& table)
{
    if (table.value.kind != Kind::list) {
        reader.fault(table.at,
                     "\"" + table.name + "\" may stand several times: write [[" + table.name + "]]");
        return;
    }
    auto& s = reader.settings;
    if (table.name == "domain") read_list(reader, table.value, "domain", domain_keys, "name", s.domains);
    if (table.name == "bundle") read_list(reader, table.value, "bundle", bundle_keys, "name", s.bundles);
    if (table.name == "peer") read_list(reader, table.value, "peer", peer_keys, "domain", s.peers);
}

std::vector<TableValue> table_values(const Settings& settings)
{
    std::vector<TableValue> all;
    values_of("domain", domain_keys, settings.domains, all);
    values_of("bundle", bundle_keys, settings.bundles, all);
    values_of("peer", peer_keys, settings.peers, all);
    return all;
}

std::vector<std::string> keys_read(std::string_view table)
{
    if (table == "domain") return names(domain_keys);
    if (table == "bundle") return names(bundle_keys);
    return names(peer_keys);
}

}  // namespace direct
