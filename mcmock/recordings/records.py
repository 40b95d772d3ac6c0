"""A request as some recorder saw it, and where it leads: which API it is to, of what kind, which session it names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

from mcmock.core import http, json_decoding
from mcmock.core.events import Event
from mcmock.core.model import COUNTED_KINDS, TAKEN, Exchange, Headers, Kind, Mode, Request
from mcmock.protocols.base import ApiProtocol
from mcmock.protocols.registry import known_protocols

Hashed = TypeVar("Hashed")

MAX_POOLED: Final = 20_000
"""Values that a Pool looks among for an equal one."""

STARTS: Final = (Kind.SESSION, Kind.DOWNLOADED)


class Recorded(NamedTuple):
    """A request as some recorder saw it, and what it was answered. `at` is in seconds since the epoch.

    `status` is None where the recording has no answer: the connection failed, or nobody wrote it down. `place` is where
    it stands in the file. `taken`, `session_id` and `faulted` are what only mcmock's own recordings say: whether the request
    was taken (None: unknown), the session it belongs to, and whether it met a fault. `body_missing` says why what was sent is
    not in the recording, "" where it is; `failure` what the browser said of a request that got no answer. `unaddressed` says
    that nobody wrote down the path: it is where such a body belongs.
    """

    at: float
    request: Request
    status: int | None
    response_headers: Headers
    response_body: bytes
    place: str = ""
    taken: bool | None = None
    session_id: str | None = None
    faulted: bool = False
    body_missing: str = ""
    failure: str = ""
    unaddressed: bool = False

    @property
    def was_taken(self) -> bool:
        """Whether the recorded service took it; what got no answer is believed to have arrived, unless `taken` says otherwise."""
        if self.taken is not None:
            return self.taken
        return self.status is None or 200 <= self.status < 300


def recorded(exchange: Exchange) -> Recorded:
    """Return the exchange without mcmock's judgement: what a replay sends again."""
    return Recorded(
        exchange.at,
        request_of(exchange.method, exchange.path, exchange.request_headers, exchange.body_bytes),
        exchange.status,
        exchange.response_headers,
        exchange.response_body,
        f"seq {exchange.seq}",
        exchange.verdict in TAKEN,
        exchange.session_id,
        exchange.fault is not None,
    )


def request_of(method: str, target: str, headers: Headers, body: bytes) -> Request:
    """Return a request; its host is the one that the headers or the target name."""
    raw = tuple((name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers)
    host = http.header(raw, b"host") or urlsplit(target).netloc.encode("latin-1", "replace") or b"localhost"
    return Request(method, target, raw, body, host.decode("latin-1"))


class Pool:
    """Keeps one of what many requests of a recording have alike: header lines, hosts, targets, session ids."""

    def __init__(self) -> None:
        self._kept: dict[Any, Any] = {}

    def one(self, value: Hashed) -> Hashed:
        """Return the first one that was equal."""
        if len(self._kept) >= MAX_POOLED:
            self._kept.clear()
        return cast(Hashed, self._kept.setdefault(value, value))

    def lines(self, pairs: tuple[Hashed, ...]) -> tuple[Hashed, ...]:
        """Return header lines, each of which is the first one that was equal."""
        return self._kept.get(pairs) or self.one(tuple(map(self.one, pairs)))

    def packed(self, record: Recorded) -> Recorded:
        """Return an equal record that holds no more than is its own."""
        request = record.request
        return record._replace(
            request=request._replace(
                target=self.one(request.target), headers=self.lines(request.headers), host=self.one(request.host)
            ),
            response_headers=self.lines(record.response_headers),
        )


class Located:
    """A recorded request, and the API that it is to. `request` is the same for a server of ours."""

    __slots__ = ("kind", "named", "protocol", "record", "request")

    def __init__(self, record: Recorded, protocols: Iterable[ApiProtocol] = ()) -> None:
        found = [(one, one.locate(record.request)) for one in protocols or known_protocols()]
        self.record = record
        known = (pair for pair in found if pair[1].kind is not Kind.OTHER)
        meant = (pair for pair in found if pair[0].is_meant(pair[1].target))
        self.protocol, address = next(known, None) or next(meant, found[0])
        self.kind, self.named = address.kind, address.session_id
        same = address.target == record.request.target
        self.request = record.request if same else record.request._replace(target=address.target)

    def pack(self, pool: Pool) -> None:
        """Hold no more than is its own."""
        same = self.request is self.record.request
        self.record = pool.packed(self.record)
        target = pool.one(self.request.target)
        self.request = self.record.request if same else self.record.request._replace(target=target)
        self.named = pool.one(self.named)

    def of_session(self, session_id: str) -> Located:
        """Return the same request, to another session."""
        record, request = self.record, self.request
        target, body = self.protocol.readdressed(request.target, request.body, self.named or "", session_id)
        return Located(record._replace(request=request._replace(target=target, body=body)), [self.protocol])

    @property
    def is_counted(self) -> bool:
        return self.kind in COUNTED_KINDS

    @property
    def was_taken(self) -> bool:
        """Whether the recorded service took it: an answer of success may refuse a start all the same."""
        record = self.record
        if record.taken is not None or not record.was_taken or record.status is None or not self.is_start:
            return record.was_taken
        return not self.protocol.refuses_within(record.status, record.response_body)

    @property
    def is_start(self) -> bool:
        return self.kind in STARTS

    @property
    def is_meant(self) -> bool:
        """Whether it is to this API, or was meant to be."""
        return self.kind is not Kind.OTHER or self.protocol.is_meant(self.request.target)

    @property
    def has_event(self) -> bool:
        """Whether it is an event, or looks like one."""
        if self.is_astray:
            return self.protocol.is_body(self.body)
        return self.kind is Kind.EVENT or (self.is_start and self.protocol.has_event(self.record.request.body))

    @property
    def is_astray(self) -> bool:
        """Whether it was meant for this API, but its address is wrong."""
        return any(found.rule == "misdirected" for found in self.protocol.read(self.request, Mode.LOOSE).findings)

    @property
    def body(self) -> object:
        """The parsed body, None where it is not JSON."""
        try:
            return json_decoding.decode(self.record.request.body)
        except json_decoding.BadJson:
            return None

    @property
    def issued(self) -> str | None:
        """The session id that its answer gave out, if it began a session."""
        if not self.is_start or not self.was_taken:
            return None
        return self.record.session_id or self.protocol.session_issued(
            self.record.response_headers, self.record.response_body
        )

    @property
    def events(self) -> tuple[Event, ...]:
        """The events in its body; they are read anew each time."""
        return self.protocol.events(self.record.request.body, 0, self.record.at) if self.is_counted else ()

    @property
    def event_type(self) -> str | None:
        return self.protocol.read(self.request, Mode.LOOSE).event_type
