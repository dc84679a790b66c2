"""The field's eighteen cases of certificate discovery, in one message to all of them and one by one.

Names of cases, domains and certificates are those of the test suite the field is accredited with; its layout is built
here anew: zones in a real DNS, three directories, lists and issuers on a web server, everything on 127.0.0.1.
Source: requirements B14, D1, D11, G1-G9; reference-behaviour 5.4.
"""
import re
import unittest

from harness import dns, ldap, smime
from harness.base import free_port, run
from harness.site import HERE, SiteTest
from harness.web import Web

MARK = "CLEARMARK18"
# case -> (domain, the certificate it must be sealed for, or the status of the notice)
CASES = {
    1: (1, "D1_valA"), 2: (1, "D2_valB"), 3: (2, "D3_valC"), 4: (2, "D4_valD"), 5: (1, "5.7.31"), 6: (4, "5.7.31"),
    7: (2, "5.7.31"), 8: (5, "5.7.31"), 9: (1, "D9_valA"), 10: (3, "D10_valE"), 11: (6, "5.7.31"), 12: (7, "5.7.31"),
    13: (8, "5.7.31"), 14: (1, "D14_valA"), 15: (2, "D15_valC"), 16: (5, "D16_valE"), 17: (9, "D17_valA"),
    18: (10, "D18_valA"),
}
# The step that decides, whether what it finds can be used or not; "": none does.
STEPS = {1: "dns address", 2: "dns domain", 3: "ldap address", 4: "ldap domain", 5: "dns address", 6: "dns domain",
         7: "ldap address", 8: "ldap domain", 9: "dns address", 10: "ldap address", 11: "", 12: "", 13: "",
         14: "dns address", 15: "ldap address", 16: "ldap address", 17: "dns address", 18: "dns address"}
ADDRESSES = {case: f"d{case}@domain{domain}.test" for case, (domain, _) in CASES.items()}
GOOD = {case: cert for case, (_, cert) in CASES.items() if cert.startswith("D")}
FAILED = {case: status for case, (_, status) in CASES.items() if case not in GOOD}


class Eighteen(SiteTest):
    @classmethod
    def setUpClass(cls):
        dns.require_server()
        ldap.require_server()
        super().setUpClass()

    @classmethod
    def make_certificates(cls):
        super().make_certificates()
        cls.web = Web()
        cls.addClassCleanup(cls.web.stop)
        cls.certs, cls.lines = {}, []

    @classmethod
    def install_certificates(cls):
        cls.daemon.add_key(f"alice@{HERE}", cls.alice)
        cls.daemon.add_anchor(HERE, cls.here_ca)
        cls.daemon.add_anchor(HERE, cls.there_ca)  # the root alone

    @classmethod
    def make(cls, name, who, valid=True, issuer=None, **options):
        """Every leaf names a list and a place where its issuer lies."""
        if not valid:
            options.update(start=-40, end=-5)
        kind = {"email": who} if "@" in who else {"dns": who}
        issuer = issuer or cls.there_ca
        cls.certs[name] = cls.pki.end(name, issuer, cdp=cls.web.url(f"/{issuer.name}.crl"),
                                      aia="caIssuers;URI:" + cls.web.url(f"/{issuer.name}.crt"), **kind, **options)
        return cls.certs[name]

    @classmethod
    def in_dns(cls, name, who, *made, **options):
        cls.lines.append(dns.cert_record(who.replace("@", "."), cls.make(name, who, *made, **options)))

    @classmethod
    def prepare(cls):
        cls.ldap1, cls.ldap2, cls.ldap3 = (cls.directory(f"ldap{n}") for n in (1, 2, 3))
        cls.publish_dns()
        cls.publish_ldap()
        cls.name_servers()
        cls.serve_lists()
        cls.dns = dns.NameServer(cls.scratch.folder("dns"), {"test": cls.lines})
        cls.dns.start()
        cls.addClassCleanup(cls.dns.stop)
        # As they are by default, but for where this world lies.
        cls.daemon.sections["discovery"] = {"dns_servers": [cls.dns.server]}
        cls.daemon.sections["fetch"] = {"allow_networks": ["127.0.0.0/8"]}
        cls.daemon.write_config()

    @classmethod
    def directory(cls, name):
        made = ldap.Directory(cls.scratch.folder(name))
        cls.addClassCleanup(made.stop)
        return made.start()

    @classmethod
    def publish_dns(cls):
        a, valid, bad = ADDRESSES, True, False
        cls.in_dns("D1_valA", a[1], valid)
        cls.in_dns("D1_invB", "domain1.test", bad)
        cls.in_dns("D2_valB", "domain1.test", valid)
        cls.in_dns("D5_invA", a[5], bad)
        cls.in_dns("D6_invB", "domain4.test", bad)
        cls.in_dns("D9_valA", a[9], valid)
        cls.in_dns("D9_invA", a[9], bad)
        cls.in_dns("D14_valA", a[14], valid, extra=["nsComment=" + "long " * 700])
        cls.in_dns("D17_valA", a[17], valid)
        cls.in_dns("D17_invB", a[17], valid)  # revoked
        cls.in_dns("D17_invC", a[17], valid)  # revoked
        cls.in_dns("D17_invD", "domain9.test", bad)
        cls.mid = cls.pki.intermediate("mid", cls.there_ca, cdp=cls.web.url("/there-ca.crl"))
        cls.in_dns("D18_valA", a[18], valid, issuer=cls.mid)
        cls.in_dns("D18_invB", "domain10.test", bad)

    @classmethod
    def publish_ldap(cls):
        a, valid, bad = ADDRESSES, True, False

        def at(directory, name, who, *made):
            directory.publish(who, cls.make(name, who, *made))
        at(cls.ldap1, "D1_invC", a[1], bad)
        at(cls.ldap1, "D1_invD", "domain1.test", bad)
        at(cls.ldap1, "D2_invC", a[2], bad)
        at(cls.ldap1, "D2_invD", "domain1.test", bad)
        at(cls.ldap1, "D3_valC", a[3], valid)
        at(cls.ldap1, "D3_invD", "domain2.test", bad)
        at(cls.ldap1, "D4_valD", "domain2.test", valid)
        at(cls.ldap1, "D7_invC", a[7], bad)
        at(cls.ldap3, "D8_invD", "domain5.test", bad)
        at(cls.ldap2, "D10_valE", a[10], valid)
        at(cls.ldap1, "D15_valC", a[15], valid)
        at(cls.ldap2, "D15_invE", a[15], bad)
        at(cls.ldap3, "D16_valE", a[16], valid)
        at(cls.ldap1, "D16_valC", a[16], valid)

    @classmethod
    def name_servers(cls):
        dead = free_port()
        cls.lines += [f"{host}.test. 300 IN A 127.0.0.1" for host in ("ldap1", "ldap2", "ldap3", "unavailable")]
        one, two, three = ((d.port, f"{name}.test") for d, name in
                           ((cls.ldap1, "ldap1"), (cls.ldap2, "ldap2"), (cls.ldap3, "ldap3")))
        away = (dead, "unavailable.test")
        for domain, servers in {1: [(0, 0, *one)], 2: [(0, 0, *one), (1, 0, *two)], 3: [(0, 0, *away), (1, 0, *two)],
                                4: [(0, 0, *one)], 5: [(0, 0, *one), (0, 100, *three)], 7: [(0, 0, *away)],
                                8: [(0, 0, *one)]}.items():
            cls.lines += ldap.srv(f"domain{domain}.test", *servers)

    @classmethod
    def serve_lists(cls):
        paths = cls.web.paths
        paths["/there-ca.crl"] = cls.pki.crl(cls.there_ca, [cls.certs["D17_invB"], cls.certs["D17_invC"]])
        paths["/mid.crl"] = cls.pki.crl(cls.mid)
        paths["/mid.crt"] = run(["openssl", "x509", "-in", cls.mid.cert, "-outform", "DER"])

    def setUp(self):
        self.fresh()

    def mail(self, to):
        return smime.mail(f"alice@{HERE}", to, f"Subject {MARK}", f"Body {MARK}\n")

    def test_one_message_to_all_of_them(self):
        mail = self.mail(list(ADDRESSES.values()))
        self.accepted(self.submit(mail, list(ADDRESSES.values())))
        report = self.delivered()[0]
        self.sink.wait_for(ADDRESSES[1])
        self.postfix.wait_queue_empty()
        # Exactly the right ones left, in one envelope, sealed for exactly the right certificates.
        self.assertEqual(sorted(r for m in self.sink.mails for r in m.recipients), sorted(ADDRESSES[c] for c in GOOD))
        [sent] = {m.data for m in self.sink.mails}
        self.assertEqual(smime.recipient_count(sent), len(GOOD))
        for name, cert in self.certs.items():
            self.assertEqual(smime.can_decrypt(sent, cert), name in GOOD.values(), name)
        inner, _ = smime.open_sealed(sent, self.certs["D1_valA"], [self.here_ca])
        self.assertEqual(smime.field(inner, "Subject"), f"Subject {MARK}")
        # Each of the others is told about, once; nothing in clear.
        told = re.findall(r"Final-Recipient: rfc822; ?(\S+)\r?\nAction: failed\r?\nStatus: (\S+)", report.decode())
        self.assertEqual(sorted(told), sorted((ADDRESSES[c], status) for c, status in FAILED.items()))
        for data in [report, sent]:
            self.assertNotIn(MARK.encode(), data)
        # Case 14 is about a long answer, 18 about the issuer that is fetched.
        self.assertIn("d14.domain1.test", self.dns.tap.over_tcp())
        self.assertEqual(self.web.asked("/mid.crt"), 1)

    def test_one_by_one(self):
        for case, to in ADDRESSES.items():
            with self.subTest(case=case):
                self.sink.clear()
                outcome = self.submit(self.mail(to), to)
                if case in GOOD:
                    self.accepted(outcome)
                    sent = self.sink.wait_for(to)[0].data
                    self.assertEqual(smime.recipient_count(sent), 1)
                    smime.open_sealed(sent, self.certs[GOOD[case]], [self.here_ca])
                else:
                    self.refused(outcome)
                    self.assertIn(FAILED[case].encode(), outcome.last)
                    self.postfix.wait_queue_empty()
                    self.assertEqual(self.sink.mails, [])

    def test_what_is_asked_for_each_and_nothing_after_the_step_that_decides(self):
        """By the logs of the servers; directctl asks anew each time."""
        for case, to in ADDRESSES.items():
            with self.subTest(case=case):
                self.dns.tap.clear()
                for directory in (self.ldap1, self.ldap2, self.ldap3):
                    directory.clear()
                found = self.daemon.ctl("cert", "find", to, "--json")
                self.assertEqual(found.code, 0 if case in GOOD else 1, found.out)
                step, domain = found.json["step"], to.split("@")[1]
                self.assertEqual(step, STEPS[case])
                names = [name for i, name in enumerate(self.dns.tap.asked())
                         if i == 0 or self.dns.tap.asked()[i - 1] != name]  # again over TCP: one question
                self.assertEqual(names, [to.replace("@", ".")] + ([domain] if step != "dns address" else []))
                self.assertEqual(self.dns.tap.asked(33), [] if step.startswith("dns") else [f"_ldap._tcp.{domain}"])
                asked = [d.asked() for d in (self.ldap1, self.ldap2, self.ldap3)]
                if step.startswith("dns"):
                    self.assertEqual([d.connections() for d in (self.ldap1, self.ldap2, self.ldap3)], [0, 0, 0])
                else:
                    for filters in asked:  # the address first, wherever the domain is asked for at all
                        self.assertEqual(filters, [f"(mail={to})", f"(mail={domain})"][:len(filters)])
                    last = {3: 0, 7: 0, 10: 1, 15: 0, 16: 2}.get(case)
                    if last is not None:
                        self.assertEqual(asked[last], [f"(mail={to})"])


if __name__ == "__main__":
    unittest.main()
