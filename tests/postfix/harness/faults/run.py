"""A run: clients and kills side by side, then calm, then the count."""
import collections
import itertools
import os
import random
import threading
import time

from ..base import Failure, until
from ..site import THERE, SiteTest
from .cases import ALICE, CAROL, NEWUSER, PLAIN, Maker
from .killer import EVERY, Killer
from .ledger import Ledger, secrets_in
from .senders import MilterSender, SmtpSender
from .verdict import Verdict

STALLED_SECONDS = 120.0  # nothing moves for so long while the house empties: the run fails


class FaultSite(SiteTest):
    """The site of tests/postfix, with a stranger and without limits that such a crowd would hit."""

    mailboxes = (ALICE, CAROL, NEWUSER, PLAIN)
    sections = {"newuser": {"notice_interval": "0", "quota_sender": 1000000, "quota_contact": 1000},
                "store": {"size_max": "8G"}}
    # A process killed before its first job makes master wait a minute before it starts another one.
    postfix_settings = {"service_throttle_time": "1s", "enable_long_queue_ids": "yes", "in_flow_delay": "0s",
                        "ipc_timeout": "20s"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sink.dsn = True  # ENVID goes through to the sink and names the outbox entry

    @classmethod
    def make_certificates(cls):
        super().make_certificates()
        cls.stranger = cls.pki.end("stranger", cls.pki.root("stranger-ca"), email=f"bob@{THERE}")


class Run:
    """site: a FaultSite whose class is set up. Everything random comes from the seed but keys and timing."""

    def __init__(self, site, messages, seed, *, milter_clients=5, smtp_clients=3, smtp_share=0.25, minutes=None,
                 say=print):
        self.site, self.messages, self.seed, self.say = site, messages, seed, say
        self.smtp_share = smtp_share
        self.maker = Maker(site, seed)
        self.ledger = Ledger(self.maker)
        self.killer = Killer(site, random.Random(f"{seed}-kills"), messages)
        self.killer.look_at_rest = lambda: self.ledger.search_files(os.path.join(site.daemon.root, "store"))
        self.unfinished = 0
        self.deadline = time.monotonic() + minutes * 60 if minutes else None
        self.trouble = []
        self.done = 0
        self._moved = threading.Condition()
        self._numbers = {way: itertools.filterfalse(lambda n, w=way: self._way(n) != w, range(messages))
                         for way in ("milter", "smtp")}
        self._lock = threading.Lock()
        self._clients = [(MilterSender, site.daemon.socket)] * milter_clients
        self._clients += [(SmtpSender, site.postfix)] * smtp_clients

    def _way(self, number):
        return "smtp" if random.Random(f"{self.seed}-way-{number}").random() < self.smtp_share else "milter"

    # --- sending ----------------------------------------------------------------------------------------

    def go(self):
        """The whole run; returns the verdict."""
        began = time.monotonic()
        threads = []
        for i, (kind, where) in enumerate(self._clients):
            sender = kind(self.killer, where, random.Random(f"{self.seed}-client-{i}"))
            threads.append(threading.Thread(target=self._client, args=(sender,), daemon=True))
            threads[-1].start()
        while any(t.is_alive() for t in threads) and not self.trouble:
            with self._moved:
                self._moved.wait(0.05)
            self._kill_what_is_due()
        for t in threads:
            t.join(120)
        if self.trouble:
            raise self.trouble[0]
        sent = time.monotonic()
        self.killer.wait_up()
        self._empty()
        emptied = time.monotonic()
        verdict = self._count()
        self.say(f"sent in {sent - began:.0f} s, empty after {emptied - sent:.0f} s more, counted in "
                 f"{time.monotonic() - emptied:.0f} s")
        return verdict

    def _client(self, sender):
        try:
            while (number := self._next(sender.way)) is not None:
                self.ledger.take(sender.see_through(self.maker.make(number)))
                with self._moved:
                    self.done += 1
                    self._moved.notify_all()
            sender.drop()
        except Exception as e:  # a thread's end must not go unseen
            self.trouble.append(e)

    def _next(self, way):
        with self._lock:
            late = self.deadline and time.monotonic() > self.deadline
            return None if self.trouble or late else next(self._numbers[way], None)

    def _kill_what_is_due(self):
        try:
            self.killer.look()
            self.killer.due(self.done)
        except Exception as e:
            self.trouble.append(e)
            self.killer._up.set()

    # --- afterwards -------------------------------------------------------------------------------------

    def waiting(self):
        """Outbox entries and queue files that are left."""
        return self.site.daemon.ctl_json("outbox", "list")["outbox"], self.site.postfix.queue()

    def _empty(self):
        """Until nothing is owed and nothing queued; gives up when nothing moves any longer."""
        left, since = None, time.monotonic()
        while True:
            outbox, queue = self.waiting()
            if not outbox and not queue:
                return
            now = (len(outbox), len(queue), len(self.site.sink.mails))
            if now != left:
                left, since = now, time.monotonic()
            only_failed = not queue and all(e["state"] == "failed" for e in outbox)
            if only_failed or time.monotonic() - since > STALLED_SECONDS:
                about = "\n".join(self.site.postfix.about(q["queue_id"]) for q in queue[:5])
                raise Failure(f"the house does not empty: {outbox[:5]} {queue[:5]}\n{about}\n"
                              f"{self.site.daemon.log_tail()}")
            if queue and time.monotonic() - since > 1:
                self.site.postfix.flush()  # a killed queue manager is started again by the next thing that wakes it
            with self._moved:
                self._moved.wait(0.5)

    def _count(self):
        site = self.site
        self.ledger.read_sink(site.sink.mails)
        self.ledger.read_mailboxes(site.postfix)
        documents = self._documents()
        held = [r["contact"] for r in site.daemon.ctl_json("held", "list", timeout=300)["held"]]
        audited = {e.get("message_id") for e in site.daemon.ctl_json("audit", timeout=600)["entries"]
                   if e.get("event") in ("message-in", "message-out")}
        for command in (("audit", "verify"), ("store", "stat")):
            done = site.daemon.ctl(*command, timeout=600)
            if done.code != 0:
                self.ledger.fault("strange", f"directctl {' '.join(command)}: {done.out}{done.err}")
        self.killer.wait_orphans_gone()
        site.daemon.stop()
        self.ledger.search_files(site.daemon.root, os.path.join(site.postfix.root, "etc"))
        self.ledger.search_files(os.path.join(site.postfix.root, "data"))
        self._search_queue()
        self._search_log()
        self.ledger.read_daemon_log(site.daemon.log())
        verdict = Verdict(self.ledger, self.killer)
        verdict.judge(held, audited, documents)
        return verdict

    def _search_queue(self):
        """Postfix's queue folders. A killed cleanup leaves its unfinished file (not mode 700 yet) in incoming; Postfix
        removes it after a day, and it is none of ours."""
        spool = os.path.join(self.site.postfix.root, "spool")
        for where, _, names in os.walk(spool):
            for name in names:
                path = os.path.join(where, name)
                for token in secrets_in(path):
                    if os.path.basename(where) == "incoming" and os.stat(path).st_mode & 0o777 != 0o700:
                        self.unfinished += 1
                    else:
                        self.ledger.fault("leaked", f"{token} in {path}")

    def _search_log(self):
        for token in secrets_in(os.path.join(self.site.postfix.root, "maillog")):
            self.ledger.fault("leaked", f"{token} in Postfix's log")

    def _documents(self):
        found = {}
        for fate in self.ledger.fates.values():
            if fate.case.documents:
                found[fate.case.message_id] = self._states(fate.case)
        return found

    def _states(self, case):
        def look():
            done = self.site.daemon.ctl("record", "show", case.message_id, "--json")
            states = [d["state"] for d in done.json["documents"]] if done.code == 0 else []
            return states if states and "pending" not in states else None
        try:
            return until(look, f"the documents of {case.message_id}", 60)
        except Failure:
            return []

    def report(self, verdict):
        """Lines for a reader: seed, what was sent, what was killed, what came of it."""
        fates = list(self.ledger.fates.values())
        kinds = collections.Counter(f.case.kind for f in fates)
        ways = collections.Counter(f.way for f in fates)
        return [f"seed {self.seed}: {len(fates)} messages ({ways['milter']} straight, {ways['smtp']} by Postfix), "
                f"{sum(f.tries for f in fates)} tries, {len(self.ledger.copies)} copies, {self.ledger.opened} opened",
                "kinds: " + ", ".join(f"{k} {n}" for k, n in sorted(kinds.items())),
                "kills: " + ", ".join(f"{k} {n}" for k, n in self.killer.counts().items())
                + f"; store and audit looked at {self.killer.checks} times in between",
                "must be zero: " + ", ".join(f"{k} {n}" for k, n in verdict.counts().items()),
                "explained: " + (", ".join(f"{k} {n}" for k, n in sorted(verdict.explained.items()) if n) or "nothing")
                + f"; {self.unfinished} unfinished queue files of killed cleanups"]


def run_once(site, messages, seed, **options):
    """Runs and reports; raises Failure when anything that must be zero is not."""
    say = options.get("say", print)
    say(f"seed {seed}, {messages} messages")
    run = Run(site, messages, seed, **options)
    verdict = run.go()
    for line in run.report(verdict):
        say(line)
    idle = set(EVERY) - {"daemon-at-step"} - set(run.killer.counts())
    if idle and messages >= 2000:
        raise Failure(f"never killed: {sorted(idle)}")
    if any(verdict.counts().values()):
        raise Failure("\n".join(["the count does not add up", *run.report(verdict), *verdict.lines()]))
    return run
