"""Who may use the control API: the table of what is refused, and why. It decides; it neither reads bodies nor answers.

1. A page of another site may not talk a browser on this machine into anything: `Origin` and `Sec-Fetch-Site` are looked at.
2. Nor may a page whose name has been pointed at this machine (DNS rebinding): a public name in `Host` is refused unless it
   was allowed. Addresses, names without a dot and names of private zones cannot be taken over that way.
3. With a token set, who does not know it gets nothing but what a device or a health check needs. The token is compared in
   constant time.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

PRIVATE_ZONES = (".localhost", ".local", ".internal", ".test", ".home.arpa", ".lan")
"""Zones that public DNS has not got (RFC 6761, 6762, 8375, ICANN's .internal); .lan is what many routers use."""

_CROSS_SITE = "the control API answers no pages of other sites"
_WHO = "the control API wants `Authorization: Bearer TOKEN`"
_WRONG = "that is not the token of this server"


class Refused(NamedTuple):
    """Why a control request is not answered."""

    status: int
    code: str
    message: str


class Guard:
    """Looks at the head of each control request. `hosts` are the public names by which it may be called, too."""

    def __init__(self, token: str | None = None, hosts: Iterable[str] = ()) -> None:
        self.token = token
        self._hosts = {host.lower().rstrip(".") for host in hosts}

    def refuse(self, headers: Mapping[str, str], *, is_open: bool = False) -> Refused | None:
        """Why a request with these headers is refused, None if it is not. `is_open` routes answer without a token."""
        host = headers.get("Host", "")
        if not self._may_be_called(host):
            name = _name(host)
            return Refused(
                403, "unknown-host", f"{name!r} is not a name of this server: start it with --allow-host {name}"
            )
        if headers.get("Sec-Fetch-Site") == "cross-site" or _is_foreign(headers.get("Origin"), host):
            return Refused(403, "cross-site", _CROSS_SITE)
        return self._refuse_token(headers.get("Authorization"), is_open)

    def _may_be_called(self, host: str) -> bool:
        name = _name(host)
        return not name or name in self._hosts or "." not in name or name.endswith(PRIVATE_ZONES) or _is_address(name)

    def _refuse_token(self, given: str | None, is_open: bool) -> Refused | None:
        if self.token is None or (given is None and is_open):
            return None
        if given is None:
            return Refused(401, "token-needed", _WHO)
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer":
            return Refused(401, "token-needed", _WHO)
        right = hmac.compare_digest(token.strip().encode("utf-8", "surrogateescape"), self.token.encode())
        return None if right else Refused(401, "token-wrong", _WRONG)


def _name(host: str) -> str:
    """Return the host of a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_foreign(origin: str | None, host: str) -> bool:
    """Return whether the request comes from a page of another origin. `null` is one: a sandboxed frame, a file."""
    return origin is not None and urlsplit(origin).netloc.lower() != host.lower()
