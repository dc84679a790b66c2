"""What becomes of a held record after its end: notices that have not left are taken back, and its content is purged."""
import os
import re
import unittest

from harness import milter, smime
from harness.base import until
from harness.site import HERE, THERE, SiteTest

NEWUSER, LINE = f"newuser@{HERE}", "Name of the first pet;Zanzibar77;SUBJECTMARK"


class HeldTest(SiteTest):
    def setUp(self):
        self.fresh()

    def holds(self, contact, size=0):
        """A record for the contact; returns its row in the list."""
        inner = smime.mail(f"bob@{THERE}", NEWUSER, f"{contact};{LINE}", "Body\n" + "x" * 70 * (size // 70), message_id=None)
        self.accepted(self.inbound(smime.sealed(inner, [self.bob], [self.here]), NEWUSER))
        message_id = smime.field(inner, "Message-ID")
        return [r for r in self.listed() if r["message_id"] == message_id][0]

    def listed(self):
        return self.daemon.ctl_json("held", "list")["held"]

    def state(self, record):
        return self.daemon.ctl_json("held", "show", record["id"])["held"]["state"]

    def revoke(self, record):
        done = self.daemon.ctl("held", "revoke", record["id"])
        self.assertEqual(done.code, 0, done.err)

    def waiting(self):
        return [e for e in self.daemon.ctl_json("outbox", "list")["outbox"] if e["kind"] == "pickup-notice"]

    def codes(self, contact, count):
        """The codes of each notice that has come, in order of coming."""
        mails = self.sink.wait_for(contact, count)
        return [set(re.findall(rb"/p/([A-Z0-9-]+)", m.data.replace(b"=\r\n", b"").replace(b"=\n", b""))) for m in mails]


class TakenBack(HeldTest):
    """Notices to one contact lie an hour apart, so that the second and third record wait for a digest."""
    sections = {"newuser": {"notice_interval": "1h"}}

    def settled(self):  # a digest that waits an hour is no reason to wait
        until(lambda: not self.postfix.queue(), "nothing queued", detail=self.postfix.queue)

    def test_a_digest_is_written_anew_without_the_record_that_was_revoked(self):
        contact = "jane@person.test"
        self.holds(contact)
        self.codes(contact, 1)
        first, second = self.holds(contact), self.holds(contact)
        [digest] = self.waiting()
        self.revoke(first)
        def anew():
            now = self.waiting()
            return len(now) == 1 and now[0]["id"] != digest["id"] and now
        [notice] = until(anew, "the notice written anew", detail=self.waiting)
        self.assertEqual(notice["due"], digest["due"], "not later than the one taken back")
        self.revoke(second)
        self.assertEqual(self.waiting(), [])

    def test_a_notice_that_waits_for_postfix_is_taken_back(self):
        self.postfix.stop()
        try:
            inner = smime.mail(f"bob@{THERE}", NEWUSER, f"kim@person.test;{LINE}", "Body\n")
            with milter.MilterClient(self.daemon.socket, daemon_name="mx") as link:
                answer = link.send(f"bob@{THERE}", [NEWUSER], smime.sealed(inner, [self.bob], [self.here]))
            self.assertEqual(answer.code, 250, answer.text)
            [record] = [r for r in self.listed() if r["contact"] == "kim@person.test"]
            until(lambda: any(e["tries"] for e in self.waiting()), "a try in vain", detail=self.waiting)
            self.revoke(record)
            self.assertEqual([e for e in self.waiting() if "kim@person.test" in e["recipients"]], [])
        finally:
            self.postfix.start()
        self.settled()
        self.assertEqual(self.sink.for_address("kim@person.test"), [])


class Purged(HeldTest):
    """Records live four seconds, their content two more."""
    sections = {"newuser": {"notice_interval": "0", "expiry": "4s", "purge_after": "2s"}, "store": {"inline_max": "32K"}}

    def content_files(self):
        return self.daemon.ctl_json("store", "stat")["content_files"]

    def test_content_and_key_go_some_time_after_the_end(self):
        record = self.holds("jane@person.test", size=100000)
        self.assertEqual(self.content_files(), 1)
        until(lambda: self.state(record) == "purged", "the record purged", detail=lambda: self.daemon.ctl("audit").out)
        until(lambda: self.content_files() == 0, "its content unlinked", detail=self.content_files)
        told = [e["token"] for e in self.daemon.ctl_json("audit")["entries"] if e["event"] == "held-end"]
        self.assertEqual(told, ["record-expired", "record-purged"])
        shown = self.daemon.ctl_json("held", "show", record["id"])["held"]
        self.assertEqual((shown["content_bytes"], shown["attachments"], shown.get("question")), (0, [], None))
        self.assertEqual(self.daemon.ctl("held", "purge", record["id"]).code, 1, "it was purged before")


class PurgedByHand(HeldTest):
    sections = {"newuser": {"notice_interval": "0"}, "store": {"inline_max": "32K"}}

    def test_an_administrator_does_not_wait(self):
        first, second, third = (self.holds(f"p{i}@person.test", size=100000) for i in range(3))
        files = lambda: self.daemon.ctl_json("store", "stat")["content_files"]
        self.assertEqual(files(), 3)
        refused = self.daemon.ctl("held", "purge", first["id"])
        self.assertEqual(refused.code, 1)
        self.assertIn("revoke it first", refused.out)
        self.assertEqual(self.daemon.ctl("held", "purge").code, 2)
        for record in (first, second):
            self.revoke(record)
        self.assertEqual(self.daemon.ctl("held", "purge", first["id"]).code, 0)
        self.assertEqual(self.daemon.ctl_json("held", "purge", "--ended")["purged"], [second["id"]])
        self.assertEqual([self.state(r) for r in (first, second, third)], ["purged", "purged", "held"])
        until(lambda: files() == 1, "two contents unlinked", detail=files)
        self.assertEqual(os.listdir(os.path.join(self.daemon.root, "store")).count("content"), 1)


if __name__ == "__main__":
    unittest.main()
