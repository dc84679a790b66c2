"""What the harness makes is what it says: read back by openssl, looked at in its structure."""
import itertools
import unittest

from harness import smime
from harness.base import Failure, Scratch
from harness.pki import Pki
from harness.smime import Sealing


class SmimeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = Scratch()
        cls.addClassCleanup(scratch.remove)
        pki = Pki(scratch.path)
        cls.root = pki.root("root")
        cls.inter = pki.intermediate("inter", cls.root)
        cls.bob = pki.end("bob", cls.inter, email="bob@direct.there.test")
        cls.bob2 = pki.end("bob2", cls.root, email="bob@direct.there.test", kind="p256")
        cls.alice = pki.end("alice", cls.root, email="alice@direct.here.test")
        cls.here = pki.end("here", cls.root, dns="direct.here.test", kind="p384")
        cls.inner = smime.mail("bob@direct.there.test", "alice@direct.here.test", "Results", "Line one\n.dot\n",
                               [("ccd.xml", "text/xml", b"<a>\xc3\xa9</a>"), ("x.bin", "application/octet-stream",
                                                                              bytes(range(256)))])

    def opened(self, how=Sealing(), signers=None, recipient=None):
        recipient = recipient or self.alice
        message = smime.sealed(self.inner, signers or [self.bob], [recipient], how)
        return message, *smime.open_sealed(message, recipient)

    def test_ciphers_and_transports(self):
        marks = {"aes-128-cbc": "aes-128-cbc", "aes-192-cbc": "aes-192-cbc", "aes-256-cbc": "aes-256-cbc",
                 "aes-256-gcm": "aes-256-gcm"}
        for cipher, transport in itertools.product(marks, ("pkcs1", "oaep-sha1", "oaep-sha256")):
            with self.subTest(cipher=cipher, transport=transport):
                message, inner, _ = self.opened(Sealing(cipher=cipher, transport=transport))
                self.assertEqual(inner, self.inner)
                shown = smime.structure(message)
                self.assertIn(marks[cipher], shown)
                self.assertEqual("rsaesOaep" in shown, transport != "pkcs1")
                self.assertEqual("authEnvelopedData" in shown, cipher.endswith("gcm"))
                if transport == "oaep-sha256":
                    self.assertIn("sha256", shown)

    def test_digests_and_pss(self):
        for digest, pss in itertools.product(("sha1", "sha256", "sha384", "sha512"), (False, True)):
            with self.subTest(digest=digest, pss=pss):
                der = smime.cms_sign(b"x", [self.bob], Sealing(digest=digest, pss=pss))
                shown = smime.structure(smime.pkcs7_mime(der, "signed-data"))
                self.assertIn(digest, shown)
                self.assertEqual("rsassaPss" in shown, pss)
                message, inner, _ = self.opened(Sealing(digest=digest, pss=pss))
                self.assertEqual(inner, self.inner)
                self.assertNotIn(b"Results", message)

    def test_elliptic_recipients_and_signers(self):
        message, inner, verified = self.opened(signers=[self.bob2], recipient=self.here)
        self.assertEqual(inner, self.inner)
        self.assertIn("dhSinglePass-stdDH-sha256kdf-scheme", smime.structure(message))
        self.assertEqual(verified.signers[0].strip(), self.bob2.pem.decode().strip())

    def test_several_signers_and_recipients(self):
        message = smime.sealed(self.inner, [self.bob, self.bob2], [self.alice, self.here])
        self.assertEqual(smime.recipient_count(message), 2)
        for recipient in (self.alice, self.here):
            inner, verified = smime.open_sealed(message, recipient)
            self.assertEqual(inner, self.inner)
            self.assertEqual(len(verified.signers), 2)
        self.assertFalse(smime.can_decrypt(message, self.bob))

    def test_anchors_are_held(self):
        how = Sealing(extra_certificates=(self.inter,))
        message = smime.sealed(self.inner, [self.bob], [self.alice], how)
        smime.open_sealed(message, self.alice, [self.root])
        with self.assertRaises(Failure):
            smime.open_sealed(message, self.alice, [self.alice])
        bare = smime.sealed(self.inner, [self.bob], [self.alice])
        with self.assertRaises(Failure):
            smime.open_sealed(bare, self.alice, [self.root])
        smime.open_sealed(bare, self.alice, [self.inter])

    def test_opaque_unwrapped_and_names(self):
        message, inner, _ = self.opened(Sealing(opaque=True, x_types=True, one_line=True))
        self.assertEqual(inner, self.inner)
        self.assertIn("x-pkcs7-mime", smime.field(message, "Content-Type"))
        self.assertEqual(smime.split(message)[1].count(b"\n"), 1)
        _, inner, verified = self.opened(Sealing(wrapped=False))
        self.assertEqual(smime.split(inner)[1], smime.split(self.inner)[1])
        self.assertIsNone(smime.field(verified.content, "From"))

    def test_line_ends_and_certificates(self):
        _, _, verified = self.opened(Sealing(line_end=b"\n"))
        self.assertNotIn(b"\r\n", verified.content)
        self.assertEqual(smime.crlf(verified.content), smime.wrap(self.inner))
        der = smime.cms_sign(b"x", [self.bob], Sealing(with_certificates=False))
        self.assertLess(len(der), len(smime.cms_sign(b"x", [self.bob])) - 500)

    def test_tampering_is_seen(self):
        entity = smime.signed_entity(smime.wrap(self.inner), [self.bob])
        self.assertEqual(smime.verify(entity).content, smime.wrap(self.inner))
        with self.assertRaises(Failure):
            smime.verify(entity.replace(b"Line one", b"Line two"))
        opaque = smime.signed(self.inner, [self.bob], Sealing(opaque=True))
        self.assertEqual(smime.verify(opaque).content, smime.wrap(self.inner))

    def test_reading(self):
        self.assertEqual(smime.attachments_of(self.inner)["x.bin"], bytes(range(256)))
        self.assertEqual(smime.attachments_of(self.inner)["ccd.xml"], b"<a>\xc3\xa9</a>")
        folded = b"A: one\r\n two\r\nb: 3\r\nA: four\r\n\r\nA: body\r\n"
        self.assertEqual(smime.field(folded, "a"), "one two")
        self.assertEqual(smime.fields(folded), [("A", b"one\r\n two"), ("b", b"3"), ("A", b"four")])
        with self.assertRaises(Failure):
            smime.body_der(self.inner)


if __name__ == "__main__":
    unittest.main()
