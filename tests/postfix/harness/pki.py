"""A PKI per run, made with the openssl program alone: authorities, end certificates, forgeries.

Nothing is kept in the repository. Making RSA keys is slow, so keys (never certificates) are taken from a
folder of the build (DIRECT_KEY_CACHE) when one is named; no two certificates of a process share a key
unless a test asks for it.
"""
import dataclasses
import datetime
import fcntl
import hashlib
import itertools
import os
import re
import ssl

from .base import read, run, write

KEY_KINDS = {
    "rsa1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "rsa2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa3072": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
}

# The extension an end certificate's "usage" stands for; keyAgreement is what EC keys encrypt with.
USAGES = {
    "dual": {"rsa": "digitalSignature,keyEncipherment", "ec": "digitalSignature,keyAgreement"},
    "sign": {"rsa": "digitalSignature", "ec": "digitalSignature"},
    "encrypt": {"rsa": "keyEncipherment", "ec": "keyAgreement"},
    "none": {"rsa": None, "ec": None},
}

_numbers = {kind: itertools.count(1) for kind in KEY_KINDS}


@dataclasses.dataclass
class Cert:
    """A certificate with its key: file names, and what tests ask about it."""
    name: str
    cert: str  # PEM file
    key: str  # PEM file
    kind: str
    issuer: "Cert | None" = None

    @property
    def pem(self):
        return read(self.cert)

    @property
    def der(self):
        return ssl.PEM_cert_to_DER_cert(self.pem.decode())

    @property
    def fingerprint(self):
        """SHA-256, lower-case hex."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def is_ec(self):
        return self.kind.startswith("p")

    @property
    def chain(self):
        """The authorities above, nearest first, without the root."""
        up, found = self.issuer, []
        while up and up.issuer:
            found.append(up)
            up = up.issuer
        return found

    def shown(self, *what):
        """A line of `openssl x509`, e.g. shown("-serial")."""
        return run(["openssl", "x509", "-in", self.cert, "-noout", *what]).decode().strip()

    @property
    def serial(self):
        return self.shown("-serial").split("=", 1)[1].lower()

    @property
    def subject_key_id(self):
        text = self.shown("-ext", "subjectKeyIdentifier")
        return re.search(r"([0-9A-F]{2}(:[0-9A-F]{2})+)", text).group(1)


def day(offset):
    """Now plus so many days, as openssl ca wants it. 0 is an hour ago, so that clocks may differ a little."""
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=offset)
    if offset == 0:
        when -= datetime.timedelta(hours=1)
    return when.strftime("%Y%m%d%H%M%SZ")


class Pki:
    """Makes certificates in a folder. Names are file names and, by default, common names."""

    def __init__(self, folder):
        self.folder = folder
        self.cache = os.environ.get("DIRECT_KEY_CACHE") or os.path.join(folder, "keys")
        os.makedirs(self.cache, mode=0o700, exist_ok=True)
        self._serial = itertools.count(1)

    def key(self, kind="rsa2048"):
        """A key that no other certificate of this process has; returns its PEM file."""
        path = os.path.join(self.cache, f"{kind}-{next(_numbers[kind])}.pem")
        with open(os.path.join(self.cache, ".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(path):
                pem = run(["openssl", "genpkey", *KEY_KINDS[kind]])
                write(path + ".new", pem, 0o600)
                os.rename(path + ".new", path)
        return path

    def root(self, name, **options):
        """A self-signed authority."""
        return self._authority(name, None, **options)

    def intermediate(self, name, issuer, **options):
        return self._authority(name, issuer, **options)

    def end(self, name, issuer, *, email=(), dns=(), usage="dual", eku="emailProtection", kind="rsa2048",
            extra=(), **options):
        """An end certificate: address-bound (email), domain-bound (dns), or both.

        usage: dual, sign, encrypt, none (no keyUsage at all); eku: None for no extendedKeyUsage.
        issuer None: self-signed. extra: more lines for the extension section.
        """
        email, dns = _several(email), _several(dns)
        lines = ["basicConstraints=critical,CA:false", "authorityKeyIdentifier=keyid,issuer" if issuer else ""]
        bits = USAGES[usage]["ec" if kind.startswith("p") else "rsa"]
        lines.append(f"keyUsage=critical,{bits}" if bits else "")
        lines.append(f"extendedKeyUsage={eku}" if eku else "")
        names = [f"email:{e}" for e in email] + [f"DNS:{d}" for d in dns]
        lines.append(f"subjectAltName={','.join(names)}" if names else "")
        return self._make(name, issuer, kind, lines + list(extra), **options)

    def forgery(self, name, anchor, *, email=(), dns=(), authority=False, **options):
        """A stranger's self-signed certificate that carries the anchor's SubjectKeyIdentifier and name."""
        options.setdefault("subject", anchor.shown("-subject", "-nameopt", "compat").split("=", 1)[1].strip())
        ski = f"subjectKeyIdentifier={anchor.subject_key_id}"
        if authority:
            return self._authority(name, None, ski=ski, **options)
        return self.end(name, None, email=email, dns=dns, ski=ski, **options)

    def crl(self, issuer, revoked=(), *, start=0, end=30):
        """A CRL of an authority in PEM."""
        config = self._config(issuer.name)
        window = ["-crl_lastupdate", day(start), "-crl_nextupdate", day(end)]
        for cert in revoked:
            run(["openssl", "ca", "-config", config, "-batch", "-cert", issuer.cert, "-keyfile", issuer.key,
                 "-revoke", cert.cert])
        return run(["openssl", "ca", "-config", config, "-batch", "-cert", issuer.cert, "-keyfile", issuer.key,
                    "-gencrl", "-md", "sha256", *window])

    def _authority(self, name, issuer, *, kind="rsa2048", path_length=None, extra=(), **options):
        length = "" if path_length is None else f",pathlen:{path_length}"
        lines = [f"basicConstraints=critical,CA:true{length}", "keyUsage=critical,keyCertSign,cRLSign",
                 "authorityKeyIdentifier=keyid,issuer" if issuer else ""]
        return self._make(name, issuer, kind, lines + list(extra), **options)

    def _config(self, issuer_name):
        home = os.path.join(self.folder, "ca-" + issuer_name)
        path = os.path.join(home, "openssl.cnf")
        if os.path.exists(path):
            return path
        os.makedirs(home, exist_ok=True)
        write(os.path.join(home, "index.txt"), "")
        write(os.path.join(home, "index.txt.attr"), "unique_subject = no\n")
        write(path, f"[ca]\ndefault_ca=this\n[this]\ndatabase={home}/index.txt\nnew_certs_dir={home}\n"
                    "rand_serial=yes\ndefault_md=sha256\npolicy=any\nunique_subject=no\nemail_in_dn=no\n"
                    "preserve=yes\ncopy_extensions=none\n[any]\ncommonName=optional\norganizationName=optional\n"
                    "emailAddress=optional\n[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=unused\n")
        return path

    def _make(self, name, issuer, kind, lines, *, start=0, end=365, digest="sha256", subject=None, key=None,
              ski="subjectKeyIdentifier=hash", cdp=None, aia=None):
        """start and end are days from now, negative ones in the past."""
        path = os.path.join(self.folder, f"{next(self._serial)}-{name.replace('/', '_')}")
        key = key or self.key(kind)
        config = self._config((issuer or Cert(name, "", "", kind)).name)
        lines = [line for line in lines if line] + [ski]
        lines += [f"crlDistributionPoints=URI:{cdp}"] if cdp else []
        lines += [f"authorityInfoAccess={aia}"] if aia else []
        write(path + ".ext", "[ext]\n" + "\n".join(lines) + "\n")
        run(["openssl", "req", "-new", "-config", config, "-utf8", "-key", key, "-out", path + ".csr", "-subj",
             subject or f"/O=Direct test/CN={name}"])
        signer = ["-selfsign", "-keyfile", key] if not issuer else ["-cert", issuer.cert, "-keyfile", issuer.key]
        run(["openssl", "ca", "-config", config, "-batch", "-notext", "-utf8", "-md", digest, "-in", path + ".csr",
             "-out", path + ".crt", "-startdate", day(start), "-enddate", day(end), "-extfile", path + ".ext",
             "-extensions", "ext", *signer])
        return Cert(name, path + ".crt", key, kind, issuer)


def _several(value):
    return (value,) if isinstance(value, str) else tuple(value)
