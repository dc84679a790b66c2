"""Outbound mail: submitted with a login, read at the outside sink by openssl."""
import re
import subprocess
import unittest

from harness import client, smime
from harness.site import HERE, PASSWORD, THERE, SiteTest

MARK = "CLEARMARK5150"


class Outbound(SiteTest):
    @classmethod
    def make_certificates(cls):
        super().make_certificates()
        pki = cls.pki
        cls.sign_alice = pki.end("sign-alice", cls.here_ca, email=f"alice@{HERE}", usage="sign")
        cls.encrypt_alice = pki.end("encrypt-alice", cls.here_ca, email=f"alice@{HERE}", usage="encrypt")
        cls.ec_bob = pki.end("ec-bob", cls.there_ca, email=f"ec@{THERE}", kind="p256")
        cls.expired = pki.end("expired", cls.there_ca, email=f"expired@{THERE}", start=-20, end=-1)
        cls.sign_only = pki.end("sign-only", cls.there_ca, email=f"signonly@{THERE}", usage="sign")
        cls.stranger_ca = pki.root("stranger-ca")
        cls.stranger = pki.end("stranger", cls.stranger_ca, email="doc@direct.stranger.test")
        cls.oaep = pki.end("oaep", cls.there_ca, dns="direct.oaep.test")
        cls.gcm = pki.end("gcm", cls.there_ca, dns="direct.gcm.test")

    peers = ({"domain": "direct.oaep.test", "key_transport": "oaep-sha256"},
             {"domain": "direct.gcm.test", "cipher": "aes-256-gcm"})

    @classmethod
    def install_certificates(cls):
        d = cls.daemon
        d.add_key(f"alice@{HERE}", cls.sign_alice)
        d.add_key(f"alice@{HERE}", cls.encrypt_alice)
        d.add_key(HERE, cls.here)
        for ca in (cls.here_ca, cls.there_ca):
            d.add_anchor(HERE, ca)
        d.add_certificate(f"bob@{THERE}", cls.bob)
        d.add_certificate(THERE, cls.there)
        d.add_certificate(f"ec@{THERE}", cls.ec_bob)
        d.add_certificate(f"expired@{THERE}", cls.expired)
        d.add_certificate(f"signonly@{THERE}", cls.sign_only)
        d.add_certificate("doc@direct.stranger.test", cls.stranger)
        d.add_certificate("direct.oaep.test", cls.oaep)
        d.add_certificate("direct.gcm.test", cls.gcm)

    def setUp(self):
        self.fresh()

    def mail(self, to, **more):
        return smime.mail(f"alice@{HERE}", to, f"Subject {MARK}", f"Body {MARK} \u00e4\n",
                          [("a.bin", "application/octet-stream", MARK.encode() * 100)], **more)

    def nothing_clear_left(self):
        for m in self.sink.mails:
            self.assertNotIn(MARK.encode(), m.data)

    def test_what_left_is_signed_and_sealed(self):
        mail = self.mail(f"bob@{THERE}", headers=[("Cc", f"dave@{THERE}"), ("X-Mailer", "tells too much")])
        self.accepted(self.submit(mail, [f"bob@{THERE}", f"dave@{THERE}"]))
        got = self.sink.wait_for(f"bob@{THERE}")[0].data
        self.nothing_clear_left()
        inner, verified = smime.open_sealed(got, self.bob, [self.here_ca])
        self.assertEqual(smime.field(inner, "Subject"), f"Subject {MARK}")
        self.assertEqual(smime.attachments_of(inner), smime.attachments_of(mail))
        # one envelope to all recipients, signed with the key whose usage allows it
        self.assertEqual(smime.recipient_count(got), 2)
        smime.open_sealed(got, self.there, [self.here_ca])
        self.assertEqual([p.strip() for p in verified.signers], [self.sign_alice.pem.decode().strip()])
        # outside (B4, B8, B9)
        names = [n.lower() for n, _ in smime.fields(got)]
        for name in ("x-mailer", "bcc"):
            self.assertNotIn(name, names)
        self.assertEqual(smime.field(got, "Message-ID"), smime.field(inner, "Message-ID"))
        self.assertEqual(smime.field(got, "Message-ID"), smime.field(mail, "Message-ID"))
        self.assertNotIn(MARK, smime.field(got, "Subject") or "")
        for name in ("From", "To", "Cc", "Date", "MIME-Version", "Content-Type"):
            self.assertEqual(names.count(name.lower()), 1, name)
        self.assertIn("smime-type=enveloped-data", smime.field(got, "Content-Type"))
        self.assertIn("smime.p7m", smime.field(got, "Content-Type"))
        self.assertIn("smime.p7m", smime.field(got, "Content-Disposition"))
        # inside (B1, B2, B3, C1, C13)
        entity = smime.decrypt(got, self.bob)
        kind = smime.field(entity, "Content-Type")
        self.assertIn("multipart/signed", kind)
        self.assertIn("application/pkcs7-signature", kind)
        self.assertRegex(kind, r'micalg="?sha-?256')
        content, _ = smime.signed_parts(entity)
        self.assertTrue(smime.field(content, "Content-Type").lower().startswith("message/rfc822"))
        self.assertIn("aes-256-cbc", smime.structure(got))
        self.assertFalse([b for b in got if b > 127])
        self.in_audit("sealed")

    def test_missing_message_id_and_date_are_added_before_wrapping(self):
        mail = re.sub(rb"(?m)^(Message-ID|Date): [^\n]*\n", b"", self.mail(f"bob@{THERE}"))
        self.accepted(self.submit(mail, f"bob@{THERE}"))
        inner, _ = smime.open_sealed(self.sink.wait_for(f"bob@{THERE}")[0].data, self.bob)
        for name in ("Message-ID", "Date", "MIME-Version"):
            self.assertTrue(smime.field(inner, name), name)

    def test_elliptic_recipient(self):
        self.accepted(self.submit(self.mail(f"ec@{THERE}"), f"ec@{THERE}"))
        got = self.sink.wait_for(f"ec@{THERE}")[0].data
        smime.open_sealed(got, self.ec_bob, [self.here_ca])
        self.assertIn("dhSinglePass-stdDH-sha256kdf", smime.structure(got))

    def test_partners_exceptions(self):
        to = ["x@direct.oaep.test", "y@direct.gcm.test"]
        self.accepted(self.submit(self.mail(to), to))
        oaep = self.sink.wait_for(to[0])[0].data
        self.assertIn("rsaesOaep", smime.structure(oaep))
        smime.open_sealed(oaep, self.oaep)
        gcm = self.sink.wait_for(to[1])[0].data
        self.assertIn("aes-256-gcm", smime.structure(gcm))
        self.assertIn("authEnveloped-data", smime.field(gcm, "Content-Type"))
        smime.open_sealed(gcm, self.gcm)

    def test_bcc_gets_an_envelope_of_its_own(self):
        self.accepted(self.submit(self.mail(f"bob@{THERE}"), [f"bob@{THERE}", f"dave@{THERE}"]))
        visible = self.sink.wait_for(f"bob@{THERE}")[0]
        hidden = self.sink.wait_for(f"dave@{THERE}")[0]
        self.assertEqual(smime.recipient_count(visible.data), 1)
        self.assertEqual(smime.recipient_count(hidden.data), 1)
        self.assertFalse(smime.can_decrypt(visible.data, self.there))
        smime.open_sealed(hidden.data, self.there, [self.here_ca])
        self.assertEqual(visible.recipients, [f"bob@{THERE}"])

    def test_a_recipient_without_a_certificate_is_dropped_with_a_notice(self):
        to = [f"bob@{THERE}", "nobody@direct.unknown.test", f"expired@{THERE}", "doc@direct.stranger.test"]
        self.accepted(self.submit(self.mail(to), to))
        self.sink.wait_for(f"bob@{THERE}")
        report = self.delivered()[0]
        self.assertEqual([m.recipients for m in self.sink.mails], [[f"bob@{THERE}"]])
        self.nothing_clear_left()
        self.assertNotIn(MARK.encode(), report)
        parsed = smime.parsed(report)
        self.assertEqual(parsed.get_content_type(), "multipart/report")
        self.assertEqual(smime.field(report, "Return-Path"), "<>")
        text = report.decode()
        for address, status in (("nobody@direct.unknown.test", "5.7.31"), (f"expired@{THERE}", "5.7.31"),
                                ("doc@direct.stranger.test", "5.7.11")):
            self.assertRegex(text, rf"Final-Recipient: rfc822; ?{re.escape(address)}\r?\nAction: failed\r?\nStatus: {status}")
        self.in_audit("no-certificate")

    def refused_to(self, to, token, reply):
        outcome = self.submit(self.mail(to), to)
        self.refused(outcome, token, reply)
        self.postfix.wait_queue_empty()
        self.assertEqual(self.sink.mails, [])

    def test_refused_when_nobody_is_left(self):
        self.refused_to("nobody@direct.unknown.test", "no-certificate", "554 5.7.31 direct: no-certificate")
        self.refused_to(f"expired@{THERE}", "no-valid-certificate", "554 5.7.31 direct: no-valid-certificate")
        self.refused_to(f"signonly@{THERE}", "no-valid-certificate", "554 5.7.31 direct: no-valid-certificate")
        self.refused_to("plain@elsewhere.test", "no-certificate", "554 5.7.31 direct: no-certificate")

    def test_untrusted_partner(self):
        outcome = self.submit(self.mail("doc@direct.stranger.test"), "doc@direct.stranger.test")
        self.assertRegex(outcome.last.decode(), r"^554 5\.7\.11 direct: (untrusted|no-path)\r\n$")
        self.assertEqual(self.sink.mails, [])

    def test_somebody_elses_name(self):
        outcome = self.submit(self.mail(f"bob@{THERE}"), f"bob@{THERE}", login=f"carol@{HERE}")
        self.refused(outcome, "not-authorised", "554 5.7.1 direct: not-authorised")

    def test_from_outside_claiming_to_be_ours_is_never_signed_for(self):
        outcome = client.send(self.postfix.mx, f"alice@{HERE}", "x@relayed.test", self.mail("x@relayed.test"))
        self.refused(outcome, "not-authorised")
        self.assertEqual(self.sink.mails, [])

    def test_already_encrypted(self):
        inner = self.mail(f"bob@{THERE}")
        self.refused(self.submit(smime.sealed(inner, [self.sign_alice], [self.bob]), f"bob@{THERE}"),
                     "already-encrypted", "554 5.7.1 direct: already-encrypted")

    def test_local_to_local_is_clear_and_judged(self):
        mail = self.mail([f"carol@{HERE}", f"bob@{THERE}"])
        self.accepted(self.submit(mail, [f"carol@{HERE}", f"bob@{THERE}"]))
        got = self.delivered(f"carol@{HERE}")[0]
        self.assertIn(f"Subject {MARK}", smime.field(got, "Subject"))
        self.assertEqual(smime.attachments_of(got), smime.attachments_of(mail))
        smime.open_sealed(self.sink.wait_for(f"bob@{THERE}")[0].data, self.bob, [self.here_ca])
        self.nothing_clear_left()
        self.in_audit("clear-local")

    def test_what_we_seal_we_open(self):
        mail = self.mail(f"bob@{THERE}")
        self.accepted(self.submit(mail, f"bob@{THERE}"))
        entity = smime.decrypt(self.sink.wait_for(f"bob@{THERE}")[0].data, self.bob)
        back = smime.outer(smime.mail(f"alice@{HERE}", f"carol@{HERE}"),
                           smime.pkcs7_mime(smime.cms_encrypt(entity, [self.here]), "enveloped-data"))
        self.accepted(self.inbound(back, f"carol@{HERE}", f"alice@{HERE}"))
        self.assertIn(b"tampered", self.delivered(f"carol@{HERE}")[0])

    def test_smtp_source_is_refused_for_each_message(self):
        done = subprocess.run(["smtp-source", "-c", "-m", "20", "-s", "4", "-f", "s@elsewhere.test", "-t", f"alice@{HERE}",
                               f"127.0.0.1:{self.postfix.mx}"], capture_output=True, text=True, timeout=60, check=False)
        self.assertIn("550", done.stdout + done.stderr)
        self.in_audit("not-encrypted")
        self.nothing_delivered(f"alice@{HERE}")

    def test_swaks_submits(self):
        code, said = client.swaks(self.postfix.submission, "--from", f"alice@{HERE}", "--to", f"bob@{THERE}",
                                  "--auth", "PLAIN", "--auth-user", f"alice@{HERE}", "--auth-password", PASSWORD,
                                  "--header", f"Subject: {MARK}", "--body", MARK)
        self.assertEqual(code, 0, said)
        inner, _ = smime.open_sealed(self.sink.wait_for(f"bob@{THERE}")[0].data, self.bob, [self.here_ca])
        self.assertIn(MARK.encode(), inner)
        self.nothing_clear_left()


if __name__ == "__main__":
    unittest.main()
