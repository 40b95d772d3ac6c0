"""Every response of the API: its header lines in the order of the recorded answer, and what its body holds.

The recorded lines are those of one sessionStart (docs/fidelity.md). Beside them stand what HTTP/1.1 needs (Content-Length,
Connection) and what a browser needs, whose page is of another origin and sends credentials.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from itertools import count
from typing import Any, Final

from mcmock.core.http import Dates, render
from mcmock.core.model import Headers, Response
from mcmock.protocols.media_edge.routes import DEFAULT_HINT

KONDUCTOR: Final = "23.3.2:367bc7dc"
REMAINING: Final = "599"
BODY: Final = "application/json;charset=utf-8"
PROBLEM: Final = "application/problem+json"
MEDIA_PROBLEM: Final = "application/json;charset=utf-8"

ALLOW_METHODS: Final = "OPTIONS,POST"
EXPOSED: Final = "Retry-After, X-Adobe-Edge, X-Request-ID"
CORS_LINES: Final = ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers")

REGIONS: Final[Mapping[str, int]] = {"or2": 9, "va6": 7, "irl1": 6, "ind1": 12, "jpn3": 11, "sgp3": 3, "aus3": 8}
"""The regions of the Edge Network by their location hint, and the number that each has in Audience Manager."""

TARGET: Final[Mapping[str, str]] = {"va6": "34", "irl1": "37"}
"""The regions whose number in Target is known."""

HINT_SECONDS: Final = 1_800
RECORD: Final = (b"\0", b"\n")
"""What stands before and behind each record of a streamed answer."""

# A browser keeps it for the host that sent it, and that host is `localhost` here: 0 makes it keep nothing.
_LINES: Final = (
    ("strict-transport-security", "max-age=0; includeSubDomains"),
    ("cache-control", "no-cache, no-store, max-age=0, no-transform"),
    ("x-xss-protection", "1; mode=block"),
    ("x-content-type-options", "nosniff"),
)


class Answers:
    """Builds every answer. The options widen the preflight, as they do for the first API."""

    def __init__(self, allow_headers: str, max_age: int | None = None, private_network: bool = False) -> None:
        self._allow_headers = allow_headers
        self._max_age: Headers = () if max_age is None else (("Access-Control-Max-Age", str(max_age)),)
        self._private_network: Headers = (("Access-Control-Allow-Private-Network", "true"),) if private_network else ()
        self._date = Dates()
        self._number = count(1)

    def new_id(self, now: float) -> str:
        """Return an id for a request, in the form of a UUID of version 4."""
        drawn = hashlib.md5(f"{now}/{next(self._number)}".encode(), usedforsecurity=False).hexdigest()
        return f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-{'89ab'[int(drawn[16], 16) % 4]}{drawn[17:20]}-{drawn[20:]}"

    def empty(self, now: float, keep_alive: bool, origin: str | None, hint: str) -> Response:
        return self._build(204, now, keep_alive, origin, hint)

    def preflight(
        self, now: float, keep_alive: bool, origin: str | None, hint: str, *, private_network: bool = False
    ) -> Response:
        allowed = (
            ("Access-Control-Allow-Methods", ALLOW_METHODS),
            ("Access-Control-Allow-Headers", self._allow_headers),
        )
        granted = self._private_network if private_network else ()
        return self._build(204, now, keep_alive, origin, hint, more=(*allowed, *self._max_age, *granted))

    def handles(
        self, status: int, document: Mapping[str, Any], now: float, keep_alive: bool, origin: str | None, hint: str,
        *, streamed: bool = False,
    ) -> Response:  # fmt: skip
        """200, or 207 where it holds errors; `streamed` as a record, which is how the mobile SDKs ask for it."""
        body = compact(document)
        if streamed:
            body = RECORD[0] + body + RECORD[1]
        return self._build(status, now, keep_alive, origin, hint, body, BODY)

    def problem(
        self, document: Mapping[str, Any], now: float, keep_alive: bool, origin: str | None, hint: str,
        *, allow: str | None = None, head: bool = False,
    ) -> Response:  # fmt: skip
        of_media = str(document["type"]).rpartition("/")[2].startswith("va-edge")
        more: Headers = () if allow is None else (("Allow", allow),)
        kind = MEDIA_PROBLEM if of_media else PROBLEM
        return self._build(
            document["status"], now, keep_alive, origin, hint, compact(document), kind, more=more, head=head
        )

    def _build(
        self, status: int, now: float, keep_alive: bool, origin: str | None, hint: str, body: bytes = b"",
        content_type: str | None = None, *, more: Headers = (), head: bool = False,
    ) -> Response:  # fmt: skip
        lines: list[tuple[str, str]] = [
            ("x-request-id", self.new_id(now)),
            ("x-rate-limit-remaining", REMAINING),
            ("vary", "Origin"),
            ("date", self._date(now)),
            ("x-konductor", KONDUCTOR),
            ("x-adobe-edge", f"{hint.upper()};{REGIONS.get(hint, REGIONS[DEFAULT_HINT])}"),
            ("server", "jag"),
        ]
        if content_type is not None:
            lines += (("content-type", content_type), ("content-length", str(len(body))))
        lines += _LINES
        lines.append(("connection", "keep-alive" if keep_alive else "close"))
        if origin is not None:
            lines += zip(CORS_LINES, (origin, "true", EXPOSED), strict=True)
        return render(status, (*lines, *more), body, head=head)


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def new_session(session_id: str, event_index: int) -> dict[str, Any]:
    return {
        "payload": [{"sessionId": session_id}], "type": "media-analytics:new-session", "eventIndex": event_index,
    }  # fmt: skip


def identity_result(ecid: str) -> dict[str, Any]:
    return {"payload": [{"id": ecid, "namespace": {"code": "ECID"}}], "type": "identity:result"}


def location_hints(hint: str) -> dict[str, Any]:
    """Return the region that the next requests are to name in their path, and its numbers in Target and Audience Manager."""
    target = [("Target", TARGET[hint])] if hint in TARGET else []
    manager = [("AAM", str(REGIONS[hint]))] if hint in REGIONS else []
    given = [*target, *manager, ("EdgeNetwork", hint)]
    payload = [{"scope": scope, "hint": value, "ttlSeconds": HINT_SECONDS} for scope, value in given]
    return {"payload": payload, "type": "locationHint:result"}


def stored_state(cookies: Mapping[str, tuple[str, int]]) -> dict[str, Any]:
    """Return the cookies that the client is to keep: the value and the seconds of each."""
    payload = [{"key": key, "value": value, "maxAge": seconds} for key, (value, seconds) in cookies.items()]
    return {"payload": payload, "type": "state:store"}
