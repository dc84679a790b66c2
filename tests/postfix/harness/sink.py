"""The outside world: an SMTP server on 127.0.0.1 that keeps what it is given, per recipient."""
import dataclasses
import re
import threading

from .base import until
from .listener import Listener


@dataclasses.dataclass
class Mail:
    """One message as it came over the wire."""
    sender: str
    mail_parameters: str  # after the address: "SIZE=... RET=HDRS ENVID=..."
    recipients: list
    rcpt_parameters: dict  # address -> text
    data: bytes  # without dot-stuffing, CRLF as it came
    helo: str = ""


class Sink(Listener):
    """Starts at once. refuse[address] = b"550 5.1.1 no" answers RCPT; refuse_data answers the final dot.

    With dsn=False it does not offer DSN, so that Postfix reports "relayed" itself.
    """

    def __init__(self, dsn=False):
        self.dsn = dsn
        self.refuse = {}
        self.refuse_data = None
        self._mails = []
        self._lock = threading.Lock()
        super().__init__(lambda rfile, wfile: _Session(self, rfile, wfile).run())

    def keep(self, mail):
        with self._lock:
            self._mails.append(mail)

    @property
    def mails(self):
        with self._lock:
            return list(self._mails)

    def for_address(self, address):
        """Messages that had this recipient."""
        return [m for m in self.mails if address.lower() in (r.lower() for r in m.recipients)]

    def wait_for(self, address, count=1, seconds=None):
        """The messages for an address, when there are at least `count`."""
        def look():
            found = self.for_address(address)
            return found if len(found) >= count else None
        options = {} if seconds is None else {"seconds": seconds}
        return until(look, f"{count} message(s) for {address} at the sink",
                     detail=lambda: [m.recipients for m in self.mails], **options)

    def clear(self):
        with self._lock:
            self._mails.clear()


class _Session:
    def __init__(self, sink, rfile, wfile):
        self.sink, self.rfile, self.wfile = sink, rfile, wfile
        self.mail = None
        self.helo = ""

    def say(self, line):
        self.wfile.write(line + b"\r\n")

    def run(self):
        try:
            self.say(b"220 sink.test ESMTP")
            while line := self.rfile.readline():
                if not self.command(line.rstrip(b"\r\n")):
                    return
        except OSError:
            return

    def command(self, line):
        verb = line[:4].upper()
        if verb in (b"EHLO", b"HELO"):
            self.helo = line[5:].decode(errors="replace")
            extensions = [b"PIPELINING", b"8BITMIME", b"SMTPUTF8", b"SIZE 0"] + ([b"DSN"] if self.sink.dsn else [])
            for extension in extensions if verb == b"EHLO" else []:
                self.say(b"250-" + extension)
            self.say(b"250 sink.test")
        elif verb == b"MAIL":
            address, parameters = _path(line)
            self.mail = Mail(address, parameters, [], {}, b"", self.helo)
            self.say(b"250 2.1.0 ok")
        elif verb == b"RCPT":
            self.recipient(line)
        elif verb == b"DATA":
            self.data()
        elif verb == b"QUIT":
            self.say(b"221 2.0.0 bye")
            return False
        else:
            self.say(b"250 2.0.0 ok")
        return True

    def recipient(self, line):
        address, parameters = _path(line)
        if address in self.sink.refuse:
            self.say(self.sink.refuse[address])
            return
        self.mail.recipients.append(address)
        self.mail.rcpt_parameters[address] = parameters
        self.say(b"250 2.1.5 ok")

    def data(self):
        if not self.mail or not self.mail.recipients:
            self.say(b"554 5.5.1 no recipient")
            return
        self.say(b"354 go on")
        lines = []
        while (line := self.rfile.readline()) and line != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        if not line:
            return  # the client has gone in the middle: no message
        if self.sink.refuse_data:
            self.say(self.sink.refuse_data)
            return
        self.mail.data = b"".join(lines)
        self.sink.keep(self.mail)
        self.mail = None
        self.say(b"250 2.0.0 kept")


def _path(line):
    found = re.match(rb"[^:]*:\s*<([^>]*)>\s*(.*)", line)
    return (found.group(1).decode(), found.group(2).decode()) if found else ("", "")
