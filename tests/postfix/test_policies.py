"""Certificate policies of a domain, through SMTP: which key signs, which certificate is sealed for, whom we believe."""
import json
import os
import unittest

from harness import smime
from harness.base import until, write
from harness.site import HERE, THERE, SiteTest

SIGNS_ONLY = "((X509.TBS.EXTENSION.KeyUsage+ & 128) > 0) && ((X509.TBS.EXTENSION.KeyUsage+ & 32) = 0)\n"
OPENS = "(X509.TBS.EXTENSION.KeyUsage+ & 32) > 0\n"
MAIL_ONLY = "^X509.TBS.EXTENSION.ExtKeyUsageSyntax = 1\n"


class Policies(SiteTest):
    @classmethod
    def setUpClass(cls):
        cls.domain = {"policies": {
            "private": [{"file": "signs.pol", "incoming": False}, {"file": "opens.pol", "outgoing": False}],
            "public": ["opens.pol"], "trust": ["mail.pol"]}}
        super().setUpClass()

    @classmethod
    def make_certificates(cls):
        super().make_certificates()
        pki = cls.pki
        # Older than the other key: without the policy the newer one, which also opens mail, would sign.
        cls.alice_signs = pki.end("alice-signs", cls.here_ca, email=f"alice@{HERE}", usage="sign", start=-5)
        cls.both_uses = pki.end("both-uses", cls.there_ca, email=f"bob@{THERE}", eku="emailProtection,clientAuth")
        cls.carl_signs = pki.end("carl-signs", cls.there_ca, email=f"carl@{THERE}", usage="none")

    @classmethod
    def prepare(cls):
        folder = os.path.dirname(cls.daemon.config)
        for name, text in (("signs", SIGNS_ONLY), ("opens", OPENS), ("mail", MAIL_ONLY)):
            write(os.path.join(folder, name + ".pol"), text)
        cls.daemon.add_key(f"alice@{HERE}", cls.alice_signs)
        cls.daemon.add_certificate(f"carl@{THERE}", cls.carl_signs)

    def test_the_key_that_the_policy_allows_signs(self):
        mail = smime.mail(f"alice@{HERE}", f"bob@{THERE}", "S")
        self.accepted(self.submit(mail, f"bob@{THERE}"))
        def sealed_mail():  # notices of other tests go to bob as well
            opened = [smime.open_sealed(got.data, self.bob)[0] for got in self.sink.for_address(f"bob@{THERE}")]
            return [inner for inner in opened if smime.field(inner, "Subject") == "S"]
        until(sealed_mail, "the sealed mail at bob's")
        told = json.dumps(self.explain_out(mail, f"bob@{THERE}"))
        self.assertIn(self.alice_signs.fingerprint, told)
        self.assertNotIn(self.alice.fingerprint, told)

    def explain_out(self, mail, to):
        path = write(os.path.join(os.path.dirname(self.daemon.config), "mail.eml"), mail)
        return self.daemon.ctl_json("explain", "--direction", "out", "--from", f"alice@{HERE}", "--to", to, path)

    def test_a_partner_without_a_certificate_that_complies_is_refused(self):
        mail = smime.mail(f"alice@{HERE}", f"carl@{THERE}", "S")
        self.refused(self.submit(mail, f"carl@{THERE}"), "policy")
        told = json.dumps(self.explain_out(mail, f"carl@{THERE}"))
        self.assertIn("does not meet policies.public", told)
        self.assertIn("the required field X509.TBS.EXTENSION.KeyUsage is missing", told)
        self.assertEqual(self.sink.for_address(f"carl@{THERE}"), [])

    def test_a_signer_must_comply_and_the_reason_names_the_operand(self):
        _, message = self.from_bob(signers=[self.both_uses])
        self.refused(self.inbound(message), "policy", "554 5.7.5 direct: policy")
        path = write(os.path.join(os.path.dirname(self.daemon.config), "in.eml"), message)
        told = json.dumps(self.daemon.ctl_json("explain", "--direction", "in", "--from", f"bob@{THERE}", "--to",
                                               f"alice@{HERE}", path))
        self.assertIn("does not meet policies.trust", told)
        self.assertIn("^X509.TBS.EXTENSION.ExtKeyUsageSyntax is 2", told)
        self.nothing_delivered()
        _, message = self.from_bob()
        self.accepted(self.inbound(message))
        self.delivered()
        self.postfix.empty_mailboxes()

    def test_a_key_the_policy_leaves_out_opens_nothing(self):
        _, message = self.from_bob(recipients=[self.alice_signs])
        self.refused(self.inbound(message), "no-key", "554 5.7.1 direct: not-accepted")

    def test_a_policy_at_fault_is_no_configuration(self):
        path = os.path.join(os.path.dirname(self.daemon.config), "mail.pol")
        write(path, "1 = (\n")
        try:
            self.assertRegex(self.daemon.reload(), r"mail\.pol:1:6: an operand is missing")
            self.assertIn("mail.pol:1:6", self.daemon.ctl("check").out)
            # The daemon goes on with what it had.
            _, message = self.from_bob()
            self.accepted(self.inbound(message))
            self.delivered()
            self.postfix.empty_mailboxes()
        finally:
            write(path, MAIL_ONLY)
            self.daemon.reload()


if __name__ == "__main__":
    unittest.main()
