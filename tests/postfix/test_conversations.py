"""Two sites, each with its own Postfix and daemon, write to each other: whatever happens, the sender knows."""
import os
import unittest

from harness import smime
from harness.base import until, write
from harness.pair import FINAL, OPTION, Notice, PairTest

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
        self.assertIsNone(self.clinic.status(message_id)["processed"], "an unsigned bounce is no answer")

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
            self.assertEqual(self.clinic.status(message_id)["state"], "failed" if headers else "complete")
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
        self.assertEqual(self.clinic.status(message_id)["state"], "waiting")
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
    """The partner's mail server never comes back: the clinic's own gives up, and so do we. Neither tells anything of it."""
    clinic_options = {"sections": {"notify": {"processed_within": "8s"}}, "postfix": {"maximal_queue_lifetime": "3s"}}

    def test_the_sender_hears_of_both(self):
        self.hospital.postfix.stop()
        message_id = self.says(self.ward)
        told = [Notice(raw) for raw in self.box(self.clinic, self.nurse, 2)]
        self.settled_at_home()
        bounce, report = sorted(told, key=lambda n: "MAILER-DAEMON" not in n.message["From"])
        self.assertEqual(report.what, [("report", self.ward, "processed-overdue")])
        self.well_made(report)
        self.assertIn("MAILER-DAEMON", bounce.message["From"])
        self.well_made(bounce)
        self.assertEqual(self.clinic.status(message_id)["state"], "overdue")
        self.assertEqual(len(self.clinic.postfix.maildir(self.nurse)), 2)
        self.nothing_leaks()

    def settled_at_home(self):
        until(lambda: not self.clinic.busy(), "nothing owed or queued at the clinic", detail=self.clinic.busy)


if __name__ == "__main__":
    unittest.main()
