"""Inbound mail that is good, in every form the field sends: made by openssl, judged by us, read in a Maildir."""
import os
import re
import unittest

from harness import smime
from harness.site import HERE, THERE, SiteTest
from harness.smime import Sealing

CCD = b"<?xml version=\"1.0\"?>\r\n<note>\xc3\xa9 not clinical \x00</note>".replace(b"\x00", b"") + b"\n\n"


class Forms(SiteTest):
    """One message per form. The inner message must arrive as it was signed, attachments byte for byte."""

    @classmethod
    def make_certificates(cls):
        super().make_certificates()
        pki = cls.pki
        cls.bob256 = pki.end("bob256", cls.there_ca, email=f"bob@{THERE}", kind="p256")
        cls.bob384 = pki.end("bob384", cls.there_ca, email=f"bob@{THERE}", kind="p384")
        cls.alice256 = pki.end("alice256", cls.here_ca, email=f"alice@{HERE}", kind="p256")
        cls.alice384 = pki.end("alice384", cls.here_ca, email=f"alice@{HERE}", kind="p384")
        cls.mid = pki.intermediate("mid", cls.there_ca)
        cls.eve_mid = pki.end("bob-mid", cls.mid, email=f"bob@{THERE}")
        # An authority of which only the intermediate is an anchor here: partial chains (D4).
        cls.far_root = pki.root("far-root")
        cls.far_mid = pki.intermediate("far-mid", cls.far_root)
        cls.far = pki.end("far", cls.far_mid, dns="direct.far.test")
        cls.stranger_ca = pki.root("stranger-ca")
        cls.stranger_bob = pki.end("stranger-bob", cls.stranger_ca, email=f"bob@{THERE}")
        cls.expired_bob = pki.end("expired-bob", cls.there_ca, email=f"bob@{THERE}", start=-20, end=-1)

    @classmethod
    def install_certificates(cls):
        super().install_certificates()
        cls.daemon.add_key(f"alice@{HERE}", cls.alice256)
        cls.daemon.add_key(f"alice@{HERE}", cls.alice384)
        cls.daemon.add_anchor(HERE, cls.far_mid, "in")

    def setUp(self):
        self.fresh()

    def goes_through(self, how=None, signers=None, recipients=None, inner=None, to=f"alice@{HERE}"):
        attachment = os.urandom(3000) + b"\r\n.\r\n\n\r"
        if inner is None:
            inner = smime.mail(f"bob@{THERE}", to, "Lab result", "Some text.\n",
                               [("scan.pdf", "application/pdf", attachment), ("note.xml", "application/xml", CCD)])
        message = smime.sealed(inner, signers or [self.bob], recipients or [self.alice], how or Sealing())
        self.accepted(self.inbound(message, to))
        got = self.delivered(to)[-1]
        self.assertEqual(smime.field(got, "Subject"), smime.field(inner, "Subject"))
        self.assertEqual(smime.attachments_of(got), smime.attachments_of(inner))
        return got

    def test_results_header_and_envelope(self):
        got = self.goes_through()
        results = smime.field(got, "Authentication-Results")
        self.assertIn("x-direct=pass", results)
        self.assertIn(f"header.from=bob@{THERE}", results)
        self.assertIn(f"signer={self.bob.fingerprint}", smime.field(got, "X-Direct-Trust"))
        self.assertRegex(smime.field(got, "Return-Path"), r"^<direct-dsn\+[0-9a-f]+@")
        entries = self.in_audit("accepted")
        self.assertIn(self.bob.fingerprint, str(entries))

    def test_inner_message_is_exact(self):
        inner = smime.mail(f"bob@{THERE}", f"alice@{HERE}", "Exact", "Zeile mit \u00e4.\n.\n..\nEnde\n")
        got = self.goes_through(inner=inner)
        self.assertTrue(got.replace(b"\n", b"\r\n").endswith(smime.split(inner)[1]), got)

    def test_opaque(self):
        self.goes_through(Sealing(opaque=True))

    def test_old_type_names(self):
        self.goes_through(Sealing(x_types=True))

    def test_without_smime_type(self):
        self.goes_through(Sealing(smime_type=False, opaque=True))

    def test_one_line_base64(self):
        self.goes_through(Sealing(one_line=True))

    def test_lf_line_ends_were_signed(self):
        self.goes_through(Sealing(line_end=b"\n"))

    def test_ciphers(self):
        for cipher in ("aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "aes-128-gcm", "aes-256-gcm"):
            with self.subTest(cipher):
                self.postfix.empty_mailboxes()
                self.goes_through(Sealing(cipher=cipher))

    def test_key_transports(self):
        for transport in ("pkcs1", "oaep-sha1", "oaep-sha256"):
            with self.subTest(transport):
                self.postfix.empty_mailboxes()
                self.goes_through(Sealing(transport=transport))

    def test_elliptic_recipients(self):
        for recipient in (self.alice256, self.alice384):
            with self.subTest(recipient.name):
                self.postfix.empty_mailboxes()
                self.goes_through(recipients=[recipient])

    def test_digests_and_signature_kinds(self):
        for how, signer in ((Sealing(digest="sha384"), self.bob), (Sealing(digest="sha512"), self.bob),
                            (Sealing(pss=True), self.bob), (Sealing(), self.bob256),
                            (Sealing(digest="sha384"), self.bob384)):
            with self.subTest(f"{how.digest} {how.pss} {signer.kind}"):
                self.postfix.empty_mailboxes()
                self.goes_through(how, signers=[signer])

    def test_domain_bound_signer_and_other_spelling_of_from(self):
        inner = smime.mail(f"DAVE@{THERE.upper()}", f"alice@{HERE}")
        self.goes_through(signers=[self.there], inner=inner)

    def test_local_part_in_capitals(self):
        self.goes_through(inner=smime.mail(f"BOB@{THERE}", f"ALICE@{HERE}"))

    def test_one_good_signer_is_enough_in_any_order(self):
        for others in ([self.stranger_bob, self.bob], [self.bob, self.stranger_bob],
                       [self.expired_bob, self.stranger_bob, self.bob]):
            with self.subTest([c.name for c in others]):
                self.postfix.empty_mailboxes()
                self.goes_through(signers=others)

    def test_intermediate_inside_the_cms(self):
        self.goes_through(Sealing(extra_certificates=(self.mid,)), signers=[self.eve_mid])

    def test_an_intermediate_is_the_anchor(self):
        inner = smime.mail("doc@direct.far.test", f"alice@{HERE}")
        self.goes_through(signers=[self.far], inner=inner)

    def test_unwrapped_is_taken_and_marked(self):
        inner = smime.mail(f"bob@{THERE}", f"alice@{HERE}", "Outer subject stays")
        message = smime.sealed(inner, [self.bob], [self.alice], Sealing(wrapped=False))
        self.accepted(self.inbound(message))
        got = self.delivered()[-1]
        self.assertIn("unwrapped", smime.field(got, "X-Direct-Trust"))
        self.assertIn(b"Hello.", got)

    def test_our_marks_on_arriving_mail_are_removed(self):
        inner = smime.mail(f"bob@{THERE}", f"alice@{HERE}",
                           headers=[("X-Direct-Trust", "pass; forged"), ("Bcc", "secret@elsewhere.test"),
                                    ("Delivered-To", "x@y.test")])
        got = self.goes_through(inner=inner)
        self.assertNotIn(b"forged", got)
        self.assertNotIn(b"secret@elsewhere.test", got)
        self.assertEqual(len(re.findall(rb"(?mi)^X-Direct-Trust:", got)), 1)

    def test_a_recipient_outside_our_domains_gets_ciphertext(self):
        inner, message = self.from_bob(text="PLAINTEXT-MARK\n")
        self.accepted(self.inbound(message, [f"alice@{HERE}", "extra@relayed.test"]))
        self.assertIn(b"PLAINTEXT-MARK", self.delivered()[-1])
        other = self.sink.wait_for("extra@relayed.test")[-1]
        self.assertNotIn(b"PLAINTEXT-MARK", other.data)
        self.assertEqual(smime.body_der(other.data), smime.body_der(message))
        self.assertEqual([m.recipients for m in self.sink.for_address(f"alice@{HERE}")], [])

    def test_repeat_of_the_same_message_is_delivered_once(self):
        _, message = self.from_bob()
        self.accepted(self.inbound(message))
        self.delivered()
        self.accepted(self.inbound(message))
        _, last = self.from_bob(subject="last")
        self.accepted(self.inbound(last))
        self.assertEqual(len(self.delivered(count=2)), 2)

    def test_a_recipient_not_in_to_is_marked(self):
        inner = smime.mail(f"bob@{THERE}", f"someone@{THERE}")
        self.accepted(self.inbound(smime.sealed(inner, [self.bob], [self.alice])))
        self.assertIn("tampered", smime.field(self.delivered()[-1], "X-Direct-Trust"))

    def test_two_recipients_one_key_each(self):
        inner, message = self.from_bob(to=[f"alice@{HERE}", f"carol@{HERE}"], recipients=[self.alice, self.here])
        self.accepted(self.inbound(message, [f"alice@{HERE}", f"carol@{HERE}"]))
        self.delivered()
        self.delivered(f"carol@{HERE}")

    def test_a_recipient_without_a_fitting_key_leaves_the_others_are_served(self):
        inner, message = self.from_bob(to=[f"alice@{HERE}", f"carol@{HERE}"], recipients=[self.alice])
        self.accepted(self.inbound(message, [f"alice@{HERE}", f"carol@{HERE}"]))
        self.delivered()
        self.nothing_delivered(f"carol@{HERE}")
        self.in_audit("no-key")


class NotOurs(SiteTest):
    """Mail in which no Direct domain of ours is involved passes byte for byte."""

    def test_byte_for_byte(self):
        body = bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n.dot\r\n" + b"x" * 5000 + b"\r\n"
        message = (b"From:   Odd  Spacing <a@elsewhere.test>\r\nX-Folded: one\r\n\ttwo\r\n   three\r\nTo: plain@here.test\r\n"
                   b"Subject: =?utf-8?q?=C3=A4?=\r\nMessage-ID: <1@elsewhere.test>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
                   b"X-Direct-Trust: not ours to judge\r\n\r\n") + body
        self.accepted(self.inbound(message, "plain@here.test", "a@elsewhere.test"))
        got = self.delivered("plain@here.test")[-1].replace(b"\n", b"\r\n")
        self.assertTrue(got.endswith(message), got)

    def test_the_body_is_not_even_asked_for(self):
        before = self.daemon.ctl("metrics").out
        self.accepted(self.inbound(smime.mail("a@elsewhere.test", "plain@here.test", text="x" * 1000),
                                   "plain@here.test", "a@elsewhere.test"))
        after = self.daemon.ctl("metrics").out

        def value(text, name):
            return float(re.search(rf"^{name} (\S+)$", text, re.M).group(1))
        self.assertEqual(value(before, "direct_bytes_received_total"), value(after, "direct_bytes_received_total"))
        self.assertGreater(value(after, "direct_messages_untouched_total"),
                           value(before, "direct_messages_untouched_total"))


if __name__ == "__main__":
    unittest.main()
