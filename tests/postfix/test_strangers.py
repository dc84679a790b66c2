"""Mail that is refused leaves little in the store, whatever it says and however often it comes: good mail still gets in."""
import os
import unittest

from harness import smime
from harness.base import Scratch
from harness.daemon import Daemon
from harness.milter import MilterClient
from harness.pki import Pki
from harness.sink import Sink
from harness.site import HERE, THERE

KIB = 1024
# milter/audit/refusals.h, with what LMDB adds: pages of 4 KiB, the trees above them, an old copy of each.
ONE_MESSAGE_MOST = 128 * KIB
WINDOW_MOST = 1024 * KIB


class Strangers(unittest.TestCase):
    def setUp(self):
        self.scratch = Scratch()
        self.sink = Sink(dsn=True)
        pki = Pki(self.scratch.folder("pki", 0o700))
        ca, there = pki.root("here-ca"), pki.root("there-ca")
        self.here = pki.end("here", ca, dns=HERE)
        self.bob = pki.end("bob", there, email=f"bob@{THERE}")
        self.mallory = pki.end("mallory", pki.root("mallory-ca"), email=f"mallory@{THERE}")
        self.daemon = d = Daemon(self.scratch.folder("direct"), reinject_port=self.sink.port,
                                 report_domain="direct-report.here.test", socket_kind="unix",
                                 domains=[{"name": HERE, "environment": "test", "pickup_url": "http://pickup.here.test"}],
                                 sections={"store": {"size_max": "16M"}})
        d.add_key(HERE, self.here)
        d.add_anchor(HERE, ca)
        d.add_anchor(HERE, there)
        d.add_certificate(f"bob@{THERE}", self.bob)
        d.start()

    def tearDown(self):
        self.daemon.stop()
        self.sink.stop()
        self.scratch.remove()

    def send(self, sender, recipients, message):
        with MilterClient(self.daemon.socket) as c:
            return c.send(sender, recipients, message)

    def knock(self, recipients=1000):
        """Plain mail with a media type of 16 KB, to one mailbox under many names."""
        mail = (b"From: x@%s\r\nTo: a@%s\r\nMessage-ID: <1@x.test>\r\nContent-Type: text/" % (THERE.encode(), HERE.encode())
                + b"a" * 16000 + b"\r\n\r\nhello\r\n")
        answer = self.send(f"x@{THERE}", [f"a+{n}@{HERE}" for n in range(recipients)], mail)
        self.assertEqual(answer.code, 550, answer.text)

    def good(self):
        inner = smime.mail(f"bob@{THERE}", f"alice@{HERE}", "x")
        answer = self.send(f"bob@{THERE}", [f"alice@{HERE}"], smime.sealed(inner, [self.bob], [self.here]))
        self.assertEqual(answer.verdict, "discard", answer.text)

    def used(self):
        return sum(os.stat(os.path.join(root, f)).st_blocks * 512
                   for root, _, files in os.walk(os.path.join(self.daemon.root, "store")) for f in files)

    def audit(self, event=None):
        return [e for e in self.daemon.ctl_json("audit")["entries"] if event in (None, e["event"])]

    def test_one_message_to_a_thousand_recipients(self):
        self.good()
        self.knock(1)
        used = self.used()
        self.knock()
        grown = self.used() - used
        print(f"a refused message of 16 KB to 1000 recipients: {grown} bytes in the store", flush=True)
        self.assertLessEqual(grown, ONE_MESSAGE_MOST)
        entry = self.audit("message-in")[-1]
        self.assertEqual((entry["token"], entry["recipient"], entry["sender"]), ("not-encrypted", f"a+0@{HERE}", f"<x@{THERE}>"))
        self.assertEqual((entry["further_count"], entry["further"]), (999, [f"a+{n}@{HERE}" for n in range(1, 10)]))
        self.assertIn("further-recipients=999", self.daemon.ctl("audit", "--id", f"a+1@{HERE}").out)

    def test_a_signed_stranger_too(self):
        self.good()
        used = self.used()
        names = [f"a+{n}@{HERE}" for n in range(1000)]
        inner = smime.mail(f"mallory@{THERE}", names[0], "x")
        answer = self.send(f"mallory@{THERE}", names, smime.sealed(inner, [self.mallory], [self.here]))
        self.assertGreaterEqual(answer.code, 500, answer.text)
        self.assertLessEqual(self.used() - used, ONE_MESSAGE_MOST)
        self.assertEqual(self.audit("message-in")[-1]["further_count"], 999)
        noted = {e["message_id"] for e in self.audit("message-in")} - {""}
        rows = [r for m in noted for r in self.daemon.ctl_json("status", m)["watch"] if r["recipient"].startswith("a+")]
        self.assertEqual(len(rows), 10, "directctl status tells of the first")

    def test_a_partners_report_about_a_thousand_recipients(self):
        one = f"Final-Recipient: rfc822; bob@{THERE}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        inner = (f"From: bob@{THERE}\r\nTo: alice@{HERE}\r\nMessage-ID: <report@{THERE}>\r\nMIME-Version: 1.0\r\n"
                 "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nsorry\r\n"
                 "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; there.test\r\n\r\n"
                 + one * 1000 + "--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <sent@here.test>\r\n\r\n--b--\r\n")
        self.send("", [f"alice@{HERE}"], smime.sealed(inner.encode(), [self.bob], [self.here]))
        entry = self.audit("message-in")[-1]
        self.assertEqual(entry["token"], "accepted", entry)
        self.assertRegex(entry["detail"], r"; and \d{3} notices more$")
        self.assertLessEqual(len(entry["detail"]), 1024)

    def test_good_mail_gets_in_while_strangers_knock(self):
        self.good()
        used = self.used()
        for _ in range(400):
            self.knock(20)
        print(f"400 refused messages: {self.used() - used} bytes in the store", flush=True)
        self.assertLessEqual(self.used() - used, WINDOW_MOST)
        self.good()
        begun = self.audit("refusals-summed")
        self.assertEqual([e["token"] for e in begun], ["begun"])
        self.assertIn("until", begun[0]["detail"])
        singly = len(self.audit("message-in")) - 2
        self.assertGreater(singly, 20)
        self.assertIn(f"direct_refusals_summed_total {400 - singly}", self.daemon.ctl("metrics").out)
        # What was counted is in the store: it outlives the process, and counting goes on.
        self.daemon.restart()
        self.knock(1)
        self.assertEqual(len(self.audit("message-in")) - 2, singly)
        self.good()
        self.assertEqual(self.daemon.ctl("audit", "verify").code, 0)


if __name__ == "__main__":
    unittest.main()
