"""An operation that is not true yet: what it read of the state, and what it would write.

It changes nothing. Several operations of one batch may stand upon each other: `Ahead` holds what those before would write.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from itertools import islice
from typing import Any, Generic, TypeVar

from mcmock.core.clock import Clock, Setting
from mcmock.core.model import FaultHit
from mcmock.core.sessions import Session
from mcmock.core.tables import DirectTable
from mcmock.engine.changes import Cell, Change
from mcmock.engine.state import State
from mcmock.faults.active import ActiveRules, RulesSnapshot
from mcmock.faults.selection import FaultCounters
from mcmock.storage import ledger

Key = TypeVar("Key")
Value = TypeVar("Value")

FACTS = (ledger.SEED, ledger.VERSION, ledger.OPENED)
"""Single values that are kept like tables; their only key is ""."""


class OverlayTable(Generic[Key, Value]):
    """A Table over one of the state's. None in `written` or `ahead` is a key that is removed."""

    def __init__(self, name: str, stored: DirectTable[Key, Value], ahead: dict[Key, Value | None]) -> None:
        self.name = name
        self.scanned = False
        self.seen: dict[Key, Value | None] = {}
        self.written: dict[Key, Value | None] = {}
        self._stored, self._ahead = stored, ahead

    def get(self, key: Key) -> Value | None:
        if key in self.written:
            return self.written[key]
        return self._look(key)

    def put(self, key: Key, value: Value) -> None:
        self._look(key)
        self.written[key] = value

    def remove(self, key: Key) -> None:
        self._look(key)
        self.written[key] = None

    def scan(self) -> list[Key]:
        self.scanned = True
        return list(self._keys())

    def oldest(self, number: int, stays: Callable[[Key], bool]) -> list[Key]:
        return list(islice((key for key in self._keys() if not stays(key)), number))

    def move_to_end(self, key: Key, value: Value) -> None:
        self._look(key)
        self.written.pop(key, None)
        self.written[key] = value

    def __len__(self) -> int:
        return len(self._stored) + sum(
            value is not None and key not in self._stored for key, value in self.written.items()
        )

    def _keys(self) -> dict[Key, None]:
        keys = dict.fromkeys(self._stored)
        for later in (self._ahead, self.written):
            for key, value in later.items():
                keys.pop(key, None)
                if value is not None:
                    keys[key] = None
        return keys

    def _look(self, key: Key) -> Value | None:
        """The value before this operation; it rests on it from now on."""
        if key not in self.seen:
            self.seen[key] = self._ahead[key] if key in self._ahead else self._stored.get(key)
        return self.seen[key]

    def reads(self) -> list[Cell]:
        return [Cell(self.name, key, value) for key, value in self.seen.items()]

    def writes(self) -> list[Cell]:
        return [Cell(self.name, key, value) for key, value in self.written.items() if value is not self.seen[key]]

    @property
    def has_new(self) -> bool:
        """Whether a key was put that was not there before."""
        return any(value is not None and self.seen[key] is None for key, value in self.written.items())


class Ahead:
    """What the operations of a batch would write, one upon the other."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[Any, Any]] = {}
        self.clock: Setting | None = None
        self.rules: RulesSnapshot | None = None

    def table(self, name: str) -> dict[Any, Any]:
        return self._tables.setdefault(name, {})

    def add(self, change: Change) -> None:
        for cell in change.writes:
            if cell.table == ledger.CLOCK:
                self.clock = cell.value
            elif cell.table == ledger.FAULTS:
                self.rules = cell.value
            else:
                self.table(cell.table)[cell.key] = cell.value


class Overlay:
    """One operation, as a Transaction. `facts` are the single values that the committer keeps."""

    def __init__(self, state: State, facts: dict[str, DirectTable[str, Any]], ahead: Ahead) -> None:
        counters = state.rules.counters
        assert isinstance(counters.counts, DirectTable)
        assert isinstance(counters.buckets, DirectTable)
        self.sessions: OverlayTable[str, Session] = _over(ledger.SESSIONS, state.sessions, ahead)
        self.issued: OverlayTable[str, int] = _over(ledger.ISSUED, state.issued, ahead)
        self.closed_by_fault: OverlayTable[str, FaultHit] = _over(ledger.DOOMED, state.closed_by_fault, ahead)
        self._counts = _over(ledger.COUNTS, counters.counts, ahead)
        self._buckets = _over(ledger.RATES, counters.buckets, ahead)
        self.facts = {name: _over(name, facts[name], ahead) for name in FACTS}
        self._rules = state.rules.snapshot if ahead.rules is None else ahead.rules
        self._setting = state.clock.setting if ahead.clock is None else ahead.clock
        self.rules = ActiveRules(self._rules, FaultCounters(self._counts, self._buckets, state.part))
        self.clock: Clock = state.clock.another()
        self.clock.set(self._setting)
        self._seed, self._part = state.seed, state.part

    @property
    def seed(self) -> int:
        return self._seed

    @property
    def part(self) -> float:
        return self._part

    def forget_session(self, session_id: str) -> None:
        """Only the places are emptied; what else hangs on them goes when that is true."""
        self.sessions.remove(session_id)
        self.closed_by_fault.remove(session_id)

    def change(self, entry: tuple[Any, ...] | None = None, weight: int = 0, notice: str = "") -> Change:
        """Return what the operation rests on and what it writes.

        It rests on the version of clock and rules, and where it looked at every session, on which one was opened last.
        """
        self.facts[ledger.VERSION].get("")
        if self.sessions.scanned:
            self.facts[ledger.OPENED].get("")
        tables: list[OverlayTable[Any, Any]] = [
            self.sessions,
            self.issued,
            self.closed_by_fault,
            self._counts,
            self._buckets,
            *self.facts.values(),
        ]
        reads = [cell for table in tables for cell in table.reads()]
        writes = [cell for table in tables for cell in table.writes()]
        if self.sessions.has_new:  # written and not rested on: starts do not wait for each other
            writes.append(Cell(ledger.OPENED, "", new_version()))
        changed = []
        if self.clock.setting != self._setting:
            changed.append(Cell(ledger.CLOCK, "", self.clock.setting))
        if self.rules.snapshot is not self._rules:
            changed.append(Cell(ledger.FAULTS, "", self.rules.snapshot))
        if changed:
            writes += [*changed, Cell(ledger.VERSION, "", new_version())]
        return Change(tuple(reads), tuple(writes), entry, weight, notice=notice)


def new_version() -> str:
    """Return a value unlike any other, whoever else draws one at the same moment."""
    return secrets.token_hex(6)


def _over(name: str, stored: DirectTable[Key, Value], ahead: Ahead) -> OverlayTable[Key, Value]:
    return OverlayTable(name, stored, ahead.table(name))
