"""The house as a whole: crashes, restarts, reloads, the outbox when Postfix is away, commands while it runs."""
import os
import signal
import socket
import unittest

from harness import smime
from harness.base import read, until, write
from harness.milter import LEFT_OUT, MilterClient, deliver
from harness.site import HERE, THERE, SiteTest


class House(SiteTest):
    socket = "unix"

    def setUp(self):
        self.fresh()

    def test_what_was_accepted_survives_kill_9_and_is_delivered_once(self):
        # Nobody answers on the re-injection port: the leg has to wait in the store.
        section = self.daemon.sections["reinject"]
        right, section["smtp"] = section["smtp"], "127.0.0.1:1"
        self.daemon.write_config()
        self.daemon.restart()
        _, message = self.from_bob(subject="survives")
        self.accepted(self.inbound(message))
        self.daemon.kill()
        section["smtp"] = right
        self.daemon.write_config()
        self.daemon.start()
        self.assertEqual(smime.field(self.delivered()[0], "Subject"), "survives")
        self.accepted(self.inbound(message))   # the client's repeat after a lost reply
        until(lambda: self.waiting() == [], "an empty outbox", detail=lambda: str(self.waiting()) + self.daemon.log_tail())
        self.postfix.wait_queue_empty()
        self.assertEqual(len(self.delivered()), 1)

    def waiting(self):
        found = self.daemon.ctl("outbox", "list", "--json").json
        return found["outbox"] if isinstance(found, dict) and "outbox" in found else found

    def test_the_outbox_tells_what_waits_and_why(self):
        section = self.daemon.sections["reinject"]
        right, section["smtp"] = section["smtp"], "127.0.0.1:1"
        self.daemon.write_config()
        self.daemon.reload()
        _, message = self.from_bob(subject="waits")
        self.accepted(self.inbound(message))
        entry = until(self.waiting, "an entry in the outbox")[0]
        self.assertIn("clear-leg", str(entry))
        section["smtp"] = right
        self.daemon.write_config()
        self.daemon.reload()
        self.assertEqual(self.daemon.ctl("outbox", "retry").code, 0)
        self.delivered()

    def test_with_the_daemon_down_mail_is_deferred_and_passes_later(self):
        self.daemon.stop()
        _, message = self.from_bob()
        outcome = self.inbound(message)
        self.assertEqual(outcome.code // 100, 4, outcome.last)
        self.daemon.start()
        self.accepted(self.inbound(message))
        self.delivered()

    def test_reload_takes_a_new_anchor_and_keeps_the_old_site_when_the_new_is_at_fault(self):
        ca = self.pki.root("later-ca")
        doc = self.pki.end("later", ca, dns="direct.later.test")
        inner = smime.mail("doc@direct.later.test", f"alice@{HERE}")
        message = smime.sealed(inner, [doc], [self.alice])
        self.assertEqual(self.inbound(message).code, 554)
        self.daemon.add_anchor(HERE, ca, "in")
        self.assertIn('taken="yes"', self.daemon.reload())
        self.accepted(self.inbound(message))
        self.delivered()
        good = read(self.daemon.config)
        write(self.daemon.config, good + b"[milter]\nmesage_max = \"1M\"\n")
        self.assertIn('taken="no"', self.daemon.reload())
        write(self.daemon.config, good)
        _, again = self.from_bob()
        self.accepted(self.inbound(again))
        self.delivered(count=2)

    def test_directctl_reload(self):
        done = self.daemon.ctl("reload")
        self.assertEqual(done.code, 0, done.err + done.out)
        self.daemon.wait_log('taken="yes"')

    def test_a_second_daemon_does_not_open_the_store(self):
        import subprocess
        from harness.base import program
        done = subprocess.run([program("direct-milter"), "--config", self.daemon.config], capture_output=True,
                              timeout=60, check=False)
        self.assertNotEqual(done.returncode, 0)
        _, message = self.from_bob()
        self.accepted(self.inbound(message))

    def test_no_core_and_not_traceable(self):
        limits = read(f"/proc/{self.daemon.process.pid}/limits").decode()
        self.assertRegex(limits, r"Max core file size\s+0\s+0")
        status = read(f"/proc/{self.daemon.process.pid}/status").decode()
        self.assertIn("CoreDumping:\t0", status)

    def test_audit_verifies_and_is_read_while_the_daemon_runs(self):
        _, message = self.from_bob()
        self.accepted(self.inbound(message))
        done = self.daemon.ctl("audit", "verify")
        self.assertEqual(done.code, 0, done.out + done.err)

    def test_commands_without_the_daemon_use_the_store_directly(self):
        self.daemon.stop()
        try:
            self.assertEqual(self.daemon.ctl("store", "stat").code, 0)
            self.assertEqual(self.daemon.ctl("audit", "verify").code, 0)
        finally:
            self.daemon.start()

    def test_end_in_order(self):
        process = self.daemon.process
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)
        self.daemon.process = None
        self.daemon.start()

    def test_on_a_unix_socket_data_is_left_out(self):
        with MilterClient(self.daemon.socket) as client:
            self.assertTrue(client.steps & LEFT_OUT[b"T"])


class Reports(SiteTest):
    def test_over_tcp_data_is_answered(self):
        """smtpd then gives the connection to cleanup; with an unanswered packet of smtpd's on its way cleanup's first one
        waited 40 ms for an acknowledgement."""
        with MilterClient(self.daemon.socket) as client:
            self.assertEqual(client.socket.family, socket.AF_INET)
            client.step(b"M", f"<bob@{THERE}>".encode() + b"\0")
            client.step(b"R", f"<alice@{HERE}>".encode() + b"\0")
            self.assertEqual(client.step(b"T"), (b"c", b""))

    def test_what_changes_in_place_is_one_edit(self):
        """Taking a field away and adding it again were two, and each edit wakes the MTA; a field that stands twice is
        taken away and added, as before."""
        mail = smime.mail(f"alice@{HERE}", f"bob@{THERE}", "secret", "T", headers=[("Comments", "a"), ("Comments", "b")])
        answer = deliver(self.daemon.socket, f"alice@{HERE}", f"bob@{THERE}", mail, login=f"alice@{HERE}",
                         daemon_name="ORIGINATING")
        self.assertEqual(answer.verdict, "accept", answer.text)
        names = [name for _, name, _ in answer.changed] + [name for name, _ in answer.added]
        self.assertEqual(len(set(names)) + 1, len(names), names)  # Comments twice
        self.assertEqual([(n, name) for n, name, value in answer.changed if not value], [(2, "Comments"), (1, "Comments")])
        self.assertIn("Subject", [name for _, name, value in answer.changed if value])
        self.assertNotIn("secret", answer.field("Subject"))

    def test_delivery_reports_are_consumed_and_in_audit(self):
        _, message = self.from_bob()
        self.accepted(self.inbound(message))
        self.delivered()
        self.in_audit("delivery-report")
        self.postfix.wait_queue_empty()


class WideHeader(SiteTest):
    sections = {"limits": {"headers": "4M"}}

    def test_a_header_of_the_size_the_site_allows_is_sealed(self):
        """The outer header was read again under the default bound, after the commit: 451 at each repeat, and an overdue report
        for what had never left."""
        references = b"References: <" + b"r" * 900 + b"@x.test>\r\n" + b" <r@x.test>\r\n" * 4500
        mail = references * 30 + smime.mail(f"alice@{HERE}", f"bob@{THERE}", "S", "T")
        self.assertGreater(len(mail), 3 << 19)
        answer = deliver(self.daemon.socket, f"alice@{HERE}", f"bob@{THERE}", mail, login=f"alice@{HERE}",
                         daemon_name="ORIGINATING")
        self.assertEqual(answer.verdict, "accept", answer.text)
        self.assertIn("pkcs7-mime", answer.field("Content-Type"))


class Pieces(SiteTest):
    """Big messages, many at once, under bounds that make them wait for each other."""
    sections = {"limits": {"work_memory": "64M"}, "milter": {"key_operations": 1, "message_max": "25M"}}

    def test_many_at_once(self):
        import threading
        messages = [self.from_bob(subject=f"n{i}", attachments=[("a.bin", "application/pdf", os.urandom(2_000_000))])[1]
                    for i in range(8)]
        outcomes = [None] * len(messages)

        def one(i):
            outcomes[i] = self.inbound(messages[i])
        threads = [threading.Thread(target=one, args=(i,)) for i in range(len(messages))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for o in outcomes:
            self.accepted(o)
        got = self.delivered(count=len(messages))
        self.assertEqual({smime.field(m, "Subject") for m in got}, {f"n{i}" for i in range(8)})


if __name__ == "__main__":
    unittest.main()
