"""Revocation lists, OCSP and missing issuers over HTTP, inbound and outbound: what is fetched, when, and what comes of it."""
import os
import unittest

from harness import smime
from harness.base import run
from harness.site import HERE, THERE, SiteTest
from harness.web import Web

BOB = f"bob@{THERE}"


class WithWeb(SiteTest):
    """bob's authority publishes what it has to say on a server of ours."""
    sections = {"fetch": {"allow_networks": ["127.0.0.0/8"], "failure_pause": "1s", "timeout": "3s"}}
    names = 0

    @classmethod
    def make_certificates(cls):
        cls.web = Web()
        cls.addClassCleanup(cls.web.stop)
        super().make_certificates()
        pki = cls.pki
        cls.revoked_bob = cls.end("revoked-bob", "/there.crl")
        cls.web.paths["/there.crl"] = pki.crl(cls.there_ca, [cls.revoked_bob])

    @classmethod
    def end(cls, name, lists=None, access=(), issuer=None):
        """bob's certificate under another name; lists and access are paths of the server."""
        return cls.pki.end(name, issuer or cls.there_ca, email=BOB, cdp=cls.web.url(lists) if lists else None,
                           aia=",".join(f"{kind};URI:{cls.web.url(path)}" for kind, path in access))

    def message_of(self, signer, *extra):
        return self.from_bob(signers=[signer], how=smime.Sealing(extra_certificates=extra))[1]

    def explained(self, message):
        path = os.path.join(self.scratch.folder("explain"), f"{WithWeb.names}.eml")
        WithWeb.names += 1
        with open(path, "wb") as f:
            f.write(message)
        done = self.daemon.ctl("explain", "--direction", "in", "--from", BOB, "--to", f"alice@{HERE}", path)
        return done.out


class Soft(WithWeb):
    def test_a_good_list_is_fetched_once_and_lets_through(self):
        self.web.paths["/good.crl"] = self.web.paths["/there.crl"]
        good = self.end("good-bob", "/good.crl")
        for _ in range(3):
            self.accepted(self.inbound(self.message_of(good)))
        self.assertEqual(self.web.asked("/good.crl"), 1)
        # The copy survives a restart of the daemon.
        self.daemon.restart()
        self.accepted(self.inbound(self.message_of(good)))
        self.assertEqual(self.web.asked("/good.crl"), 1)

    def test_a_revoked_leaf_is_refused(self):
        message = self.message_of(self.revoked_bob)
        self.refused(self.inbound(message), "revoked")
        told = self.explained(message)
        self.assertIn("revoked", told)
        self.assertIn(self.web.url("/there.crl"), told)

    def test_a_list_that_has_ended_still_says_who_was_revoked(self):
        self.web.paths["/ended.crl"] = b""
        revoked = self.end("revoked-long-ago", "/ended.crl")
        self.web.paths["/ended.crl"] = self.pki.crl(self.there_ca, [revoked], start=-90, end=-40)
        self.refused(self.inbound(self.message_of(revoked)), "revoked")

    def test_a_revoked_intermediate_is_refused(self):
        mid = self.pki.intermediate("revoked-mid", self.there_ca, cdp=self.web.url("/mids.crl"))
        self.web.paths["/mids.crl"] = self.pki.crl(self.there_ca, [mid])
        under = self.end("under-revoked", issuer=mid)
        self.refused(self.inbound(self.message_of(under, mid)), "revoked")

    def test_no_list_named_lets_through_and_is_told(self):
        message = self.message_of(self.bob)
        self.accepted(self.inbound(message))
        self.assertIn("names no place to ask", self.explained(message))

    def test_a_dead_server_lets_through_and_is_told_in_the_audit(self):
        gone = Web()
        gone.stop()
        lost = self.pki.end("lost-bob", self.there_ca, email=BOB, cdp=gone.url("/x.crl"))
        self.accepted(self.inbound(self.message_of(lost)))
        self.assertIn(gone.url("/x.crl"), self.daemon.ctl("audit", "--json").out)

    def test_a_list_that_another_signed_does_not_count(self):
        stranger = self.pki.root("there-ca-twin", subject="/O=Direct test/CN=there-ca")
        self.web.paths["/twin.crl"] = self.pki.crl(stranger)
        message = self.message_of(self.end("twin-bob", "/twin.crl"))
        self.accepted(self.inbound(message))
        self.assertIn("signature is not its issuer", self.explained(message))

    def test_the_responder_decides(self):
        folder = self.scratch.folder("ocsp")
        self.web.paths["/ocsp"] = self.web.responder(self.pki, self.there_ca, folder)
        good = self.end("ocsp-good", "/never.crl", [("OCSP", "/ocsp")])
        bad = self.end("ocsp-bad", "/never.crl", [("OCSP", "/ocsp")])
        self.pki.crl(self.there_ca, [bad])  # noted in the index the responder reads
        self.accepted(self.inbound(self.message_of(good)))
        self.refused(self.inbound(self.message_of(bad)), "revoked")
        self.assertEqual(self.web.asked("/never.crl"), 0)
        self.assertIn(("POST", "/ocsp"), self.web.requests)
        # One appointed by the authority may answer as well.
        desk = self.pki.end("desk", self.there_ca, usage="sign", eku="OCSPSigning")
        self.web.paths["/desk"] = self.web.responder(self.pki, self.there_ca, folder, desk)
        self.accepted(self.inbound(self.message_of(self.end("desk-good", None, [("OCSP", "/desk")]))))
        self.assertEqual(self.web.asked("/desk"), 1)

    def test_a_missing_intermediate_is_fetched(self):
        mid = self.pki.intermediate("fetched-mid", self.there_ca)
        der = run(["openssl", "x509", "-in", mid.cert, "-outform", "DER"])
        p7c = run(["openssl", "crl2pkcs7", "-nocrl", "-certfile", mid.cert, "-outform", "DER"])
        for path, content in (("/mid.crt", der), ("/mid.pem", mid.pem), ("/mid.p7c", p7c)):
            self.web.paths[path] = content
            signer = self.end("under-" + path[1:], access=[("caIssuers", path)], issuer=mid)
            self.accepted(self.inbound(self.message_of(signer)))
            self.assertEqual(self.web.asked(path), 1)

    def test_a_dead_server_of_issuers_is_no_verdict(self):
        """A partner whose authority's server was away for a minute, or whom the time did not suffice for, was refused for good."""
        mid = self.pki.intermediate("lost-mid", self.there_ca)
        gone = Web()
        gone.stop()
        lost = self.pki.end("lost-issuer", mid, email=BOB, aia="caIssuers;URI:" + gone.url("/mid.crt"))
        outcome = self.refused(self.inbound(self.message_of(lost)), "temporary")
        self.assertTrue(outcome.last.startswith(b"451 "), outcome.last)
        self.assertIn("could not be fetched", self.explained(self.message_of(lost)))
        # A server that says there is none has answered.
        told = self.end("told", access=[("caIssuers", "/nowhere.crt")], issuer=mid)
        outcome = self.refused(self.inbound(self.message_of(told)))
        self.assertTrue(outcome.last.startswith(b"554 "), outcome.last)

    def test_nothing_is_fetched_before_the_signature_verified_or_without_an_anchor(self):
        stranger_ca = self.pki.root("stranger-ca", cdp=self.web.url("/s-root.crl"))
        stranger = self.end("stranger", "/s.crl", [("OCSP", "/s-ocsp"), ("caIssuers", "/s.crt")], issuer=stranger_ca)
        inner, good = self.from_bob(signers=[stranger])
        entity = smime.signed_entity(smime.wrap(inner), [stranger])
        changed = smime.outer(inner, smime.pkcs7_mime(
            smime.cms_encrypt(entity.replace(b"Hello.", b"Jello."), [self.alice]), "enveloped-data"))
        self.refused(self.inbound(changed), "bad-signature")
        self.assertEqual([p for _, p in self.web.requests if p.startswith("/s")], [])
        # The signature fits: the missing issuer is asked for, revocation is not.
        self.refused(self.inbound(good))
        self.assertEqual({p for _, p in self.web.requests if p.startswith("/s")}, {"/s.crt"})

    def test_outbound_a_revoked_recipient_gets_nothing(self):
        carl = f"carl@{THERE}"
        cert = self.pki.end("carl", self.there_ca, email=carl, cdp=self.web.url("/carl.crl"))
        self.web.paths["/carl.crl"] = self.pki.crl(self.there_ca, [cert])
        self.daemon.add_certificate(carl, cert)
        mid = self.pki.intermediate("out-mid", self.there_ca)
        self.web.paths["/out-mid.pem"] = mid.pem
        erin = f"erin@{THERE}"
        self.daemon.add_certificate(erin, self.pki.end("erin", mid, email=erin,
                                                       aia="caIssuers;URI:" + self.web.url("/out-mid.pem")))
        self.daemon.reload()
        self.refused(self.submit(smime.mail(f"alice@{HERE}", carl, "S"), carl))
        self.assertEqual(self.web.asked("/carl.crl"), 1)
        self.accepted(self.submit(smime.mail(f"alice@{HERE}", erin, "S"), erin))
        self.assertEqual(len(self.sink.wait_for(erin)), 1)
        self.assertEqual(self.web.asked("/out-mid.pem"), 1)


class Hard(WithWeb):
    sections = {**WithWeb.sections, "policy": {"revocation": "hard", "revocation_grace": "30d"}}

    def test_a_good_list_is_enough(self):
        self.web.paths["/good.crl"] = self.web.paths["/there.crl"]
        self.accepted(self.inbound(self.message_of(self.end("good", "/good.crl"))))

    def test_without_data_the_sender_tries_again(self):
        gone = Web()
        gone.stop()
        lost = self.pki.end("lost", self.there_ca, email=BOB, cdp=gone.url("/x.crl"))
        for signer in (self.bob, lost):
            outcome = self.refused(self.inbound(self.message_of(signer)), "revocation-unknown")
            self.assertTrue(outcome.last.startswith(b"451 "), outcome.last)

    def test_the_grace_counts_from_the_end_of_the_list(self):
        self.web.paths["/late.crl"] = self.pki.crl(self.there_ca, start=-9, end=-2)
        message = self.message_of(self.end("late", "/late.crl"))
        self.accepted(self.inbound(message))
        self.assertIn("policy.revocation_grace", self.explained(message))
        self.web.paths["/old.crl"] = self.pki.crl(self.there_ca, start=-90, end=-40)
        outcome = self.refused(self.inbound(self.message_of(self.end("old", "/old.crl"))), "revocation-unknown")
        self.assertTrue(outcome.last.startswith(b"451 "), outcome.last)

    def test_a_killed_server_leaves_the_last_list(self):
        web = Web()
        self.addCleanup(web.stop)
        web.paths["/k.crl"] = self.web.paths["/there.crl"]
        signer = self.pki.end("killed", self.there_ca, email=BOB, cdp=web.url("/k.crl"))
        self.accepted(self.inbound(self.message_of(signer)))
        web.stop()
        self.accepted(self.inbound(self.message_of(signer)))
        self.daemon.restart()
        self.accepted(self.inbound(self.message_of(signer)))


class Guarded(WithWeb):
    """No network is listed: a certificate cannot make us talk to this host."""
    sections = {"fetch": {"failure_pause": "1s"}}

    def test_the_loopback_is_not_asked(self):
        message = self.message_of(self.revoked_bob)
        self.accepted(self.inbound(message))  # soft
        self.assertIn("127.0.0.1, which is no public address", self.explained(message))
        self.assertEqual(self.web.requests, [])


if __name__ == "__main__":
    unittest.main()
