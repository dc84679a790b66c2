#!/usr/bin/env python3
"""What ends a direct-parse child, seen from outside without a host that would end it first: the processor time of a document,
each system call it has no need of, its memory; and what it has given up before it reads anything."""
import os
import signal
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import worker  # noqa: E402

# Each word is a misdeed of tests/plugins/bad.cpp that is a system call.
CALLS = ("open", "create", "socket", "fork", "exec", "kill-parent", "thread", "duplicate", "trace-parent", "trace-me", "code",
         "turn-into-code")


@unittest.skipIf(worker.is_sanitized(), "sanitizers need what the sandbox takes away")
class Sandbox(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="direct-plugins-")
        self.addCleanup(folder.cleanup)
        self.plugins = folder.name
        os.symlink(os.path.join(worker.BUILD, "tests/neighbours/bad.so"), os.path.join(folder.name, "bad.so"))

    def end_of(self, word, **limits):
        with worker.Worker(self.plugins, **limits) as child:
            with self.assertRaises(worker.Ended) as ended:
                child.parse(b"bad:" + word.encode())
        return ended.exception.status

    def test_every_other_system_call_ends_the_process(self):
        for word in CALLS:
            with self.subTest(word):
                self.assertEqual(self.end_of(word), -signal.SIGSYS)

    def test_processor_time_is_per_document(self):
        self.assertEqual(self.end_of("hang", seconds=1), -signal.SIGXCPU)
        # What one document left over is not saved up for the next, nor taken from it.
        with worker.Worker(self.plugins, seconds=1) as child:
            for _ in range(3):
                self.assertEqual(child.parse(b"bad:good")[0], "parsed")

    def test_memory_has_an_end(self):
        with worker.Worker(self.plugins, memory=128 << 20) as child:
            status, _ = child.parse(b"bad:memory")
            self.assertEqual(status, "threw")
            self.assertLessEqual(child.process.wait(worker.PATIENCE), 3)
        self.assertEqual(self.end_of("stack"), -signal.SIGSEGV)

    def test_what_is_given_up_before_the_first_document(self):
        with worker.Worker(self.plugins) as child:
            child.parse(b"bad:good")
            with open("/proc/%d/status" % child.process.pid, encoding="ascii") as file:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
            with open("/proc/%d/limits" % child.process.pid, encoding="ascii") as file:
                limits = {line[:26].strip(): line[26:].split()[:2] for line in file}
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"].strip()), ("1", "2"))
        self.assertEqual(limits["Max address space"], [str(worker.MEMORY)] * 2)
        for name in ("Max core file size", "Max file size", "Max open files"):
            self.assertEqual(limits[name], ["0", "0"], name)


if __name__ == "__main__":
    unittest.main()
