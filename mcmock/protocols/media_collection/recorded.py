"""Requests that somebody recorded or wrote down: where they lead, which session they name, what is not filled in yet.

A recorded server may have stood behind any host and prefix, and an id in a recording is whatever somebody wrote there. It
judges nothing: what a request is worth is decided as for any other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from mcmock.core.model import Headers, Kind
from mcmock.protocols.base import SID, Address
from mcmock.protocols.media_collection import routes

# What the body of an event has, however wrong it is.
_MARKS: Final = (b'"eventType"', b'"playerTime"')
_SESSION: Final = re.compile(re.escape(routes.SESSIONS) + "/([^/?#]+)")


def locate(method: str, target: str) -> Address:
    """Return where a target leads, from the API's base on."""
    path = target if target.startswith("/") else urlsplit(target)._replace(scheme="", netloc="").geturl()
    found = path.find(routes.BASE)
    if found > 0 and path[found - 1] == "/":
        found -= 1  # two slashes are a mistake, and stay
    own = path[found:] if found > 0 else path
    return Address(routes.route(method, own).kind, _session_in(own), own)


def is_meant(target: str) -> bool:
    return target.startswith((routes.SESSIONS, routes.DOWNLOADED))


def is_body(value: object) -> bool:
    """Return whether a JSON value has what the body of an event has at its top, or is a list that begins with one."""
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, dict) and ("playerTime" in first or isinstance(first.get("eventType"), str))


def has_event(body: bytes) -> bool:
    return any(mark in body for mark in _MARKS)


def session_issued(headers: Headers) -> str | None:
    """Return the id in a Location of any form."""
    return _session_in(_location(headers) or "")


def unreadable(headers: Headers) -> str | None:
    """Return what is wrong with Location: SDKs read no other form than the one that ours has."""
    sent = _location(headers)
    if sent is None:
        return "without a Location, which names the session"
    if sent != routes.location(_session_in(sent) or ""):
        return f"Location: {sent}; SDKs read nothing but {routes.SESSIONS}/<id>"
    return None


def error_message(body: bytes) -> str:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return str(value.get("message", "")) if isinstance(value, dict) else ""


def destination(body: object) -> tuple[Kind, str]:
    """Return where a body belongs: an array on /downloaded, sessionStart on /sessions, all else to its session."""
    if isinstance(body, list):
        return Kind.DOWNLOADED, routes.DOWNLOADED
    starts = isinstance(body, dict) and body.get("eventType") == "sessionStart"
    return (Kind.SESSION, routes.SESSIONS) if starts else (Kind.EVENT, f"{routes.SESSIONS}/{SID}{routes.EVENTS}")


def timed(event: object, ts: int) -> object:
    """Return the event with `ts` in its playerTime, if it has a playerTime without."""
    if not isinstance(event, Mapping) or not isinstance(event.get("playerTime"), dict) or "ts" in event["playerTime"]:
        return event
    made: dict[str, Any] = {**event, "playerTime": {**event["playerTime"], "ts": ts}}
    return made


def _session_in(path: str) -> str | None:
    found = _SESSION.search(path)
    return found[1] if found else None


def _location(headers: Headers) -> str | None:
    return next((value for name, value in headers if name.lower() == "location"), None)
