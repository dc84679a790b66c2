"""The sender's side: who has answered, who still has to, and what the submitter hears."""
import re
import shutil
import unittest

from harness import milter, smime
from harness.site import HERE, THERE, SiteTest

OPTION = ("Disposition-Notification-Options", "X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true")
FINAL = "X-DIRECT-FINAL-DESTINATION-DELIVERY: \r\n"


class Watch(SiteTest):
    sections = {"notify": {"processed_within": "60m", "dispatched_within": "60m"}}

    def setUp(self):
        self.fresh()

    def sent(self, to=f"bob@{THERE}", headers=(), cc=()):
        """Alice's message on its way; returns its Message-ID."""
        mail = smime.mail(f"alice@{HERE}", [to, *cc], "S", "T", headers=headers)
        self.accepted(self.submit(mail, [to, *cc]))
        self.sink.wait_for(to)
        return smime.field(mail, "Message-ID")

    def mdn(self, message_id, disposition, *, extra="", by=f"bob@{THERE}", about=None, signer=None, words="words", keys=None):
        return smime.sealed(
            (f"From: {by}\r\nTo: alice@{HERE}\r\nSubject: MDN {disposition}\r\nDate: Sun, 22 Nov 2026 07:00:00 +0000\r\n"
             f"Message-ID: <{disposition}.{id(object())}.{message_id.strip('<>')}>\r\nMIME-Version: 1.0\r\nAuto-Submitted: auto-replied\r\n"
             "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
             f"--b\r\nContent-Type: text/plain\r\n\r\n{words}\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
             f"Final-Recipient: rfc822;{about or by}\r\nOriginal-Message-ID: {message_id}\r\n{extra}"
             f"Disposition: automatic-action/MDN-sent-automatically;{disposition}\r\n\r\n--b--\r\n").encode(),
            [signer or self.bob], keys or [self.alice])

    def arrives(self, message, sender=""):
        self.accepted(self.inbound(message, sender=sender))

    def row(self, message_id, recipient=f"bob@{THERE}"):
        rows = self.daemon.ctl("status", message_id, "--json").json["watch"]
        return [r for r in rows if r["recipient"] == recipient][0]

    def shown(self):
        """Subjects in alice's mailbox once everything has arrived there."""
        self.settled()
        return sorted(smime.field(m, "Subject") for m in self.postfix.maildir(f"alice@{HERE}"))

    def test_processed_completes_ordinary_mail(self):
        message_id = self.sent()
        self.assertEqual(self.row(message_id)["state"], "waiting")
        self.assertIn(message_id, self.daemon.ctl("watch", "list", "--json").out)
        self.arrives(self.mdn(message_id, "processed"))
        row = self.row(message_id)
        self.assertEqual(row["state"], "complete")
        self.assertIsNotNone(row["processed"])
        self.assertEqual(self.shown(), ["MDN processed"])
        self.assertNotIn(message_id, self.daemon.ctl("watch", "list", "--json").out)

    def test_eighteen_recipients_in_one_message(self):
        """Who can be served is, the others are named in one report (B14)."""
        good = [f"bob@{THERE}", *(f"user{i}@{THERE}" for i in range(12))]
        bad = [f"who{i}@direct.nowhere{i}.test" for i in range(5)]
        to = [r for pair in zip(good, bad) for r in pair] + good[len(bad):]
        mail = smime.mail(f"alice@{HERE}", to, "S", "T")
        self.accepted(self.submit(mail, to))
        for who in good:
            self.assertEqual(len(self.sink.wait_for(who)), 1)
        [report] = self.delivered()
        fields = smime.parsed(report).get_payload()[1].get_payload()[1:]
        told = [f["Final-Recipient"].split(";")[1].strip() for f in fields if f.get("Action") == "failed"]
        self.assertEqual(sorted(told), bad)
        self.settled()
        self.assertEqual(len(self.postfix.maildir(f"alice@{HERE}")), 1)
        rows = self.daemon.ctl("status", smime.field(mail, "Message-ID"), "--json").json["watch"]
        self.assertEqual(sorted(r["recipient"] for r in rows if r["leg"] == "sealed"), sorted(good))
        self.assertEqual(sorted(r["recipient"] for r in rows if r["leg"] == "refused"), bad)
        for who in bad:
            self.assertEqual(self.sink.for_address(who), [])

    def test_with_the_request_dispatched_is_needed_too(self):
        message_id = self.sent(headers=[OPTION])
        self.arrives(self.mdn(message_id, "processed"))
        self.assertEqual(self.row(message_id)["state"], "waiting")
        self.arrives(self.mdn(message_id, "dispatched", extra=FINAL))
        self.assertEqual(self.row(message_id)["state"], "complete")
        self.assertEqual(self.shown(), ["MDN dispatched", "MDN processed"])

    def test_a_failure_and_displayed_are_recorded(self):
        message_id = self.sent()
        self.arrives(self.mdn(message_id, "processed"))
        self.arrives(self.mdn(message_id, "displayed"))
        self.arrives(self.mdn(message_id, "failed"))
        row = self.row(message_id)
        self.assertEqual(row["state"], "complete")
        self.assertIsNotNone(row["displayed"])
        self.assertIsNotNone(row["failed"])

    def test_a_repeated_notice_is_shown_once(self):
        message_id = self.sent()
        self.arrives(self.mdn(message_id, "processed"))
        self.arrives(self.mdn(message_id, "processed"))   # another message with the same news
        self.assertEqual(self.shown(), ["MDN processed"])
        self.assertIn("noted before", self.daemon.ctl("audit").out)

    def test_a_notice_to_the_return_path_counts(self):
        """It was held against the address in its brackets, and never fitted."""
        carol = f"carol@{HERE}"
        mail = smime.mail(f"alice@{HERE}", f"bob@{THERE}", "S", "T")
        self.accepted(self.submit(mail, f"bob@{THERE}", sender=carol))
        self.sink.wait_for(f"bob@{THERE}")
        message_id = smime.field(mail, "Message-ID")
        self.accepted(self.inbound(self.mdn(message_id, "processed", keys=[self.here]), carol, sender=""))
        self.assertEqual(self.row(message_id)["state"], "complete")

    def test_a_repeat_without_message_id_is_the_same_message(self):
        """A client that lost our reply and sent again: each copy had an id of its own, so that nobody ever answered for the first
        and it was told overdue. (Straight over the milter protocol: Postfix gives clients on its own machine a Message-ID.)"""
        def made_id(mail, to):
            answer = milter.deliver(self.daemon.socket, f"alice@{HERE}", to, mail, login=f"alice@{HERE}", daemon_name="ORIGINATING")
            self.assertEqual(answer.verdict, "accept", answer.text)
            return answer.field("Message-ID")
        bob, dave = f"bob@{THERE}", f"dave@{THERE}"
        mail = smime.mail(f"alice@{HERE}", [bob, dave], "S", "T")
        mail = re.sub(rb"(?mi)^Message-ID: [^\n]*\n", b"", mail)
        message_id = made_id(mail, [bob, dave])
        self.assertRegex(message_id, rf"^<[0-9a-f]{{32}}@{HERE}>$")
        self.assertEqual(made_id(mail, [dave, bob]), message_id)
        for who, signer in ((bob, self.bob), (dave, self.there)):
            self.assertEqual(self.row(message_id, who)["state"], "waiting")
            self.arrives(self.mdn(message_id, "processed", by=who, signer=signer))
            self.assertEqual(self.row(message_id, who)["state"], "complete")
        self.assertEqual(made_id(mail, [bob, dave]), message_id)
        self.assertEqual(self.row(message_id)["state"], "complete", "answered is answered")
        # Other recipients, another text: another message. Without a Date nothing tells two apart, and each is its own.
        others = [made_id(mail, [bob]), made_id(mail + b"more\r\n", [bob, dave])]
        undated = re.sub(rb"(?mi)^Date: [^\n]*\n", b"", mail)
        others += [made_id(undated, [bob, dave]) for _ in range(2)]
        self.assertEqual(len({message_id, *others}), 5)

    def test_nobody_speaks_for_somebody_else(self):
        message_id = self.sent(cc=[f"dave@{THERE}"])
        self.arrives(self.mdn(message_id, "processed", about=f"dave@{THERE}"))   # bob's own certificate
        self.assertEqual(self.row(message_id, f"dave@{THERE}")["state"], "waiting")
        self.arrives(self.mdn(message_id, "processed", by=f"dave@{THERE}", signer=self.there))
        self.assertEqual(self.row(message_id, f"dave@{THERE}")["state"], "complete")

    def test_a_forged_bounce_changes_nothing(self):
        message_id = self.sent()
        bounce = ("From: MAILER-DAEMON@there.test\r\nTo: alice@direct.here.test\r\nMIME-Version: 1.0\r\nMessage-ID: <x@there.test>\r\n"
                  "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nno\r\n--b\r\n"
                  f"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\nX-Original-Message-ID: {message_id}\r\n\r\n"
                  f"Final-Recipient: rfc822; bob@{THERE}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n").encode()
        self.refused(self.inbound(bounce, sender=""), "not-encrypted")
        self.assertEqual(self.row(message_id)["state"], "waiting")
        # A hint for whoever looks for the message.
        self.assertIn(f"unsigned notice, not believed: failed of bob@{THERE} about {message_id}", self.daemon.ctl("audit").out)

    def test_an_unsigned_success_is_a_hint_and_nothing_else(self):
        message_id = self.sent(headers=[OPTION])
        for disposition in ("processed", "dispatched"):
            mdn = (f"From: bob@{THERE}\r\nTo: alice@{HERE}\r\nSubject: MDN\r\nMessage-ID: <{disposition}@{THERE}>\r\nMIME-Version: 1.0\r\n"
                   "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n--b\r\n\r\nyes\r\n--b\r\n"
                   f"Content-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822;bob@{THERE}\r\n"
                   f"Original-Message-ID: {message_id}\r\n{FINAL}"
                   f"Disposition: automatic-action/MDN-sent-automatically;{disposition}\r\n\r\n--b--\r\n").encode()
            self.refused(self.inbound(mdn, sender=""), "not-encrypted")
            self.assertIn(f"unsigned notice, not believed: {disposition} of bob@{THERE} about {message_id}", self.daemon.ctl("audit").out)
        row = self.row(message_id)
        self.assertEqual((row["state"], row["processed"], row["dispatched"]), ("waiting", None, None))
        self.assertEqual(self.shown(), [])

    def test_status_tells_each_recipient_with_times(self):
        message_id = self.sent(cc=[f"dave@{THERE}"], headers=[OPTION])
        self.arrives(self.mdn(message_id, "processed"))
        self.arrives(self.mdn(message_id, "dispatched", extra=FINAL))
        self.arrives(self.mdn(message_id, "displayed"))
        self.arrives(self.mdn(message_id, "failed", by=f"dave@{THERE}", signer=self.there, extra="Failure: mailbox-full\r\n"))
        shown = self.daemon.ctl("status", message_id.strip("<>"))   # brackets are not asked for
        self.assertEqual(shown.code, 0, shown.err)
        head, *lines = shown.out.splitlines()
        self.assertEqual(head.split(), ["RECIPIENT", "LEG", "STATE", "SENT", "PROCESSED", "DISPATCHED", "DISPLAYED", "FAILED", "WHY"])
        bob, dave = ([line for line in lines if who in line][0] for who in ("bob@", "dave@"))
        times = r"\d{4}-\d\d-\d\d \d\d:\d\d"
        self.assertEqual(len(re.findall(times, bob)), 4, bob)    # sent, processed, dispatched, displayed
        self.assertIn("complete", bob)
        self.assertEqual(len(re.findall(times, dave)), 2, dave)  # sent, failed
        self.assertRegex(dave, "failed.*mailbox-full")
        row = self.row(message_id)
        self.assertLessEqual(row["sent"], row["processed"])
        self.assertLessEqual(row["processed"], row["displayed"])

    def test_the_submitters_own_notices_are_sealed_and_not_watched(self):
        mdn = (f"From: alice@{HERE}\r\nTo: bob@{THERE}\r\nSubject: read\r\nDate: Sun, 22 Nov 2026 07:00:00 +0000\r\n"
               f"Message-ID: <read1@{HERE}>\r\nMIME-Version: 1.0\r\n"
               "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
               "--b\r\n\r\nread\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
               f"Final-Recipient: rfc822;alice@{HERE}\r\nOriginal-Message-ID: <1@{THERE}>\r\n"
               "Disposition: manual-action/MDN-sent-manually;displayed\r\n\r\n--b--\r\n").encode()
        self.accepted(self.submit(mdn, f"bob@{THERE}"))
        [got] = self.sink.wait_for(f"bob@{THERE}")
        inner, _ = smime.open_sealed(got.data, self.bob, [self.here_ca])
        self.assertIn(b"MDN-sent-manually;displayed", inner)
        self.assertNotEqual(self.daemon.ctl("status", f"<read1@{HERE}>").code, 0)


class OneWay(SiteTest):
    """We write to them and do not trust their mail: notices about what we sent arrive, and nothing else (D10)."""
    setUp, sent, mdn, arrives, row, shown = (Watch.setUp, Watch.sent, Watch.mdn, Watch.arrives, Watch.row, Watch.shown)
    sections = Watch.sections

    @classmethod
    def install_certificates(cls):
        super().install_certificates()
        shutil.rmtree(cls.daemon.root + "/anchors")
        cls.daemon.add_anchor(HERE, cls.here_ca)
        cls.daemon.add_anchor(HERE, cls.there_ca, "out")

    def test_a_notice_about_our_message_arrives_and_ordinary_mail_does_not(self):
        self.refused(self.inbound(self.from_bob()[1]), "untrusted")
        message_id = self.sent()
        self.arrives(self.mdn(message_id, "processed"))
        self.assertEqual(self.row(message_id)["state"], "complete")
        self.assertEqual(self.shown(), ["MDN processed"])

    def test_a_notice_about_nothing_we_sent_is_refused(self):
        self.refused(self.inbound(self.mdn(f"<never.sent@{HERE}>", "processed")), "untrusted")
        # Somebody else's message is not his either.
        message_id = self.sent()
        self.refused(self.inbound(self.mdn(message_id, "processed"), f"carol@{HERE}"))
        self.assertEqual(self.row(message_id)["state"], "waiting")
        self.nothing_delivered(f"carol@{HERE}")

    def test_a_letter_dressed_as_a_notice_is_refused(self):
        message_id = self.sent()
        letter = "\r\n".join(["Dear colleague, pay here."] * 4000)
        self.refused(self.inbound(self.mdn(message_id, "processed", words=letter)), "untrusted")
        self.assertEqual(self.row(message_id)["state"], "waiting")
        self.nothing_delivered()


class Overdue(SiteTest):
    """Timers of a second: nobody answers in time."""
    sections = {"notify": {"processed_within": "2s", "dispatched_within": "2s"}}
    setUp, sent, mdn, arrives, row, shown = (Watch.setUp, Watch.sent, Watch.mdn, Watch.arrives, Watch.row, Watch.shown)

    def reports(self, count):
        return [m for m in self.delivered(count=count) if b"multipart/report; report-type=delivery-status" in m]

    def test_the_submitter_is_told_once_and_late_news_is_no_success(self):
        message_id = self.sent(cc=[f"dave@{THERE}"])
        [report] = self.reports(1)
        text = report.decode()
        self.assertRegex(text, rf"Final-Recipient: rfc822; ?bob@{THERE}\r?\nAction: failed\r?\nStatus: 5.4.71")
        self.assertRegex(text, rf"Final-Recipient: rfc822; ?dave@{THERE}\r?\nAction: failed\r?\nStatus: 5.4.71")
        self.assertIn(f"X-Original-Message-ID: {message_id}", text)
        self.arrives(self.mdn(message_id, "processed"))
        self.assertEqual(self.shown(), ["Direct message not delivered"])
        self.assertEqual(self.row(message_id)["state"], "overdue")
        self.assertIn("late, after the failure report", self.daemon.ctl("audit").out)

    def test_what_is_sent_again_after_the_report_is_waited_for_again(self):
        mail = smime.mail(f"alice@{HERE}", f"bob@{THERE}", "S", "T")
        message_id = smime.field(mail, "Message-ID")
        self.accepted(self.submit(mail, f"bob@{THERE}"))
        self.reports(1)
        self.assertEqual(self.row(message_id)["state"], "overdue")
        self.accepted(self.submit(mail, f"bob@{THERE}"))
        self.sink.wait_for(f"bob@{THERE}", 2)
        self.assertEqual(self.row(message_id)["state"], "waiting")
        self.arrives(self.mdn(message_id, "processed"))
        self.assertEqual(self.row(message_id)["state"], "complete")

    def test_a_bcc_sent_again_after_the_report_leaves_again(self):
        """Further envelopes (Bcc) were taken for repeats for ten days: answered 250, watched, and never sent."""
        bcc = f"dave@{THERE}"
        mail = smime.mail(f"alice@{HERE}", f"bob@{THERE}", "S", "T")
        self.accepted(self.submit(mail, [f"bob@{THERE}", bcc]))
        self.sink.wait_for(bcc)
        self.accepted(self.submit(mail, [f"bob@{THERE}", bcc]))   # the client's repeat: nothing new for dave
        self.reports(1)
        self.assertEqual(len(self.sink.for_address(bcc)), 1)
        self.accepted(self.submit(mail, [f"bob@{THERE}", bcc]))
        self.sink.wait_for(bcc, 2)
        self.reports(2)   # of this one too, not in the next test's mailbox

    def test_the_timer_survives_kill_9(self):
        message_id = self.sent()
        self.daemon.kill()
        self.daemon.start()
        self.reports(1)
        self.assertEqual(self.row(message_id)["state"], "overdue")
        self.assertEqual(self.shown(), ["Direct message not delivered"])


if __name__ == "__main__":
    unittest.main()
