"""Clinical attachments: parsed after the answer, items under the message, pending work over a restart."""
import os
import unittest

from harness import smime
from harness.base import read, source_dir, until
from harness.site import HERE, THERE, SiteTest

CCD = os.path.join(source_dir(), "tests/mail/ccd_demo.xml")


class Attachments(SiteTest):
    def setUp(self):
        self.fresh()

    def send(self, attachments):
        inner, message = self.from_bob(attachments=attachments)
        self.accepted(self.inbound(message))
        return smime.field(inner, "Message-ID")

    def shown(self, message_id):
        done = self.daemon.ctl("record", "show", message_id, "--json")
        return done.json if done.code == 0 else None

    def parsed(self, message_id, count=1):
        def look():
            record = self.shown(message_id)
            documents = (record or {}).get("documents", [])
            return record if len(documents) == count and all(d["state"] != "pending" for d in documents) else None
        return until(look, "parsed documents", detail=lambda: (self.shown(message_id), self.daemon.log_tail()))

    def test_items_of_a_ccd_are_listed(self):
        data = read(CCD)
        record = self.parsed(self.send([("ccd.xml", "application/xml", data)]))
        document = record["documents"][0]
        self.assertEqual(document["state"], "parsed")
        self.assertGreater(len(document["items"]), 3)
        sections = {i["section"] for i in document["items"]}
        self.assertLessEqual({"demographics", "allergies", "medications", "problems", "results"}, sections)
        self.assertEqual(smime.attachments_of(self.delivered()[0])["ccd.xml"], data)

    def test_other_files_are_kept_as_files(self):
        record = self.parsed(self.send([("scan.pdf", "application/pdf", b"%PDF-1.4 x"), ("x.bin", "image/png", b"\x89PNG")]),
                             2)
        self.assertEqual({d["kind"] for d in record["documents"]}, {"file"})

    def test_broken_xml_is_kept_raw_and_mail_flows_on(self):
        record = self.parsed(self.send([("bad.xml", "application/xml", b"<?xml version='1.0'?><ClinicalDocument xmlns='urn:hl7-org:v3'><a>")]))
        self.assertIn(record["documents"][0]["state"], ("malformed", "file", "parsed"))
        self.delivered()

    def test_pending_work_survives_kill_9(self):
        # A parser that cannot be started leaves the documents pending; then the daemon dies.
        self.daemon.sections["plugins"] = {"worker": "/bin/false"}
        self.daemon.write_config()
        self.daemon.restart()
        message_id = self.send([("ccd.xml", "application/xml", read(CCD))])
        self.delivered()
        self.daemon.kill()
        del self.daemon.sections["plugins"]
        self.daemon.write_config()
        self.daemon.start()
        self.assertEqual(self.parsed(message_id)["documents"][0]["state"], "parsed")

    def test_directctl_parse(self):
        done = self.daemon.ctl("parse", CCD, config=False)
        self.assertEqual(done.code, 0, done.err)
        self.assertIn(done.json["document"]["kind"], ("ccda", "ccd", "cda"))
        self.assertTrue([i for i in done.json["items"] if i["section"] == "allergies"])

    def test_directctl_explain_changes_nothing_and_tells_everything(self):
        _, message = self.from_bob(to=f"carol@{HERE}", recipients=[self.here])
        path = os.path.join(self.daemon.root, "m.eml")
        with open(path, "wb") as f:
            f.write(message)
        done = self.daemon.ctl("explain", "--direction", "in", "--from", f"bob@{THERE}", "--to", f"carol@{HERE}", path)
        self.assertEqual(done.code, 0, done.err)
        self.assertIn('"accepted"', done.out)
        self.assertIn(self.bob.fingerprint, done.out)
        self.nothing_delivered(f"carol@{HERE}")


if __name__ == "__main__":
    unittest.main()
