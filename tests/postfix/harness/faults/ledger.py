"""Every copy that can be found: in mailboxes, at the sink, in what the milter clients would have queued."""
import dataclasses
import email.utils
import hashlib
import mmap
import os
import re
import threading

from .. import cms, smime
from ..base import Failure, read
from .cases import CONTACT, MESSAGE_ID, SECRET, TOKEN, UNREACHABLE

CLEAR, SEALED, UNTOUCHED, NOTICE, REPORT = "clear", "sealed", "untouched", "notice", "report"


@dataclasses.dataclass
class Copy:
    """One copy in one place. entry: the outbox entry it came from, "" when it went through Postfix in place."""
    number: int
    address: str
    form: str
    place: str              # mailbox, sink, milter
    entry: str = ""
    queue_id: str = ""
    received: float = 0.0   # when Postfix began to take it, whole seconds


class Ledger:
    """Collects copies and whatever is wrong with one by itself (`faults`: one line each). Thread safe."""

    def __init__(self, maker):
        self.maker = maker
        self.fates, self.copies, self.faults = {}, [], []
        self.body_of = {}  # number -> digest of the body as it was sent
        self.opened = self.postmaster = 0
        self.noted = set()  # queue ids that the daemon has noted as handed over
        self._lock = threading.Lock()

    def fault(self, kind, text):
        with self._lock:
            self.faults.append((kind, text))

    def keep(self, copy):
        with self._lock:
            self.copies.append(copy)

    def take(self, fate):
        """A client is done with a message; the message itself is not needed any longer."""
        case = fate.case
        self.body_of[case.number] = body_digest(case.message)
        for recipients, data in fate.queued:
            for address in recipients:
                self._outside(case.number, address, data, "milter")
        fate.queued, case.message = len(fate.queued), b""
        with self._lock:
            self.fates[case.number] = fate

    # --- the outside ------------------------------------------------------------------------------------

    def _outside(self, number, address, data, place, **more):
        """A copy that left, or stands ready to: sealed by us, or byte for byte as it came."""
        known = self.fates.get(number)
        case = known.case if known else self.maker.make(number)
        form = SEALED if case.login else UNTOUCHED
        copy = Copy(number, address, form, place, **more)
        self.keep(copy)
        if SECRET.search(data):
            self.fault("leaked", f"{number:06d} {case.kind}: clear text to {address} ({place})")
        if form == UNTOUCHED:
            if body_digest(data) != self.body_of.get(number, body_digest(case.message)):
                self.fault("changed", f"{number:06d} {case.kind}: the body for {address} is not the one that was sent")
        elif address in self.maker.opener:
            self._open(case, address, data)

    def _open(self, case, address, data):
        try:
            inner = cms.open_sealed(data, self.maker.opener[address])
            count = cms.recipient_count(data)
        except Failure as e:
            self.fault("unreadable", f"{case.number:06d} {case.kind} for {address}: {e}")
            return
        for what in ("SUB", "BOD"):
            if self.maker.token(case.number, what).encode() not in inner:
                self.fault("unreadable", f"{case.number:06d} {case.kind} for {address}: without its {what}")
        if case.kind == "out-bcc" and count != 1:
            self.fault("disclosed", f"{case.number:06d}: {count} recipients in a Bcc message's envelope for {address}")
        with self._lock:
            self.opened += 1

    def read_sink(self, mails):
        for mail in mails:
            for address in mail.recipients:
                self._sink_copy(mail, address)

    def _sink_copy(self, mail, address):
        queue_id, received = trace_of(mail.data)
        if address.startswith(("postmaster@", "double-bounce@")):
            self.postmaster += 1
            if SECRET.search(mail.data):
                self.fault("leaked", f"clear text in a notice to {address}")
            return
        notice = CONTACT.fullmatch(address)
        if notice:
            entry = re.match(r"notice\+(\w+)@", mail.sender)
            self.keep(Copy(int(notice.group(1)), address, NOTICE, "sink", entry.group(1) if entry else mail.sender,
                           queue_id, received))
            if SECRET.search(mail.data):
                self.fault("leaked", f"clear text in the notice to {address}")
            return
        entry = re.search(r"ENVID=(\S+)", mail.mail_parameters)
        found = MESSAGE_ID.search(smime.field(mail.data, "Message-ID") or "")
        if not found and not mail.sender and address in self.maker.opener:
            self._disposition(mail, address, entry.group(1) if entry else "", queue_id, received)
            return
        if not found:
            self.fault("strange", f"at the sink for {address}: Message-ID {smime.field(mail.data, 'Message-ID')}, "
                       f"from <{mail.sender}>")
            return
        self._outside(int(found.group(1)), address, mail.data, "sink", entry=entry.group(1) if entry else "",
                      queue_id=queue_id, received=received)

    def _disposition(self, mail, address, entry, queue_id, received):
        """A notification about a message of the sender's: sealed to him, about a message that was sent, without its words."""
        try:
            inner = cms.open_sealed(mail.data, self.maker.opener[address])
        except Failure as e:
            self.fault("unreadable", f"a notification for {address}: {e}")
            return
        self._notification(inner, address, "sink", entry, queue_id, received)

    def _notification(self, report, address, place, entry, queue_id, received):
        about = MESSAGE_ID.search(self._field(report, "Original-Message-ID"))
        if SECRET.search(report) or not about:
            self.fault("leaked" if about else "strange", f"in a notification for {address}")
            return
        disposition = self._field(report, "Disposition").rsplit(";", 1)[-1].strip()
        recipient = self._field(report, "Final-Recipient").rsplit(";", 1)[-1].strip()
        self.keep(Copy(int(about.group(1)), address, f"{disposition} {recipient}", place, entry, queue_id, received))

    @staticmethod
    def _field(report, name):
        found = re.search(rb"(?mi)^" + name.encode() + rb":[ \t]*(.*?)\r?$", report)
        return found.group(1).decode(errors="replace") if found else ""

    # --- mailboxes --------------------------------------------------------------------------------------

    def read_mailboxes(self, postfix):
        for address in postfix.mailboxes:
            folder = os.path.join(postfix.root, "mail", address, "new")
            for name in os.listdir(folder) if os.path.isdir(folder) else []:
                self._mailbox_copy(address, read(os.path.join(folder, name)))

    def _mailbox_copy(self, address, data):
        queue_id, received = trace_of(data)
        tokens = {(m.group(1), int(m.group(2))) for m in TOKEN.finditer(data)}
        numbers = {number for _, number in tokens}
        told = {int(n) for n in UNREACHABLE.findall(data)}
        if not numbers and len(told) == 1:
            self.keep(Copy(told.pop(), address, REPORT, "mailbox", smime.field(data, "Message-ID"), queue_id, received))
            return
        if b"disposition-notification" in data:
            # One that was made twice would have two Message-IDs.
            self._notification(data, address, "mailbox", smime.field(data, "Message-ID"), queue_id, received)
            return
        if len(numbers) != 1:
            self.fault("strange", f"in {address}: {smime.field(data, 'Subject')} from {smime.field(data, 'From')}")
            return
        number, kinds = numbers.pop(), {kind for kind, _ in tokens}
        if kinds & {b"QUE", b"ANS"}:
            self.fault("leaked", f"{number:06d}: newuser's question or answer in {address}")
        entry = re.search(r"direct-dsn\+(\w+)@", smime.field(data, "Return-Path") or "")
        form = UNTOUCHED if kinds == {b"OPN"} else CLEAR
        if form == CLEAR and b"BOD" not in kinds:
            self.fault("unreadable", f"{number:06d} in {address}: without its body")
        self.keep(Copy(number, address, form, "mailbox", entry.group(1) if entry else "", queue_id, received))

    def read_daemon_log(self, text):
        self.noted.update(re.findall(r'what="handed-over"[^\n]*queued as (\w+)', text))

    # --- files ------------------------------------------------------------------------------------------

    def search_files(self, *folders):
        """Secret tokens in any file below these folders, whatever its format."""
        for folder in folders:
            for where, _, names in os.walk(folder):
                for name in names:
                    path = os.path.join(where, name)
                    for token in secrets_in(path):
                        self.fault("leaked", f"{token} in {path}")


def secrets_in(path):
    try:
        if not os.path.isfile(path) or not os.path.getsize(path):
            return []
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            found = SECRET.search(data)
            return [found.group().decode()] if found else []
    except OSError:
        return []  # gone meanwhile


def trace_of(data):
    """(queue id, time) of the newest hop."""
    text = smime.field(data, "Received") or ""
    queue_id, when = re.search(r"\bid (\w+)", text), text.rsplit(";", 1)[-1].strip()
    try:
        at = email.utils.parsedate_to_datetime(when).timestamp()
    except (TypeError, ValueError):
        at = 0.0
    return queue_id.group(1) if queue_id else "", at


def body_digest(message):
    return hashlib.sha256(smime.crlf(smime.split(message)[1]).strip()).hexdigest()
