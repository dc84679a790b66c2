"""Two sites that write to each other: "clinic" and "hospital", each with its own authority, Postfix and daemon.

Mail of one for the other goes to the other's mx listener; what goes to neither ends in one sink, the outside world.
A mailbox full@DOMAIN and slow@DOMAIN of each stands in a mail store behind Postfix (`store`, a sink that a test lets refuse).
"""
import email
import email.policy
import unittest

from . import client, dns, smime
from .base import Failure, Scratch, until
from .daemon import Daemon
from .pki import Pki
from .postfix import PrivatePostfix, is_possible
from .sink import Sink
from .site import PASSWORD, NotPossible

OPTION = ("Disposition-Notification-Options", "X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true")
FINAL = "X-DIRECT-FINAL-DESTINATION-DELIVERY"
SECRETS = ("SUBJECTMARK", "BODYMARK", "Zanzibar77")


class Side:
    """One site: domain, people (the first has a certificate of his own, the others the domain's), Postfix, daemon."""

    def __init__(self, name, people, pki, scratch, sink, *, sections=None, domain=None, postfix=None):
        self.name, self.domain = name, f"direct.{name}.test"
        self.people = [f"{p}@{self.domain}" for p in people]
        self.ca = pki.root(f"{name}-ca")
        self.own = pki.end(f"{name}-{people[0]}", self.ca, email=self.people[0])
        self.all = pki.end(name, self.ca, dns=self.domain)
        self.store = Sink()
        report_domain = self.report_domain = f"direct-report.{name}.test"
        behind = {f"{who}@{self.domain}": f"smtp:[127.0.0.1]:{self.store.port}" for who in ("full", "slow")}
        self.postfix = PrivatePostfix(
            scratch.folder(f"{name}-postfix"), domains=(self.domain,),
            mailboxes=[*self.people, *behind, f"newuser@{self.domain}"],
            aliases={f"moved@{self.domain}": f"gone@{self.domain}"}, logins={p: PASSWORD for p in self.people},
            outside=sink, relayed=(), transport=behind, report_domain=report_domain,
            settings={"myhostname": f"mx.{name}.test", **(postfix or {})})
        self.daemon = Daemon(
            scratch.folder(f"{name}-direct"), reinject_port=self.postfix.reinject, report_domain=report_domain,
            domains=[{"name": self.domain, "environment": "test", "pickup_url": f"http://pickup.{name}.test",
                      **(domain or {})}],
            sections={"newuser": {"notice_interval": "0"}, **(sections or {})})
        self.postfix.milter = self.daemon.socket
        self.daemon.add_key(self.people[0], self.own)
        self.daemon.add_key(self.domain, self.all)
        self.daemon.add_anchor(self.domain, self.ca)
        self.dns, self.dns_folder = None, scratch.folder(f"{name}-dns")

    def publishes(self):
        """A name server of its own with what `directctl cert publish` says, and with nothing for any other name below test."""
        lines = []
        for name in (self.people[0], self.domain):
            done = self.daemon.ctl("cert", "publish", name)
            if done.code != 0:
                raise Failure(f"cert publish {name}: {done.out}{done.err}")
            lines += [line for line in done.out.splitlines() if " CERT " in line]
        self.dns = dns.NameServer(self.dns_folder, {"test": [], self.domain: lines}).start()

    def meets(self, other, direction="both"):
        """Knows the other's certificates (from its name server, when it has one), trusts its authority, and sends its mail to its
        mx listener."""
        if direction:
            self.daemon.add_anchor(self.domain, other.ca, direction)
        if other.dns:
            self.daemon.sections["discovery"] = {"dns_servers": [other.dns.server], "dnssec": "off", "ldap_address": False,
                                                 "ldap_domain": False}
            self.daemon.write_config()
        else:
            self.daemon.add_certificate(other.people[0], other.own)
            self.daemon.add_certificate(other.domain, other.all)
        self.postfix.transport[other.domain] = f"smtp:[127.0.0.1]:{other.postfix.mx}"

    def start(self):
        self.postfix.start()
        self.daemon.start()

    def stop(self):
        self.daemon.stop()
        self.postfix.stop()
        self.store.stop()
        if self.dns:
            self.dns.stop()

    def busy(self):
        """What is owed or queued here; nothing when all has arrived."""
        listed = self.daemon.ctl("outbox", "list", "--json")
        if listed.code != 0:
            return listed.err or "no answer"
        return [row for row in listed.json["outbox"] if row.get("state") != "failed"] or self.postfix.queue()

    def status(self, message_id, recipient=None):
        """The row of directctl status for one recipient (or the only one)."""
        rows = self.daemon.ctl_json("status", message_id)["watch"]
        return [r for r in rows if recipient in (None, r["recipient"])][0]

    def audit(self):
        return self.daemon.ctl_json("audit")["entries"]


class Notice:
    """A notification as its reader sees it, by Python's email package."""

    def __init__(self, raw):
        self.raw = raw
        self.message = email.message_from_bytes(raw, policy=email.policy.default)
        self.kind = self.message.get_param("report-type")
        parts = list(self.message.iter_parts())
        self.text = parts[0].get_content()
        self.groups = parts[1].get_payload()  # of message/*: the groups of fields as messages
        self.parts = [p.get_content_type() for p in parts]
        self.subject = self.message["Subject"]

    @property
    def what(self):
        """(disposition, recipient, token) of an MDN; ("report", recipient, token) of each group of a DSN."""
        if self.kind == "disposition-notification":
            f = self.groups[0]
            return [(f["Disposition"].rsplit(";", 1)[1].strip(), f["Final-Recipient"].split(";", 1)[1].strip(),
                     f.get("Failure", ""))]
        return [("report", f["Final-Recipient"].split(";", 1)[1].strip(),
                 f.get("Diagnostic-Code", "").split(";", 1)[-1].strip()) for f in self.groups[1:] if f.get("Action")]


class PairTest(unittest.TestCase):
    """cls.clinic and cls.hospital, running. What differs, a class says in its attributes."""

    clinic_options, hospital_options = {}, {}
    by_dns = False  # each publishes its certificates in a name server of its own, and the other finds them there
    trust = {"clinic": "both", "hospital": "both"}  # whose domain trusts the other, and in which direction

    @classmethod
    def setUpClass(cls):
        if why := is_possible():
            raise NotPossible(why)
        if cls.by_dns:
            dns.require_server()
        cls.scratch = Scratch()
        cls.addClassCleanup(cls.scratch.remove)
        cls.outside = Sink()
        cls.addClassCleanup(cls.outside.stop)
        cls.pki = Pki(cls.scratch.folder("pki", 0o700))
        cls.clinic = Side("clinic", ["nurse", "doctor"], cls.pki, cls.scratch, cls.outside, **cls.clinic_options)
        cls.hospital = Side("hospital", ["ward", "lab"], cls.pki, cls.scratch, cls.outside, **cls.hospital_options)
        cls.sides = (cls.clinic, cls.hospital)
        for side in cls.sides:
            cls.addClassCleanup(side.stop)
            if cls.by_dns:
                side.publishes()
        cls.clinic.meets(cls.hospital, cls.trust["clinic"])
        cls.hospital.meets(cls.clinic, cls.trust["hospital"])
        cls.prepare()
        cls.nurse, cls.doctor = cls.clinic.people
        cls.ward, cls.lab = cls.hospital.people
        for side in cls.sides:
            side.start()

    @classmethod
    def prepare(cls):
        """Overridden: more certificates, anchors, routes, before anything is started."""

    def setUp(self):
        self.settled()
        for side in self.sides:
            side.postfix.empty_mailboxes()
            side.store.refuse.clear()
            side.store.clear()
        self.outside.clear()
        self.outside.refuse.clear()

    def settled(self):
        """Waits until nothing is on its way on either side; the first is looked at again after the second."""
        def under_way():
            return self.clinic.busy() or self.hospital.busy() or self.clinic.busy()
        until(lambda: not under_way(), "nothing owed, nothing queued on both sides", detail=under_way)

    def send(self, side, sender, recipients, subject="SUBJECTMARK", text="BODYMARK\n", headers=()):
        """Submits with a login; returns (the client's Outcome, the Message-ID)."""
        to = [recipients] if isinstance(recipients, str) else list(recipients)
        mail = smime.mail(sender, to, subject, text, headers=headers)
        outcome = client.send(side.postfix.submission, sender, to, mail, login=sender, password=PASSWORD)
        return outcome, smime.field(mail, "Message-ID")

    def says(self, recipients, sender=None, side=None, **mail):
        """The nurse (or whoever) writes, and it is accepted; returns the Message-ID."""
        side = side or self.clinic
        outcome, message_id = self.send(side, sender or side.people[0], recipients, **mail)
        self.assertTrue(outcome.accepted, f"{outcome.last!r}\n{side.daemon.log_tail()}")
        return message_id

    def box(self, side, who, count):
        try:
            return side.postfix.wait_mail(who, count)
        except Failure as e:
            raise Failure(f"{e}\n--- clinic\n{self.clinic.daemon.log_tail()}\n--- hospital\n"
                          f"{self.hospital.daemon.log_tail()}") from e

    def told(self, count, who=None, side=None):
        """What the nurse (or whoever) was told once all has arrived: sorted (disposition, recipient, token); every
        notice is looked at: RFC shape, nothing of the message in it."""
        side, who = side or self.clinic, who or self.nurse
        self.box(side, who, count)
        self.settled()
        self.notices = [Notice(raw) for raw in side.postfix.maildir(who) if b"multipart/report" in raw]
        out = []
        for notice in self.notices:
            self.well_made(notice)
            out += notice.what
        return sorted(out)

    def well_made(self, notice):
        for secret in SECRETS:
            self.assertNotIn(secret.encode(), notice.raw)
            self.assertNotIn(secret, notice.text)
        message = notice.message
        self.assertEqual(message.get_content_type(), "multipart/report")
        self.assertEqual(message.defects, [])
        if "MAILER-DAEMON" in message["From"]:
            return
        self.assertEqual(message["Auto-Submitted"], "auto-replied")
        self.assertIsNone(message["Disposition-Notification-To"])
        self.assertIn(notice.kind, ("disposition-notification", "delivery-status"))
        second = "message/disposition-notification" if notice.kind.startswith("dis") else "message/delivery-status"
        self.assertEqual(notice.parts[:2], ["text/plain", second])
        self.assertNotIn("message/rfc822", notice.parts)
        fields = notice.groups[0]
        if notice.kind == "disposition-notification":
            self.assertEqual(str(message["From"]).strip("<>"), notice.what[0][1], "in the final recipient's name")
            self.assertRegex(fields["Reporting-UA"], r"^[\w.-]+; direct-milter$")
            self.assertRegex(fields["Final-Recipient"], r"^rfc822;\s?[^@ ]+@[^@ ]+$")
            self.assertRegex(fields["Original-Message-ID"], r"^<[^<>@ ]+@[^<>@ ]+>$")
        else:
            self.assertRegex(str(message["From"]), r"<postmaster@[^<>@ ]+>$")
            self.assertRegex(fields["Reporting-MTA"], r"^dns;\s?[\w.-]+$")
            for group in notice.groups[1:]:
                if group.get("Action"):
                    self.assertEqual(group["Action"], "failed")
                    self.assertRegex(group["Status"], r"^5\.\d+\.\d+$")
        for _, recipient, token in notice.what:
            self.assertIn(recipient, notice.text)
            self.assertIn(token, notice.text)

    def nothing_leaks(self):
        """No content outside both mailboxes: not in the outside world, a log, an audit."""
        for mail in self.outside.mails:
            for secret in SECRETS:
                self.assertNotIn(secret.encode(), mail.data, mail.recipients)
        for side in self.sides:
            everything = side.daemon.log() + side.postfix.log() + side.daemon.ctl("audit", "--json").out
            for secret in SECRETS:
                self.assertNotIn(secret, everything, side.name)
