"""The Emulator's own nouns, and the small questions about them that take no state to answer."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, TypeVar

from mcmock.analytics import Close
from mcmock.core import json_decoding, sessions
from mcmock.core.match import Match
from mcmock.core.model import FaultHit, Finding, Kind, Outcome, Request, Response, Step, Verdict
from mcmock.core.sessions import Phase, Session
from mcmock.engine.log import Entry
from mcmock.faults.effects import BEFORE
from mcmock.faults.selection import Asked, Fired
from mcmock.protocols.media_collection import body as bodies
from mcmock.protocols.media_collection import wire

DEFAULT_LOG_BYTES = 64 * 1024 * 1024

DEFAULT_BODY_BYTES = 1024 * 1024

DEFAULT_SCOPE = "default"

MOST_SESSIONS = 100_000
"""Sessions remembered: some 50 MB. Beyond, closed ones that the log has no request of go, the oldest first, and are counted;
an event to one of them is answered 404, no longer 410."""

MOST_AT_ALL = 500_000
"""Sessions remembered, open ones and those in the log included: some 200 MB. Beyond, one goes for each that is opened: of two
that were opened before all others, the one that has been silent for longer."""

MOST_CONTENTS = 100_000
"""Contents of which it is remembered how often they were watched: 13 to 60 MB. Beyond, the oldest ones go, and what is new is
numbered as if it had been watched as often as any of those: no id is issued twice."""

MOST_JUDGED = 64 * 1024 * 1024
"""Bytes of what reports are made from beside JUDGED_OF_LOG times the log. Beyond, what can be read in the log again goes, then
the oldest, whose reports shrink."""

JUDGED_OF_LOG = 3
"""How many times as many bytes as in the log an event has in its session's report."""

TURN = 0.002
"""Seconds that a question about the whole log takes before others get their turn."""

LONGEST_CONTENT = 128
"""Characters that stand for what is watched, or for a request; more are stood for by their hash."""

MARK_LENGTH = 12
"""Characters at the end of a session id that say which named scope issued it."""

AfterEnd = Literal["gone", "drop"]
"""What an event after sessionEnd is answered: 410, or a 204 that drops it in silence (C-20)."""

# What a verdict means for the outcome; that of the accepted ones takes the session to know.
OUTCOMES = {
    Verdict.MALFORMED: Outcome.BAD,
    Verdict.UNKNOWN: Outcome.BAD,
    Verdict.GONE: Outcome.BAD,
    Verdict.FAULTED: Outcome.FAULTED,
    Verdict.NO_ROUTE: Outcome.OTHER,
    Verdict.BROKEN: Outcome.OTHER,
}

ACCEPTED = Verdict.ACCEPTED

TURNED_AWAY = (Verdict.UNKNOWN, Verdict.GONE)

# The outcomes an exchange may have, once it is known what its verdict alone decides.
POSSIBLE: dict[Outcome | None, tuple[Outcome, ...]] = {
    None: (Outcome.GOOD, Outcome.IGNORED),
    **{outcome: (outcome,) for outcome in Outcome},
}

COUNTED = (Kind.SESSION, Kind.EVENT, Kind.DOWNLOADED)

NEIGHBOURS = 8
"""Sessions of one view that an empty one is compared with, on either side: players try to start one three times."""

MESSAGES = {
    Verdict.UNKNOWN: "There is no session {sid}.",
    Verdict.GONE: "Session {sid} takes no more events: {why}.",
}

WHY = {
    Phase.ENDED: "it was ended",
    Phase.IDLE: f"it had no event for {sessions.IDLE_AFTER / 60:.0f} minutes",
    Phase.STALLED: f"its playhead did not move for {sessions.STALLED_AFTER / 60:.0f} minutes",
    Phase.EXPIRED: "it has expired",
}

# What the faults that act on a session make of it.
STRIKES = {"expire_session": Phase.EXPIRED, "forget_session": Phase.FORGOTTEN}

# The params that tell what is watched, for the ids of sessions; no visitor: a browser may make up a new one each time.
CONTENT = ("media.id", "media.playerName", "media.channel", "media.contentType", "media.length")

Anything = TypeVar("Anything")


class Summary(NamedTuple):
    """The counts a test asks for first. `total` is all that is in the log; the outcomes add up to it.

    `forgotten` are sessions that are remembered no more, because there were more than MOST_SESSIONS.
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
    """A request on its way through `handle`."""

    request: Request
    now: float
    route: wire.Route
    judged: bodies.Judged | None


class Decision(NamedTuple):
    verdict: Verdict
    response: Response
    session_id: str | None = None
    findings: tuple[Finding, ...] = ()
    after_end: bool = False
    fault: FaultHit | None = None
    steps: tuple[Step, ...] = ()
    hold: int | None = None


def mark(scope: str) -> str:
    """The end of the session ids that a named scope issues, by which such an id finds its scope."""
    return hashlib.sha256(f"scope {scope}".encode("utf-8", "surrogatepass")).hexdigest()[:MARK_LENGTH]


def settled_outcome(entry: Entry) -> Outcome | None:
    """The outcome that the verdict alone decides, or None where it takes the session to know."""
    settled = outcome_by_verdict(entry.verdict, entry.fault is not None and entry.fault.side == BEFORE)
    if settled is None and (entry.kind not in COUNTED or entry.session_id is None):
        return Outcome.OTHER
    return settled


def outcome_by_verdict(verdict: Verdict, met_before: bool) -> Outcome | None:
    """The outcome that goes with a verdict; `met_before` says that a fault fired before the request was processed."""
    settled = OUTCOMES.get(verdict)
    return Outcome.FAULTED if settled is Outcome.BAD and met_before and verdict in TURNED_AWAY else settled


def outcome_by(kind: Kind, verdict: Verdict, met_before: bool) -> Outcome:
    """The outcome of a request on its arrival: what may yet turn out to be ignored is good."""
    settled = outcome_by_verdict(verdict, met_before)
    return settled or (Outcome.GOOD if kind in COUNTED else Outcome.OTHER)


def may_match(match: Match | None, entry: Entry) -> bool:
    """Whether an entry is worth a closer look: what its columns alone rule out is."""
    return match is None or (match.prefilter(entry) and match.allows_outcome(POSSIBLE[settled_outcome(entry)]))


def content_of(call: Call) -> str:
    """What stands for a session that is not open yet: what is watched; for other requests, their target."""
    events = call.judged.events if call.judged is not None else ()
    if call.route.kind not in (Kind.SESSION, Kind.DOWNLOADED) or not events:
        return short(call.request.target)
    params = part_of(events[0], "params")
    return short("/".join([str(params.get(key)) for key in CONTENT]))


def short(text: str) -> str:
    """A text to remember: itself, or what stands for it if it is long."""
    return text if len(text) <= LONGEST_CONTENT else hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def turn(waiting: deque[str], every: Iterable[str]) -> list[str]:
    """The next two of those `waiting` to be looked at; when none are left, all begin anew."""
    if not waiting:
        waiting.extend(every)
    return [waiting.popleft() for _ in range(min(2, len(waiting)))]


def changed(decision: Decision, fired: Fired, asked: Asked) -> Decision:
    """The decision, with the answer that the fault makes of it."""
    rule = fired.armed.rule
    change = rule.row.act(rule.attributes, asked.scene, fired.dice)
    return decision._replace(response=change.response, steps=change.steps, fault=fired.hit, hold=fired.armed.serial)


def body_of(text: bytes) -> Any:
    try:
        return json_decoding.decode(text)
    except json_decoding.BadJson:
        return None


def playhead_of(event: dict[str, Any], otherwise: float) -> float:
    """The playhead of an accepted event; in loose mode anything may have been sent, even for playerTime."""
    time = event["playerTime"]
    value = time.get("playhead") if isinstance(time, dict) else None
    return value if type(value) in _NUMBERS else otherwise  # type: ignore[return-value]


_NUMBERS = (float, int)  # and not bool, which is an int to isinstance


def part_of(event: dict[str, Any], key: str) -> dict[str, Any]:
    part = event.get(key)
    return part if isinstance(part, dict) else {}


def close_of(session: Session | None) -> Close:
    """How the session stands; a live report goes up to the latest event."""
    if session is None:
        return Close("open", 0.0)
    return Close(str(session.phase), session.touched_at if session.closed_at is None else session.closed_at)
