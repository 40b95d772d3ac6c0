"""HTTP that every emulated API shares: header look-up, the path of a target, the bytes of a response, loopback, secrets, the
date."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from mcmock.core.model import Headers, RawHeaders, Response

JSON = "application/json"
LOOPBACK = ("localhost", "127.0.0.1", "::1")

REASONS = {status.value: status.phrase for status in HTTPStatus} | {413: "Request Entity Too Large"}


def header(headers: RawHeaders, name: bytes) -> bytes | None:
    """The first header of that name (lower case), or None."""
    for key, value in headers:
        if key.lower() == name:
            return value
    return None


def path_of(target: str) -> str:
    """The path of a target: without query, host or percent escapes; double slashes and dots stay as they are."""
    if not target.startswith("/"):
        try:
            target = urlsplit(target).path
        except ValueError:
            return target
    path = target.partition("?")[0].partition("#")[0]
    return unquote(path, errors="surrogateescape") if "%" in path else path


def is_loopback(host: str) -> bool:
    """Return whether `host` is this machine itself, so that no proxy and nobody else can reach it."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def render(status: int, headers: Headers, body: bytes = b"", *, head: bool = False) -> Response:
    """A Response with its bytes; `head` leaves the body away but not its length."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    raw = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    return Response(status, headers, body, raw if head else raw + body)


class Dates:
    """The Date line's value, made once a second."""

    def __init__(self) -> None:
        self._second: int | None = None
        self._text = ""

    def __call__(self, now: float) -> str:
        if int(now) != self._second:
            self._second = int(now)
            self._text = formatdate(self._second, usegmt=True)
        return self._text


SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
REDACTED = "redacted"

_SECRET_NAMES = frozenset(name.encode() for name in SECRET_HEADERS)
_SECRET_LINES = re.compile(rb"(?im)^(%s)([ \t]*:)[^\r\n]*" % b"|".join(sorted(_SECRET_NAMES)))


def without_secrets(headers: RawHeaders) -> RawHeaders:
    """The lines with `redacted` for each value that proves who somebody is: this API asks for none, so none is kept."""
    if all(name.lower() not in _SECRET_NAMES for name, _ in headers):
        return headers
    kept = REDACTED.encode()
    return tuple((name, kept if name.lower() in _SECRET_NAMES else value) for name, value in headers)


def without_secret_lines(raw: bytes) -> bytes:
    """The same for bytes that never became a request."""
    return _SECRET_LINES.sub(rb"\1\2 " + REDACTED.encode(), raw)
