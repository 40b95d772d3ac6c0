"""Every response of the API, as tables: the header lines of each status, and their order.

`Answers` turns a decision into a Response with its exact bytes. Header sets and their order are those printed in the
documentation (reference pages, quick start); those of errors are assumed: the schema page's five lines, then the four a
browser needs to read them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from mcmock.core.http import JSON, Dates, render
from mcmock.core.model import Headers, Response
from mcmock.protocols.base import DEFAULT_CORS_HEADERS
from mcmock.protocols.media_collection.routes import location

SERVER = "nginx/1.13.5"

ALLOW_METHODS = "OPTIONS,POST,PUT"
ALLOW_PRIVATE_NETWORK = "Access-Control-Allow-Private-Network"
CORS_LINES = (
    "Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
    "Access-Control-Expose-Headers",
)  # fmt: skip

# The order of the lines in each kind of answer; a line whose value is None is left out.
_LINES = {
    "created": ("Server", "Date", "Content-Type", "Content-Length", "Connection", "Location", "CORS"),
    "accepted": ("Server", "Date", "Connection", "CORS"),
    "schema": ("Server", "Date", "Content-Type", "Content-Length", "Connection"),
    "error": ("Server", "Date", "Content-Type", "Content-Length", "Connection", "Allow", "CORS"),
}


_PLACE = "/location"


class _Created(NamedTuple):
    """The 201 of one second, in the two halves between which the location stands."""

    second: int
    lines: tuple[str, str]
    raw: tuple[bytes, bytes]

    @classmethod
    def of(cls, second: int, response: Response) -> _Created:
        above, _, below = response.header_text.partition(_PLACE)
        before, _, behind = response.raw.partition(_PLACE.encode())
        return cls(second, (above, below), (before, behind))

    def at(self, place: str) -> Response:
        (above, below), (before, behind) = self.lines, self.raw
        return Response(201, above + place + below, b"", before + place.encode() + behind)


class EachSecond:
    """An answer that is the same for a whole second: called with the time, it returns what `build` made in that second."""

    __slots__ = ("_build", "_response", "_second")

    def __init__(self, build: Callable[[float], Response]) -> None:
        self._build, self._response = build, build(0)
        self._second = 0

    def __call__(self, now: float) -> Response:
        second = int(now)
        if second != self._second:
            self._response, self._second = self._build(now), second
        return self._response


class Answers:
    """Builds every answer. The options widen the preflight beyond what is documented (C-47)."""

    def __init__(
        self, allow_headers: str = DEFAULT_CORS_HEADERS, max_age: int | None = None, private_network: bool = False
    ) -> None:
        self._cors: Headers = tuple(zip(CORS_LINES, ("*", ALLOW_METHODS, allow_headers, "Location"), strict=True))
        self._max_age: Headers = () if max_age is None else (("Access-Control-Max-Age", str(max_age)),)
        self._private_network: Headers = ((ALLOW_PRIVATE_NETWORK, "true"),) if private_network else ()
        self._date = Dates()
        self._created: _Created | None = None  # the latest 201
        self._accepted: dict[tuple[bool, Headers], EachSecond] = {}
        """The 204 of a connection that stays, or goes, with these lines beside the usual ones."""

    def accepted(self, now: float, keep_alive: bool = True) -> Response:
        """204, the same bytes for a whole second."""
        return self.accepted_each(keep_alive)(now)

    def accepted_each(self, keep_alive: bool, more: Headers = ()) -> EachSecond:
        """Return what answers 204 on a connection that stays, or goes, with `more` header lines."""
        known = self._accepted.get((keep_alive, more))
        if known is None:
            build = partial(self._build, "accepted", 204, keep_alive=keep_alive, more=more)
            known = self._accepted[keep_alive, more] = EachSecond(build)
        return known

    def preflight(self, now: float, keep_alive: bool, *, private_network: bool = False) -> Response:
        """A preflight is answered as an event is (assumed); `max_age` tells a browser how long to remember it.

        `private_network` says that it asks whether a public page may reach this address.
        """
        return self.preflight_each(keep_alive, private_network=private_network)(now)

    def preflight_each(self, keep_alive: bool, *, private_network: bool) -> EachSecond:
        """Return what answers such preflights."""
        granted = self._private_network if private_network else ()
        return self.accepted_each(keep_alive, (*self._max_age, *granted))

    def created(self, session_id: str, now: float, keep_alive: bool) -> Response:
        place = location(session_id)
        if not keep_alive:
            return self._build("created", 201, now, False, location=place)
        if self._created is None or self._created.second != int(now):
            self._created = _Created.of(int(now), self._build("created", 201, now, True, location=_PLACE))
        return self._created.at(place)

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
