"""The cases of ONC's Edge Testing Tool about message tracking that concern a gateway, by their numbers, and DirectTrust's seven
about delivery notification at an SMTP edge, by their names: every message asks for final-destination notification, and the
edge gets a single failure report or the dispatched notification.

  receiving (ONC MT 39, 40, 41)        the hospital is looked at; the clinic plays the testing tool
  sending   (ONC MT 21-29, 46, 47)     the clinic is looked at; hospital, nobody or a partner by hand answers
"""
import unittest

from harness import client, smime
from harness.base import until
from harness.pair import FINAL, OPTION, Notice, PairTest

GOOD = OPTION[1]
MOVED, FULL = "moved@direct.hospital.test", "full@direct.hospital.test"


class Receiving(PairTest):
    def test_mt_39_message_with_good_header_HappyPathDeliveryIG(self):
        for value in (GOOD, "X-DIRECT-FINAL-DESTINATION-DELIVERY=optional, true", "x-direct-final-destination-delivery=optional,true"):
            with self.subTest(value):
                self.setUp()
                message_id = self.says(self.ward, headers=[(OPTION[0], value)])
                self.assertEqual(self.told(2), [("dispatched", self.ward, ""), ("processed", self.ward, "")])
                for notice in self.notices:
                    fields = notice.groups[0]
                    self.assertEqual(fields["Original-Message-ID"], message_id)
                    self.assertEqual(FINAL in fields, notice.what[0][0] == "dispatched")
                    self.assertRegex(fields["Disposition"], r"^automatic-action/MDN-sent-automatically;")

    def test_mt_40_message_with_bad_header_ExceptionPathBadNotificationRequestHeader(self):
        for value in ("X-DIRECT-FINAL-DESTINATION-DELIVRY=optional,true", "X-DIRECT-FINAL-DESTINATION-DELIVERY=optional",
                      "X-DIRECT-FINAL-DESTINATION-DELIVERY", "true", "=;=,,"):
            with self.subTest(value):
                self.setUp()
                self.says(self.ward, headers=[(OPTION[0], value)])
                self.box(self.hospital, self.ward, 1)
                self.assertEqual(self.told(1), [("processed", self.ward, "")])

    def test_mt_41_unable_to_deliver_the_mailbox_does_not_exist(self):
        self.says(MOVED, headers=[OPTION])
        self.assertEqual(self.told(2), [("failed", MOVED, "delivery-failed"), ("processed", MOVED, "")])

    def test_mt_41_unable_to_deliver_the_mailbox_is_full_or_unavailable(self):
        for reply in (b"552 5.2.2 mailbox full", b"550 5.2.1 mailbox disabled"):
            with self.subTest(reply):
                self.setUp()
                self.hospital.store.refuse[FULL] = reply
                self.says(FULL)
                self.assertEqual(self.told(2), [("failed", FULL, "delivery-failed"), ("processed", FULL, "")])


class ByHand(PairTest):
    """Partners of the clinic: one nobody trusts, one without a certificate, and one that the test answers for."""
    stranger, nobody = "eve@direct.stranger.test", "nobody@direct.nowhere.test"
    by_hand = "pat@direct.byhand.test"

    @classmethod
    def prepare(cls):
        ca = cls.pki.root("stranger-ca")
        cls.clinic.daemon.add_certificate(cls.stranger, cls.pki.end("eve", ca, email=cls.stranger))
        cls.hand_ca = cls.pki.root("byhand-ca")
        cls.hand = cls.pki.end("pat", cls.hand_ca, email=cls.by_hand)
        cls.clinic.daemon.add_anchor(cls.clinic.domain, cls.hand_ca)
        cls.clinic.daemon.add_certificate(cls.by_hand, cls.hand)

    def answers(self, message_id, disposition, *, extra="", failure=""):
        """The partner's notification, made by hand, arrives at the clinic."""
        mdn = (f"From: {self.by_hand}\r\nTo: {self.nurse}\r\nSubject: MDN\r\nDate: Sun, 22 Nov 2026 07:00:00 +0000\r\n"
               f"Message-ID: <{disposition}.{message_id.strip('<>')}>\r\nMIME-Version: 1.0\r\n"
               "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n--b\r\n"
               "Content-Type: text/plain\r\n\r\nfrom by-hand\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
               f"Final-Recipient: rfc822;{self.by_hand}\r\nOriginal-Message-ID: {message_id}\r\n{extra}{failure}"
               f"Disposition: automatic-action/MDN-sent-automatically;{disposition}\r\n\r\n--b--\r\n").encode()
        sealed = smime.sealed(mdn, [self.hand], [self.clinic.own])
        outcome = client.send(self.clinic.postfix.mx, "", self.nurse, sealed)
        self.assertTrue(outcome.accepted, outcome.last)

    def dispatched(self, message_id):
        self.answers(message_id, "dispatched", extra=f"{FINAL}: \r\n")

    def reports(self, count=1):
        """The failure reports the nurse has got, once there are so many messages."""
        found = [Notice(raw) for raw in self.box(self.clinic, self.nurse, count) if b"report-type=delivery-status" in raw]
        for report in found:
            if "MAILER-DAEMON" not in report.message["From"]:
                self.well_made(report)
        return found


class Sending(ByHand):
    def test_mt_21_and_29_positive_notification_HappyPathGoodHeader(self):
        message_id = self.says(self.ward, headers=[OPTION])
        self.assertEqual(self.told(2), [("dispatched", self.ward, ""), ("processed", self.ward, "")])
        self.assertEqual(self.clinic.status(message_id)["state"], "complete")

    def test_mt_22_message_with_bad_header_waits_for_processed_only(self):
        message_id = self.says(self.by_hand, headers=[(OPTION[0], "X-DIRECT-FINAL-DESTINATION-DELIVRY=optional,true")])
        self.assertFalse(self.clinic.status(message_id)["final_delivery_asked"])
        self.answers(message_id, "processed")
        self.assertEqual(self.clinic.status(message_id)["state"], "complete")

    def test_mt_23_message_to_bad_address_ExceptionPathBadAddress(self):
        message_id = self.says("nosuch@direct.hospital.test", headers=[OPTION])
        [report] = self.reports()
        self.assertIn(b"Action: failed", report.raw)
        self.assertIn(b"Status: 5.1.1", report.raw)
        # The edge is told once: our own Postfix has done so, and we know of it.
        until(lambda: self.clinic.status(message_id)["state"] == "failed", "the bounce known to the daemon")
        self.assertEqual(self.clinic.status(message_id)["failure"], "bounced:5.1.1")
        # The other way a partner tells it: processed, then failed.
        self.setUp()
        message_id = self.says(self.by_hand, headers=[OPTION])
        self.answers(message_id, "processed")
        self.answers(message_id, "failed", failure="Failure: no-such-user\r\n")
        self.box(self.clinic, self.nurse, 2)
        self.assertEqual((self.clinic.status(message_id)["state"], self.clinic.status(message_id)["failure"]), ("failed", "no-such-user"))

    def test_mt_24_receiving_hisp_not_trusted_ExceptionPathUntrusted(self):
        self.says([self.by_hand, self.stranger], headers=[OPTION])
        [report] = self.reports()
        self.assertEqual(report.what, [("report", self.stranger, "no-path")])
        self.assertEqual(report.groups[1]["Status"], "5.7.11")
        outcome, _ = self.send(self.clinic, self.nurse, self.stranger)
        self.assertEqual(outcome.status, "5.7.11")
        self.assertEqual(self.outside.for_address(self.stranger), [])

    def test_mt_25_recipients_certificate_not_published_ExceptionPathNoPublishedCertificate(self):
        self.says([self.by_hand, self.nobody], headers=[OPTION])
        [report] = self.reports()
        self.assertEqual(report.what, [("report", self.nobody, "no-certificate")])
        self.assertEqual(report.groups[1]["Status"], "5.7.31")
        outcome, _ = self.send(self.clinic, self.nurse, self.nobody)
        self.assertEqual(outcome.status, "5.7.31")
        self.assertEqual(self.outside.for_address(self.nobody), [])

    def test_mt_46_the_request_travels_inside(self):
        self.says(self.by_hand, headers=[OPTION])
        [mail] = self.outside.wait_for(self.by_hand)
        self.assertNotIn(b"Disposition-Notification-Options", mail.data)
        inner, _ = smime.open_sealed(mail.data, self.hand, [self.clinic.ca])
        self.assertEqual(smime.field(inner, OPTION[0]), GOOD)

    def test_mt_47_failure_for_one_of_two_recipients(self):
        message_id = self.says([self.ward, self.nobody], headers=[OPTION])
        self.assertEqual(self.told(3), [("dispatched", self.ward, ""), ("processed", self.ward, ""),
                                        ("report", self.nobody, "no-certificate")])
        self.assertEqual(self.clinic.status(message_id, self.ward)["state"], "complete")


class SendingWithinSeconds(ByHand):
    """Timers of seconds."""

    def test_mt_23_ExceptionPathBadAddress_gets_one_report_and_no_other_when_the_time_is_up(self):
        message_id = self.says("nosuch@direct.hospital.test", headers=[OPTION])
        silent = self.says(self.by_hand, headers=[OPTION])   # its time is up later than the other's
        reports = self.reports(2)
        self.assertEqual(sorted("MAILER-DAEMON" in r.message["From"] for r in reports), [False, True])
        self.assertEqual([self.clinic.status(m)["state"] for m in (message_id, silent)], ["failed", "overdue"])

    clinic_options = {"sections": {"notify": {"processed_within": "6s", "dispatched_within": "8s"}}}

    def test_mt_26_no_processed_mdn_ExceptionPathNoProcessedMDN(self):
        for headers in ([], [OPTION]):
            self.setUp()
            message_id = self.says(self.by_hand, headers=headers)
            [report] = self.reports()
            self.assertEqual(report.what, [("report", self.by_hand, "processed-overdue")])
            self.assertEqual(report.groups[1]["Status"], "5.4.71")
            self.assertEqual(report.message["In-Reply-To"], message_id)

    def test_mt_27_no_dispatched_mdn_ExceptionPathNoDispatchedMDN(self):
        message_id = self.says(self.by_hand, headers=[OPTION])
        self.answers(message_id, "processed")
        [report] = self.reports(2)
        self.assertEqual(report.what, [("report", self.by_hand, "dispatched-overdue")])
        self.assertEqual(report.groups[1]["Status"], "5.4.72")

    def test_mt_27_dispatched_without_the_extension_is_none(self):
        message_id = self.says(self.by_hand, headers=[OPTION])
        self.answers(message_id, "processed")
        self.answers(message_id, "dispatched")
        self.assertEqual(self.clinic.status(message_id)["state"], "waiting")
        self.assertEqual([r.what[0][2] for r in self.reports(3)], ["dispatched-overdue"])

    def test_mt_28_delayed_dispatched_mdn_ExceptionPathDelayedDispatchedMDN(self):
        message_id = self.says(self.by_hand, headers=[OPTION])
        self.answers(message_id, "processed")
        self.reports(2)
        self.dispatched(message_id)
        self.settled()
        self.assertEqual(len(self.clinic.postfix.maildir(self.nurse)), 2, "the late success is not shown")
        self.assertEqual(self.clinic.status(message_id)["state"], "overdue")
        self.assertIn("notice dispatched of pat@direct.byhand.test late, after the failure report",
                      self.clinic.daemon.ctl("audit").out)


if __name__ == "__main__":
    unittest.main()
