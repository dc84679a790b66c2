"""Kinds of documents: what an attachment is, is found in its bytes; packages are opened; nothing is lost."""
import hashlib
import io
import os
import unittest
import zipfile

from harness import smime
from harness.base import read, source_dir, until
from harness.site import SiteTest

CCD = read(os.path.join(source_dir(), "tests/mail/ccd_demo.xml"))
CCR = read(os.path.join(source_dir(), "tests/vectors/ccr/full.xml"))
MESSAGE = b"MSH|^~\\&|LAB|X|REG|Y|20300102||VXU^V04^VXU_V04|1|P|2.5.1\rPID|1\r"
BUNDLE = b'{"resourceType":"Bundle","type":"document","entry":[]}'


def slot(name, value):
    return f'<Slot name="{name}"><ValueList><Value>{value}</Value></ValueList></Slot>'


def metadata(documents):
    """METADATA.XML for {uri: bytes whose hash and size it tells}."""
    entries = "".join(
        f'<ExtrinsicObject id="d{n}" mimeType="text/xml">{slot("URI", uri)}{slot("size", len(data))}'
        f'{slot("hash", hashlib.sha1(data).hexdigest())}</ExtrinsicObject>'
        for n, (uri, data) in enumerate(documents.items()))
    return ('<SubmitObjectsRequest xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"><RegistryObjectList '
            f'xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0">{entries}<RegistryPackage id="s">'
            f'{slot("submissionTime", "20300103")}<Name><LocalizedString value="Set"/></Name></RegistryPackage>'
            '</RegistryObjectList></SubmitObjectsRequest>').encode()


def packed(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in members.items():
            z.writestr(name, data)
    return out.getvalue()


def package(documents, **more):
    folder = "IHE_XDM/SUBSET01/"
    told = metadata({uri: more.get("told", data) for uri, data in documents.items()})
    return packed({"INDEX.HTM": b"<html", folder + "METADATA.XML": told,
                   **{folder + uri: data for uri, data in documents.items()}})


class Kinds(SiteTest):
    def setUp(self):
        self.fresh()

    def parse(self, data, media_type="", name=""):
        arguments = [*(["--type", media_type] if media_type else []), *(["--name", name] if name else [])]
        done = self.daemon.ctl("parse", *arguments, "-", data=data, config=False)
        return done.json

    def read_all(self, attachments, count):
        inner, message = self.from_bob(attachments=attachments)
        self.accepted(self.inbound(message))
        message_id = smime.field(inner, "Message-ID")

        def look():
            done = self.daemon.ctl("record", "show", message_id, "--json")
            documents = done.json.get("documents", []) if done.code == 0 else []
            ready = len(documents) == count and all(d["state"] != "pending" for d in documents)
            return documents if ready else None
        return until(look, "settled documents", detail=self.daemon.log_tail)

    def test_every_kind_in_one_mail(self):
        sent = [("summary.bin", "application/octet-stream", CCD), ("record.dat", "Application/ccr+xml", CCR),
                ("package.bin", "application/octet-stream", package({"A.XML": CCD, "B.XML": CCR})),
                ("lab.hl7", "application/hl7-v2", MESSAGE), ("bundle.json", "application/fhir+json", BUNDLE),
                ("wide.xml", "text/xml", CCD.decode().replace("UTF-8", "UTF-16").encode("utf-16")),
                ("scan.pdf", "application/pdf", b"%PDF-1.4 x")]
        documents = self.read_all(sent, len(sent) + 2)
        found = {d["filename"]: (d["kind"], d["state"]) for d in documents}
        self.assertEqual(found, {
            "summary.bin": ("ccda", "parsed"), "record.dat": ("ccr", "parsed"), "package.bin": ("xdm", "parsed"),
            "A.XML": ("ccda", "parsed"), "B.XML": ("ccr", "parsed"), "lab.hl7": ("file", "file"),
            "bundle.json": ("file", "file"), "wide.xml": ("ccda", "parsed"), "scan.pdf": ("file", "file")})
        delivered = smime.attachments_of(self.delivered()[0])
        self.assertEqual({name: delivered[name] for name, _, _ in sent}, {name: data for name, _, data in sent})

    def test_hostile_packages_cost_only_themselves(self):
        good = package({"A.XML": CCD})
        bomb = bytearray(good)
        end = bomb.rindex(b"PK\x05\x06")
        directory = int.from_bytes(bomb[end + 16:end + 20], "little")
        bomb[directory + 24:directory + 28] = (1 << 30).to_bytes(4, "little")
        documents = self.read_all([("cut.zip", "application/zip", good[:len(good) // 2]),
                                  ("bomb.zip", "application/zip", bytes(bomb)),
                                  ("ccd.xml", "text/xml", CCD)], 3)
        self.assertEqual({d["filename"]: d["state"] for d in documents},
                         {"cut.zip": "malformed", "bomb.zip": "limit", "ccd.xml": "parsed"})
        self.assertEqual(smime.attachments_of(self.delivered()[0])["bomb.zip"], bytes(bomb))

    def test_the_content_decides_and_a_wrong_type_is_told(self):
        for media_type in ("application/ccd-xml", "Application/ccd-xml", "application/ccd+xml", "APPLICATION/CCD+XML"):
            document = self.parse(CCD, media_type)["document"]
            self.assertEqual((document["kind"], document["declared"]), ("ccda", media_type.lower()))
            self.assertNotIn("mismatch", document)
        for data, media_type, kind in ((CCD, "application/ccr+xml", "ccda"), (CCR, "application/ccd-xml", "ccr"),
                                       (CCD, "application/pdf", "ccda"), (BUNDLE, "text/xml", "file"),
                                       (package({"A.XML": CCD}), "text/xml", "xdm")):
            document = self.parse(data, media_type)["document"]
            self.assertEqual((document["kind"], document.get("mismatch")), (kind, True), media_type)
        for media_type, name in (("text/xml", ""), ("", "a.xml"), ("application/octet-stream", "a.ccda")):
            self.assertNotIn("mismatch", self.parse(CCD, media_type, name)["document"])

    def test_messages_and_bundles_are_named(self):
        document = self.parse(b"\x0b" + MESSAGE + b"\x1c\r")["document"]
        self.assertEqual((document["kind"], document["messageType"]), ("file", "VXU^V04^VXU_V04"))
        document = self.parse(BUNDLE)["document"]
        self.assertEqual((document["kind"], document["type"], document["bundleType"]),
                         ("file", "application/fhir+json", "document"))

    def test_a_package_is_told_document_by_document(self):
        result = self.parse(package({"A.XML": CCD}))
        self.assertEqual(result["document"]["ignored"], ["INDEX.HTM"])
        child, = result["children"]
        self.assertEqual(child["document"]["kind"], "ccda")
        self.assertEqual(child["container"]["hash"], hashlib.sha1(CCD).hexdigest())
        self.assertNotIn("hashMismatch", child["container"])
        child, = self.parse(package({"A.XML": CCD}, told=b"else"))["children"]
        self.assertTrue(child["container"]["hashMismatch"] and child["container"]["sizeMismatch"])
        self.assertTrue(child["items"])

    def test_a_charset_is_a_hint_behind_the_declaration(self):
        body = '<ClinicalDocument xmlns="urn:hl7-org:v3"><title>gr\u00fc\u00df \u20ac</title></ClinicalDocument>'
        for media_type, prolog, encoding, used in (
                ("text/xml; charset=windows-1252", "", "windows-1252", "windows-1252"),
                ('text/xml; charset="utf-8"', '<?xml version="1.0" encoding="ISO-8859-1"?>', "windows-1252", "windows-1252"),
                ("text/xml; charset=us-ascii", "", "utf-8-sig", "utf-8"), ("text/xml", "", "utf-16", "utf-16le")):
            document = self.parse((prolog + body).encode(encoding), media_type)["document"]
            self.assertEqual((document["title"], document["encoding"], document["declared"]),
                             ("gr\u00fc\u00df \u20ac", used, "text/xml"), media_type)

    def test_encodings_that_are_not_read_are_refused_by_name(self):
        done = self.parse(b'<?xml version="1.0" encoding="utf-7"?><ClinicalDocument xmlns="urn:hl7-org:v3"/>')
        self.assertEqual((done["error"], done["detail"]), ("malformed", "UTF-7 is not read"))


if __name__ == "__main__":
    unittest.main()
