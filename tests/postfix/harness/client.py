"""The sending side: an SMTP client that keeps every reply byte for byte, and swaks."""
import base64
import dataclasses
import re
import socket
import subprocess

from .base import PATIENCE, Failure


@dataclasses.dataclass
class Outcome:
    """What the server said at each stage, raw: every line with its CRLF."""
    greeting: bytes = b""
    ehlo: bytes = b""
    auth: bytes = b""
    mail: bytes = b""
    rcpt: dict = dataclasses.field(default_factory=dict)  # recipient -> reply
    data: bytes = b""
    end: bytes = b""  # reply to the final dot

    @property
    def last(self):
        """The reply that decided: to the final dot, else the refusal on the way."""
        refused = [r for r in self.rcpt.values() if not r.startswith(b"2")]
        for reply in (self.end, self.data if not self.data.startswith(b"3") else b"", *refused, self.mail, self.auth):
            if reply:
                return reply
        return self.greeting

    @property
    def code(self):
        return int(self.last[:3])

    @property
    def status(self):
        """The enhanced status code (RFC 3463), e.g. 5.7.1; "" without one."""
        found = re.match(rb"\d{3}[ -](\d\.\d+\.\d+)", self.last)
        return found.group(1).decode() if found else ""

    @property
    def accepted(self):
        return self.end.startswith(b"2")


class SmtpClient:
    """One connection. Usable step by step (command()) or with deliver()."""

    def __init__(self, port, helo="client.test", host="127.0.0.1", timeout=PATIENCE):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.file = self.socket.makefile("rb")
        self.helo = helo
        self.outcome = Outcome()
        self.outcome.greeting = self.reply()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.socket.sendall(b"QUIT\r\n")
        except OSError:
            pass
        self.file.close()
        self.socket.close()

    def reply(self):
        """A whole reply, all of its lines as they came."""
        lines = []
        while True:
            line = self.file.readline()
            lines.append(line)
            if not line.endswith(b"\n"):
                raise Failure(f"connection ended after {b''.join(lines)!r}")
            if line[3:4] != b"-":
                return b"".join(lines)

    def command(self, line):
        self.socket.sendall((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def hello(self, login=None, password=""):
        self.outcome.ehlo = self.command("EHLO " + self.helo)
        if login is not None:
            plain = base64.b64encode(f"\0{login}\0{password}".encode()).decode()
            self.outcome.auth = self.command("AUTH PLAIN " + plain)
        return self.outcome

    def deliver(self, sender, recipients, message, *, mail_parameters="", rcpt_parameters=""):
        """One message. Goes on while anybody is left to deliver to; returns the Outcome of this message."""
        o = self.outcome = dataclasses.replace(self.outcome, mail=b"", rcpt={}, data=b"", end=b"")
        o.mail = self.command(f"MAIL FROM:<{sender}> {mail_parameters}".rstrip())
        if not o.mail.startswith(b"2"):
            return o
        for recipient in [recipients] if isinstance(recipients, str) else recipients:
            o.rcpt[recipient] = self.command(f"RCPT TO:<{recipient}> {rcpt_parameters}".rstrip())
        if any(r.startswith(b"2") for r in o.rcpt.values()):
            o.data = self.command("DATA")
        if o.data.startswith(b"354"):
            o.end = self.send_data(message)
        else:
            self.command("RSET")
        return o

    def send_data(self, message):
        """Content and final dot, with dot-stuffing; line ends are sent as they are given."""
        stuffed = re.sub(rb"(^|\r\n)\.", rb"\1..", message)
        if not stuffed.endswith(b"\r\n"):
            stuffed += b"\r\n"
        self.socket.sendall(stuffed + b".\r\n")
        return self.reply()


def send(port, sender, recipients, message, *, login=None, password="", helo="client.test", **parameters):
    """One connection, one message; returns the Outcome."""
    with SmtpClient(port, helo) as client:
        client.hello(login, password)
        if login is not None and not client.outcome.auth.startswith(b"235"):
            return client.outcome
        return client.deliver(sender, recipients, message, **parameters)


def swaks(port, *options, message=None, timeout=PATIENCE):
    """Runs swaks against 127.0.0.1; returns (exit code, its whole protocol as text)."""
    command = ["swaks", "--server", "127.0.0.1", "--port", str(port), *options]
    command += ["--data", "-"] if message is not None else []
    done = subprocess.run(command, input=message, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                          check=False)
    return done.returncode, done.stdout.decode(errors="replace")
