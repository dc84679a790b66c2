"""newuser@: a message becomes a held record with its notice; a line that cannot be taken is told by its token."""
import os
import re
import unittest

from harness import smime
from harness.base import read
from harness.site import HERE, THERE, SiteTest
from harness.smime import Sealing

QUESTION, ANSWER, SUBJECT = "Name of the first pet", "Zanzibar77", "Your results REALSUBJ"


class Newuser(SiteTest):
    sections = {"newuser": {"help_url": "https://help.here.test/newuser", "notice_interval": "0"}}

    def setUp(self):
        self.fresh()

    def newuser(self, subject, *, how=None, signers=None, to=f"newuser@{HERE}", recipients=None, headers=(), **mail):
        inner = smime.mail(f"bob@{THERE}", to, subject, "Body HELDMARK\n",
                           [("ccd.xml", "application/xml", b"<a>HELDMARK</a>")], headers=headers, **mail)
        return smime.sealed(inner, signers or [self.bob], [self.here, self.alice], how or Sealing())

    def held(self):
        done = self.daemon.ctl("held", "list", "--json")
        self.assertEqual(done.code, 0, done.err)
        found = done.json
        return found["held"] if isinstance(found, dict) and "held" in found else found

    def test_a_message_is_held_and_the_person_notified(self):
        before = len(self.held())
        message = self.newuser(f"jane@person.test;{QUESTION};{ANSWER};{SUBJECT}")
        self.accepted(self.inbound(message, f"newuser@{HERE}"))
        self.assertEqual(len(self.held()), before + 1)
        notice = self.sink.wait_for("jane@person.test")[0]
        self.assertRegex(notice.sender, r"^notice\+[0-9a-f]+@")
        self.assertIn(b"http://pickup.here.test/p/", notice.data)
        self.assertEqual(smime.field(notice.data, "Auto-Submitted"), "auto-generated")
        for secret in ("HELDMARK", ANSWER, QUESTION, "REALSUBJ", "ccd.xml"):
            self.assertNotIn(secret.encode(), notice.data)
        self.nothing_delivered(f"newuser@{HERE}")
        self.in_audit("held")

    def test_the_record_is_shown_without_answer_subject_or_code(self):
        self.accepted(self.inbound(self.newuser(f"show@person.test;{QUESTION};{ANSWER};{SUBJECT}"), f"newuser@{HERE}"))
        notice = self.sink.wait_for("show@person.test")[0].data
        code = re.search(rb"/p/([A-Z0-9-]+)", notice).group(1).decode()
        record = [r for r in self.held() if r.get("contact") == "show@person.test"][0]
        shown = self.daemon.ctl("held", "show", record["id"], "--json")
        self.assertEqual(shown.code, 0, shown.err)
        self.assertIn("show@person.test", shown.out)
        everything = shown.out + self.daemon.ctl("audit", "--json").out + self.daemon.log() + self.postfix.log()
        for secret in (ANSWER, "REALSUBJ", "HELDMARK", code, code.replace("-", "")):
            self.assertNotIn(secret, everything)

    def test_nothing_readable_lies_in_the_store(self):
        self.accepted(self.inbound(self.newuser(f"disk@person.test;{QUESTION};{ANSWER};{SUBJECT}"), f"newuser@{HERE}"))
        self.sink.wait_for("disk@person.test")
        for folder, _, names in os.walk(os.path.join(self.daemon.root, "store")):
            for name in names:
                data = read(os.path.join(folder, name))
                for secret in (b"HELDMARK", ANSWER.encode(), b"REALSUBJ", QUESTION.encode(), b"disk@person.test",
                               f"bob@{THERE}".encode()):
                    self.assertNotIn(secret, data, name)

    def test_the_same_message_again_makes_nothing_new(self):
        message = self.newuser(f"again@person.test;{QUESTION};{ANSWER}")
        for _ in range(2):
            self.accepted(self.inbound(message, f"newuser@{HERE}"))
        self.assertEqual(len([r for r in self.held() if r.get("contact") == "again@person.test"]), 1)
        self.sink.wait_for("again@person.test")
        self.postfix.wait_queue_empty()
        self.assertEqual(len(self.sink.for_address("again@person.test")), 1)

    def test_capitals_and_domain_certificate(self):
        self.accepted(self.inbound(self.newuser("caps@person.test", to=f"NewUser@{HERE}"), f"NEWUSER@{HERE}"))
        self.sink.wait_for("caps@person.test")

    def test_refusals_carry_the_token_and_the_help_page_only(self):
        for subject, code, status, token in (
                ("You have a new message", 553, "5.1.3", "email-syntax"),
                ("jane@person.test;Pet;", 554, "5.6.0", "answer-missing"),
                ("jane@person.test;;Rex", 554, "5.6.0", "question-missing"),
                (f"newuser@{HERE};hello", 554, "5.4.6", "email-loop"),
                ("jane@person.test, bob@person.test;a;b", 553, "5.1.3", "email-several")):
            with self.subTest(token):
                outcome = self.inbound(self.newuser(subject), f"newuser@{HERE}")
                self.refused(outcome, f"newuser:{token}",
                             f"{code} {status} newuser: {token} https://help.here.test/newuser")

    def test_every_fault_of_the_line_is_refused_by_its_token(self):
        """The token stands in the reply and in the audit; the Subject is put in as bytes, as a mail program may send it."""
        faults = {
            "subject-missing": b"X-Other: 1", "subject-empty": b"Subject: ",
            "subject-duplicate": b"Subject: jane@person.test;Q;A\r\nSubject: eve@evil.test;Q;A",
            "subject-too-long": b"Subject: jane@person.test;" + b" ".join([b"word"] * 1000),
            "subject-charset": b"Subject: jane@person.test;m\xe8re;Annette",
            "subject-encoding": b"Subject: =?UTF-8?Q?jane=40person.test=3Bm=E8re?=",
            "subject-control": b"Subject: =?UTF-8?Q?jane=40person.test=3BPet=0ABcc?=",
            "email-empty": b"Subject: ;Pet;Rex", "email-quote": b'Subject: jane"doe@person.test;Pet;Rex',
            "email-local": b"Subject: .jane@person.test", "email-local-utf8": b"Subject: j\xc3\xa4ne@person.test;Labs",
            "email-domain": b"Subject: jane@person_test", "email-literal": b"Subject: jane@[192.0.2.1]",
            "field-too-long": b"Subject: jane@person.test;" + b"q" * 600 + b";Rex"}
        before = len(self.held())
        for token, header in faults.items():
            with self.subTest(token):
                inner = smime.mail(f"bob@{THERE}", f"newuser@{HERE}", "PLACE", "Body\n").replace(b"Subject: PLACE", header)
                message = smime.sealed(inner, [self.bob], [self.here])
                outcome = self.inbound(message, f"newuser@{HERE}")
                self.refused(outcome, f"newuser:{token}")
                self.assertIn(f"newuser: {token} https://help.here.test/newuser", outcome.last.decode())
        self.assertEqual(len(self.held()), before)

    def test_unwrapped_is_never_taken(self):
        message = self.newuser("jane@person.test", how=Sealing(wrapped=False))
        self.refused(self.inbound(message, f"newuser@{HERE}"), "not-wrapped", "554 5.6.0 direct: not-wrapped")

    def test_an_untrusted_message_is_refused_before_its_subject_is_looked_at(self):
        ca = self.pki.root("stranger-newuser-ca")
        stranger = self.pki.end("stranger", ca, email=f"bob@{THERE}")
        message = self.newuser("no address at all", signers=[stranger], how=Sealing(extra_certificates=(ca,)))
        self.refused(self.inbound(message, f"newuser@{HERE}"), "untrusted", "554 5.7.11 direct: untrusted")

    def test_beside_a_mailbox_the_other_sees_the_real_subject(self):
        to = [f"newuser@{HERE}", f"alice@{HERE}"]
        self.accepted(self.inbound(self.newuser(f"both@person.test;{QUESTION};{ANSWER};{SUBJECT}", to=to), to))
        got = self.delivered()[0]
        self.assertEqual(smime.field(got, "Subject"), SUBJECT)
        self.assertNotIn(ANSWER.encode(), got)
        self.sink.wait_for("both@person.test")

    def test_a_bad_line_beside_a_mailbox_is_told_by_a_sealed_failed_mdn(self):
        to = [f"newuser@{HERE}", f"alice@{HERE}"]
        self.accepted(self.inbound(self.newuser("no address here", to=to), to))
        self.delivered()
        notices = self.sink.wait_for(f"bob@{THERE}", 2)  # the mailbox's processed is the other, in no order
        self.assertEqual([n.sender for n in notices], ["", ""])
        opened = [smime.open_sealed(n.data, self.bob, [self.here_ca])[0] for n in notices]
        [inner] = [i for i in opened if b"Disposition: automatic-action/MDN-sent-automatically;failed" in i]
        self.assertEqual(smime.parsed(inner).get_content_type(), "multipart/report")
        self.assertIn(b"newuser:email-syntax", inner)
        self.assertNotIn(b"no address here", inner)

    def test_pickup_headers_win_over_the_subject(self):
        headers = [("X-Direct-Pickup-Email", "hdr@person.test"), ("X-Direct-Pickup-Question", QUESTION),
                   ("X-Direct-Pickup-Answer", ANSWER)]
        self.accepted(self.inbound(self.newuser(SUBJECT, headers=headers), f"newuser@{HERE}"))
        self.sink.wait_for("hdr@person.test")

    def test_a_user_of_ours_writes_to_newuser(self):
        mail = smime.mail(f"alice@{HERE}", f"newuser@{HERE}", f"own@person.test;{QUESTION};{ANSWER};{SUBJECT}")
        self.accepted(self.submit(mail, f"newuser@{HERE}"))
        self.sink.wait_for("own@person.test")

    def test_audit_names_a_submitted_message_of_which_nothing_is_sealed(self):
        mail = smime.mail(f"alice@{HERE}", f"newuser@{HERE}", "named@person.test", message_id=f"<submitted@{HERE}>")
        self.accepted(self.submit(mail, f"newuser@{HERE}"))
        entries = [e for e in self.daemon.ctl_json("audit")["entries"] if e["event"] == "message-out"]
        self.assertIn(f"<submitted@{HERE}>", [e.get("message_id") for e in entries])

    def test_warnings_are_in_audit(self):
        self.accepted(self.inbound(self.newuser("warn@person.test;Labs; please call"), f"newuser@{HERE}"))
        self.sink.wait_for("warn@person.test")
        self.assertIn("W1", self.daemon.ctl("audit", "--json").out)


class Quota(SiteTest):
    sections = {"newuser": {"quota_contact": 1, "notice_interval": "0"}}

    def test_over_quota_is_452_and_nothing_is_stored(self):
        for expected in (250, 452):
            inner = smime.mail(f"bob@{THERE}", f"newuser@{HERE}", "q@person.test")
            outcome = self.inbound(smime.sealed(inner, [self.bob], [self.here]), f"newuser@{HERE}")
            self.assertEqual(outcome.code, expected, outcome.last)
        self.assertEqual(outcome.status, "4.7.1")
        self.in_audit("newuser:quota")
        self.assertEqual(len(self.daemon.ctl("held", "list", "--json").json["held"]), 1)


if __name__ == "__main__":
    unittest.main()
