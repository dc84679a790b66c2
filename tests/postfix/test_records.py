"""Records: the same document again, later versions, time, files out of the store; nothing clear on disk."""
import base64
import hashlib
import json
import os
import re
import stat
import subprocess
import unittest

from harness import smime
from harness.base import read, source_dir, until
from harness.site import HERE, SiteTest
from test_kinds import package

CCD = read(os.path.join(source_dir(), "tests/mail/ccd_demo.xml"))
PERSON, ID = b"Examplesdottir", b'extension="demo-0001"'


def ccd(number, set_id=None, version=None, replace=()):
    """A document of its own, of a set if told."""
    data = CCD.replace(ID, b'extension="%s"' % number.encode())
    if set_id:
        data = data.replace(b'<languageCode code="en-US"/>', b'<languageCode code="en-US"/>\n  <setId root="2.25.77" '
                            b'extension="%s"/><versionNumber value="%d"/>' % (set_id.encode(), version))
    for old, new in replace:
        assert old in data, old
        data = data.replace(old, new)
    return data


def unstructured(inner):
    """A CDA whose body is a PDF."""
    body = b'<component><nonXMLBody><text mediaType="application/pdf" representation="B64">%s</text></nonXMLBody>' \
           b'</component>' % base64.b64encode(inner)
    return re.sub(rb"<component><structuredBody>.*</structuredBody></component>", body, ccd("scan-1"), flags=re.S)


def box_of(test):
    """A record of its own for each test."""
    return f"{test[5:40].replace('_', '-').strip('-')}@{HERE}"


class Records(SiteTest):
    def setUp(self):
        self.fresh()
        self.box = box_of(self._testMethodName)

    def send(self, *attachments, box=None):
        """The Message-ID, once every document has been read."""
        named = [a if isinstance(a, tuple) else ("ccd.xml", "application/xml", a) for a in attachments]
        inner, message = self.from_bob(to=box or self.box, recipients=[self.here], attachments=named)
        self.accepted(self.inbound(message, box or self.box))
        return self.parsed(smime.field(inner, "Message-ID"))

    def parsed(self, message_id):
        def look():
            record = self.shown(message_id)
            return record["documents"] and all(d["state"] != "pending" for d in record["documents"])
        until(look, "documents read", detail=self.daemon.log_tail)
        return message_id

    def shown(self, name, *options):
        return self.daemon.ctl_json("record", "show", name, *options)

    def items(self, *options):
        return self.shown(self.box, *options)["items"]

    def rows(self, table):
        return self.daemon.ctl_json("store", "stat")["entries"][table]

    def test_the_same_again_gives_its_items_once(self):
        first = self.send(CCD)
        count, rows = len(self.items()), self.rows("item")
        self.assertGreater(count, 4)
        second = self.send(CCD)
        self.assertEqual((len(self.items()), self.rows("item")), (count, rows))
        one, two = self.shown(first)["documents"][0], self.shown(second)["documents"][0]
        self.assertEqual(len(one["items"]), count)
        self.assertEqual(two["items"], [])
        [place] = two["places"]
        self.assertEqual((place["state"], place["repeats"]["message"]), ("repeats", self.shown(first)["record"]["id"]))
        self.assertEqual(one["sha256"], two["sha256"])

    def test_a_new_version_replaces_and_an_older_one_does_not(self):
        changed = [(b'code="7980"', b'code="70618"')]
        second = self.send(ccd("v2", "set-1", 2, changed))
        first = self.send(ccd("v1", "set-1", 1))
        self.assertEqual(self.shown(first)["documents"][0]["places"][0]["state"], "superseded")
        self.assertEqual(self.shown(first)["documents"][0]["items"], [])
        self.assertTrue(self.shown(first, "--all")["documents"][0]["items"])
        self.assertEqual(len(self.items("--code", "70618")), 1)
        self.assertEqual(self.items("--code", "7980"), [])
        [old] = self.items("--code", "7980", "--all")
        self.assertTrue(old["superseded"])
        self.assertEqual(len(self.items()), len(self.shown(second)["documents"][0]["items"]))

    def test_rplc_names_the_older_one(self):
        later = ccd("r2").replace(b"<component><structuredBody>", b'<relatedDocument typeCode="RPLC"><parentDocument>'
                                  b'<id root="2.25.90210415283905551" extension="r1"/></parentDocument></relatedDocument>'
                                  b"<component><structuredBody>")
        both = self.shown(self.send(("a.xml", "application/xml", later), ("b.xml", "application/xml", ccd("r1"))))
        self.assertEqual([d["places"][0]["state"] for d in both["documents"]], ["current", "superseded"])

    def test_a_year_apart_both_stay_on_one_time_line(self):
        self.send(ccd("y1"))
        later = [(b'value="20260910', b'value="20270910'), (b'value="20240215"', b'value="20250215"')]
        self.send(ccd("y2", replace=later))
        items = self.items()
        self.assertEqual(len({i["source"]["id"] for i in items}), 2)
        times = [re.search(r'"low": \{[^}]*"value": "([^"]*)"', json.dumps(i["item"].get("effectiveTime", {})))
                 for i in items]
        times = [t.group(1) for t in times if t]
        self.assertEqual(times, sorted(times, reverse=True))
        results = self.items("--section", "results")
        self.assertEqual([r["item"]["effectiveTime"]["low"]["value"] for r in results], ["2027-09-10", "2026-09-10"])
        self.assertEqual(len(self.items("--section", "results", "--since", "2027-01-01")), 1)
        self.assertEqual(len(self.items("--section", "results", "--until", "2027-01-01")), 1)
        # A part of a panel finds the panel; a translation finds the problem.
        self.assertEqual(len(self.items("--code", "2.16.840.1.113883.6.1|2823-3")), 2)
        self.assertEqual(len(self.items("--code", "I10")), 2)
        self.assertEqual(self.items("--code", "2.16|2823-3"), [])

    def test_several_attachments_of_one_message(self):
        pdf = b"%PDF-1.4 of a scan"
        message_id = self.send(CCD, ("scan.pdf", "application/pdf", pdf), ("same.xml", "text/xml", CCD),
                               ("scan.xml", "text/xml", unstructured(pdf)))
        documents = self.shown(message_id)["documents"]
        self.assertEqual([d["kind"] for d in documents], ["ccda", "file", "ccda", "ccda", "file"])
        self.assertEqual(len([d for d in documents if d.get("items")]), 2)
        [inner] = [d for d in documents if d.get("inner")]
        self.assertEqual(inner["sha256"], hashlib.sha256(pdf).hexdigest())
        self.assertTrue(self.items())

    def test_a_package_holds_documents_of_the_record(self):
        one, two = ccd("x1", "set-x", 1), ccd("x2", "set-x", 2)
        packed = self.send(("p.zip", "application/zip", package({"A.XML": one, "B.XML": two})))
        outer, a, b = self.shown(packed)["documents"]
        self.assertEqual([outer["kind"], a["inner"], b["inner"]], ["xdm", 1, 2])
        self.assertEqual([d["places"][0]["state"] for d in (a, b)], ["superseded", "current"])
        self.assertEqual(a["sha256"], hashlib.sha256(one).hexdigest())
        self.assertEqual((bool(a["items"]), bool(b["items"])), (False, True))
        count = len(self.items())
        [again] = self.shown(self.send(two))["documents"]
        self.assertEqual(again["places"][0]["repeats"], {"message": self.shown(packed)["record"]["id"],
                                                         "part": outer["part"], "inner": 2})
        self.assertEqual(len(self.items()), count)

    def test_narratives_are_shown_when_asked_for(self):
        message_id = self.send(ccd("n1"))
        short, whole = self.shown(message_id), self.shown(message_id, "--narrative")
        self.assertNotIn("Potassium</", json.dumps(short["documents"][0]["document"]))
        sections = whole["documents"][0]["document"]["sections"]
        self.assertTrue([s for s in sections if "Penicillin G" in s.get("narrative", "")])

    def test_everything_leaves_the_store_byte_for_byte(self):
        big = os.urandom(25 << 20)
        hostile = "../../../tmp/\u202eevil .xml"
        first = self.send((hostile, "application/xml", ccd("e1")), ("ccd.xml", "application/xml", ccd("e2")),
                          ("ccd.xml", "application/octet-stream", big))
        self.send(ccd("e1"))
        place = os.path.join(self.scratch.folder("out"), "export")
        done = self.daemon.ctl("record", "export", self.box, "--out", place)
        self.assertEqual(done.code, 0, done.err)
        self.check_export(place, {ccd("e1"), ccd("e2"), big})
        again = self.daemon.ctl("record", "export", self.box, "--out", place)
        self.assertEqual(again.code, 2)
        self.assertIn("there already", again.err)
        self.assertEqual(os.listdir(os.path.dirname(place)), ["export"])
        # On standard output: one document, the files within.
        whole = self.daemon.ctl_json("record", "export", first, "-o", "-")
        [message] = whole["messages"]
        self.assertEqual([base64.b64decode(d["base64"]) == b for d, b in
                          zip(message["documents"], (ccd("e1"), ccd("e2"), big))], [True, True, True])
        self.assertEqual(self.daemon.ctl("record", "export", "<nobody@x>", "-o", "-").code, 1)
        audit = self.daemon.ctl_json("audit")["entries"]
        exports = [e for e in audit if e["event"] == "record-export"]
        self.assertTrue(exports and all(e["who"].startswith("uid ") for e in exports))
        self.assertIn(self.box, {e["recipient"] for e in exports})
        self.assertNotIn(PERSON.decode(), json.dumps(audit))
        # Without the daemon the same.
        self.daemon.stop()
        try:
            offline = place + "-offline"
            done = self.daemon.ctl("record", "export", self.box, "--out", offline)
            self.assertEqual(done.code, 0, done.err)
            self.check_export(offline, {ccd("e1"), ccd("e2"), big})
        finally:
            self.daemon.start()

    def test_a_reply_names_the_request_it_belongs_to(self):
        request = self.send(ccd("q1"))
        root = "<root@x.test>"
        inner, message = self.from_bob(to=self.box, recipients=[self.here],
                                       attachments=[("ccd.xml", "application/xml", ccd("q2"))],
                                       headers=[("In-Reply-To", request), ("References", f"{root} {request}")])
        self.accepted(self.inbound(message, self.box))
        reply = self.shown(self.parsed(smime.field(inner, "Message-ID")))["record"]
        self.assertEqual(reply["in_reply_to"], [request])
        self.assertEqual(reply["references"], [root, request])
        self.assertNotIn("references", self.shown(reply["in_reply_to"][0])["record"])
        self.assertIn(request, self.daemon.ctl("record", "show", reply["id"]).out)
        # Sealed like the rest of the row.
        self.settled()
        self.assertNotIn(root.encode(), read(os.path.join(self.daemon.root, "store", "data.mdb")))

    def test_an_export_by_a_message_id_of_several_asks_which(self):
        message_id = f"<{self.box.replace('@', '.')}@x.test>"
        for number in ("s1", "s2"):
            _, message = self.from_bob(to=self.box, recipients=[self.here], message_id=message_id,
                                       attachments=[("ccd.xml", "application/xml", ccd(number))])
            self.accepted(self.inbound(message, self.box))
        self.parsed(message_id)
        shown = self.shown(message_id)
        ids = [shown["record"]["id"], *shown["also"]]
        self.assertEqual(len(ids), 2)
        place = os.path.join(self.scratch.folder("which"), "export")
        for out in (place, "-"):
            done = self.daemon.ctl("record", "export", message_id, "--out", out)
            self.assertEqual(done.code, 1, done.err)
            first, *rest = done.out.splitlines()
            self.assertEqual(first, "several messages carry this Message-ID: name one by its id")
            self.assertEqual([line.split()[0] for line in rest], ids)
        self.assertEqual(os.listdir(os.path.dirname(place)), [])
        refused = json.loads(self.daemon.ctl("record", "export", message_id, "-o", "-", "--json").out)
        self.assertEqual([c["id"] for c in refused["candidates"]], ids)
        for one, number in zip(ids, ("s2", "s1")):
            [message] = self.daemon.ctl_json("record", "export", one, "-o", "-")["messages"]
            self.assertEqual(base64.b64decode(message["documents"][0]["base64"]), ccd(number))

    def test_an_attachment_that_cannot_be_read_keeps_no_other_in_the_store(self):
        contents, big = os.path.join(self.daemon.root, "store", "content"), os.urandom(3 << 20)
        before = set(os.listdir(contents))
        self.send(("ccd.xml", "application/xml", ccd("m1")), ("big.bin", "application/octet-stream", big))

        def kept():
            return [n for n in set(os.listdir(contents)) - before if os.path.getsize(os.path.join(contents, n)) > 3 << 20]
        self.settled()  # the mail on its way to the mailbox lies there as well
        until(lambda: len(kept()) == 1, "the attachment alone", detail=kept)
        [name] = kept()
        self.send(ccd("m2"))
        with open(os.path.join(contents, name), "r+b") as damaged:
            damaged.seek(2 << 20)
            damaged.write(b"damaged")
        place = os.path.join(self.scratch.folder("damaged"), "export")
        done = self.daemon.ctl("record", "export", self.box, "--out", place)
        self.assertEqual(done.code, 1, done.err)
        self.assertIn("1 attachments could not be read", done.err)
        files = os.path.join(place, "files")
        self.assertEqual({read(os.path.join(files, n)) for n in os.listdir(files)}, {ccd("m1"), ccd("m2")})
        subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=place, check=True)
        record = json.loads(read(os.path.join(place, "record.json")))
        documents = [d for m in record["messages"] for d in m["documents"]]
        self.assertEqual([(d["filename"], d["missing"]) for d in documents if "missing" in d],
                         [("big.bin", "its bytes cannot be read")])
        # On standard output the document is whole too.
        done = self.daemon.ctl("record", "export", self.box, "-o", "-")
        self.assertEqual(done.code, 1)
        self.assertEqual(sum("missing" in d for m in json.loads(done.out)["messages"] for d in m["documents"]), 1)

    def check_export(self, place, wanted):
        files = os.path.join(place, "files")
        names = sorted(os.listdir(files))
        self.assertEqual({read(os.path.join(files, n)) for n in names}, wanted)
        self.assertEqual(len(names), 4)
        self.assertTrue(all(re.fullmatch(r"[A-Za-z0-9._-]+", n) for n in names), names)
        subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=place, check=True)
        for folder, _, found in os.walk(place):
            self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
            for name in found:
                self.assertEqual(stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode), 0o600)
        record = json.loads(read(os.path.join(place, "record.json")))
        self.assertEqual(record["record"]["mailbox"], self.box)
        documents = [d for m in record["messages"] for d in m["documents"]]
        self.assertEqual({d["file"] for d in documents}, {"files/" + n for n in names})
        self.assertTrue(any("narrative" in s for d in documents for s in d.get("document", {}).get("sections", [])))
        self.assertEqual(len([d for d in documents if d["items"]]), 2)

    def test_only_hashes_lead_to_a_record_on_disk(self):
        self.send(ccd("clear-1", "clear-set", 1))
        self.daemon.stop()
        try:
            folder = os.path.join(self.daemon.root, "store")
            if not os.path.isdir(folder):
                folder = self.daemon.root
            found = [os.path.join(d, n) for d, _, names in os.walk(folder) for n in names if n.endswith(".mdb")]
            self.assertTrue(found)
            stored = b"".join(read(f) for f in found)
            for word in (PERSON, b"Penicillin", b"2823-3", b"59621000", b"allergies", b"clear-set", b"DEMO-7731",
                         self.box.encode(), b"2026-09-10", b"ccd.xml"):
                self.assertNotIn(word, stored)
        finally:
            self.daemon.start()

    def test_killed_while_items_are_written(self):
        begin = CCD.index(b"<entry", CCD.index(b"<title>Results"))
        end = CCD.index(b"</entry>", begin) + len(b"</entry>")
        entry = CCD[begin:end]
        many = b"".join(entry.replace(b"2.25.9021041528390559", b"2.25.%d" % n) for n in range(6000))
        data = CCD[:begin] + many + CCD[end:]
        before = self.rows("item")
        inner, message = self.from_bob(to=self.box, recipients=[self.here],
                                       attachments=[("big.xml", "application/xml", data.replace(ID, b'extension="big"'))])
        self.accepted(self.inbound(message, self.box))
        message_id = smime.field(inner, "Message-ID")
        until(lambda: self.rows("item") > before, "items being written", detail=self.daemon.log_tail)
        self.daemon.kill()
        self.daemon.start()
        self.parsed(message_id)
        [document] = self.shown(message_id)["documents"]
        self.assertEqual(document["state"], "parsed")
        self.assertEqual(len([i for i in document["items"] if i["section"] == "results"]), 6000)
        self.assertEqual(self.rows("item") - before, document["items_found"])
        self.assertEqual(len(self.items("--section", "results")), 6000)


Records.mailboxes = (*SiteTest.mailboxes, *(box_of(name) for name in dir(Records) if name.startswith("test")))

if __name__ == "__main__":
    unittest.main()
