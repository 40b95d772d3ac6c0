"""Journals of formats 1 to 4: how they become ones of today, and how those are read that had a row for each entry, 1 to 3.

From format 3 on, header lines that entries share stood once in a table `texts`, and an entry had their number.
Format 4 had runs, which are read as they are, and a view of the log that showed no targets.
"""

from __future__ import annotations

import heapq
import json
import sqlite3
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

from mcmock.core.model import Delivery
from mcmock.engine.log import Entry
from mcmock.storage import journal_runs
from mcmock.storage.codec import entry_from
from mcmock.storage.journal_batch import Batch
from mcmock.storage.journal_runs import FIRST_FORMAT, MOST, gathered, runs_of

MAX_KNOWN: Final = 1024
"""Sets of header lines that are remembered."""


def latest_of(connection: sqlite3.Connection, scope: str) -> Iterator[tuple[Entry, Delivery, int]]:
    """Yield the entries of a scope, the newest first, with what became of their answers and the bytes that each takes."""
    read = _reader(connection)
    query = "SELECT seq, entry, delivery, weight FROM log WHERE scope = ? ORDER BY seq DESC"
    for seq, entry, delivery, weight in connection.execute(query, (scope,)):
        yield *read(seq, entry, delivery), weight


def _reader(connection: sqlite3.Connection) -> Callable[[int, str, str | None], tuple[Entry, Delivery]]:
    """Return a function that reads an entry, and what became of its answer, from the columns of a row."""

    @lru_cache(MAX_KNOWN)
    def shared(number: int) -> Any:
        (text,) = connection.execute("SELECT text FROM texts WHERE number = ?", (number,)).fetchone()
        return json.loads(text)

    return lambda seq, entry, delivery: (entry_from(seq, entry, shared), Delivery(delivery or Delivery.PENDING))


def convert(connection: sqlite3.Connection, earlier: int, version: int) -> None:
    """Make a journal of the format `earlier` one of `version`, whole or not at all.

    Raises ValueError for an entry that no mcmock has written.
    """
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if earlier < FIRST_FORMAT:
            _make_runs(connection)
        else:  # the runs themselves are read as they are
            connection.execute("DROP VIEW log")
            connection.execute(journal_runs.VIEW)
        connection.execute(f"PRAGMA user_version = {version}")


def _make_runs(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE log RENAME TO earlier")
    for statement in journal_runs.TABLES:
        connection.execute(statement)
    _move_entries(connection)
    connection.execute("DROP TABLE earlier")
    connection.execute("DROP TABLE IF EXISTS texts")


def _move_entries(connection: sqlite3.Connection) -> None:
    """Write all entries as runs: those first that were written first, and those of one scope in their order."""
    read = _reader(connection)
    scopes = connection.execute("SELECT DISTINCT scope FROM earlier").fetchall()
    batch = Batch(connection, 0.0)
    waiting: list[tuple[Entry, Delivery]] = []
    latest: tuple[Any, ...] = ()  # row
    for row in heapq.merge(*(_rows(connection, scope) for (scope,) in scopes), key=_when):
        _, scope, seq, entry, delivery = row
        if waiting and ((scope, seq - 1) != latest[1:3] or len(waiting) == MOST):
            _write(batch, latest, waiting)
            waiting = []
        waiting.append(read(seq, entry, delivery))
        latest = row
    if waiting:
        _write(batch, latest, waiting)


def _rows(connection: sqlite3.Connection, scope: str) -> Iterator[tuple[Any, ...]]:
    query = "SELECT written, scope, seq, entry, delivery FROM earlier WHERE scope = ? ORDER BY seq"
    yield from connection.execute(query, (scope,))


def _when(row: tuple[Any, ...]) -> float:
    written: float = row[0]
    return written


def _write(batch: Batch, latest: tuple[Any, ...], entries: list[tuple[Entry, Delivery]]) -> None:
    written, scope, *_ = latest
    for run in runs_of(gathered(entries)):
        batch.insert(scope, [run], written)
