"""An operation that is not true yet: what it read of the state, and what it would write.

It changes nothing. Several operations of one batch may stand upon each other: `Ahead` holds what those before would write.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable
from functools import cached_property
from itertools import islice
from typing import Any, Generic, TypeVar

from mcmock.core.clock import Clock, Setting
from mcmock.core.model import FaultHit
from mcmock.core.sessions import Session
from mcmock.core.tables import DirectTable
from mcmock.engine.changes import Change, Row
from mcmock.engine.state import State
from mcmock.faults.active import ActiveRules, RulesSnapshot
from mcmock.faults.selection import FaultCounters
from mcmock.storage import codec

Key = TypeVar("Key")
Value = TypeVar("Value")

FACTS = (codec.SEED, codec.VERSION, codec.OPENED)
"""Single values that are kept like tables; their only key is ""."""


_OF_FAULTS = (codec.CLOCK, codec.FAULTS, codec.VERSION, codec.DOOMED)


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
        """Return the value before this operation; it rests on it from now on."""
        if key not in self.seen:
            self.seen[key] = self._ahead[key] if key in self._ahead else self._stored.get(key)
        return self.seen[key]

    @property
    def has_new(self) -> bool:
        """Whether a key was put that was not there before."""
        if None not in map(self.seen.get, self.written):
            return False
        return any(value is not None and self.seen[key] is None for key, value in self.written.items())


class Ahead:
    """What the operations of a batch would write, one upon the other.

    `is_plain` is that none of them changes clock or rules, or a session by a fault.
    """

    def __init__(self) -> None:
        self.tables: defaultdict[str, dict[Any, Any]] = defaultdict(dict)
        self.sessions: dict[Any, Session | None] = self.tables[codec.SESSIONS]
        self.clock: Setting | None = None
        self.rules: RulesSnapshot | None = None
        self.is_plain = True

    def add(self, change: Change) -> None:
        for table, key, value in change.writes:
            if table in _OF_FAULTS:
                self.is_plain = False
            if table == codec.CLOCK:
                self.clock = value
            elif table == codec.FAULTS:
                self.rules = value
            else:
                self.tables[table][key] = value


def version_of(facts: dict[str, DirectTable[str, Any]], ahead: Ahead) -> Row:
    """Return the version of clock and rules, which every operation rests on."""
    written = ahead.tables.get(codec.VERSION)
    return Row(codec.VERSION, "", written[""] if written else facts[codec.VERSION].get(""))


class Overlay:
    """One operation, as a Transaction. `facts` are the single values that the committer keeps.

    What an operation does not ask for is not made: most touch one session and nothing else.
    """

    def __init__(self, state: State, facts: dict[str, DirectTable[str, Any]], ahead: Ahead) -> None:
        self._state, self._facts, self._ahead = state, facts, ahead
        self._used: dict[str, OverlayTable[Any, Any]] = {}
        self._snapshot = state.rules.snapshot if ahead.rules is None else ahead.rules
        self.has_rules = bool(self._snapshot.armed)
        self.seed, self.part = state.seed, state.part

    def _over(self, name: str, stored: Any) -> OverlayTable[Any, Any]:
        table = OverlayTable(name, stored, self._ahead.tables[name])
        self._used[name] = table
        return table

    @cached_property
    def sessions(self) -> OverlayTable[str, Session]:
        return self._over(codec.SESSIONS, self._state.sessions)

    @cached_property
    def issued(self) -> OverlayTable[str, int]:
        return self._over(codec.ISSUED, self._state.issued)

    @cached_property
    def closed_by_fault(self) -> OverlayTable[str, FaultHit]:
        return self._over(codec.DOOMED, self._state.closed_by_fault)

    @cached_property
    def rules(self) -> ActiveRules:
        stored = self._state.rules.counters
        counts, buckets = self._over(codec.COUNTS, stored.counts), self._over(codec.RATES, stored.buckets)
        return ActiveRules(self._snapshot, FaultCounters(counts, buckets, self.part))

    @cached_property
    def clock(self) -> Clock:
        clock = self._state.clock.another()
        clock.set(self._setting)
        return clock

    @property
    def _setting(self) -> Setting:
        return self._state.clock.setting if self._ahead.clock is None else self._ahead.clock

    def now(self) -> float:
        """Return the time by the clock as this operation finds it."""
        return (
            self.clock.now() if "clock" in self.__dict__ or self._ahead.clock is not None else self._state.clock.now()
        )

    def fact(self, name: str) -> OverlayTable[str, Any]:
        """Return one of the FACTS as a table, whose only key is ""."""
        return self._used[name] if name in self._used else self._over(name, self._facts[name])

    def forget_session(self, session_id: str) -> None:
        """Only the places are emptied; what else hangs on them goes when that is true."""
        self.sessions.remove(session_id)
        self.closed_by_fault.remove(session_id)

    def change(self, entry: tuple[Any, ...] | None = None, weight: int = 0, notice: str = "") -> Change:
        """Return what the operation rests on and what it writes.

        It rests on the version of clock and rules, and where it looked at every session, on which one was opened last.
        """
        made = self.__dict__
        sessions: OverlayTable[str, Session] | None = made.get("sessions")
        if sessions is not None and sessions.scanned:
            self.fact(codec.OPENED).get("")
        reads, writes = [version_of(self._facts, self._ahead)], []
        for name, table in self._used.items():
            for key, value in table.seen.items():
                reads.append(Row(name, key, value))
            for key, value in table.written.items():
                if value is not table.seen[key]:
                    writes.append(Row(name, key, value))
        if sessions is not None and sessions.has_new:  # written and not rested on: starts do not wait for each other
            writes.append(Row(codec.OPENED, "", new_version()))
        changed = []
        if "clock" in made and self.clock.setting != self._setting:
            changed.append(Row(codec.CLOCK, "", self.clock.setting))
        if "rules" in made and self.rules.snapshot is not self._snapshot:
            changed.append(Row(codec.FAULTS, "", self.rules.snapshot))
        if changed:
            writes += [*changed, Row(codec.VERSION, "", new_version())]
        return Change(tuple(reads), tuple(writes), entry, weight, notice=notice)


def new_version() -> str:
    """Return a value unlike any other, whoever else draws one at the same moment."""
    return secrets.token_hex(6)
