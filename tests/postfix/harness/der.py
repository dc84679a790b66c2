"""DER written and read by hand, for CMS that openssl would not make."""

SEQUENCE, SET, INTEGER, OCTETS, OID, BITS = 0x30, 0x31, 0x02, 0x04, 0x06, 0x03
DATA = bytes.fromhex("2a864886f70d010701")
SIGNED = bytes.fromhex("2a864886f70d010702")
ENVELOPED = bytes.fromhex("2a864886f70d010703")
COMPRESSED = bytes.fromhex("2a864886f70d0109100109")
RSA = bytes.fromhex("2a864886f70d010101")
SHA256 = bytes.fromhex("608648016503040201")
NULL = b"\x05\x00"


def tlv(tag, *parts):
    content = b"".join(parts)
    n = len(content)
    if n < 0x80:
        return bytes([tag, n]) + content
    length = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def tagged(number, *parts):
    return tlv(0xa0 | number, *parts)


def read(data, at=0):
    """(tag, content, position behind the element) of the element at that place."""
    tag, n, at = data[at], data[at + 1], at + 2
    if n & 0x80:
        count = n & 0x7f
        n, at = int.from_bytes(data[at:at + count], "big"), at + count
    return tag, data[at:at + n], at + n


def children(content):
    """The elements in a constructed one's content, whole."""
    out, at = [], 0
    while at < len(content):
        end = read(content, at)[2]
        out.append(content[at:end])
        at = end
    return out


def content_info(kind, *content):
    return tlv(SEQUENCE, tlv(OID, kind), tagged(0, *content))


class Envelope:
    """An EnvelopedData in its pieces, to be put together with some of them changed."""

    def __init__(self, der):
        _, content, _ = read(der)
        explicit = read(children(content)[1])[1]
        self.version, self.recipients, info, *_ = children(read(explicit)[1])
        self.recipients = read(self.recipients)[1]
        self.type, self.cipher, self.encrypted = children(read(info)[1])

    def der(self, **changed):
        p = {**self.__dict__, **changed}
        return content_info(ENVELOPED, tlv(SEQUENCE, p["version"], tlv(SET, p["recipients"]),
                                           tlv(SEQUENCE, p["type"], p["cipher"], p["encrypted"])))


def identity(certificate):
    """IssuerAndSerialNumber of a certificate in DER."""
    body = children(read(children(read(certificate)[1])[0])[1])
    return tlv(SEQUENCE, body[3], body[1])


def signer(certificate, signature, attributes=b""):
    """A SignerInfo by RSA with SHA-256; `attributes`: the content of the signed ones."""
    return tlv(SEQUENCE, b"\x02\x01\x01", identity(certificate), tlv(SEQUENCE, tlv(OID, SHA256)),
               tagged(0, attributes) if attributes else b"", tlv(SEQUENCE, tlv(OID, RSA), NULL), tlv(OCTETS, signature))


def signed_data(certificates, signers, content=b""):
    """SignedData of the contents of both sets; `content`: a whole element, none for a detached signature."""
    inside = tlv(SEQUENCE, tlv(OID, DATA), tagged(0, content) if content else b"")
    return content_info(SIGNED, tlv(SEQUENCE, b"\x02\x01\x01", tlv(SET, tlv(SEQUENCE, tlv(OID, SHA256))), inside,
                                    tagged(0, certificates), tlv(SET, signers)))


def with_rsa_key(certificate, bits, exponent=65537):
    """The certificate with another public key, to which nobody has the private half; its signature is void."""
    body, *rest = children(read(certificate)[1])
    fields = children(read(body)[1])
    number = lambda n: tlv(INTEGER, b"\0" + n.to_bytes((n.bit_length() + 7) // 8, "big"))
    key = tlv(SEQUENCE, number((1 << bits) - 12345), number(exponent))
    fields[6] = tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, RSA), NULL), tlv(BITS, b"\0", key))
    return tlv(SEQUENCE, tlv(SEQUENCE, *fields), *rest)
