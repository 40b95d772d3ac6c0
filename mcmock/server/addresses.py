"""What this machine is called: the names and addresses at which somebody else may reach it. Nothing is sent to find out."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from contextlib import suppress

from mcmock.core import http

ANYWHERE = ("0.0.0.0", "::", "")
"""Hosts that mean: every address of this machine."""

BY_HOST = {
    "127.0.0.1": ("127.0.0.1", "::1"),  # `localhost` is ::1 first for many a client
    "localhost": ("127.0.0.1", "::1"),
    "::": ("::", "0.0.0.0"),
}
"""Where a server listens for a host that means more than one address; for any other, where the system says."""

FROM_INSIDE = ("10.0.2.2", "host.docker.internal")
"""What this machine is called inside the Android emulator, and inside a container."""

EDGE_NAME = "edge.localhost"
"""A dotted name of this machine, for clients that take a name alone. Browsers and most resolvers lead there (RFC 6761)."""

# Addresses of documentation networks (RFC 5737, RFC 3849): a UDP socket that is connected there sends nothing, but knows by
# which of our addresses it would.
_OUTSIDE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))

_HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
"""As RFC 1123 has it: no underscore, which no certificate can cover; a machine may be called otherwise."""


def outward() -> list[str]:
    """This machine's addresses as others on its network see them, best guess first."""
    found = [address for family, target in _OUTSIDE if (address := _towards(family, target))]
    with suppress(OSError):
        found += [str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)]
    return [address for address in dict.fromkeys(found) if _is_useful(address)]


def _towards(family: socket.AddressFamily, target: str) -> str | None:
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((target, 9))
        return str(probe.getsockname()[0])
    return None


def _is_useful(address: str) -> bool:
    """Not loopback, and not a link-local one, which is of no use without its zone."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified)


def names(host: str, more: Iterable[str] = ()) -> list[str]:
    """Return what a certificate for a server on `host` should cover: what clients may put into their URL."""
    own = socket.gethostname().lower()
    local = [own, f"{own.partition('.')[0]}.local"] if _HOST_NAME.fullmatch(own) and own != "localhost" else []
    given = [] if host in ANYWHERE else [host]
    return list(dict.fromkeys([*http.LOOPBACK, EDGE_NAME, *FROM_INSIDE, *given, *local, *outward(), *more]))


def in_url(host: str) -> str:
    """`host` as it stands in a URL."""
    return f"[{host}]" if ":" in host else host
