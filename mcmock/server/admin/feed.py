"""What a follower of the log is told, and in which order. The log itself is the queue: a follower is a place in it.

Rules of this file:

1. `hear` runs under the emulator's lock and only notes; `take` reads what is new from the log. A follower that reads slowly
   costs nothing but the few notes below, each bounded, and learns how many entries left the log before it came to them.
2. An exchange is told once, as it stands when it is told. What changes of it afterwards is told as `delivery` or `outcome`.
3. Only events still in their session's window can change (`mcmock.analytics.processing`): no more of a session is remembered.

It knows no sockets and no JSON text: `mcmock.server.admin.stream` puts the events on the wire.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import NamedTuple, Self

from mcmock.analytics.processing import WINDOW_EVENTS, WINDOW_SECONDS
from mcmock.core.match import Match
from mcmock.core.model import Delivery, Exchange
from mcmock.core.notices import Notice
from mcmock.engine import Emulator
from mcmock.serialization import json_shapes

BATCH = 64
"""Exchanges read at once: about a millisecond under the emulator's lock."""

MAX_SETTLED = 10_000
"""Deliveries noted for a slow reader before it has to ask for them one by one."""

MAX_SESSIONS = 2_000
"""Sessions whose latest events are remembered."""

EMPTIED = ("cleared", "reset")

EVENTS = {
    "exchange": "a request, as soon as it is in the log: an Exchange",
    "delivery": 'what became of an answer that was pending when told: {"seq", "delivery"}',
    "outcome": 'a later event changed an earlier one: {"seq", "sessionId", "outcome", "findings"}',
    "evicted": 'the log was full: {"evicted": how many left it so far, "first": the oldest seq that is left}',
    "missed": 'entries left the log before they could be told: {"missed": how many, "next": the next seq that is told}',
    "cleared": "the log was emptied; sessions live on",
    "reset": "log, sessions, faults and clock are as at the start",
}
"""The events of the stream. Only `exchange` has an `id`, its seq. Others a notice brings are passed on under its name."""


class Event(NamedTuple):
    name: str
    value: json_shapes.Json
    seq: int | None = None


def _standing(exchange: Exchange) -> int:
    """Return what stands for its outcome and findings: one body may have megabytes of them."""
    return hash((exchange.outcome, exchange.findings))


class Feed:
    """One follower, from `with` to the end of the block.

    It is told what comes after seq `since`; 0 is all that the log holds, None is from now on. A `since` that the log has
    not reached yet comes from a server that was started anew: the follower is told `reset`, then everything. `wake` is
    called, under the emulator's lock and from any thread, when there is something to take.
    """

    def __init__(self, emulator: Emulator, since: int | None, wake: Callable[[], None]) -> None:
        self._emulator = emulator
        self._wake = wake
        self._lock = threading.Lock()
        self._emptied: dict[str, int] = {}
        self._settled: list[int] = []
        self._settled_many = False
        self._evicted = False
        self._pending: set[int] = set()
        self._recent: OrderedDict[str, dict[int, tuple[float, int]]] = OrderedDict()
        kept = emulator.queries.seq_range()
        self._told = kept.stop - 1 if since is None else since or kept.start - 1
        if self._told >= kept.stop:
            self._told, self._emptied = kept.start - 1, {"reset": 0}

    @property
    def told(self) -> int:
        """The seq up to which everything has been told."""
        return self._told

    def __enter__(self) -> Self:
        self._stop = self._emulator.subscribe(self.hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    # -- hearing: under the emulator's lock -----------------------------------------------------------------------------

    def hear(self, notice: Notice) -> None:
        with self._lock:
            if notice.what == "delivery":
                self._note_settled(notice.seq)
            elif notice.what == "evicted":
                self._evicted = True
            elif notice.what != "exchange":
                self._emptied[notice.what] = self._emulator.queries.seq_range().start - 1
        self._wake()

    def _note_settled(self, seq: int) -> None:
        if len(self._settled) < MAX_SETTLED:
            self._settled.append(seq)
        else:
            self._settled_many = True

    # -- taking: where the follower lives -------------------------------------------------------------------------------

    def take(self) -> list[Event]:
        """Return the next events, some dozens at most; none when everything has been told."""
        with self._lock:
            emptied, self._emptied = self._emptied, {}
            settled, self._settled = self._settled, []
            many, self._settled_many = self._settled_many, False
            evicted, self._evicted = self._evicted, False
        events = [event for what, upto in emptied.items() for event in self._after(what, upto)]
        events += self._lost(evicted)
        events += self._deliveries(sorted(self._pending) if many else settled)
        batch = self._emulator.requests(since=self._told, limit=BATCH)
        events += [self._tell(exchange) for exchange in batch]
        events += self._changes({one.session_id for one in batch if one.session_id is not None})
        return events

    def _after(self, what: str, upto: int) -> Iterator[Event]:
        if what in EMPTIED:
            yield from self._skip_to(upto)
            self._pending.clear()
            self._recent.clear()
        yield Event(what, {})

    def _skip_to(self, upto: int) -> Iterator[Event]:
        missed, self._told = upto - self._told, max(upto, self._told)
        if missed > 0:
            yield Event("missed", {"missed": missed, "next": upto + 1})

    def _lost(self, evicted: bool) -> Iterator[Event]:
        """Yield what left a full log: seqs have no gaps, so the oldest one that is left says how much was not told."""
        first = self._emulator.queries.seq_range().start
        yield from self._skip_to(first - 1)
        if evicted:
            self._pending = {seq for seq in self._pending if seq >= first}
            yield Event("evicted", {"evicted": self._emulator.evicted, "first": first})

    def _deliveries(self, settled: list[int]) -> Iterator[Event]:
        for seq in settled:
            if seq not in self._pending:
                continue
            exchange = self._emulator.request(seq)
            if exchange is None or exchange.delivery is not Delivery.PENDING:
                self._pending.discard(seq)
            if exchange is not None and exchange.delivery is not Delivery.PENDING:
                yield Event("delivery", {"seq": seq, "delivery": exchange.delivery})

    def _tell(self, exchange: Exchange) -> Event:
        self._told = exchange.seq
        if exchange.delivery is Delivery.PENDING:
            self._pending.add(exchange.seq)
        if exchange.session_id is not None:
            self._remember(exchange.session_id, exchange)
        return Event("exchange", json_shapes.exchange_to_json(exchange), exchange.seq)

    # -- what a later event changes -------------------------------------------------------------------------------------

    def _remember(self, session_id: str, exchange: Exchange) -> None:
        recent = self._recent.setdefault(session_id, {})
        self._recent.move_to_end(session_id)
        recent[exchange.seq] = exchange.at, _standing(exchange)
        settled = exchange.at - WINDOW_SECONDS
        for seq in [seq for seq, (at, _) in recent.items() if at < settled]:
            del recent[seq]
        if len(recent) > 2 * WINDOW_EVENTS:
            del recent[next(iter(recent))]
        if len(self._recent) > MAX_SESSIONS:
            self._recent.popitem(last=False)

    def _changes(self, session_ids: set[str]) -> Iterator[Event]:
        for session_id in session_ids:
            recent = self._recent.get(session_id, {})
            if len(recent) < 2:
                continue
            match, before = Match({"session": session_id}), min(recent) - 1
            for exchange in self._emulator.requests(match, since=before, limit=len(recent)):
                yield from self._change(recent, exchange)

    def _change(self, recent: dict[int, tuple[float, int]], exchange: Exchange) -> Iterator[Event]:
        standing = _standing(exchange)
        told = recent.get(exchange.seq)
        if told is None or told[1] == standing:
            return
        recent[exchange.seq] = exchange.at, standing
        findings = [json_shapes.finding_to_json(finding) for finding in exchange.findings]
        changed = {
            "seq": exchange.seq,
            "sessionId": exchange.session_id,
            "outcome": exchange.outcome,
            "findings": findings,
        }
        yield Event("outcome", changed)
