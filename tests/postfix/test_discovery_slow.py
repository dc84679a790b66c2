"""Many messages that wait for a slow DNS: mail that does not need it goes on as before.

Straight to the daemon, without a Postfix. The bound is the time-out of one question (discovery.dns_timeout): nobody
waits for another message's question. Times are compared within one run and printed as a ratio.
"""
import itertools
import os
import select
import signal
import socket
import statistics
import threading
import time
import unittest

from harness import dns, smime
from harness.base import Scratch, free_port, until
from harness.daemon import Daemon
from harness.milter import MilterClient
from harness.pki import Pki
from harness.sink import Sink
from harness.site import HERE, THERE

MESSAGES, DOMAINS, OTHERS = 200, 50, 15
TIMEOUT = 20  # s, discovery.dns_timeout: the bound


class SlowForwarder:
    """A resolver before a name server: what ends in `slow` is answered after release(), all else at once."""

    def __init__(self, upstream_port, slow):
        self.slow, self.released = slow, False
        self.upstream = ("127.0.0.1", upstream_port)
        self.port = free_port()
        self.under_way = set()  # names of slow questions that have come
        self._udp, self._up = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._udp.bind(("127.0.0.1", self.port))
        self._up.connect(self.upstream)
        self._ending, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def release(self):
        self._wake.send(b"r")

    def stop(self):
        self._wake.send(b"x")
        self._thread.join()
        for s in (self._udp, self._up, self._ending, self._wake):
            s.close()

    def _run(self):
        number, asked, late = itertools.count(), {}, []
        while True:
            ready, _, _ = select.select([self._udp, self._up, self._ending], [], [])
            if self._ending in ready:
                if self._ending.recv(1) == b"x":
                    return
                self.released = True
                for query, client in late:
                    self._ask(asked, next(number), query, client)
            if self._udp in ready:
                query, client = self._udp.recvfrom(65535)
                name, _ = dns.question_of(query)
                if name.endswith(self.slow) and not self.released:
                    self.under_way.add(name)
                    late.append((query, client))
                else:
                    self._ask(asked, next(number), query, client)
            if self._up in ready:
                self._hand_back(asked, self._up.recv(65535))

    def _ask(self, asked, number, query, client):
        ours = (number & 0xFFFF).to_bytes(2, "big")
        asked[ours] = (query[:2], client)
        self._up.send(ours + query[2:])

    def _hand_back(self, asked, answer):
        theirs, client = asked.pop(answer[:2], (None, None))
        if client:
            self._udp.sendto(theirs + answer[2:], client)


class DiscoverySlow(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        dns.require_server()
        cls.scratch = Scratch()
        cls.addClassCleanup(cls.scratch.remove)
        cls.sink = Sink(dsn=True)
        cls.addClassCleanup(cls.sink.stop)
        pki = Pki(cls.scratch.folder("pki", 0o700))
        here_ca, there_ca = pki.root("here-ca"), pki.root("there-ca")
        cls.here = pki.end("here", here_ca, dns=HERE)
        cls.bob = pki.end("bob", there_ca, email=f"bob@{THERE}")
        quick = pki.end("quick", there_ca, dns="quick.test", kind="p256")
        server = dns.NameServer(cls.scratch.folder("dns"), {"test": [dns.cert_record("quick.test", quick)]})
        server.start()
        cls.addClassCleanup(server.stop)
        cls.forwarder = SlowForwarder(server.port, ".slow.test")
        cls.addClassCleanup(cls.forwarder.stop)
        cls.daemon = Daemon(
            cls.scratch.folder("direct"), reinject_port=cls.sink.port, report_domain="direct-report.here.test",
            domains=[{"name": HERE, "environment": "test", "pickup_url": "http://pickup.here.test"}],
            sections={"discovery": {"dns_address": True, "dns_domain": True, "dnssec": "off",
                                    "dns_servers": [f"127.0.0.1@{cls.forwarder.port}"], "dns_timeout": f"{TIMEOUT}s"},
                      "policy": {"budget": "60s"}},
            socket_kind="unix")
        cls.daemon.add_key(HERE, cls.here)
        for ca in (here_ca, there_ca):
            cls.daemon.add_anchor(HERE, ca)
        cls.daemon.add_certificate(f"bob@{THERE}", cls.bob)
        cls.addClassCleanup(cls.daemon.stop)
        cls.daemon.start()

    def submit(self, to):
        mail = smime.mail(f"alice@{HERE}", to, "A subject", "A body\n")
        with MilterClient(self.daemon.socket, daemon_name="ORIGINATING") as client:
            return client.send(f"alice@{HERE}", to, mail, login=f"alice@{HERE}")

    def other_mail(self, mark):
        """Mail of every other kind, one after the other: the longest and the middle time of each kind, in seconds."""
        times = {"in": [], "out by file": [], "out by a quick DNS": []}
        for number in range(OTHERS):
            inner = smime.mail(f"bob@{THERE}", f"alice@{HERE}", f"{mark} {number}")
            sealed = smime.sealed(inner, [self.bob], [self.here])
            began = time.monotonic()
            with MilterClient(self.daemon.socket) as client:
                self.assertTrue(client.send(f"bob@{THERE}", f"alice@{HERE}", sealed).taken)
            times["in"].append(time.monotonic() - began)
            for kind, to in (("out by file", f"bob@{THERE}"), ("out by a quick DNS", f"{mark}{number}@quick.test")):
                began = time.monotonic()
                answer = self.submit(to)
                times[kind].append(time.monotonic() - began)
                self.assertTrue(answer.taken, (kind, answer.text))
        return {kind: (max(all_), statistics.median(all_)) for kind, all_ in times.items()}

    def on_cores(self, cores):
        for task in os.listdir(f"/proc/{self.daemon.process.pid}/task"):
            try:
                os.sched_setaffinity(int(task), cores)
            except ProcessLookupError:
                pass  # a worker that has just ended

    def begin_slow(self):
        """Connections whose messages wait for the DNS, each for an answer of its own."""
        clients, rests = [], []
        for number in range(MESSAGES):
            to = f"u{number}@d{number % DOMAINS}.slow.test"
            client = MilterClient(self.daemon.socket, daemon_name="ORIGINATING")
            self.addCleanup(client.close)
            head, rest = client.message_bytes(f"alice@{HERE}", [to], smime.mail(f"alice@{HERE}", to, "S", "B\n"),
                                              login=f"alice@{HERE}")
            client.socket.sendall(head)
            clients.append(client)
            rests.append(rest)
        for client in clients:
            self.assertEqual(client.packet()[0], b"c")
        # All of it is there when the daemon looks, and its threads share a core: then libmilter gives the commands to the
        # few workers it counts as idle. Without a nudge ten questions were under way, and everybody waited for them.
        self.on_cores({min(os.sched_getaffinity(0))})
        self.daemon.process.send_signal(signal.SIGSTOP)
        for client, rest in zip(clients, rests):
            client.socket.sendall(rest)
        self.daemon.process.send_signal(signal.SIGCONT)
        until(lambda: len(self.forwarder.under_way) >= MESSAGES, f"{MESSAGES} slow questions under way",
              detail=lambda: str(len(self.forwarder.under_way)))
        self.on_cores(os.sched_getaffinity(0))
        return clients

    def test_other_mail_is_not_delayed(self):
        self.other_mail("warm")
        alone = self.other_mail("alone")
        clients = self.begin_slow()
        together = self.other_mail("together")
        waiting = MESSAGES - len(select.select([client.socket for client in clients], [], [], 0)[0])
        self.forwarder.release()
        for kind, (longest, middle) in together.items():
            print(f"{kind}: longest {longest:.3f} s, {longest / alone[kind][0]:.1f} times that without; middle "
                  f"{middle:.3f} s, {middle / alone[kind][1]:.1f} times; {waiting} of {MESSAGES} still waited")
            self.assertLess(longest, TIMEOUT, kind)
        # What waited has its own answer: nobody there has a certificate, or the DNS was too slow to say so.
        for client in clients:
            answer = client.answer()
            self.assertIn(answer.text[:9], (b"554 5.7.3", b"451 4.7.0"), answer.text)


if __name__ == "__main__":
    unittest.main()
