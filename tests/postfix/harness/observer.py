"""A small milter in Python that changes nothing and remembers what the MTA told it.

It shows what a milter of ours would be told (macros, commands), and stands in where a test of the harness
needs an answer such as discard. Written from the protocol (version 6), not from libmilter.
"""
import struct

from .listener import Listener

CONTINUE, ACCEPT, DISCARD, TEMPFAIL, REJECT = b"c", b"a", b"d", b"t", b"r"


class Observer(Listener):
    """Listens on 127.0.0.1. answer: what is said at end of message."""

    def __init__(self, answer=CONTINUE):
        self.answer = answer
        self.messages = []  # dicts: macros {name: value}, sender, recipients, body
        super().__init__(self._talk)
        self.socket = f"inet:127.0.0.1:{self.port}"

    def _talk(self, rfile, wfile):
        try:
            _Talk(self, rfile, wfile).run()
        except struct.error:
            return


class _Talk:
    def __init__(self, observer, rfile, wfile):
        self.observer, self.rfile, self.wfile = observer, rfile, wfile
        self.connection_macros = {}
        self.fresh()

    def fresh(self):
        self.message = {"macros": dict(self.connection_macros), "sender": "", "recipients": [], "body": b""}

    def packet(self):
        head = self.rfile.read(4)
        if len(head) < 4:
            return b"", b""
        data = self.rfile.read(struct.unpack("!I", head)[0])
        return data[:1], data[1:]

    def say(self, code, data=b""):
        self.wfile.write(struct.pack("!I", 1 + len(data)) + code + data)

    def run(self):
        while True:
            command, data = self.packet()
            if command in (b"", b"Q"):
                return
            if command == b"O":
                # Actions and protocol steps: none asked for, every step wanted.
                self.say(b"O", struct.pack("!III", 6, 0, 0))
            elif command == b"D":
                self.macros(data)
            elif command in (b"A", b"K"):
                self.fresh()
            else:
                self.step(command, data)

    def macros(self, data):
        words = data[1:].split(b"\0")
        given = {n.decode(): v.decode() for n, v in zip(words[::2], words[1::2])}
        if data[:1] in (b"C", b"H"):
            self.connection_macros.update(given)
        self.message["macros"].update(given)

    def step(self, command, data):
        if command == b"M":
            self.message["sender"] = data.split(b"\0")[0].decode()
        elif command == b"R":
            self.message["recipients"].append(data.split(b"\0")[0].decode())
        elif command == b"B":
            self.message["body"] += data
        elif command == b"E":
            self.message["body"] += data
            self.observer.messages.append(self.message)
            self.fresh()
            self.say(self.observer.answer)
            return
        self.say(CONTINUE)
