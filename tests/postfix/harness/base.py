"""Scratch folders, ports, waiting, running programs: what every other module needs.

Waiting is always for something that can be seen, with a deadline; no test sleeps a fixed time.
"""
import atexit
import fcntl
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time

# Below the range the kernel gives to outgoing connections, so that none of those takes a port of ours.
FIRST_PORT, LAST_PORT = 20000, 29999

# One machine does the work of several tests at once; what takes this long does not happen.
PATIENCE = float(os.environ.get("DIRECT_PATIENCE", "60"))

_held_ports = []


class Failure(AssertionError):
    """The harness could not do what a test asked of it."""


def source_dir():
    return os.environ.get("DIRECT_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))


def build_dir():
    return os.environ.get("DIRECT_BUILD") or os.path.join(source_dir(), "build")


def program(name):
    """Path of a program of ours; a missing one fails the test that wants it."""
    path = os.path.join(build_dir(), "bin", name)
    if not os.path.exists(path):
        raise Failure(f"{path} is not built")
    return path


class Scratch:
    """A folder of its own, searchable for the users that Postfix's processes run as; removed at exit."""

    def __init__(self, keep=bool(os.environ.get("DIRECT_KEEP"))):
        self.path = tempfile.mkdtemp(prefix="direct-e2e-")
        os.chmod(self.path, 0o755)
        self.keep = keep
        atexit.register(self.remove)

    def remove(self):
        if self.keep:
            print(f"kept: {self.path}", flush=True)
            self.keep = False
            self.path = ""
        if self.path:
            shutil.rmtree(self.path, ignore_errors=True)
            self.path = ""

    def folder(self, name, mode=0o755):
        path = os.path.join(self.path, name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        return path


def free_port():
    """A TCP port of 127.0.0.1 that is ours until this process ends, also among tests in parallel."""
    folder = os.path.join(tempfile.gettempdir(), f"direct-e2e-ports-{os.getuid()}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for _ in range(1000):
        port = random.randint(FIRST_PORT, LAST_PORT)
        lock = os.open(os.path.join(folder, str(port)), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            os.close(lock)
            continue
        _held_ports.append(lock)
        return port
    raise Failure("no free port")


def until(look, what, seconds=PATIENCE, detail=None):
    """Calls look() until it gives something true, which is returned. `detail()` is added to the failure."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            more = "\n" + str(detail()) if detail else ""
            raise Failure(f"waited {seconds:.0f} s in vain for {what}{more}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def answers(port, host="127.0.0.1"):
    """Whether something listens on that port."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def run(command, data=b"", ok=(0,), timeout=PATIENCE, env=None):
    """Runs a program; returns its standard output. Another exit code than `ok` fails with all it said."""
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                          env=env, check=False)
    if done.returncode not in ok:
        said = (done.stdout[-2000:] + done.stderr[-4000:]).decode(errors="replace")
        raise Failure(f"{' '.join(command)}: exit {done.returncode}\n{said}")
    return done.stdout


def alive(pid):
    """Whether a process runs (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except (OSError, IndexError):
        return False


def write(path, data, mode=0o644):
    """Writes bytes or text to a file."""
    if isinstance(data, str):
        data = data.encode()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
        out.write(data)
    os.chmod(path, mode)
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()
