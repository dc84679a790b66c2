"""Directories outside: real LDAP servers (slapd) on 127.0.0.1, and servers that only listen.

A Directory keeps what it was asked: slapd's own log of connections, StartTLS and searches.
"""
import base64
import os
import re
import shutil
import socket
import subprocess

from .base import PATIENCE, Failure, answers, free_port, read, run, until, write
from .site import NotPossible

SCHEMA = "/etc/ldap/schema"
PASSWORD = "only here"


def require_server():
    """Skips the test where there is no slapd (a failure in CI)."""
    for name in ("slapd", "ldapmodify"):
        if not find(name):
            raise NotPossible(f"{name} is not installed (packages slapd, ldap-utils)")


def find(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def srv(domain, *servers):
    """Lines of a zone file: (priority, weight, port, host) each."""
    return [f"_ldap._tcp.{domain}. 300 IN SRV {priority} {weight} {port} {host}."
            for priority, weight, port, host in servers]


def line(attribute, value):
    value = value.encode() if isinstance(value, str) else value
    return f"{attribute}:: {base64.b64encode(value).decode()}\n"


class Directory:
    """slapd with one database below each suffix. `cert`: a Cert for TLS, on port `tls_port` and by StartTLS.

    plain: its userCertificate is a string of octets, so that it is served without ";binary".
    empty: not even the entries of its suffixes are there.
    demands_tls: nothing at all is said in clear, not even what stands in its root.
    """

    def __init__(self, folder, suffixes=("dc=test",), cert=None, plain=False, demands_tls=False,
                 empty=False):
        require_server()
        self.folder, self.suffixes, self.cert, self.plain = folder, tuple(suffixes), cert, plain
        self.demands_tls, self.empty = demands_tls, empty
        self.port, self.tls_port = free_port(), free_port() if cert else None
        self.log_path = os.path.join(folder, "slapd.log")
        self.config = write(os.path.join(folder, "slapd.conf"), self._config_text())
        self.process, self._number, self._seen = None, 0, 0

    def _config_text(self):
        core = read(f"{SCHEMA}/core.schema").decode()
        if self.plain:
            core, changed = re.subn(r"(attributetype \( 2\.5\.4\.36 .*?)EQUALITY certificateExactMatch\s+SYNTAX [\d.]+",
                                    r"\1EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40", core,
                                    flags=re.DOTALL)
            if changed != 1:
                raise Failure(f"{SCHEMA}/core.schema: no userCertificate as it was")
        core_path = write(os.path.join(self.folder, "core.schema"), core)
        lines = [f"include {core_path}", f"include {SCHEMA}/cosine.schema", f"include {SCHEMA}/inetorgperson.schema",
                 "modulepath /usr/lib/ldap", "moduleload back_mdb", f"pidfile {self.folder}/slapd.pid"]
        if self.cert:
            lines += [f"TLSCACertificateFile {self.cert.issuer.cert}", f"TLSCertificateFile {self.cert.cert}",
                      f"TLSCertificateKeyFile {self.cert.key}"]
        if self.demands_tls:
            lines += ["security ssf=112 tls=112"]
        for number, suffix in enumerate(self.suffixes):
            folder = os.path.join(self.folder, f"db{number}")
            os.makedirs(folder, exist_ok=True)
            lines += ["database mdb", f'suffix "{suffix}"', f"directory {folder}", "maxsize 10485760",
                      f'rootdn "cn=root,{suffix}"', f'rootpw "{PASSWORD}"']
        return "\n".join(lines) + "\n"

    def start(self):
        urls = f"ldap://127.0.0.1:{self.port}/" + (f" ldaps://127.0.0.1:{self.tls_port}/" if self.cert else "")
        with open(self.log_path, "ab") as log:
            # -d keeps it in the foreground: it is ours to end. 256: connections and operations.
            self.process = subprocess.Popen([find("slapd"), "-d", "256", "-f", self.config, "-h", urls],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: self.process.poll() is not None or answers(self.port), "slapd", detail=self.log)
        if self.process.poll() is not None:
            raise Failure(f"slapd ended with {self.process.returncode}\n{self.log()}")
        for suffix in () if self.empty else self.suffixes:
            name = suffix.split("=", 1)
            kind = {"dc": "dcObject"}.get(name[0], "organization")
            extra = "objectClass: organization\no: x\n" if kind == "dcObject" else ""
            self.load(f"dn: {suffix}\nobjectClass: {kind}\n{extra}{name[0]}: {name[1]}\n", suffix)
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def load(self, ldif, suffix=None):
        """Entries (or changes with a changetype) as LDIF."""
        secure = ["-ZZ", "-o", "tls_reqcert=never"] if self.demands_tls else []
        run([find("ldapmodify"), "-a", "-x", *secure, "-H", f"ldap://127.0.0.1:{self.port}", "-D",
             f"cn=root,{suffix or self.suffixes[0]}", "-w", PASSWORD], data=ldif.encode())

    def publish(self, mail, *certs, suffix=None):
        """One entry; certs: a Cert or bytes each."""
        self._number += 1
        suffix = suffix or self.suffixes[0]
        attribute = "userCertificate" if self.plain else "userCertificate;binary"
        values = "".join(line(attribute, c if isinstance(c, bytes) else c.der) for c in certs)
        self.load(f"dn: cn=entry {self._number},{suffix}\nobjectClass: inetOrgPerson\nsn: x\n" + line("mail", mail) +
                  values, suffix)

    # --- what it was asked ------------------------------------------------------------------------------

    def log(self):
        return read(self.log_path).decode(errors="replace") if os.path.exists(self.log_path) else ""

    def clear(self):
        self._seen = len(self.log())

    def since(self):
        return self.log()[self._seen:]

    def asked(self):
        """The filters of searches below a base since clear(), in order, as slapd writes them."""
        return [m[1] for m in re.finditer(r'SRCH base="[^"]+" scope=2 .*?filter="(.*?)"\n', self.since())]

    def connections(self):
        return self.since().count(" ACCEPT from ")


class Silent:
    """Takes connections and says nothing; with deaf=True it does not even take them (a connection is never made)."""

    def __init__(self, deaf=False):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(0 if deaf else 64)
        self.port = self.socket.getsockname()[1]
        self._full = []
        for _ in range(4 if deaf else 0):  # what waits to be taken is full from now on
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", self.port))
            self._full.append(one)

    def stop(self):
        for one in [*self._full, self.socket]:
            one.close()
