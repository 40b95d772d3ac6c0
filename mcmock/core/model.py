"""The nouns of mcmock: what a request is, what was decided about it, what was found in it.

Everything here is a frozen value and knows nothing of sockets, files or time. The rest of the core is functions from
these values to these values; the shells turn bytes into a `Request` and a `Response` back into bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from mcmock.core import json_decoding
from mcmock.core.events import Event, EventFields, EventReader

RawHeaders = tuple[tuple[bytes, bytes], ...]
"""Header lines as they stood on the wire, in their order."""

Headers = tuple[tuple[str, str], ...]
"""The same, decoded (latin-1, so that every byte survives)."""


class Kind(StrEnum):
    """Which door of the API a request knocked at."""

    SESSION = "session"
    EVENT = "event"
    DOWNLOADED = "downloaded"
    INTERACT = "interact"
    SCHEMA = "schema"
    PREFLIGHT = "preflight"
    OTHER = "other"


COUNTED_KINDS = (Kind.SESSION, Kind.EVENT, Kind.DOWNLOADED)
"""The kinds of request that Analytics counts, if they are taken."""


class Verdict(StrEnum):
    """What was decided on arrival. It fixes the status and never changes afterwards."""

    CREATED = "created"  # 201: a session, live or downloaded
    ACCEPTED = "accepted"  # 204, or 200 for schemas and preflights
    MALFORMED = "malformed"  # 400, 413, 415: the body is not what the schema asks for
    UNKNOWN = "unknown"  # 404: a session id that was never issued
    GONE = "gone"  # 410: a session that ended or timed out
    NO_ROUTE = "no_route"  # 404, 405: no such path or method
    FAULTED = "faulted"  # a fault answered before the request was looked at
    BROKEN = "broken"  # 500: a bug of mcmock's own


TAKEN = (Verdict.CREATED, Verdict.ACCEPTED)
"""The verdicts of a request that was taken in."""


class Outcome(StrEnum):
    """The first question of a test: was it counted?"""

    GOOD = "good"
    BAD = "bad"
    IGNORED = "ignored"
    FAULTED = "faulted"
    OTHER = "other"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Delivery(StrEnum):
    """What became of the answer. Settled after the decision, so it is the one late field of an Exchange."""

    PENDING = "pending"
    SENT = "sent"
    ABORTED = "aborted"
    CLIENT_GONE = "client_gone"


class Mode(StrEnum):
    """How strictly bodies are judged: the columns of the conflict table, docs/fidelity.md."""

    DEFAULT = "default"
    STRICT = "strict"
    LOOSE = "loose"


class Refusal(NamedTuple):
    """Why the HTTP layer could not take a request: the rule it breaks, the status it earns, a sentence for the client."""

    rule: str
    status: int
    message: str


class Request(NamedTuple):
    """One HTTP request as it arrived.

    `target` is the request target exactly as sent (path and query, or an absolute URL). `host` and `scheme` are what the
    client used to reach us. `complete` is false when the client went away before its body ended. `refusal` is set when the
    HTTP layer itself could not take the request; the other fields then hold what could be saved.
    """

    method: str
    target: str
    headers: RawHeaders
    body: bytes
    host: str = "localhost"
    scheme: str = "http"
    keep_alive: bool = True
    complete: bool = True
    refusal: Refusal | None = None


def header_text(headers: Headers) -> str:
    """Return header lines as one text, in the form that they have on the wire; `headers_from` reads it back."""
    return "\r\n".join([f"{name}: {value}" for name, value in headers])


@lru_cache(128)
def headers_from(text: str) -> Headers:
    """Return the header lines of such a text."""
    parts = [line.partition(": ") for line in text.split("\r\n")] if text else []
    return tuple([(name, value) for name, _, value in parts])


class Response(NamedTuple):
    """An answer: its header lines as `header_text` has them, and `raw`, all of it exactly as it goes over the wire.

    They are one text because the log keeps them: the garbage collector forgets a log entry that holds nothing but atoms.
    """

    status: int
    header_text: str
    body: bytes
    raw: bytes

    @property
    def headers(self) -> Headers:
        """The header lines, in their order."""
        return headers_from(self.header_text)


class Finding(NamedTuple):
    """One thing worth knowing about a request or a session. `rule` is a key of `mcmock.core.findings.RULES`."""

    rule: str
    severity: Severity
    path: str  # JSON path in the body ("$.playerTime.ts"), or "" for the request or session as a whole
    message: str
    source: str


class FaultHit(NamedTuple):
    """Which fault met a request: the rule's name and effect, the number drawn for it, and on which side it fired."""

    rule: str
    effect: str
    side: str  # "before": never processed; "after": counted, the answer lost or changed
    draw: float | None


class Send(NamedTuple):
    """Write these bytes."""

    raw: bytes


class Drip(NamedTuple):
    """Write these bytes slowly."""

    raw: bytes
    bytes_per_second: float


class Wait(NamedTuple):
    """Do nothing for so many seconds of the emulator's clock; None is until the client or a reset ends it."""

    seconds: float | None


class Close(NamedTuple):
    """Close the connection in order (FIN)."""


class Reset(NamedTuple):
    """Break the connection (RST)."""


Step = Send | Drip | Wait | Close | Reset


class Answer(NamedTuple):
    """What `Emulator.handle` decided, for a shell to perform: the steps in their order, then `settle(seq, …)`.

    `steps` is empty in the plain case, which is to send `response.raw` and keep the connection as the request asked.
    `hold` is the number of the fault that asks for the steps, and `at` the moment, by the emulator's clock, that their
    waiting counts from. `kind`, `verdict` and `fault` are those of the log's entry.
    """

    seq: int
    response: Response
    steps: tuple[Step, ...] = ()
    hold: int | None = None
    at: float = 0.0
    kind: Kind = Kind.OTHER
    verdict: Verdict = Verdict.BROKEN
    fault: FaultHit | None = None


@dataclass(frozen=True)
class Exchange(EventFields):
    """One request with everything that was decided about it; the log is a sequence of these.

    `at` is in seconds since the epoch by the emulator's clock, `seq` counts from 1 and never repeats within a log.
    `protocol` is the API that it was sent to. `part` is the event's place in an array, where the exchange stands for one of
    its events.
    """

    seq: int
    at: float
    scope: str
    kind: Kind
    method: str
    path: str
    request_headers: Headers
    body_bytes: bytes
    event_type: str | None
    session_id: str | None
    verdict: Verdict
    outcome: Outcome
    status: int
    response_headers: Headers
    response_body: bytes
    findings: tuple[Finding, ...]
    fault: FaultHit | None
    delivery: Delivery
    protocol: EventReader = field(repr=False, compare=False)
    part: int | None = None

    @cached_property
    def body(self) -> Any:
        """The parsed JSON body, or None where it is not JSON."""
        try:
            return json_decoding.decode(self.body_bytes)
        except json_decoding.BadJson:
            return None

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The events in its body, whether they were taken in or not."""
        return self._read_events() if self.kind in COUNTED_KINDS else ()

    def _read_events(self) -> tuple[Event, ...]:
        return self.protocol.events(self.body_bytes, self.seq, self.at, False, self.path)

    @cached_property
    def event(self) -> Event | None:  # type: ignore[override]
        """The one event that it stands for; None where there is none, or an array of them."""
        if self.part is not None:
            return self.events[self.part]
        is_whole = self.kind is Kind.DOWNLOADED or isinstance(self.body, list)
        return self.events[0] if len(self.events) == 1 and not is_whole else None
