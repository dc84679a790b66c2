"""Notifications: the sender of an arrived message hears what became of it, once, and nothing of the message."""
import email
import unittest

from harness import smime
from harness.base import until
from harness.site import HERE, THERE, SiteTest
from harness.sink import Sink

OPTION = ("Disposition-Notification-Options", "X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true")
MARK = "NOTICEMARK"


class NoticeTest(SiteTest):
    aliases = {f"broken@{HERE}": f"missing@{HERE}", f"list@{HERE}": f"alice@{HERE} carol@{HERE}"}
    sections = {"newuser": {"notice_interval": "0"}}

    def setUp(self):
        self.fresh()

    def notice(self, mail, anchors=None):
        """The inner MDN of a message in the sink, opened with bob's key and verified under our authority."""
        self.assertEqual(mail.sender, "")
        self.assertNotIn(MARK.encode(), mail.data)
        inner, _ = smime.open_sealed(mail.data, self.bob, anchors or [self.here_ca])
        self.assertNotIn(MARK.encode(), inner)
        return email.message_from_bytes(inner)

    def notices(self, count, to=f"bob@{THERE}"):
        """(disposition, recipient, extension there) of each notice bob got, sorted."""
        self.sink.wait_for(to, count)
        self.settled()
        out = []
        for mail in self.sink.for_address(to):
            message = self.notice(mail)
            self.assertEqual(message.get_content_type(), "multipart/report")
            fields = message.get_payload()[1].get_payload()[0]
            out.append((fields["Disposition"].rsplit(";", 1)[1], fields["Final-Recipient"].split(";")[1].strip(),
                        "X-DIRECT-FINAL-DESTINATION-DELIVERY" in fields))
        return sorted(out)


class Processed(NoticeTest):
    def test_processed_once_per_accepted_recipient(self):
        inner, message = self.from_bob(to=[f"alice@{HERE}", f"carol@{HERE}"], recipients=[self.alice, self.here],
                                       subject=MARK, text=MARK)
        self.accepted(self.inbound(message, [f"alice@{HERE}", f"carol@{HERE}"]))
        self.assertEqual(self.notices(2), [("processed", f"alice@{HERE}", False), ("processed", f"carol@{HERE}", False)])
        got = self.notice(self.sink.for_address(f"bob@{THERE}")[0])
        fields = got.get_payload()[1].get_payload()[0]
        self.assertEqual(fields["Original-Message-ID"], smime.field(inner, "Message-ID"))
        self.assertEqual(got["Auto-Submitted"], "auto-replied")
        self.assertIsNone(got["Disposition-Notification-To"])
        self.assertEqual(len(got.get_payload()), 2, "no third part: nothing of the original")
        # The client's repeat is answered and not told again.
        self.accepted(self.inbound(message, [f"alice@{HERE}", f"carol@{HERE}"]))
        self.settled()
        self.assertEqual(len(self.sink.for_address(f"bob@{THERE}")), 2)

    def test_dispatched_after_delivery_when_asked_for(self):
        _, message = self.from_bob(headers=[OPTION])
        self.accepted(self.inbound(message))
        self.assertEqual(self.notices(2), [("dispatched", f"alice@{HERE}", True), ("processed", f"alice@{HERE}", False)])

    def test_a_malformed_request_gets_processed_only(self):
        for value in ("X-DIRECT-FINAL-DESTINATION-DELIVERY=optional", "X-DIRECT-FINAL-DESTINATION-DELIVRY=optional,true"):
            self.sink.clear()
            _, message = self.from_bob(headers=[(OPTION[0], value)])
            self.accepted(self.inbound(message))
            self.delivered(count=1)
            self.postfix.empty_mailboxes()
            self.assertEqual([n[0] for n in self.notices(1)], ["processed"], value)

    def test_no_notice_for_notices_automatic_mail_and_the_null_sender(self):
        for headers, sender in (([("Auto-Submitted", "auto-replied")], f"bob@{THERE}"), ([], "")):
            _, message = self.from_bob(headers=headers)
            self.accepted(self.inbound(message, sender=sender))
        mdn = (f"From: bob@{THERE}\r\nTo: alice@{HERE}\r\nSubject: MDN\r\nDate: Sun, 22 Nov 2026 07:00:00 +0000\r\n"
               f"Message-ID: <mdn1@{THERE}>\r\nMIME-Version: 1.0\r\n"
               "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
               "--b\r\nContent-Type: text/plain\r\n\r\nread\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
               f"Final-Recipient: rfc822;bob@{THERE}\r\nOriginal-Message-ID: <1@{HERE}>\r\n"
               "Disposition: manual-action/MDN-sent-manually;displayed\r\n\r\n--b--\r\n").encode()
        self.accepted(self.inbound(smime.sealed(mdn, [self.bob], [self.alice])))
        self.delivered(count=3)
        self.settled()
        self.assertEqual(self.sink.for_address(f"bob@{THERE}"), [])

    def test_no_notice_after_a_refusal(self):
        stranger = self.pki.forgery("stranger-n", self.there_ca, email=f"bob@{THERE}")
        _, message = self.from_bob(signers=[stranger])
        self.refused(self.inbound(message))
        self.settled()
        self.assertEqual(self.sink.mails, [])

    def test_a_delivery_that_fails_later_is_told(self):
        inner = smime.mail(f"bob@{THERE}", f"broken@{HERE}", MARK, MARK, headers=[OPTION])
        self.accepted(self.inbound(smime.sealed(inner, [self.bob], [self.here]), f"broken@{HERE}"))
        self.assertEqual(self.notices(2), [("failed", f"broken@{HERE}", False), ("processed", f"broken@{HERE}", False)])
        for mail in self.sink.mails:   # no bounce of the opened message went out
            self.assertNotIn(MARK.encode(), mail.data)

    def test_what_failed_may_be_sent_again(self):
        """The same message, once the mailbox can take it: a repeat of what was delivered is dropped, not of what failed."""
        inner = smime.mail(f"bob@{THERE}", f"broken@{HERE}", "S", "T")
        message = smime.sealed(inner, [self.bob], [self.here])
        for round in (1, 2):
            self.accepted(self.inbound(message, f"broken@{HERE}"))
            self.assertEqual([n[0] for n in self.notices(2 * round)], ["failed"] * round + ["processed"] * round)

    def test_a_local_delivery_that_fails_is_told_to_our_own_user(self):
        mail = smime.mail(f"alice@{HERE}", f"broken@{HERE}", MARK, MARK)
        self.accepted(self.submit(mail, f"broken@{HERE}"))
        told = [email.message_from_bytes(m) for m in self.delivered(count=2)]
        fields = [m.get_payload()[1].get_payload()[0] for m in told]
        self.assertEqual(sorted(f["Disposition"].rsplit(";", 1)[1] for f in fields), ["failed", "processed"])
        self.assertEqual({f["Original-Message-ID"] for f in fields}, {smime.field(mail, "Message-ID")})
        self.assertEqual(self.sink.mails, [])

    def test_an_alias_is_processed_and_what_came_of_it_is_not_claimed(self):
        inner = smime.mail(f"bob@{THERE}", f"list@{HERE}", "S", "T", headers=[OPTION])
        self.accepted(self.inbound(smime.sealed(inner, [self.bob], [self.here]), f"list@{HERE}"))
        self.delivered()
        self.delivered(f"carol@{HERE}")
        self.assertEqual(self.notices(1), [("processed", f"list@{HERE}", False)])

    def test_a_held_record_is_processed_and_dispatched_at_once(self):
        inner = smime.mail(f"bob@{THERE}", f"newuser@{HERE}", "jo@person.test;Q of jo;Zanzibar77;Real", MARK, headers=[OPTION])
        self.accepted(self.inbound(smime.sealed(inner, [self.bob], [self.here]), f"newuser@{HERE}"))
        self.assertEqual(self.notices(2), [("dispatched", f"newuser@{HERE}", True), ("processed", f"newuser@{HERE}", False)])

    def test_a_pick_up_notice_that_bounces_is_told_to_the_sender(self):
        self.sink.refuse["gone@person.test"] = b"550 5.1.1 no such user"
        inner = smime.mail(f"bob@{THERE}", f"newuser@{HERE}", "gone@person.test;Q;Zanzibar77;Real", MARK)
        self.accepted(self.inbound(smime.sealed(inner, [self.bob], [self.here]), f"newuser@{HERE}"))
        self.assertEqual([n[0] for n in self.notices(2)], ["failed", "processed"])

    def test_without_custody_no_processed_and_with_it_none_is_missing(self):
        section = self.daemon.sections["reinject"]
        right, section["smtp"] = section["smtp"], "127.0.0.1:1"
        self.daemon.write_config()
        self.daemon.restart()
        _, message = self.from_bob()
        self.accepted(self.inbound(message))
        self.daemon.kill()
        section["smtp"] = right
        self.daemon.write_config()
        self.daemon.start()
        self.assertEqual([n[0] for n in self.notices(1)], ["processed"])


class Outage(NoticeTest):
    """The re-injection listener takes nothing for a while: nobody is told anything, and later everybody once."""

    def reinject_to(self, address):
        self.daemon.sections["reinject"]["smtp"] = address
        self.daemon.write_config()
        self.daemon.restart()

    def tried(self, times, answer):
        """Waits until what is owed to mailboxes was tried so often, each time in vain."""
        def look():
            rows = [row for row in self.daemon.ctl("outbox", "list", "--json").json["outbox"] if row["kind"] == "clear-leg"]
            return rows and all(row["tries"] >= times and answer in row["last_answer"] for row in rows)
        until(look, f"{times} tries answered {answer}", 40, lambda: self.daemon.ctl("outbox", "list").out)

    def test_mixed_recipients_while_the_listener_is_down(self):
        right = self.daemon.sections["reinject"]["smtp"]
        self.reinject_to("127.0.0.1:1")
        to = [f"alice@{HERE}", f"carol@{HERE}", f"newuser@{HERE}"]
        _, message = self.from_bob(to=to, recipients=[self.alice, self.here], headers=[OPTION],
                                   subject="jo@person.test;Q of jo;Zanzibar77;Real", text=MARK)
        for _ in range(2):  # and the client repeats after a lost reply
            self.accepted(self.inbound(message, to))
        self.tried(4, "")
        self.nothing_delivered()
        self.assertEqual(self.sink.for_address(f"bob@{THERE}"), [])
        self.reinject_to(right)
        self.delivered()
        self.delivered(f"carol@{HERE}")
        self.assertEqual(self.notices(6), sorted(
            (what, who, what == "dispatched") for what in ("processed", "dispatched") for who in to))
        self.settled()
        self.assertEqual(len(self.sink.for_address(f"bob@{THERE}")), 6)

    def test_a_full_disk_of_the_queue_is_no_custody(self):
        right = self.daemon.sections["reinject"]["smtp"]
        self.reinject_to("127.0.0.1:1")
        _, message = self.from_bob(headers=[OPTION])
        self.accepted(self.inbound(message))
        self.queue_disk("1000000000000000")
        self.reinject_to(right)
        self.tried(2, "452 4.3.1")
        self.nothing_delivered()
        self.assertEqual(self.sink.for_address(f"bob@{THERE}"), [])
        self.queue_disk(None)
        self.delivered()
        self.assertEqual([n[0] for n in self.notices(2)], ["dispatched", "processed"])

    def queue_disk(self, wanted):
        """Postfix takes no mail while less than that is free."""
        self.postfix.stop()
        self.postfix.settings.pop("queue_minfree", None)
        if wanted:
            self.postfix.settings["queue_minfree"] = wanted
        self.postfix.start()


class Refused(NoticeTest):
    """The re-injection listener refuses the recipient: failed, and no processed."""

    def test_no_processed_without_custody(self):
        listener = Sink(dsn=True)
        self.addCleanup(listener.stop)
        listener.refuse[f"alice@{HERE}"] = b"550 5.2.1 mailbox disabled"
        self.daemon.sections["reinject"]["smtp"] = f"127.0.0.1:{listener.port}"
        self.daemon.write_config()
        self.daemon.restart()
        _, message = self.from_bob(headers=[OPTION])
        self.accepted(self.inbound(message))
        [mail] = listener.wait_for(f"bob@{THERE}")
        fields = self.notice(mail).get_payload()[1].get_payload()[0]
        self.assertTrue(fields["Disposition"].endswith(";failed"))
        self.assertEqual(fields["Failure"], "delivery-refused")
        self.settled()
        self.assertEqual(len(listener.for_address(f"bob@{THERE}")), 1)


class OneWay(NoticeTest):
    """bob is trusted to write to us, not to be written to: he still hears of his messages (D10)."""

    @classmethod
    def install_certificates(cls):
        super().install_certificates()
        import shutil
        shutil.rmtree(cls.daemon.root + "/anchors")
        cls.daemon.add_anchor(HERE, cls.here_ca)
        cls.daemon.add_anchor(HERE, cls.there_ca, "in")

    def test_processed_survives_one_way_trust(self):
        _, message = self.from_bob()
        self.accepted(self.inbound(message))
        self.assertEqual([n[0] for n in self.notices(1)], ["processed"])


class NoCertificate(NoticeTest):
    """Nobody knows a certificate of the sender: audit says that he could not be told."""

    @classmethod
    def install_certificates(cls):
        super().install_certificates()
        import shutil
        shutil.rmtree(cls.daemon.root + "/certificates")

    def test_what_cannot_be_told_is_in_audit(self):
        _, message = self.from_bob()
        self.accepted(self.inbound(message))
        self.delivered()
        self.in_audit("notice-not-made")
        self.settled()
        self.assertEqual(self.sink.mails, [])


if __name__ == "__main__":
    unittest.main()
