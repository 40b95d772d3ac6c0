"""The seam: all that the rest of mcmock may ask of an emulated API.

A Protocol turns a request into a ParsedRequest, and what the engine decided into a Response; it says which events stored
bytes hold, and what a request tells of the scope it belongs to. It must not know sessions, faults or storage: whether a
session is open, and what its events come to, is decided elsewhere, the same way for every API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from mcmock.core.events import Event
from mcmock.core.model import Finding, Kind, Mode, Request, Response, Verdict


class Path(NamedTuple):
    """One path of an API: its template, the pattern that it matches, and the kind of request that each method makes."""

    template: str
    pattern: re.Pattern[str]
    methods: Mapping[str, Kind]


class Refused(NamedTuple):
    """Why a request is refused for what it is, whatever session it names: a verdict, a status and a sentence for the client.

    `allow` lists the methods of the path where the method is wrong; `keep_alive` is false where the connection must end.
    """

    verdict: Verdict
    status: int
    message: str
    allow: str | None = None
    keep_alive: bool = True


class ParsedRequest(NamedTuple):
    """What can be known of a request without knowing any session.

    `session_id` is the session it is for, if it names one. `event_type`, `playhead` (seconds) and `ts` (the player's own time
    in milliseconds) are those of its last event.
    `downloaded` says that it brings a session whole. `content` stands for what is watched, wherever a session is opened.
    `document` is what a request for a schema is answered. `body` is the protocol's own reading of the body: the engine
    hands it back and never looks inside.
    """

    kind: Kind
    session_id: str | None = None
    event_type: str | None = None
    playhead: float | None = None
    findings: tuple[Finding, ...] = ()
    refused: Refused | None = None
    downloaded: bool = False
    document: bytes = b""
    body: Any = None
    ts: int | None = None


class FastPath(NamedTuple):
    """The requests that the fast path may take: a pattern of the request line, and the length of all that it matches.

    The pattern's only group is the request target.
    """

    request_line: re.Pattern[bytes]
    length: int


class ApiProtocol(Protocol):
    """An emulated API."""

    name: str
    paths: Sequence[Path]
    event_types: Sequence[str]
    fast_path: FastPath | None

    def owns(self, target: str) -> bool:
        """Return whether a request target is one of this API's, or was meant to be."""
        ...

    def read(self, request: Request, mode: Mode) -> ParsedRequest:
        """Return what the request is, what was found in it, and why it is refused, if it is."""
        ...

    def respond(
        self, verdict: Verdict, parsed: ParsedRequest, request: Request, now: float, session_id: str | None, reason: str
    ) -> Response:
        """Return the response that tells the client what was decided; `now` is the emulator's time in seconds.

        `reason` says why a session takes no more events, or what broke.
        """
        ...

    def error(self, status: int, message: str, request: Request, now: float, *, keep_alive: bool = True) -> Response:
        """Return an error in the API's own form."""
        ...

    def content_of(self, parsed: ParsedRequest) -> str:
        """Return what stands for what is watched: the same text for each start of the same content."""
        ...

    def events(self, body: bytes, seq: int, at: float, after_end: bool = False) -> tuple[Event, ...]:
        """Return the events that an accepted body holds; `seq`, `at` and `after_end` are those of its log entry."""
        ...

    def session_named(self, request: Request) -> str | None:
        """Return the session id that the request names, if it can be one that was issued here."""
        ...

    def visitor(self, request: Request) -> Mapping[str, Any]:
        """Return the ids of the visitor, by param, if the request opens a session."""
        ...
