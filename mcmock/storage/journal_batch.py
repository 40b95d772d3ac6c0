"""What a journal's writer writes at once: runs of entries, deliveries and rows of tables, in few statements and few bytes.

SQLite runs without Python's lock, which is given away with each statement, and on a server at work it takes milliseconds to have
it again, in which the writer is woken in vain by each call to the system that requests make. So much goes in with one statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from typing import Any, Final, NamedTuple

from mcmock.core.model import Delivery
from mcmock.engine.changes import Delta
from mcmock.engine.log import DELIVERIES, NewEntries
from mcmock.storage import journal_runs
from mcmock.storage.codec import cell_texts
from mcmock.storage.journal_runs import Run, entries_of, gathered, runs_of

TABLES: Final = (
    *journal_runs.TABLES,
    "CREATE TABLE cells (scope TEXT, place TEXT, value TEXT, PRIMARY KEY (scope, place)) WITHOUT ROWID",
    "CREATE TABLE scopes (scope TEXT PRIMARY KEY, next_seq INTEGER, origin INTEGER) WITHOUT ROWID",
)

_LOOK: Final = 256  # runs that are looked at together to see whether they go
_CELLS_AT_ONCE: Final = (256, 64, 16, 4, 1)
"""Cells of one statement: a few sizes, so that SQLite has each of them ready."""
_RUNS_AT_ONCE: Final = (8, 4, 2, 1)
"""The same of runs: some MiB."""


class _Written(NamedTuple):
    """A run in the file."""

    number: int
    scope: str
    first: int
    last: int
    written: float
    weight: int


class Batch:
    """One transaction's worth. `grown` is by how many bytes the log has, when it is written."""

    def __init__(self, connection: sqlite3.Connection, now: float) -> None:
        self._connection, self.now = connection, now
        self.grown = 0

    def write(self, deltas: Iterable[tuple[str, Delta]]) -> None:
        """Write them in their order: of what they did to one place of a table, the last holds."""
        places: dict[tuple[str, str], str | None] = {}
        for scope, delta in deltas:
            if delta.notice:
                self._empty(scope, delta, places)
            if delta.entries:
                self._insert_entries(scope, delta.entries, delta.deliveries)
                self._count(scope, delta.entries.rows[-1][0] + 1)
            if late := self._late(scope, delta):
                self._connection.executemany("INSERT OR REPLACE INTO late VALUES (?, ?, ?)", late)
            for row in delta.rows:
                place, value = cell_texts(row)
                places[scope, place] = value
        self._write_places(places)

    def _insert_entries(self, scope: str, entries: NewEntries, deliveries: dict[int, Delivery]) -> None:
        first, became = entries.rows[0][0], bytearray(entries.deliveries)
        for seq, delivery in deliveries.items():
            if seq >= first:
                became[seq - first] = DELIVERIES.index(delivery)
        runs = runs_of(NewEntries(entries.rows, entries.lines, became))
        while some := list(islice(runs, _RUNS_AT_ONCE[0])):
            self.insert(scope, some, self.now)

    def insert(self, scope: str, runs: Sequence[Run], written: float) -> None:
        """Write runs behind all others."""
        columns = [
            (scope, run.first, run.last, written, run.weight, run.entries, run.headers, run.bodies) for run in runs
        ]
        into = "INSERT INTO runs (scope, first, last, written, weight, entries, headers, bodies)"
        self._insert(into, columns, _RUNS_AT_ONCE)
        self.grown += sum(run.weight for run in runs)

    def _late(self, scope: str, delta: Delta) -> list[tuple[str, int, str]]:
        """Return what became of answers whose entries were taken before."""
        first = delta.entries.rows[0][0] if delta.entries else None
        return [(scope, seq, str(became)) for seq, became in delta.deliveries.items() if first is None or seq < first]

    def _count(self, scope: str, next_seq: int) -> None:
        self._connection.execute(
            "INSERT INTO scopes VALUES (?, ?, 1) ON CONFLICT (scope) DO UPDATE SET next_seq = excluded.next_seq",
            (scope, next_seq),
        )

    def _empty(self, scope: str, delta: Delta, places: dict[tuple[str, str], str | None]) -> None:
        do = self._connection.execute
        (held,) = do("SELECT total(weight) FROM runs WHERE scope = ?", (scope,)).fetchone()
        self.grown -= int(held)
        do("DELETE FROM runs WHERE scope = ?", (scope,))
        do("DELETE FROM late WHERE scope = ?", (scope,))
        do("INSERT OR REPLACE INTO scopes VALUES (?, ?, ?)", (scope, delta.origin, delta.origin))
        if delta.notice == "reset":
            do("DELETE FROM cells WHERE scope = ?", (scope,))
            for place in [place for place in places if place[0] == scope]:
                del places[place]

    def _write_places(self, places: dict[tuple[str, str], str | None]) -> None:
        gone = [place for place, value in places.items() if value is None]
        self._connection.executemany("DELETE FROM cells WHERE scope = ? AND place = ?", gone)
        cells = [(*place, value) for place, value in places.items() if value is not None]
        self._insert("INSERT OR REPLACE INTO cells", cells, _CELLS_AT_ONCE)

    def _insert(self, into: str, rows: Sequence[tuple[Any, ...]], at_once: Iterable[int]) -> None:
        """Insert rows, as many with one statement as can be."""
        done = 0
        for number in at_once:
            while len(rows) - done >= number:
                values = ", ".join([f"({', '.join('?' * len(rows[done]))})"] * number)
                self._connection.execute(f"{into} VALUES {values}", [*chain(*rows[done : done + number])])
                done += number

    # -- what leaves --------------------------------------------------------------------------------------------------

    def let_go(self, is_due: Callable[[float], bool], *, but_newest: bool = False) -> None:
        """Delete the runs that were written first, of all scopes, while they are due, by when they were written.

        `but_newest` is to leave the newest entry: of the last run the older half goes, and of what is left, while it is due.
        """
        while found := self._oldest(_LOOK + 1):
            newest = found[-1] if len(found) <= _LOOK and but_newest else None
            gone: list[_Written] = []
            for run in found[:_LOOK]:
                if run is newest or not is_due(run.written):
                    break
                gone.append(run)
                self.grown -= run.weight
            self._delete(gone)
            if newest is not None and len(gone) == len(found) - 1:
                self._shorten(newest, is_due)
            if len(gone) < _LOOK:
                return

    def _oldest(self, most: int) -> list[_Written]:
        query = "SELECT number, scope, first, last, written, weight FROM runs ORDER BY number LIMIT ?"
        return list(map(_Written._make, self._connection.execute(query, (most,))))

    def _delete(self, runs: list[_Written]) -> None:
        if runs:
            self._connection.execute("DELETE FROM runs WHERE number <= ?", (runs[-1].number,))
        for scope, last in {run.scope: run.last for run in runs}.items():
            self._forget_late(scope, last)

    def _forget_late(self, scope: str, last: int) -> None:
        self._connection.execute("DELETE FROM late WHERE scope = ? AND seq <= ?", (scope, last))

    def _shorten(self, newest: _Written, is_due: Callable[[float], bool]) -> None:
        while newest.last > newest.first and is_due(newest.written):
            query = "SELECT first, last, entries, headers, bodies FROM runs WHERE number = ?"
            entries = entries_of(Run._make(self._connection.execute(query, (newest.number,)).fetchone()))
            (rest,) = runs_of(gathered(entries[(len(entries) + 1) // 2 :]))
            self._connection.execute("DELETE FROM runs WHERE number = ?", (newest.number,))
            self._forget_late(newest.scope, rest.first - 1)
            self.grown -= newest.weight
            self.insert(newest.scope, [rest], newest.written)
            (newest,) = self._oldest(1)
