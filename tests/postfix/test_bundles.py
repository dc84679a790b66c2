"""Trust bundles from a server on 127.0.0.1: who gains and loses trust, and what stays when something is wrong.

No Postfix: the daemon is spoken to as Postfix would speak to it."""
import http.server
import re
import threading
import unittest

from harness import milter, smime
from harness.base import Scratch, free_port, run, until, write
from harness.daemon import Daemon
from harness.pki import Pki
from harness.site import HERE, THERE


class Publisher:
    """An HTTP server that serves one body, or nothing at all."""

    def __init__(self):
        publisher = self
        self.body, self.status, self.requests = b"", 200, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = publisher.body
                etag = f'"{hash(body)}"'
                publisher.requests.append(self.headers.get("If-None-Match"))
                if publisher.status == 200 and self.headers.get("If-None-Match") == etag:
                    self.send_response(304)
                    self.send_header("ETag", etag)
                    self.end_headers()
                    return
                self.send_response(publisher.status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("ETag", etag)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/providers.p7m"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class BundleTest(unittest.TestCase):
    """A daemon with one bundle; bob's authority is in it or not."""
    refresh = "30d"  # only when asked
    sections = {}
    signed = False

    def setUp(self):
        self.scratch = Scratch()
        self.addCleanup(self.scratch.remove)
        self.pki = Pki(self.scratch.folder("pki", 0o700))
        pki = self.pki
        self.here_ca, self.there_ca, self.far_ca = (pki.root(n, kind="p256") for n in ("here-ca", "there-ca", "far-ca"))
        self.alice = pki.end("alice", self.here_ca, email=f"alice@{HERE}", kind="p256")
        self.bob = pki.end("bob", self.there_ca, email=f"bob@{THERE}", kind="p256")
        self.far = pki.end("far", self.far_ca, dns="direct.far.test", kind="p256")
        self.signer = pki.end("signer", self.far_ca, dns="bundles.test", usage="sign", kind="p256")
        self.other = pki.end("other", self.far_ca, dns="bundles.test", usage="sign", kind="p256")
        self.publisher = Publisher()
        self.addCleanup(self.publisher.stop)
        bundle = {"name": "providers", "url": self.publisher.url, "refresh": self.refresh}
        if self.signed:
            bundle["signer"] = self.signer.cert
        self.daemon = Daemon(self.scratch.folder("direct"), reinject_port=free_port(), report_domain="report.test",
                             domains=[{"name": HERE, "newuser": "", "bundles": [{"name": "providers"}]}],
                             bundles=[bundle],
                             sections={"fetch": {"allow_networks": ["127.0.0.0/8"]}, **self.sections})
        self.daemon.add_key(f"alice@{HERE}", self.alice)
        self.daemon.add_anchor(HERE, self.here_ca)
        self.daemon.add_certificate(f"bob@{THERE}", self.bob)
        self.daemon.add_certificate("direct.far.test", self.far)
        self.addCleanup(self.daemon.remove)

    # --- the publisher's side -------------------------------------------------------------------------

    def p7b(self, *authorities, form="DER"):
        certs = write(f"{self.scratch.path}/bundle.pem", b"".join(c.pem for c in authorities))
        return run(["openssl", "crl2pkcs7", "-nocrl", "-certfile", certs, "-outform", form])

    def p7m(self, signer, *authorities, digest="sha256", form="DER"):
        inner = write(f"{self.scratch.path}/inner.p7b", self.p7b(*authorities, form=form))
        return run(["openssl", "cms", "-sign", "-binary", "-nodetach", "-in", inner, "-signer", signer.cert, "-inkey",
                    signer.key, "-md", digest, "-outform", "DER"])

    # --- our side -------------------------------------------------------------------------------------

    def from_(self, signer, sender):
        """The reply to a message of this signer's."""
        inner = smime.mail(sender, f"alice@{HERE}")
        message = smime.sealed(inner, [signer], [self.alice])
        return milter.deliver(self.daemon.socket, sender, f"alice@{HERE}", message)

    def trusts_bob(self):
        answer = self.from_(self.bob, f"bob@{THERE}")
        self.assertIn(answer.code, (250, 554, 451), answer)
        return answer.code == 250

    def trusts_far(self):
        answer = self.from_(self.far, "doc@direct.far.test")
        self.assertIn(answer.code, (250, 554), answer)
        return answer.code == 250

    def refresh_now(self, *options, code=0):
        done = self.daemon.ctl("bundle", "refresh", "providers", *options)
        self.assertEqual(done.code, code, done)
        return done

    def metric(self, name):
        found = re.search(rf"^direct_{name} (\S+)$", self.daemon.ctl("metrics").out, re.M)
        self.assertIsNotNone(found, name)
        return float(found.group(1))

    def state(self):
        [bundle] = self.daemon.ctl_json("bundle", "list")["bundles"]
        return bundle

    def check(self, *options):
        return self.daemon.ctl("check", "--postfix", "/nonexistent", *options)

    def findings(self):
        return {f["what"]: f["severity"] for f in self.check("--json").json["findings"]}


class Unsigned(BundleTest):
    def test_trust_is_gained_and_lost(self):
        self.publisher.body = self.p7b(self.there_ca)
        self.daemon.start()
        until(lambda: self.state()["state"] == "fresh", "the first load", detail=self.daemon.log_tail)
        self.assertTrue(self.trusts_bob())
        self.assertFalse(self.trusts_far())
        # A dry run tells, and changes nothing.
        self.publisher.body = self.p7b(self.far_ca, form="PEM")
        for text in (True, False):
            told = self.refresh_now("--dry-run", *([] if text else ["--json"]))
            self.assertTrue(self.trusts_bob())
            if not text:
                [bundle] = told.json["bundles"]
                self.assertEqual([c["fingerprint"] for c in bundle["come"]], [self.far_ca.fingerprint])
                self.assertEqual([c["fingerprint"] for c in bundle["go"]], [self.there_ca.fingerprint])
                self.assertEqual({(c["partner"], c["direction"]) for c in bundle["gain"]},
                                 {("direct.far.test", "incoming"), ("direct.far.test", "outgoing")})
                self.assertEqual({(c["partner"], c["direction"]) for c in bundle["lose"]},
                                 {(f"bob@{THERE}", "incoming"), (f"bob@{THERE}", "outgoing")})
            else:
                for part in (self.far_ca.fingerprint, self.there_ca.fingerprint, f"bob@{THERE}", "direct.far.test",
                             "lose trust", "gain trust", HERE):
                    self.assertIn(part, told.out)
        # For real: what was taken out is out with the next message.
        self.refresh_now()
        self.assertFalse(self.trusts_bob())
        self.assertTrue(self.trusts_far())
        log = self.daemon.log()
        self.assertRegex(log, rf'bundle .*go=".*there-ca.*fingerprint="{self.there_ca.fingerprint}"')
        audit = self.daemon.ctl("audit", "--json").out
        self.assertIn("1 anchors came, 1 went", audit)
        self.assertIn(self.there_ca.fingerprint, audit)
        # The same once more is no change, and the server is not even asked for the bytes.
        self.assertIn("unchanged", self.refresh_now().out)
        self.assertIsNotNone(self.publisher.requests[-1])
        self.assertEqual(self.metric("bundle_changes_total"), 2)

    def test_the_last_good_copy_stays_also_over_a_restart(self):
        self.publisher.body = self.p7b(self.there_ca)
        self.daemon.start()
        until(lambda: self.state()["state"] == "fresh", "the first load", detail=self.daemon.log_tail)
        for body, status in ((b"<html>not today</html>", 200), (b"", 200), (self.p7b(self.bob), 200), (b"gone", 404),
                             (self.p7b(self.far_ca)[:300], 200)):
            with self.subTest(body[:20]):
                self.publisher.body, self.publisher.status = body, status
                self.assertIn("the last good copy stays", self.refresh_now(code=75).out)
                self.assertTrue(self.trusts_bob())
        self.publisher.stop()
        self.refresh_now(code=75)
        self.daemon.kill()
        self.daemon.start()
        self.assertTrue(self.trusts_bob())
        self.assertEqual(self.state()["state"], "fresh")
        self.assertIn("providers", self.state()["trouble"])

    def test_never_loaded_means_refused_and_told(self):
        self.publisher.status = 503
        self.daemon.start()
        self.daemon.wait_log("outcome=\"failed\"")
        # Whom it would make trusted nobody knows: later, not never.
        self.assertEqual(self.from_(self.bob, f"bob@{THERE}").code, 451)
        self.assertEqual(self.state()["state"], "absent")
        self.assertEqual(self.metric("bundles_stale"), 1)
        told = [w for w in self.findings() if "its anchors are absent" in w]
        self.assertEqual([self.findings()[w] for w in told], ["fault"])
        self.assertEqual(self.check("--nagios").code, 2)

    def test_without_a_daemon(self):
        self.publisher.body = self.p7b(self.there_ca)
        made = self.daemon.start().stop()
        self.assertEqual(made, 0)
        self.refresh_now("--dry-run")
        self.refresh_now()
        self.assertEqual(self.state()["anchors"], 1)
        self.daemon.start()
        self.assertTrue(self.trusts_bob())
        listed = self.daemon.ctl("anchor", "list").out
        self.assertIn(self.there_ca.fingerprint, listed)
        self.assertEqual(self.daemon.ctl("bundle", "refresh", "nobody").code, 2)


class Hourly(BundleTest):
    refresh = "1s"
    sections = {"policy": {"bundle_stale": "2s"}}

    def test_it_comes_by_itself_and_silence_is_told(self):
        self.publisher.body = self.p7b(self.there_ca)
        self.daemon.start()
        until(self.trusts_bob, "bob to be trusted", detail=self.daemon.log_tail)
        self.publisher.body = self.p7b(self.far_ca)
        until(lambda: not self.trusts_bob(), "bob to lose trust", detail=self.daemon.log_tail)
        self.publisher.status = 500
        self.daemon.wait_log("outcome=\"stale\"")
        until(lambda: self.metric("bundles_stale") == 1, "the metric")
        self.assertTrue(self.trusts_far())
        self.assertTrue(any("is stale" in w for w in self.findings()))
        self.assertEqual(self.state()["state"], "stale")
        self.publisher.status = 200
        until(lambda: self.metric("bundles_stale") == 0, "the alarm to end", detail=self.daemon.log_tail)


class Signed(BundleTest):
    signed = True

    def test_only_the_named_signer_changes_whom_we_trust(self):
        self.publisher.body = self.p7m(self.signer, self.there_ca)
        self.daemon.start()
        until(lambda: self.state()["state"] == "fresh", "the first load", detail=self.daemon.log_tail)
        self.assertTrue(self.trusts_bob())
        self.assertEqual(self.state()["signer"], self.signer.fingerprint)
        good = self.p7m(self.signer, self.far_ca)
        der = run(["openssl", "x509", "-in", self.far_ca.cert, "-outform", "DER"])
        at = good.index(der) + len(der) - 10  # inside the anchor that was signed
        for name, body in (("unsigned", self.p7b(self.far_ca)), ("other signer", self.p7m(self.other, self.far_ca)),
                           ("SHA-1", self.p7m(self.signer, self.far_ca, digest="sha1")),
                           ("changed", good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])):
            with self.subTest(name):
                self.publisher.body = body
                self.assertIn("failed", self.refresh_now(code=75).out)
                self.assertTrue(self.trusts_bob())
                self.assertFalse(self.trusts_far())
        self.publisher.body = self.p7m(self.signer, self.far_ca, form="PEM")
        self.refresh_now()
        self.assertFalse(self.trusts_bob())
        self.assertTrue(self.trusts_far())


class Adding(BundleTest):
    def test_a_bundle_is_shown_then_written_into_the_configuration(self):
        self.publisher.body = self.p7m(self.signer, self.far_ca)
        d = self.daemon
        before = open(d.config, encoding="utf-8").read()
        command = ["bundle", "add", "more", "--url", self.publisher.url, "--signer", self.signer.cert, "--in"]
        shown = d.ctl(*command)
        self.assertEqual(shown.code, 1)
        for part in (self.far_ca.fingerprint, self.signer.fingerprint, "nothing changed", "[[bundle]]"):
            self.assertIn(part, shown.out)
        for wrong in (self.other.cert, self.other.key, "/nonexistent"):
            refused = d.ctl("bundle", "add", "more", "--url", self.publisher.url, "--signer", wrong, "--yes")
            self.assertNotEqual(refused.code, 0, wrong)
        self.assertEqual(open(d.config, encoding="utf-8").read(), before)
        d.start()
        done = d.ctl(*command, "--yes")
        self.assertEqual(done.code, 0, done)
        self.assertEqual(open(d.config + "~", encoding="utf-8").read(), before)
        self.assertEqual(d.ctl("reload").code, 0)
        until(self.trusts_far, "the new bundle", detail=d.log_tail)
        self.assertEqual({b["name"] for b in d.ctl_json("bundle", "list")["bundles"]}, {"providers", "more"})
        self.assertIn("bundle-add", d.ctl("audit", "--json").out)
        self.assertEqual(d.ctl(*command, "--yes").code, 2)  # there already


if __name__ == "__main__":
    unittest.main()
