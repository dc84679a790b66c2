"""What the load scripts share: a site without a Postfix, many connections in several processes, and figures.

Messages go over the milter protocol straight to the daemon (tests/postfix/harness/milter.py); a sink that only counts
takes what the daemon hands over. One sealed message serves any number of times: it is sealed to the domain's
certificate, and each sending names another recipient of that domain, so none is a repeat for the store.
"""
import argparse
import multiprocessing
import os
import re
import selectors
import socket
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../postfix"))

from harness import smime  # noqa: E402
from harness.base import Scratch, free_port, read, until  # noqa: E402
from harness.daemon import Daemon  # noqa: E402
from harness.milter import FINAL, MilterClient  # noqa: E402
from harness.pki import Pki  # noqa: E402
from harness.site import HERE, THERE  # noqa: E402

REPORT_DOMAIN = "direct-report.here.test"
fork = multiprocessing.get_context("fork")


def arguments(description, **numbers):
    """The command line of a script: --on disk|tmpfs and whole numbers with their defaults."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--on", choices=("disk", "tmpfs"), default="disk", help="where the store lies")
    for name, value in numbers.items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
    given = parser.parse_args()
    tempfile.tempdir = "/dev/shm" if given.on == "tmpfs" else None
    return given


# --- the site ---------------------------------------------------------------------------------------------

class Site:
    """PKI, sink and daemon; ends with stop(). sections as in direct.toml."""

    def __init__(self, sections=None, reinject_port=None, patience=None):
        self.scratch = Scratch()
        self.patience = patience
        pki = Pki(self.scratch.folder("pki", 0o700))
        self.here_ca, self.there_ca = pki.root("here-ca"), pki.root("there-ca")
        self.here = pki.end("here", self.here_ca, dns=HERE)
        self.bob = pki.end("bob", self.there_ca, email=f"bob@{THERE}")
        self.sink = None if reinject_port else Sink()
        domains = [{"name": HERE, "environment": "test", "pickup_url": "http://pickup.here.test"}]
        sections = {"store": {"size_max": "16G"}, **(sections or {})}
        self.daemon = Daemon(self.scratch.folder("direct"), reinject_port=reinject_port or self.sink.port,
                             report_domain=REPORT_DOMAIN, domains=domains, sections=sections, socket_kind="unix")
        self.daemon.add_key(HERE, self.here)
        self.daemon.add_anchor(HERE, self.here_ca)
        self.daemon.add_anchor(HERE, self.there_ca)
        self.daemon.add_certificate(f"bob@{THERE}", self.bob)

    def start(self):
        self.daemon.start()
        return self

    def stop(self):
        self.daemon.stop()
        if self.sink:
            self.sink.stop()
        self.scratch.remove()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # --- messages: (sender, recipient with a {} for a number, message, login) ------------------------------

    def inbound(self, size=4096, count=8):
        """Sealed by bob; `size` is what travels (base64 twice makes it 1.9 times what was written)."""
        attached = max(0, int(size / 1.9) - 2600)
        pool = []
        for i in range(count):
            inner = smime.mail(f"bob@{THERE}", f"box{i}@{HERE}", f"n{i}", text="x" * 60 + "\n" * (attached < 1),
                               attachments=[("a.bin", "application/octet-stream", os.urandom(attached))]
                               if attached else [])
            pool.append((f"bob@{THERE}", "box{}@" + HERE, smime.sealed(inner, [self.bob], [self.here]), ""))
        return pool

    def outbound(self, size=4096, count=8):
        """Submitted by users of ours for bob."""
        text = ("y" * 70 + "\n") * max(1, size // 71)
        return [(f"box{i}@{HERE}", f"bob@{THERE}", smime.mail(f"box{i}@{HERE}", f"bob@{THERE}", f"o{i}", text=text),
                 f"box{i}@{HERE}") for i in range(count)]

    def not_ours(self, size=4096, count=8):
        text = ("z" * 70 + "\n") * max(1, size // 71)
        return [("a@else.test", "b{}@elsewhere.test", smime.mail("a@else.test", "b@elsewhere.test", f"u{i}", text=text),
                 "") for i in range(count)]

    def newuser(self, count=2):
        pool = []
        for i in range(count):
            inner = smime.mail(f"bob@{THERE}", f"newuser@{HERE}",
                               f"person{i}@mail.test;Colour of the boat?;green {i};Results")
            pool.append((f"bob@{THERE}", f"newuser@{HERE}", smime.sealed(inner, [self.bob], [self.here]), ""))
        return pool

    # --- figures of the daemon -------------------------------------------------------------------------------

    def status(self, name):
        """VmRSS, VmHWM, RssAnon (without the store's mapped pages, which the kernel takes back) in KiB; Threads."""
        for line in read(f"/proc/{self.daemon.process.pid}/status").decode().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
        return 0

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))

    def cpu(self):
        """Seconds of CPU used so far."""
        fields = read(f"/proc/{self.daemon.process.pid}/stat").decode().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def metrics(self):
        """{name: value} of counters, gauges and histograms' sums and counts."""
        out = {}
        for line in self.daemon.ctl("metrics").out.splitlines():
            if not line.startswith("#") and "{" not in line:
                name, value = line.split()
                out[name] = float(value)
        return out

    def histograms(self):
        """{name: {upper bound in seconds: observations up to there}}."""
        out = {}
        for name, bound, n in re.findall(r'^(\w+)_bucket\{le="([^"]+)"\} (\d+)', self.daemon.ctl("metrics").out, re.M):
            out.setdefault(name, {})[float(bound)] = int(n)
        return out

    def wait_outbox_empty(self, seconds=600):
        until(lambda: self.metrics()["direct_outbox_waiting"] == 0, "an empty outbox", seconds)


class Watch(threading.Thread):
    """Samples a figure of the daemon every 50 ms; .peak when stopped."""

    def __init__(self, site, name="RssAnon"):
        super().__init__(daemon=True)
        self.site, self.name, self.peak, self.over = site, name, 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.05):
            self.peak = max(self.peak, self.site.status(self.name))

    def stop(self):
        self.over.set()
        self.join()
        return self.peak


# --- the sink -----------------------------------------------------------------------------------------------

class Sink:
    """An SMTP server in a process of its own that answers 250 to everything and counts messages and recipients."""

    def __init__(self):
        self.port = free_port()
        self.counted = fork.Array("q", 2)
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(512)
        self.process = fork.Process(target=self._serve, args=(listener,), daemon=True)
        self.process.start()
        listener.close()

    @property
    def messages(self):
        return self.counted[0]

    def stop(self):
        self.process.terminate()
        self.process.join()

    def _serve(self, listener):
        listener.setblocking(False)
        ready = selectors.DefaultSelector()
        ready.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is listener:
                    peer, _ = listener.accept()
                    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    peer.sendall(b"220 sink ESMTP\r\n")
                    ready.register(peer, selectors.EVENT_READ, [b"", False])
                elif not self._talk(key.fileobj, key.data):
                    ready.unregister(key.fileobj)
                    key.fileobj.close()

    def _talk(self, peer, state):
        try:
            got = peer.recv(262144)
        except OSError:
            return False
        state[0] += got
        answers = []
        while state[0]:
            if state[1]:  # inside a message
                end = state[0].find(b"\r\n.\r\n")
                if end < 0:
                    state[0] = state[0][-4:]
                    break
                state[0], state[1] = state[0][end + 5:], False
                self.counted[0] += 1
                answers.append(b"250 2.0.0 kept\r\n")
                continue
            line, end, rest = state[0].partition(b"\r\n")
            if not end:
                break
            state[0] = rest
            verb = line[:4].upper()
            if verb == b"EHLO":
                answers.append(b"250-sink\r\n250-DSN\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            elif verb == b"DATA":
                state[1] = True
                answers.append(b"354 go\r\n")
            else:
                answers.append(b"250 2.0.0 ok\r\n")
        if answers:
            peer.sendall(b"".join(answers))
        return bool(got)


# --- the clients --------------------------------------------------------------------------------------------

class Connection(MilterClient):
    """A client that is driven by readiness: begin(), then feed() until it returns an answer code."""

    def begin(self, number, one):
        sender, recipient, message, login = one
        self.head, self.rest = self.message_bytes(sender, [recipient.format(number)], message,
                                                  queue_id=f"Q{number}", login=login)
        self.begin_with()

    def begin_with(self):
        self.begun = time.monotonic()
        self.socket.sendall(self.head)

    def feed(self):
        """(code, text) at the end of the message; None before."""
        got = self.socket.recv(1 << 20)
        if not got:
            raise ConnectionError("the milter closed the connection")
        self.waiting += got
        while len(self.waiting) >= 5:
            size = int.from_bytes(self.waiting[:4], "big")
            if len(self.waiting) < 4 + size:
                return None
            code, text = self.waiting[4:5], self.waiting[5:4 + size]
            self.waiting = self.waiting[4 + size:]
            if self.rest is not None and code == b"c":
                rest, self.rest = self.rest, None
                self.socket.sendall(rest)
            elif code in FINAL:
                return code, text
        return None


class Told:
    """What one connection saw: when each message ended, how long it took, and its verdict."""

    def __init__(self, opened):
        self.opened = opened
        self.ends, self.took, self.verdicts = [], [], {}


def _worker(socket_name, pools, total, turn, connections, options, pipe):
    daemon_name, patience, seconds = options
    own, told = [], []
    for _ in range(connections):
        own.append(Connection(socket_name, daemon_name=daemon_name, timeout=patience))
        told.append(Told(time.monotonic()))
    pipe.send("ready")
    pipe.recv()
    start = time.monotonic()
    ready = selectors.DefaultSelector()
    running = 0

    def next_message(i):
        with turn.get_lock():
            if turn.value >= total or (seconds and time.monotonic() - start > seconds):
                return False
            number, turn.value = turn.value, turn.value + 1
        own[i].begin(number, pools[number % len(pools)])
        return True
    for i, c in enumerate(own):
        if next_message(i):
            ready.register(c.socket, selectors.EVENT_READ, i)
            running += 1
    while running:
        for key, _ in ready.select():
            i = key.data
            answer = own[i].feed()
            if answer is None:
                continue
            now = time.monotonic()
            told[i].ends.append(now - start)
            told[i].took.append(now - own[i].begun)
            verdict = FINAL[answer[0]] + (" " + answer[1][:3].decode() if answer[0] == b"y" else "")
            told[i].verdicts[verdict] = told[i].verdicts.get(verdict, 0) + 1
            if not next_message(i):
                ready.unregister(own[i].socket)
                running -= 1
    pipe.send(told)
    for c in own:
        c.close()


class Run:
    """`connections` that saturate the daemon with `total` messages of the pool, in as many processes as help."""

    def __init__(self, site, pool, connections, total, *, daemon_name="mx", processes=2, patience=300, first=0,
                 seconds=0):
        self.first, self.total = first, total
        processes = min(processes, connections)
        turn = fork.Value("q", first)
        self.children = []
        for p in range(processes):
            ours, theirs = fork.Pipe()
            share = connections // processes + (p < connections % processes)
            child = fork.Process(target=_worker, daemon=True, args=(
                site.daemon.socket, pool, first + total, turn, share,
                (daemon_name, patience, seconds), theirs))
            child.start()
            self.children.append((child, ours))
        for _, pipe in self.children:
            pipe.recv()
        self.begun = time.monotonic()
        for _, pipe in self.children:
            pipe.send("go")

    def join(self):
        """Waits for the end. Sets told (one per connection), seconds, took (sorted) and verdicts."""
        self.told = [t for _, pipe in self.children for t in pipe.recv()]
        self.by_age = sorted(self.told, key=lambda t: t.opened)
        self.seconds = time.monotonic() - self.begun
        for child, _ in self.children:
            child.join()
        self.took = sorted(x for t in self.told for x in t.took)
        self.verdicts = {}
        for t in self.told:
            for verdict, n in t.verdicts.items():
                self.verdicts[verdict] = self.verdicts.get(verdict, 0) + n
        self.per_connection = sorted(len(t.took) for t in self.told)
        return self

    def quantile(self, q):
        return self.took[min(len(self.took) - 1, int(len(self.took) * q))] if self.took else 0.0

    @property
    def rate(self):
        return len(self.took) / self.seconds


def quantile_between(before, after, q):
    """The upper bound of the bucket in which the quantile of the observations between two readings lies."""
    counts = [(bound, n - before.get(bound, 0)) for bound, n in sorted(after.items())]
    wanted = counts[-1][1] * q
    return next(bound for bound, n in counts if n >= wanted)


def row(*columns, widths=()):
    print("  ".join(str(c).rjust(w) for c, w in zip(columns, widths)), flush=True)
