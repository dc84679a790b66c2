"""The MTA's side of the milter protocol: messages straight to our daemon, without a Postfix in between.

Fast enough for load and for ten thousand variants, and it can stop or vanish at any step. Written from the
protocol (version 6), not from libmilter. What Postfix does with the answer is not done here: the edits are
handed out as they came.
"""
import dataclasses
import re
import socket
import struct

from .base import PATIENCE, Failure

CHUNK = 65535
ALL_ACTIONS = 0x1FF
# Every protocol step and every "no reply" Postfix 3.7 offers; without SKIP, whose answer we do not ask for.
ALL_STEPS = 0x1FFFFF
NO_REPLY = {b"C": 0x1000, b"H": 0x2000, b"M": 0x4000, b"R": 0x8000, b"T": 0x10000, b"L": 0x80, b"N": 0x40000,
            b"B": 0x80000}
LEFT_OUT = {b"C": 0x01, b"H": 0x02, b"M": 0x04, b"R": 0x08, b"B": 0x10, b"L": 0x20, b"N": 0x40, b"T": 0x200}
FINAL = {b"c": "continue", b"a": "accept", b"d": "discard", b"t": "tempfail", b"r": "reject", b"y": "reply",
         b"s": "skip"}


@dataclasses.dataclass
class Answer:
    """What became of one message. verdict: continue, accept, discard, tempfail, reject or reply (then `text` has
    the reply line); untouched: accepted at the end of the header, the body was not asked for."""
    verdict: str = ""
    text: bytes = b""
    untouched: bool = False
    dropped: list = dataclasses.field(default_factory=list)   # recipients taken out of the envelope
    added: list = dataclasses.field(default_factory=list)     # (name, value)
    changed: list = dataclasses.field(default_factory=list)   # (number, name, value)
    body: bytes = None                                        # the new body, when it was replaced
    raw: bytes = b""                                          # the final packet, as it came

    def field(self, name):
        """The value a field has by these edits, without blanks around it; None: it is not touched, or taken away."""
        values = [v for n, v in self.added if n == name] + [v for _, n, v in self.changed if n == name and v]
        return values[-1].decode().strip() if values else None

    @property
    def code(self):
        """As a client would see it: 250, 4xx or 5xx."""
        if self.verdict == "reply":
            return int(self.text[:3])
        return {"tempfail": 451, "reject": 550}.get(self.verdict, 250)

    @property
    def taken(self):
        return self.code == 250


def address_of(socket_name):
    """Postfix's spelling of a milter socket -> (family, address)."""
    if socket_name.startswith("unix:"):
        return socket.AF_UNIX, socket_name[5:]
    host, port = socket_name[5:].rsplit(":", 1)
    return socket.AF_INET, (host, int(port))


class MilterClient:
    """One connection of the MTA to the milter = one SMTP session of a client."""

    def __init__(self, socket_name, *, daemon_name="mx", client_ip="127.0.0.9", timeout=PATIENCE):
        family, address = address_of(socket_name)
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        if family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.waiting = b""
        self.put(b"O", struct.pack("!III", 6, ALL_ACTIONS, ALL_STEPS))
        code, data = self.packet()
        if code != b"O":
            raise Failure(f"the milter refuses the negotiation: {code!r}")
        _, self.actions, self.steps = struct.unpack("!III", data[:12])
        self.macros(b"C", {"j": "mx.here.test", "{daemon_name}": daemon_name})
        self.step(b"C", b"client.test\0" + b"4" + struct.pack("!H", 1025) + client_ip.encode() + b"\0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Says goodbye; vanish() does not."""
        try:
            self.put(b"Q")
        except OSError:
            pass
        self.vanish()

    def vanish(self):
        self.socket.close()

    # --- packets ----------------------------------------------------------------------------------------

    @staticmethod
    def framed(code, data=b""):
        return struct.pack("!I", 1 + len(data)) + code + data

    def put(self, code, data=b""):
        self.socket.sendall(self.framed(code, data))

    def packet(self):
        head = self._exactly(4)
        data = self._exactly(struct.unpack("!I", head)[0])
        return data[:1], data[1:]

    def _exactly(self, n):
        while len(self.waiting) < n:
            got = self.socket.recv(262144)
            if not got:
                raise ConnectionError("the milter closed the connection")
            self.waiting += got
        out, self.waiting = self.waiting[:n], self.waiting[n:]
        return out

    def macros(self, command, values):
        self.put(b"D", command + b"".join(n.encode() + b"\0" + v.encode() + b"\0" for n, v in values.items()))

    def step(self, command, data=b""):
        """One step; waits for its answer when the milter gives one. None: left out or not answered."""
        if self.steps & LEFT_OUT.get(command, 0):
            return None
        self.put(command, data)
        if self.steps & NO_REPLY.get(command, 0):
            return None
        code, text = self.packet()
        return code, text

    # --- a message --------------------------------------------------------------------------------------

    def message_bytes(self, sender, recipients, message, *, queue_id="", login="", mail_macros=None):
        """(everything up to the end of the header, everything from there to the end of message)."""
        head, _, body = message.partition(b"\r\n\r\n")
        out = [self._macro_packet(b"M", {"i": queue_id, **({"{auth_authen}": login} if login else {}),
                                         **(mail_macros or {})}),
               self.framed(b"M", f"<{sender}>".encode() + b"\0")]
        for recipient in recipients:
            out.append(self.framed(b"R", f"<{recipient}>".encode() + b"\0"))
        for name, value in header_fields(head):
            out.append(self.framed(b"L", name + b"\0" + value + b"\0"))
        out += [self._macro_packet(b"N", {"i": queue_id}), self.framed(b"N")]
        rest = [self.framed(b"B", body[at:at + CHUNK]) for at in range(0, len(body), CHUNK)]
        rest += [self._macro_packet(b"E", {"i": queue_id}), self.framed(b"E")]
        return b"".join(out), b"".join(rest)

    def _macro_packet(self, command, values):
        return self.framed(b"D", command + b"".join(n.encode() + b"\0" + v.encode() + b"\0"
                                                    for n, v in values.items()))

    def send(self, sender, recipients, message, **parameters):
        """One message from MAIL to its answer. Further messages may follow on the same connection."""
        recipients = [recipients] if isinstance(recipients, str) else recipients
        for command in (b"M", b"R", b"L", b"B"):
            if not self.steps & NO_REPLY[command]:
                raise Failure(f"this client expects that {command!r} is not answered")
        head, rest = self.message_bytes(sender, recipients, message, **parameters)
        self.socket.sendall(head)
        code, text = self.packet()
        if code != b"c":
            return self.finish(Answer(untouched=code == b"a"), code, text)
        self.socket.sendall(rest)
        return self.answer()

    def answer(self):
        """Reads edits until the verdict."""
        answer, body = Answer(), []
        while True:
            code, data = self.packet()
            if code in FINAL:
                answer.body = b"".join(body) if body else None
                return self.finish(answer, code, data)
            words = data.split(b"\0")
            if code == b"-":
                answer.dropped.append(words[0].decode())
            elif code == b"h":
                answer.added.append((words[0].decode(), words[1]))
            elif code == b"m":
                answer.changed.append((struct.unpack("!I", data[:4])[0], data[4:].split(b"\0")[0].decode(),
                                       data[4:].split(b"\0")[1]))
            elif code == b"b":
                body.append(data)
            elif code != b"p":
                raise Failure(f"an edit this client does not know: {code!r}")

    @staticmethod
    def finish(answer, code, data):
        answer.verdict, answer.raw = FINAL[code], code + data
        if code == b"y":
            answer.text = data.rstrip(b"\0")
        return answer


def header_fields(head):
    """(name, value) of every field as Postfix hands them out: folds as LF, the blank after the colon kept."""
    for line in re.split(rb"\r\n(?![ \t])", head):
        name, colon, value = line.partition(b":")
        if colon:
            yield name, value.replace(b"\r\n", b"\n")


def deliver(socket_name, sender, recipients, message, *, daemon_name="mx", **parameters):
    """One connection, one message."""
    with MilterClient(socket_name, daemon_name=daemon_name) as client:
        return client.send(sender, recipients, message, **parameters)
