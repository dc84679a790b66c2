"""Many messages that wait for a slow DNS: mail that does not need it goes on as before.

Straight to the daemon, without a Postfix. The bound is the time-out of one question (discovery.dns_timeout): nobody
waits for another message's question. Times are compared within one run and printed as a ratio.
"""
import heapq
import itertools
import select
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
TIMEOUT = 5.0  # discovery.dns_timeout: the bound
DELAY = 4.0    # of each answer of the slow servers; two questions for a message, one after the other


class SlowForwarder:
    """A resolver before a name server: what ends in `slow` is answered `delay` seconds later, all else at once."""

    def __init__(self, upstream_port, slow, delay):
        self.slow, self.delay = slow, delay
        self.upstream = ("127.0.0.1", upstream_port)
        self.port = free_port()
        self.under_way = set()  # names of slow questions that have not been answered
        self._udp, self._up = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._udp.bind(("127.0.0.1", self.port))
        self._up.connect(self.upstream)
        self._ending, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self):
        self._wake.send(b"x")
        self._thread.join()
        for s in (self._udp, self._up, self._ending, self._wake):
            s.close()

    def _run(self):
        late, number, asked = [], itertools.count(), {}
        while True:
            wait = max(0, late[0][0] - time.monotonic()) if late else None
            ready, _, _ = select.select([self._udp, self._up, self._ending], [], [], wait)
            if self._ending in ready:
                return
            if self._udp in ready:
                query, client = self._udp.recvfrom(65535)
                name, _ = dns.question_of(query)
                if name.endswith(self.slow):
                    self.under_way.add(name)
                    heapq.heappush(late, (time.monotonic() + self.delay, next(number), query, client, name))
                else:
                    self._ask(asked, next(number), query, client)
            if self._up in ready:
                self._hand_back(asked, self._up.recv(65535))
            while late and late[0][0] <= time.monotonic():
                _, _, query, client, name = heapq.heappop(late)
                self.under_way.discard(name)
                self._ask(asked, next(number), query, client)

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
        cls.forwarder = SlowForwarder(server.port, ".slow.test", DELAY)
        cls.addClassCleanup(cls.forwarder.stop)
        cls.daemon = Daemon(
            cls.scratch.folder("direct"), reinject_port=cls.sink.port, report_domain="direct-report.here.test",
            domains=[{"name": HERE, "environment": "test", "pickup_url": "http://pickup.here.test"}],
            sections={"discovery": {"dns_address": True, "dns_domain": True, "dnssec": "off",
                                    "dns_servers": [f"127.0.0.1@{cls.forwarder.port}"], "dns_timeout": "5s"}},
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

    def test_other_mail_is_not_delayed(self):
        self.other_mail("warm")
        alone = self.other_mail("alone")
        answers = [None] * MESSAGES

        def slow(number):
            answers[number] = self.submit(f"u{number}@d{number % DOMAINS}.slow.test")
        threads = [threading.Thread(target=slow, args=(number,)) for number in range(MESSAGES)]
        for thread in threads:
            thread.start()
        try:
            # All of them are in the daemon at the same time, each waiting for an answer of its own.
            until(lambda: len(self.forwarder.under_way) >= MESSAGES, f"{MESSAGES} slow questions under way",
                  detail=lambda: str(len(self.forwarder.under_way)))
            together = self.other_mail("together")
            waiting = sum(answer is None for answer in answers)
        finally:
            for thread in threads:
                thread.join()
        for kind, (longest, middle) in together.items():
            print(f"{kind}: longest {longest:.3f} s, {longest / alone[kind][0]:.1f} times that without; middle "
                  f"{middle:.3f} s, {middle / alone[kind][1]:.1f} times; {waiting} of {MESSAGES} still waited")
            self.assertLess(longest, TIMEOUT, kind)
        # What waited has its own answer: nobody there has a certificate, or the DNS was too slow to say so.
        for answer in answers:
            self.assertIn(answer.text[:9], (b"554 5.7.3", b"451 4.7.0"), answer.text)


if __name__ == "__main__":
    unittest.main()
