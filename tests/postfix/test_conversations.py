"""Two sites, each with its own Postfix and daemon, write to each other: whatever happens, the sender knows."""
import os
import unittest

from harness import client, dns, smime
from harness.base import until, write
from harness.pair import FINAL, OPTION, Notice, PairTest
from harness.site import PASSWORD

MOVED, FULL = "moved@direct.hospital.test", "full@direct.hospital.test"
NEWUSER, SLOW = "newuser@direct.hospital.test", "slow@direct.hospital.test"


class Talk(PairTest):
    """Everybody trusts everybody; nothing is overdue."""

    @classmethod
    def prepare(cls):
        cls.stranger = "eve@direct.stranger.test"
        ca = cls.pki.root("stranger-ca")
        cls.clinic.daemon.add_certificate(cls.stranger, cls.pki.end("eve", ca, email=cls.stranger))

    def tearDown(self):
        self.nothing_leaks()

    def test_without_the_option_processed_and_no_more(self):
        message_id = self.says(self.ward)
        [got] = self.box(self.hospital, self.ward, 1)
        self.assertEqual(smime.field(got, "Subject"), "SUBJECTMARK")
        self.assertIn(b"BODYMARK", got)
        self.assertEqual(self.told(1), [("processed", self.ward, "")])
        fields = self.notices[0].groups[0]
        self.assertEqual(fields["Original-Message-ID"], message_id)
        self.assertNotIn(FINAL, fields)
        row = self.clinic.status(message_id)
        self.assertEqual((row["state"], row["final_delivery_asked"]), ("complete", False))
        self.assertIsNotNone(row["processed"])
        self.assertIsNone(row["dispatched"])

    def test_with_the_option_dispatched_too(self):
        message_id = self.says(self.ward, headers=[OPTION])
        self.assertEqual(self.told(2), [("dispatched", self.ward, ""), ("processed", self.ward, "")])
        final = [FINAL in n.groups[0] for n in self.notices if n.what[0][0] == "dispatched"]
        self.assertEqual(final, [True])
        row = self.clinic.status(message_id)
        self.assertEqual((row["state"], row["final_delivery_asked"]), ("complete", True))
        self.assertLessEqual(row["sent"], row["processed"])
        self.assertIsNotNone(row["dispatched"])
        self.assertIsNone(row["failed"])

    def test_an_answer_and_an_answer_to_it(self):
        first = self.says(self.ward, headers=[OPTION])
        self.told(2)
        second = self.says(self.nurse, side=self.hospital, subject="Re: SUBJECTMARK", headers=[OPTION, ("In-Reply-To", first)])
        self.assertEqual(self.told(2, self.ward, self.hospital),
                         [("dispatched", self.nurse, ""), ("processed", self.nurse, "")])
        third = self.says(self.lab, sender=self.doctor, headers=[("In-Reply-To", second)])
        self.assertEqual(self.told(1, self.doctor), [("processed", self.lab, "")])
        for side, message_id in ((self.clinic, first), (self.hospital, second), (self.clinic, third)):
            self.assertEqual(side.status(message_id)["state"], "complete")

    def test_several_recipients_each_with_his_own_fate(self):
        to = [self.ward, self.lab, MOVED, self.doctor]
        message_id = self.says(to, headers=[OPTION])
        self.assertEqual(self.told(8), [
            ("dispatched", self.doctor, ""), ("dispatched", self.lab, ""), ("dispatched", self.ward, ""),
            ("failed", MOVED, "delivery-failed"),
            ("processed", self.doctor, ""), ("processed", self.lab, ""), ("processed", MOVED, ""), ("processed", self.ward, "")])
        states = {r: self.clinic.status(message_id, r)["state"] for r in (self.ward, self.lab, MOVED)}
        self.assertEqual(states, {self.ward: "complete", self.lab: "complete", MOVED: "failed"})

    def test_a_notice_is_never_answered_with_a_notice(self):
        self.hospital.store.refuse[FULL] = b"552 5.2.2 mailbox full"
        self.says([self.ward, MOVED, FULL], headers=[OPTION])
        self.told(6)
        self.assertEqual(len(self.notices), 6)
        # Nobody waits for an answer to a notice, and nobody has answered one.
        for side in self.sides:
            for row in side.daemon.ctl_json("watch", "list", "--all")["watch"]:
                self.assertIn(row["sender"], side.people)
        self.assertEqual([e for e in self.clinic.audit() if e["event"].startswith("notice-")], [])
        self.assertEqual(self.outside.mails, [])
        self.assertEqual(len(self.hospital.postfix.maildir(self.ward)), 1)

    def test_no_certificate_is_told_and_the_other_is_served(self):
        nobody = "nobody@direct.nowhere.test"
        self.says([self.ward, nobody])
        self.assertEqual(self.told(2), [("processed", self.ward, ""), ("report", nobody, "no-certificate")])
        report = [n for n in self.notices if n.kind == "delivery-status"][0]
        self.assertEqual(report.groups[1]["Status"], "5.7.31")
        self.assertIn("What you can do: ", report.text)
        outcome, _ = self.send(self.clinic, self.nurse, nobody)
        self.assertTrue(outcome.last.startswith(b"554 5.7.31 direct: no-certificate"), outcome.last)

    def test_an_untrusted_partner_is_told(self):
        self.says([self.ward, self.stranger])
        self.assertEqual(self.told(2)[-1], ("report", self.stranger, "no-path"))
        self.assertEqual(self.outside.mails, [])

    def test_an_unknown_user_is_refused_at_the_partners_door(self):
        message_id = self.says("nosuch@direct.hospital.test")
        [bounce] = self.box(self.clinic, self.nurse, 1)
        self.assertIn(b"MAILER-DAEMON", bounce)
        self.assertIn(b"5.1.1", bounce)
        self.assertNotIn(b"BODYMARK", bounce)
        self.assertNotIn(b"SUBJECTMARK", bounce)
        row = until(lambda: self.row_when(message_id, "failed"), "our Postfix's own bounce noted", detail=lambda: self.clinic.audit()[-3:])
        self.assertEqual((row["failure"], row["processed"]), ("bounced:5.1.1", None))
        self.assertIn("told by our MTA", [e["detail"] for e in self.clinic.audit() if e["event"] == "delivery-report"][-1])

    def row_when(self, message_id, state, recipient=None):
        row = self.clinic.status(message_id, recipient)
        return row if row["state"] == state else None

    def test_a_bcc_of_an_unknown_user_is_known_by_its_envelope(self):
        gone = "nosuch@direct.hospital.test"
        mail = smime.mail(self.nurse, self.ward, "SUBJECTMARK", "BODYMARK\n")
        outcome = client.send(self.clinic.postfix.submission, self.nurse, [self.ward, gone], mail, login=self.nurse, password=PASSWORD)
        self.assertTrue(outcome.accepted, outcome.last)
        message_id = smime.field(mail, "Message-ID")
        row = until(lambda: self.row_when(message_id, "failed", gone), "the bounce noted", detail=lambda: self.clinic.audit()[-3:])
        self.assertEqual(row["failure"], "bounced:5.1.1")
        self.assertIn(("processed", self.ward, ""), self.told(2))

    def test_a_forged_bounce_at_the_report_listener_hides_nothing(self):
        """The report domain takes bounces of notices from everywhere; the copies of our own Postfix have never crossed a listener."""
        self.clinic.postfix.stop()
        self.clinic.postfix.transport[self.hospital.domain] = "discard:"
        self.clinic.postfix.start()
        try:
            message_id = self.says(self.ward)
            self.settled()
            [queue_id] = [r["queue_id"] for r in self.clinic.daemon.ctl_json("status", message_id)["watch"]]
            forged = (f"Received: by mx.clinic.test (Postfix)\r\n\tid 1; Sun, 22 Nov 2026 10:00:00 +0000\r\n"
                      "From: MAILER-DAEMON@mx.clinic.test\r\nTo: postmaster\r\nMIME-Version: 1.0\r\nMessage-ID: <f@x.test>\r\n"
                      "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nno\r\n--b\r\n"
                      f"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.clinic.test\r\nX-Postfix-Queue-ID: {queue_id}\r\n"
                      f"X-Postfix-Sender: rfc822; {self.nurse}\r\n\r\nFinal-Recipient: rfc822; {self.ward}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
                      f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {message_id}\r\n\r\n--b--\r\n").encode()
            outcome = client.send(self.clinic.postfix.mx, "", f"direct-dsn+bounced@{self.clinic.report_domain}", forged)
            self.assertTrue(outcome.accepted, outcome.last)
            self.settled()
            self.assertEqual(self.clinic.status(message_id)["state"], "waiting")
        finally:
            self.clinic.postfix.stop()
            self.clinic.postfix.transport[self.hospital.domain] = f"smtp:[127.0.0.1]:{self.hospital.postfix.mx}"
            self.clinic.postfix.start()

    def test_status_tells_of_every_recipient(self):
        """Sealed, local, held, refused: each with what became of it."""
        nobody, at_home = "nobody@direct.nowhere.test", "newuser@direct.clinic.test"
        line = "jane@person.test;Name of the first pet;Zanzibar77;SUBJECTMARK"
        message_id = self.says([self.ward, self.doctor, nobody, at_home, MOVED], subject=line)
        self.told(6)
        rows = {r["recipient"]: r for r in self.clinic.daemon.ctl_json("status", message_id)["watch"]}
        self.assertEqual({r: (row["leg"], row["state"]) for r, row in rows.items()}, {
            self.ward: ("sealed", "complete"), MOVED: ("sealed", "failed"), self.doctor: ("local", "delivered"),
            nobody: ("refused", "refused"), at_home: ("held", "held")})
        self.assertEqual(rows[nobody]["failure"], "no-certificate")
        for recipient, times in ((self.doctor, ("sent", "processed", "dispatched")), (nobody, ("sent", "failed")), (at_home, ("sent", "processed")),
                                 (MOVED, ("sent", "processed", "failed"))):
            for name in times:
                self.assertRegex(rows[recipient][name], r"^2\d{3}-", f"{recipient} {name}")
        # The same at the other end, where it came in.
        rows = {r["recipient"]: r for r in self.hospital.daemon.ctl_json("status", message_id)["watch"]}
        self.assertEqual({r: (row["leg"], row["state"], row["failure"]) for r, row in rows.items()}, {
            self.ward: ("local", "delivered", ""), MOVED: ("local", "failed", "delivery-failed")})
        # A message that was refused as a whole, and the table for people.
        outcome, refused = self.send(self.clinic, self.nurse, nobody)
        self.assertFalse(outcome.accepted)
        self.assertEqual(self.clinic.status(refused)["failure"], "no-certificate")
        shown = self.clinic.daemon.ctl("status", message_id)
        self.assertEqual(shown.out.split("\n")[0].split(), ["RECIPIENT", "LEG", "STATE", "SENT", "PROCESSED", "DISPATCHED", "DISPLAYED", "FAILED", "WHY"])
        for secret in ("SUBJECTMARK", "Zanzibar77", "BODYMARK"):
            self.assertNotIn(secret, shown.out + self.clinic.daemon.ctl("status", message_id, "--json").out)

    def test_a_user_who_has_gone_after_processed(self):
        message_id = self.says(MOVED)
        self.assertEqual(self.told(2), [("failed", MOVED, "delivery-failed"), ("processed", MOVED, "")])
        row = self.clinic.status(message_id)
        self.assertIsNotNone(row["failed"])
        self.assertIsNotNone(row["processed"])

    def test_a_full_mailbox_after_processed(self):
        for headers in ([], [OPTION]):
            self.setUp()
            self.hospital.store.refuse[FULL] = b"552 5.2.2 mailbox full"
            message_id = self.says(FULL, headers=headers)
            self.assertEqual(self.told(2), [("failed", FULL, "delivery-failed"), ("processed", FULL, "")])
            self.assertEqual(self.clinic.status(message_id)["state"], "failed")
            self.assertIsNotNone(self.clinic.status(message_id)["failed"])

    def test_a_held_record_and_its_revocation(self):
        line = "jane@person.test;Name of the first pet;Zanzibar77;SUBJECTMARK"
        message_id = self.says(NEWUSER, subject=line, headers=[OPTION])
        self.assertEqual(self.told(2), [("dispatched", NEWUSER, ""), ("processed", NEWUSER, "")])
        [held] = [h for h in self.hospital.daemon.ctl_json("held", "list")["held"] if h["message_id"] == message_id]
        done = self.hospital.daemon.ctl("held", "revoke", held["id"])
        self.assertEqual(done.code, 0, done.err)
        self.assertIn(("failed", NEWUSER, "record-revoked"), self.told(3))
        self.assertIsNotNone(self.clinic.status(message_id)["failed"])
        self.assertEqual(self.hospital.daemon.ctl("held", "revoke", held["id"]).code, 1, "it waits no more")
        self.assertEqual(self.hospital.daemon.ctl("held", "revoke", "0" * 32).code, 1)
        self.assertEqual([e["token"] for e in self.hospital.audit() if e["event"] == "held-end"], ["record-revoked"])

    def test_a_pick_up_notice_that_bounces(self):
        self.outside.refuse["gone@person.test"] = b"550 5.1.1 no such user"
        message_id = self.says(NEWUSER, subject="gone@person.test;Name of the first pet;Zanzibar77;SUBJECTMARK")
        self.assertEqual(self.told(2), [("failed", NEWUSER, "notice-undeliverable"), ("processed", NEWUSER, "")])
        [held] = [h for h in self.hospital.daemon.ctl_json("held", "list")["held"] if h["message_id"] == message_id]
        self.assertEqual(held["state"], "notify-failed")
        # Ended later, it is not told a second time.
        self.assertEqual(self.hospital.daemon.ctl("held", "revoke", held["id"]).code, 0)
        self.settled()
        self.assertEqual(len(self.clinic.postfix.maildir(self.nurse)), 2)


class TalkByDns(Talk):
    """The same conversations; each side has a name server of its own, and finds the other's certificates nowhere else."""
    by_dns = True

    def test_what_was_asked_of_the_partners_name_server(self):
        self.clinic.daemon.restart()   # forgets its answers
        self.hospital.dns.tap.clear()
        self.says(self.ward)
        self.told(1)
        self.assertEqual(self.hospital.dns.tap.asked()[0], self.ward.replace("@", "."))
        self.says(self.lab)
        self.told(2)
        self.assertIn(self.hospital.domain, self.hospital.dns.tap.asked())
        self.assertIn(self.nurse.replace("@", "."), self.clinic.dns.tap.asked(), "the notice was sealed for a certificate from there")

    def test_a_name_server_that_fails_is_waited_for(self):
        asked_first = self.ward.replace("@", ".")
        self.clinic.daemon.restart()
        self.hospital.dns.tap.faults[asked_first] = dns.SERVFAIL
        try:
            outcome, _ = self.send(self.clinic, self.nurse, self.ward)
            self.assertTrue(outcome.last.startswith(b"451 4.7.0"), outcome.last)
        finally:
            self.hospital.dns.tap.faults.clear()
        self.clinic.daemon.restart()
        self.says(self.ward)
        self.assertEqual(self.told(1), [("processed", self.ward, "")])


class Expired(PairTest):
    """Nobody picks the message up: records live four seconds."""
    hospital_options = {"sections": {"newuser": {"notice_interval": "0", "expiry": "4s"}}}

    def test_the_sender_is_told_once(self):
        message_id = self.says(NEWUSER, subject="jane@person.test;Name of the first pet;Zanzibar77;SUBJECTMARK")
        self.assertEqual(self.told(2), [("failed", NEWUSER, "record-expired"), ("processed", NEWUSER, "")])
        self.assertIn("What you can do: ", [n for n in self.notices if n.what[0][0] == "failed"][0].text)
        [held] = self.hospital.daemon.ctl_json("held", "list")["held"]
        self.assertEqual(held["state"], "expired")
        self.assertIsNotNone(self.clinic.status(message_id)["failed"])
        self.nothing_leaks()


class Languages(PairTest):
    """The hospital speaks German; whose words are broken is told, and English stands in."""
    hospital_options = {"domain": {"language": "de"}}

    @classmethod
    def prepare(cls):
        cls.words = cls.scratch.folder("words")
        cls.hospital.daemon.sections["notify"] = {"templates": cls.words}
        cls.hospital.daemon.write_config()

    def findings(self):
        return [line for line in self.hospital.daemon.ctl("check").out.splitlines() if "words of notices" in line]

    def test_each_side_speaks_its_own_language(self):
        self.says([self.ward, MOVED])
        self.told(3)
        subjects = sorted(n.subject for n in self.notices)
        self.assertEqual(subjects, ["Ihre Direct-Nachricht ist angekommen"] * 2 + ["Ihre Direct-Nachricht konnte nicht zugestellt werden"])
        failed = [n for n in self.notices if n.what[0][0] == "failed"][0]
        self.assertIn("Was Sie tun können: Prüfen Sie die Adresse", failed.text)
        self.assertTrue(all(byte < 0x80 for byte in failed.raw))
        # The hospital's own people are told in German too, by the report of what was not sent.
        self.says([self.nurse, "nobody@direct.nowhere.test"], side=self.hospital)
        self.told(2, self.ward, self.hospital)
        report = [n for n in self.notices if n.kind == "delivery-status"][0]
        self.assertEqual(report.subject, "Direct-Nachricht nicht zugestellt")
        self.assertIn("(no-certificate, 5.7.31)", report.text)
        self.assertEqual(self.findings(), [])
        self.nothing_leaks()

    def test_broken_words_are_told_at_start_reload_and_check(self):
        path = write(os.path.join(self.scratch.folder("words/de"), "processed.txt"), "Kaputt {{#warnings}} {{subject}}")
        try:
            self.assertIn(f"{path}: ", " ".join(self.findings()), self.hospital.daemon.ctl("check"))
            self.assertEqual(self.hospital.daemon.ctl("check").code, 1)
            self.assertIn(f"notice-words=\"{path}: ", self.hospital.daemon.reload())
            before = len(self.hospital.daemon.log())
            self.hospital.daemon.restart()
            self.assertIn(f"notice-words=\"{path}: ", self.hospital.daemon.log()[before:])
            self.says(self.ward)
            self.told(1)
            self.assertIn("has arrived", self.notices[0].text)
            write(path, "Unsere Worte: {{recipient}}")
            self.assertNotIn("notice-words", self.hospital.daemon.reload())
            self.says(self.ward)
            self.told(2)
            self.assertIn(f"Unsere Worte: {self.ward}", "".join(n.text for n in self.notices))
        finally:
            os.remove(path)
            self.hospital.daemon.reload()


class Refusing(PairTest):
    """The hospital does not trust the clinic."""
    trust = {"clinic": "both", "hospital": None}

    def test_the_refusal_comes_back_as_a_bounce_of_ciphertext(self):
        message_id = self.says(self.ward)
        [bounce] = self.box(self.clinic, self.nurse, 1)
        self.assertIn(b"5.7.11", bounce)
        self.assertNotIn(b"BODYMARK", bounce)
        self.settled()
        self.assertEqual(self.hospital.postfix.maildir(self.ward), [])
        self.assertEqual(len(self.clinic.postfix.maildir(self.nurse)), 1, "no notification about what was not trusted")
        row = self.clinic.status(message_id)
        self.assertEqual((row["state"], row["failure"]), ("failed", "bounced:5.7.11"))
        self.nothing_leaks()


class StoreBehind(PairTest):
    """The hospital's mailboxes stand in a mail store behind Postfix: relayed is delivered."""
    hospital_options = {"domain": {"final": "relayed"}}

    def test_dispatched_waits_for_the_store(self):
        self.hospital.store.refuse[SLOW] = b"452 4.2.2 try later"
        message_id = self.says(SLOW, headers=[OPTION])
        self.box(self.clinic, self.nurse, 1)
        until(lambda: any(r["arrival_time"] and r["queue_name"] == "deferred" for r in self.hospital.postfix.queue()),
              "the message deferred", detail=self.hospital.postfix.queue)
        row = self.clinic.status(message_id)
        self.assertIsNotNone(row["processed"])
        self.assertIsNone(row["dispatched"], "the store has not taken it")
        self.hospital.store.refuse.clear()
        self.hospital.postfix.flush()
        self.assertEqual(self.told(2), [("dispatched", SLOW, ""), ("processed", SLOW, "")])
        self.assertEqual(self.clinic.status(message_id)["state"], "complete")
        self.assertEqual(len(self.hospital.store.for_address(SLOW)), 1)

    def test_only_the_sender_under_the_signature_is_told(self):
        """Whatever other address the message asks notifications to be sent to (E11)."""
        self.says(self.ward, headers=[OPTION, ("Disposition-Notification-To", "eve@evil.test"), ("Reply-To", "eve@evil.test"),
                                      ("Return-Receipt-To", "eve@evil.test"), ("Errors-To", "eve@evil.test")])
        self.assertEqual(self.told(2), [("dispatched", self.ward, ""), ("processed", self.ward, "")])
        self.assertEqual(self.outside.mails, [])


class Silence(PairTest):
    """Timers of seconds: whoever does not answer in time is told to the sender, once, and late news is no success."""
    clinic_options = {"sections": {"notify": {"processed_within": "12s", "dispatched_within": "14s"}}}
    hospital_options = {"domain": {"final": "relayed"}}
    mute = "ward@direct.mute.test"

    @classmethod
    def prepare(cls):
        ca = cls.pki.root("mute-ca")
        cls.clinic.daemon.add_anchor(cls.clinic.domain, ca)
        cls.clinic.daemon.add_certificate(cls.mute, cls.pki.end("mute", ca, email=cls.mute))

    def late(self, message_id, disposition):
        """The audit entry of a notice that came after the report."""
        until(lambda: any(f"notice {disposition}" in e["detail"] and "late" in e["detail"] for e in self.clinic.audit()),
              "the late notice in the audit", detail=lambda: self.clinic.daemon.ctl("audit").out)
        self.assertEqual(self.clinic.status(message_id)["state"], "overdue")

    def test_a_partner_that_takes_everything_and_never_answers(self):
        message_id = self.says(self.mute)
        self.outside.wait_for(self.mute)
        self.assertEqual(self.told(1), [("report", self.mute, "processed-overdue")])
        self.assertEqual(self.notices[0].groups[1]["Status"], "5.4.71")
        self.assertEqual(self.notices[0].groups[0]["X-Original-Message-ID"], message_id)
        self.assertEqual(self.clinic.status(message_id)["state"], "overdue")
        self.nothing_leaks()

    def test_a_partner_that_is_down(self):
        self.hospital.postfix.stop()
        message_id = self.says(self.ward)
        self.box(self.clinic, self.nurse, 1)
        self.hospital.postfix.start()
        self.clinic.postfix.flush()
        self.box(self.hospital, self.ward, 1)
        self.assertEqual(self.told(1), [("report", self.ward, "processed-overdue")])
        self.late(message_id, "processed")
        self.assertEqual(len(self.clinic.postfix.maildir(self.nurse)), 1, "no success after the failure report")
        self.nothing_leaks()

    def test_processed_in_time_and_dispatched_too_late(self):
        slow = SLOW
        self.hospital.store.refuse[slow] = b"452 4.2.2 try later"
        message_id = self.says(slow, headers=[OPTION])
        told = [n for n in self.box(self.clinic, self.nurse, 2)]
        self.assertEqual(len(told), 2)
        self.hospital.store.refuse.clear()
        self.hospital.postfix.flush()
        self.assertEqual(self.told(2), [("processed", slow, ""), ("report", slow, "dispatched-overdue")])
        self.assertEqual([n.groups[1]["Status"] for n in self.notices if n.kind == "delivery-status"], ["5.4.72"])
        self.late(message_id, "dispatched")
        self.settled()
        self.assertEqual(len(self.clinic.postfix.maildir(self.nurse)), 2, "no success after the failure report")
        self.nothing_leaks()


class GoneForGood(PairTest):
    """The partner's mail server never comes back: the clinic's own gives up and tells it, and we do not tell it again."""
    clinic_options = {"sections": {"notify": {"processed_within": "8s"}}, "postfix": {"maximal_queue_lifetime": "3s"}}

    def test_the_sender_hears_of_it_once(self):
        """After the bounce an overdue report came too."""
        self.hospital.postfix.stop()
        message_id = self.says(self.ward)
        [bounce] = [Notice(raw) for raw in self.box(self.clinic, self.nurse, 1)]
        self.settled_at_home()
        self.assertIn("MAILER-DAEMON", bounce.message["From"])
        self.well_made(bounce)
        row = self.clinic.status(message_id)
        self.assertEqual(row["state"], "failed")
        self.assertRegex(row["failure"], r"^bounced:[45]\.")
        # Another message, to one who takes it and is silent, is overdue after its time: by then this one would have been.
        other = self.says("mute@direct.mute.test")
        report = [Notice(raw) for raw in self.box(self.clinic, self.nurse, 2) if b"processed-overdue" in raw]
        self.assertEqual([n.what for n in report], [[("report", "mute@direct.mute.test", "processed-overdue")]])
        self.assertEqual(self.clinic.status(other)["state"], "overdue")
        self.assertEqual(len(self.clinic.postfix.maildir(self.nurse)), 2)
        self.nothing_leaks()

    @classmethod
    def prepare(cls):
        ca = cls.pki.root("mute-ca")
        cls.clinic.daemon.add_anchor(cls.clinic.domain, ca)
        cls.clinic.daemon.add_certificate("mute@direct.mute.test", cls.pki.end("mute", ca, email="mute@direct.mute.test"))

    def settled_at_home(self):
        until(lambda: not self.clinic.busy(), "nothing owed or queued at the clinic", detail=self.clinic.busy)


if __name__ == "__main__":
    unittest.main()
