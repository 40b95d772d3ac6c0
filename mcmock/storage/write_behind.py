"""State that a file keeps and nobody else changes: true as soon as it has run.

A request costs hardly more than in memory: the store is told that something was done, and its own thread takes what that was
from the log and the tables, a few times a second.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from mcmock.core.clock import Clock
from mcmock.core.model import Answer, Delivery, RawHeaders, Request, Response
from mcmock.core.sessions import Session
from mcmock.core.tables import DirectTable, Key, Value
from mcmock.engine.changes import Change, Delta, Row, StoreUnavailable
from mcmock.engine.committer import Committer, Result
from mcmock.engine.engine import Engine
from mcmock.engine.log import NewEntries
from mcmock.engine.state import Transaction
from mcmock.faults.rule import FaultRule
from mcmock.protocols.base import KnownLine
from mcmock.storage import codec
from mcmock.storage.base import Ledgers, PrivateLedger
from mcmock.storage.kept import KeptState, Unlogged, agreed_seed

Told = TypeVar("Told")

_KEPT: Final = (codec.SESSIONS, codec.ISSUED, codec.DOOMED)
"""The tables that are kept. What fault rules count is not: its rules begin anew with each process."""


class TrackedTable(DirectTable[Key, Value]):
    """A DirectTable that notes which keys were changed."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: dict[Key, None] = {}

    def __setitem__(self, key: Key, value: Value, /) -> None:
        dict.__setitem__(self, key, value)
        self.changed[key] = None

    put = __setitem__

    def remove(self, key: Key, /) -> None:
        if key in self:
            del self[key]
            self.changed[key] = None

    def note(self, keys: Iterable[Key]) -> None:
        """Note keys that may have been changed; of those that are not there it is known already."""
        self.changed |= dict.fromkeys(filter(self.__contains__, keys))

    def take_changes(self, name: str) -> list[Row]:
        """Return the places that were changed since the last time, and what stands there."""
        if not self.changed:
            return []
        cells = [Row(name, key, self.get(key)) for key in self.changed]
        self.changed.clear()
        return cells


class FileBacking:
    """An emulator's state in a store that is its own."""

    def __init__(self, store: Ledgers) -> None:
        self.store = store

    def clock(self) -> Clock:
        return Clock()  # of its own: nobody shares the file

    def table(self) -> DirectTable[Any, Any]:
        return TrackedTable()

    def committer(self, engine: Engine, seed: int | None, faults: tuple[FaultRule, ...]) -> Committer:
        kept = self.store.ledger(engine.scope, engine.policy.max_log_bytes)
        assert not kept.shared
        return WriteBehindCommitter(engine, self.store, kept, seed, faults)


class WriteBehindCommitter:
    """Runs operations on the state itself and hands on what they changed. The store may be away: see `kept`."""

    has_store, blocks = True, False

    def __init__(
        self, engine: Engine, store: Ledgers, kept: PrivateLedger, seed: int | None, faults: tuple[FaultRule, ...]
    ) -> None:
        self._engine, self._store, self._ledger = engine, store, kept
        self.knows_scopes = store.has_named_scopes()
        self._kept, self._unlogged = KeptState(engine), Unlogged(engine)
        self._logging = threading.Lock()
        self._clock_kept = engine.state.clock.setting
        sessions = engine.state.sessions
        assert isinstance(sessions, TrackedTable)
        self._sessions: TrackedTable[str, Session] = sessions
        self._entries = NewEntries()
        self._deliveries: dict[int, Delivery] = {}  # of entries that were taken before their answer went
        self._facts: list[Row] = []
        self._notice, self._origin = "", 0
        self._kept.load(kept.load())
        engine.log.keep_with(self._take_entries)
        latest = max((entry.at for entry in engine.log.entries()), default=0.0)
        engine.state.clock.not_before(latest)  # the machine's may have been set back while nobody ran
        self._take_rows()  # what was loaded is no change
        known = self._kept.facts[codec.SEED].get("")
        engine.state.seed = agreed_seed(seed, known, engine.state.seed)
        if engine.state.seed != known:
            self._keep_seed()
        self._clock_kept = engine.state.clock.setting
        engine.state.rules.begin_with(faults, engine.state.clock.now())
        kept.keep(self._take)
        kept.touch()

    def handle(self, request: Request) -> Answer:
        return self._answer(request, self._judge)

    def take(self, request: Request) -> Response | Answer:
        return self._answer(request, self._engine.take)

    def take_known(self, line: KnownLine, target: str, headers: RawHeaders, body: bytes) -> Response | None:
        if self._store.failure is not None or self._unlogged.waiting:
            return None  # `take` says so
        response = self._engine.take_known(line, target, headers, body)
        if response is not None:
            self._ledger.touch()
        return response

    def _judge(self, request: Request) -> Answer:
        return self._engine.record(*self._engine.judge(self._engine.state, request))

    def _answer(self, request: Request, act: Callable[[Request], Told]) -> Told | Answer:
        """Return what `act` says of a request, or that the store is away."""
        try:
            self._ledger.check()
            if self._unlogged.waiting:
                self._log_deferred()
        except StoreUnavailable as away:
            return self._unlogged.answer(request, away)
        with self._engine.lock:
            answer = act(request)
        self._ledger.touch()
        return answer

    def submit(self, request: Request, done: Callable[[Answer], None]) -> None:
        done(self.handle(request))

    def run(self, operation: Callable[[Transaction], Result], notice: str = "") -> Result:
        engine = self._engine
        with engine.lock:
            result = operation(engine.state)
            if notice:
                engine.release(notice)
        self._ledger.touch()
        return result

    def settle(self, seq: int, delivery: Delivery) -> None:
        if not seq:
            return  # a request that was put off has no entry yet
        with self._engine.lock:
            self._engine.log.settle(seq, delivery)
            if not self._engine.log.is_taken(seq):
                return  # it is taken with the entry
            self._deliveries[seq] = delivery
        self._ledger.touch()

    def clear_log(self) -> None:
        with self._engine.lock:
            self._take_entries()
            self._engine.clear_log()
            self._note_emptied(self._notice or "cleared")
        self._ledger.touch()

    def reset(self) -> None:
        with self._engine.lock:
            self._engine.reset()
            for fact in self._kept.facts.values():
                fact.clear()
            self._take_rows()  # the notice says it all
            self._note_emptied("reset")
            self._keep_seed()
        self._ledger.touch()

    def _note_emptied(self, notice: str) -> None:
        self._notice, self._origin = notice, self._engine.log.next_seq
        self._entries, self._deliveries = NewEntries(), {}

    def _keep_seed(self) -> None:
        self._kept.facts[codec.SEED].put("", self._engine.state.seed)
        self._facts.append(Row(codec.SEED, "", self._engine.state.seed))

    # -- what the store takes -----------------------------------------------------------------------------------------

    def _take(self) -> Delta:
        with self._engine.lock:
            self._take_entries()
            delta = Delta(self._entries, self._deliveries, self._take_rows(), self._notice, self._origin)
            self._entries, self._deliveries, self._notice = NewEntries(), {}, ""
        return delta

    def _take_entries(self) -> None:
        new = self._engine.log.take_new()
        self._entries.extend(new)
        self._sessions.note(new.session_ids())

    def _take_rows(self) -> tuple[Row, ...]:
        """Return what was changed since the last time."""
        setting, rows = self._engine.state.clock.setting, self._facts
        self._facts = []
        for name in _KEPT:
            table = self._kept.table(name)
            assert isinstance(table, TrackedTable)
            rows += table.take_changes(name)
        if setting != self._clock_kept:
            self._clock_kept = setting
            rows.append(Row(codec.CLOCK, "", setting))
        return tuple(rows)

    # -- a store that was away ----------------------------------------------------------------------------------------

    def _log_deferred(self) -> None:
        with self._logging:
            self._unlogged.log(self._log_one)

    def _log_one(self, change: Change) -> None:
        with self._engine.lock:
            self._kept.apply_to_log(change)
        self._ledger.touch()

    def catch_up(self) -> None:
        """Log what could not be logged before. Raises StoreUnavailable."""
        self._ledger.check()
        if self._unlogged.waiting:
            self._log_deferred()

    def follow(self) -> None:
        """Nobody else changes the state."""

    def scope_of(self, mark: str) -> str | None:
        return self._store.scope_of(mark)

    def retire(self) -> None:
        self.reset()
        self._ledger.close()
        with self._engine.lock:
            self._engine.release("reset")

    def close(self) -> None:
        self._store.close()
