"""The loss ledger: what became of each request that a fault met, and what users would have lost.

A pure function over the log. Two requests are the same event when session, event type and `ts` are the same; two sessions
are the same viewing when visitor and content are. It knows no rules of faults: an exchange tells which one met it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from mcmock.core.events import VISITOR_KEYS
from mcmock.core.model import COUNTED_KINDS, TAKEN, Exchange, FaultHit, Kind
from mcmock.core.printable import printable

VIEWING: Final = (*VISITOR_KEYS, "media.id")
"""The params of sessionStart that tell who watches what."""


class Fate(StrEnum):
    """What became of a request that a fault met."""

    RETRIED = "retried"  # the same event came again
    MOVED = "moved"  # a new session of the same viewing received it
    DUPLICATED = "duplicated"  # it was counted, came again, and was counted again
    COUNTED = "counted"  # it was counted once; only its answer was lost or changed
    ORPHANED = "orphaned"  # a session was opened for it, and nobody ever used it: its viewing is lost
    LOST = "lost"  # it was counted nowhere


class Loss(NamedTuple):
    """One request that a fault met. `other` is the seq of the request that decided its fate, if there is one."""

    seq: int
    fault: FaultHit
    session_id: str | None
    event_type: str | None
    ts: int | None
    fate: Fate
    other: int | None = None


class Losses(NamedTuple):
    """The ledger, in the order of the log. `evicted` requests had left the log, and may be missing in it."""

    requests: tuple[Loss, ...]
    evicted: int = 0

    def of(self, fate: Fate | str) -> tuple[Loss, ...]:
        return tuple(one for one in self.requests if one.fate == fate)

    @property
    def faulted(self) -> int:
        return len(self.requests)

    @property
    def retried(self) -> int:
        return len(self.of(Fate.RETRIED))

    @property
    def moved(self) -> int:
        return len(self.of(Fate.MOVED))

    @property
    def duplicated(self) -> int:
        return len(self.of(Fate.DUPLICATED))

    @property
    def counted(self) -> int:
        return len(self.of(Fate.COUNTED))

    @property
    def orphaned(self) -> int:
        return len(self.of(Fate.ORPHANED))

    @property
    def lost(self) -> int:
        return len(self.of(Fate.LOST))

    def __str__(self) -> str:
        """`5 requests met a fault: 3 retried, 0 moved, 1 duplicated, 0 counted, 1 lost`, and a line for each lost one."""
        totals = ", ".join(f"{len(self.of(fate))} {fate}" for fate in Fate)
        lines = [f"{self.faulted} {'request' if self.faulted == 1 else 'requests'} met a fault: {totals}"]
        lines += [f"  {printable(_line(one))}" for one in self.requests if one.fate in (Fate.LOST, Fate.DUPLICATED)]
        return "\n".join(lines)


def _line(loss: Loss) -> str:
    session = f" of session {loss.session_id[:8]}" if loss.session_id else ""
    again = f", again as #{loss.other}" if loss.other else ""
    return (
        f"{loss.fate}: #{loss.seq} {loss.event_type or 'no event'}{session}, ts {loss.ts}, by {loss.fault.rule}{again}"
    )


class _Attempt(NamedTuple):
    """One time that an event was sent. `parts` is more than one event only for downloaded content."""

    seq: int
    kind: Kind
    session_id: str | None
    event_type: str | None
    ts: int | None
    counted: bool
    fault: FaultHit | None
    viewing: Hashable

    @property
    def event(self) -> Hashable:
        """What is the same when the event is sent again: a start has no session yet, but a viewing."""
        owner = self.viewing if self.kind is not Kind.EVENT else self.session_id
        return (self.kind, owner, self.event_type, self.ts)


def ledger(exchanges: Iterable[Exchange], evicted: int = 0) -> Losses:
    """What became of each request in `exchanges`, oldest first, that a fault met and that had something to count."""
    attempts = [_attempt(one) for one in exchanges if one.kind in COUNTED_KINDS]
    if not any(one.fault for one in attempts):
        return Losses((), evicted)
    book = _Book(attempts)
    return Losses(tuple(book.loss(one) for one in attempts if one.fault is not None), evicted)


class _Book:
    """The attempts, by what they were: the same event, the same viewing."""

    def __init__(self, attempts: Iterable[_Attempt]) -> None:
        self._same: dict[Hashable, list[_Attempt]] = defaultdict(list)
        self._viewing_of: dict[str | None, Hashable] = {}
        self._starts: dict[Hashable, list[_Attempt]] = defaultdict(list)
        self._received: dict[Hashable, list[_Attempt]] = defaultdict(list)
        self._alive: set[str | None] = set()  # sessions that received events
        self._opened: dict[str | None, int] = {}  # the seq of each session's start
        self._struck: dict[str | None, int] = {}  # the seq of the first request of each session that a fault met
        for one in attempts:
            self._enter(one)

    def _enter(self, one: _Attempt) -> None:
        self._same[one.event].append(one)
        if one.fault is not None:
            self._struck.setdefault(one.session_id, one.seq)
        if one.kind is not Kind.EVENT and one.counted:
            self._starts[one.viewing].append(one)
            self._viewing_of[one.session_id] = one.viewing
            self._opened[one.session_id] = one.seq
        if one.kind is Kind.EVENT and one.counted:
            self._received[one.event_type, one.ts].append(one)
            self._alive.add(one.session_id)

    def loss(self, one: _Attempt) -> Loss:
        fate, other = self._fate(one)
        assert one.fault is not None
        return Loss(one.seq, one.fault, one.session_id, one.event_type, one.ts, fate, other.seq if other else None)

    def _fate(self, one: _Attempt) -> tuple[Fate, _Attempt | None]:
        later = [other for other in self._same[one.event] if other.seq > one.seq]
        again = next((other for other in later if other.counted), None) or self._elsewhere(one)
        if one.counted:
            return (Fate.DUPLICATED, again) if again is not None else (Fate.COUNTED, None)
        if again is not None:
            return (Fate.RETRIED if again in later else Fate.MOVED), again
        next_try = next((other for other in later if other.fault is not None), None)
        # Tried again, in vain: what is lost is one event, and the last try stands for it.
        return (Fate.RETRIED, next_try) if next_try is not None else (Fate.LOST, None)

    def _elsewhere(self, one: _Attempt) -> _Attempt | None:
        """The same event in a later session of the same viewing; for a start, that session's own start."""
        if one.kind is not Kind.EVENT:
            if one.session_id in self._alive:
                return None  # its player got the answer after all: a later start is another viewing
            return next((start for start in self._starts[one.viewing] if start.seq > one.seq), None)
        return next((other for other in self._received[one.event_type, one.ts] if self._is_move(one, other)), None)

    def _is_move(self, one: _Attempt, other: _Attempt) -> bool:
        """Whether `other` is `one` in a session opened because of the fault: not in one that others had open before."""
        viewing = self._viewing_of.get(one.session_id)
        alike = viewing is not None and viewing == self._viewing_of.get(other.session_id)
        return alike and other.seq > one.seq and self._opened[other.session_id] > self._struck[one.session_id]


def _attempt(exchange: Exchange) -> _Attempt:
    first = next(iter(exchange.events), None)
    viewing = None if first is None else tuple(str(first.params.get(key)) for key in VIEWING)
    ts = first.sent_ts if first is not None and isinstance(first.sent_ts, int) else None
    return _Attempt(
        exchange.seq, exchange.kind, exchange.session_id, exchange.event_type, ts,
        exchange.verdict in TAKEN, exchange.fault, viewing,
    )  # fmt: skip
