"""Zips that want to hurt, written byte by byte: what a directory says and what lies in the file need not agree."""
import hashlib
import struct
import zlib

from hostile import CANARY, Document, cda, entity_document

DEFLATED, STORED = 8, 0
SYMLINK, ENCRYPTED, DESCRIPTOR = 0xA1FF << 16, 1, 8


class Member:
    """One entry. What is not given is true: sizes, check sum, the name in both headers, the place."""

    def __init__(self, name, data=b"", *, method=DEFLATED, flags=0, attributes=0, size=None, packed_size=None, crc=None,
                 local_name=None, place=None, zip64=False, packed=None):
        self.name, self.flags, self.attributes, self.zip64 = name, flags, attributes, zip64
        self.method, self.place = method, place
        self.local_name = name if local_name is None else local_name
        if packed is None:
            deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
            packed = deflate.compress(data) + deflate.flush() if method == DEFLATED else data
        self.packed = packed
        self.size = len(data) if size is None else size
        self.packed_size = len(packed) if packed_size is None else packed_size
        self.crc = zlib.crc32(data) if crc is None else crc

    def local(self):
        told = (0, 0, 0) if self.flags & DESCRIPTOR else (self.crc, self.packed_size, self.size & 0xFFFFFFFF)
        out = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, self.flags, self.method, 0, 0x21, *told, len(self.local_name), 0)
        out += self.local_name + self.packed
        if self.flags & DESCRIPTOR:
            out += struct.pack("<4sIII", b"PK\7\x08", self.crc, self.packed_size, self.size)
        return out

    def central(self, place):
        place = place if self.place is None else self.place
        extra, size, packed_size = b"", self.size, self.packed_size
        if self.zip64:
            extra = struct.pack("<HHQQ", 1, 16, size, packed_size)
            size = packed_size = 0xFFFFFFFF
        return struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 0x031E, 45 if self.zip64 else 20, self.flags, self.method, 0, 0x21,
                           self.crc, packed_size, size, len(self.name), len(extra), 0, 0, 0, self.attributes,
                           place) + self.name + extra


def zipped(*members, entries=None, before=b"", comment=b"", end=True):
    body, directory = before, b""
    for member in members:
        directory += member.central(len(body))
        body += member.local()
    count = len(members) if entries is None else entries
    tail = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, len(directory), len(body), len(comment))
    return body + directory + (tail + comment if end else b"")


INNER = cda(b"<title>inner</title>")
PACKAGE = b"IHE_XDM/SUBSET01/"


def metadata(uri=b"DOC.XML", size=None, digest=None, more=b""):
    slots = {b"URI": uri, b"size": b"%d" % (len(INNER) if size is None else size),
             b"hash": (digest or hashlib.sha1(INNER).hexdigest()).encode()}
    return (b'<lcm:SubmitObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" '
            b'xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><RegistryObjectList><ExtrinsicObject id="Document01" '
            b'mimeType="text/xml" objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1">' +
            b"".join(b'<Slot name="%s"><ValueList><Value>%s</Value></ValueList></Slot>' % s for s in slots.items()) +
            b"</ExtrinsicObject>" + more + b"</RegistryObjectList></lcm:SubmitObjectsRequest>")


def package(*more, document=INNER, **told):
    return zipped(Member(PACKAGE + b"METADATA.XML", metadata(**told)), Member(PACKAGE + b"DOC.XML", document), *more)


def matryoshka(levels):
    content = INNER
    for _ in range(levels):
        content = zipped(Member(b"inner.zip", content))
    return content


def quine_like():
    """Sixteen zips, each with sixteen files of a megabyte of nothing: small outside, large inside."""
    inner = zipped(*[Member(b"%d.bin" % i, bytes(1 << 20)) for i in range(16)])
    return zipped(*[Member(b"%d.zip" % i, inner) for i in range(16)])


def overlapping():
    """One body that two hundred entries share."""
    first = Member(b"0.xml", INNER)
    return zipped(first, *[Member(b"0.xml", INNER, packed=b"", packed_size=len(first.packed), place=0) for _ in range(200)])


def children(answer):
    return answer["children"]


def everything(answer):
    """The answer and all answers inside it."""
    yield answer
    for child in answer.get("children", []):
        yield from everything(child)


def told(answer):
    """Something was left out or marked, and says so."""
    return bool(answer["skipped"] or answer["notes"])


def no_name_leads_out(answer):
    return told(answer) and not any(c.get("filename", "").startswith(("/", "..")) for c in children(answer))


def documents(canary_file="/etc/hostname"):
    parsed, either = {"parsed"}, {"parsed", "limit", "malformed"}
    refused = {"limit", "malformed"}
    where = canary_file.encode()
    return [
        Document("honest package", package(), parsed, lambda a: len(children(a)) == 1 and not a["skipped"]),
        Document("zip64 and descriptors", zipped(Member(b"a.xml", INNER, zip64=True), Member(b"b.xml", INNER, flags=DESCRIPTOR)),
                 parsed, lambda a: len(children(a)) == 2),
        # bombs
        Document("ratio", lambda: zipped(Member(b"a.xml", bytes(20 << 20))), refused, told),
        Document("sum of many", lambda: zipped(*[Member(b"%d.bin" % i, bytes(900000)) for i in range(200)]), refused, told),
        Document("1001 entries", lambda: zipped(*[Member(b"%d.txt" % i, b"x") for i in range(1001)]), refused),
        Document("60000 entries", lambda: zipped(*[Member(b"%d" % i, b"") for i in range(60000)]), refused),
        Document("zips in zips", lambda: matryoshka(12), parsed, lambda a: any(
            e.get("error") == "limit" for e in everything(a))),
        Document("zips of zips of nothing", quine_like, either),
        Document("overlapping entries", overlapping, refused),
        # names
        Document("names that lead out", zipped(*[Member(n, INNER) for n in (
            b"../../../../tmp/direct-escaped.xml", b"/tmp/direct-escaped.xml", b"C:\\direct-escaped.xml", b"..\\..\\direct-escaped.xml",
            b"a/../../b.xml")]), parsed, no_name_leads_out),
        Document("names that are none", zipped(Member(b"", INNER), Member(b"a\0b.xml", INNER), Member(b"\xff\xfe.xml", INNER),
                                               Member(b"\n\x1b[31m.xml", INNER), Member(b"x" * 60000, INNER)), either),
        Document("one name twice", zipped(Member(b"a.xml", INNER), Member(b"A.XML", INNER), Member(b"a.xml", b"other")), parsed,
                 lambda a: len(children(a)) == 3),
        Document("two names for one", zipped(Member(b"a.xml", INNER, local_name=b"b.xml")), either),
        # what is no file
        Document("a symbolic link", zipped(Member(b"link", where, method=STORED, attributes=SYMLINK)), parsed, told),
        Document("encrypted", zipped(Member(b"a.xml", INNER, flags=ENCRYPTED)), parsed, told),
        Document("a method of no name", zipped(Member(b"a.xml", INNER, method=97, packed=INNER)), parsed, told),
        # lies
        Document("smaller than it says", zipped(Member(b"a.xml", INNER, size=10 * len(INNER))), parsed, told),
        Document("larger than it says", zipped(Member(b"a.xml", INNER * 1000, size=10)), parsed, told),
        Document("packed size beyond the end", zipped(Member(b"a.xml", INNER, packed_size=1 << 30)), refused),
        Document("place beyond the end", zipped(Member(b"a.xml", INNER, place=1 << 30)), refused),
        Document("four gigabytes", zipped(Member(b"a.xml", INNER, size=0xFFFFFFFE)), refused, told),
        Document("sixteen exabytes", zipped(Member(b"a.xml", INNER, size=(1 << 64) - 1, zip64=True)), refused, told),
        Document("wrong check sum", zipped(Member(b"a.xml", INNER, crc=1)), parsed, told),
        Document("broken inside", zipped(Member(b"a.xml", INNER, packed=b"\xff" * 100)), parsed, told),
        Document("more entries than there are", zipped(Member(b"a.xml", INNER), entries=50), either),
        Document("no end", zipped(Member(b"a.xml", INNER), end=False), either),
        Document("only the beginning", b"PK\3\4" + b"\0" * 100, either),
        Document("a program before it", zipped(Member(b"a.xml", INNER), before=b"MZ" + b"\0" * 100), either),
        Document("a zip in the comment", zipped(Member(b"a.xml", INNER), comment=zipped(Member(b"b.xml", INNER))), either),
        # metadata
        Document("wrong hash", package(digest="0" * 40), parsed, lambda a: len(children(a)) == 1 and told(a)),
        Document("wrong size", package(size=1), parsed, lambda a: len(children(a)) == 1 and told(a)),
        Document("document outside", package(uri=b"../../../../../etc/passwd"), parsed, told),
        Document("document on the network", package(uri=b"http://127.0.0.1:1/x"), parsed, told),
        Document("document that is not there", package(uri=b"nowhere.xml", digest="0" * 40, size=1), parsed, told),
        Document("two directories", package(Member(b"ihe_xdm/subset02/metadata.xml", metadata())), either),
        Document("metadata with an entity", zipped(
            Member(PACKAGE + b"METADATA.XML", b'<!DOCTYPE x [<!ENTITY a SYSTEM "file://%s">]>' % where + metadata(uri=b"&a;")),
            Member(PACKAGE + b"DOC.XML", INNER)), either),
        Document("document with an entity", package(
            document=entity_document(b'<!DOCTYPE x [<!ENTITY a SYSTEM "file://%s">]>' % where)), parsed, lambda a: CANARY.decode()
            not in str(a)),
        Document("metadata of 5 MB", lambda: zipped(Member(PACKAGE + b"METADATA.XML", metadata(more=b" " * (5 << 20))),
                                                    Member(PACKAGE + b"DOC.XML", INNER)), either),
        Document("10000 documents that are one", lambda: zipped(
            Member(PACKAGE + b"METADATA.XML", metadata(more=metadata().split(b"<RegistryObjectList>")[1].split(
                b"</RegistryObjectList>")[0] * 5000)), Member(PACKAGE + b"DOC.XML", INNER)), either),
    ]
