"""A partner whose DNS does not answer: notices to others are made meanwhile, and his own are not asked for one by one.

Straight to the daemon, without a Postfix. What came first is seen in the log, not by the clock.
"""
import unittest

from harness import dns, smime
from harness.base import Scratch, until
from harness.daemon import Daemon
from harness.milter import MilterClient
from harness.pki import Pki
from harness.sink import Sink
from harness.site import HERE, THERE
from test_discovery_slow import SlowForwarder

DEAD = "dead.slow.test"
MESSAGES = 20
TIMEOUT = 10  # s, discovery.dns_timeout


class NoticesSlow(unittest.TestCase):
    def setUp(self):
        dns.require_server()
        scratch = Scratch()
        self.addCleanup(scratch.remove)
        self.sink = Sink(dsn=True)
        self.addCleanup(self.sink.stop)
        pki = Pki(scratch.folder("pki", 0o700))
        here_ca, there_ca = pki.root("here-ca"), pki.root("there-ca")
        self.here = pki.end("here", here_ca, dns=HERE)
        self.bob = pki.end("bob", there_ca, email=f"bob@{THERE}")
        self.dead = pki.end("dead", there_ca, dns=DEAD)
        server = dns.NameServer(scratch.folder("dns"), {"test": []})
        server.start()
        self.addCleanup(server.stop)
        self.forwarder = SlowForwarder(server.port, ".slow.test")
        self.addCleanup(self.forwarder.stop)
        self.daemon = Daemon(
            scratch.folder("direct"), reinject_port=self.sink.port, report_domain="direct-report.here.test",
            domains=[{"name": HERE, "environment": "test", "pickup_url": "http://pickup.here.test"}],
            sections={"reinject": {"retry_min": "10m", "retry_max": "10m"},
                      "discovery": {"dns_address": True, "dnssec": "off", "dns_timeout": f"{TIMEOUT}s",
                                    "dns_servers": [f"127.0.0.1@{self.forwarder.port}"]}},
            socket_kind="unix")
        self.daemon.add_key(HERE, self.here)
        for ca in (here_ca, there_ca):
            self.daemon.add_anchor(HERE, ca)
        self.daemon.add_certificate(f"bob@{THERE}", self.bob)
        self.addCleanup(self.daemon.stop)
        self.daemon.start()

    def send(self, sender, signer):
        sealed = smime.sealed(smime.mail(sender, f"alice@{HERE}", "S"), [signer], [self.here])
        with MilterClient(self.daemon.socket) as client:
            self.assertTrue(client.send(sender, f"alice@{HERE}", sealed).taken)

    def put_off(self):
        return self.daemon.log().count('what="later"')

    def test_a_dead_dns_holds_up_its_own_notices_only(self):
        """The fault: notices were made one after the other, each waiting for the same dead servers; another partner's came
        after minutes."""
        for number in range(MESSAGES):
            self.send(f"u{number}@{DEAD}", self.dead)
        until(lambda: self.forwarder.under_way, "a question to the servers that do not answer")
        self.send(f"bob@{THERE}", self.bob)
        self.sink.wait_for(f"bob@{THERE}")
        self.assertLess(self.put_off(), MESSAGES, "nobody waited for all of them")
        until(lambda: self.put_off() >= MESSAGES, "all of them put off", seconds=6 * TIMEOUT)
        self.assertEqual(self.put_off(), MESSAGES)
        # The first alone, and one for all that came meanwhile.
        self.assertLessEqual(len(self.forwarder.under_way), 2, self.forwarder.under_way)


if __name__ == "__main__":
    unittest.main()
