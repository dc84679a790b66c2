"""Certificates of partners from the DNS: a real name server, a mail per case, and what was asked for it.

Every case has names of its own, so that no answer is one from memory, except where that is the case.
"""
import os
import re
import subprocess
import sys

from harness import smime
from harness.base import PATIENCE, program, read, until, write
from harness.daemon import Daemon
from harness.dns import REFUSED, SERVFAIL, SILENT, NameServer, cert_record, require_server
from harness.site import HERE, THERE, NotPossible, SiteTest

NO_CERTIFICATE = "554 5.7.31 direct: no-certificate"
NO_VALID = "554 5.7.31 direct: no-valid-certificate"
LATER = "451 4.7.0 direct: temporary trouble, please try again"
SIGNED, UNSIGNED = "signed.test", "test"


class DiscoveryDns(SiteTest):
    @classmethod
    def setUpClass(cls):
        require_server()
        super().setUpClass()

    @classmethod
    def install_certificates(cls):
        d = cls.daemon
        d.add_key(f"alice@{HERE}", cls.alice)
        d.add_key(HERE, cls.here)
        d.add_anchor(HERE, cls.here_ca)
        d.add_anchor(HERE, cls.there_ca)

    @classmethod
    def prepare(cls):
        cls.certs, lines = {}, {UNSIGNED: [], SIGNED: []}

        def make(name, zone=UNSIGNED, at=None, kinds=("PKIX",), **options):
            """One certificate of there_ca; `at`: the name it is published at, default by its own name."""
            cert = cls.certs[name] = cls.pki.end(name, cls.there_ca, **options)
            owner = at or (options.get("email") or options.get("dns")).replace("@", ".")
            lines[zone].extend(cert_record(owner, cert, kind, 4711, 5) for kind in kinds)
            return cert

        past = {"start": -20, "end": -1}
        make("bob-dns", email=f"bob@{THERE}")
        make("there-old", dns=THERE, **past)
        make("whole", dns="whole.test")
        make("stale", email="stale@both.test", **past)
        make("both", dns="both.test")
        make("pair-new", email="pair@pair.test")
        make("pair-old", email="pair@pair.test", **past)
        for number in range(4):
            make(f"big-{number}", email="big@big.test")
        make("mixed", dns="mixed.test")
        lines[UNSIGNED] += [cert_record("jo.mixed.test", b"a key of another kind", "PGP"),
                            cert_record("jo.mixed.test", b"http://x.test/c.der", "IPKIX")]
        make("alias", email="jo@alias.test", at="jo.real.test")
        lines[UNSIGNED].append("jo.alias.test. 300 IN CNAME jo.real.test.")
        make("odd", email="jo&co_x@odd.test", at="jo\\038co_x.odd.test")
        make("down", dns="down.test")
        make("trap", email="trap@trap.test", at="trap.test")
        lines[UNSIGNED].append(cert_record("trap.trap.test", b"no certificate"))
        make("host", email="ann@host.test")
        make("host-old", email="old@host.test", **past)
        make("many-address", email="bob@many.test")
        make("many-domain", dns="many-domain.test")
        make("many-new", email="pair@many.test")
        make("many-old", email="pair@many.test", **past)
        make("many-stale", email="stale@many.test", **past)
        make("signed", SIGNED, email=f"jo@{SIGNED}")
        cls.daemon.add_certificate("jo@file.test", cls.bob_by_file())
        cls.dns = NameServer(cls.scratch.folder("dns"), lines, signed=[SIGNED])
        cls.dns.start()
        cls.addClassCleanup(cls.dns.stop)
        cls.daemon.sections["discovery"] = cls.discovery()
        cls.daemon.write_config()

    @classmethod
    def bob_by_file(cls):
        cls.certs["by-file"] = cls.pki.end("by-file", cls.there_ca, email="jo@file.test")
        return cls.certs["by-file"]

    @classmethod
    def discovery(cls, **more):
        return {"dns_servers": [cls.dns.server], "dns_timeout": "3s",
                "dns_trust_anchor": cls.dns.trust_anchor(SIGNED), **more}

    def setUp(self):
        self.fresh()
        self.dns.tap.faults.clear()
        self.dns.tap.clear()

    def sealed_for(self, to, cert, asked):
        """A mail that arrives at the other side, sealed for this certificate alone; nothing else was asked."""
        mail = smime.mail(f"alice@{HERE}", to, "A subject", "A body\n")
        self.accepted(self.submit(mail, to))
        got = self.sink.wait_for(to)[0].data
        smime.open_sealed(got, self.certs[cert], [self.here_ca])
        self.assertEqual(smime.recipient_count(got), 1)
        self.assertEqual(self.names_asked(), asked)

    def names_asked(self):
        """In order; what was asked over TCP after a truncated answer is one question."""
        asked = self.dns.tap.asked()
        return [name for i, name in enumerate(asked) if i == 0 or asked[i - 1] != name]

    def refused_to(self, to, reply, asked=None):
        self.refused(self.submit(smime.mail(f"alice@{HERE}", to, "A subject", "A body\n"), to), reply=reply)
        self.postfix.wait_queue_empty()
        self.assertEqual(self.sink.mails, [])
        if asked is not None:
            self.assertEqual(self.dns.tap.asked(), asked)

    def find(self, address, *more, **discovery):
        """directctl cert find, with other settings of [discovery] when some are named."""
        config = os.path.join(self.daemon.root, "find.toml")
        text = read(self.daemon.config).decode()
        for name, value in discovery.items():
            text = text.replace("[discovery]\n", f"[discovery]\n{name} = \"{value}\"\n")
            lines = text.split("\n")
            last = [i for i, line in enumerate(lines) if line.startswith(f"{name} = ")][1:]
            text = "\n".join(line for i, line in enumerate(lines) if i not in last)
        write(config, text)
        return self.daemon.ctl("cert", "find", address, *more, "--config", config, config=False)

    # --- found ------------------------------------------------------------------------------------------

    def test_at_the_address_and_nothing_after_it(self):
        self.sealed_for(f"bob@{THERE}", "bob-dns", [f"bob.{THERE}"])

    def test_at_the_domain_when_the_address_has_none(self):
        self.sealed_for("Jo.Doe@whole.test", "whole", ["jo.doe.whole.test", "whole.test"])
        self.dns.tap.clear()
        self.sealed_for("ann@whole.test", "whole", ["ann.whole.test"])  # the domain's answer is at hand

    def test_the_valid_one_of_two(self):
        self.sealed_for("pair@pair.test", "pair-new", ["pair.pair.test"])

    def test_a_big_answer_comes_over_tcp(self):
        mail = smime.mail(f"alice@{HERE}", "big@big.test", "A subject", "A body\n")
        self.accepted(self.submit(mail, "big@big.test"))
        got = self.sink.wait_for("big@big.test")[0].data
        for number in range(4):
            smime.open_sealed(got, self.certs[f"big-{number}"], [self.here_ca])
        self.assertEqual(self.dns.tap.asked(), ["big.big.test"] * 2)
        self.assertEqual(self.dns.tap.over_tcp(), ["big.big.test"])

    def test_other_record_types_are_passed_over(self):
        self.sealed_for("jo@mixed.test", "mixed", ["jo.mixed.test", "mixed.test"])

    def test_an_alias_is_followed(self):
        mail = smime.mail(f"alice@{HERE}", "jo@alias.test", "A subject", "A body\n")
        self.accepted(self.submit(mail, "jo@alias.test"))
        smime.open_sealed(self.sink.wait_for("jo@alias.test")[0].data, self.certs["alias"], [self.here_ca])
        self.assertNotIn("alias.test", self.dns.tap.asked())

    def test_odd_local_parts(self):
        self.sealed_for("jo&co_x@odd.test", "odd", ["jo\\038co_x.odd.test"])

    def test_a_tag_is_asked_for_first(self):
        done = self.find("bob+lab@" + THERE, "--json")
        self.assertEqual(done.json["step"], "dns address", done.out)
        self.assertEqual(self.dns.tap.asked(), [f"bob\\043lab.{THERE}", f"bob.{THERE}"])

    def test_a_file_comes_before_the_dns(self):
        self.sealed_for("jo@file.test", "by-file", [])

    def test_a_signed_zone(self):
        self.sealed_for(f"jo@{SIGNED}", "signed", [f"jo.{SIGNED}"])
        self.assertIn("signed by the zone", self.find(f"jo@{SIGNED}", "--trace").out)
        self.assertEqual(self.find(f"jo@{SIGNED}", dnssec="require").code, 0)

    def test_cert_find_without_a_configuration(self):
        """On a host of its own: a network where /etc/resolv.conf names the only server, and nothing of ours."""
        zone = [cert_record("jo.host.test", self.certs["bob-dns"]), cert_record("ann.host.test", self.certs["host"]),
                cert_record("old.host.test", self.certs["host-old"])]
        for address, code, words in (("ann@host.test", 0, "was not judged"), ("old@host.test", 1, "it expired on"),
                                     ("jo@host.test", 1, "names neither jo@host.test"),
                                     ("no@host.test", 1, "at no.host.test and at host.test")):
            done = self.alone(zone, [program("directctl"), "cert", "find", address, "--trace"])
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
            self.assertIn(words, done.stdout)

    def alone(self, zone, command):
        if os.path.exists("/etc/direct/direct.toml"):
            raise NotPossible("this machine has a configuration of its own")
        resolv_conf = write(os.path.join(self.daemon.root, "resolv.conf"), "nameserver 127.0.0.1\n")
        script = f"""
import fcntl, socket, struct, subprocess, sys
sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__))!r})
from harness.dns import NameServer
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 0x41))  # SIOCSIFFLAGS: up, running
subprocess.run(["mount", "--bind", {resolv_conf!r}, "/etc/resolv.conf"], check=True)
server = NameServer({self.scratch.folder("alone")!r}, {{"host.test": {zone!r}}}, port=53)
try:
    server.start()
    code = subprocess.run({command!r}).returncode
finally:
    server.stop()
sys.exit(code)
"""
        probe = subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True, text=True, check=False)
        if probe.returncode:
            raise NotPossible(f"no network of its own: {probe.stderr.strip()}")
        return subprocess.run(["unshare", "-n", "-m", sys.executable, "-B", "-c", script], capture_output=True,
                              text=True, timeout=PATIENCE, check=False)

    # --- not found, for good ----------------------------------------------------------------------------

    def test_a_bad_certificate_at_the_address_ends_the_search(self):
        self.refused_to("stale@both.test", NO_VALID, ["stale.both.test"])
        done = self.find("stale@both.test")
        self.assertEqual(done.code, 1, done.out)
        self.assertIn("expired on ", done.out)
        self.sealed_for("fresh@both.test", "both", ["stale.both.test", "fresh.both.test", "both.test"])

    def test_an_unreadable_certificate_ends_the_search(self):
        self.refused_to("trap@trap.test", NO_CERTIFICATE, ["trap.trap.test"])
        self.assertIn("cannot be read", self.find("trap@trap.test").out)

    def test_nothing_published(self):
        self.refused_to("nobody@nothing.test", NO_CERTIFICATE, ["nobody.nothing.test", "nothing.test"])
        self.refused_to("nobody@nothing.test", NO_CERTIFICATE, ["nobody.nothing.test", "nothing.test"])
        done = self.find("nobody@nothing.test")
        self.assertEqual(done.code, 1, done.out)
        self.assertIn("No certificate is published for nobody@nothing.test", done.out)
        self.assertIn("at nobody.nothing.test and at nothing.test", done.out)

    def test_an_expired_certificate_of_the_domain_serves_nobody(self):
        self.refused_to(f"ann@{THERE}", NO_VALID, [f"ann.{THERE}", THERE])

    def test_one_message_for_good_and_bad_partners(self):
        """Whoever can be served is, in one go; the others are told of, each with his reason."""
        good = {"bob@many.test": "many-address", "x@many-domain.test": "many-domain", "pair@many.test": "many-new"}
        bad = {"stale@many.test": "5.7.31", "eve@many.test": "5.7.31", "nobody@void.test": "5.7.31"}
        to = [*good, *bad]
        self.accepted(self.submit(smime.mail(f"alice@{HERE}", to, "A subject", "A body\n"), to))
        for address, cert in good.items():
            smime.open_sealed(self.sink.wait_for(address)[0].data, self.certs[cert], [self.here_ca])
        self.assertEqual(sorted(r for m in self.sink.mails for r in m.recipients), sorted(good))
        report = self.delivered()[0].decode()
        for address, status in bad.items():
            self.assertRegex(report, rf"Final-Recipient: rfc822; ?{re.escape(address)}\r?\nAction: failed\r?\nStatus: {status}")

    # --- not known: later -------------------------------------------------------------------------------

    def test_servfail_refused_and_silence_are_temporary_and_nothing_is_asked_after_them(self):
        for number, fault in enumerate((SERVFAIL, REFUSED, SILENT)):
            name = f"u{number}.down.test"
            self.dns.tap.clear()
            self.dns.tap.faults[name] = fault
            self.refused_to(f"u{number}@down.test", LATER)
            self.assertEqual(set(self.dns.tap.asked()), {name}, fault)
        self.assertEqual(self.find("u0@down.test").code, 75)
        self.dns.tap.faults.clear()
        # The server is well again: so is the mail, within seconds (a failure is remembered for five).
        until(lambda: self.submit(smime.mail(f"alice@{HERE}", "u0@down.test", "A", "B\n"), "u0@down.test").accepted,
              "mail once the server answers")
        smime.open_sealed(self.sink.wait_for("u0@down.test")[0].data, self.certs["down"], [self.here_ca])

    def test_a_server_that_does_not_know_the_zone_is_temporary(self):
        self.refused_to("jo@lame.example", LATER)

    def test_a_bad_signature_is_temporary(self):
        anchor = read(self.dns.trust_anchor(SIGNED)).decode().split("\n")[0]
        wrong = write(os.path.join(self.daemon.root, "wrong.key"), anchor[:-8] + "00000000\n")
        done = self.find(f"jo@{SIGNED}", "--trace", dns_trust_anchor=wrong)
        self.assertEqual(done.code, 75, done.out)
        self.assertIn("DNSSEC", done.out)
        self.assertEqual(self.find(f"jo@{SIGNED}", dns_trust_anchor=wrong, dnssec="off").code, 0)

    def test_unsigned_is_temporary_where_signatures_are_required(self):
        done = self.find(f"bob@{THERE}", dnssec="require")
        self.assertEqual(done.code, 75, done.out)
        self.assertIn("not signed", done.out)
        self.assertEqual(self.find(f"bob@{THERE}").code, 0)

    # --- ours -------------------------------------------------------------------------------------------

    def test_our_own_domain_is_never_asked_for(self):
        to = f"carol@{HERE}"
        self.accepted(self.submit(smime.mail(f"alice@{HERE}", to, "A subject", "A body\n"), to))
        self.delivered(to)
        self.assertEqual(self.find(to).code, 0)
        self.refused(self.submit(smime.mail(f"alice@{HERE}", f"x@x.{HERE}", "A", "B\n"), f"x@x.{HERE}"))
        self.assertEqual(self.dns.tap.asked(), [f"x.x.{HERE}", f"x.{HERE}"])

    def test_what_we_publish_is_found(self):
        """The lines go into a zone as printed, in both forms; another site then finds our certificates by them."""
        for flag in ("--zone", "--generic"):
            text = ""
            for name in (f"alice@{HERE}", HERE):
                done = self.daemon.ctl("cert", "publish", name, flag)
                self.assertEqual(done.code, 0, done.err)
                text += done.out
            server = NameServer(self.scratch.folder("published" + flag), {"here.test": text.splitlines()})
            try:
                server.start()
                other = Daemon(self.scratch.folder("other" + flag), reinject_port=1, report_domain="report.other.test",
                               domains=[{"name": "direct.other.test"}],
                               sections={"discovery": {"dns_servers": [server.server], "dns_address": True,
                                                       "dns_domain": True}})
                other.add_anchor("direct.other.test", self.here_ca)
                for address, cert, step in ((f"alice@{HERE}", self.alice, "dns address"),
                                            (f"carol@{HERE}", self.here, "dns domain")):
                    found = other.ctl("cert", "find", address, "--json")
                    self.assertEqual(found.code, 0, found.out)
                    self.assertEqual(found.json["step"], step)
                    self.assertEqual([c["fingerprint"] for c in found.json["certificates"]], [cert.fingerprint])
            finally:
                server.stop()
        self.assertEqual(self.daemon.ctl("cert", "publish", f"nobody@{HERE}").code, 1)
