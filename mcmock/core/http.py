"""HTTP that every emulated API shares: header look-up, the path of a target, the bytes of a response, loopback, secrets, the
date."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from mcmock.core.model import Headers, RawHeaders, Response, header_text

JSON = "application/json"
LOOPBACK = ("localhost", "127.0.0.1", "::1")

REASONS = {status.value: status.phrase for status in HTTPStatus} | {413: "Request Entity Too Large"}


def header(headers: RawHeaders, name: bytes) -> bytes | None:
    """Return the first header of that name (lower case), or None."""
    size = len(name)
    for key, value in headers:
        if len(key) == size and key.lower() == name:
            return value
    return None


def path_of(target: str) -> str:
    """Return the path of a target: without query, host or percent escapes; double slashes and dots stay as they are."""
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
    """Return a Response with its bytes; `head` leaves the body away but not its length."""
    lines = header_text(headers)
    first = f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}\r\n"
    raw = (first + (lines + "\r\n\r\n" if lines else "\r\n")).encode("latin-1", "replace")
    return Response(status, lines, body, raw if head else raw + body)


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
    """Return the lines with `redacted` for each value that proves who somebody is: this API asks for none, so none is kept."""
    for name, _ in headers:
        if name.lower() in _SECRET_NAMES:
            break
    else:
        return headers
    kept = REDACTED.encode()
    return tuple((name, kept if name.lower() in _SECRET_NAMES else value) for name, value in headers)


def without_secret_lines(raw: bytes) -> bytes:
    """The same for bytes that never became a request."""
    return _SECRET_LINES.sub(rb"\1\2 " + REDACTED.encode(), raw)


# -- what a browser makes of a preflight's answer (the Fetch standard, "CORS-preflight fetch") ------------------------------

_SAFE_METHODS = ("GET", "HEAD", "POST")


_PREFLIGHT_LINES = frozenset({b"origin", b"access-control-request-method", b"access-control-request-headers"})


def preflight_lines(headers: RawHeaders) -> Headers:
    """Return those header lines of a request that `preflight_refusal` looks at, decoded."""
    return tuple([
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers if name.lower() in _PREFLIGHT_LINES
    ])  # fmt: skip


def is_preflight(request_headers: Headers) -> bool:
    """Return whether an OPTIONS request is a browser's question about the request that is to follow."""
    return _value(request_headers, "access-control-request-method") is not None


class PreflightRefusal(NamedTuple):
    """Why a browser refuses the answer to a preflight. `widened` are the allowed headers that would do, if that is why."""

    why: str
    widened: tuple[str, ...] = ()


def preflight_refusal(request_headers: Headers, status: int, response_headers: Headers) -> PreflightRefusal | None:
    """Return why a browser refuses the answer to its preflight; None if it does not.

    It is taken to send no credentials, which a preflight does not tell.
    """
    if not 200 <= status <= 299:
        return PreflightRefusal("there was no answer" if status == 0 else f"it was answered {status}")
    origin, allowed = _value(request_headers, "origin"), _value(response_headers, "access-control-allow-origin")
    if allowed is None:
        return PreflightRefusal("the answer has no Access-Control-Allow-Origin")
    if allowed not in ("*", origin):
        return PreflightRefusal(f"the page is of {origin}, but Access-Control-Allow-Origin is {allowed}")
    return _refused_method(request_headers, response_headers) or _refused_header(request_headers, response_headers)


def _refused_method(request_headers: Headers, response_headers: Headers) -> PreflightRefusal | None:
    method = _value(request_headers, "access-control-request-method") or "POST"
    methods = _listed(response_headers, "access-control-allow-methods")
    if method in _SAFE_METHODS or "*" in methods or method in methods:
        return None
    allowed = ", ".join(methods) or "missing"
    return PreflightRefusal(f"the page asks for the method {method}, but Access-Control-Allow-Methods is {allowed}")


def _refused_header(request_headers: Headers, response_headers: Headers) -> PreflightRefusal | None:
    headers = _listed(response_headers, "access-control-allow-headers")
    known = {name.lower() for name in headers}
    covered = "*" in known  # all but Authorization
    wanted = _listed(request_headers, "access-control-request-headers")
    missing = [one for one in wanted if one.lower() not in known and not (covered and one.lower() != "authorization")]
    if not missing:
        return None
    asked = f"the header{'' if len(missing) == 1 else 's'} {', '.join(missing)}"
    allowed = ", ".join(headers) or "missing"
    return PreflightRefusal(
        f"the page asks for {asked}, but Access-Control-Allow-Headers is {allowed}", (*headers, *missing)
    )


def _value(headers: Headers, name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name), None)


def _listed(headers: Headers, name: str) -> list[str]:
    """Return the items of all header lines of that name."""
    values = [value for key, value in headers if key.lower() == name]
    return [item for value in values for part in value.split(",") if (item := part.strip())]
