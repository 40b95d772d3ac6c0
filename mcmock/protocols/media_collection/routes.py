"""The paths of the API, as one table, and where a request leads."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

from mcmock.core.http import path_of
from mcmock.core.model import Kind
from mcmock.protocols.base import Path

BASE = "/api/v1/"
SESSIONS = "/api/v1/sessions"
DOWNLOADED = "/api/v1/downloaded"
EVENTS = "/events"
SID_LENGTH = 64


class Route(NamedTuple):
    """Where a request leads. `status` is 404 or 405 where it leads nowhere; `argument` is a session id or an event type."""

    kind: Kind
    argument: str | None = None
    status: int | None = None
    allow: str | None = None
    slash: bool = False  # the path ended in a slash it did not need


# PUT is named in Access-Control-Allow-Methods but is no operation of any page (C-11).
PATHS: tuple[Path, ...] = (
    Path("/api/v1/sessions/{sid}/events", {"POST": Kind.EVENT, "OPTIONS": Kind.PREFLIGHT}),
    Path("/api/v1/sessions", {"POST": Kind.SESSION, "OPTIONS": Kind.PREFLIGHT}),
    Path("/api/v1/downloaded", {"POST": Kind.DOWNLOADED, "OPTIONS": Kind.PREFLIGHT}),
    Path("/api/v1/schemas/{eventType}", {"GET": Kind.SCHEMA, "HEAD": Kind.SCHEMA, "OPTIONS": Kind.PREFLIGHT}),
)
_PATTERNS = [(path, re.compile(re.sub(r"\{\w+\}", "([^/]+)", path.template) + "(/?)")) for path in PATHS]

FAST_PATH = rb"%b(?:/[0-9a-f]{%d}%b)?" % (SESSIONS.encode(), SID_LENGTH, EVENTS.encode())

_EVENT_START = len(SESSIONS) + 1
_EVENT_END = _EVENT_START + SID_LENGTH


def session_of_event(method: str, target: str) -> str | None:
    """Return the session id of a plain event POST; None where it is anything else, or needs a closer look."""
    if method == "POST" and target[_EVENT_END:] == EVENTS and target.startswith(SESSIONS):
        return target[_EVENT_START:_EVENT_END]
    return None


def route(method: str, target: str) -> Route:
    """Return the route of a request target as it stood in the request line, query and absolute form included."""
    if (named := session_of_event(method, target)) is not None:
        return Route(Kind.EVENT, named)
    path = path_of(target)
    for candidate, pattern in _PATTERNS:
        if found := pattern.fullmatch(path):
            *arguments, slash = found.groups()
            argument = arguments[0] if arguments else None
            kind = candidate.methods.get(method)
            if kind is None:
                return Route(Kind.OTHER, argument, 405, ", ".join(candidate.methods))
            return Route(kind, argument, slash=bool(slash))
    return Route(Kind.OTHER, None, 404)


def location(session_id: str) -> str:
    """Return the one form that all clients can parse: a path from the root, with no prefix, no slash behind, no query."""
    return f"{SESSIONS}/{session_id if session_id.isascii() and session_id.isalnum() else quote(session_id)}"
