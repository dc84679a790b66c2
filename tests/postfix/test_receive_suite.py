"""DirectTrust's receive tests, end to end: what is good is delivered and answered with one `processed`, what is not
is refused, delivered nowhere and answered with no notification of any kind. And notices under one-way trust."""
import email
import re
import unittest

from harness import smime
from harness.site import HERE, THERE, SiteTest
from harness.smime import Sealing
from harness.web import Web

OPTION = ("Disposition-Notification-Options", "X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true")


class ReceiveTest(SiteTest):
    def setUp(self):
        self.fresh()

    def notices(self, to, key, count):
        """(disposition, recipient) of the notices somebody outside got, opened with his key."""
        self.sink.wait_for(to, count)
        self.settled()
        out = []
        for mail in self.sink.for_address(to):
            inner, _ = smime.open_sealed(mail.data, key, [self.here_ca])
            fields = email.message_from_bytes(inner).get_payload()[1].get_payload()[0]
            out.append((fields["Disposition"].rsplit(";", 1)[1].strip(), fields["Final-Recipient"].split(";")[1].strip()))
        return sorted(out)


class HappyPath(ReceiveTest):
    @classmethod
    def make_certificates(cls):
        super().make_certificates()
        pki = cls.pki
        cls.other_ca, cls.stranger_ca = pki.root("other-ca"), pki.root("stranger-ca")
        cls.other_bob = pki.end("other-bob", cls.other_ca, email=f"bob@{THERE}")
        cls.expired_bob = pki.end("expired-bob", cls.there_ca, email=f"bob@{THERE}", start=-20, end=-1)
        cls.stranger_bob = pki.end("stranger-bob", cls.stranger_ca, email=f"bob@{THERE}")
        cls.forged_bob = pki.forgery("forged-bob", cls.there_ca, email=f"bob@{THERE}")

    @classmethod
    def install_certificates(cls):
        super().install_certificates()
        cls.daemon.add_anchor(HERE, cls.other_ca)

    def happy(self, how=None, signers=None, to=f"alice@{HERE}", sender=f"bob@{THERE}", notified=None, **mail):
        inner = smime.mail(sender, to, "Receive", "Text\n", **mail)
        message = smime.sealed(inner, signers or [self.bob], [self.alice], how or Sealing())
        self.accepted(self.inbound(message, to))
        [got] = self.delivered()
        self.assertEqual(smime.field(got, "Subject"), "Receive")
        self.assertEqual(self.notices(sender, self.bob, notified or 1)[0][0],
                         "dispatched" if notified else "processed")
        return got

    def test_payloads(self):
        pdf, png = b"%PDF-1.4\n" + bytes(range(256)) * 20, b"\x89PNG\r\n\x1a\n" + bytes(2000)
        cda = b"<?xml version=\"1.0\"?><ClinicalDocument xmlns=\"urn:hl7-org:v3\"/>"
        kinds = {"text": [], "cda": [("ccd.xml", "text/xml", cda)], "image": [("x.png", "image/png", png)],
                 "pdf": [("x.pdf", "application/pdf", pdf)],
                 "mixed": [("ccd.xml", "text/xml", cda), ("x.png", "image/png", png), ("x.pdf", "application/pdf", pdf)]}
        for name, attachments in kinds.items():
            with self.subTest(name):
                self.setUp()
                got = self.happy(attachments=attachments)
                self.assertEqual(list(smime.attachments_of(got).values()), [a[-1] for a in attachments])

    def test_several_signers_one_good_in_any_order(self):
        good = self.bob
        for name, bad in (("EC", self.expired_bob), ("NT", self.stranger_bob), ("NTRSO", self.forged_bob)):
            for order in ([bad, good], [good, bad]):
                with self.subTest(name, first=order[0].name):
                    self.setUp()
                    self.happy(signers=order)
        self.setUp()
        self.happy(signers=[self.stranger_bob, self.expired_bob, good, self.forged_bob])

    def test_another_anchor_of_ours(self):
        self.happy(signers=[self.other_bob])

    def test_local_part_in_capitals_and_in_small_letters(self):
        for local in ("BOB", "bob", "bOb"):
            with self.subTest(local):
                self.setUp()
                self.happy(sender=f"{local}@{THERE}")

    def test_key_transport_oaep(self):
        for transport in ("oaep-sha1", "oaep-sha256"):
            with self.subTest(transport):
                self.setUp()
                self.happy(Sealing(transport=transport))

    def test_final_delivery_is_told_when_asked_for(self):
        self.happy(headers=[OPTION], notified=2)


class ExceptionPath(ReceiveTest):
    """Not one notice of any kind, and nothing in the mailbox, whatever was asked for."""
    sections = {"fetch": {"allow_networks": ["127.0.0.0/8"]}}

    @classmethod
    def make_certificates(cls):
        super().make_certificates()
        pki = cls.pki
        cls.stranger_ca = pki.root("stranger-ca")
        cls.expired_bob = pki.end("expired-bob", cls.there_ca, email=f"bob@{THERE}", start=-20, end=-1)
        cls.stranger_bob = pki.end("stranger-bob", cls.stranger_ca, email=f"bob@{THERE}")
        cls.web = Web()
        cls.addClassCleanup(cls.web.stop)
        cls.revoked_bob = pki.end("revoked-bob", cls.there_ca, email=f"bob@{THERE}", cdp=cls.web.url("/there.crl"))
        cls.web.paths["/there.crl"] = pki.crl(cls.there_ca, [cls.revoked_bob])
        cls.forged_bob = pki.forgery("forged-bob", cls.there_ca, email=f"bob@{THERE}")

    def messages(self):
        inner = smime.mail(f"bob@{THERE}", f"alice@{HERE}", headers=[OPTION, ("Disposition-Notification-To",
                                                                             f"bob@{THERE}")])
        whole = [self.alice]
        yield "expired", smime.sealed(inner, [self.expired_bob], whole)
        yield "untrusted", smime.sealed(inner, [self.stranger_bob], whole, Sealing(extra_certificates=(self.stranger_ca,)))
        yield "untrusted", smime.sealed(inner, [self.forged_bob], whole)
        yield "revoked", smime.sealed(inner, [self.revoked_bob], whole)
        yield "expired", smime.sealed(inner, [self.expired_bob, self.stranger_bob], whole)
        entity = smime.signed_entity(smime.wrap(inner), [self.bob])
        self.assertEqual(entity.count(b"Hello."), 1)
        changed = smime.cms_encrypt(entity.replace(b"Hello.", b"Jello."), whole)
        yield "bad-signature", smime.outer(inner, smime.pkcs7_mime(changed, "enveloped-data"))
        yield "not-signed", smime.sealed(inner, [], whole)

    def test_no_notice_for_what_is_refused(self):
        for token, message in self.messages():
            with self.subTest(token):
                outcome = self.inbound(message)
                self.refused(outcome, token)
                self.assertTrue(re.match(rb"554 ", outcome.last), outcome.last)
        self.settled()
        self.nothing_delivered()
        self.assertEqual(self.sink.mails, [])


def report(kind, sender, to, about=f"<1@{HERE}>"):
    """A notice as other programs write them."""
    name = "disposition-notification" if kind == "mdn" else "delivery-status"
    field = ("Disposition: automatic-action/MDN-sent-automatically;processed" if kind == "mdn"
             else "Action: failed\r\nStatus: 5.1.1")
    return (f"From: {sender}\r\nTo: {to}\r\nSubject: Notice\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
            f"Message-ID: <{kind}-{abs(hash((sender, to)))}@{sender.split('@')[1]}>\r\nIn-Reply-To: {about}\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: multipart/report; report-type={name}; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
            f"Notice.\r\n--b\r\nContent-Type: message/{name}\r\n\r\nReporting-UA: there.test\r\n"
            f"Final-Recipient: rfc822;{sender}\r\nOriginal-Message-ID: {about}\r\n{field}\r\n\r\n--b--\r\n").encode()


class OneWay(ReceiveTest):
    """D10: bob may write to us, we may not write to him; with far it is the other way round."""
    @classmethod
    def make_certificates(cls):
        super().make_certificates()
        cls.far_ca = cls.pki.root("far-ca")
        cls.far = cls.pki.end("far", cls.far_ca, dns="direct.far.test")

    @classmethod
    def install_certificates(cls):
        d = cls.daemon
        d.add_key(f"alice@{HERE}", cls.alice)
        d.add_key(HERE, cls.here)
        d.add_anchor(HERE, cls.here_ca)
        d.add_anchor(HERE, cls.there_ca, "in")
        d.add_anchor(HERE, cls.far_ca, "out")
        d.add_certificate(f"bob@{THERE}", cls.bob)
        d.add_certificate("direct.far.test", cls.far)

    def test_who_may_only_write_to_us_hears_of_it(self):
        inner, message = self.from_bob()
        self.accepted(self.inbound(message))
        self.delivered()
        self.assertEqual(self.notices(f"bob@{THERE}", self.bob, 1), [("processed", f"alice@{HERE}")])
        # Ordinary mail does not go there.
        refused = self.submit(smime.mail(f"alice@{HERE}", f"bob@{THERE}"), f"bob@{THERE}")
        self.refused(refused, "no-path")
        # The answer of a mail program does.
        self.sink.clear()
        self.accepted(self.submit(report("mdn", f"alice@{HERE}", f"bob@{THERE}"), f"bob@{THERE}"))
        self.assertEqual(len(self.sink.wait_for(f"bob@{THERE}", 1)), 1)

    def test_notices_come_back_from_whom_we_may_only_write_to(self):
        doc = "doc@direct.far.test"
        for kind in ("mdn", "dsn"):
            with self.subTest(kind):
                sent = smime.mail(f"alice@{HERE}", doc)
                self.accepted(self.submit(sent, doc))
                about = smime.field(sent, "Message-ID")
                message = smime.sealed(report(kind, doc, f"alice@{HERE}", about), [self.far], [self.alice])
                self.accepted(self.inbound(message, sender=doc))
        self.delivered(count=2)
        message = smime.sealed(smime.mail(doc, f"alice@{HERE}", "Ordinary"), [self.far], [self.alice])
        self.refused(self.inbound(message, sender=doc), "no-path")
        self.settled()
        self.assertEqual(len(self.sink.for_address(doc)), 2, "what alice sent, and no notice")


if __name__ == "__main__":
    unittest.main()
