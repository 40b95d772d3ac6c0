"""What an operation did to the state, for a store that keeps it or shares it with others."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

from mcmock.core.model import Delivery
from mcmock.engine.log import NewEntries


class Row(NamedTuple):
    """One place of one table, and what stands there; None is nothing."""

    table: str
    key: Hashable
    value: Any


class Change(NamedTuple):
    """`position` (in the order of all Changes) and `seq` (of the entry) are 0 until the ledger has taken it.

    `weight` is what the entry counts in the log's bound.

    `notice` is what listeners are told beside the entry: "clock", "faults", "cleared" or "reset". The last two empty
    the log; "reset" empties the tables, too, before `writes` are made.
    """

    reads: tuple[Row, ...] = ()
    writes: tuple[Row, ...] = ()
    entry: tuple[Any, ...] | None = None
    weight: int = 0
    deliveries: tuple[tuple[int, Delivery], ...] = ()
    notice: str = ""
    seq: int = 0
    position: int = 0


class Delta(NamedTuple):
    """What was done to a scope since the last time, for a store that keeps it.

    `notice` is "cleared" or "reset" if the log was emptied meanwhile ("reset": the tables, too), and `origin` the number of
    the first entry after that. Everything else came later.
    """

    entries: NewEntries
    deliveries: dict[int, Delivery]
    rows: tuple[Row, ...]
    notice: str = ""
    origin: int = 0


class StoreUnavailable(ConnectionError):
    """The store cannot be reached. The message says which and why, in one line.

    `asked` is whether it was asked before it went away, and may have done what it was asked.
    """

    def __init__(self, message: str, *, asked: bool = False) -> None:
        super().__init__(message)
        self.asked = asked
