"""A private Postfix in a folder of its own, on 127.0.0.1 only, with the listeners a site has.

  mx        port 25 of the site: our milter, {daemon_name} mx, no relaying but for relay_domains
  submission  our milter, {daemon_name} ORIGINATING, SASL login (Cyrus, sasldb) or mynetworks
  report    loopback, our milter, {daemon_name} direct-report: delivery reports come here
  reinject  loopback, without our milter: what the daemon owes enters here

Nothing can leave the machine: every domain that is not local goes to the sink, or is an error without one.
Needs root (master insists) and the packages postfix and sasl2-bin.
"""
import glob
import grp
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import time

from .base import Failure, alive, answers, free_port, read, run, until, write

MASTER = "/usr/lib/postfix/sbin/master"
REPORT_DOMAIN = "direct-report.here.test"

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {root}/spool
data_directory = {root}/data
maillog_file = {root}/maillog
maillog_file_prefixes = {root}
syslog_name = pfx
myhostname = mx.here.test
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {root}/mail
virtual_mailbox_maps = texthash:{root}/etc/mailboxes
virtual_alias_maps = texthash:{root}/etc/aliases
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_mailbox_limit = 0
message_size_limit = {size}
mailbox_size_limit = 0
default_transport = {outside}
relay_transport = {outside}
transport_maps = texthash:{root}/etc/transport
relay_domains = {relayed}
smtpd_milters = {milter}
non_smtpd_milters = {milter}
milter_default_action = tempfail
milter_protocol = 6
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_error_sleep_time = 0
cyrus_sasl_config_path = {root}/etc/sasl
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain =
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
biff = no
"""

MASTER_CF = """\
127.0.0.1:{mx} inet n - n - 64 smtpd
  -o milter_macro_daemon_name=mx
  -o smtpd_relay_restrictions=reject_unauth_destination
127.0.0.1:{submission} inet n - n - 64 smtpd
  -o milter_macro_daemon_name=ORIGINATING
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,permit_mynetworks,reject
127.0.0.1:{report} inet n - n - 16 smtpd
  -o milter_macro_daemon_name=direct-report
127.0.0.1:{reinject} inet n - n - 16 smtpd
  -o smtpd_milters=
  -o smtpd_relay_restrictions=permit_mynetworks,reject{judged}
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 2 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce{copies}
defer     unix  - - n - 0 bounce{copies}
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
showq     unix  n - n - - showq
postlog   unix-dgram n - n - 1 postlogd
"""

# What Postfix has told a sender itself, the daemon hears by the report listener (conf/postfix/master.cf).
BOUNCE_COPIES = """
  -o notify_classes=bounce
  -o bounce_notice_recipient=direct-dsn+bounced@{report_domain}
  -o 2bounce_notice_recipient=direct-dsn+bounced@{report_domain}"""

JUDGED = """
  -o smtpd_recipient_restrictions=check_policy_service,inet:127.0.0.1:{port}
  -o smtpd_end_of_data_restrictions=check_policy_service,inet:127.0.0.1:{port}"""


def is_possible():
    """Whether a private Postfix can be started here, or why not."""
    if os.geteuid() != 0:
        return "not root: Postfix's master needs it"
    if not os.path.exists(MASTER):
        return "Postfix is not installed"
    return ""


class PrivatePostfix:
    """folder: its home, searchable for user postfix.

    domains: local domains; mailboxes: addresses that exist in them (one Maildir each); aliases {address: target};
    logins {name: password}; milter: as in smtpd_milters, "" for none; outside: a Sink, or None;
    relayed: outside domains that mx takes mail for; transport {domain: transport} and settings {name: value}
    come on top (fail.test bounces, report_to overrides where REPORT_DOMAIN goes). judge: a Judge that the reinject
    listener asks, or None.
    """

    def __init__(self, folder, *, domains=("direct.here.test", "here.test"), mailboxes=(), aliases=None, logins=None,
                 milter="", outside=None, relayed=("relayed.test",), transport=None, settings=None,
                 report_domain=REPORT_DOMAIN, report_to=None, size=60000000, judge=None):
        self.root = folder
        self.config = os.path.join(folder, "etc")
        self.domains, self.logins, self.milter, self.outside = domains, logins or {}, milter, outside
        self.mailboxes, self.aliases = list(mailboxes), dict(aliases or {})
        self.relayed, self.transport, self.settings = relayed, transport or {}, settings or {}
        self.report_domain, self.report_to, self.size = report_domain, report_to, size
        self.judge = judge
        self.mx, self.submission, self.report, self.reinject = (free_port() for _ in range(4))
        self.pid = None
        self._log_from = 0

    # --- life -----------------------------------------------------------------------------------------

    def start(self):
        self._make_folders()
        self._write_config()
        run([MASTER, "-w", "-c", self.config], timeout=30)
        self.pid = int(read(os.path.join(self.root, "spool/pid/master.pid")).split()[0])
        until(lambda: answers(self.mx) and answers(self.reinject), "Postfix to answer", 20, self.log)
        return self

    def stop(self):
        """Ends master and every process of its group; returns when none is left."""
        if not self.pid:
            return
        group, self.pid = self.pid, None
        _signal_group(group, signal.SIGTERM, only=group)
        try:
            until(lambda: not group_alive(group), "Postfix to end", 10)
        except Failure:
            _signal_group(group, signal.SIGKILL)
            until(lambda: not group_alive(group), "Postfix to end after SIGKILL", 10)

    def kill(self):
        """SIGKILL to master and every process of its group; returns when none is left."""
        group, self.pid = self.pid, None
        _signal_group(group, signal.SIGKILL)
        until(lambda: not group_alive(group), "Postfix to end after SIGKILL", 10)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _make_folders(self):
        # What "postfix start" would make in a second or two; owners and modes of its own postfix-files.
        user, drop = pwd.getpwnam("postfix"), grp.getgrnam("postdrop").gr_gid
        spool = os.path.join(self.root, "spool")
        for name in ("", "etc", "etc/sasl", "spool", "spool/pid"):
            os.makedirs(os.path.join(self.root, name), exist_ok=True)
            os.chmod(os.path.join(self.root, name), 0o755)
        for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
                     "saved", "trace"):
            _folder(os.path.join(spool, name), 0o700, user.pw_uid, 0)
        _folder(os.path.join(spool, "maildrop"), 0o730, user.pw_uid, drop)
        _folder(os.path.join(spool, "public"), 0o710, user.pw_uid, drop)
        _folder(os.path.join(self.root, "data"), 0o700, user.pw_uid, user.pw_gid)
        nobody = pwd.getpwnam("nobody")
        _folder(os.path.join(self.root, "mail"), 0o755, nobody.pw_uid, nobody.pw_gid)

    def _write_config(self):
        nobody = pwd.getpwnam("nobody")
        outside = f"smtp:[127.0.0.1]:{self.outside.port}" if self.outside else "error:5.1.2 no outside mail here"
        transport = {"fail.test": "error:5.0.0 no", "bulk.test": "discard:",
                     self.report_domain: self.report_to or f"smtp:[127.0.0.1]:{self.report}", **self.transport}
        relayed = " ".join([*self.relayed, self.report_domain, "fail.test", "bulk.test"])
        main = MAIN_CF.format(root=self.root, domains=" ".join(self.domains), uid=nobody.pw_uid, gid=nobody.pw_gid,
                              size=self.size, outside=outside, relayed=relayed, milter=self.milter)
        # A name that stands twice makes every service warn and stall: settings of a test replace the line.
        for name, value in self.settings.items():
            main = re.sub(rf"^{re.escape(name)} = .*\n", "", main, flags=re.M) + f"{name} = {value}\n"
        write(os.path.join(self.config, "main.cf"), main)
        write(os.path.join(self.config, "master.cf"), MASTER_CF.format(
            mx=self.mx, submission=self.submission, report=self.report, reinject=self.reinject,
            copies=BOUNCE_COPIES.format(report_domain=self.report_domain),
            judged=JUDGED.format(port=self.judge.port) if self.judge else ""))
        self._table("mailboxes", {a: f"{a}/" for a in self.mailboxes})
        self._table("aliases", self.aliases)
        self._table("transport", transport)
        self._write_logins()

    def _table(self, name, pairs):
        write(os.path.join(self.config, name), "".join(f"{k} {v}\n" for k, v in pairs.items()))

    def _write_logins(self):
        base = os.path.join(self.config, "sasldb2")
        write(os.path.join(self.config, "sasl/smtpd.conf"),
              "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n"
              f"sasldb_path: {base}\n")
        for name, password in self.logins.items():
            # "user@realm" is how sasldb names a login with a domain; a bare one belongs to the host.
            user, _, realm = name.partition("@")
            run(["saslpasswd2", "-p", "-c", "-f", base, "-u", realm or "mx.here.test", user], password.encode())
        if self.logins:
            shutil.chown(base, "postfix", "postfix")
            os.chmod(base, 0o600)

    # --- mail that was delivered -----------------------------------------------------------------------

    def maildir(self, address):
        """The messages in a mailbox, oldest first, as bytes (Return-Path and Delivered-To of virtual(8) included)."""
        folder = os.path.join(self.root, "mail", address, "new")
        if not os.path.isdir(folder):
            return []
        paths = [os.path.join(folder, name) for name in os.listdir(folder)]
        return [read(path) for path in sorted(paths, key=lambda p: os.stat(p).st_mtime_ns)]

    def wait_mail(self, address, count=1, **options):
        """The mailbox's messages when there are at least `count`."""
        def look():
            found = self.maildir(address)
            return found if len(found) >= count else None
        return until(look, f"{count} message(s) in {address}", detail=self.log_tail, **options)

    def empty_mailboxes(self):
        for address in self.mailboxes:
            shutil.rmtree(os.path.join(self.root, "mail", address), ignore_errors=True)

    # --- queue and log ---------------------------------------------------------------------------------

    def queue(self):
        """The queue as postqueue shows it: a list of dicts."""
        text = run(["postqueue", "-c", self.config, "-j"]).decode()
        return [json.loads(line) for line in text.splitlines() if line]

    def wait_queue_empty(self, **options):
        until(lambda: not self.queue(), "an empty queue", detail=self.queue, **options)

    def flush(self):
        run(["postqueue", "-c", self.config, "-f"])

    def log(self):
        """The whole mail log as text."""
        path = os.path.join(self.root, "maillog")
        return read(path).decode(errors="replace") if os.path.exists(path) else ""

    def log_tail(self, lines=25):
        return "\n".join(self.log().splitlines()[-lines:])

    def about(self, queue_id):
        """Why a message stays in the queue: its log lines, its file, and which process has it locked or open."""
        lines = [line for line in self.log().splitlines() if queue_id in line]
        for folder, _, names in os.walk(os.path.join(self.root, "spool")):
            if queue_id in names:
                file = os.path.join(folder, queue_id)
                known = os.stat(file)
                lines.append(f"{file} mode {known.st_mode:o}, of {known.st_mtime - time.time():+.0f} s from now")
                lines += holders(file)
        return "\n".join(lines)

    def mark_log(self):
        """wait_log() looks at what is logged from here on."""
        self._log_from = len(self.log())

    def wait_log(self, pattern, **options):
        """The first match of a regular expression in the log since mark_log()."""
        return until(lambda: re.search(pattern, self.log()[self._log_from:], re.M), f"log line {pattern}",
                     detail=self.log_tail, **options)

    def sendmail(self, message, sender, *recipients):
        """Hands a message to sendmail(1), the way a local process does."""
        return run(["/usr/sbin/sendmail", "-C", self.config, "-i", "-f", sender, "--", *recipients], message)


def _folder(path, mode, uid, gid):
    os.makedirs(path, exist_ok=True)
    os.chown(path, uid, gid)
    os.chmod(path, mode)


def holders(file):
    """Processes that have it open, one line each: pid, command line, and what they wait in."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if any(os.path.realpath(fd) == file for fd in glob.glob(f"/proc/{pid}/fd/*")):
                found.append(f"open in {pid}: {read(f'/proc/{pid}/cmdline').decode().replace(chr(0), ' ')}"
                             f"in {read(f'/proc/{pid}/wchan').decode()}")
        except OSError:
            continue
    return found


def group_alive(group):
    """Whether a process of that group runs; zombies that nobody has waited for do not count."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat="], stdout=subprocess.PIPE, check=False).stdout.decode()
    rows = (line.split() for line in listed.splitlines())
    return alive(group) or any(row and row[0] == str(group) and not row[1].startswith("Z") for row in rows)


def _signal_group(group, number, only=None):
    try:
        if only:
            os.kill(only, number)
        else:
            os.killpg(group, number)
    except ProcessLookupError:
        pass
