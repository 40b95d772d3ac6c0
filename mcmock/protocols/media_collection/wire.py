"""The HTTP surface as tables: which paths there are, what each status's header lines are and in which order.

`route` turns a request target into a Route; `Answers` turns a decision into a Response with its exact bytes. Neither
knows sessions or bodies. Header sets and their order are those printed in the documentation (reference pages, quick
start); those of errors are assumed: the schema page's five lines, then the four a browser needs to read them.
"""

from __future__ import annotations

import json
import re
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from mcmock.core.model import Headers, Kind, RawHeaders, Response

SERVER = "nginx/1.13.5"
SESSIONS = "/api/v1/sessions"
EVENTS = "/events"
SID_LENGTH = 64


# -- routes ---------------------------------------------------------------------------------------------------------------


class Route(NamedTuple):
    """Where a request leads. `status` is 404 or 405 where it leads nowhere; `argument` is a session id or an event type."""

    kind: Kind
    argument: str | None = None
    status: int | None = None
    allow: str | None = None
    slash: bool = False  # the path ended in a slash it did not need


class Path(NamedTuple):
    """One path of the API: what it matches, which methods it takes and what each is for."""

    template: str
    pattern: re.Pattern[str]
    methods: dict[str, Kind]


def _path(template: str, methods: dict[str, Kind]) -> Path:
    pattern = re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(template))
    return Path(template, re.compile(pattern + "(/?)"), methods)


# PUT is named in Access-Control-Allow-Methods but is no operation of any page (C-11).
PATHS: tuple[Path, ...] = (
    _path("/api/v1/sessions/{sid}/events", {"POST": Kind.EVENT, "OPTIONS": Kind.PREFLIGHT}),
    _path("/api/v1/sessions", {"POST": Kind.SESSION, "OPTIONS": Kind.PREFLIGHT}),
    _path("/api/v1/downloaded", {"POST": Kind.DOWNLOADED, "OPTIONS": Kind.PREFLIGHT}),
    _path("/api/v1/schemas/{eventType}", {"GET": Kind.SCHEMA, "HEAD": Kind.SCHEMA, "OPTIONS": Kind.PREFLIGHT}),
)

_EVENT_START = len(SESSIONS) + 1
_EVENT_END = _EVENT_START + SID_LENGTH


def route(method: str, target: str) -> Route:
    """The route of a request target as it stood in the request line, query and absolute form included."""
    if method == "POST" and target.startswith(SESSIONS) and target[_EVENT_END:] == EVENTS:
        return Route(Kind.EVENT, target[_EVENT_START:_EVENT_END])
    path = path_of(target)
    for candidate in PATHS:
        if found := candidate.pattern.fullmatch(path):
            *arguments, slash = found.groups()
            argument = arguments[0] if arguments else None
            kind = candidate.methods.get(method)
            if kind is None:
                return Route(Kind.OTHER, argument, 405, ", ".join(candidate.methods))
            return Route(kind, argument, slash=bool(slash))
    return Route(Kind.OTHER, None, 404)


def path_of(target: str) -> str:
    """The path of a target: without query, host or percent escapes; double slashes and dots stay as they are."""
    if not target.startswith("/"):
        try:
            target = urlsplit(target).path
        except ValueError:
            return target
    path = target.partition("?")[0].partition("#")[0]
    return unquote(path, errors="surrogateescape") if "%" in path else path


def location(session_id: str) -> str:
    """The one form that all clients can parse: a path from the root, with no prefix, no slash behind, no query."""
    return f"{SESSIONS}/{quote(session_id)}"


def header(headers: RawHeaders, name: bytes) -> bytes | None:
    """The first header of that name (lower case), or None."""
    for key, value in headers:
        if key.lower() == name:
            return value
    return None


# -- secrets ---------------------------------------------------------------------------------------------------------------

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


# -- answers --------------------------------------------------------------------------------------------------------------

ALLOW_METHODS = "OPTIONS,POST,PUT"
ALLOW_HEADERS = "Content-Type"
JSON = "application/json"

# The order of the lines in each kind of answer; a line whose value is None is left out.
_LINES = {
    "created": ("Server", "Date", "Content-Type", "Content-Length", "Connection", "Location", "CORS"),
    "accepted": ("Server", "Date", "Connection", "CORS"),
    "schema": ("Server", "Date", "Content-Type", "Content-Length", "Connection"),
    "error": ("Server", "Date", "Content-Type", "Content-Length", "Connection", "Allow", "CORS"),
}

REASONS = {status.value: status.phrase for status in HTTPStatus} | {413: "Request Entity Too Large"}


class Answers:
    """Builds every answer. `allow_headers` and `max_age` widen the preflight beyond what is documented (C-47)."""

    def __init__(self, allow_headers: str = ALLOW_HEADERS, max_age: int | None = None) -> None:
        self._cors: Headers = (
            ("Access-Control-Allow-Origin", "*"),
            ("Access-Control-Allow-Methods", ALLOW_METHODS),
            ("Access-Control-Allow-Headers", allow_headers),
            ("Access-Control-Expose-Headers", "Location"),
        )
        self._max_age: Headers = () if max_age is None else (("Access-Control-Max-Age", str(max_age)),)
        self._date = _Dates()
        self._accepted: tuple[int, Response] | None = None

    def accepted(self, now: float, keep_alive: bool) -> Response:
        """204, the same bytes for a whole second."""
        if not keep_alive:
            return self._build("accepted", 204, now, False)
        second = int(now)
        if self._accepted is None or self._accepted[0] != second:
            self._accepted = second, self._build("accepted", 204, now, True)
        return self._accepted[1]

    def preflight(self, now: float, keep_alive: bool) -> Response:
        """A preflight is answered as an event is (assumed); `max_age` tells a browser how long to remember it."""
        return self._build("accepted", 204, now, keep_alive, more=self._max_age)

    def created(self, session_id: str, now: float, keep_alive: bool) -> Response:
        return self._build("created", 201, now, keep_alive, location=location(session_id))

    def schema(self, document: bytes, now: float, keep_alive: bool, *, head: bool = False) -> Response:
        return self._build("schema", 200, now, keep_alive, document, JSON, head=head)

    def error(
        self, status: int, message: str, now: float, keep_alive: bool, *, allow: str | None = None, head: bool = False
    ) -> Response:
        """`{"message": …}`, the one error body that the specification knows (ApiError)."""
        body = json.dumps({"message": message}).encode()
        return self._build("error", status, now, keep_alive, body, JSON, allow=allow, head=head)

    def _build(
        self, lines: str, status: int, now: float, keep_alive: bool, body: bytes = b"",
        content_type: str = "application/octet-stream", *,
        location: str | None = None, allow: str | None = None, more: Headers = (), head: bool = False,
    ) -> Response:  # fmt: skip
        values = {
            "Server": SERVER,
            "Date": self._date(now),
            "Content-Type": content_type,
            "Content-Length": str(len(body)),
            "Connection": "keep-alive" if keep_alive else "close",
            "Location": location,
            "Allow": allow,
        }
        headers: list[tuple[str, str]] = []
        for name in _LINES[lines]:
            if name == "CORS":
                headers += self._cors
            elif (value := values[name]) is not None:
                headers.append((name, value))
        return render(status, (*headers, *more), body, head=head)


def render(status: int, headers: Headers, body: bytes = b"", *, head: bool = False) -> Response:
    """A Response with its bytes; `head` leaves the body away but not its length."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    raw = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    return Response(status, headers, body, raw if head else raw + body)


class _Dates:
    """The Date line's value, made once a second."""

    def __init__(self) -> None:
        self._second: int | None = None
        self._text = ""

    def __call__(self, now: float) -> str:
        if int(now) != self._second:
            self._second = int(now)
            self._text = formatdate(self._second, usegmt=True)
        return self._text
