// directctl - what an administrator types. Reads the command line and calls one function per command.
//
// The only file with CLI11: it costs ten seconds of compiling. A command that is not here does not exist.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>
#include <map>

#include "milter/base/log.h"
#include "milter/ctl/commands.h"
#include "milter/records/peer.h"

namespace {
using namespace direct;
using namespace direct::ctl;

/// Everything the command line can fill, and what to run afterwards.
struct CommandLine {
    Common common;
    std::string time;
    std::map<const CLI::App*, std::function<int()>> commands;

    InitOptions init;
    CheckOptions check;
    bool changed = false, all = false, ended = false;
    KeyRequestOptions key_request{"", "", "rsa-3072", ""};
    KeyAddOptions key_add;
    AnchorAddOptions anchor_add;
    BundleAddOptions bundle_add;
    std::string domain, fingerprint, id, name, since, format = "json";
    bool zip = false, dry_run = false;
    CertFindOptions cert_find;
    CertPublishOptions cert_publish;
    ExplainOptions explain;
    SubjectOptions subject;
    ParseOptions parse;
    PolicyEvalOptions policy;
    bool no_sandbox = false;
    AuditOptions audit;
    RecordShowOptions record_show;
    RecordExportOptions record_export;
    std::string reparse_plugin;
};

CLI::App* command(CLI::App& parent, const char* name, const char* what, CommandLine& line,
                  std::function<int()> run)
{
    auto* sub = parent.add_subcommand(name, what);
    line.commands[sub] = std::move(run);
    return sub;
}

CLI::App* family(CLI::App& app, const char* name, const char* what)
{
    auto* sub = app.add_subcommand(name, what);
    sub->require_subcommand(1);
    return sub;
}

void add_site_commands(CLI::App& app, CommandLine& line)
{
    auto& l = line;
    auto* init = command(app, "init", "Configuration, folders, keys and store of a new site", l,
                         [&l] { return cmd_init(l.common, l.init); });
    init->add_option("--domain", l.init.domain, "The Direct domain")->required();
    init->add_option("--dir", l.init.dir, "Put everything below this folder (a trial; no root needed)");
    init->add_flag("--test", l.init.test, "With a CA of its own and a partner domain to try with");

    auto* check = command(app, "check", "Everything that may be wrong, each with a remedy", l,
                          [&l] { return cmd_check(l.common, l.check); });
    check->add_flag("--nagios", l.check.nagios, "One line, exit code 0, 1 or 2");
    check->add_option("--postfix", l.check.postfix, "Postfix's configuration folder, if not its default");

    auto* settings = command(app, "settings", "Every setting, its value and where it came from", l,
                             [&l] { return cmd_settings(l.common, l.changed); });
    settings->add_flag("--changed", l.changed, "Only those that are set");

    command(app, "reload", "The daemon reads configuration, keys and anchors again", l,
            [&l] { return cmd_reload(l.common); });
    command(app, "metrics", "The daemon's counters, as Prometheus text", l,
            [&l] { return cmd_metrics(l.common); });
}

void add_certificate_commands(CLI::App& app, CommandLine& l)
{
    auto* key = family(app, "key", "Our own keys and certificates");
    command(*key, "list", "By address or domain, with use and expiry", l,
            [&l] { return cmd_key_list(l.common); });
    auto* request = command(*key, "request", "Makes a key and prints the request for your CA", l,
                            [&l] { return cmd_key_request(l.common, l.key_request); });
    request->add_option("NAME", l.key_request.name, "Address or domain of ours")->required();
    request->add_option("--organisation", l.key_request.organisation, "O of the subject");
    request->add_option("--algorithm", l.key_request.algorithm, "rsa-2048 rsa-3072 rsa-4096 p-256 p-384")
        ->capture_default_str();
    request->add_option("--out", l.key_request.out, "Write the request to this new file");
    auto* add = command(*key, "add", "Adds a certificate with its key", l,
                        [&l] { return cmd_key_add(l.common, l.key_add); });
    add->add_option("--cert", l.key_add.certificate,
                    "Certificate, its intermediates behind it (PEM, DER, p7b)");
    add->add_option("--key", l.key_add.key, "Its key (PEM); default: the one key request made");
    add->add_option("--p12", l.key_add.p12, "Both in one PKCS#12 file");
    add->add_option("--password-file", l.key_add.password_file,
                    "Password of the PKCS#12 file in its first line");
    add->add_option("--name", l.key_add.name, "Address or domain it is for; default: from the certificate");

    auto* anchor = family(app, "anchor", "Whom we trust");
    auto* list = command(*anchor, "list", "Anchors by domain and direction", l,
                         [&l] { return cmd_anchor_list(l.common, l.domain); });
    auto* add_anchor = command(*anchor, "add", "Shows fingerprints, then stores anchors", l,
                               [&l] { return cmd_anchor_add(l.common, l.anchor_add); });
    add_anchor->add_option("FILE", l.anchor_add.files, "PEM, DER, p7b, p7m or zip of them")->required();
    add_anchor->add_option("--domain", l.anchor_add.domain, "Our domain that trusts; default: the only one");
    add_anchor->add_flag("--in", l.anchor_add.in, "For incoming mail only");
    add_anchor->add_flag("--out", l.anchor_add.out, "For outgoing mail only");
    add_anchor->add_flag("--yes", l.anchor_add.yes, "The fingerprints have been compared");
    add_anchor->add_flag("--end-certificates", l.anchor_add.end_certificates,
                         "With --yes: also certificates that are no CA, each as what it is itself");
    auto* remove = command(*anchor, "remove", "Takes an anchor away", l,
                           [&l] { return cmd_anchor_remove(l.common, l.fingerprint, l.domain); });
    remove->add_option("FINGERPRINT", l.fingerprint, "SHA-256, 64 digits")->required();
    auto* exports = command(*anchor, "export", "All anchors as PEM", l,
                            [&l] { return cmd_anchor_export(l.common, l.domain, l.zip); });
    exports->add_flag("--zip", l.zip, "A zip with one file for each on standard output");
    for (auto* sub : {list, remove, exports}) sub->add_option("--domain", l.domain, "Only of this domain");
}

void add_bundle_commands(CLI::App& app, CommandLine& l)
{
    auto* bundle = family(app, "bundle", "Trust bundles: anchors a community publishes");
    command(*bundle, "list", "State, age and number of anchors", l,
            [&l] { return cmd_bundle_list(l.common); });
    auto* add = command(*bundle, "add", "Fetches and shows a bundle, then writes it into the configuration",
                        l, [&l] { return cmd_bundle_add(l.common, l.bundle_add); });
    add->add_option("NAME", l.bundle_add.name, "Its name here")->required();
    add->add_option("--url", l.bundle_add.url, "Where it is published")->required();
    add->add_option("--signer", l.bundle_add.signer,
                    "Certificate that signs it; absent: unsigned is expected");
    add->add_option("--domain", l.bundle_add.domain, "Our domain that trusts; default: the only one");
    add->add_flag("--in", l.bundle_add.in, "For incoming mail only");
    add->add_flag("--out", l.bundle_add.out, "For outgoing mail only");
    add->add_flag("--yes", l.bundle_add.yes, "The signer's fingerprint has been compared");
    auto* refresh = command(*bundle, "refresh", "Fetches now; one, or all", l,
                            [&l] { return cmd_bundle_refresh(l.common, l.name, l.dry_run); });
    refresh->add_option("NAME", l.name, "Only this one");
    refresh->add_flag("--dry-run", l.dry_run, "Tell who would gain and lose trust, change nothing");
}

void add_discovery_commands(CLI::App& app, CommandLine& l)
{
    auto* cert = family(app, "cert", "Certificates of partners, and ours as they find them");
    auto* find = command(*cert, "find", "Can mail be sent to an address, and if not, why", l,
                         [&l] { return cmd_cert_find(l.common, l.cert_find); });
    find->add_option("ADDRESS", l.cert_find.address, "The partner's address")->required();
    find->add_flag("--trace", l.cert_find.trace, "Every step, what was asked and answered");
    find->add_option("--domain", l.cert_find.domain, "Our domain that would send; default: each");
    auto* publish = command(*cert, "publish",
                            "What to put into the DNS or a directory, so that others find our certificate", l,
                            [&l] { return cmd_cert_publish(l.common, l.cert_publish); });
    publish->add_option("NAME", l.cert_publish.name, "Address or domain of ours")->required();
    auto& p = l.cert_publish;
    auto* zone = publish->add_flag("--zone", p.zone, "Lines of a zone file (the default)");
    auto* generic = publish->add_flag(
        "--generic", p.generic, "Those lines as TYPE37 (RFC 3597), for a server that does not know CERT");
    auto* ldif = publish->add_flag("--ldif", p.ldif, "An entry for the directory your domain names instead");
    ldif->excludes(zone)->excludes(generic);
    publish->add_option("--base", p.base, "DN it stands below; default: the domain's labels, dc=...")
        ->needs(ldif);
    auto* device =
        publish->add_flag("--device", p.device, "The entry is a device, no inetOrgPerson")->needs(ldif);
    publish
        ->add_flag("--change", p.change, "Replaces the certificates of an entry that is there (ldapmodify)")
        ->needs(ldif)
        ->excludes(device);
    publish->add_flag("--with-base", p.with_base, "The entry of the base first, for an empty directory")
        ->needs(ldif);
}

void add_mail_commands(CLI::App& app, CommandLine& l)
{
    auto* explain = command(app, "explain", "What would become of a message, for each recipient, and why", l,
                            [&l] { return cmd_explain(l.common, l.explain); });
    explain->add_option("--direction", l.explain.direction, "in or out")->required();
    explain->add_option("--from", l.explain.from, "Envelope sender; going out also the login")->required();
    explain->add_option("--login", l.explain.login, "Going out: the login, if not the sender");
    explain->add_option("--to", l.explain.to, "Recipients")->required()->take_all()->expected(1, -1);
    explain->add_option("--out", l.explain.out, "Write the message that would go on (mode 0600)");
    explain->add_flag("--text", l.explain.text, "Prose instead of JSON");
    explain->add_option("MESSAGE", l.explain.message, "The message as it came");

    auto* subject = app.add_subcommand("subject", "Reads a newuser subject");
    auto* value = subject->add_option("LINE", l.subject.line, "Header value; - reads it from standard input");
    auto* header = subject->add_option("--header", l.subject.header_file,
                                       "Raw header bytes from this file (- is standard input)");
    value->excludes(header);
    subject->add_option("--newuser", l.subject.newuser, "Our newuser address; may be repeated")
        ->expected(1)
        ->take_all();
    l.commands[subject] = [&l, value, header] {
        // An empty LINE is a subject as well.
        if (value->count() + header->count() == 0) return tell_usage("give a LINE or --header FILE");
        return cmd_subject(l.common, l.subject);
    };

    auto* parse = command(app, "parse", "Runs the parser plugins on a file", l, [&l] {
        if (l.parse.file.empty() && !l.parse.list) return tell_usage("give a FILE or --list");
        l.parse.sandbox = !l.no_sandbox;
        return cmd_parse(l.common, l.parse);
    });
    auto* document = parse->add_option("FILE", l.parse.file, "The document; - is standard input");
    parse->add_option("--type", l.parse.type, "Its media type, with a charset parameter or without");
    parse->add_option("--name", l.parse.name, "Its file name");
    parse->add_option("--plugins", l.parse.plugins, "Folder of plugins instead of plugins.path");
    parse->add_flag("--list", l.parse.list, "The plugins loaded and refused, with why; reads no file")
        ->excludes(document);
    parse->add_flag("--no-sandbox", l.no_sandbox,
                    "For plugin authors: no system call filter, standard error is shown; refused as root");
}

void add_policy_commands(CLI::App& app, CommandLine& l)
{
    auto* policy = family(app, "policy", "Certificate policies; needs no configuration");
    auto* check = command(*policy, "check", "Reads a policy and tells what may not be meant", l,
                          [&l] { return cmd_policy_check(l.common, l.policy.file); });
    check->add_option("FILE", l.policy.file, "The policy; - is standard input")->required();
    auto* eval = policy->add_subcommand("eval", "Prints true or false for a certificate");
    auto* file = eval->add_option("FILE", l.policy.file, "The policy; - is standard input");
    auto* text = eval->add_option("-e,--expression", l.policy.expression, "The policy itself");
    file->excludes(text);
    eval->add_option("--cert", l.policy.certificate, "Certificate (PEM, DER, p7b: the first)")->required();
    eval->add_flag("--explain", l.policy.explain, "Every field and operation with its value");
    l.commands[eval] = [&l, file, text] {
        if (file->count() + text->count() == 0) return tell_usage("give a FILE or -e EXPRESSION");
        return cmd_policy_eval(l.common, l.policy);
    };
}

void add_record_commands(CLI::App& app, CommandLine& l)
{
    auto* held = family(app, "held", "Records that wait for a person");
    command(*held, "list", "All, newest first", l, [&l] { return cmd_held_list(l.common); });
    auto* held_show = command(*held, "show", "One; never its answer or subject", l,
                              [&l] { return cmd_held_show(l.common, l.id); });
    auto* held_revoke = command(*held, "revoke", "Withdraw one before it is picked up; its sender is told", l,
                                [&l] { return cmd_held_revoke(l.common, l.id); });
    auto* held_purge =
        command(*held, "purge", "Remove content and key of one that has ended, before its time", l,
                [&l] { return cmd_held_purge(l.common, l.id, l.ended); });
    auto* purge_one = held_purge->add_option("ID", l.id, "Its id or Message-ID");
    held_purge->add_flag("--ended", l.ended, "All that have ended")->excludes(purge_one);
    auto* record = family(app, "record", "Messages taken, their documents and items");
    auto* list =
        command(*record, "list", "All, newest first", l, [&l] { return cmd_record_list(l.common, l.since); });
    list->add_option("--since", l.since, "Received at or after this time");
    auto& show = l.record_show;
    auto* record_show = command(*record, "show", "One with documents and items, or the items of a mailbox", l,
                                [&l] { return cmd_record_show(l.common, l.record_show); });
    record_show->add_option("ID", show.id, "Id or Message-ID of a message, or a mailbox of ours")->required();
    record_show->add_option("--section", show.section, "Only items of this section (allergies, results ...)");
    record_show->add_option("--code", show.code, "Only items with this code: CODE or SYSTEM|CODE");
    record_show->add_option("--since", show.since, "Only items that began at or after this time");
    record_show->add_option("--until", show.until, "Only items that began before this time");
    record_show->add_flag("--all", show.all, "Also items of documents that have been replaced");
    record_show->add_flag("--narrative", show.narrative, "Documents with the text of their sections");
    auto* record_export =
        command(*record, "export", "Messages, documents, items and files of one, out of the store", l,
                [&l] { return cmd_record_export(l.common, l.record_export); });
    record_export->add_option("ID", l.record_export.id, "Id or Message-ID of a message, or a mailbox of ours")
        ->required();
    record_export
        ->add_option("-o,--out", l.record_export.out,
                     "New folder for them; - is one JSON document on standard output")
        ->required();
    auto* reparse = command(*record, "reparse", "Read attachments again, once a plugin has been mended", l,
                            [&l] { return cmd_record_reparse(l.common, l.id, l.reparse_plugin); });
    reparse->add_option("ID", l.id, "Id or Message-ID of a message: all its attachments");
    reparse->add_option(
        "--plugin", l.reparse_plugin,
        "Only those this plugin failed on (NAME or \"NAME VERSION\"); without ID of all messages");
    for (auto* sub : {held_show, held_revoke})
        sub->add_option("ID", l.id, "Its id or Message-ID")->required();

    auto* audit = command(app, "audit", "Who did what, when, and what came of it", l,
                          [&l] { return cmd_audit(l.common, l.audit); });
    audit->require_subcommand(0, 1);
    command(*audit, "verify", "Is the chain of entries unbroken?", l,
            [&l] { return cmd_audit_verify(l.common); });
    auto* exports = command(*audit, "export", "The whole audit as one document", l, [&l] {
        l.common.json = true;
        return cmd_audit(l.common, l.audit);
    });
    exports->add_option("--format", l.format, "json")->check(CLI::IsMember({"json"}))->required();
    for (auto* sub : {audit, exports}) {
        sub->add_option("--since", l.audit.since, "2026-11-22 or 2026-11-22T03:10:00Z");
        sub->add_option("--until", l.audit.until, "The same");
        sub->add_option("--id", l.audit.id, "Message-ID, queue id or address");
    }

    auto* watch = family(app, "watch", "Outbound mail and its notifications");
    auto* watching = command(*watch, "list", "What still waits for an answer", l,
                             [&l] { return cmd_watch_list(l.common, l.all); });
    watching->add_flag("--all", l.all, "Also what is complete, failed or overdue");
    auto* status = command(app, "status", "What became of a message we sent, per recipient", l,
                           [&l] { return cmd_status(l.common, l.id); });
    status->add_option("MESSAGE-ID", l.id, "With or without its angle brackets")->required();
    auto* outbox = family(app, "outbox", "Mail we owe");
    command(*outbox, "list", "What waits", l, [&l] { return cmd_outbox_list(l.common); });
    auto* retry = command(*outbox, "retry", "Try all, or one, now", l,
                          [&l] { return cmd_outbox_retry(l.common, l.id); });
    retry->add_option("ID", l.id, "Its id");
    auto* store = family(app, "store", "The store");
    command(*store, "stat", "Size and number of entries", l, [&l] { return cmd_store_stat(l.common); });
}

/// The innermost command of the line: `audit verify` is verify, not audit.
const CLI::App* innermost(const CLI::App& app)
{
    const auto* found = &app;
    while (!found->get_subcommands().empty()) found = found->get_subcommands().front();
    return found;
}

int read_and_run(int argc, char** argv)
{
    CommandLine line;
    CLI::App app("Administration of direct-milter.", "directctl");
    app.set_version_flag("--version", std::string("directctl ") + DIRECT_VERSION);
    app.require_subcommand(1);
    app.fallthrough();
    auto* config =
        app.add_option("--config", line.common.config, "Configuration file")->capture_default_str();
    app.add_flag("--json", line.common.json, "Print data as JSON");
    app.add_option("--time", line.time, "Pretend it is this time (2026-11-22T03:10:00Z)");
    add_site_commands(app, line);
    add_certificate_commands(app, line);
    add_bundle_commands(app, line);
    add_discovery_commands(app, line);
    add_mail_commands(app, line);
    add_policy_commands(app, line);
    add_record_commands(app, line);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? done : usage;
    }
    line.common.config_given = config->count() > 0;
    line.common.caller = this_process();
    line.common.now = SystemClock().now();
    if (!line.time.empty()) {
        auto time = parse_iso8601(line.time);
        if (!time) return tell_usage("--time " + line.time + ": no date or time");
        line.common.now = *time;
    }
    return line.commands.at(innermost(app))();
}

/// Where the caller closed one of the three, the next file opened would have its number, and what is printed would go
/// into that file: the store's, perhaps. Opened the wrong way round, so that its use still fails.
bool standard_streams_are_taken()
{
    for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return false;
    return true;
}

}  // namespace

int main(int argc, char** argv)
{
    if (!standard_streams_are_taken()) return later;
    // Keys and opened mail pass through this memory.
    rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    umask(077);
    log_to([](int, const std::string&) {});
    try {
        return all_told(read_and_run(argc, argv));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "directctl: %s\n", e.what());
        return later;
    }
}
