"""A log that survives: one SQLite file (WAL) keeps the log, the sessions and the clock of every scope of one server.

Rules of this file:

1. Nothing is written on the path of a request: a Change is put into a queue, and a thread writes what has gathered, some
   hundred times a second, each batch whole or not at all. After a kill -9, what was answered longer than `MOMENT` ago is
   there; after a power cut, what the operating system had put on the disk.
2. A file that is damaged, of another program, or of a newer mcmock is never written to, and never opened for writing.
3. What cannot be written (the disk is full) is kept and tried again, and until then no request is answered but by 503.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Any, Literal
from urllib.parse import quote

from mcmock import clock
from mcmock.emulator import DEFAULT_SCOPE, Emulator, mark
from mcmock.kept import KeptEmulator
from mcmock.ledger import (
    DEFAULT_JOURNAL_BYTES,
    FORMAT,
    Change,
    Snapshot,
    StoreAway,
    cell_from,
    entry_from,
    entry_text,
    place_text,
    value_text,
)
from mcmock.model import Delivery

MOMENT = 0.5
"""Seconds after its answer left by which a request is in the file, on a machine that keeps up."""

GATHERING = 0.01
"""Seconds that the writer lets Changes gather."""

LONGEST_WAIT = 5.0
"""Seconds that a request waits for a writer that is behind."""

PAUSE = 0.5
"""Seconds between attempts to write to a file that cannot be written."""

MOST_BEHIND = 0.1
"""Seconds that the writer may be behind before requests wait for it: so that `MOMENT` holds under any load."""

RETAINING = 10.0
"""Seconds between two looks for requests that are too old."""

ROOM = 0.95
"""The share of the bound that is left when it was passed: so that not every batch passes it again."""

APPLICATION = 0x6D634D6B  # in the header of the file: by this it is known to be ours

_DELIVERY = 9  # its place in a row of the log

_TABLES = """
CREATE TABLE log (
  scope TEXT, seq INTEGER, written REAL, at REAL, kind TEXT, event TEXT, session TEXT, verdict TEXT, status INTEGER,
  delivery TEXT, weight INTEGER, entry TEXT, PRIMARY KEY (scope, seq)) WITHOUT ROWID;
CREATE TABLE cells (scope TEXT, place TEXT, value TEXT, PRIMARY KEY (scope, place)) WITHOUT ROWID;
CREATE TABLE scopes (scope TEXT PRIMARY KEY, next_seq INTEGER, origin INTEGER) WITHOUT ROWID;
"""


class SqliteStore:
    """The file at `path`, made if there is none. `max_bytes` and `max_age` (seconds) bound what it keeps of the log.

    Raises ValueError, with one line for the user and nothing touched, for a file that is no journal or is in use.
    """

    def __init__(
        self, path: Path, *, max_bytes: int | None = None, max_age: float | None = None, read_only: bool = False
    ) -> None:
        self.path = path
        self._max_bytes, self._max_age = DEFAULT_JOURNAL_BYTES if max_bytes is None else max_bytes, max_age
        self._read_only = read_only
        self._queue: deque[tuple[float, str, Change]] = deque()
        self._failure: str | None = None
        self._held, self._retained = 0, -RETAINING
        self._wake, self._room, self._closed = threading.Event(), threading.Event(), False
        self._room.set()
        fresh = not path.exists() or path.stat().st_size == 0
        if fresh and read_only:
            raise ValueError(f"{path}: there is no such journal")
        if not fresh:
            _inspect(path)
        self._lock_file = None if read_only else _lock(path)
        try:
            self._reading = self._open(fresh)
        except sqlite3.Error as error:
            raise ValueError(f"{path} cannot be opened as a journal: {error}") from None
        if not read_only:
            self._thread = threading.Thread(target=self._write_on, name="mcmock journal", daemon=True)
            self._thread.start()

    @property
    def name(self) -> str:
        return str(self.path)

    def now(self) -> float:
        return clock.wall()

    def emulator(self, *, lazy: bool = False, **options: Any) -> Emulator:
        return KeptEmulator(self, lazy=lazy, **options)

    def ledger(self, scope: str, max_log_bytes: int) -> SqliteLedger:
        return SqliteLedger(self, scope, max_log_bytes)

    def scopes(self) -> list[str]:
        """The scopes that the file has something of, the default one first."""
        found = [str(name) for (name,) in self._reading.execute("SELECT scope FROM scopes ORDER BY scope")]
        return sorted(found, key=lambda name: name != DEFAULT_SCOPE)

    def scope_of(self, wanted: str) -> str | None:
        return next((name for name in self.scopes() if name != DEFAULT_SCOPE and mark(name) == wanted), None)

    def close(self) -> None:
        """Write what is waiting, and let go of the file."""
        if self._closed:
            return
        self._closed = True
        if not self._read_only:
            self._wake.set()
            self._thread.join()
        self._reading.close()
        if self._lock_file is not None:
            self._lock_file.close()

    def _open(self, fresh: bool) -> sqlite3.Connection:
        if self._read_only:
            return _connect(self.path, "ro")
        connection = _connect(self.path, "rwc")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if fresh:
            connection.executescript(
                f"BEGIN; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}; {_TABLES} COMMIT;"
            )
        return connection

    # -- writing ------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        if self._failure is not None:
            raise StoreAway(f"{self.path} cannot be written: {self._failure}")

    def put(self, scope: str, change: Change) -> None:
        """Have it written. Waits only if the writer has fallen far behind."""
        if self._read_only or self._closed:
            return
        now = clock.monotonic()
        self._room.clear()
        self._queue.append((now, scope, change))
        self._wake.set()
        if now - self._oldest(now) > MOST_BEHIND and self._failure is None:
            self._room.wait(LONGEST_WAIT)

    def _oldest(self, now: float) -> float:
        """Since when the Change that waits longest has been waiting."""
        try:
            return self._queue[0][0]
        except IndexError:  # written meanwhile
            return now

    def _write_on(self) -> None:
        with closing(_connect(self.path, "rw")) as connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            pause = threading.Event()
            while True:
                self._wake.wait()
                self._wake.clear()
                closing_down = self._closed
                pause.wait(0 if closing_down else GATHERING)
                written = self._write_batch(connection)
                if not written and not closing_down:
                    pause.wait(PAUSE)
                    self._wake.set()
                if closing_down:
                    return

    def _write_batch(self, connection: sqlite3.Connection) -> bool:
        """Write what has gathered, whole or not at all."""
        batch = [(scope, change) for _, scope, change in list(self._queue)]
        try:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                _Batch(connection, clock.wall()).write(batch)
                self._retain(connection, batch)
        except sqlite3.Error as error:
            self._failure = str(error)
            self._room.set()
            return False
        self._failure = None
        for _ in batch:
            self._queue.popleft()
        self._room.set()
        return True

    def _retain(self, connection: sqlite3.Connection, batch: list[tuple[str, Change]]) -> None:
        """Let the oldest requests go that are too old, or too many; the bytes are counted anew when that was done."""
        self._held += sum(change.weight for _, change in batch)
        due = clock.monotonic() >= self._retained + RETAINING
        if not due and self._held <= self._max_bytes:
            return
        self._retained = clock.monotonic()
        if self._max_age is not None:
            connection.execute("DELETE FROM log WHERE written < ?", (clock.wall() - self._max_age,))
        (held,) = connection.execute("SELECT total(weight) FROM log").fetchone()
        self._held = int(held)
        if self._held > self._max_bytes:
            self._make_room(connection, self._held - self._max_bytes * ROOM)

    def _make_room(self, connection: sqlite3.Connection, over: float) -> None:
        """Let the oldest requests go; the newest one always stays."""
        rows = connection.execute("SELECT scope, seq, weight FROM log ORDER BY written, seq").fetchall()
        leaving = []
        for scope, seq, weight in rows[:-1]:
            if over <= 0:
                break
            leaving.append((scope, seq))
            over -= weight
            self._held -= weight
        connection.executemany("DELETE FROM log WHERE scope = ? AND seq = ?", leaving)

    # -- reading ------------------------------------------------------------------------------------------------------

    def load(self, scope: str, max_log_bytes: int) -> Snapshot:
        """What the file holds of a scope, and of its log as much as the memory may hold."""
        read = self._reading.execute
        cells = tuple(cell_from(*row) for row in read("SELECT place, value FROM cells WHERE scope = ?", (scope,)))
        counted = read("SELECT next_seq, origin FROM scopes WHERE scope = ?", (scope,)).fetchone()
        next_seq, origin = counted or (1, 1)
        log = tuple(reversed(list(self._latest(scope, max_log_bytes))))
        return Snapshot(cells, log, next_seq, max(0, (log[0].seq if log else next_seq) - origin))

    def _latest(self, scope: str, max_log_bytes: int) -> Iterator[Change]:
        query = "SELECT seq, weight, delivery, entry FROM log WHERE scope = ? ORDER BY seq DESC"
        left = max_log_bytes
        for seq, weight, delivery, entry in self._reading.execute(query, (scope,)):
            left -= weight
            if left < 0:
                return
            settled = ((seq, Delivery(delivery)),) if delivery else ()
            yield Change(entry=entry_from(seq, entry), weight=weight, deliveries=settled, seq=seq)


class SqliteLedger:
    """One scope of the file."""

    shared: Literal[False] = False

    def __init__(self, store: SqliteStore, scope: str, max_log_bytes: int) -> None:
        self._store, self._scope, self._max_log_bytes = store, scope, max_log_bytes

    def load(self) -> Snapshot:
        return self._store.load(self._scope, self._max_log_bytes)

    def check(self) -> None:
        self._store.check()

    def commit(self, change: Change) -> None:
        if change.entry or change.writes or change.deliveries or change.notice:
            self._store.put(self._scope, change)

    def close(self) -> None:
        """The file belongs to the store."""


class _Batch:
    """Changes on their way into the file: of all that they did to one cell, only the last is written."""

    def __init__(self, connection: sqlite3.Connection, now: float) -> None:
        self._do, self._many, self._now = connection.execute, connection.executemany, now
        self._cells: dict[tuple[str, str], str | None] = {}
        self._next: dict[str, int] = {}
        self._rows: dict[tuple[str, int], list[Any]] = {}

    def write(self, batch: list[tuple[str, Change]]) -> None:
        for scope, change in batch:
            if change.notice in ("reset", "cleared"):
                self._empty(scope, change.notice)
            for cell in change.writes:
                self._cells[scope, place_text(cell)] = None if cell.value is None else value_text(cell)
            if change.entry is not None:
                self._log(scope, change)
            for seq, delivery in change.deliveries:
                self._settle(scope, seq, delivery)
        self._finish()

    def _settle(self, scope: str, seq: int, delivery: str) -> None:
        row = self._rows.get((scope, seq))
        if row is not None:
            row[_DELIVERY] = delivery
        else:
            self._do("UPDATE log SET delivery = ? WHERE scope = ? AND seq = ?", (delivery, scope, seq))

    def _log(self, scope: str, change: Change) -> None:
        assert change.entry is not None
        _, at, kind, _, _, _, _, event, session, verdict, status, *_ = change.entry
        self._rows[scope, change.seq] = [
            scope, change.seq, self._now, at, kind, event, session, verdict, status, None, change.weight,
            entry_text(change.entry),
        ]  # fmt: skip
        self._next[scope] = change.seq + 1

    def _empty(self, scope: str, notice: str) -> None:
        self._finish()
        self._do("DELETE FROM log WHERE scope = ?", (scope,))
        self._do("UPDATE scopes SET origin = next_seq WHERE scope = ?", (scope,))
        if notice == "reset":
            self._do("DELETE FROM cells WHERE scope = ?", (scope,))

    def _finish(self) -> None:
        gone = [place for place, value in self._cells.items() if value is None]
        kept = [(*place, value) for place, value in self._cells.items() if value is not None]
        self._many("DELETE FROM cells WHERE scope = ? AND place = ?", gone)
        self._many("INSERT OR REPLACE INTO cells VALUES (?, ?, ?)", kept)
        for scope, number in self._next.items():
            self._do("INSERT OR IGNORE INTO scopes VALUES (?, 1, 1)", (scope,))
            self._do("UPDATE scopes SET next_seq = ? WHERE scope = ?", (number, scope))
        self._many("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self._rows.values())
        self._cells, self._next, self._rows = {}, {}, {}


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=10)


def _inspect(path: Path) -> None:
    """Raise ValueError unless the file is a sound journal that this mcmock can read. Changes nothing."""
    try:
        with closing(_connect(path, "ro")) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if application != APPLICATION:
                raise ValueError(f"{path} is no journal of mcmock: choose another file")
            if version > FORMAT:
                raise ValueError(f"{path} was written by a newer mcmock: update this one, or choose another file")
            (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise ValueError(
            f"{path} is damaged, or no journal of mcmock ({error}): move it away, or restore a copy"
        ) from None
    if sound != "ok":
        words = str(sound).replace("\n", " ")
        raise ValueError(f"{path} is damaged ({words}): move it away, or restore a copy")


def _lock(path: Path) -> IO[Any] | None:
    """Hold the file for this process: two servers on one journal would each miss what the other does."""
    try:
        import fcntl
    except ImportError:  # Windows: SQLite's own locks keep the file sound
        return None
    beside = path.with_name(path.name + ".lock")
    try:
        held = beside.open("a+")
    except OSError as error:
        raise ValueError(f"{path} cannot be opened as a journal: {error.strerror}") from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.seek(0)
        owner = held.read().strip()
        held.close()
        raise ValueError(f"{path} is in use by another mcmock (process {owner}): choose another file") from None
    with suppress(OSError):
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
    return held
