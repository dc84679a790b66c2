"""Hostile mail against the running daemon: one answer, nothing delivered, bounded memory, and honest mail of
other sessions is taken the whole time.

Straight over the milter protocol, and the worst through Postfix too. What each message may cost of time is held in
tests/unit/hostile; here latencies are printed.
"""
import queue
import statistics
import threading
import time
import unittest

from harness import smime
from harness.base import Failure
from harness.hostile import Hostile
from harness.milter import MilterClient
from harness.site import HERE, THERE, SiteTest

UNIFORM = b"y554 5.7.1 direct: not-accepted\0"
NOT_ENCRYPTED = b"y550 5.7.1 direct: not-encrypted (this address takes only encrypted Direct messages)\0"
ATTACKERS = 4
ROUNDS = 2
# What glibc keeps in the arenas of threads that were there once, and the store's map: not of any message.
SLACK = 96 << 20
THROUGH_POSTFIX = ("cut to 100", "two deep", "compressed", "10000 recipients, all us", "a million pieces", "10000 signers",
                   "a key of 16384 bits", "three parts", "random bytes in a field beside", "two types that differ")


class Honest(threading.Thread):
    """Another session: sends honest messages one after the other until it is told to stop."""

    def __init__(self, daemon_socket, messages):
        super().__init__()
        self.socket, self.messages = daemon_socket, messages
        self.phase, self.latency, self.trouble = "quiet", {"quiet": [], "attacked": []}, []
        self.enough, self.ending = threading.Event(), threading.Event()

    def run(self):
        try:
            with MilterClient(self.socket, client_ip="127.0.0.10") as client:
                while not self.ending.is_set():
                    for i, message in enumerate(self.messages):
                        phase, begun = self.phase, time.monotonic()
                        answer = client.send(f"bob@{THERE}", f"carol@{HERE}", message, queue_id=f"H{i}")
                        self.latency[phase].append(time.monotonic() - begun)
                        if not answer.taken:
                            self.trouble.append(answer)
                    if len(self.latency["quiet"]) >= 100:
                        self.enough.set()
        except Exception as e:  # reported by the test's own thread
            self.trouble.append(e)
        finally:
            self.enough.set()

    def figures(self, phase):
        all_of = sorted(self.latency[phase])
        return statistics.median(all_of), all_of[len(all_of) * 99 // 100]


class HostileMail(SiteTest):
    sections = {"store": {"size_max": "2G"}}

    def memory(self, what):
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(what + ":"))

    def make(self):
        stranger = self.pki.end("stranger", self.there_ca, email=f"eve@{THERE}")
        return Hostile(f"bob@{THERE}", f"alice@{HERE}", stranger, self.alice)

    def attack(self, rows, answers, troubles):
        """Sends all rows from several sessions at once."""
        work = queue.Queue()
        for row in rows:
            work.put(row)

        def one(number):
            try:
                with MilterClient(self.daemon.socket, client_ip=f"127.0.1.{number}") as client:
                    while True:
                        name, message, expected = work.get_nowait()
                        begun = time.monotonic()
                        answer = client.send(f"bob@{THERE}", f"alice@{HERE}", message, queue_id="X")
                        answers.append((name, answer.raw, expected, time.monotonic() - begun))
            except queue.Empty:
                pass
            except Exception as e:  # reported by the test's own thread
                troubles.append(Failure(f"{name}: {e!r}"))
        threads = [threading.Thread(target=one, args=(i,)) for i in range(1, ATTACKERS + 1)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    def test_hostile_mail_disturbs_nobody(self):
        hostile = self.make()
        rows = [(n, m, UNIFORM) for n, m in hostile.early()] + [(n, m, NOT_ENCRYPTED) for n, m in hostile.outside()]
        self.assertGreaterEqual(len(rows), 60)
        honest = Honest(self.daemon.socket, [self.from_bob(to=f"carol@{HERE}", recipients=[self.here])[1]
                                             for _ in range(5)])
        pid = self.daemon.process.pid
        honest.start()
        honest.enough.wait()
        before = self.memory("VmHWM")
        honest.phase = "attacked"
        answers, troubles = [], []
        for _ in range(ROUNDS):
            self.attack(rows, answers, troubles)
        honest.ending.set()
        honest.join()

        self.assertEqual(troubles, [])
        self.assertEqual(honest.trouble, [], "honest mail is always taken")
        self.assertEqual([(name, raw) for name, raw, expected, _ in answers if raw != expected], [])
        self.assertEqual(len(answers), ROUNDS * len(rows))
        self.assertEqual((self.daemon.running, self.daemon.process.pid), (True, pid))
        largest = max(len(m) for _, m, _ in rows)
        grown, bound = self.memory("VmHWM") - before, (ATTACKERS + 1) * (largest * 5 // 2 + (8 << 20)) + SLACK
        quiet, attacked = honest.figures("quiet"), honest.figures("attacked")
        slowest = sorted(((took, name) for name, _, _, took in answers), reverse=True)[:3]
        print(f"{len(rows)} messages up to {largest} bytes, {ROUNDS} times by {ATTACKERS} sessions; memory grew by {grown} of "
              f"{bound} bytes; honest mail meanwhile: {len(honest.latency['attacked'])}, median x "
              f"{attacked[0] / quiet[0]:.2f}, 99th of a hundred x {attacked[1] / quiet[1]:.2f} (quiet {quiet[0] * 1e3:.1f} and "
              f"{quiet[1] * 1e3:.1f} ms, attacked {attacked[0] * 1e3:.1f} and {attacked[1] * 1e3:.1f} ms); slowest: "
              + ", ".join(f"{name} {took:.2f} s" for took, name in slowest), flush=True)
        self.assertLess(grown, bound)
        self.nothing_delivered(f"alice@{HERE}")
        audit = self.daemon.ctl("audit").out + self.daemon.log()
        self.assertNotIn("SECRETMARK", audit)
        # And the honest form of the same message is what it always was: a stranger's.
        with MilterClient(self.daemon.socket) as client:
            answer = client.send(f"bob@{THERE}", f"alice@{HERE}", hostile.mail(hostile.good), queue_id="G")
        self.assertEqual(answer.raw, b"y554 5.7.7 direct: sender-mismatch\0")

    def test_the_worst_through_postfix(self):
        rows = {name: message for name, message in self.make().early() if name in THROUGH_POSTFIX}
        self.assertEqual(set(rows), set(THROUGH_POSTFIX))
        seen = {name: self.inbound(message).last for name, message in rows.items()}
        self.assertEqual(set(seen.values()), {b"554 5.7.1 direct: not-accepted\r\n"}, seen)
        self.nothing_delivered(f"alice@{HERE}")
        self.accepted(self.inbound(self.from_bob()[1]))
        self.delivered()
        self.postfix.empty_mailboxes()

    def test_a_packet_that_is_too_large_ends_its_session_only(self):
        """libmilter takes 64 KB in one packet; a larger one never reaches us."""
        pid = self.daemon.process.pid
        _, good = self.from_bob(to=f"carol@{HERE}", recipients=[self.here])
        with self.assertRaises(OSError):
            with MilterClient(self.daemon.socket) as client:
                client.send(f"bob@{THERE}", f"alice@{HERE}", b"X-A: " + b"a" * (10 << 20) + b"\r\n\r\nx\r\n")
        with MilterClient(self.daemon.socket) as client:
            self.assertTrue(client.send(f"bob@{THERE}", f"carol@{HERE}", good, queue_id="G").taken)
        self.assertEqual((self.daemon.running, self.daemon.process.pid), (True, pid))


if __name__ == "__main__":
    unittest.main()
