"""After opening, nothing of a message gets outside: whatever Postfix does with the opened copy, and whatever a stranger
writes on the outside of a message (requirements P9, E4, E12, P22)."""
import unittest

from harness import smime
from harness.site import HERE, PASSWORD, THERE, SiteTest
from harness.sink import Sink

OPTION = ("Disposition-Notification-Options", "X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true")
SUBJECT, BODY = "SUBJECTMARK", "BODYMARK"
FULL, SLOW, BROKEN, PART = (f"{who}@{HERE}" for who in ("full", "slow", "broken", "part"))
BOB = f"bob@{THERE}"


class LeakTest(SiteTest):
    aliases = {BROKEN: f"missing@{HERE}", PART: f"alice@{HERE} missing@{HERE}"}
    mailboxes = (*SiteTest.mailboxes, FULL, SLOW)
    logins = {**SiteTest.logins, FULL: PASSWORD}
    # What is deferred is given up after seconds, and the sender would be warned of the delay before.
    postfix_settings = {"maximal_queue_lifetime": "4s", "bounce_queue_lifetime": "4s", "delay_warning_time": "1s"}

    @classmethod
    def prepare(cls):
        cls.mail_store = Sink()
        cls.addClassCleanup(cls.mail_store.stop)
        for who in (FULL, SLOW):
            cls.postfix.transport[who] = f"smtp:[127.0.0.1]:{cls.mail_store.port}"

    def setUp(self):
        self.fresh()
        self.mail_store.clear()
        self.mail_store.refuse.clear()

    def arrives(self, to, headers=(OPTION,), outer=(), sender=BOB):
        """Bob's sealed message; `outer` are fields somebody on the way has put on the outside."""
        inner = smime.mail(BOB, to, SUBJECT, f"{BODY}\n", [("file.txt", "text/plain", BODY.encode())], headers=headers)
        sealed = smime.sealed(inner, [self.bob], [self.alice, self.here])
        outside = "".join(f"{name}: {value}\r\n" for name, value in outer).encode()
        self.accepted(self.inbound(outside + sealed, to, sender=sender))

    def notices(self, count):
        """(disposition, recipient) of what bob was told; everything else that went outside is a failure."""
        self.sink.wait_for(BOB, count)
        self.settled()
        out = []
        for mail in self.sink.mails:
            for mark in (SUBJECT, BODY):
                self.assertNotIn(mark.encode(), mail.data)
            self.assertEqual((mail.recipients, mail.sender), ([BOB], ""))
            inner, _ = smime.open_sealed(mail.data, self.bob, [self.here_ca])
            for mark in (SUBJECT, BODY):
                self.assertNotIn(mark.encode(), inner)
            fields = smime.parsed(inner).get_payload()[1].get_payload()[0]
            out.append((fields["Disposition"].rsplit(";", 1)[1].strip(), fields["Final-Recipient"].split(";")[1].strip()))
        return sorted(out)

    def messages_seen(self):
        """How many messages the daemon has been asked about."""
        return self.daemon.log().count(": message session=")


class Leaks(LeakTest):
    def test_a_full_mailbox(self):
        self.mail_store.refuse[FULL] = b"552 5.2.2 SUBJECTMARK is too much for this mailbox"
        self.arrives(FULL)
        self.assertEqual(self.notices(2), [("failed", FULL), ("processed", FULL)])

    def test_an_alias_that_leads_nowhere(self):
        self.arrives(BROKEN)
        self.assertEqual(self.notices(2), [("failed", BROKEN), ("processed", BROKEN)])

    def test_an_alias_of_which_one_leads_nowhere(self):
        self.arrives(PART)
        self.delivered()
        self.assertIn(("processed", PART), self.notices(2))
        self.assertNotIn(("dispatched", PART), self.notices(2))

    def test_a_delayed_bounce_and_its_warning(self):
        self.mail_store.refuse[SLOW] = b"452 4.2.2 try later"
        self.arrives(SLOW)
        self.assertEqual(self.notices(2), [("failed", SLOW), ("processed", SLOW)])

    def test_all_at_once_beside_one_who_gets_it(self):
        self.mail_store.refuse[FULL] = b"552 5.2.2 full"
        self.mail_store.refuse[SLOW] = b"452 4.2.2 try later"
        to = [f"alice@{HERE}", FULL, SLOW, BROKEN]
        self.arrives(to)
        self.assertEqual(self.notices(8), sorted([
            *(("processed", r) for r in to), ("dispatched", to[0]), *(("failed", r) for r in to[1:])]))

    def test_the_report_listener_is_down(self):
        """Nobody is told by us, and Postfix tells nobody outside either."""
        right = self.postfix.transport.get("direct-report.here.test")
        self.postfix.stop()
        self.postfix.transport["direct-report.here.test"] = "error:5.3.0 no reports here"
        self.postfix.start()
        try:
            self.arrives(BROKEN)
            self.assertEqual(self.notices(1), [("processed", BROKEN)])
        finally:
            self.postfix.stop()
            self.postfix.transport.pop("direct-report.here.test")
            if right:
                self.postfix.transport["direct-report.here.test"] = right
            self.postfix.start()


class Loops(LeakTest):
    def test_opened_mail_passes_the_filter_once(self):
        before = self.messages_seen()
        self.arrives(f"alice@{HERE}")
        [got] = self.delivered()
        self.notices(2)
        # The message itself, and Postfix's report of its delivery; not the opened copy, not the notices.
        self.assertEqual(self.messages_seen() - before, 2)
        for name in ("X-Direct-Trust", "Authentication-Results"):
            self.assertEqual([n for n, _ in smime.fields(got)].count(name), 1, name)

    def test_a_notice_that_cannot_be_delivered_ends_there(self):
        self.sink.refuse[BOB] = b"550 5.1.1 no such user"
        try:
            self.arrives(f"alice@{HERE}")
            self.delivered()
            self.settled()
            self.assertEqual(self.sink.mails, [])
            self.assertEqual(len(self.postfix.maildir(f"alice@{HERE}")), 1)
        finally:
            self.sink.refuse.clear()

    def test_a_failure_report_that_cannot_be_delivered_ends_there(self):
        """A user of ours whose own mailbox is full hears nothing, and nothing goes round."""
        self.mail_store.refuse[FULL] = b"552 5.2.2 full"
        before = self.messages_seen()
        to = [f"alice@{HERE}", "nobody@direct.nowhere.test"]
        self.accepted(self.submit(smime.mail(FULL, to, SUBJECT, BODY), to, login=FULL))
        self.delivered()
        self.settled()
        # The message, Postfix's report of its delivery, and its copies of what it could not give back (our report, our
        # notification): they end at the report listener and leave no trace.
        self.assertEqual(self.messages_seen() - before, 4)
        about = [e["recipient"] for e in self.daemon.ctl_json("audit")["entries"] if e["event"] == "delivery-report"]
        self.assertEqual([r for r in about if "+bounced@" in r], [])
        self.assertEqual(self.sink.mails, [])

    def test_marks_on_the_outside_change_nothing(self):
        """Whoever relays can write these; what is believed is inside, under the signature."""
        forged = [("Auto-Submitted", "auto-replied"), ("Precedence", "bulk"), ("X-Loop", f"alice@{HERE}"),
                  ("X-Direct-Loop", "1"), ("X-Direct-Trust", "pass; signer=00"), ("X-Direct-Notice", "1"),
                  ("Delivered-To", f"alice@{HERE}"), ("Authentication-Results", "mx.here.test; x-direct=pass"),
                  (OPTION[0], OPTION[1])]
        self.arrives(f"alice@{HERE}", headers=(), outer=forged)
        [got] = self.delivered()
        self.assertEqual(self.notices(1), [("processed", f"alice@{HERE}")])
        self.assertNotIn(b"signer=00", got)
        self.assertNotIn(b"X-Direct-Loop", got)
        self.assertEqual([n for n, _ in smime.fields(got)].count("X-Direct-Trust"), 1)

    def test_marks_let_no_plain_mail_in_and_no_clear_mail_out(self):
        forged = [("X-Direct-Trust", "pass; local"), ("X-Direct-Loop", "1"), ("Auto-Submitted", "auto-replied")]
        plain = smime.mail(BOB, f"alice@{HERE}", SUBJECT, BODY, headers=forged)
        for sender in (BOB, "", "direct-dsn+00112233445566778899aabbccddeeff@direct-report.here.test"):
            self.refused(self.inbound(plain, sender=sender), "not-encrypted")
        self.accepted(self.submit(smime.mail(f"alice@{HERE}", BOB, SUBJECT, BODY, headers=forged), BOB))
        [mail] = self.sink.wait_for(BOB)
        self.assertNotIn(BODY.encode(), mail.data)
        smime.open_sealed(mail.data, self.bob, [self.here_ca])


if __name__ == "__main__":
    unittest.main()
