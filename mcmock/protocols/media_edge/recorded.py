"""Requests that somebody recorded or wrote down: where they lead, which session they name, what is not filled in yet.

A recorded path may have any host, base path and location hint: a server of ours takes each. A session id stands in the body.
It judges nothing: what a request is worth is decided as for any other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from mcmock.core import json_decoding
from mcmock.core.http import path_of
from mcmock.core.model import Kind, Request
from mcmock.protocols.base import Address
from mcmock.protocols.media_edge import routes, times
from mcmock.protocols.media_edge.events import PREFIX, items_in
from mcmock.protocols.media_edge.routes import DOWNLOADED, START

NO_DATASTREAM: Final = "unrecorded"
"""The datastream of a body whose path nobody wrote down."""

_MEANT: Final = re.compile(r".*/va/v\d|.*/v\d+/(?:interact|collect)/?$")


def locate(request: Request) -> Address:
    """Return where a request leads; at the doors for any event its body says it."""
    sent = request.target
    target = sent if sent.startswith("/") else urlsplit(sent)._replace(scheme="", netloc="").geturl() or "/"
    route = routes.route(request.method, target)
    if route.kind not in (Kind.EVENT, Kind.INTERACT):
        return Address(route.kind, None, target)
    items = items_in(_decoded(request.body))
    kind = route.kind if route.is_media else kind_of({item.event_type for item in items})
    named = next((item.session_id for item in items if item.session_id), None)
    return Address(kind, named if kind is Kind.EVENT else None, target)


def kind_of(types: set[str]) -> Kind:
    """Return the kind of a request that says by its events alone what it is."""
    if not types:
        return Kind.INTERACT
    return Kind.SESSION if START in types else Kind.DOWNLOADED if DOWNLOADED in types else Kind.EVENT


def is_meant(target: str) -> bool:
    return _MEANT.match(path_of(target)) is not None


def is_body(value: object) -> bool:
    """Return whether a JSON value has a media event."""
    return bool(items_in(value))


def has_event(body: bytes) -> bool:
    return f'"{PREFIX}'.encode() in body or b"mediaCollection" in body


def session_issued(body: bytes) -> str | None:
    """Return the id in `media-analytics:new-session`, in an answer that may be streamed."""
    handles = _answer(body).get("handle")
    for handle in handles if isinstance(handles, list) else ():
        if isinstance(handle, dict) and handle.get("type") == "media-analytics:new-session":
            payload = handle.get("payload")
            first = payload[0] if isinstance(payload, list) and payload else None
            named = first.get("sessionId") if isinstance(first, dict) else None
            return named if isinstance(named, str) and named else None
    return None


def unreadable(body: bytes) -> str | None:
    """Return why no client finds a session in the answer to a start; None where nobody wrote down its body."""
    if not body or session_issued(body) is not None:
        return None
    return "without media-analytics:new-session, which names the session"


def error_message(body: bytes) -> str:
    """Return what a problem document says, or the first error that is embedded in an answer."""
    value = _answer(body)
    errors = value.get("errors")
    problem = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else value
    report = problem.get("report")
    listed = report.get("details") if isinstance(report, dict) else None
    if isinstance(listed, list):
        told = (f"{one.get('name')}: {one.get('reason')}" for one in listed if isinstance(one, dict))
        return "; ".join(told)
    return listed if isinstance(listed, str) else str(problem.get("detail") or problem.get("title") or "")


def readdressed(body: bytes, old: str, new: str) -> bytes:
    return body.replace(f'"{old}"'.encode(), f'"{new}"'.encode()) if old else body


def destination(body: object) -> tuple[Kind, str]:
    """Return the path of a body's event; one of a session goes to the region that a start's answer names."""
    items = items_in(body)
    word = items[0].event_type if items else routes.INTERACT
    known = word in (*routes.EVENT_TYPES, DOWNLOADED)
    path, kind = routes.path_for(word if known else routes.INTERACT), kind_of({item.event_type for item in items})
    if kind is Kind.EVENT:
        path = path.replace(routes.BASE, f"{routes.BASE}/{routes.DEFAULT_HINT}", 1)
    return kind, f"{path}?configId={NO_DATASTREAM}"


def timed(body: object, ts: int) -> object:
    """Return a body with the time `ts` in each event that has none."""
    if not isinstance(body, Mapping) or not isinstance(body.get("events"), list):
        return body
    return {**body, "events": [_timed_event(event, times.text_of(ts)) for event in body["events"]]}


def _timed_event(event: Any, text: str) -> Any:
    xdm = event.get("xdm") if isinstance(event, dict) else None
    if not isinstance(xdm, dict):
        return event
    parts = xdm.get("mediaDownloadedEvents")
    if isinstance(parts, list):
        inner = [{"mediaEventTimestamp": text, **part} if isinstance(part, dict) else part for part in parts]
        return {**event, "xdm": {**xdm, "mediaDownloadedEvents": inner}}
    return {**event, "xdm": xdm if "timestamp" in xdm else {**xdm, "timestamp": text}}


def _decoded(body: bytes) -> Any:
    try:
        return json_decoding.decode(body)
    except json_decoding.BadJson:
        return None


def _answer(body: bytes) -> dict[str, Any]:
    """Return an answer's document; the first record of a streamed one."""
    text = body.removeprefix(b"\0").partition(b"\n\0")[0]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
