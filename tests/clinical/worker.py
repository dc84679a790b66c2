"""direct-parse driven by hand: what the daemon's worker pool does, in Python, so that a test can look at the child itself."""
import os
import signal
import socket
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("DIRECT_SOURCE", os.path.dirname(os.path.dirname(HERE)))
BUILD = os.environ.get("DIRECT_BUILD", os.path.join(SOURCE, "build"))
SHARED = os.environ.get("DIRECT_SHARED", os.path.join(os.path.dirname(SOURCE), "shared"))
PLUGINS = os.path.join(BUILD, "lib", "direct", "plugins")
STATUS = {"0": "parsed", "1": "not-mine", "2": "malformed", "3": "limit", "4": "nobody", "5": "threw"}
MEMORY = 512 << 20
PATIENCE = 60.0


def is_sanitized():
    """Sanitizers need memory and system calls that the sandbox takes away; there it is not built in."""
    with open(os.path.join(BUILD, "bin", "direct-parse"), "rb") as file:
        return b"__asan_init" in file.read() or b"__tsan_init" in open(file.name, "rb").read()


def framed(kind, *fields):
    payload = b"".join(struct.pack(">I", len(f)) + f for f in fields)
    return struct.pack(">I", len(payload)) + kind + payload


def fields_of(payload):
    out = []
    while payload:
        size, = struct.unpack(">I", payload[:4])
        out.append(payload[4:4 + size])
        payload = payload[4 + size:]
    return out


class Ended(Exception):
    """The child is gone; `status` as waitpid gives it to subprocess: negative = signal."""

    def __init__(self, status):
        super().__init__("direct-parse ended with %s" % status)
        self.status = status


class Worker:
    """One child with a folder of plugins. Limits as the daemon's defaults."""

    def __init__(self, plugins=PLUGINS, memory=MEMORY, seconds=10, document_max=32 << 20, items_max=100000):
        ours, theirs = socket.socketpair()
        self.channel = ours
        ours.settimeout(PATIENCE)
        command = [os.path.join(BUILD, "bin", "direct-parse"), "--memory", str(memory), "--seconds", str(seconds),
                   "--document-max", str(document_max), "--items-max", str(items_max), "--plugins", plugins]

        def on_three():
            os.dup2(theirs.fileno(), 3, inheritable=True)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, preexec_fn=on_three, pass_fds=(3,), env={"PATH": "/bin"})
        theirs.close()
        self.hello = self.frame()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def _exactly(self, size):
        parts = []
        while size:
            try:
                got = self.channel.recv(min(size, 1 << 20))
            except ConnectionResetError:
                got = b""
            if not got:
                raise Ended(self.process.wait(PATIENCE))
            parts.append(got)
            size -= len(got)
        return b"".join(parts)

    def frame(self):
        head = self._exactly(5)
        return head[4:5], self._exactly(struct.unpack(">I", head[:4])[0])

    def parse(self, content, media_type=b"", charset=b"", filename=b""):
        """(status, frames): what the child told until the end of the document. Raises Ended when it died of it."""
        try:
            self.channel.sendall(framed(b"D", media_type, charset, filename, b"", content))
        except (BrokenPipeError, ConnectionResetError):
            raise Ended(self.process.wait(PATIENCE)) from None
        frames = []
        while True:
            kind, payload = self.frame()
            if kind == b"E":
                return STATUS[fields_of(payload)[0].decode()], frames
            frames.append((kind, payload))

    def memory(self):
        """Bytes: (largest address space, largest resident set) the child ever had."""
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        return tuple(int(lines[name].split()[0]) << 10 for name in ("VmPeak", "VmHWM"))
