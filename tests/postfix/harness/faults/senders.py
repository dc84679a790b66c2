"""Clients that repeat a message until it got 250 or 5xx, as a mail server does, and vanish now and then.

Two ways in: straight over the milter protocol, where the client stands for Postfix and applies the edits, and by
SMTP to the private Postfix.
"""
import dataclasses
import re
import time

from .. import client, milter
from ..base import Failure
from ..site import PASSWORD

TAKEN, REFUSED, AGAIN = "taken", "refused", "again"
TROUBLE = (OSError, Failure, ValueError)
# Where a client can be when something happens to it. cut: in the middle of the bytes of the message.
POINTS = ("connected", "mail", "cut", "abort", "end")
PATIENT_SECONDS = 240.0  # a message not through by then waits for something that never comes back
ANSWER_SECONDS = 40.0  # without an answer in this time the client takes the connection for dead


@dataclasses.dataclass
class Fate:
    """What became of one case at its client."""
    case: object
    way: str              # "milter" or "smtp"
    result: str = AGAIN
    tries: int = 0
    unclear: int = 0      # tries whose message may have been queued although no 250 was seen
    queued: list = dataclasses.field(default_factory=list)  # way milter: (recipients, message bytes) per queueing
    reply: str = ""


class Mood:
    """What a client does in one try: nothing special, vanish at a point, or pull a waiting kill at a point."""

    def __init__(self, r, vanish):
        self.point = r.choice(POINTS)
        self.vanishes = r.random() < vanish
        self.repeats = r.random() < 0.02   # the 250 was on its way but did not reach the client
        self.fraction = r.random()


class Vanished(Exception):
    """The client went away on purpose; ended: after the end of the message had been sent."""

    def __init__(self, ended=False):
        super().__init__()
        self.ended = ended


class Sender:
    """One client: takes cases and sees each through. Ledger entries are the fates."""

    way = ""

    def __init__(self, killer, r, vanish=0.05):
        self.killer, self.r, self.vanish = killer, r, vanish
        self.link = None
        self.left = 0  # messages until this connection is given up

    def see_through(self, case):
        fate, end = Fate(case, self.way), time.monotonic() + PATIENT_SECONDS
        while fate.result == AGAIN:
            fate.tries += 1
            if time.monotonic() > end:
                raise Failure(f"message {case.number} ({case.kind}, {self.way}) after {fate.tries} tries: {fate.reply}")
            self.killer.wait_up()
            try:
                fate.result = self.attempt(fate, Mood(self.r, self.vanish))
            except Vanished as gone:
                fate.unclear += gone.ended
                self.drop()
            except TROUBLE as e:
                fate.reply = f"{type(e).__name__}: {e}"
                self.drop()
            if fate.result == AGAIN:
                self.killer.changed(0.05)
        return fate

    def at(self, point, mood, ended=False):
        """The client is at this point: perhaps a kill is due here, perhaps it vanishes."""
        if point != mood.point:
            return
        self.killer.pull()
        if mood.vanishes:
            raise Vanished(ended)

    def drop(self):
        link, self.link = self.link, None
        if link:
            self.cut_off(link)


class MilterSender(Sender):
    """Speaks to the daemon as Postfix would."""

    way = "milter"

    def __init__(self, killer, socket_name, r, vanish=0.05):
        super().__init__(killer, r, vanish)
        self.socket_name = socket_name
        self.listener = None

    def cut_off(self, link):
        link.vanish()

    def attempt(self, fate, mood):
        case = fate.case
        name = "ORIGINATING" if case.login else "mx"
        if self.link and (self.left <= 0 or self.listener != name):
            self.link.close()
            self.link = None
        if not self.link:
            self.link = milter.MilterClient(self.socket_name, daemon_name=name, timeout=ANSWER_SECONDS)
            self.listener, self.left = name, self.r.randint(1, 8)
        self.left -= 1
        self.at("connected", mood)
        answer = self._talk(case, mood)
        if answer.code == 250:
            kept = [a for a in case.recipients if f"<{a}>" not in answer.dropped]
            if answer.verdict != "discard":
                fate.queued.append((kept, edited(case.message, answer)))
            if mood.repeats:
                fate.unclear += 1
                return AGAIN
            return TAKEN
        fate.reply = answer.text.decode() or answer.verdict
        return REFUSED if answer.code // 100 == 5 else AGAIN

    def _talk(self, case, mood):
        head, rest = self.link.message_bytes(case.sender, list(case.recipients), case.message, login=case.login,
                                             queue_id=f"{case.number:06X}")
        put = self.link.socket.sendall
        if mood.point == "mail":
            first = head.index(b"R<")  # up to the first RCPT's code byte: in the middle of its packet
            put(head[:first])
            self.at("mail", mood)
            put(head[first:])
        else:
            self._cut(head, mood, 0, len(head) + len(rest))
        code, text = self.link.packet()
        if code != b"c":
            return self.link.finish(milter.Answer(untouched=code == b"a"), code, text)
        if mood.point == "abort" and mood.vanishes:
            # The client is gone; Postfix aborts the message and keeps its connection to the milter.
            self.link.put(b"A")
            return milter.Answer("tempfail")
        self._cut(rest, mood, len(head), len(head) + len(rest))
        self.at("end", mood, ended=True)
        return self.link.answer()

    def _cut(self, piece, mood, before, whole):
        """Sends a piece of the message; the point "cut" lies somewhere in the whole of it."""
        stop = int(whole * mood.fraction) - before
        if mood.point != "cut" or not 0 <= stop < len(piece):
            self.link.socket.sendall(piece)
            return
        self.link.socket.sendall(piece[:stop])
        self.at("cut", mood)
        self.link.socket.sendall(piece[stop:])


class SmtpSender(Sender):
    """Speaks to the private Postfix."""

    way = "smtp"

    def __init__(self, killer, postfix, r, vanish=0.05):
        super().__init__(killer, r, vanish)
        self.postfix = postfix
        self.login = None

    def cut_off(self, link):
        link.file.close()
        link.socket.close()

    def attempt(self, fate, mood):
        case = fate.case
        if self.link and (self.left <= 0 or self.login != case.login):
            self.link.close()
            self.link = None
        if not self.link:
            port = self.postfix.submission if case.login else self.postfix.mx
            self.link = client.SmtpClient(port, timeout=ANSWER_SECONDS)
            self.link.hello(case.login or None, PASSWORD)
            self.login, self.left = case.login, self.r.randint(1, 4)
            if case.login and not self.link.outcome.auth.startswith(b"235"):
                self.drop()
                return AGAIN
        self.left -= 1
        self.at("connected", mood)
        return self._talk(fate, case, mood)

    def _talk(self, fate, case, mood):
        steps = [f"MAIL FROM:<{case.sender}>", *(f"RCPT TO:<{a}>" for a in case.recipients), "DATA"]
        for number, step in enumerate(steps):
            reply = self.link.command(step)
            fate.reply = reply.decode(errors="replace").strip()
            if not reply.startswith((b"2", b"354")):
                if reply[:1] == b"5" and b" 5.5.1 " not in reply:
                    raise Failure(f"{step}: {fate.reply}")
                self.drop()
                return AGAIN
            if number == 0:
                self.at("mail", mood)
        stuffed = re.sub(rb"(^|\r\n)\.", rb"\1..", case.message)
        stuffed += b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"
        stop = int((len(stuffed) - 5) * mood.fraction)
        self.link.socket.sendall(stuffed[:stop])
        self.at("cut", mood)
        self.link.socket.sendall(stuffed[stop:])
        # From here on the message may be queued without our hearing of it.
        fate.unclear += 1
        if mood.point == "end" and mood.vanishes:
            raise Vanished()
        self.at("end", mood)
        reply = self.link.reply()
        fate.reply = reply.decode(errors="replace").strip()
        if reply.startswith(b"250") and mood.repeats:
            return AGAIN
        if not reply.startswith(b"4") or not self.killer.hit_postfix_lately():
            fate.unclear -= 1
        return {b"2": TAKEN, b"5": REFUSED}.get(reply[:1], AGAIN)


def edited(message, answer):
    """The message as Postfix would queue it after these edits."""
    head, _, body = message.partition(b"\r\n\r\n")
    fields = [[n.decode(), v] for n, v in milter.header_fields(head)]
    for number, name, value in answer.changed:
        same = [f for f in fields if f[0].lower() == name.lower()]
        if number <= len(same) and not value:
            fields.remove(same[number - 1])
        elif number <= len(same):
            same[number - 1][1] = b" " + value
    kept = fields + [[n, b" " + v] for n, v in answer.added]
    text = b"".join(n.encode() + b":" + v.replace(b"\n", b"\r\n") + b"\r\n" for n, v in kept)
    return text + b"\r\n" + (body if answer.body is None else answer.body)
