"""The life of a session, as one table. It knows no HTTP and no clock: time is an argument, and a Session is a value.

Rules of this file:

1. A session changes only by `take` and `close`; both return a new value. What comes after the end and is taken all the
   same changes nothing.
2. Timeouts fire when somebody looks: `at(session, now)` is the session as it stands at that moment. Nothing ticks.
3. sessionComplete is an event like any other: it leaves the session open (events/session/session-complete).
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from mcmock.core.model import Verdict

IDLE_AFTER = 600.0
"""Seconds without any event after which the service closes a session (timeout conditions page)."""

STALLED_AFTER = 1800.0
"""Seconds without a change of the playhead after which it does so, pings or not (same page)."""


OVERTAKEN_WITHIN = 5.0
"""Seconds after sessionEnd in which what happened before it is still taken: the reordering window."""

CLOSING = frozenset(
    {"adComplete", "adSkip", "adBreakComplete", "chapterComplete", "chapterSkip", "stateEnd", "sessionComplete"}
)
"""What SDKs send with sessionEnd in one batch, with one `ts`, in parallel."""


class Phase(StrEnum):
    OPEN = "open"
    ENDED = "ended"  # by sessionEnd, or delivered whole as downloaded content
    IDLE = "idle"  # ten minutes without an event
    STALLED = "stalled"  # thirty minutes without playhead movement
    EXPIRED = "expired"  # by hand or by a fault
    FORGOTTEN = "forgotten"  # by hand or by a fault: as if it had never been issued


# What an event to a session in this phase is answered; a session id never issued is UNKNOWN, too.
VERDICTS: dict[Phase, Verdict] = {
    Phase.OPEN: Verdict.ACCEPTED,
    Phase.ENDED: Verdict.GONE,
    Phase.IDLE: Verdict.GONE,
    Phase.STALLED: Verdict.GONE,
    Phase.EXPIRED: Verdict.GONE,
    Phase.FORGOTTEN: Verdict.UNKNOWN,
}


class Session(NamedTuple):
    """A session's state; times in seconds by the emulator's clock, `playhead` in seconds of content."""

    id: str
    opened_at: float
    touched_at: float  # the last event
    moved_at: float  # the last event with another playhead than the one before
    playhead: float
    phase: Phase = Phase.OPEN
    closed_at: float | None = None
    downloaded: bool = False
    end_ts: int | None = None  # the player's own time of sessionEnd, in milliseconds


def open_session(session_id: str, playhead: float, now: float) -> Session:
    return Session(session_id, now, now, now, playhead)


def downloaded_session(session_id: str, playhead: float, now: float) -> Session:
    """Return a session that arrived whole: closed as soon as it is known."""
    return Session(session_id, now, now, now, playhead, Phase.ENDED, now, True)


def at(session: Session, now: float) -> Session:
    """Return the session as it stands at `now`: itself, or closed by the timeout that came first."""
    if session.phase is not Phase.OPEN or is_open_at(session, now):
        return session
    idle, stalled = session.touched_at + IDLE_AFTER, session.moved_at + STALLED_AFTER
    if idle <= stalled:
        return close(session, Phase.IDLE, idle)
    return close(session, Phase.STALLED, stalled)


def is_open_at(session: Session, now: float) -> bool:
    """Return whether a session is open, and has not timed out by `now`."""
    return (
        session.phase is Phase.OPEN and now < session.touched_at + IDLE_AFTER and now < session.moved_at + STALLED_AFTER
    )


def take(session: Session, event_type: str, playhead: float, now: float, ts: int | None = None) -> Session:
    """Return the open session after one more event; `ts` is the player's own time of it, in milliseconds."""
    session_id, opened_at, _, moved_at, before, _, _, _, _ = session  # faster than by their names
    if playhead != before:
        moved_at = now
    if event_type == "sessionEnd":
        return Session(session_id, opened_at, now, moved_at, playhead, Phase.ENDED, now, end_ts=ts)
    return _new(Session, (session_id, opened_at, now, moved_at, playhead, Phase.OPEN, None, False, None))


_new = tuple.__new__  # a third of the price of Session(…), on the way of every event


def was_overtaken(session: Session, event_type: str, ts: int | None, now: float) -> bool:
    """Return whether an event happened before the sessionEnd that reached the service first."""
    if session.phase is not Phase.ENDED or session.end_ts is None or session.closed_at is None or ts is None:
        return False
    if now - session.closed_at > OVERTAKEN_WITHIN or event_type == "sessionEnd":
        return False
    return ts < session.end_ts or (ts == session.end_ts and event_type in CLOSING)


def ends_again(session: Session, event_type: str) -> bool:
    """Return whether this is a sessionEnd for a session that its player ended before, or left until it timed out."""
    closed = session.phase in (Phase.ENDED, Phase.IDLE, Phase.STALLED) and not session.downloaded
    return closed and event_type == "sessionEnd"


def close(session: Session, phase: Phase, now: float) -> Session:
    """Return the session put into a closed `phase`. One that is closed stays as it was, but can still be forgotten."""
    if session.phase is not Phase.OPEN and phase is not Phase.FORGOTTEN:
        return session
    return session._replace(phase=phase, closed_at=now)
