"""The PKI of the tests is what it says it is; openssl itself is the judge."""
import unittest

from harness.base import Failure, Scratch, run, write
from harness.pki import Pki


class PkiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = Scratch()
        cls.addClassCleanup(scratch.remove)
        cls.scratch, cls.pki = scratch, Pki(scratch.path)
        cls.root = cls.pki.root("root")
        cls.inter = cls.pki.intermediate("inter", cls.root, path_length=0)

    def verify(self, cert, *options, anchor=None):
        return run(["openssl", "verify", "-CAfile", (anchor or self.root).cert, "-untrusted", self.inter.cert,
                    *options, cert.cert])

    def refused(self, cert, why, *options, **more):
        with self.assertRaisesRegex(Failure, why):
            self.verify(cert, *options, **more)

    def test_chain(self):
        cert = self.pki.end("alice", self.inter, email="alice@direct.here.test")
        self.verify(cert, "-purpose", "smimesign")
        self.assertEqual([c.name for c in cert.chain], ["inter"])
        self.assertIn("email:alice@direct.here.test", cert.shown("-ext", "subjectAltName"))
        self.assertEqual(len(cert.fingerprint), 64)

    def test_kinds(self):
        for kind, words in (("rsa1024", "1024 bit"), ("rsa3072", "3072 bit"), ("p256", "P-256"), ("p384", "P-384")):
            cert = self.pki.end(kind, self.root, dns="direct.here.test", kind=kind)
            self.assertIn(words, cert.shown("-text"))
            self.assertIn("DNS:direct.here.test", cert.shown("-ext", "subjectAltName"))
            self.assertIn("keyAgreement" if cert.is_ec else "keyEncipherment",
                          cert.shown("-text").replace("Key Agreement", "keyAgreement").replace("Key Encipherment",
                                                                                              "keyEncipherment"))

    def test_dates(self):
        old = self.pki.end("old", self.root, email="a@b.test", start=-30, end=-1)
        new = self.pki.end("new", self.root, email="a@b.test", start=2, end=30)
        self.refused(old, "certificate has expired")
        self.refused(new, "not yet valid")

    def test_usages(self):
        shown = {u: self.pki.end(u, self.root, email="a@b.test", usage=u).shown("-text")
                 for u in ("dual", "sign", "encrypt", "none")}
        self.assertRegex(shown["dual"], "Digital Signature, Key Encipherment")
        self.assertNotIn("Key Encipherment", shown["sign"])
        self.assertNotIn("Digital Signature", shown["encrypt"])
        self.assertNotIn("X509v3 Key Usage", shown["none"])
        other = self.pki.end("web", self.root, email="a@b.test", eku="serverAuth")
        self.refused(other, "purpose", "-purpose", "smimesign")

    def test_weak_digest(self):
        cert = self.pki.end("sha1", self.root, email="a@b.test", digest="sha1")
        self.assertIn("sha1WithRSAEncryption", cert.shown("-text"))

    def test_forgery_has_the_anchor_s_key_identifier_and_another_key(self):
        forged = self.pki.forgery("stranger", self.root, email="alice@direct.here.test")
        self.assertEqual(forged.subject_key_id, self.root.subject_key_id)
        self.assertEqual(forged.shown("-subject"), self.root.shown("-subject"))
        self.assertEqual(forged.shown("-issuer").split("=", 1)[1], forged.shown("-subject").split("=", 1)[1])
        self.assertNotEqual(forged.shown("-pubkey"), self.root.shown("-pubkey"))
        self.refused(forged, "error")
        authority = self.pki.forgery("stranger-ca", self.root, authority=True)
        below = self.pki.end("below", authority, email="alice@direct.here.test")
        self.assertEqual(authority.subject_key_id, self.root.subject_key_id)
        self.refused(below, "error")
        self.verify(below, anchor=authority)

    def test_keys_are_not_shared(self):
        certs = [self.pki.end(f"k{i}", self.root, email="a@b.test", kind="p256") for i in range(3)]
        certs.append(Pki(self.scratch.folder("other")).root("other", kind="p256"))
        self.assertEqual(len({c.shown("-pubkey") for c in certs}), 4)
        same = self.pki.end("same", self.root, email="a@b.test", kind="p256", key=certs[0].key)
        self.assertEqual(same.shown("-pubkey"), certs[0].shown("-pubkey"))

    def test_revocation(self):
        good = self.pki.end("good", self.inter, email="a@b.test", cdp="http://127.0.0.1/x.crl")
        bad = self.pki.end("bad", self.inter, email="a@b.test")
        crls = write(f"{self.scratch.path}/crl.pem", self.pki.crl(self.inter, [bad]))
        self.assertIn("http://127.0.0.1/x.crl", good.shown("-text"))
        self.verify(good, "-crl_check", "-CRLfile", crls)
        self.refused(bad, "certificate revoked", "-crl_check", "-CRLfile", crls)


if __name__ == "__main__":
    unittest.main()
