"""The requests of the API that are known by their form: what the fast path may ask beside `MediaCollection` itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mcmock.core.http import header
from mcmock.core.model import Kind, Mode, RawHeaders, Response
from mcmock.protocols.base import KnownForms, KnownLine, RecalledEvent
from mcmock.protocols.media_collection import routes
from mcmock.protocols.media_collection.responses import Answers
from mcmock.protocols.media_collection.templates import Templates

# What a method makes a request of the sessions, and of a session's events.
_KINDS: Final = {"POST": (Kind.SESSION, Kind.EVENT), "OPTIONS": (Kind.PREFLIGHT, Kind.PREFLIGHT)}


class MediaCollectionForms(KnownForms):
    """`templates` are what is known of bodies, by the kind of their request and the mode."""

    targets = routes.FAST_PATH

    def __init__(self, answers: Answers) -> None:
        self._answers, self.accepted = answers, answers.accepted_each(True)
        self.templates = {(kind, mode): Templates(mode) for kind in (Kind.EVENT, Kind.SESSION) for mode in Mode}

    def line(self, method: str, target: str) -> KnownLine | None:
        of_sessions, of_events = _KINDS[method]
        if target == routes.SESSIONS:
            return KnownLine(of_sessions)
        session_id = routes.session_of_event("POST", target)
        return KnownLine(of_events, session_id) if session_id is not None else None

    def is_usual(self, headers: RawHeaders) -> bool:
        return is_json(header(headers, b"content-type"))

    def recalls(self, kind: Kind, mode: Mode) -> Callable[[bytes], RecalledEvent | None]:
        return self.templates[kind, mode].recall

    def created(self, now: float, session_id: str) -> Response:
        return self._answers.created(session_id, now, True)

    def preflighted(self, headers: RawHeaders) -> Callable[[float], Response]:
        return self._answers.preflight_each(True, private_network=asks_for_private(headers))


def is_json(content_type: bytes | None) -> bool:
    """Return whether a Content-Type is the one that the API asks for."""
    return content_type is not None and content_type[:16].lower() == b"application/json"


def asks_for_private(headers: RawHeaders) -> bool:
    """Return whether a preflight asks if a public page may reach an address of a private network."""
    asked = header(headers, b"access-control-request-private-network")
    return asked is not None and asked.strip().lower() == b"true"
