"""Certificates of partners from LDAP: real directories, named by SRV records in a real DNS; what was asked for what.

Every case has a domain of its own, so that no answer is one from memory.
"""
import copy
import os
import time
import unittest

from harness import dns, ldap, smime
from harness.base import free_port
from harness.daemon import Daemon
from harness.site import HERE, SiteTest

NO_CERTIFICATE = "554 5.7.31 direct: no-certificate"
NO_VALID = "554 5.7.31 direct: no-valid-certificate"
LATER = "451 4.7.0 direct: temporary trouble, please try again"


class DiscoveryLdap(SiteTest):
    @classmethod
    def setUpClass(cls):
        dns.require_server()
        ldap.require_server()
        super().setUpClass()

    @classmethod
    def install_certificates(cls):
        cls.daemon.add_key(f"alice@{HERE}", cls.alice)
        cls.daemon.add_key(HERE, cls.here)
        for ca in (cls.here_ca, cls.there_ca):
            cls.daemon.add_anchor(HERE, ca)

    @classmethod
    def prepare(cls):
        cls.ldap_ca = cls.pki.root("ldap-ca")
        tls = cls.pki.end("ldap-tls", cls.ldap_ca, dns="tls.ldap.test", eku="serverAuth")
        cls.one = cls.directory("one", suffixes=("dc=one", "o=second"))
        cls.two = cls.directory("two", plain=True)
        cls.tls = cls.directory("tls", cert=tls)
        cls.strict = cls.directory("strict", cert=tls, demands_tls=True)
        cls.ours = cls.directory("ours", suffixes=(",".join("dc=" + label for label in HERE.split(".")),), empty=True)
        cls.silent, cls.deaf = ldap.Silent(), ldap.Silent(deaf=True)
        cls.addClassCleanup(cls.silent.stop)
        cls.addClassCleanup(cls.deaf.stop)
        cls.dead = free_port()  # nobody listens there
        cls.certs = {}
        cls.lines = [f"{host}.ldap.test. 300 IN A 127.0.0.1"
                     for host in ("one", "two", "tls", "other", "silent", "deaf", "dead")]
        cls.publish()
        cls.dns = dns.NameServer(cls.scratch.folder("dns"), {"test": cls.lines})
        cls.dns.start()
        cls.addClassCleanup(cls.dns.stop)
        cls.daemon.sections["discovery"] = {
            "dns_servers": [cls.dns.server], "dnssec": "off", "ldap_timeout": "5s", "ldap_connect_timeout": "2s",
            "ldap_failure_pause": "0", "ldaps_ports": [str(cls.tls.tls_port)]}
        cls.daemon.sections["fetch"] = {"allow_networks": ["127.0.0.0/8"]}
        cls.daemon.write_config()

    @classmethod
    def directory(cls, name, **options):
        made = ldap.Directory(cls.scratch.folder("ldap-" + name), **options)
        cls.addClassCleanup(made.stop)
        return made.start()

    @classmethod
    def end(cls, name, who, **options):
        """A certificate of there_ca for an address or a domain."""
        kind = {"email": who} if "@" in who else {"dns": who}
        cls.certs[name] = cls.pki.end(name, cls.there_ca, **kind, **options)
        return cls.certs[name]

    @classmethod
    def names(cls, domain, *servers):
        """SRV records: (priority, weight, port, host) each."""
        cls.lines += ldap.srv(domain, *[(p, w, port, host + ".ldap.test") for p, w, port, host in servers])

    @classmethod
    def publish(cls):
        one, two, end, past = cls.one, cls.two, cls.end, {"start": -20, "end": -1}
        at_one, at_two = (0, 0, one.port, "one"), (1, 0, two.port, "two")
        cls.names("first.test", at_one)
        one.publish("jo@first.test", end("first", "jo@first.test"))
        one.publish("first.test", end("not-first", "first.test"))
        cls.names("plain.test", at_one)
        one.publish("jo@plain.test", end("jo", "jo@plain.test"))
        one.publish("plain.test", end("plain", "plain.test"))
        cls.names("tag.test", at_two)
        two.publish("jo@tag.test", end("tag", "tag.test"))
        cls.names("second.test", at_one)
        one.publish("second.test", end("second", "second.test"), suffix="o=second")
        cls.names("octets.test", at_two)
        two.publish("jo@octets.test", end("octets", "jo@octets.test"))
        cls.names("stale.test", at_one, at_two)
        one.publish("jo@stale.test", end("stale", "jo@stale.test", **past))
        one.publish("stale.test", end("not-stale", "stale.test"))
        cls.names("several.test", at_one)
        one.publish("jo@several.test", end("several-old", "jo@several.test", **past),
                    end("several", "jo@several.test"))
        one.publish("JO@several.test", end("several-too", "jo@several.test"))
        cls.names("trap.test", at_two)
        two.publish("jo@trap.test", b"no certificate")
        two.publish("trap.test", end("trap", "trap.test"))
        cls.names("both.test", at_one)
        cls.lines.append(dns.cert_record("jo.both.test", end("in-dns", "jo@both.test")))
        one.publish("jo@both.test", end("in-ldap", "jo@both.test"))
        cls.names("next.test", (0, 0, cls.dead, "dead"), (1, 5, one.port, "one"), (1, 1, two.port, "two"))
        two.publish("next.test", end("next", "next.test"))
        cls.names("weight.test", (5, 0, one.port, "one"), (5, 100, two.port, "two"))
        one.publish("jo@weight.test", end("light", "jo@weight.test"))
        two.publish("jo@weight.test", end("heavy", "jo@weight.test"))
        cls.names("odd.test", at_one)
        one.publish("axb@odd.test", end("odd-axb", "axb@odd.test"))
        one.publish("\"o(*)\\\\ x\"@odd.test", end("odd", "odd.test"))
        cls.names("slow.test", (0, 0, cls.silent.port, "silent"), (1, 0, cls.deaf.port, "deaf"), (2, 0, one.port, "one"))
        one.publish("slow.test", end("slow", "slow.test"))
        cls.names("gone.test", (0, 0, cls.dead, "dead"), (1, 0, cls.silent.port, "silent"))
        cls.names("mail.test", (0, 0, 25, "one"))
        cls.names("empty.test", at_one, at_two)
        cls.names("start.test", (0, 0, cls.tls.port, "tls"))
        cls.names("ldaps.test", (0, 0, cls.tls.tls_port, "tls"))
        cls.names("wrong.test", (0, 0, cls.tls.port, "other"), (1, 0, cls.tls.tls_port, "other"))
        for domain in ("start.test", "ldaps.test", "wrong.test"):
            cls.tls.publish(domain, end(domain, domain))
        cls.names("strict.test", (0, 0, cls.strict.port, "tls"))
        cls.strict.publish("strict.test", end("strict", "strict.test"))
        cls.names(HERE, (0, 0, cls.ours.port, "one"))
        cls.names("again.test", at_one)
        one.publish("jo@again.test", end("again", "jo@again.test"))
        cls.names("back.test", (0, 0, cls.dead, "dead"), (1, 0, two.port, "two"))
        two.publish("jo@back.test", end("back", "jo@back.test"))

    def setUp(self):
        self.fresh()
        for directory in (self.one, self.two, self.tls, self.strict):
            directory.clear()
        self.dns.tap.clear()

    def mail(self, to):
        return smime.mail(f"alice@{HERE}", to, "A subject", "A body\n")

    def sealed_for(self, to, *names):
        """A mail that arrives at the other side, sealed for these certificates alone."""
        self.accepted(self.submit(self.mail(to), to))
        got = self.sink.wait_for(to)[0].data
        for name in names:
            smime.open_sealed(got, self.certs[name], [self.here_ca])
        self.assertEqual(smime.recipient_count(got), len(names))

    def refused_to(self, to, reply):
        self.refused(self.submit(self.mail(to), to), reply=reply)
        self.postfix.wait_queue_empty()
        self.assertEqual(self.sink.mails, [])

    def find(self, address, fetch=None, **discovery):
        """directctl cert find --trace with other settings."""
        other = copy.copy(self.daemon)
        other.config = os.path.join(self.daemon.root, "find.toml")
        other.sections = copy.deepcopy(self.daemon.sections)
        other.sections["fetch"].update(fetch or {})
        other.sections["discovery"].update(discovery)
        other.write_config()
        return other.ctl("cert", "find", address, "--trace")

    # --- found ------------------------------------------------------------------------------------------

    def test_the_address_and_nothing_after_it(self):
        self.sealed_for("jo@first.test", "first")
        self.assertEqual(self.one.asked(), ["(mail=jo@first.test)"] * 2)  # below both bases
        # The four steps in order (G1).
        self.assertEqual(self.dns.tap.asked(), ["jo.first.test", "first.test"])
        self.assertEqual(self.dns.tap.asked(33), ["_ldap._tcp.first.test"])
        self.assertIn('BIND dn="" method=128', self.one.since())

    def test_then_the_domain(self):
        self.sealed_for("ann@plain.test", "plain")
        self.assertEqual(self.one.asked(), ["(mail=ann@plain.test)"] * 2 + ["(mail=plain.test)"] * 2)

    def test_a_tag_is_left_out(self):
        self.sealed_for("jo+tag@tag.test", "tag")
        self.assertEqual(self.two.asked(), ["(mail=jo+tag@tag.test)", "(mail=jo@tag.test)"])

    def test_every_base_is_searched(self):
        self.sealed_for("x@second.test", "second")

    def test_the_attribute_without_binary(self):
        self.sealed_for("jo@octets.test", "octets")

    def test_every_certificate_of_every_entry_that_can_be_used(self):
        self.sealed_for("jo@several.test", "several", "several-too")

    def test_the_dns_comes_first(self):
        self.sealed_for("jo@both.test", "in-dns")
        self.assertEqual(self.one.connections(), 0)
        self.assertEqual(self.dns.tap.asked(33), [])

    def test_every_server_in_turn_past_one_that_is_down(self):
        self.sealed_for("jo@next.test", "next")
        self.assertEqual(self.one.asked(), ["(mail=jo@next.test)"] * 2 + ["(mail=next.test)"] * 2)
        self.assertEqual(self.two.asked(), ["(mail=jo@next.test)", "(mail=next.test)"])
        self.assertIn("Connection refused", self.find("jo@next.test").out)

    def test_the_highest_weight_first_every_time(self):
        self.sealed_for("jo@weight.test", "heavy")
        for _ in range(3):
            self.assertEqual(self.find("jo@weight.test").code, 0)
        self.assertEqual(self.one.connections(), 0)

    # --- asked once -------------------------------------------------------------------------------------

    def test_the_same_question_is_asked_once(self):
        for _ in range(2):
            self.sink.clear()
            self.refused_to("no@again.test", NO_CERTIFICATE)
            self.sealed_for("jo@again.test", "again")
        self.assertEqual(self.one.asked(), ["(mail=no@again.test)"] * 2 + ["(mail=again.test)"] * 2 +
                         ["(mail=jo@again.test)"] * 2)
        self.assertEqual(self.one.connections(), 2)
        self.assertEqual(self.dns.tap.asked(33), ["_ldap._tcp.again.test"])
        # Whoever looks by hand sees what is there now.
        self.find("jo@again.test")
        self.assertEqual(self.one.connections(), 3)
        self.daemon.reload()
        self.sink.clear()
        self.sealed_for("jo@again.test", "again")
        self.assertEqual(self.one.connections(), 4)

    def test_what_one_server_has_is_not_kept_while_a_better_one_is_down(self):
        for _ in range(2):
            self.sink.clear()
            self.sealed_for("jo@back.test", "back")
        self.assertEqual(self.two.connections(), 2)

    # --- not found --------------------------------------------------------------------------------------

    def test_an_expired_one_ends_the_search(self):
        self.refused_to("jo@stale.test", NO_VALID)
        self.assertEqual(self.two.connections(), 0)
        self.sealed_for("ann@stale.test", "not-stale")

    def test_one_that_nobody_can_read_ends_it_too(self):
        self.refused_to("jo@trap.test", NO_CERTIFICATE)
        self.assertIn("is no certificate", self.find("jo@trap.test").out)

    def test_what_stands_in_an_address_is_no_filter(self):
        """odd.test has no entry for its domain: what is found is found by the address."""
        self.refused_to("a*b@odd.test", NO_CERTIFICATE)
        self.refused_to("\"*)(mail=*\"@odd.test", NO_CERTIFICATE)
        self.assertIn("(mail=a\\2Ab@odd.test)", self.one.asked())
        self.sealed_for("axb@odd.test", "odd-axb")
        self.sink.clear()
        self.sealed_for("\"o(*)\\\\ x\"@odd.test", "odd")

    def test_nothing_there_and_no_server_named(self):
        self.refused_to("jo@empty.test", NO_CERTIFICATE)
        self.assertEqual(len(self.two.asked()), 2)
        self.refused_to("jo@nothing.test", NO_CERTIFICATE)

    def test_one_without_a_certificate_does_not_keep_the_other_from_getting_it(self):
        to = ["jo@plain.test", "jo@gone.test"]
        self.accepted(self.submit(self.mail(to), to))
        self.sink.wait_for("jo@plain.test")
        self.assertEqual([m.recipients for m in self.sink.mails], [["jo@plain.test"]])
        self.assertIn(b"jo@gone.test", self.delivered()[0])

    # --- servers that are not as they should be ---------------------------------------------------------

    def test_none_that_can_be_asked(self):
        self.refused_to("jo@gone.test", NO_CERTIFICATE)
        found = self.find("jo@gone.test")
        self.assertEqual(found.code, 1)
        self.assertIn("the LDAP servers named at _ldap._tcp.gone.test", found.out)
        later = self.find("jo@gone.test", ldap_unreachable="later")
        self.assertEqual(later.code, 75, later.out)
        self.assertIn("Connection refused", later.out)

    def test_slow_ones_cost_their_time_and_no_more(self):
        began = time.monotonic()
        self.sealed_for("jo@slow.test", "slow")
        # 5 s for the one that is silent, 2 s for the one that takes no connection; the budget is 20 s.
        self.assertLess(time.monotonic() - began, 15)
        told = self.find("jo@slow.test").out
        self.assertIn("no answer in time", told)
        self.assertIn("Connection timed out", told)

    def test_private_networks_are_not_entered(self):
        done = self.find("jo@plain.test", fetch={"allow_networks": ["10.0.0.0/8"]})
        self.assertEqual(done.code, 1, done.out)
        self.assertIn("leads to 127.0.0.1, which is no public address", done.out)
        self.assertEqual(self.one.connections(), 0)

    def test_ports_of_other_services_are_not_spoken_to(self):
        done = self.find("jo@mail.test")
        self.assertEqual(done.code, 1, done.out)
        self.assertIn("this port is not asked", done.out)

    # --- ours -------------------------------------------------------------------------------------------

    def test_what_we_publish_is_found(self):
        """The LDIF goes into an empty directory as printed; another site then finds our certificates by it."""
        text = self.daemon.ctl("cert", "publish", HERE, "--ldif", "--with-base").out
        text += self.daemon.ctl("cert", "publish", f"alice@{HERE}", "--ldif").out
        self.ours.load(text)
        other = Daemon(self.scratch.folder("other"), reinject_port=1, report_domain="report.other.test",
                       domains=[{"name": "direct.other.test"}], sections=copy.deepcopy(
                           {name: self.daemon.sections[name] for name in ("discovery", "fetch")}))
        other.sections["discovery"].update(ldap_address=True, ldap_domain=True)
        other.write_config()
        other.add_anchor("direct.other.test", self.here_ca)

        def finds(address, cert, step):
            found = other.ctl("cert", "find", address, "--json")
            self.assertEqual(found.code, 0, found.out)
            self.assertEqual(found.json["step"], step)
            self.assertEqual([c["fingerprint"] for c in found.json["certificates"]], [cert.fingerprint])
        finds(f"alice@{HERE}", self.alice, "ldap address")
        finds(f"carol@{HERE}", self.here, "ldap domain")
        # A renewed certificate takes the place of what the entry holds.
        self.ours.load(self.daemon.ctl("cert", "publish", f"alice@{HERE}", "--ldif", "--change").out)
        finds(f"alice@{HERE}", self.alice, "ldap address")

    # --- TLS --------------------------------------------------------------------------------------------

    def test_starttls_where_it_is_offered(self):
        self.sealed_for("jo@start.test", "start.test")
        self.assertIn("STARTTLS", self.tls.since())
        self.tls.clear()
        self.assertEqual(self.find("jo@start.test", ldap_tls="off").code, 0)
        self.assertNotIn("STARTTLS", self.tls.since())
        # A name that is not the certificate's: who only tries, asks all the same.
        self.assertEqual(self.find("jo@wrong.test").code, 0)

    def test_a_server_that_says_nothing_in_clear(self):
        """security tls=112 in slapd: bind and root DSE are answered with confidentialityRequired without TLS."""
        self.sealed_for("jo@strict.test", "strict")
        self.assertIn("TLS established", self.strict.since())
        done = self.find("jo@strict.test", fetch={"ca_file": self.ldap_ca.cert}, ldap_tls="require")
        self.assertEqual(done.code, 0, done.out)
        done = self.find("jo@strict.test", ldap_tls="off")
        self.assertEqual(done.code, 1, done.out)
        self.assertIn("onfidentiality required", done.out)

    def test_starttls_and_ldaps_under_the_authorities_of_the_site(self):
        ours = {"ca_file": self.ldap_ca.cert, "allow_networks": ["127.0.0.0/8"]}
        for domain in ("start.test", "ldaps.test"):
            self.tls.clear()
            done = self.find(f"jo@{domain}", fetch=ours, ldap_tls="require")
            self.assertEqual(done.code, 0, done.out)
            self.assertIn("TLS established", self.tls.since())
            # Another authority, or the name of another server: not asked, neither of the two ways.
            done = self.find(f"jo@{domain}", fetch={**ours, "ca_file": self.there_ca.cert}, ldap_tls="require")
            self.assertEqual(done.code, 1, done.out)
        self.tls.clear()
        done = self.find("jo@wrong.test", fetch=ours, ldap_tls="require")
        self.assertEqual(done.code, 1, done.out)
        self.assertEqual(self.tls.asked(), [])
        # One without TLS is not asked either.
        self.assertEqual(self.find("jo@plain.test", fetch=ours, ldap_tls="require").code, 1)
        self.assertEqual(self.one.asked(), [])


if __name__ == "__main__":
    unittest.main()
