"""Nobody of the daemon's own user looks into its memory, nor into that of its parsers: keys and opened mail pass through both.

The daemon is started as root and becomes the owner of the store; the attacker is a process of that same user. A process that is
nobody's secret is attacked the same way first, so that a system that forbids it anyway proves nothing.
"""
import ctypes
import errno
import os
import pwd
import signal
import subprocess
import unittest

from harness.base import Failure, Scratch, until
from harness.daemon import Daemon
from harness.site import NotPossible

USER = "nobody"
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long
PTRACE_ATTACH, PTRACE_DETACH, WALL = 16, 17, 0x40000000


def ways_into(pid):
    """Names of the ways into a process that are open to the one that calls."""
    if LIBC.ptrace(PTRACE_ATTACH, pid, None, None) == 0:
        yield "ptrace"
        os.waitpid(pid, WALL)
        LIBC.ptrace(PTRACE_DETACH, pid, None, None)
    for name, flags in (("mem", os.O_RDONLY), ("mem", os.O_RDWR), ("environ", os.O_RDONLY), ("maps", os.O_RDONLY)):
        try:
            os.close(os.open(f"/proc/{pid}/{name}", flags))
            yield name
        except OSError:
            pass
    try:
        os.listdir(f"/proc/{pid}/fd")
        yield "fd"
    except OSError:
        pass
    ours = ctypes.create_string_buffer(1)
    here, there = (ctypes.c_size_t * 2)(ctypes.addressof(ours), 1), (ctypes.c_size_t * 2)(0, 1)
    if LIBC.process_vm_readv(pid, here, 1, there, 1, 0) == -1 and ctypes.get_errno() != errno.EPERM:
        yield "process_vm_readv"


def attack(pid):
    """What ways_into() says to a process of the user."""
    user = pwd.getpwnam(USER)
    reader, writer = os.pipe()
    attacker = os.fork()
    if attacker == 0:
        try:
            os.setgroups([])
            os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
            os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
            os.write(writer, " ".join(["tried", *ways_into(pid)]).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode().split()
    os.waitpid(attacker, 0)
    if said[:1] != ["tried"]:
        raise Failure("the attacker could not begin")
    return said[1:]


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":", 1) for line in file)


class Guarded(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.getuid() != 0:
            raise NotPossible("only root can start the daemon as another user")
        cls.scratch = Scratch()
        cls.addClassCleanup(cls.scratch.remove)
        cls.daemon = Daemon(cls.scratch.folder("direct"), reinject_port=1, report_domain="reports.test",
                            domains=[{"name": "direct.here.test", "environment": "test"}])
        user = pwd.getpwnam(USER)
        for folder, _, files in os.walk(cls.daemon.root):
            for path in [folder, *(os.path.join(folder, f) for f in files)]:
                os.chown(path, user.pw_uid, user.pw_gid)
        cls.daemon.start()
        cls.addClassCleanup(cls.daemon.stop)
        cls.pid, cls.uid, cls.gid = cls.daemon.process.pid, user.pw_uid, user.pw_gid
        cls.parsers = until(lambda: [c for c in children_of(cls.pid) if "direct-parse" in status(c)["Name"]], "parsers")

    def test_the_attack_works_on_others(self):
        other = subprocess.Popen(["sleep", "600"], user=self.uid, group=self.gid, extra_groups=[])
        try:
            ways = attack(other.pid)
        finally:
            other.send_signal(signal.SIGKILL)
            other.wait()
        if "ptrace" not in ways:
            raise NotPossible("this system lets nobody trace")
        self.assertEqual(set(ways), {"ptrace", "mem", "environ", "maps", "fd", "process_vm_readv"})

    def test_the_daemon_is_closed(self):
        self.assertEqual(status(self.pid)["Uid"].split(), [str(self.uid)] * 4)
        self.assertEqual(attack(self.pid), [])
        self.assertTrue(self.daemon.running)
        # What the kernel gives to root is what no core file shows either.
        self.assertEqual(os.stat(f"/proc/{self.pid}/mem").st_uid, 0)
        self.assertEqual(self.limit(self.pid, "Max core file size"), "0")

    def test_its_parsers_are_closed(self):
        self.assertEqual(len(self.parsers), 2)
        for pid in self.parsers:
            self.assertEqual(status(pid)["Uid"].split(), [str(self.uid)] * 4)
            self.assertEqual(attack(pid), [])
            self.assertEqual(self.limit(pid, "Max core file size"), "0")

    def limit(self, pid, name):
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            return next(line for line in file if line.startswith(name))[26:].split()[0]


if __name__ == "__main__":
    unittest.main()
