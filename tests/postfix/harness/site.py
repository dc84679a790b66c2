"""The site that tests run on: one PKI, one Postfix, one daemon, one outside world per test class.

  here   our Direct domain direct.here.test: alice (address certificate), carol and newuser (domain certificate)
  there  the partner direct.there.test outside: bob (address certificate), dave (domain certificate)

Both domains' authorities are trusted in both directions. What differs, a class says in its attributes or by
overriding prepare().
"""
import os
import re
import unittest

from . import client, smime
from .base import Failure, Scratch, until
from .daemon import Daemon
from .pki import Pki
from .postfix import REPORT_DOMAIN, PrivatePostfix, is_possible
from .sink import Sink

HERE, THERE = "direct.here.test", "direct.there.test"
PASSWORD = "not a secret"


class NotPossible(unittest.SkipTest):
    """What a test needs cannot be had here. Counted as a failure where CI is set."""


class PostfixTest(unittest.TestCase):
    """A class with a scratch folder and, on a machine that can, its own Postfix (cls.postfix, not started)."""

    mailboxes = (f"alice@{HERE}", f"carol@{HERE}", f"newuser@{HERE}", "plain@here.test")
    aliases = {}
    logins = {f"alice@{HERE}": PASSWORD, f"carol@{HERE}": PASSWORD}
    postfix_settings = {}

    @classmethod
    def setUpClass(cls):
        if why := is_possible():
            raise NotPossible(why)
        cls.scratch = Scratch()
        cls.addClassCleanup(cls.scratch.remove)
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.stop)

    @classmethod
    def make_postfix(cls, **options):
        """A Postfix of this class, started and stopped with it."""
        options = {"mailboxes": cls.mailboxes, "aliases": cls.aliases, "logins": cls.logins, "outside": cls.sink,
                   "settings": cls.postfix_settings, **options}
        cls.postfix = PrivatePostfix(cls.scratch.folder("postfix"), **options)
        cls.addClassCleanup(cls.postfix.stop)
        return cls.postfix


class SiteTest(PostfixTest):
    """PKI, Postfix with our milter, and the daemon, all running when the first test begins."""

    domain = {}  # more keys of [[domain]] direct.here.test
    more_domains = ()
    peers = ()
    sections = {}  # {"outbound": {"digest": "sha384"}}
    socket = "inet"
    postfix_options = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pki = Pki(cls.scratch.folder("pki", 0o700))
        cls.make_certificates()
        cls.make_postfix(**cls.postfix_options)
        domains = [{"name": HERE, "environment": "test", "pickup_url": "http://pickup.here.test", **cls.domain},
                   *cls.more_domains]
        cls.daemon = Daemon(cls.scratch.folder("direct"), reinject_port=cls.postfix.reinject,
                            report_domain=REPORT_DOMAIN, domains=domains, peers=cls.peers, sections=cls.sections,
                            socket_kind=cls.socket)
        cls.postfix.milter = cls.daemon.socket
        cls.install_certificates()
        cls.prepare()
        cls.postfix.start()
        cls.addClassCleanup(cls.daemon.stop)
        cls.daemon.start()

    @classmethod
    def make_certificates(cls):
        pki = cls.pki
        cls.here_ca, cls.there_ca = pki.root("here-ca"), pki.root("there-ca")
        cls.alice = pki.end("alice", cls.here_ca, email=f"alice@{HERE}")
        cls.here = pki.end("here", cls.here_ca, dns=HERE)
        cls.bob = pki.end("bob", cls.there_ca, email=f"bob@{THERE}")
        cls.there = pki.end("there", cls.there_ca, dns=THERE)

    @classmethod
    def install_certificates(cls):
        cls.daemon.add_key(f"alice@{HERE}", cls.alice)
        cls.daemon.add_key(HERE, cls.here)
        cls.daemon.add_anchor(HERE, cls.here_ca)
        cls.daemon.add_anchor(HERE, cls.there_ca)
        cls.daemon.add_certificate(f"bob@{THERE}", cls.bob)
        cls.daemon.add_certificate(THERE, cls.there)

    @classmethod
    def prepare(cls):
        """Overridden: more certificates, anchors, settings, before anything is started."""

    # --- what tests do ---------------------------------------------------------------------------------

    def settled(self):
        """Waits until what was set going has arrived: nothing owed by us (what failed for good stays), nothing queued."""
        def under_way():
            listed = self.daemon.ctl("outbox", "list", "--json")
            if listed.code != 0:
                return listed.err
            owed = [row for row in listed.json["outbox"] if row.get("state") != "failed"]
            return owed or self.postfix.queue()
        until(lambda: not under_way(), "nothing owed, nothing queued", detail=under_way)

    def fresh(self):
        """For setUp(): empty mailboxes and sink, into which nothing of the test before can still come."""
        self.settled()
        self.sink.clear()
        self.postfix.empty_mailboxes()

    def inbound(self, message, recipients=f"alice@{HERE}", sender=f"bob@{THERE}", **parameters):
        """Sends to the mx listener as the outside would; returns the client's Outcome."""
        return client.send(self.postfix.mx, sender, recipients, message, **parameters)

    def submit(self, message, recipients, login=f"alice@{HERE}", sender=None, **parameters):
        """Sends to the submission listener with a login; returns the client's Outcome."""
        return client.send(self.postfix.submission, sender or login, recipients, message, login=login,
                           password=PASSWORD, **parameters)

    def from_bob(self, *, to=f"alice@{HERE}", how=None, signers=None, recipients=None, **mail):
        """A sealed message from bob; returns (the inner message, the message that travels)."""
        inner = smime.mail(f"bob@{THERE}", to, **mail)
        certs = recipients if recipients is not None else [self.alice]
        return inner, smime.sealed(inner, signers if signers is not None else [self.bob], certs,
                                   how or smime.Sealing())

    def refused(self, outcome, token=None, reply=None):
        """Asserts a 4xx or 5xx reply, its text, and that audit knows the token."""
        self.assertFalse(outcome.accepted, outcome.last)
        if reply:
            self.assertEqual(outcome.last.decode().rstrip("\r\n"), reply)
        if token:
            self.in_audit(token)
        return outcome

    def accepted(self, outcome):
        self.assertTrue(outcome.accepted, f"{outcome.last!r}\n{self.daemon.log_tail()}")
        return outcome

    def in_audit(self, word):
        """Waits until an audit entry holds this token as a whole word; returns the entries."""
        def look():
            done = self.daemon.ctl("audit", "--json")
            return re.search(rf"\"{re.escape(word)}\"", done.out) and done
        return until(look, f"\"{word}\" in the audit", 15, lambda: self.daemon.ctl("audit").out).json

    def delivered(self, address=f"alice@{HERE}", count=1, **options):
        """The messages in a mailbox, once there are `count`."""
        try:
            return self.postfix.wait_mail(address, count, **options)
        except Failure as e:
            raise Failure(f"{e}\n--- daemon\n{self.daemon.log_tail()}") from e

    def nothing_delivered(self, address=f"alice@{HERE}"):
        """Asserts that a mailbox is empty once the queue is, and that nothing waits in the outbox."""
        self.postfix.wait_queue_empty()
        self.assertEqual(self.postfix.maildir(address), [])


def main_or_skip(result):
    """The exit code for ctest: 77 when a machine without root kept tests from running; a failure in CI."""
    if not result.wasSuccessful():
        return 1
    if any(why for _, why in result.skipped):
        return 1 if os.environ.get("CI") else 77
    return 0
