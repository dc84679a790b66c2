// commands.h - one plain function per command; main reads the command line and calls it. Each returns the
// exit code of context.h and prints.
#pragma once
#include <string>
#include <vector>

#include "milter/ctl/context.h"

namespace direct::ctl {

struct InitOptions {
    std::string domain, dir;
    bool test = false;
};
int cmd_init(const Common&, const InitOptions&);

struct CheckOptions {
    bool nagios = false;
    std::string postfix;  ///< Postfix's configuration folder; "" = its default
};
int cmd_check(const Common&, const CheckOptions&);

int cmd_settings(const Common&, bool changed);

struct SubjectOptions {
    std::string line, header_file;
    std::vector<std::string> newuser;
};
int cmd_subject(const Common&, const SubjectOptions&);

struct ParseOptions {
    std::string file, type, name;
    std::string plugins;  ///< folder instead of the configured one; "" = none named
    bool list = false;    ///< tell the plugins instead of reading a file
    bool sandbox = true;
};
int cmd_parse(const Common&, const ParseOptions&);

int cmd_policy_check(const Common&, const std::string& file);
struct PolicyEvalOptions {
    std::string file, expression, certificate;
    bool explain = false;
};
int cmd_policy_eval(const Common&, const PolicyEvalOptions&);

int cmd_key_list(const Common&);
struct KeyRequestOptions {
    std::string name, organisation, algorithm, out;
};
int cmd_key_request(const Common&, const KeyRequestOptions&);
struct KeyAddOptions {
    std::string certificate, key, p12, password_file, name;
};
int cmd_key_add(const Common&, const KeyAddOptions&);

struct CertFindOptions {
    std::string address, domain;
    bool trace = false;
};
int cmd_cert_find(const Common&, const CertFindOptions&);
struct CertPublishOptions {
    std::string name, base;
    bool zone = false, generic = false, ldif = false, device = false, change = false, with_base = false;
};
int cmd_cert_publish(const Common&, const CertPublishOptions&);

int cmd_anchor_list(const Common&, const std::string& domain);
struct AnchorAddOptions {
    std::vector<std::string> files;
    std::string domain;
    bool in = false, out = false, yes = false, end_certificates = false;
};
int cmd_anchor_add(const Common&, const AnchorAddOptions&);
int cmd_anchor_remove(const Common&, const std::string& fingerprint, const std::string& domain);
int cmd_anchor_export(const Common&, const std::string& domain, bool zip);

int cmd_bundle_list(const Common&);
struct BundleAddOptions {
    std::string name, url, signer, domain;
    bool in = false, out = false, yes = false;
};
int cmd_bundle_add(const Common&, const BundleAddOptions&);
int cmd_bundle_refresh(const Common&, const std::string& name, bool dry_run);

struct ExplainOptions {
    std::string direction, from, login, message, out;
    std::vector<std::string> to;
    bool text = false;  ///< prose instead of JSON
};
int cmd_explain(const Common&, const ExplainOptions&);

int cmd_held_list(const Common&);
int cmd_held_revoke(const Common&, const std::string& id);
int cmd_held_purge(const Common&, const std::string& id, bool all_ended);
int cmd_held_show(const Common&, const std::string& id);
int cmd_record_list(const Common&, const std::string& since);
struct RecordShowOptions {
    std::string id, section, code, since, until;
    bool all = false, narrative = false;
};
int cmd_record_show(const Common&, const RecordShowOptions&);
struct RecordExportOptions {
    std::string id, out;
};
int cmd_record_export(const Common&, const RecordExportOptions&);
int cmd_record_reparse(const Common&, const std::string& id, const std::string& plugin);
struct AuditOptions {
    std::string since, until, id;
};
int cmd_audit(const Common&, const AuditOptions&);
int cmd_audit_verify(const Common&);
int cmd_outbox_list(const Common&);
int cmd_watch_list(const Common&, bool all);
int cmd_status(const Common&, const std::string& message_id);
int cmd_outbox_retry(const Common&, const std::string& id);
int cmd_store_stat(const Common&);
int cmd_reload(const Common&);
int cmd_metrics(const Common&);

}  // namespace direct::ctl
