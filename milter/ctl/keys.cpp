// keys.cpp - our private keys: listed, asked for, added. A key file is 0400 and belongs to the owner of the
// keys' folder; nothing is overwritten, and a key that does not fit its certificate is never stored.
#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "milter/base/text.h"
#include "milter/ctl/access.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/files.h"
#include "milter/ctl/print.h"
#include "milter/smime/key_ring.h"
#include "policy/issue.h"

namespace direct::ctl {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t key_file_max = 1 << 20;

std::string uses(const Certificate& c)
{
    std::string out;
    if (c.may_sign()) out += "sign";
    if (c.may_encrypt()) out += out.empty() ? "encrypt" : "+encrypt";
    return out.empty() ? "none" : out;
}

/// An address of ours or a domain of ours, in normal form.
Result<std::string> own_name(const Settings& settings, const std::string& given)
{
    bool address = given.find('@') != std::string::npos;
    auto parsed = address ? parse_address(given) : Result<Address>(Address{"", ""});
    auto domain = address ? Result<std::string>(parsed ? parsed->domain : "") : normal_domain(given);
    if (!parsed || !domain) return fail(refuse(Reason::input, given + ": neither address nor domain"));
    if (!settings.domain(*domain))
        return fail(refuse(Reason::input, *domain + " is no [[domain]] of the configuration"));
    return address ? parsed->key() : *domain;
}

bool binds(const Certificate& c, const std::string& name)
{
    if (name.find('@') == std::string::npos) return c.bound_to_domain(name);
    auto address = parse_address(name);
    return address && c.bound_to_address(*address);
}

/// What a certificate is bound to among our domains, when that is exactly one thing.
Result<std::string> name_of(const Settings& settings, const Certificate& c)
{
    std::vector<std::string> names;
    for (const auto& domain : c.domains())
        if (settings.domain(domain)) names.push_back(domain);
    for (const auto& email : c.emails())
        if (settings.domain(email.domain)) names.push_back(email.key());
    if (names.size() == 1) return names.front();
    if (names.empty())
        return fail(
            refuse(Reason::bad_usage, "the certificate (" + c.subject() + ") is bound to no domain of ours"));
    return fail(refuse(Reason::input,
                       "the certificate is bound to " + join(names, ", ") + "; say which with --name"));
}

/// Reads a password without showing it; empty where nobody can be asked.
Result<Secret> password_for(const std::string& file)
{
    if (!file.empty()) {
        TRY(auto text, read_whole_file(file, 4096));
        CleanseAtEnd cleanse(text);
        return Secret(std::string_view(text).substr(0, text.find_first_of("\r\n")));
    }
    termios before{};
    if (tcgetattr(STDIN_FILENO, &before) != 0) return Secret();
    auto quiet = before;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    std::fprintf(stderr, "Password of the PKCS#12 file: ");
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    char buffer[1024];
    auto n = ::read(STDIN_FILENO, buffer, sizeof buffer);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    std::fprintf(stderr, "\n");
    std::string_view typed(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
    Secret password(typed.substr(0, typed.find_first_of("\r\n")));
    cleanse(buffer, sizeof buffer);
    return password;
}

struct Found {
    KeyWithChain pair;
    std::string kept_as;  ///< the key's file when it lies in the keys' folder already (key request)
};

Result<Secret> read_secret_file(const std::string& path)
{
    TRY(auto text, read_whole_file(path, key_file_max));
    CleanseAtEnd cleanse(text);
    return Secret(text);
}

/// The key that `key request` left in the folder and that this certificate answers.
Result<Found> waiting_key(const std::string& folder, std::vector<Certificate> certificates)
{
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        if (entry.path().extension() != ".key" || fs::exists(fs::path(entry).replace_extension(".crt")))
            continue;
        auto key = read_secret_file(entry.path());
        if (key && key_fits(certificates.front(), *key))
            return Found{{std::move(*key), std::move(certificates)}, entry.path()};
    }
    return fail(refuse(Reason::input, "no key in " + folder + " fits this certificate; give --key FILE"));
}

Result<Found> find_pair(const Settings& settings, const KeyAddOptions& given)
{
    if (!given.p12.empty()) {
        TRY(auto bytes, read_whole_file(given.p12, key_file_max));
        CleanseAtEnd cleanse(bytes);
        TRY(auto password, password_for(given.password_file));
        TRY(auto pair, read_pkcs12(bytes, password));
        return Found{std::move(pair), ""};
    }
    TRY(auto certificates, load_certificates(given.certificate));
    if (certificates.empty())
        return fail(refuse(Reason::input, given.certificate + ": no certificate in it"));
    if (!given.key.empty()) {
        TRY(auto key, read_secret_file(given.key));
        return Found{{std::move(key), std::move(certificates)}, ""};
    }
    Result<std::string> name = given.name;
    if (given.name.empty()) name = name_of(settings, certificates.front());
    if (!name) return fail(name.error());
    return waiting_key(settings.store_keys + "/" + *name, std::move(certificates));
}

/// Why this certificate must not be used for that name, or nothing.
Status acceptable(const Certificate& c, const Secret& key, const std::string& name, Time now)
{
    if (auto fits = key_fits(c, key); !fits) return fail(refuse(Reason::bad_usage, fits.error().why));
    if (!binds(c, name))
        return fail(
            refuse(Reason::bad_usage, "the certificate (" + c.subject() + ") is not bound to " + name));
    if (!c.strong_key())
        return fail(refuse(Reason::weak_key, "the key is too weak (RSA 2048, P-256 or better)"));
    if (!c.for_email() || (!c.may_sign() && !c.may_encrypt()))
        return fail(refuse(Reason::bad_usage, "its key usage allows neither signing nor encrypting mail"));
    if (c.not_after() < now)
        return fail(refuse(Reason::expired, "it expired on " + short_time(c.not_after())));
    return Done{};
}

Json key_json(const OwnKey& k)
{
    return {{"name", k.name},
            {"use", uses(k.certificate)},
            {"subject", k.certificate.subject()},
            {"issuer", k.certificate.issuer()},
            {"serial", k.certificate.serial()},
            {"not_before", iso8601(k.certificate.not_before())},
            {"not_after", iso8601(k.certificate.not_after())},
            {"fingerprint", k.certificate.fingerprint()},
            {"file", k.file}};
}

}  // namespace

int cmd_key_list(const Common& common)
{
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    if (auto became = become_store_owner(**settings); !became) return tell(became.error());
    auto ring = KeyRing::load((*settings)->store_keys);
    const auto all = ring.all();
    if (common.json) {
        Json json = {{"keys", Json::array()}, {"findings", ring.findings()}};
        for (const auto* k : all) json["keys"].push_back(key_json(*k));
        std::printf("%s\n", json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
        return done;
    }
    TextTable table({"NAME", "USE", "EXPIRES", "FINGERPRINT (SHA-256)", "SUBJECT"});
    for (const auto* k : all)
        table.add({k->name, uses(k->certificate), short_time(k->certificate.not_after()),
                   k->certificate.fingerprint(), k->certificate.subject()});
    table.print();
    for (const auto& finding : ring.findings()) std::printf("left out: %s\n", printable(finding).c_str());
    return done;
}

int cmd_key_request(const Common& common, const KeyRequestOptions& given)
{
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    auto name = own_name(**settings, given.name);
    if (!name) return tell(name.error());
    auto key = make_key(given.algorithm);
    if (!key) return tell(key.error());
    auto request = make_request({*name, "", given.organisation}, *key);
    if (!request) return tell(request.error());
    if (auto noted = write_note(common, *settings, {"key-request", "for " + *name, "", "", "", "ok", {}});
        !noted)
        return tell(noted.error());
    KeyFolder folder((*settings)->store_keys);
    auto file = "requested-" + iso8601(common.now).substr(0, 10) + "-" + hex(random_bytes(4));
    auto stored = folder.add(*name, file + ".key", key->view(), 0400);
    if (!stored) return tell(stored.error());
    if (given.out.empty()) {
        std::printf("%s", request->c_str());
        std::fprintf(stderr,
                     "The key waits in %s; when the certificate has come: directctl key add --cert FILE\n",
                     stored->c_str());
        return done;
    }
    if (auto written = write_new_file(given.out, *request, 0644); !written) return tell(written.error());
    std::printf("%s\n", given.out.c_str());
    return done;
}

int cmd_key_add(const Common& common, const KeyAddOptions& given)
{
    if (given.p12.empty() == given.certificate.empty())
        return tell_usage("give --cert FILE (with --key FILE), or --p12 FILE");
    auto settings = settings_of(common);
    if (!settings) return tell(settings.error());
    auto found = find_pair(**settings, given);
    if (!found) return tell(found.error());
    const auto& leaf = found->pair.certificates.front();
    auto name = given.name.empty() ? name_of(**settings, leaf) : own_name(**settings, given.name);
    if (!name) return tell(name.error());
    if (auto good = acceptable(leaf, found->pair.key_pem, *name, common.now); !good)
        return tell(good.error());
    Note note{"key-add", "for " + *name + ", " + leaf.subject(), "", "", "", "ok", {leaf.fingerprint()}};
    if (auto noted = write_note(common, *settings, note); !noted) return tell(noted.error());
    std::string pem;
    for (const auto& c : found->pair.certificates) pem += certificate_pem(c);
    KeyFolder folder((*settings)->store_keys);
    auto base =
        found->kept_as.empty() ? leaf.fingerprint().substr(0, 16) : fs::path(found->kept_as).stem().string();
    if (found->kept_as.empty())
        if (auto stored = folder.add(*name, base + ".key", found->pair.key_pem.view(), 0400); !stored)
            return tell(stored.error());
    auto stored = folder.add(*name, base + ".crt", pem, 0444);
    if (!stored) return tell(stored.error());
    std::printf("%s\n  for %s, %s, until %s\n  SHA-256 %s\nUsed after: directctl reload\n", stored->c_str(),
                name->c_str(), uses(leaf).c_str(), short_time(leaf.not_after()).c_str(),
                leaf.fingerprint().c_str());
    return done;
}

}  // namespace direct::ctl
