"""CMS in this process: the other side's sealing and opening for tests with thousands of messages.

Calls the machine's libcrypto (its CMS implementation, as `openssl cms` does) without a process per message;
smime.py with the openssl program stays the reference. Thread safe; errors are Failure.
"""
import base64
import ctypes
import ctypes.util

from . import smime
from .base import Failure, read

_NO_SIGNER_CERT_VERIFY, _DETACHED, _BINARY = 0x20, 0x40, 0x80
_BIO_INFO = 3

_lib = ctypes.CDLL(ctypes.util.find_library("crypto"))
_P, _I = ctypes.c_void_p, ctypes.c_int


def _declare(name, result, *arguments):
    function = getattr(_lib, name)
    function.restype, function.argtypes = result, arguments
    return function


_bio_of = _declare("BIO_new_mem_buf", _P, ctypes.c_char_p, _I)
_bio_new = _declare("BIO_new", _P, _P)
_bio_mem = _declare("BIO_s_mem", _P)
_bio_ctrl = _declare("BIO_ctrl", ctypes.c_long, _P, _I, ctypes.c_long, _P)
_bio_free = _declare("BIO_free_all", None, _P)
_read_cert = _declare("PEM_read_bio_X509", _P, _P, _P, _P, _P)
_read_key = _declare("PEM_read_bio_PrivateKey", _P, _P, _P, _P, _P)
_stack_new = _declare("OPENSSL_sk_new_null", _P)
_stack_push = _declare("OPENSSL_sk_push", _I, _P, _P)
_stack_num = _declare("OPENSSL_sk_num", _I, _P)
_stack_free = _declare("OPENSSL_sk_free", None, _P)
_cms_sign = _declare("CMS_sign", _P, _P, _P, _P, _P, ctypes.c_uint)
_cms_encrypt = _declare("CMS_encrypt", _P, _P, _P, _P, ctypes.c_uint)
_cms_decrypt = _declare("CMS_decrypt", _I, _P, _P, _P, _P, _P, ctypes.c_uint)
_cms_verify = _declare("CMS_verify", _I, _P, _P, _P, _P, _P, ctypes.c_uint)
_cms_recipients = _declare("CMS_get0_RecipientInfos", _P, _P)
_cms_read = _declare("d2i_CMS_bio", _P, _P, _P)
_cms_write = _declare("i2d_CMS_bio", _I, _P, _P)
_cms_free = _declare("CMS_ContentInfo_free", None, _P)
_aes = _declare("EVP_aes_256_cbc", _P)
_clear_errors = _declare("ERR_clear_error", None)


class _Held:
    """Frees what a call made when the block ends."""

    def __enter__(self):
        self.made, self.kept = [], []
        return self

    def __exit__(self, *_):
        for free, pointer in reversed(self.made):
            free(pointer)
        _clear_errors()

    def own(self, pointer, free, what):
        if not pointer:
            raise Failure(f"libcrypto: {what}")
        self.made.append((free, pointer))
        return pointer

    def source(self, data):
        self.kept.append(data)  # the BIO reads from these bytes, it has no copy
        return self.own(_bio_of(data, len(data)), _bio_free, "no BIO")

    def target(self):
        return self.own(_bio_new(_bio_mem()), _bio_free, "no BIO")

    def cms(self, der):
        return self.own(_cms_read(self.source(der), None), _cms_free, "not a CMS")


def _content(bio):
    where = ctypes.c_void_p()
    size = _bio_ctrl(bio, _BIO_INFO, 0, ctypes.byref(where))
    return ctypes.string_at(where, size) if size > 0 else b""


class Identity:
    """A pki.Cert loaded once; kept until the process ends."""

    def __init__(self, cert):
        with _Held() as held:
            self.cert = _read_cert(held.source(cert.pem), None, None, None)
            self.key = _read_key(held.source(read(cert.key)), None, None, None)
        if not self.cert or not self.key:
            raise Failure(f"libcrypto cannot read {cert.cert}")


def sign(content, identity):
    """Detached SignedData in DER, SHA-256, with the signer's certificate."""
    with _Held() as held:
        made = held.own(_cms_sign(identity.cert, identity.key, None, held.source(content), _DETACHED | _BINARY),
                        _cms_free, "cannot sign")
        return _written(held, made)


def encrypt(content, identities):
    """EnvelopedData in DER, AES-256-CBC, RSA PKCS#1 v1.5."""
    with _Held() as held:
        certs = held.own(_stack_new(), _stack_free, "no stack")
        for identity in identities:
            _stack_push(certs, identity.cert)
        made = held.own(_cms_encrypt(certs, held.source(content), _aes(), _BINARY), _cms_free, "cannot encrypt")
        return _written(held, made)


def _written(held, made):
    out = held.target()
    if _cms_write(out, made) != 1:
        raise Failure("libcrypto: cannot write CMS")
    return _content(out)


def sealed(inner, signer, recipients):
    """A whole Direct message, wrapped, signed and encrypted; identities instead of smime.sealed()'s certificates."""
    content = smime.crlf(smime.wrap(inner))
    entity = smime.multipart_signed(content, sign(content, signer)) if signer else content
    return smime.outer(inner, smime.pkcs7_mime(encrypt(entity, recipients), "enveloped-data"))


def recipient_count(message):
    with _Held() as held:
        return _stack_num(_cms_recipients(held.cms(smime.body_der(message))))


def open_sealed(message, identity):
    """Decrypts, checks the signature (not whose) and returns the inner message. Fails when either does not hold."""
    with _Held() as held:
        out = held.target()
        if _cms_decrypt(held.cms(smime.body_der(message)), identity.key, identity.cert, None, out, _BINARY) != 1:
            raise Failure("libcrypto: does not open")
        entity = _content(out)
    content, signature = smime.signed_parts(entity)
    with _Held() as held:
        der = base64.b64decode(smime.split(signature)[1])
        if _cms_verify(held.cms(der), None, None, held.source(content), held.target(),
                       _NO_SIGNER_CERT_VERIFY | _BINARY) != 1:
            raise Failure("libcrypto: the signature does not hold")
    return smime.split(content)[1]
