"""Further legs that our own Postfix refuses: the submitter hears of exactly those recipients, promptly and once."""
import unittest

from harness import client, smime
from harness.base import until
from harness.judge import Judge
from harness.site import HERE, PASSWORD, THERE, SiteTest

MARK, SUBJECT = "CLEARMARK", "SUBJECTMARK"
OTHER, OUTSIDE, GCM = "plain@here.test", "extra@relayed.test", "direct.gcm.test"
ALICE, BOB, CAROL, DAVE = f"alice@{HERE}", f"bob@{THERE}", f"carol@{HERE}", f"dave@{THERE}"
NO, LATER, TOO_BIG = "550 5.1.1 no such user", "450 4.2.0 later", "552 5.3.4 too big"


class Handover(SiteTest):
    logins = {**SiteTest.logins, OTHER: PASSWORD}
    domain = {"plain": "pass"}
    sections = {"reinject": {"retry_min": "1s"}}
    # Those who take another cipher than bob are in one further envelope together.
    peers = ({"domain": GCM, "cipher": "aes-256-gcm"},)

    @classmethod
    def setUpClass(cls):
        cls.judge = Judge()
        cls.addClassCleanup(cls.judge.stop)
        cls.postfix_options = {"judge": cls.judge}
        super().setUpClass()

    @classmethod
    def prepare(cls):
        cls.daemon.add_certificate(GCM, cls.pki.end("gcm", cls.there_ca, dns=GCM))

    def setUp(self):
        self.judge.clear()
        self.fresh()

    def row(self, message, recipient):
        rows = self.daemon.ctl_json("status", smime.field(message, "Message-ID"))["watch"]
        return [r for r in rows if r["recipient"] == recipient][0]

    def reports(self, mailbox=ALICE):
        """{recipient: diagnostic} of each failure report in a mailbox once nothing is under way, and that nothing else is told."""
        self.settled()
        out = []
        for raw in self.postfix.maildir(mailbox):
            if b"report-type=delivery-status" not in raw:
                continue
            for secret in (MARK, SUBJECT):
                self.assertNotIn(secret.encode(), raw)
            out.append({f["Final-Recipient"].split(";")[1].strip(): (f["Status"], f["Diagnostic-Code"].split(";")[1])
                        for f in smime.parsed(raw).get_payload()[1].get_payload()[1:] if f.get("Action") == "failed"})
        return out

    def failed_entries(self):
        return [e for e in self.daemon.ctl_json("outbox", "list")["outbox"] if e["state"] == "failed"]

    def retry_failed(self):
        for entry in self.failed_entries():
            self.daemon.ctl("outbox", "retry", entry["id"])   # "not found" where all of it was sent again meanwhile

    def tearDown(self):
        self.judge.clear()   # nothing refused stays for the next test
        self.retry_failed()
        self.settled()

    def test_a_refused_bcc_is_told_at_once_and_the_others_are_served(self):
        self.judge.at_rcpt[DAVE] = NO
        mail = smime.mail(ALICE, [BOB, CAROL], SUBJECT, f"Body {MARK}\n")
        bcc = f"erin@{THERE}"
        self.accepted(self.submit(mail, [BOB, CAROL, DAVE, bcc]))
        for who in (BOB, bcc):
            self.sink.wait_for(who)
        self.delivered(CAROL)
        self.assertEqual(self.reports(), [{DAVE: ("5.3.0", "handover-refused")}])
        [report] = [m for m in self.postfix.maildir(ALICE) if b"report-type=delivery-status" in m]
        self.assertIn(f"X-Original-Message-ID: {smime.field(mail, 'Message-ID')}".encode(), report)
        self.assertEqual(smime.field(report, "Return-Path"), "<>")
        row = self.row(mail, DAVE)
        self.assertEqual((row["leg"], row["state"], row["failure"]), ("sealed", "failed", "handover-refused"))
        self.assertIsNotNone(row["failed"])
        for who in (BOB, bcc):
            self.assertEqual(self.row(mail, who)["state"], "waiting")
        # Nothing waits for him any more, so nothing can be told overdue.
        waiting = [r["recipient"] for r in self.daemon.ctl_json("watch", "list")["watch"]
                   if r["message_id"] == smime.field(mail, "Message-ID")]
        self.assertEqual(sorted(waiting), [BOB, bcc])
        told = [e for e in self.in_audit("leg-refused")["entries"] if e["event"] == "leg-refused"][-1]
        self.assertEqual((told["sender"], told["recipient"], told["token"]), (ALICE, DAVE, "handover-refused"))
        # The same message again is a new try for him, and a repeat for the others.
        self.judge.clear()
        self.accepted(self.submit(mail, [BOB, CAROL, DAVE, bcc]))
        [got] = self.sink.wait_for(DAVE)
        smime.open_sealed(got.data, self.there, [self.here_ca])
        self.assertEqual(len(self.reports()), 1)
        self.assertEqual(self.row(mail, DAVE)["state"], "waiting")
        self.assertEqual(len(self.sink.for_address(bcc)), 1)

    def test_one_envelope_refused_and_put_off(self):
        """Those answered 5xx and 4xx in one entry were retried together, and told of by nobody."""
        first, second = (f"{who}@{GCM}" for who in ("first", "second"))
        self.judge.at_rcpt.update({first: NO, second: LATER})
        mail = smime.mail(ALICE, [BOB, first, second], SUBJECT, f"Body {MARK}\n")
        self.accepted(self.submit(mail, [BOB, first, second]))
        [report] = self.delivered()   # while the other one is still put off
        self.assertIn(first.encode(), report)
        self.assertNotIn(second.encode(), report)
        self.assertEqual(self.row(mail, second)["state"], "waiting")
        until(lambda: self.judge.asked.count(second) > 1, "a second try")
        self.assertEqual(self.judge.asked.count(first), 1, "he is tried no more")
        self.judge.at_rcpt.clear()
        self.sink.wait_for(second)
        self.assertEqual(self.reports(), [{first: ("5.3.0", "handover-refused")}])
        self.assertEqual(self.sink.for_address(first), [])
        self.assertEqual(self.failed_entries(), [])

    def test_a_message_refused_at_its_end(self):
        self.judge.at_end[DAVE] = TOO_BIG
        mail = smime.mail(ALICE, BOB, SUBJECT, f"Body {MARK}\n")
        self.accepted(self.submit(mail, [BOB, DAVE]))
        self.sink.wait_for(BOB)
        self.assertEqual(self.reports(), [{DAVE: ("5.3.0", "handover-refused")}])
        self.assertRegex(self.failed_entries()[0]["last_answer"], "^552 5.3.4 .*too big")
        # Tried again by hand it arrives, and he is waited for as if it had been the first try.
        self.judge.clear()
        self.retry_failed()
        self.sink.wait_for(DAVE)
        self.assertEqual(self.row(mail, DAVE)["state"], "waiting")
        self.assertIsNone(self.row(mail, DAVE)["failed"])
        self.assertEqual(len(self.reports()), 1)

    def test_the_plain_leg_of_a_user_outside_our_direct_domains(self):
        self.judge.at_rcpt[ALICE] = NO
        to = [ALICE, CAROL, OUTSIDE]
        mail = smime.mail(OTHER, to, SUBJECT, f"Body {MARK}\n")
        self.accepted(self.submit(mail, to, login=OTHER))
        self.sink.wait_for(OUTSIDE)
        self.delivered(CAROL)
        self.assertEqual(self.reports(OTHER), [{ALICE: ("5.3.0", "handover-refused")}])
        row = self.row(mail, ALICE)
        self.assertEqual((row["leg"], row["state"], row["failure"]), ("untouched", "failed", "handover-refused"))
        self.assertIsNotNone(row["failed"])
        self.assertEqual(self.row(mail, CAROL)["state"], "untouched")
        self.judge.clear()
        self.accepted(self.submit(mail, to, login=OTHER))
        self.delivered(ALICE)
        self.assertEqual(len(self.reports(OTHER)), 1)
        self.assertEqual(len(self.postfix.maildir(CAROL)), 1, "the repeat is not a second copy")

    def test_a_strangers_address_gets_no_report(self):
        self.judge.at_rcpt[ALICE] = NO
        mail = smime.mail("someone@relayed.test", [ALICE, OTHER], SUBJECT, f"Body {MARK}\n")
        self.accepted(self.inbound(mail, [ALICE, OTHER], "someone@relayed.test"))
        self.delivered(OTHER)
        until(self.failed_entries, "the refused entry, kept for the administrator")
        self.settled()
        self.assertEqual(self.sink.for_address("someone@relayed.test"), [])

    def test_nobody_is_told_about_a_notice_nor_the_null_sender(self):
        self.judge.at_rcpt[DAVE] = NO
        mdn = (f"From: {ALICE}\r\nTo: {BOB}\r\nSubject: read\r\nDate: Sun, 22 Nov 2026 07:00:00 +0000\r\n"
               f"Message-ID: <read1@{HERE}>\r\nMIME-Version: 1.0\r\n"
               "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
               "--b\r\n\r\nread\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
               f"Final-Recipient: rfc822;{ALICE}\r\nOriginal-Message-ID: <1@{THERE}>\r\n"
               "Disposition: manual-action/MDN-sent-manually;displayed\r\n\r\n--b--\r\n").encode()
        for message, sender in ((mdn, ALICE), (smime.mail(ALICE, BOB, SUBJECT, MARK), "")):
            self.judge.asked.clear()
            self.accepted(client.send(self.postfix.submission, sender, [BOB, DAVE], message, login=ALICE, password=PASSWORD))
            until(lambda: DAVE in self.judge.asked, "the further leg to be tried")
        until(lambda: len(self.failed_entries()) == 2, "both kept for the administrator")
        self.assertEqual(self.reports(), [])

    def test_a_further_envelope_has_the_senders_return_path(self):
        """It was the From address: a bounce of a notice came back to its sender, and one of other mail to where we do not look."""
        for sender in ("", CAROL):
            self.sink.clear()
            message = smime.mail(ALICE, BOB, SUBJECT, MARK)
            self.accepted(client.send(self.postfix.submission, sender, [BOB, DAVE], message, login=ALICE, password=PASSWORD))
            for who in (BOB, DAVE):
                self.assertEqual([m.sender for m in self.sink.wait_for(who)], [sender])

    def test_the_report_survives_kill_9(self):
        """The report waits (its own hand-over is put off, so that no kill can fall behind Postfix's 250)."""
        self.judge.at_rcpt.update({DAVE: NO, ALICE: LATER})
        mail = smime.mail(ALICE, BOB, SUBJECT, f"Body {MARK}\n")
        self.accepted(self.submit(mail, [BOB, DAVE]))
        until(lambda: ALICE in self.judge.asked, "the report to be tried")
        self.daemon.kill()
        self.judge.clear()
        self.daemon.start()
        self.delivered()
        self.assertEqual(self.reports(), [{DAVE: ("5.3.0", "handover-refused")}])


if __name__ == "__main__":
    unittest.main()
