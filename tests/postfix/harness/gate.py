"""A gate before an SMTP listener: all passes through it, until the step at which a test wants something to happen."""
import socket
import threading

from .base import free_port

# In the order of an SMTP conversation. "content": the first line of the message has come; "dot": its last one has,
# and has not been passed on; "answer": the listener has answered it, and that is not passed on; "answered": it is.
STEPS = ("connect", "EHLO", "MAIL", "RCPT", "DATA", "content", "dot", "answer", "answered")


class Gate:
    """Listens on `port`, connects to `upstream`. at(step, act) is for once: act() is called, then that connection ends.

    notices: only mail of the null sender, or only mail of others; connect and EHLO come before a sender is known.
    """

    def __init__(self, upstream):
        self.upstream = upstream
        self._lock = threading.Lock()
        self._armed = None  # (step, act, notices)
        self.passed = threading.Event()
        self._server = socket.create_server(("127.0.0.1", free_port()))
        self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def at(self, step, act, notices=None):
        assert step in STEPS
        with self._lock:
            self.passed.clear()
            self._armed = (step, act, notices)

    def stop(self):
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _accept(self):
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=_Conversation(self, client).run, daemon=True).start()

    def take(self, step, sender):
        """Whether this conversation has come to the wanted step; it has happened when this returns."""
        with self._lock:
            if not self._armed or self._armed[0] != step or self._armed[2] not in (None, sender == ""):
                return False
            act, self._armed = self._armed[1], None
        act()
        self.passed.set()
        return True


class _Conversation:
    def __init__(self, gate, client):
        self.gate, self.client, self.server = gate, client, None
        self.sender = None
        self.last_answer = False  # the next one is to the final dot

    def run(self):
        try:
            if self.gate.take("connect", None):
                return
            self.server = socket.create_connection(("127.0.0.1", self.gate.upstream))
            threading.Thread(target=self._answers, daemon=True).start()
            self._commands(self.client.makefile("rb"))
        except OSError:
            pass
        finally:
            self._end()

    def _end(self):
        for end in (self.client, self.server):
            if end:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _commands(self, lines):
        in_content = False
        for line in lines:
            if in_content:
                step = "dot" if line == b".\r\n" else "content"
            else:
                step = line[:4].upper().decode("ascii", "replace").strip()
                if step == "MAIL":
                    self.sender = line[line.index(b"<") + 1:line.index(b">")].decode()
            if self.gate.take(step, self.sender) if step in STEPS else False:
                return
            self.last_answer = step == "dot"
            self.server.sendall(line)
            in_content = step in ("DATA", "content")

    def _answers(self):
        try:
            while answer := self.server.recv(65536):
                last = self.last_answer
                if last and self.gate.take("answer", self.sender):
                    break
                self.client.sendall(answer)
                if last and self.gate.take("answered", self.sender):
                    break
        except OSError:
            pass
        self._end()
