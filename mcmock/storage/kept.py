"""What both committers over a store have in common: loading what is kept, and requests that a store was away for.

Rules of this file:

1. A store that is away is answered 503, and never guessed at. What was answered so is logged once it is back.
2. One place puts a Row into the state, whoever wrote it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from mcmock.core import http
from mcmock.core.clock import Setting
from mcmock.core.model import Answer, Finding, Kind, Request, Severity, Verdict
from mcmock.core.tables import DirectTable
from mcmock.engine.changes import Change, Row, StoreUnavailable
from mcmock.engine.engine import Engine
from mcmock.engine.log import Entry, weight_of
from mcmock.faults.active import RulesSnapshot
from mcmock.storage import codec
from mcmock.storage.base import Snapshot

MAX_UNLOGGED: Final = 10_000
"""Requests answered 503 that are remembered until the store is back."""


class KeptState:
    """The engine's state as the cells of a store. `facts` are the single values beside the tables."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.facts: dict[str, DirectTable[str, Any]] = {
            name: DirectTable() for name in (codec.SEED, codec.VERSION, codec.OPENED)
        }

    def load(self, held: Snapshot) -> None:
        """All that the store holds instead of what is here."""
        self.clear()
        self._engine.log.begin_at(held.first_seq, held.evicted)
        for cell in _in_order(held):
            self.put(cell)
        for change in held.log:
            self.apply_to_log(change)

    def clear(self) -> None:
        self._engine.clear_sessions()
        self._engine.state.clock.reset()
        for fact in self.facts.values():
            fact.clear()

    def put(self, cell: Row) -> None:
        """Set one place of one table; None empties it. What a table is not known here is passed over."""
        state = self._engine.state
        if cell.table == codec.SESSIONS and cell.value is not None:  # what nearly every Change writes
            state.sessions.put(str(cell.key), cell.value)
        elif cell.table == codec.CLOCK:
            state.clock.set(cell.value or Setting())
        elif cell.table == codec.FAULTS:
            state.rules.snapshot = cell.value or RulesSnapshot()
        elif cell.table == codec.SESSIONS:
            if cell.key in state.sessions:
                state.forget_session(str(cell.key))
        elif (table := self.table(cell.table)) is not None:
            if cell.value is None:
                table.remove(cell.key)
            else:
                table.put(cell.key, cell.value)
            if cell.table == codec.SEED and cell.value is not None:
                state.seed = cell.value

    def at(self, name: str, key: Any) -> Any:
        """Return what stands at a place of a table."""
        table = self.table(name)
        return table.get(key) if table is not None else None

    def table(self, name: str) -> DirectTable[Any, Any] | None:
        state = self._engine.state
        counters = state.rules.counters
        tables: dict[str, Any] = {
            codec.SESSIONS: state.sessions,
            codec.ISSUED: state.issued,
            codec.DOOMED: state.closed_by_fault,
            codec.COUNTS: counters.counts,
            codec.RATES: counters.buckets,
            **self.facts,
        }
        return tables.get(name)

    def apply_to_log(self, change: Change) -> None:
        """Write the entry of a Change, and what became of the answers that it tells of."""
        log = self._engine.log
        if change.entry is not None:
            entry = Entry._make(change.entry)
            log.append(entry._replace(seq=log.next_seq))
            self._engine.broken += entry.verdict is Verdict.BROKEN
        for seq, delivery in change.deliveries:
            if log.has(seq) and log.delivery(seq) is not delivery:
                log.settle(seq, delivery)


class Unlogged:
    """Requests that were answered 503, until the store can be told of them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.waiting: deque[Change] = deque(maxlen=MAX_UNLOGGED)

    def answer(self, request: Request, away: Exception) -> Answer:
        """503 for a request that nothing can be said about; it is logged when the store is back."""
        is_doubtful = isinstance(away, StoreUnavailable) and away.asked
        counted = "Whether it was counted is not known" if is_doubtful else "Nothing was counted"
        message = f"mcmock cannot answer, because {away}. {counted}; try again."
        now = self._engine.state.clock.now()
        protocol = self._engine.protocol_of(request)
        response = protocol.error(503, message, request, now)
        found = Finding("store-away", Severity.ERROR, "", message, "mcmock")
        entry = Entry(
            0, now, Kind.OTHER, request.method, request.target, http.without_secrets(request.headers), request.body, None, None,
            Verdict.BROKEN, response.status, response.header_text, response.body, (found,), None, False, protocol.name,
        )  # fmt: skip
        self.waiting.append(Change(entry=tuple(entry), weight=weight_of(entry)))
        return Answer(0, response, at=now)

    def log(self, write: Callable[[Change], None]) -> None:
        """Have each written, the oldest first; one that cannot be written stays, and those after it. Raises StoreUnavailable."""
        while self.waiting:
            write(self.waiting[0])
            self.waiting.popleft()


def agreed_seed(asked: int | None, known: int | None, drawn: int) -> int:
    """Return the seed to go by: the one that was asked for, else the one that the store knows, else the one that was drawn."""
    if asked is not None:
        return asked
    return drawn if known is None else known


def _in_order(held: Snapshot) -> list[Row]:
    """Return the cells, and among them the sessions as they were opened; those of the same moment by their first entry."""
    first: dict[Any, int] = {}
    for change in held.log:
        if change.entry is not None:
            first.setdefault(change.entry[8], change.seq)
    opened = [cell for cell in held.cells if cell.table == codec.SESSIONS]
    opened.sort(key=lambda cell: (cell.value.opened_at, first.get(cell.key, 0)))
    return [*(cell for cell in held.cells if cell.table != codec.SESSIONS), *opened]
