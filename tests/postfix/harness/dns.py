"""The DNS outside: a real name server (Knot) on 127.0.0.1, and a tap before it.

The tap is what our daemon asks (`server`, as in discovery.dns_servers). It hands every question on to Knot and the
answer back, byte for byte, keeps what was asked in order, and can misbehave for a name: SERVFAIL, REFUSED, silence.
"""
import base64
import os
import select
import shutil
import socket
import struct
import subprocess
import threading

from .base import PATIENCE, Failure, free_port, read, run, until, write
from .site import NotPossible

CERT = 37
SERVFAIL, REFUSED, SILENT = "servfail", "refused", "silent"
RCODES = {SERVFAIL: 2, REFUSED: 5}


def require_server():
    """Skips the test where there is no Knot (a failure in CI)."""
    for name in ("knotd", "keymgr"):
        if not find(name):
            raise NotPossible(f"{name} is not installed (package knot)")


def find(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def cert_record(owner, cert, kind="PKIX", tag=0, algorithm=0):
    """A line of a zone file; cert: a Cert, or bytes."""
    data = cert if isinstance(cert, bytes) else cert.der
    return f"{owner}. 300 IN CERT {kind} {tag} {algorithm} {base64.b64encode(data).decode()}"


def question_of(query):
    """(name in lower case, labels in zone file form; type)."""
    at, labels = 12, []
    while query[at]:
        octets = query[at + 1:at + 1 + query[at]].lower()
        labels.append("".join(chr(o) if chr(o).isalnum() and o < 128 or o in b"-_" else f"\\{o:03d}" for o in octets))
        at += 1 + query[at]
    return ".".join(labels), struct.unpack("!H", query[at + 1:at + 3])[0]


def refusal(query, rcode):
    """An answer without records: the question, and this rcode."""
    end = query.index(b"\0", 12) + 5
    flags = 0x8000 | (query[2] & 1) << 8 | rcode
    return query[:2] + struct.pack("!HHHHH", flags, 1, 0, 0, 0) + query[12:end]


class Tap:
    """Between a resolver and a name server, UDP and TCP."""

    def __init__(self, upstream_port):
        self.upstream = ("127.0.0.1", upstream_port)
        self.port = free_port()
        self.faults = {}  # name -> SERVFAIL, REFUSED or SILENT
        self._asked, self._lock = [], threading.Lock()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for s in (self._udp, self._tcp):
            s.bind(("127.0.0.1", self.port))
        self._tcp.listen(64)
        self._ending, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self):
        self._wake.send(b"x")
        self._thread.join()
        for s in (self._udp, self._tcp, self._ending, self._wake):
            s.close()

    def asked(self, kind=CERT):
        """What was asked for that type since clear(), in order; a name asked again over TCP stands there twice."""
        with self._lock:
            return [name for name, wanted, _ in self._asked if wanted == kind]

    def over_tcp(self):
        with self._lock:
            return [name for name, _, tcp in self._asked if tcp]

    def clear(self):
        with self._lock:
            self._asked.clear()

    def _run(self):
        while True:
            ready, _, _ = select.select([self._udp, self._tcp, self._ending], [], [])
            if self._ending in ready:
                return
            if self._udp in ready:
                query, client = self._udp.recvfrom(65535)
                if answer := self._answer(query, tcp=False):
                    self._udp.sendto(answer, client)
            if self._tcp in ready:
                connection, _ = self._tcp.accept()
                with connection:
                    self._talk(connection)

    def _talk(self, connection):
        connection.settimeout(PATIENCE)
        try:
            if query := exactly(connection, struct.unpack("!H", exactly(connection, 2))[0]):
                if answer := self._answer(query, tcp=True):
                    connection.sendall(struct.pack("!H", len(answer)) + answer)
        except (OSError, struct.error):
            pass

    def _answer(self, query, tcp):
        name, kind = question_of(query)
        with self._lock:
            self._asked.append((name, kind, tcp))
            fault = self.faults.get(name)
        if fault == SILENT:
            return b""
        if fault:
            return refusal(query, RCODES[fault])
        try:
            return self._over_tcp(query) if tcp else self._over_udp(query)
        except OSError:
            return b""

    def _over_udp(self, query):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as up:
            up.settimeout(PATIENCE)
            up.connect(self.upstream)
            up.send(query)
            return up.recv(65535)

    def _over_tcp(self, query):
        with socket.create_connection(self.upstream, timeout=PATIENCE) as up:
            up.sendall(struct.pack("!H", len(query)) + query)
            return exactly(up, struct.unpack("!H", exactly(up, 2))[0])


def exactly(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            return b""
        data += piece
    return data


class NameServer:
    """Knot with the zones it is given: {name: [lines]}; `signed` names those that are signed."""

    def __init__(self, folder, zones, signed=(), port=None):
        require_server()
        self.folder, self.signed = folder, tuple(signed)
        self.port = port or free_port()
        self.log_path = os.path.join(folder, "knot.log")
        self.config = os.path.join(folder, "knot.conf")
        self.zones = dict(zones)
        for name in ("run", "db"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        for zone, lines in self.zones.items():
            self.write_zone(zone, lines)
        write(self.config, self._config_text())
        self.process = self.tap = None

    def write_zone(self, zone, lines, serial=1):
        head = [f"{zone}. 300 IN SOA ns.{zone}. hostmaster.{zone}. {serial} 3600 600 86400 300",
                f"{zone}. 300 IN NS ns.{zone}.", f"ns.{zone}. 300 IN A 127.0.0.1"]
        return write(os.path.join(self.folder, zone + ".zone"), "\n".join([*head, *lines]) + "\n")

    def _config_text(self):
        lines = ["server:", f"    rundir: {self.folder}/run", f"    listen: 127.0.0.1@{self.port}",
                 "    udp-workers: 1", "    tcp-workers: 1", "    background-workers: 1", "    user: root",
                 "database:", f"    storage: {self.folder}/db",
                 "log:", f"  - target: {self.log_path}", "    any: info",
                 "policy:", "  - id: quick", "    algorithm: ecdsap256sha256", "    single-type-signing: on",
                 "template:", "  - id: default", f"    storage: {self.folder}", "    zonefile-sync: -1",
                 "    zonefile-load: difference-no-serial", "    journal-content: all",
                 "zone:"]
        for zone in self.zones:
            lines += [f"  - domain: {zone}", f"    file: {zone}.zone"]
            if zone in self.signed:
                lines += ["    dnssec-signing: on", "    dnssec-policy: quick"]
        return "\n".join(lines) + "\n"

    @property
    def server(self):
        """As in discovery.dns_servers: the tap."""
        return f"127.0.0.1@{self.tap.port}"

    def start(self):
        self.process = subprocess.Popen([find("knotd"), "-c", self.config], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: self.process.poll() is not None or self._serves_all(), "the name server", detail=self.log)
        if self.process.poll() is not None:
            raise Failure(f"knotd ended with {self.process.returncode}\n{self.log()}")
        self.tap = Tap(self.port)
        return self

    def stop(self):
        if self.tap:
            self.tap.stop()
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
        self.tap = self.process = None

    def log(self):
        return read(self.log_path).decode(errors="replace") if os.path.exists(self.log_path) else ""

    def _serves_all(self):
        return all(self._rcode(f"ns.{zone}") == 0 for zone in self.zones)

    def _rcode(self, name):
        """The rcode of an A question to Knot itself; None while it does not answer."""
        labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
        query = struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(1)
            try:
                probe.connect(("127.0.0.1", self.port))
                probe.send(query)
                return probe.recv(65535)[3] & 15
            except OSError:
                return None

    def trust_anchor(self, *zones):
        """A file with the DS records of signed zones, as discovery.dns_trust_anchor wants it."""
        lines = [run([find("keymgr"), "-c", self.config, zone, "ds"]).decode() for zone in zones]
        text = "\n".join(line.strip() for lines_of in lines for line in lines_of.splitlines() if line.strip())
        return write(os.path.join(self.folder, "anchor.key"), text + "\n")
