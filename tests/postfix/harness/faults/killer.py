"""Kills: the daemon, its parsers, Postfix's processes, Postfix as a whole; ordered ends and reloads in between.

Every process is named by a pid we know: our own child, or a child of it found in /proc, held by a pidfd while it is
looked at again, so that a number given anew is never hit.
"""
import dataclasses
import os
import signal
import threading
import time

from ..base import Failure, read, until

# A kill per so many messages.
EVERY = {"daemon": 70, "daemon-at-step": 45, "term": 300, "reload": 120, "parser": 70, "smtpd": 90, "cleanup": 90,
         "reinject": 70, "qmgr": 150, "postfix": 700}
# What can end an SMTP dialogue of the outbox between the queueing and our noting of it.
TEARS_HAND_OVER = ("daemon", "reinject", "cleanup", "postfix")
HAND_OVERS_AT_ONCE = 4  # reinject.connections
OF_POSTFIX = ("smtpd", "cleanup", "qmgr", "reinject", "postfix")


@dataclasses.dataclass
class Kill:
    what: str
    at: float  # seconds since the epoch
    explains: list = dataclasses.field(default_factory=list)  # the doubles it was held responsible for

    @property
    def used_up(self):
        """The end of our daemon, or of a whole Postfix, tears what is on every connection; of one smtpd what is on one."""
        return len(self.explains) >= (HAND_OVERS_AT_ONCE if self.what in ("daemon", "postfix") else 1)


class Killer:
    """site: postfix and daemon. progress() in any thread; pull() by the client that reached a step."""

    def __init__(self, site, r, messages):
        self.site, self.r = site, r
        self.kills = []
        self.parsers = set()
        self.checks = 0
        self.look_at_rest = lambda: None  # called now and then while the daemon is dead
        self._alone = threading.RLock()
        self._up = threading.Event()
        self._up.set()
        self._armed = threading.Event()
        self._change = threading.Condition()
        self.schedule = sorted((r.uniform(0.01, 0.99) * messages, what)
                               for what, every in EVERY.items() for _ in range(max(1, round(messages / every))))

    # --- for clients ------------------------------------------------------------------------------------

    def wait_up(self):
        if not self._up.wait(120):
            raise Failure("the daemon did not come back")

    def changed(self, seconds):
        """The pause of a client before it tries again; shorter when something was started."""
        with self._change:
            self._change.wait(seconds)

    def pull(self):
        """A kill that waits for a client's step falls here, at once or a little later."""
        if not self._armed.is_set():
            return
        with self._alone:
            if not self._armed.is_set():
                return
            self._armed.clear()
            pause = self.r.choice([0, 0, self.r.uniform(0, 0.06)])
        # A later point of the same step is what is wanted here, and nothing shows when it is reached.
        threading.Event().wait(pause)
        self.daemon()

    def hit_postfix_lately(self, seconds=30.0):
        return any(k.what in OF_POSTFIX and time.time() - k.at < seconds for k in self.kills[-20:])

    # --- the schedule -----------------------------------------------------------------------------------

    def due(self, done):
        """What is due when so many messages are done; called in the loop of the run's own thread."""
        while self.schedule and self.schedule[0][0] <= done:
            what = self.schedule.pop(0)[1]
            if what == "daemon-at-step":
                self._armed.set()
            else:
                getattr(self, what)()

    def look(self):
        """A daemon that ended although nobody ended it."""
        with self._alone:
            code = self.site.daemon.process.poll()
            if code is not None:
                raise Failure(f"the daemon ended by itself with {code}\n{self.site.daemon.log_tail()}")

    # --- kills ------------------------------------------------------------------------------------------

    def daemon(self):
        with self._alone:
            self._up.clear()
            self.parsers.update(children(self.site.daemon.process.pid, "direct-parse"))
            self._note("daemon")
            self.site.daemon.kill()
            self._back()

    def term(self):
        with self._alone:
            self._up.clear()
            self.parsers.update(children(self.site.daemon.process.pid, "direct-parse"))
            self._note("term")
            code = self.site.daemon.stop()
            if code != 0:
                raise Failure(f"the daemon ended on SIGTERM with {code}\n{self.site.daemon.log_tail()}")
            self._back()

    def _back(self):
        """The store opens as it is: no repair, no second try."""
        if self.r.random() < 0.1:
            for command in (("store", "stat"), ("audit", "verify")):
                done = self.site.daemon.ctl(*command, timeout=120)
                if done.code != 0:
                    raise Failure(f"directctl {' '.join(command)} after a kill: {done.out}{done.err}")
            self.look_at_rest()
            self.checks += 1
        self.site.daemon.start()
        self._up.set()
        with self._change:
            self._change.notify_all()

    def reload(self):
        with self._alone:
            self._note("reload")
            self.site.daemon.process.send_signal(signal.SIGUSR1)

    def parser(self):
        with self._alone:
            self._child(self.site.daemon.process.pid, "direct-parse", "parser")

    def smtpd(self):
        port = self.r.choice([self.site.postfix.mx, self.site.postfix.submission])
        self._child(self.site.postfix.pid, "smtpd", "smtpd", f":{port}")

    def reinject(self):
        self._child(self.site.postfix.pid, "smtpd", "reinject", f":{self.site.postfix.reinject}", wait=True)

    def cleanup(self):
        self._child(self.site.postfix.pid, "cleanup", "cleanup")

    def qmgr(self):
        self._child(self.site.postfix.pid, "qmgr", "qmgr")

    def postfix(self):
        """All of Postfix at once, then a start of what lies in its queue."""
        self._note("postfix")
        group = self.site.postfix.pid
        os.killpg(group, signal.SIGKILL)
        self.site.postfix.stop()
        self.site.postfix.start()

    def _child(self, parent, name, what, part="", wait=False):
        """One child of that parent, if there is one; part: what its command line holds."""
        seconds = 2.0 if wait else 0.0
        end = time.monotonic() + seconds
        found = []
        while not found:
            found = children(parent, name, part)
            if time.monotonic() >= end:
                break
        if not found:
            return
        pid = self.r.choice(found)
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            if pid in children(parent, name, part):
                self._note(what)
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            self.kills.pop()
        finally:
            os.close(handle)

    def _note(self, what):
        self.kills.append(Kill(what, time.time()))

    def wait_orphans_gone(self):
        """A parser must not outlive its daemon."""
        now = set(children(self.site.daemon.process.pid, "direct-parse"))
        until(lambda: not [p for p in self.parsers - now if name_of(p) == "direct-parse"], "the parsers of killed "
              "daemons to end", 30)

    def counts(self):
        return {what: sum(k.what == what for k in self.kills) for what in sorted({k.what for k in self.kills})}


def children(parent, name, part=""):
    """Pids of a process's running children of that name whose command line holds `part`."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = read(f"/proc/{entry}/stat").decode(errors="replace")
            comm, rest = fields[fields.index("(") + 1:fields.rindex(")")], fields[fields.rindex(")") + 2:].split()
            if comm != name or int(rest[1]) != parent or rest[0] == "Z":
                continue
            if part and part not in read(f"/proc/{entry}/cmdline").decode(errors="replace"):
                continue
        except (OSError, ValueError):
            continue
        found.append(int(entry))
    return found


def name_of(pid):
    try:
        return read(f"/proc/{pid}/comm").decode().strip()
    except OSError:
        return ""
