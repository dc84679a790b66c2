"""The messages: each kind, what is due for it, and the tokens by which every copy is recognised."""
import dataclasses
import hashlib
import os
import random
import re

from .. import cms, smime
from ..base import read, source_dir
from ..site import HERE, THERE

ALICE, CAROL, NEWUSER = f"alice@{HERE}", f"carol@{HERE}", f"newuser@{HERE}"
BOB, DAVE, ERIN = f"bob@{THERE}", f"dave@{THERE}", f"erin@{THERE}"
PLAIN = "plain@here.test"          # local to Postfix, no Direct domain
OUTSIDER = "doc@relayed.test"      # mx relays for it, no Direct domain
NO_CERTIFICATE = "direct.unknown.test"
OPTION = ("Disposition-Notification-Options", "X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true")
CCD = os.path.join(source_dir(), "tests/mail/ccd_demo.xml")
MANY_LINES = 12000  # more than the session's memory (256 KB) and than a row of the store: spool file and content file

# Kind: how many of a hundred messages.
KINDS = {"in-one": 16, "in-two": 8, "in-newuser": 8, "in-newuser-beside": 4, "in-outsider": 6, "in-documents": 4,
         "in-big": 1, "in-plain": 5, "in-forged": 6, "not-ours": 5, "out-one": 8, "out-several": 5, "out-bcc": 5,
         "out-mixed": 5, "out-unreachable": 3, "out-refused": 2, "out-documents": 2, "out-big": 1, "out-newuser": 2,
         "out-all": 4}

# SUB and BOD: subject and body of mail that must stay secret; QUE and ANS: newuser's question and answer; OPN: mail
# in the clear that is none of ours.
TOKEN = re.compile(rb"(SUB|BOD|QUE|ANS|OPN)(\d{6})[0-9a-f]{8}Z")
SECRET = re.compile(rb"(?:SUB|BOD|QUE|ANS)\d{6}[0-9a-f]{8}Z")
CONTACT = re.compile(r"p(\d{6})@person\.test")
UNREACHABLE = re.compile(rb"u(\d{6})@" + re.escape(NO_CERTIFICATE).encode())
MESSAGE_ID = re.compile(r"m(\d{6})\.[0-9a-f]+@")


@dataclasses.dataclass
class Case:
    """One message and what is due for it once a client has got 250."""
    number: int
    kind: str
    sender: str = BOB
    recipients: tuple = ()
    login: str = ""
    message: bytes = b""
    message_id: str = ""
    refused: bool = False
    clear: tuple = ()        # mailboxes that get it opened
    sealed: tuple = ()       # outside recipients that get it sealed
    untouched: tuple = ()    # recipients that get the bytes as they came
    unreachable: str = ""    # told to the submitter in a failure report
    contact: str = ""        # newuser: whom the notice goes to
    documents: int = 0
    final: bool = False      # asks for final-destination notification
    heard: tuple = ()        # notifications due to the sender: "processed alice@...", "dispatched ..." when asked for

    @property
    def listener(self):
        return "submission" if self.login else "mx"


class Maker:
    """Makes message number n of a seed. Thread safe: each message has a random source of its own."""

    def __init__(self, site, seed):
        self.seed = seed
        self.alice, self.here, self.bob, self.there = (cms.Identity(c) for c in (site.alice, site.here, site.bob,
                                                                                  site.there))
        self.stranger = cms.Identity(site.stranger)
        self.opener = {BOB: self.bob, DAVE: self.there, ERIN: self.there}
        self.key_of = {ALICE: self.alice, CAROL: self.here, NEWUSER: self.here}
        self.ccd = read(CCD)

    def random(self, number):
        return random.Random(f"{self.seed}-{number}")

    def make(self, number):
        r = self.random(number)
        kind = r.choices(list(KINDS), list(KINDS.values()))[0]
        case = Case(number, kind)
        case.message_id = f"<m{number:06d}.{self._mark(number, 'id')}@{THERE if kind.startswith('in') else HERE}>"
        getattr(self, "_" + kind.replace("-", "_"))(case, r)
        if case.sender in (ALICE, BOB) and not case.refused:
            words = ("processed", "dispatched") if case.final else ("processed",)
            case.heard = tuple(f"{word} {a}" for word in words for a in (*case.clear, *((NEWUSER,) if case.contact else ())))
        return case

    def _mark(self, number, what):
        return hashlib.sha256(f"{self.seed}-{number}-{what}".encode()).hexdigest()[:8]

    def token(self, number, what):
        return f"{what}{number:06d}{self._mark(number, what)}Z"

    def _inner(self, case, r, to, *, subject=None, attachments=(), headers=(), lines=1):
        text = f"Dear colleague,\n{self.token(case.number, 'BOD')}\n" * lines
        text += "Findings are unremarkable.\n" * r.randint(0, 60)
        case.final = r.random() < 0.3
        headers = [*headers, *([OPTION] if case.final else [])]
        return smime.mail(case.sender, to, subject or f"Report {self.token(case.number, 'SUB')}", text, attachments,
                          headers, case.message_id)

    def _documents(self, case, r):
        case.documents = r.randint(1, 2)
        return [(f"ccd{i}.xml", "application/xml", self.ccd) for i in range(case.documents)]

    def _sealed(self, case, inner, recipients):
        keys = {id(self.key_of[a]): self.key_of[a] for a in recipients if a in self.key_of}
        return cms.sealed(inner, self.bob, list(keys.values()))

    def _inbound(self, case, r, recipients, **more):
        case.recipients = tuple(recipients)
        visible = [a for a in recipients if a != OUTSIDER]
        case.message = self._sealed(case, self._inner(case, r, visible, **more), recipients)

    # --- inbound ----------------------------------------------------------------------------------------

    def _in_one(self, case, r):
        case.clear = (r.choice([ALICE, CAROL]),)
        self._inbound(case, r, case.clear)

    def _in_two(self, case, r):
        case.clear = (ALICE, CAROL)
        self._inbound(case, r, case.clear)

    def _in_documents(self, case, r):
        case.clear = (ALICE,)
        self._inbound(case, r, case.clear, attachments=self._documents(case, r))

    def _in_big(self, case, r):
        case.clear = (ALICE,)
        self._inbound(case, r, case.clear, lines=MANY_LINES)

    def _in_outsider(self, case, r):
        case.clear, case.untouched = (ALICE,), (OUTSIDER,)
        self._inbound(case, r, (ALICE, OUTSIDER))

    def _line(self, case, r):
        # A question costs a scrypt derivation, so not every record has one.
        case.contact = f"p{case.number:06d}@person.test"
        pair = f";{self.token(case.number, 'QUE')};{self.token(case.number, 'ANS')}" if r.random() < 0.3 else ""
        return f"{case.contact}{pair};Real {self.token(case.number, 'SUB')}" if pair else case.contact

    def _in_newuser(self, case, r):
        self._inbound(case, r, (NEWUSER,), subject=self._line(case, r))

    def _in_newuser_beside(self, case, r):
        case.clear = (ALICE,)
        self._inbound(case, r, (NEWUSER, ALICE), subject=self._line(case, r))

    def _in_plain(self, case, r):
        case.refused, case.recipients = True, (ALICE,)
        case.message = self._inner(case, r, [ALICE])

    def _in_forged(self, case, r):
        case.refused, case.recipients = True, (ALICE,)
        inner = self._inner(case, r, [ALICE])
        content = smime.crlf(smime.wrap(inner))
        how = r.choice(["bit", "stranger", "unsigned", "content"])
        if how == "bit":
            entity = smime.multipart_signed(content, cms.sign(content, self.bob))
            where = entity.index(self.token(case.number, "BOD").encode()) + r.randint(0, 15)
            der = tampered(cms.encrypt(entity, [self.alice]), len(entity), where, r.randint(0, 7))
            case.message = smime.outer(inner, smime.pkcs7_mime(der, "enveloped-data"))
        elif how == "stranger":
            case.message = cms.sealed(inner, self.stranger, [self.alice])
        elif how == "unsigned":
            case.message = cms.sealed(inner, None, [self.alice])
        else:
            other = content.replace(b"unremarkable", b"remarkable!!") + b"P.S. pay here.\r\n"
            entity = smime.multipart_signed(other, cms.sign(content, self.bob))
            case.message = smime.outer(inner, smime.pkcs7_mime(cms.encrypt(entity, [self.alice]), "enveloped-data"))

    def _not_ours(self, case, r):
        case.sender = "someone@elsewhere.test"
        case.untouched = r.choice([(PLAIN,), (OUTSIDER,), (PLAIN, OUTSIDER)])
        case.recipients = case.untouched
        open_token = self.token(case.number, "OPN")
        case.message = smime.mail(case.sender, list(case.recipients), f"Open {open_token}", f"{open_token}\n",
                                  message_id=case.message_id)

    # --- outbound ---------------------------------------------------------------------------------------

    def _outbound(self, case, r, recipients, visible=None, **more):
        case.sender = case.login = ALICE
        case.recipients = tuple(recipients)
        case.message = self._inner(case, r, visible or list(recipients), **more)

    def _out_one(self, case, r):
        case.sealed = (r.choice([BOB, DAVE]),)
        self._outbound(case, r, case.sealed)

    def _out_several(self, case, r):
        case.sealed = r.choice([(BOB, DAVE), (BOB, DAVE, ERIN)])
        self._outbound(case, r, case.sealed)

    def _out_bcc(self, case, r):
        case.sealed = r.choice([(BOB, DAVE), (BOB, DAVE, ERIN)])
        written = [("Bcc", ", ".join(case.sealed[1:]))] if r.random() < 0.5 else []
        self._outbound(case, r, case.sealed, [case.sealed[0]], headers=written)

    def _out_mixed(self, case, r):
        case.clear, case.sealed = (CAROL,), r.choice([(BOB,), (BOB, DAVE)])
        self._outbound(case, r, case.clear + case.sealed)

    def _out_documents(self, case, r):
        case.sealed = (BOB,)
        case.clear = r.choice([(), (CAROL,)])
        self._outbound(case, r, case.clear + case.sealed, attachments=self._documents(case, r))
        case.documents = 0  # what leaves is not ours to read

    def _out_big(self, case, r):
        case.clear, case.sealed = (CAROL,), (BOB,)
        self._outbound(case, r, case.clear + case.sealed, lines=MANY_LINES)

    def _out_unreachable(self, case, r):
        case.sealed, case.unreachable = (BOB,), f"u{case.number:06d}@{NO_CERTIFICATE}"
        self._outbound(case, r, (BOB, case.unreachable))

    def _out_refused(self, case, r):
        case.refused = True
        self._outbound(case, r, (f"u{case.number:06d}@{NO_CERTIFICATE}",))

    def _out_all(self, case, r):
        """Local, outside, Bcc, held and refused in one message: one report, one held record, a copy each."""
        case.clear, case.sealed = (CAROL,), (BOB, DAVE)
        case.unreachable = f"u{case.number:06d}@{NO_CERTIFICATE}"
        case.contact = f"p{case.number:06d}@person.test"
        line = f"{case.contact};Real {self.token(case.number, 'SUB')}"   # the others read the real subject
        to = [CAROL, BOB, DAVE, NEWUSER, case.unreachable]
        self._outbound(case, r, to, [a for a in to if a != DAVE], subject=line)

    def _out_newuser(self, case, r):
        self._outbound(case, r, (NEWUSER,), subject=self._line(case, r))


def tampered(der, size, where, bit):
    """One bit flipped in the ciphertext of what stands at `where` of an entity of `size` bytes, which ends an
    EnvelopedData with 16-byte blocks. It has to be signed content: what is garbled in the header of the signature's own
    part changes nothing that is delivered, and such mail is rightly taken."""
    out = bytearray(der)
    out[len(der) - (size // 16 + 1) * 16 + where] ^= 1 << bit
    return bytes(out)
