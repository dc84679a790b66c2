"""Variants of one recorded message, as somebody would send them who has the ciphertext and wants the clear text.

Each kind fails at another depth: key transport (Bleichenbacher), CBC padding (Vaudenay), structure, frame, signature.
The recorded message is made here, so right and wrong paddings can be made on purpose.
"""
import os
import random
import re

from . import smime
from .base import Failure, run

BLOCK = 16
TEXT = "".join(f"line {i:04d} of a recorded message, long enough to have blocks in its middle\n" for i in range(60))

KINDS = ("key-padding-wrong", "key-wrong", "key-size-wrong", "cbc-padding-wrong", "cbc-padding-right", "structure",
         "signature", "frame")


class Recorded:
    """One sealed message (RSA, PKCS#1 v1.5, AES-256-CBC) to `recipient`, and its variants."""

    def __init__(self, sender, to, signer, recipient, text=TEXT):
        self.inner = smime.mail(sender, to, "Recorded", text)
        entity = smime.signed_entity(smime.wrap(self.inner), [signer])
        self.message = smime.outer(self.inner, smime.pkcs7_mime(smime.cms_encrypt(entity, [recipient]), "enveloped-data"))
        self.der = smime.body_der(self.message)
        size = (len(entity) // BLOCK + 1) * BLOCK
        self.content_at = len(self.der) - size
        self.plain = entity + bytes([size - len(entity)]) * (size - len(entity))
        self.key_at = self.der.find(b"\x04\x82\x01\x00") + 4
        if self.key_at < 4 or self.key_at + 256 > self.content_at:
            raise Failure("not the structure that was expected of openssl cms")
        numbers = run(["openssl", "rsa", "-in", recipient.key, "-noout", "-text"]).decode()
        self.exponent = int(re.search(r"publicExponent: (\d+)", numbers).group(1))
        self.modulus = int(re.search(r"modulus:\s+((?:[0-9a-f]{2}:?\s*)+)", numbers).group(1).replace(":", "")
                           .replace(" ", "").replace("\n", ""), 16)
        text_at = entity.find(text[:20].encode())
        # Blocks that lie wholly in the text: a change there breaks the signature and nothing else.
        self.text_blocks = range(text_at // BLOCK + 2, (text_at + len(text)) // BLOCK - 2)

        header_at = entity.rfind(b"Content-Type: application/pkcs7-signature")
        header_end = entity.find(b"\r\n\r\n", header_at)
        # Two blocks wholly inside: the one that turns into noise, and the one whose byte is changed.
        self.frame_blocks = range(header_at // BLOCK + 2, header_end // BLOCK)

    def carrying(self, der):
        """The recorded message with another body."""
        head = self.message.split(b"\r\n\r\n", 1)[0]
        return head + b"\r\n\r\n" + smime._base64(der, smime.Sealing())

    def variant(self, kind, rng):
        """A message of that kind; which one is rng's."""
        der = bytearray(self.der)
        getattr(self, "_" + kind.replace("-", "_"))(der, rng)
        return self.carrying(bytes(der))

    def _encrypted(self, block):
        return pow(int.from_bytes(block, "big"), self.exponent, self.modulus).to_bytes(256, "big")

    def _key(self, der, rng, size):
        pad = bytes(rng.randrange(1, 256) for _ in range(256 - 3 - size))
        der[self.key_at:self.key_at + 256] = self._encrypted(b"\0\2" + pad + b"\0" + rng.randbytes(size))

    def _key_padding_wrong(self, der, rng):
        der[self.key_at:self.key_at + 256] = self._encrypted(b"\0" + rng.choice([b"\1", b"\3", b"\xff"]) + rng.randbytes(254))

    def _key_wrong(self, der, rng):
        self._key(der, rng, 32)

    def _key_size_wrong(self, der, rng):
        self._key(der, rng, rng.choice([16, 24, 48]))

    def _last_block(self, der, rng, last_byte):
        """A block from the middle goes to the end, behind a block that makes its last byte what it shall be."""
        chosen = rng.choice(self.text_blocks)
        at = self.content_at + chosen * BLOCK
        before = self.der[at - BLOCK:at]
        new_before = bytearray(rng.randbytes(BLOCK))
        new_before[-1] = self.plain[chosen * BLOCK + BLOCK - 1] ^ before[-1] ^ last_byte
        der[-2 * BLOCK:-BLOCK] = new_before
        der[-BLOCK:] = self.der[at:at + BLOCK]

    def _cbc_padding_right(self, der, rng):
        self._last_block(der, rng, 1)

    def _cbc_padding_wrong(self, der, rng):
        self._last_block(der, rng, rng.randrange(17, 256))

    def _structure(self, der, rng):
        # What is no key's business: cut short, or an outer length that lies. (A changed version number or type is
        # read by everybody alike, with or without a key.)
        if rng.random() < 0.5:
            del der[rng.randrange(20, len(der) - 1):]
        else:
            der[rng.randrange(2, 4)] ^= 1 << rng.randrange(8)

    def _frame(self, der, rng):
        # The header of the signature's part, which no signature covers: a changed byte, and the block before it noise.
        block = rng.choice(self.frame_blocks)
        der[self.content_at + (block - 1) * BLOCK + rng.randrange(BLOCK)] ^= 1 << rng.randrange(8)

    def _signature(self, der, rng):
        der[self.content_at + rng.choice(self.text_blocks) * BLOCK + rng.randrange(BLOCK)] ^= 1 << rng.randrange(8)


def seed_from_environment():
    """DIRECT_SEED, or a fresh one; print it, so that a failure can be had again."""
    return int(os.environ.get("DIRECT_SEED") or random.SystemRandom().randrange(1 << 32))
