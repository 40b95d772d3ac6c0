"""The loss ledger: what became of each request that a fault met, and what users would have lost.

A pure function over the log. Two requests are the same event when session and event type are the same, and the event's own id,
or, where its API has none, `ts`. Two sessions are the same viewing when visitor and content are; a visitor who is not known yet
may be anybody. It knows no rules of faults: an exchange tells which one met it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from mcmock.core import turns
from mcmock.core.events import VISITOR_KEYS, Event
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
    kind: Kind = Kind.EVENT


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
        told = (Fate.LOST, Fate.ORPHANED, Fate.DUPLICATED)
        lines += [f"  {printable(_line(one))}" for one in self.requests if one.fate in told]
        return "\n".join(lines)


_NOTHING_MORE: Final = "a browser sends nothing after a refused preflight"


def _line(loss: Loss) -> str:
    session = f" of session {loss.session_id[:8]}" if loss.session_id else ""
    again = f", again as #{loss.other}" if loss.other else ""
    if loss.kind is Kind.PREFLIGHT:
        return f"{loss.fate}: #{loss.seq} preflight, by {loss.fault.rule}{again}: {_NOTHING_MORE}"
    if loss.fate is Fate.ORPHANED:
        again += ", and nobody used its session: its viewing is lost"
    return (
        f"{loss.fate}: #{loss.seq} {loss.event_type or 'no event'}{session}, ts {loss.ts}, by {loss.fault.rule}{again}"
    )


class Viewing(NamedTuple):
    """Who watches what, by the params of sessionStart."""

    visitor: tuple[str, ...]
    content: str

    def may_go_on_as(self, later: Viewing) -> bool:
        """Return whether a later viewing may be this one: a visitor is unknown until the service has told who it is."""
        is_known = any(one != str(None) for one in self.visitor)
        return self.content == later.content and (self.visitor == later.visitor or not is_known)


class _Attempt(NamedTuple):
    """One time that an event was sent. `parts` is more than one event only for downloaded content."""

    seq: int
    kind: Kind
    session_id: str | None
    event_type: str | None
    ts: int | None
    playhead: float | None
    counted: bool
    fault: FaultHit | None
    viewing: Viewing | str | None
    is_whole: bool = False  # a session that arrived whole
    id: str | None = None  # the event's own, the same when it is sent again
    said: str = ""  # what the event is about: which state, which ad

    def is_again(self, other: _Attempt) -> bool:
        """Return whether the next attempt in its session is the same event once more, with a `ts` of its own."""
        alike = (other.event_type, other.playhead, other.said) == (self.event_type, self.playhead, self.said)
        return alike and self.event_type is not None

    @property
    def event(self) -> Hashable:
        """What is the same when the event is sent again: a start has no session yet, but a viewing."""
        owner = self.viewing if self.kind is not Kind.EVENT else self.session_id
        return (self.kind, owner, self.event_type, self.ts if self.id is None else self.id)


def ledger(exchanges: Iterable[Exchange], evicted: int = 0) -> Losses:
    """Return what became of each request in `exchanges`, oldest first, that a fault met and that had something to count."""
    attempts = [_attempt(one) for one in turns.paused(exchanges) if may_lose(one.kind)]
    turns.let_go_in_turns(attempts)
    if not any(one.fault for one in attempts):
        return Losses((), evicted)
    book = _AttemptIndex(attempts)
    return Losses(tuple(book.loss(one) for one in turns.paused(attempts) if one.fault is not None), evicted)


def may_lose(kind: Kind) -> bool:
    """Return whether a request of that kind may have something to lose: events, and what a fault sends astray."""
    return kind is not Kind.SCHEMA


class _AttemptIndex:
    """The attempts, by what they were: the same event, the same viewing."""

    def __init__(self, attempts: Iterable[_Attempt]) -> None:
        self._same: dict[Hashable, list[_Attempt]] = defaultdict(list)
        self._viewing_of: dict[str | None, Viewing] = {}
        self._starts: dict[str, list[_Attempt]] = defaultdict(list)  # by what is watched
        self._received: dict[Hashable, list[_Attempt]] = defaultdict(list)
        self._alive: set[str | None] = set()  # sessions that received events
        self._played: set[str | None] = set()  # and of them those that received a play
        self._next: dict[int, _Attempt] = {}  # by seq: the next attempt of an event in the same session
        self._last: dict[str | None, _Attempt] = {}
        self._opened: dict[str | None, int] = {}  # the seq of each session's start
        self._struck: dict[str | None, int] = {}  # the seq of the first request of each session that a fault met
        for one in turns.paused(attempts):
            self._enter(one)

    def _enter(self, one: _Attempt) -> None:
        self._same[one.event].append(one)
        if one.kind is Kind.EVENT:
            if (before := self._last.get(one.session_id)) is not None:
                self._next[before.seq] = one
            self._last[one.session_id] = one
        if one.fault is not None:
            self._struck.setdefault(one.session_id, one.seq)
        if one.kind in (Kind.SESSION, Kind.DOWNLOADED) and one.counted and isinstance(one.viewing, Viewing):
            self._starts[one.viewing.content].append(one)
            self._viewing_of[one.session_id] = one.viewing
            self._opened[one.session_id] = one.seq
        if one.kind is Kind.EVENT and one.counted:
            self._received[one.event_type, one.ts].append(one)
            self._alive.add(one.session_id)
            if one.event_type == "play":
                self._played.add(one.session_id)

    def loss(self, one: _Attempt) -> Loss:
        fate, other = self._fate(one)
        assert one.fault is not None
        seq = other.seq if other else None
        return Loss(one.seq, one.fault, one.session_id, one.event_type, one.ts, fate, seq, one.kind)

    def _fate(self, one: _Attempt) -> tuple[Fate, _Attempt | None]:
        later = [other for other in self._same[one.event] if other.seq > one.seq]
        again = next((other for other in later if other.counted), None) or self._elsewhere(one)
        fresh = self._next.get(one.seq)
        if fresh is not None and not one.is_again(fresh):
            fresh = None
        if one.counted:
            return self._fate_of_counted(one, again, fresh)
        if again is not None:
            return (Fate.RETRIED if again in later else Fate.MOVED), again
        # Tried again, in vain: what is lost is one event, and the last try stands for it.
        next_try = fresh or next((other for other in later if other.fault is not None), None)
        return (Fate.RETRIED, next_try) if next_try is not None else (Fate.LOST, None)

    def _fate_of_counted(
        self, one: _Attempt, again: _Attempt | None, fresh: _Attempt | None
    ) -> tuple[Fate, _Attempt | None]:
        """Of what was counted, only its answer was lost or changed: it may be there twice, or of no use to anybody."""
        if one.kind is Kind.SESSION and not one.is_whole and one.session_id not in self._alive:
            lives = again is not None and again.session_id in self._alive
            return (Fate.DUPLICATED if lives else Fate.ORPHANED), again
        if again is None and fresh is not None and fresh.counted and one.event_type != "ping":
            again = fresh  # a ping that stands still says the same again all the time
        return (Fate.DUPLICATED, again) if again is not None else (Fate.COUNTED, None)

    def _elsewhere(self, one: _Attempt) -> _Attempt | None:
        """The same event in a later session of the same viewing; for a start, that session's own start."""
        if one.kind not in COUNTED_KINDS:
            return None
        if one.kind is not Kind.EVENT:
            if one.session_id in self._alive:
                return None  # its player got the answer after all: a later start is another viewing
            later = [start for start in self._starts_of(one.viewing) if start.seq > one.seq]
            if one.counted:
                return next((start for start in later if start.session_id in self._alive), next(iter(later), None))
            return next((start for start in later if start.is_whole or start.session_id in self._played), None)
        return next((other for other in self._received[one.event_type, one.ts] if self._is_move(one, other)), None)

    def _starts_of(self, viewing: Viewing | str | None) -> list[_Attempt]:
        """Return the starts of what may be the same viewing."""
        if not isinstance(viewing, Viewing):
            return []
        found = self._starts[viewing.content]
        return [one for one in found if isinstance(one.viewing, Viewing) and viewing.may_go_on_as(one.viewing)]

    def _is_move(self, one: _Attempt, other: _Attempt) -> bool:
        """Return whether `other` is `one` in a session opened because of the fault: not in one that others had open before."""
        viewing, later = self._viewing_of.get(one.session_id), self._viewing_of.get(other.session_id)
        alike = viewing is not None and later is not None and viewing.may_go_on_as(later)
        plays_on = one.session_id not in self._played or other.session_id in self._played
        since = alike and other.seq > one.seq and self._opened[other.session_id] > self._struck[one.session_id]
        return since and plays_on


def _attempt(exchange: Exchange) -> _Attempt:
    is_event = exchange.kind in COUNTED_KINDS
    astray = not is_event and any(found.rule in _ASTRAY for found in exchange.findings)
    first = next(iter(exchange.events), None)
    viewing = None if first is None else _viewing(first.params)
    ts = first.sent_ts if first is not None and isinstance(first.sent_ts, int) else None
    return _Attempt(
        exchange.seq, exchange.kind, exchange.session_id, exchange.event_type, ts, exchange.playhead,
        exchange.verdict in TAKEN and not astray, exchange.fault if is_event or astray else None,
        viewing if is_event else exchange.path, exchange.kind is Kind.DOWNLOADED or isinstance(exchange.body, list),
        first.id if first is not None else None, "" if first is None else _said(first),
    )  # fmt: skip


_ABOUT_QUALITY: Final = ("bitrateChange", "error")


def _said(event: Event) -> str:
    """Return what an event is about, as text. Quality changes from one try to the next, but for events about it."""
    said = (event.params, event.qoe if event.event_type in _ABOUT_QUALITY else None)
    return "" if said == ({}, None) else repr(said)


def _viewing(params: Mapping[str, object]) -> Viewing:
    *visitor, content = (str(params.get(key)) for key in VIEWING)
    return Viewing(tuple(visitor), content)


_ASTRAY: Final = ("misdirected", "preflight-refused")
"""What is found in requests of other kinds that a fault kept from being counted."""
