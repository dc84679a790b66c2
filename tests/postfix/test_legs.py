"""Legs: clear, sealed, held, refused, untouched, Bcc, in any mixture in one message. Nobody gets another leg's body."""
import re
import unittest

from harness import client, milter, smime
from harness.site import HERE, PASSWORD, THERE, SiteTest

MARK = "CLEARMARK"
LINE = "jane@person.test;Name of the first pet;Zanzibar77;Real REALMARK"
OTHER, OUTSIDE, UNKNOWN = "plain@here.test", "extra@relayed.test", "nobody@direct.unknown.test"


class LegsTest(SiteTest):
    logins = {**SiteTest.logins, OTHER: PASSWORD}

    def setUp(self):
        self.fresh()

    def held_for(self, contact):
        found = self.daemon.ctl("held", "list", "--json").json
        rows = found["held"] if isinstance(found, dict) and "held" in found else found
        return [r for r in rows if r.get("contact") == contact]

    def legs_of(self, message):
        """{recipient: (leg, state)} as directctl status has it."""
        rows = self.daemon.ctl_json("status", smime.field(message, "Message-ID"))["watch"]
        return {r["recipient"]: (r["leg"], r["state"]) for r in rows}

    def no_clear_text_outside(self):
        self.postfix.wait_queue_empty()
        for mail in self.sink.mails:
            for secret in (MARK, "REALMARK", "Zanzibar77"):
                self.assertNotIn(secret.encode(), mail.data, mail.recipients)


class Legs(LegsTest):
    sections = {"newuser": {"notice_interval": "0"}}

    def test_one_submitted_message_with_every_leg(self):
        to = [f"bob@{THERE}", f"carol@{HERE}", f"newuser@{HERE}", UNKNOWN, OTHER]
        mail = smime.mail(f"alice@{HERE}", to, LINE, f"Body {MARK}\n")
        self.accepted(self.submit(mail, [*to, f"dave@{THERE}"]))
        # Sealed, and the Bcc recipient in an envelope of its own.
        for address, cert in ((f"bob@{THERE}", self.bob), (f"dave@{THERE}", self.there)):
            [got] = self.sink.wait_for(address)
            self.assertEqual(got.recipients, [address])
            self.assertEqual(smime.recipient_count(got.data), 1)
            inner, _ = smime.open_sealed(got.data, cert, [self.here_ca])
            self.assertIn(MARK.encode(), inner)
            self.assertNotIn(b"Zanzibar77", inner)
        # Clear, without the line that carries the answer.
        [local] = self.delivered(f"carol@{HERE}")
        self.assertIn(MARK.encode(), local)
        self.assertNotIn(b"Zanzibar77", local)
        self.assertEqual(len(self.held_for("jane@person.test")), 1)
        # Refused: told to the submitter, and nothing for them anywhere, not even in the mailbox next door.
        # Local to local is notified as foreign mail is: the mailbox and the held record have taken custody.
        arrived = self.delivered(count=3)
        [report] = [m for m in arrived if b"report-type=delivery-status" in m]
        self.assertEqual(sorted(smime.field(m, "From") for m in arrived if m is not report),
                         [f"<carol@{HERE}>", f"<newuser@{HERE}>"])
        for address in (UNKNOWN, OTHER):
            self.assertRegex(report.decode(), rf"Final-Recipient: rfc822; ?{address}")
        self.assertNotIn(MARK.encode(), report)
        self.settled()
        self.assertEqual(self.legs_of(mail), {
            f"bob@{THERE}": ("sealed", "waiting"), f"dave@{THERE}": ("sealed", "waiting"), f"carol@{HERE}": ("local", "delivered"),
            f"newuser@{HERE}": ("held", "held"), UNKNOWN: ("refused", "refused"), OTHER: ("refused", "refused")})
        self.nothing_delivered(OTHER)
        self.nothing_delivered(f"newuser@{HERE}")
        self.assertEqual(self.sink.for_address(UNKNOWN), [])
        self.no_clear_text_outside()

    def test_what_nothing_tells_apart_is_taken_twice_and_a_repeat_once(self):
        """Messages without a Message-ID had all the same one: the second of two was answered 250 and never delivered. (Straight
        over the milter protocol: to a client on its own machine Postfix gives a Message-ID before we see the message.)"""
        def comes(message, sender, to, **more):
            answer = milter.deliver(self.daemon.socket, sender, [to], message, **more)
            self.assertEqual(answer.code, 250, answer.text)
        def without(mail, *names):
            return re.sub(rb"(?mi)^(" + "|".join(names).encode() + rb"): [^\n]*\n", b"", mail)
        alice, carol, held = f"alice@{HERE}", f"carol@{HERE}", "twice@person.test"
        for names, copies in ((("Message-ID",), 1), (("Message-ID", "Date"), 2)):
            with self.subTest(names):
                self.setUp()
                before = len(self.held_for(held))
                mail = without(smime.mail(f"alice@{HERE}", carol, "S", f"{MARK} {len(names)}\n"), *names)
                line = without(smime.mail(f"alice@{HERE}", f"newuser@{HERE}", f"{held};Real {len(names)}", "Body\n"), *names)
                for _ in range(2):
                    comes(mail, alice, carol, login=alice, daemon_name="ORIGINATING")
                    comes(line, alice, f"newuser@{HERE}", login=alice, daemon_name="ORIGINATING")
                self.settled()
                self.assertEqual(len(self.postfix.maildir(carol)), copies)
                self.assertEqual(len(self.held_for(held)) - before, copies)
                # Arriving, the ciphertext tells a mail server's repeat from a message that was sealed anew.
                inner = without(smime.mail(f"bob@{THERE}", carol, "S", f"{MARK} in {len(names)}\n"), *names)
                self.postfix.empty_mailboxes()
                first, second = (smime.sealed(inner, [self.bob], [self.here]) for _ in range(2))
                for message in (first, first, second):
                    comes(message, f"bob@{THERE}", carol)
                self.settled()
                self.assertEqual(len(self.postfix.maildir(carol)), copies)

    def test_a_date_outside_the_signature_tells_no_repeat(self):
        """Two unwrapped messages without a Message-ID, the same signed text of two days: the second was taken for a repeat."""
        carol = f"carol@{HERE}"
        inner = re.sub(rb"(?mi)^Message-ID: [^\n]*\n", b"", smime.mail(f"bob@{THERE}", carol, "S", f"{MARK} unwrapped\n"))
        first, second = (smime.sealed(inner.replace(b"22 Nov", day), [self.bob], [self.here], smime.Sealing(wrapped=False))
                         for day in (b"22 Nov", b"23 Nov"))
        for message in (first, first, second):
            answer = milter.deliver(self.daemon.socket, f"bob@{THERE}", [carol], message)
            self.assertEqual(answer.code, 250, answer.text)
        self.settled()
        self.assertEqual(len(self.postfix.maildir(carol)), 2)

    def test_one_arriving_message_with_every_leg(self):
        ours = [f"alice@{HERE}", f"newuser@{HERE}", f"carol@{HERE}"]
        inner = smime.mail(f"bob@{THERE}", ours, "sam@person.test;Q of sam;Zanzibar77;Real REALMARK", f"Body {MARK}\n")
        message = smime.sealed(inner, [self.bob], [self.alice, self.here])
        self.accepted(self.inbound(message, [*ours, OTHER, OUTSIDE]))
        [clear] = self.delivered()
        self.assertIn(MARK.encode(), clear)
        self.assertNotIn(b"Zanzibar77", clear)
        self.delivered(f"carol@{HERE}")
        self.assertEqual(len(self.held_for("sam@person.test")), 1)
        for got in (self.delivered(OTHER)[0], self.sink.wait_for(OUTSIDE)[0].data):
            self.assertEqual(smime.body_der(got), smime.body_der(message))
            self.assertNotIn(MARK.encode(), got)
        self.nothing_delivered(f"newuser@{HERE}")
        self.no_clear_text_outside()
        self.assertEqual(self.legs_of(inner), {
            f"alice@{HERE}": ("local", "delivered"), f"carol@{HERE}": ("local", "delivered"), f"newuser@{HERE}": ("held", "held"),
            OTHER: ("untouched", "untouched"), OUTSIDE: ("untouched", "untouched")})

    def test_the_refused_leave_and_the_others_keep_ciphertext(self):
        inner = smime.mail(f"bob@{THERE}", [f"alice@{HERE}", f"carol@{HERE}"], "S", f"Body {MARK}\n")
        message = smime.sealed(inner, [self.bob], [self.alice])
        self.accepted(self.inbound(message, [f"alice@{HERE}", f"carol@{HERE}", OTHER]))
        self.assertIn(MARK.encode(), self.delivered()[0])
        self.assertEqual(smime.body_der(self.delivered(OTHER)[0]), smime.body_der(message))
        self.nothing_delivered(f"carol@{HERE}")
        self.assertEqual(self.legs_of(inner)[f"carol@{HERE}"], ("refused", "refused"))

    def test_however_a_recipient_is_spelled_it_leaves_the_envelope(self):
        spellings = [f'"alice"@{HERE}', f"ALICE@{HERE.upper()}", f"alice@{HERE}"]
        for spelling in spellings:
            self.postfix.empty_mailboxes()
            _, message = self.from_bob(text=f"Body {MARK}\n", subject=spelling.replace("@", " at "))
            self.accepted(self.inbound(message, [spelling, OTHER]))
            self.delivered(OTHER)
            [clear] = self.delivered()
            self.assertIn(MARK.encode(), clear, spelling)
            self.postfix.wait_queue_empty()
            self.assertEqual(len(self.postfix.maildir(f"alice@{HERE}")), 1, spelling)

    def test_a_source_route_to_us_is_refused_for_all(self):
        _, message = self.from_bob(text=f"Body {MARK}\n")
        self.refused(self.inbound(message, [f"@relay.test:alice@{HERE}", OTHER]), "unknown-recipient")
        self.nothing_delivered()
        self.nothing_delivered(OTHER)

    def test_a_domain_postfix_would_complete_to_ours_is_refused(self):
        mail = smime.mail("someone@other.test", f"alice@{HERE}", "S", f"Body {MARK}\n")
        with client.SmtpClient(self.postfix.mx) as session:
            session.hello()
            outcome = session.deliver("someone@other.test", ["alice@direct"], mail)
        self.assertFalse(outcome.accepted)
        self.nothing_delivered()

    def test_own_user_with_an_ordinary_from_is_told_and_the_others_are_served(self):
        to = [f"alice@{HERE}", OTHER, OUTSIDE]
        mail = smime.mail(OTHER, to, "S", f"Body {MARK}\n")
        self.accepted(self.submit(mail, to, login=OTHER))
        [outside] = self.sink.wait_for(OUTSIDE)
        self.assertTrue(outside.data.endswith(mail.split(b"\r\n\r\n", 1)[1]), "untouched")
        got = self.delivered(OTHER, count=2)
        [report] = [m for m in got if b"multipart/report" in m]
        self.assertIn(b"x-direct;not-encrypted", report)
        self.assertNotIn(MARK.encode(), report)
        self.nothing_delivered()
        self.in_audit("not-encrypted")
        self.assertEqual(self.legs_of(mail), {f"alice@{HERE}": ("refused", "refused"), OTHER: ("untouched", "untouched"),
                                              OUTSIDE: ("untouched", "untouched")})
        # Alone there is nobody to be served: refused at once.
        self.refused(self.submit(smime.mail(OTHER, f"alice@{HERE}"), f"alice@{HERE}", login=OTHER), "not-encrypted")

    def test_a_strangers_plain_mail_is_refused_for_all(self):
        mail = smime.mail("someone@other.test", [f"alice@{HERE}", OTHER])
        self.refused(self.inbound(mail, [f"alice@{HERE}", OTHER], "someone@other.test"), "not-encrypted",
                     "550 5.7.1 direct: not-encrypted (this address takes only encrypted Direct messages)")
        self.nothing_delivered()
        self.nothing_delivered(OTHER)


class PlainPasses(LegsTest):
    domain = {"plain": "pass"}

    def test_the_marked_copy_is_for_the_direct_mailbox_only(self):
        mail = smime.mail("someone@other.test", [f"alice@{HERE}", OTHER], "S", f"Body {MARK}\n",
                          headers=[("X-Direct-Trust", "pass; forged"), ("Authentication-Results", "mx.here.test; x-direct=pass")])
        self.accepted(self.inbound(mail, [f"alice@{HERE}", OTHER], "someone@other.test"))
        [marked] = self.delivered()
        self.assertEqual(smime.field(marked, "X-Direct-Trust"), "none")
        self.assertNotIn(b"x-direct=pass", marked)
        self.assertEqual(smime.field(marked, "Return-Path"), "<someone@other.test>")
        [other] = self.delivered(OTHER)
        self.assertIn(b"forged", other, "untouched")
        self.accepted(self.inbound(mail, [f"alice@{HERE}", OTHER], "someone@other.test"))
        self.delivered(OTHER, count=2)
        self.postfix.wait_queue_empty()
        self.assertEqual(len(self.postfix.maildir(f"alice@{HERE}")), 1, "the repeat is not a second copy")

    def test_submissions_that_nothing_tells_apart_are_both_delivered(self):
        """Without Message-ID and Date two plain submissions were one: the second copy for ours was lost."""
        for names, copies in (("Message-ID", 1), ("Message-ID|Date", 2)):
            with self.subTest(names):
                self.fresh()
                mail = smime.mail(OTHER, [f"alice@{HERE}", OTHER], "S", f"{MARK} {copies}\n")
                mail = re.sub(rb"(?mi)^(" + names.encode() + rb"): [^\n]*\n", b"", mail)
                for _ in range(2):
                    answer = milter.deliver(self.daemon.socket, OTHER, [f"alice@{HERE}", OTHER], mail, login=OTHER,
                                            daemon_name="ORIGINATING")
                    self.assertEqual(answer.code, 250, answer.text)
                self.settled()
                self.assertEqual(len(self.postfix.maildir(f"alice@{HERE}")), copies)


if __name__ == "__main__":
    unittest.main()
