"""Certificates: an authority made once per user, and leaves for the names a server is called by. It knows files, and nothing
of HTTP; the time is an argument.

trustme makes the leaves. The authority is made here: one of trustme's lives to the year 3000, and devices trust this one.

1. The authority's key never leaves its folder, which only its user can read. A leaf's key is never written where it stays.
2. A leaf lives 397 days: Apple's systems refuse longer ones (825 days at most, support.apple.com/HT210176).
3. Two processes may make the authority at the same moment; both end up with the one that came first.
"""

from __future__ import annotations

import hashlib
import os
import ssl
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

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
    """Return the platform's folder for what a program remembers. Raises ValueError where there is no home to put it in."""
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
        """Return a certificate for `names`, which may be addresses, followed by the authority's own.

        Raises ValueError for a name that no certificate can cover.
        """
        listed = list(dict.fromkeys(names))
        start = _start(now)
        issuer = _library()[1].CA.from_pem(self.pair.certificate, self.pair.key)
        try:
            leaf = issuer.issue_cert(
                *listed, common_name=f"mcmock on {listed[0]}", organization_name="mcmock", organization_unit_name="server",
                not_before=start, not_after=start + timedelta(days=LEAF_DAYS),
            )  # fmt: skip
        except UnicodeError as error:  # of idna, which does not say which name it was
            bad = next((name for name in listed if len(listed) > 1 and not self._covers(name, now)), listed[0])
            raise ValueError(f"{bad!r} is not a host name that a certificate can cover: {error}") from None
        return Pair(leaf.cert_chain_pems[0].bytes() + self.pair.certificate, leaf.private_key_pem.bytes())

    def _covers(self, name: str, now: float) -> bool:
        try:
            self.leaf([name], now)
        except ValueError:
            return False
        return True

    def fingerprint(self) -> str:
        """SHA-256 of the certificate as devices show it: AB:CD:…"""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.pair.certificate.decode())).digest().hex(":").upper()

    def ends(self) -> datetime:
        x509 = _library()[0]
        ends: datetime = x509.load_pem_x509_certificate(self.pair.certificate).not_valid_after_utc
        return ends


def made(now: float, owner: str = "") -> Authority:
    """Return a new authority, in memory. Raises ValueError where the extra is not installed."""
    x509, _ = _library()
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, start, names = ec.generate_private_key(ec.SECP256R1()), _start(now), x509.oid.NameOID
    words = ((names.ORGANIZATION_NAME, "mcmock"), (names.COMMON_NAME, f"mcmock authority {owner}".strip()[:64]))
    name = x509.Name([x509.NameAttribute(of, text) for of, text in words])
    unused = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
              "encipher_only", "decipher_only")  # fmt: skip
    usage = x509.KeyUsage(key_cert_sign=True, crl_sign=True, **dict.fromkeys(unused, False))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, clear = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, clear)
    return Authority(Pair(certificate.public_bytes(pem), private))


def _start(now: float) -> datetime:
    """Return the beginning of what is made now: a day ago, for devices whose clock is behind."""
    return datetime.fromtimestamp(now, UTC) - timedelta(days=1)


def kept(state: Path, now: float, owner: str = "") -> Authority:
    """Return the authority of a state folder, made if there is none. Raises ValueError, in one line, if it cannot be used."""
    folder = state / "ca"
    try:
        if not (folder / _KEY).exists():
            _write(folder, made(now, owner).pair)
        return _read(folder, now)
    except OSError as error:
        raise ValueError(f"{error.filename}: {error.strerror}: give another --state-dir") from None


def certificate_path(state: Path) -> Path:
    """Return where the authority's certificate is, or would be."""
    return state / "ca" / _CERTIFICATE


def existing(state: Path, now: float) -> Authority | None:
    """Return the authority of a state folder, or None if there is none."""
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
    x509, _ = _library()  # where it is missing, say that, and not that the files are bad
    try:
        ends = authority.ends()
        authority.leaf(["localhost"], now)
    except (ValueError, TypeError, x509.ExtensionNotFound):
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


def _library() -> tuple[Any, Any]:
    """Return cryptography.x509 and trustme, of the extra `tls`. Raises ValueError where they are not installed."""
    try:
        import trustme
        from cryptography import x509
    except ImportError:
        raise ValueError(MISSING) from None
    return x509, trustme
