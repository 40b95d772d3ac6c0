"""A log that survives: one SQLite file (WAL) keeps the log, the sessions and the clock of every scope of one server.

Rules of this file:

1. Nothing is written on the path of a request: a Change is put into a queue, and a thread writes what has gathered, some
   hundred times a second, each batch whole or not at all. After a kill -9, what was answered longer than `MOMENT` ago is
   there; after a power cut, what the operating system had put on the disk.
2. A file that is damaged, of another program, or of a newer mcmock is never written to, and never opened for writing.
3. What cannot be written (the disk is full) is kept and tried again, and until then no request is answered but by 503.
   Whatever the reason is: nothing ends the writer but closing, and a Change that cannot be written holds up no earlier one.
4. Before each batch, and once a `LOOK` when there is nothing to write, it is seen that the file is still the same. What was
   answered up to then follows it, if it was moved; after that it is as if the file could not be written.
5. Whatever comes from outside can be written: texts stand in the file as JSON in ASCII. The columns beside it, which are for
   other tools, have an escape for what is no character.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from mcmock.core import clock
from mcmock.core.model import Delivery
from mcmock.engine import DEFAULT_SCOPE, Emulator, mark
from mcmock.engine.changes import Change, StoreUnavailable
from mcmock.storage.base import DEFAULT_JOURNAL_BYTES, Snapshot
from mcmock.storage.codec import FORMAT, cell_from, cell_texts, entry_from, entry_text
from mcmock.storage.journal_file import JournalFile, real, refuse_other_name
from mcmock.storage.write_behind import FileBacking

_logger = logging.getLogger("mcmock")

MOMENT = 0.5
"""Seconds after its answer left by which a request is in the file, on a machine that keeps up."""

GATHERING = 0.01
"""Seconds that the writer lets Changes gather."""

MAX_WAIT = 5.0
"""Seconds that a request waits for a writer that is behind. One that has written nothing for so long is held to be unable to."""

PAUSE = 0.5
"""Seconds between attempts to write to a file that cannot be written."""

LOOK = 1.0
"""Seconds between two looks at a file to which nothing is written."""

MAX_BEHIND = 0.1
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
        self._queue: deque[tuple[float, str, Change]] = deque()
        self._failure: str | None = None
        self._held, self._retained = 0, -RETAINING
        self._wake, self._room, self._closing = threading.Event(), threading.Event(), threading.Event()
        self._room.set()
        self._file: JournalFile | None = None
        fresh = not path.exists() or path.stat().st_size == 0
        if fresh and read_only:
            raise ValueError(f"{path}: there is no such journal")
        if not fresh:
            refuse_other_name(path)
            _inspect(path)
        if read_only:
            self._reading = _opened(path, lambda: _connect(path, "ro"))
            return
        self._file = JournalFile(path)
        try:
            self._reading = _opened(path, lambda: self._open(fresh))
            self._writing = _opened(path, lambda: self._open(fresh=False))
            self._file.note()
        except BaseException:
            self._file.release()
            raise
        self._thread = threading.Thread(target=self._write_on, name="mcmock journal", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        return str(self.path)

    def now(self) -> float:
        return clock.wall()

    def emulator(self, *, lazy: bool = False, **options: Any) -> Emulator:  # noqa: ARG002
        return Emulator(backing=FileBacking(self), **options)

    def ledger(self, scope: str, max_log_bytes: int) -> SqliteLedger:
        return SqliteLedger(self, scope, max_log_bytes)

    def scopes(self) -> list[str]:
        """Return the scopes that the file has something of, the default one first."""
        found = [str(name) for (name,) in self._reading.execute("SELECT scope FROM scopes ORDER BY scope")]
        return sorted(found, key=lambda name: name != DEFAULT_SCOPE)

    def scope_of(self, wanted: str) -> str | None:
        return next((name for name in self.scopes() if name != DEFAULT_SCOPE and mark(name) == wanted), None)

    def close(self) -> None:
        """Write what is waiting, and let go of the file."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._file is None:
            self._reading.close()
            return
        self._wake.set()
        self._thread.join()
        self._writing.close()
        self._reading.close()
        self._file.release()
        if self._queue:
            _logger.error("%s: the last %d changes were not written: %s", self.path, len(self._queue), self._failure)

    def _open(self, fresh: bool) -> sqlite3.Connection:
        connection = _connect(self.path, "rwc")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        if fresh:
            connection.executescript(f"BEGIN; PRAGMA application_id = {APPLICATION}; {_TABLES} COMMIT;")
        return connection

    # -- writing ------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        if self._failure is not None:
            raise StoreUnavailable(f"{self.path} cannot be written: {self._failure}")

    def put(self, scope: str, change: Change) -> None:
        """Have it written. Waits only if the writer has fallen far behind."""
        if self._file is None or self._closing.is_set():
            return
        now = clock.monotonic()
        self._room.clear()
        self._queue.append((now, scope, change))
        self._wake.set()
        if now - self._oldest(now) <= MAX_BEHIND or self._failure is not None:
            return
        if not self._room.wait(MAX_WAIT):
            self._fail(f"nothing was written for {MAX_WAIT:g} seconds")
            self._wake.set()  # a writer that has caught up just now says so again

    def _oldest(self, now: float) -> float:
        """Since when the Change that waits longest has been waiting."""
        try:
            return self._queue[0][0]
        except IndexError:  # written meanwhile
            return now

    def _write_on(self) -> None:
        try:
            while not self._closing.is_set():
                self._wake.wait(LOOK)
                self._wake.clear()
                self._closing.wait(GATHERING)
                if not self._write_waiting():
                    self._closing.wait(PAUSE)
                    self._wake.set()
            self._write_waiting()
        finally:
            self._failure = self._failure or "its writer has ended"

    def _write_waiting(self) -> bool:
        """Write what waits; False, and the reason is known, if that cannot be."""
        assert self._file is not None
        try:
            happened = self._file.what_happened()
            if happened is None or self._file.is_whole():  # one that was moved gets what was answered up to now
                self._write(len(self._queue))
            if happened is not None:
                self._gather_in_the_file()
                self._fail(happened)
                return False
        except (sqlite3.Error, OSError) as error:
            self._fail(str(error))
            return False
        except Exception as error:  # a bug of ours: rule 3
            self._fail(f"{type(error).__name__}: {error}", trace=True)
            return False
        self._failure = None
        self._room.set()
        return True

    def _gather_in_the_file(self) -> None:
        """Leave nothing in the log that SQLite keeps beside it: it is not by the same name any more, or not there."""
        assert self._file is not None
        if self._file.is_whole():
            self._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._file.note()

    def _fail(self, why: str, *, trace: bool = False) -> None:
        """Say so to whoever asks and, when it is news, in the server's own log."""
        known, self._failure = self._failure, why
        self._room.set()
        if known != why:
            _logger.error("%s cannot be written: %s", self.path, why, exc_info=trace)

    def _write(self, count: int) -> None:
        """Write as many of those that wait. If one of them cannot be written, write those before it, and raise."""
        try:
            self._write_batch(count)
        except sqlite3.OperationalError:  # it is the file that cannot be written
            raise
        except Exception:
            if count <= 1:
                raise
            self._write(count // 2)
            self._write(count - count // 2)

    def _write_batch(self, count: int) -> None:
        """Write the first that wait, whole or not at all."""
        assert self._file is not None
        batch = [(scope, change) for _, scope, change in islice(self._queue, count)]
        with self._writing as connection:
            connection.execute("BEGIN IMMEDIATE")
            _Batch(connection, clock.wall()).write(batch)
            self._retain(connection, batch)
        for _ in batch:
            self._queue.popleft()
        self._file.note()

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
        """Return what the file holds of a scope, and of its log as much as the memory may hold."""
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
                place, value = cell_texts(cell)
                self._cells[scope, place] = value
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
            scope, change.seq, self._now, at, kind, _column(event), _column(session), verdict, status, None, change.weight,
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


def _column(text: str | None) -> str | None:
    """Return a text that other tools may read, and nothing reads back: what is no character is escaped. Rule 5."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()


def _opened(path: Path, connect: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    try:
        return connect()
    except sqlite3.Error as error:
        raise ValueError(f"{path} cannot be opened as a journal: {error}") from None


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    address = f"file:{quote(str(real(path)))}?mode={mode}"
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=10)


def _inspect(path: Path) -> None:
    """Raise ValueError unless the file is a sound journal that this mcmock can read. Changes nothing."""
    try:
        with closing(_connect(path, "ro")) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if application != APPLICATION:
                raise ValueError(f"{path} is not a mcmock journal: choose another file")
            if version > FORMAT:
                raise ValueError(f"{path} was written by a newer mcmock: update this one, or choose another file")
            (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise ValueError(
            f"{path} is damaged, or not a mcmock journal ({error}): move it away, or restore a copy"
        ) from None
    if sound != "ok":
        words = str(sound).replace("\n", " ")
        raise ValueError(f"{path} is damaged ({words}): move it away, or restore a copy")
