"""A daemon whose disk fails and whose clock jumps, as long as a test wants it: tests/faulty_disk is preloaded.

TroubleTest is a site with such a daemon. Most tests talk to the daemon without Postfix in between (harness.milter)
and read what it handed over from Postfix's mailboxes.
"""
import os
import re
import subprocess

from . import milter, smime
from .base import Failure, build_dir, program, read, until, write
from .site import HERE, THERE, SiteTest


def preload():
    """The value of LD_PRELOAD. A sanitized daemon wants its runtime first."""
    library = os.path.join(build_dir(), "tests", "libfaulty_disk.so")
    if not os.path.exists(library):
        raise Failure(f"{library} is not built")
    linked = subprocess.run(["ldd", program("direct-milter")], stdout=subprocess.PIPE, check=True).stdout.decode()
    runtimes = re.findall(r"=> (\S*lib[at]san\S*)", linked)
    return ":".join([*runtimes, library])


class Weather:
    """The rules of the faulty disk; `faulty_disk.c` says what can be written. Good weather at first."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "weather")
        self.fine()

    @property
    def environment(self):
        return {"LD_PRELOAD": preload(), "DIRECT_FAULTS": self.path}

    def set(self, *rules):
        """These rules from now on, and no others; forgets the hits of earlier ones."""
        if os.path.exists(self.path + ".hits"):
            os.unlink(self.path + ".hits")
        write(self.path + ".new", "".join(rule + "\n" for rule in rules))
        os.rename(self.path + ".new", self.path)

    def fine(self):
        self.set()

    def hits(self):
        """A line for each call that a rule has changed."""
        return read(self.path + ".hits").decode().splitlines() if os.path.exists(self.path + ".hits") else []


def target_of(link):
    """What a symbolic link names; "" when it has gone meanwhile."""
    try:
        return os.readlink(link)
    except OSError:
        return ""


class TroubleTest(SiteTest):
    socket = "unix"

    @classmethod
    def prepare(cls):
        cls.weather = Weather(cls.scratch.folder("weather"))
        cls.daemon.environment = cls.weather.environment

    def setUp(self):
        self.weather.fine()
        if not self.daemon.running:
            self.daemon.start()
        self.postfix.empty_mailboxes()
        self.addCleanup(self.weather.fine)

    # --- mail ---------------------------------------------------------------------------------------------

    def letter(self, size=0, *, subject=None, to=f"alice@{HERE}"):
        """(what is inside and must never be on disk, the sealed message); `size` bytes of attachment."""
        marker = "clear-" + os.urandom(9).hex()
        self.marks = [*getattr(self, "marks", []), marker]
        text = (marker.encode() + b" ") * (size // (len(marker) + 1))
        self.attachment = text
        attachments = [("a.bin", "application/octet-stream", text)] if size else []
        return marker, self.from_bob(subject=subject or marker, text=marker + "\n", attachments=attachments, to=to)[1]

    def post(self, message, recipients=f"alice@{HERE}", sender=f"bob@{THERE}"):
        """Straight to the daemon; returns the milter's Answer."""
        return milter.deliver(self.daemon.socket, sender, recipients, message)

    def deferred(self, answer):
        self.assertEqual(answer.code // 100, 4, f"{answer.raw!r}\n{self.daemon.log_tail()}")
        return answer

    def taken(self, answer):
        self.assertTrue(answer.taken, f"{answer.raw!r}\n{self.daemon.log_tail()}")
        return answer

    def once(self, *markers):
        """Waits until these subjects, and nothing else, are in alice's mailbox, and the outbox is empty."""
        self.delivered(count=len(markers))
        until(lambda: self.daemon.ctl_json("outbox", "list")["outbox"] == [], "an empty outbox",
              detail=self.daemon.log_tail)
        self.postfix.wait_queue_empty()
        found = sorted(smime.field(m, "Subject") for m in self.postfix.maildir(f"alice@{HERE}"))
        self.assertEqual(found, sorted(markers))

    # --- what trouble leaves ------------------------------------------------------------------------------

    def metric(self, name):
        done = self.daemon.ctl("metrics")
        found = re.search(rf"(?m)^direct_{name} (\S+)$", done.out)
        if not found:
            raise Failure(f"no metric {name}: {done.err}{done.out[-3000:]}")
        return float(found.group(1))

    def nothing_clear_on_disk(self):
        """No letter of this test is to be read in any file of the daemon, nor in one it holds open without a name."""
        files = [os.path.join(at, name) for at, _, names in os.walk(self.daemon.root) for name in names]
        fds = f"/proc/{self.daemon.process.pid}/fd"
        files += [os.path.join(fds, n) for n in os.listdir(fds) if "(deleted)" in target_of(os.path.join(fds, n))]
        for path in files:
            try:
                data = read(path) if os.path.isfile(path) else b""
            except OSError:  # gone meanwhile
                continue
            for marker in getattr(self, "marks", []):
                self.assertNotIn(marker.encode(), data, path)

    def in_bad_weather(self, *rules, size=0, event="store", metric="store_failures_total"):
        """A message meets these rules: 4xx, told and counted, nothing clear on disk; then, in fine weather and
        without a restart, the same message is taken and delivered once."""
        marker, message = self.letter(size)
        log, before, pid = len(self.daemon.log()), self.metric(metric), self.daemon.process.pid
        self.weather.set(*rules)
        self.deferred(self.post(message))
        hits = self.weather.hits()
        self.assertTrue(hits, "the fault has not happened")
        self.nothing_clear_on_disk()
        self.assertEqual(self.postfix.maildir(f"alice@{HERE}"), [])
        self.weather.fine()
        said = self.daemon.log()[log:]
        self.assertRegex(said, rf"(?m): {event} .*what=\"[^\"]+")
        self.assertGreater(self.metric(metric), before)
        self.taken(self.post(message))
        self.once(marker)
        self.assertEqual(self.daemon.process.pid, pid)
        self.assertIsNone(self.daemon.process.poll())
        self.assertEqual(self.daemon.ctl("audit", "verify").code, 0)
        return said
