"""Where a server listens, what it is called there, and who may use it: the options of a Service, and what follows from them.

It opens no socket. The certificate authority is made, or read, when HTTPS is first asked for.
"""

from __future__ import annotations

import secrets
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mcmock.core import clock, http
from mcmock.engine import scopes
from mcmock.server import addresses, certificates
from mcmock.server.admin.access import Guard

PREFIX = "/__admin"


def control_path(target: str) -> tuple[str, str | None] | None:
    """Return the path within the control API that a request target names, and the scope before it; None if it is emulated."""
    if target.startswith(PREFIX):
        return target, None
    if target.startswith(scopes.PREFIX):
        name, rest = scopes.split(target)
        if rest.startswith(PREFIX):
            return rest, name
    return None


class Endpoint:
    """A server's place on the network. Its options are named as those of `mcmock serve`.

    `throwaway` makes a certificate authority that is kept nowhere, for tests. Raises ValueError for options that
    contradict each other. `made_token` says that the token was not given, but made, because others can reach the server.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        https_port: int | None = None,
        admin_port: int | None = None,
        tls_name: Iterable[str] = (),
        tls_cert: Path | None = None,
        tls_key: Path | None = None,
        state_dir: Path | None = None,
        admin_token: str | None = None,
        allow_host: Iterable[str] = (),
        throwaway: bool = False,
    ) -> None:
        if tls_key is not None and tls_cert is None:
            raise ValueError("--tls-key needs --tls-cert")
        if tls_cert is not None and tls_name:
            raise ValueError("--tls-name is for mcmock's own certificates: leave it out, or --tls-cert")
        if admin_token is not None and not (
            admin_token.isascii() and admin_token.isprintable() and admin_token.strip()
        ):
            raise ValueError("--admin-token must be printable ASCII, and not empty")
        self.host, self.port, self.https_port, self.admin_port = host, port, https_port, admin_port
        self.made_token = admin_token is None and not http.is_loopback(host)
        self.token = secrets.token_urlsafe(24) if self.made_token else admin_token
        self.guard = Guard(self.token, (*allow_host, *tls_name, host))
        self.authority: certificates.Authority | None = None
        self._names, self._cert, self._key = tuple(tls_name), tls_cert, tls_key
        self._state, self._throwaway = state_dir, throwaway

    def context(self) -> ssl.SSLContext:
        """Return the certificate to show. Raises ValueError, in one line, where there can be none."""
        if self._cert is not None:
            return certificates.own_context(self._cert, self._key)
        now = clock.wall()
        self.authority = certificates.made(now, "of a test") if self._throwaway else self._kept(now)
        return certificates.server_context(self.authority.leaf(addresses.names(self.host, self._names), now))

    def _kept(self, now: float) -> certificates.Authority:
        import getpass  # here: for the first certificate alone

        owner = socket.gethostname()
        with suppress(OSError, KeyError, ImportError):  # a container's user may have no name
            owner = f"{getpass.getuser()}@{owner}"
        return certificates.kept(self._state or certificates.state_folder(), now, f"of {owner}")

    @property
    def edge_name(self) -> str | None:
        """A name that its certificate covers, for clients that take no port; None where the certificate is the user's own."""
        if self._cert is not None:
            return None
        return next(iter(self._names), addresses.EDGE_NAME)

    @property
    def called(self) -> str:
        """The host of this server's own URLs."""
        return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}.get(self.host, addresses.in_url(self.host))

    @property
    def url(self) -> str:
        return f"http://{self.called}:{self.port}"

    @property
    def https_url(self) -> str | None:
        """None while it does not listen for HTTPS."""
        return f"https://{self.called}:{self.https_port}" if self.https_port is not None else None

    @property
    def admin_url(self) -> str:
        """Where the control API is: at a port of its own if it has one, which answers whatever players find."""
        port = self.port if self.admin_port is None else self.admin_port
        return f"http://{self.called}:{port}{PREFIX}"

    def reachable(self, *, secure: bool = False) -> list[str]:
        """Return the URLs at which other devices on this network reach it, those for HTTPS if `secure`; none on loopback."""
        if http.is_loopback(self.host):
            return []
        hosts = addresses.outward() if self.host in addresses.ANYWHERE else [self.host]
        if self.host == "0.0.0.0":
            hosts = [host for host in hosts if ":" not in host]
        scheme, port = ("https", self.https_port) if secure else ("http", self.port)
        return [f"{scheme}://{addresses.in_url(host)}:{port}" for host in hosts if port is not None]
