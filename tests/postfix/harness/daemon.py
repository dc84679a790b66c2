"""Our daemon in a test: its folder with keys, anchors and certificates, its configuration, its life."""
import json
import os
import shutil
import signal
import socket
import subprocess

from .base import PATIENCE, Failure, answers, free_port, program, read, until, write


def toml(value):
    """A Python value as TOML; dicts become inline tables."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + " }"
    return "[" + ", ".join(toml(v) for v in value) + "]"


class Daemon:
    """folder: its home. domains, peers, bundles: lists of dicts as in [[domain]]; sections: {section: {name: value}}.

    socket_kind: "inet" or "unix". Nothing is started before start(); keys and anchors can be put in place first.
    """

    def __init__(self, folder, *, reinject_port, report_domain, domains, peers=(), bundles=(), sections=None,
                 socket_kind="inet"):
        self.root = folder
        self.config = os.path.join(folder, "direct.toml")
        self.log_path = os.path.join(folder, "direct.log")
        self.port = free_port() if socket_kind == "inet" else None
        # Postfix's own spelling, as it stands in smtpd_milters and in the configuration.
        self.socket = f"inet:127.0.0.1:{self.port}" if self.port else f"unix:{folder}/milter.sock"
        self.domains, self.peers, self.bundles = list(domains), list(peers), list(bundles)
        self.sections = {
            "milter": {"socket": self.socket},
            "reinject": {"smtp": f"127.0.0.1:{reinject_port}", "report_domain": report_domain,
                         "retry_min": "1s", "retry_max": "2s"},
            "store": {"path": "store", "keys": "keys", "anchors": "anchors", "certificates": "certificates",
                      "size_max": "1G"},
            # No test asks the real DNS.
            "discovery": {"dns_address": False, "dns_domain": False, "ldap_address": False, "ldap_domain": False},
            "control": {"socket": "control.sock"},
            "log": {"target": "stderr"},
        }
        for section, names in (sections or {}).items():
            self.sections.setdefault(section, {}).update(names)
        self.process = None
        self.environment = {}  # added to ours when it is started
        self.prefix = []       # a program that starts it: ["prlimit", "--nofile=64"]
        self._make_folders()
        self.write_config()

    def _make_folders(self):
        for name, mode in (("", 0o755), ("store", 0o700), ("keys", 0o700), ("anchors", 0o755), ("certificates", 0o755)):
            path = os.path.join(self.root, name)
            os.makedirs(path, exist_ok=True)
            os.chmod(path, mode)
        for name in ("store.key", "pepper.key"):
            write(os.path.join(self.root, "keys", name), os.urandom(32), 0o400)

    def write_config(self):
        """Writes direct.toml from sections, domains, peers and bundles; call it again after changing them."""
        lines = []
        for section, names in self.sections.items():
            lines += [f"[{section}]", *(f"{k} = {toml(v)}" for k, v in names.items()), ""]
        for table, entries in (("domain", self.domains), ("bundle", self.bundles), ("peer", self.peers)):
            for entry in entries:
                lines += [f"[[{table}]]", *(f"{k} = {toml(v)}" for k, v in entry.items()), ""]
        write(self.config, "\n".join(lines))

    # --- keys, anchors, certificates ------------------------------------------------------------------

    def add_key(self, owner, cert):
        """Our key and certificate for an address or domain."""
        folder = os.path.join(self.root, "keys", owner)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        base = os.path.join(folder, cert.fingerprint[:16])
        write(base + ".crt", cert.pem, 0o600)
        write(base + ".key", read(cert.key), 0o600)

    def add_anchor(self, domain, cert, direction="both"):
        """direction: in, out or both. Returns the file."""
        folder = os.path.join(self.root, "anchors", domain, direction)
        os.makedirs(folder, exist_ok=True)
        return write(os.path.join(folder, cert.fingerprint + ".pem"), cert.pem)

    def add_certificate(self, owner, cert):
        """A partner's certificate known by file. Returns the file."""
        folder = os.path.join(self.root, "certificates", owner)
        os.makedirs(folder, exist_ok=True)
        return write(os.path.join(folder, cert.fingerprint + ".crt"), cert.pem)

    # --- life -----------------------------------------------------------------------------------------

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, program("direct-milter"), "--config", self.config],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **self.environment})
        until(lambda: self._ready() or self.process.poll() is not None, "the daemon's socket", detail=self.log_tail)
        if self.process.poll() is not None:
            raise Failure(f"the daemon ended at start with {self.process.returncode}\n{self.log_tail()}")
        return self

    def _ready(self):
        if self.port:
            return answers(self.port)
        # An earlier daemon's socket may still lie there: it has to answer, and to be open for Postfix's group.
        path = self.socket[5:]
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(path)
            except OSError:
                return False
        return os.stat(path).st_mode & 0o777 == 0o660

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """SIGTERM; returns the exit code. A daemon that does not end is killed and fails the test."""
        if not self.process:
            return None
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(PATIENCE)
        except subprocess.TimeoutExpired as e:
            process.kill()
            process.wait()
            raise Failure(f"the daemon did not end on SIGTERM\n{self.log_tail()}") from e

    def kill(self):
        """kill -9: what a crash looks like from outside."""
        process, self.process = self.process, None
        process.kill()
        process.wait()

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        """SIGUSR1, and waits for the log line that tells how it went."""
        before = len(self.log())
        self.process.send_signal(signal.SIGUSR1)
        until(lambda: " reload" in self.log()[before:], "a reload in the log", detail=self.log_tail)
        return self.log()[before:]

    def remove(self):
        """Stops it, whatever its state, and forgets the store and its keys."""
        if self.running:
            self.kill()
        shutil.rmtree(self.root, ignore_errors=True)

    # --- what it tells --------------------------------------------------------------------------------

    def log(self):
        return read(self.log_path).decode(errors="replace") if os.path.exists(self.log_path) else ""

    def log_tail(self, lines=30):
        return "\n".join(self.log().splitlines()[-lines:])

    def wait_log(self, part, **options):
        until(lambda: part in self.log(), f"\"{part}\" in the daemon's log", detail=self.log_tail, **options)

    def ctl(self, *arguments, data=b"", config=True, timeout=PATIENCE):
        """Runs directctl; returns a Ctl."""
        command = [program("directctl"), *arguments] + (["--config", self.config] if config else [])
        done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                              check=False)
        return Ctl(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def ctl_json(self, *arguments, **options):
        """directctl ... --json; fails when it does not print JSON."""
        return self.ctl(*arguments, "--json", **options).json


class Ctl(tuple):
    """(exit code, standard output, standard error), with the output as JSON on demand."""

    def __new__(cls, code, out, err):
        return super().__new__(cls, (code, out, err))

    code = property(lambda self: self[0])
    out = property(lambda self: self[1])
    err = property(lambda self: self[2])

    @property
    def json(self):
        """The output as JSON: one document, or a list of documents where each line is one."""
        try:
            return json.loads(self.out)
        except ValueError:
            pass
        try:
            return [json.loads(line) for line in self.out.splitlines() if line.strip()]
        except ValueError as e:
            raise Failure(f"no JSON (exit {self.code}): {self.out[:2000]!r} {self.err[-2000:]!r}") from e
