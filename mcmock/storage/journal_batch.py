"""What a journal's writer writes at once: entries, deliveries and rows of tables, in few statements and few bytes.

Header lines come with every request and are nearly always the same: from their second entry on they stand in a table of
their own, `texts`, and the entry has their number. SQLite runs without Python's lock, which is given away and taken again
with each statement: so many rows go in with one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from typing import Any, Final

from mcmock.core.model import Delivery
from mcmock.engine.changes import Delta
from mcmock.engine.log import NewEntry
from mcmock.storage.codec import cell_texts, header_text, lines_text, row_text

TABLES: Final = """
CREATE TABLE log (
  scope TEXT, seq INTEGER, written REAL, at REAL, kind TEXT, event TEXT, session TEXT, verdict TEXT, status INTEGER,
  delivery TEXT, weight INTEGER, entry TEXT, PRIMARY KEY (scope, seq)) WITHOUT ROWID;
CREATE TABLE cells (scope TEXT, place TEXT, value TEXT, PRIMARY KEY (scope, place)) WITHOUT ROWID;
CREATE TABLE scopes (scope TEXT PRIMARY KEY, next_seq INTEGER, origin INTEGER) WITHOUT ROWID;
"""

TEXTS: Final = "CREATE TABLE IF NOT EXISTS texts (number INTEGER PRIMARY KEY, used REAL, text TEXT)"
"""Header lines that entries share, as JSON. `used` is when an entry that has them was last written."""

ROW_COST: Final = 200
"""Bytes that a row of the log takes beside its entry."""

MAX_KNOWN: Final = 1024
"""Sets of header lines that are looked for; past that, all are learnt anew."""

_LOG, _CELL = 12, 3  # columns
_LOOK: Final = 256  # entries that are looked at together to see whether they go
_AT_ONCE: Final = (64, 8, 1)
"""Rows of one statement: a few sizes, so that SQLite has each of them ready."""


class SharedTexts:
    """The header lines of one journal that stand in `texts`, as far as this writer has met them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        (latest,) = connection.execute("SELECT max(number) FROM texts").fetchone()
        self._next = 1 + (latest or 0)
        self._numbers: dict[str, int] = {}  # 0: met once, and in no table yet
        self._texts: dict[int, tuple[Any, str]] = {}  # of lines that are in memory, by which object they are
        self._new: list[Any] = []
        self._used: set[int] = set()

    def of(self, lines: Any, text_of: Callable[[Any], str]) -> str:
        """Return what an entry has in the place of its lines."""
        known = self._texts.get(id(lines))
        if known is None or known[0] is not lines:
            if len(self._texts) >= MAX_KNOWN:
                self._texts.clear()
            known = self._texts[id(lines)] = lines, text_of(lines)
        return self._shared(known[1])

    def _shared(self, text: str) -> str:
        """Return its number, or at the first time the text itself."""
        number = self._numbers.get(text)
        if number is None:
            if len(self._numbers) >= MAX_KNOWN:
                self._numbers.clear()
            self._numbers[text] = 0
            return text
        if not number:
            number = self._numbers[text] = self._next
            self._next += 1
            self._new.append((number, text))
        self._used.add(number)
        return str(number)

    def write(self, connection: sqlite3.Connection, now: float) -> None:
        """Write what entries of this batch refer to."""
        connection.executemany(
            "INSERT INTO texts VALUES (?, ?, ?)", [(number, now, text) for number, text in self._new]
        )
        connection.executemany("UPDATE texts SET used = ? WHERE number = ?", [(now, number) for number in self._used])
        self._new, self._used = [], set()

    def let_go(self, connection: sqlite3.Connection, oldest: float) -> None:
        """Delete those that no entry has which was written at `oldest` or later."""
        if connection.execute("DELETE FROM texts WHERE used < ?", (oldest,)).rowcount:
            self.forget()

    def forget(self) -> None:
        """Learn all anew: what was written last was taken back, or some of them are gone."""
        self._numbers, self._new, self._used = {}, [], set()


class Batch:
    """One transaction's worth. `grown` is by how many bytes the log has, when it is written."""

    def __init__(self, connection: sqlite3.Connection, texts: SharedTexts, now: float) -> None:
        self._connection, self._texts, self.now = connection, texts, now
        self.grown = 0

    def write(self, deltas: Iterable[tuple[str, Delta]]) -> None:
        """Write them in their order: of what they did to one place of a table, the last holds."""
        values: list[Any] = []
        places: dict[tuple[str, str], str | None] = {}
        for scope, delta in deltas:
            if delta.notice:
                values = self._insert("log", _LOG, values)
                self._empty(scope, delta, places)
            values += self._entries(scope, delta.entries, delta.deliveries)
            if delta.entries:
                self._count(scope, delta.entries[-1][0][0] + 1)
            if late := self._late(scope, delta):
                values = self._insert("log", _LOG, values)
                self._connection.executemany("UPDATE log SET delivery = ? WHERE scope = ? AND seq = ?", late)
            for row in delta.rows:
                place, value = cell_texts(row)
                places[scope, place] = value
        self._insert("log", _LOG, values)
        self._texts.write(self._connection, self.now)
        self._write_places(places)

    def _entries(self, scope: str, entries: list[NewEntry], deliveries: dict[int, Delivery]) -> list[Any]:
        """Return the columns of each entry, one after the other."""
        now, of, grown, values = self.now, self._texts.of, 0, list[Any]()
        for row, lines, delivery in entries:
            seq, at, kind, _, _, _, _, event, session, verdict, status, answer, *_ = row
            text = row_text(row, of(lines, header_text), of(answer, lines_text))
            weight = ROW_COST + len(text)
            grown += weight
            became = deliveries.get(seq, delivery) if deliveries else delivery
            values += (
                scope, seq, now, at, kind, _column(event), _column(session), verdict, status,
                None if became is Delivery.PENDING else became, weight, text,
            )  # fmt: skip
        self.grown += grown
        return values

    def _late(self, scope: str, delta: Delta) -> list[tuple[str, str, int]]:
        """Return what became of answers whose entries were taken before."""
        first = delta.entries[0][0][0] if delta.entries else None
        return [(str(became), scope, seq) for seq, became in delta.deliveries.items() if first is None or seq < first]

    def _count(self, scope: str, next_seq: int, origin: int | None = None) -> None:
        do = self._connection.execute
        do("INSERT OR IGNORE INTO scopes VALUES (?, 1, 1)", (scope,))
        do("UPDATE scopes SET next_seq = ?, origin = ifnull(?, origin) WHERE scope = ?", (next_seq, origin, scope))

    def _empty(self, scope: str, delta: Delta, places: dict[tuple[str, str], str | None]) -> None:
        do = self._connection.execute
        (held,) = do("SELECT total(weight) FROM log WHERE scope = ?", (scope,)).fetchone()
        self.grown -= int(held)
        do("DELETE FROM log WHERE scope = ?", (scope,))
        self._count(scope, delta.origin, delta.origin)
        if delta.notice == "reset":
            do("DELETE FROM cells WHERE scope = ?", (scope,))
            for place in [place for place in places if place[0] == scope]:
                del places[place]

    def _write_places(self, places: dict[tuple[str, str], str | None]) -> None:
        gone = [place for place, value in places.items() if value is None]
        self._connection.executemany("DELETE FROM cells WHERE scope = ? AND place = ?", gone)
        self._insert("cells", _CELL, [
            column for place, value in places.items() if value is not None for column in (*place, value)
        ])  # fmt: skip

    # -- what leaves --------------------------------------------------------------------------------------------------

    def let_go(self, is_due: Callable[[float], bool], *, but_newest: bool = False) -> None:
        """Delete the oldest entries of all scopes while they are due, by when they were written."""
        firsts = [(*first, scope) for scope in self._scopes() if (first := self._first_of(scope))]
        heapify(firsts)
        while firsts:
            scope = heappop(firsts)[2]
            gone = self._due_of(scope, firsts[0] if firsts else None, is_due, but_newest=but_newest)
            if not gone:
                return
            self._connection.execute("DELETE FROM log WHERE scope = ? AND seq <= ?", (scope, gone))
            if first := self._first_of(scope):
                heappush(firsts, (*first, scope))

    def _due_of(
        self, scope: str, others: tuple[float, int, str] | None, is_due: Callable[[float], bool], *, but_newest: bool
    ) -> int:
        """Return the last entry to go of this scope's first ones, which are older than the first of all others; 0 if none is."""
        gone = 0
        query = "SELECT written, seq, weight FROM log WHERE scope = ? ORDER BY seq LIMIT ?"
        rows = self._connection.execute(query, (scope, _LOOK + 1)).fetchall()
        ends = len(rows) <= _LOOK
        for place, (written, seq, weight) in enumerate(rows[:_LOOK]):
            is_newest = ends and others is None and place == len(rows) - 1
            if (is_newest and but_newest) or (others and (written, seq, scope) > others) or not is_due(written):
                break
            gone = seq
            self.grown -= weight
        return gone

    def let_go_of_texts(self) -> None:
        """Delete the header lines that no entry has any more."""
        oldest = [first[0] for scope in self._scopes() if (first := self._first_of(scope))]
        self._texts.let_go(self._connection, min(oldest, default=self.now))

    def _scopes(self) -> list[str]:
        return [scope for (scope,) in self._connection.execute("SELECT scope FROM scopes")]

    def _first_of(self, scope: str) -> tuple[float, int] | None:
        query = "SELECT written, seq FROM log WHERE scope = ? ORDER BY seq LIMIT 1"
        found: tuple[float, int] | None = self._connection.execute(query, (scope,)).fetchone()
        return found

    def _insert(self, table: str, columns: int, values: list[Any]) -> list[Any]:
        """Write rows, whose columns follow each other in `values`, in few statements. Returns an empty list."""
        done, row = 0, f"({', '.join('?' * columns)})"
        for number in _AT_ONCE:
            statement = f"INSERT OR REPLACE INTO {table} VALUES {', '.join([row] * number)}"
            while len(values) - done >= number * columns:
                self._connection.execute(statement, values[done : done + number * columns])
                done += number * columns
        return []


def _column(text: str | None) -> str | None:
    """Return a text that other tools may read, and nothing reads back: what is no character is escaped."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()
