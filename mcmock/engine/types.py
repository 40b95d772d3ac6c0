"""The engine's own nouns, and what a verdict means for the outcome. It takes no state to answer here."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from mcmock.core.model import (
    COUNTED_KINDS,
    FaultHit,
    Finding,
    Kind,
    Outcome,
    Request,
    Response,
    Step,
    Verdict,
)
from mcmock.core.tables import short_key
from mcmock.protocols.base import ApiProtocol, ParsedRequest

DEFAULT_SCOPE = "default"

MARK_LENGTH = 12
"""Characters at the end of a session id that say which named scope issued it."""

REJECTED_BY_SESSION = (Verdict.UNKNOWN, Verdict.GONE)

# What a verdict means for the outcome; that of the accepted ones takes the session to know.
OUTCOMES = {
    Verdict.MALFORMED: Outcome.BAD,
    Verdict.UNKNOWN: Outcome.BAD,
    Verdict.GONE: Outcome.BAD,
    Verdict.FAULTED: Outcome.FAULTED,
    Verdict.NO_ROUTE: Outcome.OTHER,
    Verdict.BROKEN: Outcome.OTHER,
}

# The outcomes an exchange may have, once it is known what its verdict alone decides.
POSSIBLE_OUTCOMES: dict[Outcome | None, tuple[Outcome, ...]] = {
    None: (Outcome.GOOD, Outcome.IGNORED),
    **{outcome: (outcome,) for outcome in Outcome},
}


class Summary(NamedTuple):
    """The counts a test asks for first. `total` is all that is in the log; the outcomes add up to it.

    `forgotten` are sessions that are remembered no more, because there were more than MAX_SESSIONS.
    """

    total: int
    good: int
    bad: int
    ignored: int
    faulted: int
    other: int
    evicted: int
    sessions: int
    broken: int
    forgotten: int = 0


class LogSize(NamedTuple):
    """Requests in the log, and what they weigh in bytes."""

    requests: int
    bytes: int


class Call(NamedTuple):
    """A request on its way through the engine: when it arrived, whose API it is for, and what it says."""

    request: Request
    now: float
    protocol: ApiProtocol
    parsed: ParsedRequest

    def respond(self, verdict: Verdict, session_id: str | None = None, reason: str = "") -> Response:
        return self.protocol.respond(verdict, self.parsed, self.request, self.now, session_id, reason)

    @property
    def content(self) -> str:
        """What stands for a session that is not open yet: what is watched; for other requests, their target."""
        if self.parsed.kind in (Kind.SESSION, Kind.DOWNLOADED) and self.parsed.body:
            return short_key(self.protocol.content_of(self.parsed))
        return short_key(self.request.target)


class Decision(NamedTuple):
    """What was decided about a request, and what is to be done about its answer."""

    verdict: Verdict
    response: Response
    session_id: str | None = None
    findings: tuple[Finding, ...] = ()
    after_end: bool = False
    fault: FaultHit | None = None
    steps: tuple[Step, ...] = ()
    hold: int | None = None


def mark(scope: str) -> str:
    """Return the end of the session ids that a named scope issues, by which such an id finds its scope."""
    return hashlib.sha256(f"scope {scope}".encode("utf-8", "surrogatepass")).hexdigest()[:MARK_LENGTH]


def outcome_by_verdict(verdict: Verdict, met_before: bool) -> Outcome | None:
    """Return the outcome that goes with a verdict; `met_before` says that a fault fired before the request was processed."""
    settled = OUTCOMES.get(verdict)
    return Outcome.FAULTED if settled is Outcome.BAD and met_before and verdict in REJECTED_BY_SESSION else settled


def outcome_on_arrival(kind: Kind, verdict: Verdict, met_before: bool) -> Outcome:
    """Return the outcome of a request on its arrival: what may yet turn out to be ignored is good."""
    settled = outcome_by_verdict(verdict, met_before)
    return settled or (Outcome.GOOD if kind in COUNTED_KINDS else Outcome.OTHER)
