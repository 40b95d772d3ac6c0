"""Certificates: an authority made once per user, and leaves for the names a server is called by. It knows files and X.509,
and nothing of HTTP; the time is an argument.

1. The authority's key never leaves its folder, which only its user can read. A leaf's key is never written where it stays.
2. A leaf lives 397 days: Apple's systems refuse longer ones (825 days at most, support.apple.com/HT210176).
3. Two processes may make the authority at the same moment; both end up with the one that came first.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from cryptography import x509

AUTHORITY_DAYS = 3650
LEAF_DAYS = 397
SPARE_DAYS = 30
"""An authority that ends sooner than this is not used any more."""

MISSING = (
    "HTTPS needs the extra tls: pip install 'mcmock[tls]', or a certificate of your own by --tls-cert and --tls-key"
)
_CERTIFICATE, _KEY = "ca.pem", "ca-key.pem"


# -- where it is kept ------------------------------------------------------------------------------------------------------


def state_folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """The platform's folder for what a program remembers. Raises ValueError where there is no home to put it in."""
    if platform == "win32" and (local := environment.get("LOCALAPPDATA")):
        return Path(local) / "mcmock"
    if platform != "darwin" and (state := environment.get("XDG_STATE_HOME")):
        return Path(state) / "mcmock"
    try:
        home = Path(environment.get("HOME") or Path.home())
    except RuntimeError:
        raise ValueError("there is no home folder to keep the certificate authority in: give --state-dir") from None
    return home / ("Library/Application Support/mcmock" if platform == "darwin" else ".local/state/mcmock")


class Pair(NamedTuple):
    """A certificate, with what it takes to trust it, and its private key; both PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """A certificate authority. `made` is one that exists nowhere else, `kept` the one of a folder."""

    def __init__(self, pair: Pair, path: Path | None = None) -> None:
        self.pair = pair
        self.path = path

    @property
    def pem(self) -> bytes:
        """The certificate: what a device has to trust."""
        return self.pair.certificate

    def leaf(self, names: Iterable[str], now: float) -> Pair:
        """A certificate for `names`, which may be addresses, followed by the authority's own."""
        x509, hashes, ec, serialization = _library()
        issuer = x509.load_pem_x509_certificate(self.pair.certificate)
        issuer_key: Any = serialization.load_pem_private_key(self.pair.key, None)
        key = ec.generate_private_key(ec.SECP256R1())
        listed = list(dict.fromkeys(names))
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
        usages = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH])
        certificate = (
            _dated(x509.CertificateBuilder(), now, LEAF_DAYS)
            .subject_name(_name(f"mcmock on {listed[0]}"))
            .issuer_name(issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in listed]), critical=False)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(usages, critical=False)
            .add_extension(authority, critical=False)
            .sign(issuer_key, hashes.SHA256())
        )
        return Pair(_pem(certificate) + self.pair.certificate, _key_pem(key))

    def fingerprint(self) -> str:
        """SHA-256 of the certificate as devices show it: AB:CD:…"""
        x509, hashes, _, _ = _library()
        digest: bytes = x509.load_pem_x509_certificate(self.pair.certificate).fingerprint(hashes.SHA256())
        return digest.hex(":").upper()

    def ends(self) -> datetime:
        x509 = _library()[0]
        ends: datetime = x509.load_pem_x509_certificate(self.pair.certificate).not_valid_after_utc
        return ends


def made(now: float, owner: str = "") -> Authority:
    """A new authority, in memory. Raises ValueError where the extra is not installed."""
    x509, hashes, ec, _ = _library()
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"mcmock authority {owner}".strip()[:64])
    certificate = (
        _dated(x509.CertificateBuilder(), now, AUTHORITY_DAYS)
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(Pair(_pem(certificate), _key_pem(key)))


def kept(state: Path, now: float, owner: str = "") -> Authority:
    """The authority of a state folder, made if there is none. Raises ValueError, in one line, if it cannot be used."""
    folder = state / "ca"
    try:
        if not (folder / _KEY).exists():
            _write(folder, made(now, owner).pair)
        return _read(folder, now)
    except OSError as error:
        raise ValueError(f"{error.filename}: {error.strerror}: give another --state-dir") from None


def certificate_path(state: Path) -> Path:
    """Where the authority's certificate is, or would be."""
    return state / "ca" / _CERTIFICATE


def existing(state: Path, now: float) -> Authority | None:
    """The authority of a state folder, or None if there is none."""
    return _read(state / "ca", now) if (state / "ca" / _KEY).exists() else None


def remove(state: Path) -> bool:
    """Forget the authority. False if there was none."""
    folder = state / "ca"
    if not folder.is_dir():
        return False
    for name in (_KEY, _CERTIFICATE):
        (folder / name).unlink(missing_ok=True)
    folder.rmdir()
    return True


def _write(folder: Path, pair: Pair) -> None:
    """Both files at once, by renaming a folder that has them; whoever was faster keeps theirs."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="ca-") as name:
        new = Path(name) / "new"  # mkdtemp makes its folder 0700; so is this one
        new.mkdir(mode=0o700)
        (new / _CERTIFICATE).write_bytes(pair.certificate)
        _write_private(new / _KEY, pair.key)
        with suppress(OSError):  # there is one already
            new.rename(folder)
    if not (folder / _KEY).exists():
        raise ValueError(f"{folder}: is in the way of the certificate authority: remove it")


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600, exist_ok=False)  # private before there is anything in it
    path.write_bytes(content)


def _read(folder: Path, now: float) -> Authority:
    key, certificate = folder / _KEY, folder / _CERTIFICATE
    if os.name == "posix" and key.stat().st_mode & 0o077:
        raise ValueError(
            f"{key}: others can read this key: chmod 600 it, or run `mcmock ca remove` for a new authority"
        )
    authority = Authority(Pair(certificate.read_bytes(), key.read_bytes()), certificate)
    _library()  # where it is missing, say that, and not that the files are bad
    try:
        ends = authority.ends()
        authority.leaf(["localhost"], now)
    except ValueError:
        raise ValueError(f"{folder}: damaged: run `mcmock ca remove`, and trust the new authority") from None
    if ends.timestamp() < now + SPARE_DAYS * 86400:
        raise ValueError(f"{certificate}: ends on {ends:%Y-%m-%d}: run `mcmock ca remove`, and trust the new authority")
    return authority


# -- contexts --------------------------------------------------------------------------------------------------------------


def server_context(pair: Pair) -> ssl.SSLContext:
    """For a server that shows this certificate. OpenSSL reads files only, so the key is in one for a moment."""
    with tempfile.TemporaryDirectory(prefix="mcmock-") as folder:
        path = Path(folder) / "leaf.pem"
        _write_private(path, pair.key + pair.certificate)
        return own_context(path, None)


def own_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """For a server with a certificate of the user's own. Raises ValueError, in one line, if the files are no such pair."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    for path in filter(None, (certificate, key)):
        if not path.is_file():
            raise ValueError(f"{path}: no such file")
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        raise ValueError(f"{certificate}: not a certificate with {key or 'its key'}: {reason}") from None
    return context


def _no_password() -> str:
    raise ValueError("the private key is encrypted: give one that is not")


# -- the library -----------------------------------------------------------------------------------------------------------


def _library() -> tuple[Any, Any, Any, Any]:
    """x509, hashes, ec and serialization of the extra `tls`."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise ValueError(MISSING) from None
    return x509, hashes, ec, serialization


def _dated(builder: x509.CertificateBuilder, now: float, days: int) -> x509.CertificateBuilder:
    """Valid from a day ago, for devices whose clock is behind."""
    start = datetime.fromtimestamp(now, UTC) - timedelta(days=1)
    return builder.not_valid_before(start).not_valid_after(start + timedelta(days=days))


def _name(text: str) -> Any:
    x509 = _library()[0]
    names = x509.oid.NameOID
    return x509.Name(
        [x509.NameAttribute(names.ORGANIZATION_NAME, "mcmock"), x509.NameAttribute(names.COMMON_NAME, text)]
    )


def _general(name: str) -> Any:
    x509 = _library()[0]
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name if name.isascii() else name.encode("idna").decode())
    except UnicodeError:
        raise ValueError(f"{name!r} is no host name that a certificate can cover") from None


def _usage(**used: bool) -> Any:
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    return _library()[0].KeyUsage(**{name: used.get(name, False) for name in every})


def _pem(certificate: Any) -> bytes:
    pem: bytes = certificate.public_bytes(_library()[3].Encoding.PEM)
    return pem


def _key_pem(key: Any) -> bytes:
    serialization = _library()[3]
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem
