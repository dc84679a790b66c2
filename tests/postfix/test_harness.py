"""The harness proves itself without our daemon: Postfix delivers, the sink captures, logins and reports arrive."""
import re
import socket
import subprocess
import threading
import unittest

from harness import client, smime
from harness.base import Failure, answers, free_port, until
from harness.daemon import Ctl, toml
from harness.observer import DISCARD, TEMPFAIL, Observer
from harness.postfix import REPORT_DOMAIN, PrivatePostfix, group_alive
from harness.site import HERE, PASSWORD, PostfixTest
from harness.sink import Sink

ALICE, CAROL = f"alice@{HERE}", f"carol@{HERE}"


class WithoutMilter(PostfixTest):
    aliases = {f"both@{HERE}": f"{ALICE}, {CAROL}"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_postfix(report_to=f"smtp:[127.0.0.1]:{cls.sink.port}").start()

    def setUp(self):
        self.postfix.empty_mailboxes()
        self.sink.clear()

    def test_delivers_to_a_maildir(self):
        message = smime.mail("bob@direct.there.test", ALICE, "Hi", ".dot\n..dots\n", [("a.bin", "application/x-a",
                                                                                   bytes(range(256)))])
        outcome = client.send(self.postfix.mx, "bob@direct.there.test", ALICE, message)
        self.assertTrue(outcome.accepted, outcome)
        [got] = self.postfix.wait_mail(ALICE)
        self.assertEqual(smime.attachments_of(got)["a.bin"], bytes(range(256)))
        self.assertIn(b"\n.dot\n..dots\n", got.replace(b"\r\n", b"\n"))
        self.assertEqual(smime.field(got, "Return-Path"), "<bob@direct.there.test>")

    def test_refuses_unknown_users_and_relaying(self):
        outcome = client.send(self.postfix.mx, "x@there.test", [f"nobody@{HERE}", "x@elsewhere.test"], b"a: b\r\n\r\n")
        self.assertRegex(outcome.rcpt[f"nobody@{HERE}"], rb"^550 5\.1\.1 ")
        self.assertRegex(outcome.rcpt["x@elsewhere.test"], rb"^554 5\.7\.1 .*Relay access denied")
        self.assertEqual((outcome.code, outcome.status), (550, "5.1.1"))
        self.assertFalse(outcome.accepted)

    def test_outside_goes_to_the_sink(self):
        message = smime.mail(ALICE, "x@elsewhere.test", text=".\n")
        outcome = client.send(self.postfix.submission, ALICE, ["x@elsewhere.test", "y@relayed.test"], message)
        self.assertTrue(outcome.accepted, outcome)
        [x], [y] = self.sink.wait_for("x@elsewhere.test"), self.sink.wait_for("y@relayed.test")
        self.assertEqual(x.sender, ALICE)
        self.assertTrue(y.data.endswith(smime.split(message)[1]))

    def test_sink_refuses_where_it_is_told(self):
        self.sink.refuse["no@elsewhere.test"] = b"550 5.1.1 not here"
        self.postfix.mark_log()
        client.send(self.postfix.submission, "x@there.test", "no@elsewhere.test", b"a: b\r\n\r\nc\r\n")
        self.postfix.wait_log(r"status=bounced .*550 5\.1\.1 not here")
        [bounce] = self.sink.wait_for("x@there.test")
        self.assertEqual(bounce.sender, "")
        self.assertIn(b"Action: failed", bounce.data)

    def test_reinjection_reports_delivery(self):
        sender = f"direct-dsn+TOKEN@{REPORT_DOMAIN}"
        outcome = client.send(self.postfix.reinject, sender, [ALICE], smime.mail(ALICE, ALICE),
                              mail_parameters="RET=HDRS ENVID=TOKEN",
                              rcpt_parameters=f"NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;{ALICE}")
        self.assertTrue(outcome.accepted, outcome)
        [report] = self.sink.wait_for(sender)
        self.assertRegex(report.data, rb"Original-Envelope-Id: TOKEN\r\n")
        self.assertRegex(report.data, rb"Action: delivered\r\n")
        self.assertRegex(report.data, rf"Original-Recipient: rfc822;\s*{re.escape(ALICE)}\r\n".encode())
        self.assertNotIn(b"Hello.", report.data)

    def test_reinjection_refuses_unknown_users_and_expands_aliases(self):
        outcome = client.send(self.postfix.reinject, f"direct-dsn+T@{REPORT_DOMAIN}", f"nobody@{HERE}", b"")
        self.assertRegex(outcome.rcpt[f"nobody@{HERE}"], rb"^550 5\.1\.1 ")
        sender = f"direct-dsn+T2@{REPORT_DOMAIN}"
        client.send(self.postfix.reinject, sender, f"both@{HERE}", smime.mail(ALICE, CAROL),
                    mail_parameters="RET=HDRS ENVID=T2", rcpt_parameters="NOTIFY=SUCCESS,FAILURE")
        self.postfix.wait_mail(ALICE)
        self.postfix.wait_mail(CAROL)
        self.assertIn(b"Action: expanded", self.sink.wait_for(sender)[0].data)

    def test_sendmail_and_queue(self):
        self.postfix.sendmail(b"Subject: x\n\nlocal\n", "root@here.test", CAROL)
        self.assertIn(b"local", self.postfix.wait_mail(CAROL)[0])
        self.postfix.wait_queue_empty()

    def test_swaks(self):
        code, said = client.swaks(self.postfix.mx, "--from", "s@there.test", "--to", ALICE, "--body", "by swaks")
        self.assertEqual(code, 0, said)
        self.assertIn(b"by swaks", self.postfix.wait_mail(ALICE)[0])
        message = smime.mail("s@there.test", ALICE, text="whole\n")
        code, said = client.swaks(self.postfix.mx, "--from", "s@there.test", "--to", ALICE, message=message)
        self.assertEqual(code, 0, said)
        self.assertIn(b"whole", self.postfix.wait_mail(ALICE, 2)[1])

    def test_smtp_source(self):
        subprocess.run(["smtp-source", "-c", "-m", "5", "-s", "2", "-f", "s@there.test", "-t", ALICE,
                        f"127.0.0.1:{self.postfix.mx}"], check=True, stdout=subprocess.DEVNULL, timeout=60)
        self.assertEqual(len(self.postfix.wait_mail(ALICE, 5)), 5)

    def test_two_at_once_and_nothing_left(self):
        other = PrivatePostfix(self.scratch.folder("second"), mailboxes=[ALICE])
        with other:
            client.send(other.mx, "s@there.test", ALICE, smime.mail("s@there.test", ALICE))
            other.wait_mail(ALICE)
            self.assertEqual(self.postfix.maildir(ALICE), [])
            group = other.pid
        self.assertFalse(group_alive(group))
        self.assertFalse(answers(other.mx))
        self.assertFalse(re.search(r"\b(warning|fatal|panic):", other.log()), other.log())

    def test_replies_are_kept_byte_for_byte(self):
        with client.SmtpClient(self.postfix.mx) as c:
            self.assertTrue(c.outcome.greeting.startswith(b"220 ") and c.outcome.greeting.endswith(b"\r\n"))
            ehlo = c.hello().ehlo
            self.assertGreater(ehlo.count(b"\r\n250"), 3)
            self.assertIn(b"DSN\r\n", ehlo)
            self.assertTrue(c.command("BOGUS").startswith(b"500 5.5.2"))


class WithMilter(PostfixTest):
    logins = {ALICE: PASSWORD, "drjones": "pass word"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.observer = Observer()
        cls.addClassCleanup(cls.observer.stop)
        cls.make_postfix(milter=cls.observer.socket).start()

    def seen(self, action):
        before = len(self.observer.messages)
        outcome = action()
        self.assertTrue(outcome.accepted, outcome)
        return self.observer.messages[before]

    def test_login_reaches_the_milter(self):
        for login, password in self.logins.items():
            with self.subTest(login=login):
                seen = self.seen(lambda l=login, p=password: client.send(
                    self.postfix.submission, ALICE, "x@elsewhere.test", smime.mail(ALICE, "x@elsewhere.test"), login=l,
                    password=p))
                self.assertEqual(seen["macros"]["{auth_authen}"], login)
                self.assertEqual(seen["macros"]["{daemon_name}"], "ORIGINATING")
                self.assertEqual((seen["sender"], seen["recipients"]), (f"<{ALICE}>", ["<x@elsewhere.test>"]))

    def test_wrong_password_is_refused(self):
        outcome = client.send(self.postfix.submission, ALICE, "x@elsewhere.test", b"", login=ALICE, password="wrong")
        self.assertRegex(outcome.auth, rb"^535 5\.7\.8 ")
        self.assertEqual(outcome.code, 535)

    def test_listeners_name_themselves(self):
        message = smime.mail("bob@direct.there.test", ALICE)
        mx = self.seen(lambda: client.send(self.postfix.mx, "bob@direct.there.test", ALICE, message))
        self.assertEqual(mx["macros"]["{daemon_name}"], "mx")
        self.assertNotIn("{auth_authen}", mx["macros"])
        self.assertEqual(mx["body"], smime.split(message)[1])
        report = self.seen(lambda: client.send(self.postfix.report, "", ALICE, message))
        self.assertEqual(report["macros"]["{daemon_name}"], "direct-report")
        count = len(self.observer.messages)
        self.assertTrue(client.send(self.postfix.reinject, "", ALICE, message).accepted)
        self.assertEqual(len(self.observer.messages), count, "reinject must not ask our milter")

    def test_local_mail_is_asked_about(self):
        count = len(self.observer.messages)
        self.postfix.sendmail(b"Subject: x\n\nlocal\n", "root@here.test", CAROL)
        until(lambda: len(self.observer.messages) > count, "the milter to see sendmail's mail")
        self.assertNotIn("{auth_authen}", self.observer.messages[-1]["macros"])

    def test_answers(self):
        message = smime.mail("bob@direct.there.test", "plain@here.test")
        try:
            self.observer.answer = TEMPFAIL
            outcome = client.send(self.postfix.mx, "b@there.test", "plain@here.test", message)
            self.assertEqual((outcome.code, outcome.status), (451, "4.7.1"))
            self.observer.answer = DISCARD
            self.assertTrue(client.send(self.postfix.mx, "b@there.test", "plain@here.test", message).accepted)
        finally:
            self.observer.answer = b"c"
        self.postfix.wait_queue_empty()
        self.assertEqual(self.postfix.maildir("plain@here.test"), [])


class WithoutMilterProgram(PostfixTest):
    def test_a_milter_that_is_down_defers(self):
        self.make_postfix(milter=f"inet:127.0.0.1:{free_port()}").start()
        outcome = client.send(self.postfix.mx, "b@there.test", ALICE, smime.mail("b@there.test", ALICE))
        self.assertEqual(outcome.code, 451, outcome)
        self.assertEqual(self.postfix.maildir(ALICE), [])


class Pieces(unittest.TestCase):
    def test_toml(self):
        value = {"a": [1, True, 'q"\\'], "b": {"c": "é"}}
        self.assertEqual(toml(value), '{ a = [1, true, "q\\"\\\\"], b = { c = "é" } }')

    def test_ports_are_not_given_twice(self):
        ports = {free_port() for _ in range(50)}
        self.assertEqual(len(ports), 50)

    def test_waiting_says_what_it_waited_for(self):
        with self.assertRaisesRegex(Failure, "in vain for a miracle\nlast words"):
            until(lambda: False, "a miracle", 0.01, lambda: "last words")

    def test_control_output(self):
        self.assertEqual(Ctl(0, '{"a": 1}\n', "").json, {"a": 1})
        self.assertEqual(Ctl(0, '{"a": 1}\n{"a": 2}\n', "").json, [{"a": 1}, {"a": 2}])
        with self.assertRaisesRegex(Failure, "exit 2"):
            _ = Ctl(2, "no", "usage").json

    def test_a_crowd_at_the_sink_is_served(self):
        """Postfix had a message in hand for minutes: the sink's queue held five, and its connection was forgotten."""
        sink = Sink()
        self.addCleanup(sink.stop)
        sink._server.shutdown()  # nobody takes them: all of them have to wait their turn
        crowd = [socket.create_connection(("127.0.0.1", sink.port), 2) for _ in range(100)]
        for one in crowd:
            self.addCleanup(one.close)
        threading.Thread(target=sink._server.serve_forever, args=(0.05,), daemon=True).start()
        self.assertEqual({one.recv(100)[:4] for one in crowd}, {b"220 "})

    def test_sink_keeps_parameters_and_dots(self):
        sink = Sink(dsn=True)
        try:
            message = b"a: b\r\n\r\n.one\r\n..two\r\n"
            outcome = client.send(sink.port, "s@there.test", ["r@there.test"], message,
                                  mail_parameters="RET=FULL", rcpt_parameters="NOTIFY=NEVER")
            self.assertTrue(outcome.accepted)
            [mail] = sink.wait_for("r@there.test")
            self.assertEqual(mail.data, message)
            self.assertEqual((mail.mail_parameters, mail.rcpt_parameters["r@there.test"]), ("RET=FULL", "NOTIFY=NEVER"))
            sink.refuse_data = b"451 4.3.0 later"
            self.assertEqual(client.send(sink.port, "s@there.test", "r@there.test", message).code, 451)
        finally:
            sink.stop()
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", sink.port), 1)


if __name__ == "__main__":
    unittest.main()
