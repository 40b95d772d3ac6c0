"""Doing something to see what it changes: what a Change is made of, and how it is undone. It hands nothing over."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar, cast

from mcmock.core import clock, sessions
from mcmock.core.model import Answer, Delivery, Finding, Outcome
from mcmock.core.sessions import Session
from mcmock.engine import DEFAULT_SCOPE, Emulator
from mcmock.engine.log import Entry, Journal, weight_of
from mcmock.faults.effects import AFTER
from mcmock.faults.selection import Tally
from mcmock.storage import ledger
from mcmock.storage.ledger import Cell, Change, Ledgers, PrivateLedger, SharedLedger
from mcmock.storage.replica.tables import (
    COVERED,
    FACTS,
    Before,
    Desk,
    Table,
    TableTally,
    Tried,
    Wanted,
    new_version,
    same_rules,
)

MOST_UNLOGGED = 10_000
"""Requests answered 503 that are remembered until the store is back."""

Result = TypeVar("Result")


class Trying(Emulator):
    """An Emulator whose acts can be undone. `store` and `lazy` are those of KeptEmulator."""

    has_store = True

    def __init__(
        self,
        store: Ledgers,
        *,
        scope: str = DEFAULT_SCOPE,
        seed: int | None = None,
        time: clock.Clock | None = None,
        lazy: bool = False,
        **options: Any,
    ) -> None:
        self.store = store
        self._lazy = lazy
        self._fresh: dict[tuple[str, Any], int] = {}
        self._facts: dict[str, Table[str, Any]] = {name: Table(name) for name in FACTS}
        self._trying = False
        self._notice = ""
        self._staged: tuple[Any, ...] = ()
        self._ready: Change | None = None
        self._wanted: deque[Wanted] = deque()
        self._position = 0
        self._unsettled: list[tuple[int, Delivery]] = []
        self._logging = threading.Lock()
        self._unlogged: deque[Change] = deque(maxlen=MOST_UNLOGGED)
        super().__init__(seed=seed, scope=scope, time=time or clock.Clock(store.now), **options)
        self._ledger: PrivateLedger | SharedLedger = store.ledger(scope, self._journal.max_bytes)
        self.blocks = self._ledger.shared

    @property
    def _shared(self) -> SharedLedger:
        """The ledger, for what only a shared one has to do."""
        assert self._ledger.shared
        return self._ledger

    def _forget_all(self) -> None:
        super()._forget_all()
        self._sessions = Table(ledger.SESSIONS)
        self._issued = Table(ledger.ISSUED)
        self._doomed = Table(ledger.DOOMED)

    def _session(self, session_id: str, now: float) -> Session | None:
        """As it stands now; what only time has done to it is no change."""
        session = self._sessions.get(session_id)
        return sessions.at(session, now) if session is not None else None

    def _try(self, wanted: Wanted) -> Tried:
        """Do it and see what it changed."""
        before = Before(self._clock.setting, self._faults.standing, self._faults.tally, self._broken)
        tables = [*self._facts.values(), *self._tables(before.tally)]
        self._notice, self._staged, self._ready, self._trying = "", (), None, True
        for table in tables:
            table.before = {}
        self._facts[ledger.VERSION].get("")
        try:
            result = wanted.act()
            self._note_facts(before)
            return Tried(wanted, result, self._ready or self._change(tables), self._undoing(before, tables))
        except BaseException:
            self._undoing(before, tables)()
            raise
        finally:
            self._trying = False
            for table in tables:
                table.before = None

    def _tables(self, tally: Tally) -> list[Table[Any, Any]]:
        every = (self._sessions, self._issued, self._doomed, tally.counts, tally.buckets)
        return [table for table in every if isinstance(table, Table)]

    def _note_facts(self, before: Before) -> None:
        """Put the clock and the rules, which are no tables, into theirs, if they have changed."""
        if self._clock.setting != before.clock:
            self._facts[ledger.CLOCK][""] = self._clock.setting
            self._facts[ledger.VERSION][""] = new_version()
        if not self._ledger.shared or same_rules(self._faults.standing, before.standing):
            return
        self._facts[ledger.FAULTS][""] = self._faults.standing
        self._facts[ledger.VERSION][""] = new_version()
        if self._faults.tally is not before.tally:
            for table in (before.tally.counts, before.tally.buckets):
                for key in list(table):
                    del table[key]  # type: ignore[arg-type]

    def _change(self, tables: list[Table[Any, Any]]) -> Change:
        rested_on = [table for table in tables if table.name not in COVERED] if self._ledger.shared else []
        reads = tuple(cell for table in rested_on for cell in table.reads())
        writes = tuple(cell for table in tables for cell in table.writes())
        if not self._staged:
            return Change(reads, writes, notice=self._notice)
        return Change(
            reads, writes, self._staged, weight_of(Entry._make(self._staged)), notice=self._notice, seq=self._staged[0]
        )

    def _undoing(self, before: Before, tables: list[Table[Any, Any]]) -> Callable[[], None]:
        """How to make it as it was."""
        stood = [(table, table.before or {}) for table in tables]

        def undo() -> None:
            for table, places in stood:
                for key, value in places.items():
                    table.put(key, value)
            self._clock.set(before.clock)
            self._faults.stand(before.standing, before.tally)
            self._broken = before.broken

        return undo

    def _record(self, call: Any, decision: Any) -> Answer:
        if not self._ledger.shared:
            answer = super()._record(call, decision)
            self._staged = tuple(self._journal.get(answer.seq) or ())
            return answer
        journal, desk = self._journal, Desk()
        self._journal = cast(Journal, desk)
        try:
            answer = super()._record(call, decision)
        finally:
            self._journal = journal
        self._staged = desk.entry
        return answer

    def _foresee(self, entry: Entry) -> tuple[Outcome, tuple[Finding, ...]]:
        foreseen = super()._foresee(entry)
        self._drop_judge(str(entry.session_id))  # it was told of an entry that may not come
        return foreseen

    def _drop_session(self, session_id: str) -> None:
        """Under a shared ledger only the places are emptied; what else hangs on them goes when that is news."""
        if not self._ledger.shared:
            super()._drop_session(session_id)
        else:
            del self._sessions[session_id]
            self._doomed.pop(session_id, None)

    def _drop_known(self, session_id: str) -> None:
        if session_id in self._sessions:
            super()._drop_session(session_id)

    def _released(self, result: Result, notice: str = "faults") -> Result:
        if self._trying and self._ledger.shared:
            self._notice = notice
            return result
        return super()._released(result, notice)

    def _chains(self) -> bool:
        """Whether something else may be decided upon what was just done, before it is news."""
        return isinstance(self._faults.tally, TableTally) and not any(
            one.rule.side == AFTER and one.rule.match.derived for one in self._faults.armed
        )

    def _get_ready(self, change: Change) -> None:
        """Let this be the Change, whatever else was done."""
        self._ready = change

    def _fresh_rules(self) -> Cell:
        """The rules as a reset leaves them."""
        with self._lock:
            standing, tally = self._faults.standing, self._faults.tally
            self._faults.reset(self._clock.another().now())
            fresh = self._faults.standing
            self._faults.stand(standing, tally)
            return Cell(ledger.FAULTS, "", fresh)
