"""What an operation may read and change: sessions, ids, fault rules and what they count, the clock, the seed.

An operation gets a Transaction and touches nothing else. The State itself is one: in memory, what an operation writes is
written. A store that keeps or shares the state hands in a Transaction that notes what was read and what is written.

Nothing here locks: the committer that hands out the Transaction holds the emulator's lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from mcmock.core.clock import Clock
from mcmock.core.model import FaultHit
from mcmock.core.sessions import Session
from mcmock.core.tables import DirectTable, Table
from mcmock.faults.active import ActiveRules


class Transaction(Protocol):
    """All that an operation may read and change."""

    @property
    def sessions(self) -> Table[str, Session]: ...

    @property
    def issued(self) -> Table[str, int]:
        """How many sessions of the same content there were."""
        ...

    @property
    def closed_by_fault(self) -> Table[str, FaultHit]:
        """The sessions that a fault has closed, and which one did."""
        ...

    @property
    def rules(self) -> ActiveRules: ...

    @property
    def has_rules(self) -> bool:
        """Whether any fault is in force: what is not asked costs nothing."""
        ...

    def now(self) -> float:
        """Return the time by the clock, in seconds since the epoch."""
        ...

    @property
    def clock(self) -> Clock: ...

    @property
    def seed(self) -> int: ...

    @property
    def part(self) -> float:
        """How much of what one emulator may keep this one keeps: less than 1 where there are many scopes."""
        ...

    def forget_session(self, session_id: str) -> None:
        """Remove a session, and all that hangs on it."""
        ...


class State:
    """The state as it is now. `table` makes an empty table of that name."""

    def __init__(
        self, clock: Clock, rules: ActiveRules, seed: int, table: Callable[[], DirectTable[Any, Any]] = DirectTable
    ) -> None:
        self.clock, self.rules, self.seed = clock, rules, seed
        self.part = 1.0
        self.now = clock.now
        self.sessions: DirectTable[str, Session] = table()
        self.issued: DirectTable[str, int] = table()
        self.closed_by_fault: DirectTable[str, FaultHit] = table()
        self.on_forget: Callable[[str], None] = lambda _: None

    def clear(self) -> None:
        """Forget every session, every id that was issued, and every session that a fault closed."""
        self.sessions.clear()
        self.issued.clear()
        self.closed_by_fault.clear()

    @property
    def has_rules(self) -> bool:
        return bool(self.rules.snapshot.armed)

    @property
    def has_met_faults(self) -> bool:
        """Whether a fault is in force, or has closed a session: then what comes may be its doing."""
        return bool(self.rules.snapshot.armed or self.closed_by_fault)

    def share(self, part: float) -> None:
        """Keep no more than this part of what one emulator may."""
        self.part = self.rules.counters.part = part

    def forget_session(self, session_id: str) -> None:
        self.sessions.remove(session_id)
        self.closed_by_fault.remove(session_id)
        self.on_forget(session_id)
