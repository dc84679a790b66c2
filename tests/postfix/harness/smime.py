"""S/MIME by the other side: openssl cms makes the CMS, this module puts it into mail and takes it out.

Mail is bytes with CRLF unless a test asks for something else. The MIME frame is made here, not by openssl,
so that tests decide about names, line lengths and line ends.
"""
import base64
import dataclasses
import email
import email.message
import email.policy
import os
import re
import tempfile

from .base import Failure, read, run, write

SMTP = email.policy.SMTP.clone(max_line_length=998)


@dataclasses.dataclass
class Sealing:
    """How a message is made. The defaults are what most of the field sends."""
    digest: str = "sha256"
    pss: bool = False
    opaque: bool = False
    wrapped: bool = True
    with_certificates: bool = True
    extra_certificates: tuple = ()  # Cert objects carried in the CMS, e.g. intermediates
    cipher: str = "aes-256-cbc"
    transport: str = "pkcs1"  # pkcs1, oaep-sha1, oaep-sha256; for RSA recipients
    x_types: bool = False  # application/x-pkcs7-mime and x-pkcs7-signature
    one_line: bool = False  # base64 without line breaks
    line_end: bytes = b"\r\n"  # of the signed content: b"\n" signs bytes that are not canonical
    smime_type: bool = True  # the smime-type parameter


class Files:
    """Temporary files of one openssl call."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="direct-smime-")
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def __call__(self, name, data=None):
        path = os.path.join(self.folder.name, name)
        return path if data is None else write(path, data, 0o600)


# --- plain mail ---------------------------------------------------------------------------------------

def mail(sender, recipients, subject="Test", text="Hello.\n", attachments=(), headers=(), message_id=None):
    """An ordinary message. attachments: (file name, media type, bytes)."""
    m = email.message.EmailMessage(policy=SMTP)
    m["From"] = sender
    m["To"] = ", ".join([recipients] if isinstance(recipients, str) else recipients)
    m["Subject"] = subject
    m["Date"] = "Sun, 22 Nov 2026 10:00:00 +0000"
    m["Message-ID"] = message_id or f"<{os.urandom(9).hex()}@{sender.rsplit('@', 1)[-1].strip('>')}>"
    for name, value in headers:
        m[name] = value
    m.set_content(text)
    for name, media_type, data in attachments:
        major, minor = media_type.split("/", 1)
        m.add_attachment(data, maintype=major, subtype=minor, filename=name)
    return m.as_bytes()


def split(message):
    """Header block (with its last line end) and body."""
    found = re.search(rb"\r?\n\r?\n", message)
    if not found:
        return message, b""
    ends = found.group()
    first = 2 if ends.startswith(b"\r\n") else 1
    return message[:found.start() + first], message[found.end():]


def fields(message):
    """Header fields as (name, raw value with folding), in order."""
    head, _ = split(message)
    found = re.findall(rb"^([!-9;-~]+):((?:[^\n]*\n)(?:[ \t][^\n]*\n)*)", head, re.M)
    return [(name.decode(), value.strip()) for name, value in found]


def field(message, name):
    """The unfolded value of the first field of that name, as text; None when there is none."""
    for key, value in fields(message):
        if key.lower() == name.lower():
            return re.sub(rb"\r?\n(?=[ \t])", b"", value).decode(errors="replace").strip()
    return None


def parsed(message):
    """The message as Python's email package sees it."""
    return email.message_from_bytes(message, policy=email.policy.default)


def attachments_of(message):
    """{file name: bytes} of the attachments."""
    return {part.get_filename(): part.get_content() if part.get_content_maintype() != "text"
            else part.get_payload(decode=True) for part in parsed(message).iter_attachments()}


def crlf(data):
    return re.sub(rb"\r?\n", b"\r\n", data)


def wrap(message):
    """The message as a message/rfc822 entity (the Direct wrapping)."""
    return b"Content-Type: message/rfc822\r\nContent-Disposition: inline\r\n\r\n" + message


def unwrapped(message):
    """The entity of a message: its Content-* fields and body."""
    content = [(n, v) for n, v in fields(message) if n.lower().startswith("content-")]
    head = b"".join(n.encode() + b": " + v + b"\r\n" for n, v in content)
    return head + b"\r\n" + split(message)[1]


# --- making -------------------------------------------------------------------------------------------

def cms_sign(content, signers, how=Sealing()):
    """SignedData in DER over exactly these bytes."""
    with Files() as f:
        command = ["openssl", "cms", "-sign", "-binary", "-in", f("content", content), "-outform", "DER",
                   "-md", how.digest]
        command += ["-nodetach"] if how.opaque else []
        command += [] if how.with_certificates else ["-nocerts"]
        extra = [c.cert for c in how.extra_certificates]
        if extra:
            command += ["-certfile", f("extra.pem", b"".join(read(c) for c in extra))]
        for signer in signers:
            command += ["-signer", signer.cert, "-inkey", signer.key]
            command += ["-keyopt", "rsa_padding_mode:pss"] if how.pss and not signer.is_ec else []
        return run(command)


def cms_encrypt(content, recipients, how=Sealing()):
    """EnvelopedData (AuthEnvelopedData for GCM) in DER."""
    with Files() as f:
        command = ["openssl", "cms", "-encrypt", "-binary", "-in", f("content", content), "-outform", "DER",
                   "-" + how.cipher]
        for recipient in recipients:
            command += ["-recip", recipient.cert]
            if recipient.is_ec:
                command += ["-keyopt", "ecdh_kdf_md:sha256"]
            elif how.transport.startswith("oaep"):
                digest = how.transport.split("-", 1)[1]
                command += ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", f"rsa_oaep_md:{digest}",
                            "-keyopt", f"rsa_mgf1_md:{digest}"]
        return run(command)


def _base64(der, how):
    text = base64.b64encode(der)
    if how.one_line:
        return text + b"\r\n"
    return b"".join(text[i:i + 64] + b"\r\n" for i in range(0, len(text), 64))


def pkcs7_mime(der, kind, how=Sealing()):
    """The entity application/pkcs7-mime of that smime-type around a CMS."""
    name = b"application/x-pkcs7-mime" if how.x_types else b"application/pkcs7-mime"
    parameter = b"; smime-type=" + kind.encode() if how.smime_type else b""
    return (b"Content-Type: " + name + parameter + b'; name="smime.p7m"\r\nContent-Transfer-Encoding: base64\r\n'
            b'Content-Disposition: attachment; filename="smime.p7m"\r\n\r\n' + _base64(der, how))


def signed_entity(content, signers, how=Sealing()):
    """A signed MIME entity over `content` (an entity itself): multipart/signed, or opaque."""
    content = re.sub(rb"\r?\n", how.line_end, content)
    der = cms_sign(content, signers, how)
    if how.opaque:
        return pkcs7_mime(der, "signed-data", how)
    return multipart_signed(content, der, how)


def multipart_signed(content, der, how=Sealing()):
    """multipart/signed of an entity and a detached signature."""
    x = b"x-" if how.x_types else b""
    mark = b"=_" + os.urandom(12).hex().encode()
    micalg = how.digest.replace("sha", "sha-").encode()
    return (b'Content-Type: multipart/signed; protocol="application/' + x + b'pkcs7-signature"; micalg=' + micalg +
            b';\r\n boundary="' + mark + b'"\r\n\r\n--' + mark + b"\r\n" + content + b"\r\n--" + mark +
            b"\r\nContent-Type: application/" + x + b'pkcs7-signature; name="smime.p7s"\r\n'
            b"Content-Transfer-Encoding: base64\r\n"
            b'Content-Disposition: attachment; filename="smime.p7s"\r\n\r\n' + _base64(der, how) +
            b"--" + mark + b"--\r\n")


def outer(inner, entity, subject="Encrypted message"):
    """The message that travels: address fields of the inner one, another subject, the entity."""
    kept = [(n, v) for n, v in fields(inner) if n.lower() in ("from", "to", "cc", "date", "message-id")]
    head = b"".join(n.encode() + b": " + v + b"\r\n" for n, v in kept)
    return head + b"Subject: " + subject.encode() + b"\r\nMIME-Version: 1.0\r\n" + entity


def signed(inner, signers, how=Sealing()):
    """Signed, not encrypted."""
    content = wrap(inner) if how.wrapped else unwrapped(inner)
    return outer(inner, signed_entity(content, signers, how), "Signed message")


def sealed(inner, signers, recipients, how=Sealing()):
    """A whole Direct message: signed by `signers`, encrypted to `recipients` (Cert objects)."""
    content = wrap(inner) if how.wrapped else unwrapped(inner)
    entity = signed_entity(content, signers, how) if signers else content
    return outer(inner, pkcs7_mime(cms_encrypt(entity, recipients, how), "enveloped-data", how))


# --- reading ------------------------------------------------------------------------------------------

def body_der(message):
    """The CMS inside a pkcs7-mime entity."""
    if "pkcs7-mime" not in (field(message, "Content-Type") or ""):
        raise Failure(f"not pkcs7-mime: {field(message, 'Content-Type')}")
    return base64.b64decode(split(message)[1])


def structure(message):
    """What `openssl cms -cmsout -print` says of the CMS: for checks of algorithms and recipients."""
    with Files() as f:
        return run(["openssl", "cms", "-cmsout", "-print", "-inform", "DER", "-in",
                    f("der", body_der(message))]).decode(errors="replace")


def recipient_count(message):
    return len(re.findall(r"^\s+d\.(?:ktri|kari|kekri):", structure(message), re.M))


def decrypt(message, recipient):
    """The entity inside; fails when this certificate's key does not open it."""
    with Files() as f:
        return run(["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", f("der", body_der(message)),
                    "-recip", recipient.cert, "-inkey", recipient.key])


def can_decrypt(message, recipient):
    try:
        decrypt(message, recipient)
        return True
    except Failure:
        return False


@dataclasses.dataclass
class Verified:
    content: bytes  # the signed entity
    signers: list  # PEM certificates


def verify(entity, anchors=()):
    """Checks a signed entity by openssl; without anchors the signature alone. Fails when it does not hold."""
    kind = field(entity, "Content-Type") or ""
    with Files() as f:
        command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-signer", f("signers.pem"),
                   "-out", f("out")]
        if anchors:
            command += ["-CAfile", f("anchors.pem", b"".join(a.pem for a in anchors)), "-purpose", "any",
                        "-partial_chain"]
        else:
            command += ["-noverify"]
        if kind.lower().startswith("multipart/signed"):
            content, signature = signed_parts(entity)
            command += ["-in", f("der", base64.b64decode(split(signature)[1])), "-content", f("content", content)]
        else:
            command += ["-in", f("der", body_der(entity))]
        run(command)
        pem = read(f("signers.pem")).decode()
        ends = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", pem, re.S)
        return Verified(read(f("out")), ends)


def signed_parts(entity):
    """The two parts of a multipart/signed, byte for byte."""
    mark = re.search(r'boundary="?([^";]+)"?', field(entity, "Content-Type")).group(1).encode()
    pieces = re.split(rb"(?:^|\r?\n)--" + re.escape(mark) + rb"(?:--)?[ \t]*(?:\r?\n|$)", b"\n" + split(entity)[1])
    if len(pieces) < 3:
        raise Failure("multipart/signed without two parts")
    return pieces[1], pieces[2]


def open_sealed(message, recipient, anchors=()):
    """Decrypts and verifies; returns the inner message (unwrapped from message/rfc822 where it is) and Verified."""
    verified = verify(decrypt(message, recipient), anchors)
    inner = verified.content
    if (field(inner, "Content-Type") or "").lower().startswith("message/rfc822"):
        inner = split(inner)[1]
    return inner, verified
