"""Load: bounds that hold, sessions that all get on, reloads that disturb nobody, an outbox that nobody blocks.

Straight to the daemon, without a Postfix. Counts and bounds only, never a time; figures come from tests/bench/load.
"""
import os
import signal
import threading
import unittest

from harness import smime
from harness.base import Scratch, read, until
from harness.daemon import Daemon
from harness.milter import MilterClient
from harness.pki import Pki
from harness.sink import Sink
from harness.site import HERE, THERE

MIB = 1 << 20
LINE = "person@mail.test;Colour of the boat?;green;Results"


class WaitingSink(Sink):
    """Keeps the answer for one recipient back until `release` is set."""

    def __init__(self):
        self.slow, self.release, self.held = "", threading.Event(), threading.Event()
        super().__init__(dsn=True)

    def keep(self, mail):
        if self.slow in mail.recipients:
            self.held.set()
            self.release.wait()
        super().keep(mail)


class LoadTest(unittest.TestCase):
    sections = {}

    @classmethod
    def setUpClass(cls):
        cls.scratch = Scratch()
        cls.addClassCleanup(cls.scratch.remove)
        cls.sink = WaitingSink()
        cls.addClassCleanup(cls.sink.stop)
        pki = Pki(cls.scratch.folder("pki", 0o700))
        here_ca, there_ca = pki.root("here-ca"), pki.root("there-ca")
        cls.here = pki.end("here", here_ca, dns=HERE)
        cls.bob = pki.end("bob", there_ca, email=f"bob@{THERE}")
        cls.daemon = Daemon(
            cls.scratch.folder("direct"), reinject_port=cls.sink.port, report_domain="direct-report.here.test",
            domains=[{"name": HERE, "environment": "test", "pickup_url": "http://pickup.here.test"}],
            sections=cls.sections, socket_kind="unix")
        cls.daemon.add_key(HERE, cls.here)
        cls.daemon.add_anchor(HERE, here_ca)
        cls.daemon.add_anchor(HERE, there_ca)
        cls.daemon.add_certificate(f"bob@{THERE}", cls.bob)
        cls.addClassCleanup(cls.daemon.stop)
        cls.daemon.start()

    def setUp(self):
        self.outbox_empty()
        self.sink.clear()

    def outbox_empty(self):
        until(lambda: self.metric("direct_outbox_waiting") == 0 and self.metric("direct_outbox_in_work") == 0,
              "an empty outbox", detail=self.daemon.log_tail)

    # Sealed to the domain's certificate: each sending names another recipient, so none is a repeat.
    def sealed(self, to=f"box@{HERE}", subject="Results", attached=0):
        files = [("a.bin", "application/octet-stream", os.urandom(attached))] if attached else []
        inner = smime.mail(f"bob@{THERE}", to, subject, attachments=files)
        return smime.sealed(inner, [self.bob], [self.here])

    def saturate(self, connections, total, message, to="box{}"):
        """Each connection takes the next message when it has its answer; [(number, answer), ...] per connection."""
        lock, numbers, said, faults = threading.Lock(), iter(range(total)), [[] for _ in range(connections)], []
        begin = threading.Barrier(connections)

        def one(i):
            try:
                with MilterClient(self.daemon.socket) as c:
                    begin.wait()
                    while True:
                        with lock:
                            n = next(numbers, None)
                        if n is None:
                            return
                        said[i].append((n, c.send(f"bob@{THERE}", to.format(n) + "@" + HERE, message)))
            except Exception as e:  # pylint: disable=broad-except
                faults.append(e)
        threads = [threading.Thread(target=one, args=(i,)) for i in range(connections)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(faults, [])
        return said

    def handed_over_once(self, expected):
        """Waits until the outbox is empty; the sink has had every recipient exactly once."""
        self.outbox_empty()
        self.assertEqual(self.into_mailboxes(), sorted(expected))

    def into_mailboxes(self):
        """Recipients of ours at the sink, each as often as it came; the senders' notifications go there, too."""
        return sorted(r for m in self.sink.mails for r in m.recipients if r.endswith("@" + HERE))

    def metrics(self):
        lines = self.daemon.ctl("metrics").out.splitlines()
        return {n: float(v) for n, v in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}

    def metric(self, name):
        return self.metrics()[name]

    def memory(self, what="RssAnon"):
        """KiB that are the daemon's own (the store's mapped pages are the kernel's to take back); VmHWM: the most ever, those
        pages included."""
        for line in read(f"/proc/{self.daemon.process.pid}/status").decode().splitlines():
            if line.startswith(what + ":"):
                return int(line.split()[1])
        raise AssertionError("no " + what)


class Saturated(LoadTest):
    def test_every_session_gets_on(self):
        connections, total = 16, 640
        said = self.saturate(connections, total, self.sealed())
        self.assertTrue(all(a.taken for c in said for _, a in c))
        counts = sorted(len(c) for c in said)
        self.assertEqual(sum(counts), total)
        self.assertGreaterEqual(counts[0], total // connections // 10, counts)
        self.handed_over_once(f"box{n}@{HERE}" for n in range(total))

    def test_reloads_disturb_nobody(self):
        over = threading.Event()

        def reload():
            while not over.wait(0.02):
                self.daemon.process.send_signal(signal.SIGUSR1)
        reloads = self.metric("direct_reloads_total")
        thread = threading.Thread(target=reload)
        thread.start()
        try:
            said = self.saturate(16, 320, self.sealed(), to="reload{}")
        finally:
            over.set()
            thread.join()
        self.assertEqual({a.verdict for c in said for _, a in c}, {"discard"})
        self.assertGreater(self.metric("direct_reloads_total"), reloads)
        self.assertEqual(self.metric("direct_reload_failures_total"), 0)
        self.handed_over_once(f"reload{n}@{HERE}" for n in range(320))

    def test_a_message_keeps_the_site_it_began_with(self):
        message = self.sealed(attached=200_000)
        milter = self.daemon.sections["milter"]
        with MilterClient(self.daemon.socket) as c:
            head, rest = c.message_bytes(f"bob@{THERE}", [f"keeps@{HERE}"], message)
            c.socket.sendall(head)
            self.assertEqual(c.packet()[0], b"c")
            milter["message_max"] = "64K"
            self.daemon.write_config()
            try:
                self.assertIn('taken="yes"', self.daemon.reload())
                c.socket.sendall(rest)
                self.assertTrue(c.answer().taken)
                self.assertFalse(c.send(f"bob@{THERE}", f"next@{HERE}", message).taken)
            finally:
                del milter["message_max"]
                self.daemon.write_config()
                self.daemon.reload()

    def test_an_entry_that_hangs_does_not_hold_the_others(self):
        self.sink.slow = f"hang0@{HERE}"
        try:
            said = self.saturate(1, 1, self.sealed(), to="hang{}")
            self.assertTrue(said[0][0][1].taken)
            self.assertTrue(self.sink.held.wait(60))
            self.saturate(4, 40, self.sealed(), to="after{}")
            until(lambda: len(self.into_mailboxes()) == 40, "the others at the sink", detail=self.daemon.log_tail)
        finally:
            self.sink.release.set()
        self.handed_over_once([f"hang0@{HERE}", *(f"after{n}@{HERE}" for n in range(40))])

    def test_every_stage_is_measured(self):
        before = self.metrics()
        self.saturate(2, 4, self.sealed(attached=5000), to="stage{}")
        self.saturate(1, 1, self.sealed(f"newuser@{HERE}", LINE),
                      to="newuser")
        self.outbox_empty()
        until(lambda: self.metric("direct_documents_pending") == 0, "no pending document", detail=self.daemon.log_tail)
        after = self.metrics()
        for stage in ("message", "work_memory_wait", "spool_read", "key_operation_wait", "key_operation", "open",
                      "derivation_wait", "commit", "reinject", "parse"):
            name = f"direct_{stage}_seconds_count"
            self.assertGreater(after[name], before[name], name)
        for gauge in ("messages_in_work", "work_memory_bytes", "outbox_in_work", "documents_pending"):
            self.assertEqual(after["direct_" + gauge], 0, gauge)


class Bounded(LoadTest):
    sections = {"limits": {"work_memory": "64M", "work_wait": "1s"}, "milter": {"message_max": "16M"},
                "newuser": {"derivations": 1}}

    def test_memory_of_many_big_messages(self):
        sessions, big = 50, 20
        self.saturate(4, 40, self.sealed(), to="warm{}")  # threads, caches
        self.outbox_empty()
        self.sink.clear()
        message = self.sealed(attached=3_000_000)
        idle = [MilterClient(self.daemon.socket) for _ in range(sessions)]
        base, over, peak = self.memory(), threading.Event(), [0]

        def watch():
            while not over.wait(0.01):
                peak[0] = max(peak[0], self.memory())
        thread = threading.Thread(target=watch)
        thread.start()
        said = self.saturate(big, big, message, to="big{}")
        over.set()
        thread.join()
        for c in idle:
            c.close()
        answers = [(n, a) for c in said for n, a in c]
        self.assertEqual(len(answers), big)
        self.assertLessEqual({a.code for _, a in answers}, {250, 451})
        self.assertTrue(any(a.taken for _, a in answers))
        # The bound of milter/work_memory.h; of the outbox and the parsers one document each.
        outside = 2 * len(message) + 3_000_000 * 2
        bound = base + (64 * MIB + (sessions + big) * 256 * 1024 + outside) // 1024
        self.assertLessEqual(peak[0], bound)
        self.outbox_empty()
        self.assertEqual(self.into_mailboxes(), sorted(f"big{n}@{HERE}" for n, a in answers if a.taken))

    def test_waiting_ends_with_the_one_limit_for_all_of_it(self):
        """Forty derivations one after the other take longer than limits.work_wait, though not longer than the ten
        seconds that one of them may wait by itself."""
        message = self.sealed(f"newuser@{HERE}", LINE)
        said = self.saturate(40, 40, message, to="newuser")
        codes = [a.code for c in said for _, a in c]
        self.assertEqual(len(codes), 40)
        self.assertLessEqual(set(codes), {250, 450, 451, 452})
        self.assertIn(250, codes)
        self.assertTrue(any(c != 250 for c in codes), codes)


class Refusing(LoadTest):
    """A daemon of its own: what others have needed would hide this peak."""

    def test_one_refused_message_to_a_thousand_recipients(self):
        """The reasons stood in memory once for each recipient: 36 MB for a message whose room is 8."""
        mail = (f"From: x@{THERE}\r\nTo: a@{HERE}\r\nMessage-ID: <1@x.test>\r\nContent-Type: text/{'a' * 16000}\r\n\r\nhello\r\n")

        def knock(recipients):
            with MilterClient(self.daemon.socket) as c:
                answer = c.send(f"x@{THERE}", [f"a+{n}@{HERE}" for n in range(recipients)], mail.encode())
            self.assertEqual(answer.code, 550, answer.text)
        self.saturate(1, 1, self.sealed(), to="warm{}")
        knock(1)
        peak = self.memory("VmHWM")
        knock(1000)
        self.assertLessEqual(self.memory("VmHWM") - peak, 8 * 1024)


if __name__ == "__main__":
    unittest.main()
