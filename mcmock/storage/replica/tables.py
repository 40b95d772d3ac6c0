"""What a kept emulator is made of beside the Emulator: dicts that note what was looked at, and small records. No decisions."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from mcmock.core import clock
from mcmock.faults.active import Standing
from mcmock.faults.selection import Tally
from mcmock.protocols.media_collection import wire
from mcmock.storage import ledger
from mcmock.storage.ledger import Cell, Change, Snapshot

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

# What is one value each, and no table: the only key is "".
FACTS = (ledger.CLOCK, ledger.FAULTS, ledger.SEED, ledger.VERSION)

# What every Change rests on. Whoever changes clock or rules draws another version, so these need not be compared.
COVERED = (ledger.CLOCK, ledger.FAULTS)


class Table(dict[_Key, _Value]):
    """A dict that notes, while `before` is one, what stood at each place that was looked at or changed."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.before: dict[_Key, _Value | None] | None = None

    def _note(self, key: _Key) -> None:
        if self.before is not None and key not in self.before:
            self.before[key] = super().get(key)

    def __getitem__(self, key: _Key) -> _Value:
        self._note(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._note(key)  # type: ignore[arg-type]
        return super().__contains__(key)

    def get(self, key: _Key, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)

    def __setitem__(self, key: _Key, value: _Value) -> None:
        self._note(key)
        super().__setitem__(key, value)

    def put(self, key: Any, value: Any) -> None:
        """Set, or remove by None, without a note."""
        if value is None:
            super().pop(key, None)
        else:
            super().__setitem__(key, value)

    def reads(self) -> list[Cell]:
        return [Cell(self.name, key, value) for key, value in (self.before or {}).items()]

    def writes(self) -> list[Cell]:
        now = super().get
        return [Cell(self.name, key, now(key)) for key, value in (self.before or {}).items() if now(key) is not value]

    def pop(self, key: _Key, *otherwise: Any) -> Any:
        self._note(key)
        return super().pop(key, *otherwise)

    def __delitem__(self, key: _Key) -> None:
        self._note(key)
        super().__delitem__(key)


class Wanted:
    """Something to be done, who is told of it (the result, then the entry's number, or why not),"""

    __slots__ = ("act", "done")

    def __init__(self, act: Callable[[], Any], done: Callable[[Any, int | Exception], None]) -> None:
        self.act, self.done = act, done


class Tried(NamedTuple):
    """What became of it, what that changes, and how to undo it."""

    wanted: Wanted
    result: Any
    change: Change
    undo: Callable[[], None]


class Before(NamedTuple):
    """How things stood that are no tables."""

    clock: clock.Setting
    standing: Standing
    tally: Tally
    broken: int


NO_RULES = Standing((), 0, 0, ())


class Desk:
    """Stands in for the log while an entry is written that the ledger has yet to take."""

    next_seq = 0

    def __init__(self) -> None:
        self.entry: tuple[Any, ...] = ()

    def append(self, entry: tuple[Any, ...]) -> None:
        self.entry = (*entry[:5], wire.without_secrets(entry[5]), *entry[6:])


class TableTally(Tally):
    """A Tally in tables."""

    def __init__(self) -> None:
        self.counts = Table(ledger.COUNTS)
        self.buckets = Table(ledger.RATES)


def in_order(held: Snapshot) -> list[Cell]:
    """The cells, and among them the sessions as they were opened; those of the same moment by their first entry."""
    first: dict[Any, int] = {}
    for change in held.log:
        if change.entry is not None:
            first.setdefault(change.entry[8], change.seq)
    opened = [cell for cell in held.cells if cell.table == ledger.SESSIONS]
    opened.sort(key=lambda cell: (cell.value.opened_at, first.get(cell.key, 0)))
    return [*(cell for cell in held.cells if cell.table != ledger.SESSIONS), *opened]


def new_version() -> str:
    """Of clock and rules: unlike any other, whoever else draws one at the same moment."""
    return secrets.token_hex(6)


def same_rules(one: Standing, other: Standing) -> bool:
    """Whether they are the same rules, at a price that every request can pay."""
    return one.armed is other.armed and one.initial is other.initial and one[1:3] == other[1:3]
