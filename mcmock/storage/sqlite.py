"""A log that survives: one SQLite file (WAL) keeps the log, the sessions and the clock of every scope of one server.

Rules of this file:

1. Nothing is written, or made ready for it, on the path of a request: it says that something was done in its scope, and a thread
   takes what that was a few times a second and writes it whole or not at all. After a kill -9, what was answered longer than
   `DURABILITY_DELAY` ago is there; after a power cut, what the operating system had put on the disk.
2. A file that is damaged, of another program, or of a newer mcmock is never written to, and never opened for writing.
3. What cannot be written (the disk is full) is kept and tried again, and until then no request is answered but by 503.
   Whatever the reason is: nothing ends the writer but closing, and an entry that cannot be written holds up no earlier one.
4. Before each batch, and once a `LOOK` when there is nothing to write, it is seen that the file is still the same. What was
   answered up to then follows it, if it was moved; after that it is as if the file could not be written.
5. Whatever comes from outside can be written: texts stand in the file as JSON, bodies as bytes. The columns that other tools
   may read have an escape for what is no character.
"""

from __future__ import annotations

import logging
import math
import os
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
from mcmock.engine.changes import Change, Delta, StoreUnavailable
from mcmock.storage import journal_earlier
from mcmock.storage.base import DEFAULT_JOURNAL_BYTES, Snapshot
from mcmock.storage.codec import cell_from
from mcmock.storage.journal_batch import TABLES, Batch
from mcmock.storage.journal_file import JournalFile, is_beside, real, refuse_other_name
from mcmock.storage.journal_runs import FIRST_FORMAT, latest_of
from mcmock.storage.write_behind import FileBacking

_logger = logging.getLogger("mcmock")

DURABILITY_DELAY = 0.5
"""Seconds after its answer left by which a request is in the file, on a machine that keeps up."""

BATCH_DELAY = 0.2
"""Seconds that the writer lets gather what is done: a session's place is written once for all its events in them."""

MAX_WAIT = 5.0
"""Seconds that a request waits for a writer that is behind. One that has written nothing for so long is held to be unable to."""

PAUSE = 0.5
"""Seconds between attempts to write to a file that cannot be written."""

LOOK = 1.0
"""Seconds between two looks at a file to which nothing is written."""

MAX_BEHIND = 0.4
"""Seconds that the writer may be behind before requests wait for it: so that `DURABILITY_DELAY` holds under any load."""

PAGE = 16_384
"""Bytes of a page of a new file: a run is some hundred KiB, and each page costs calls to the system, when it is written and
when it is copied into the file."""

CHECKPOINT = 4 * 1024**2
"""Bytes beside the file after which they are copied into it."""

RETAINING = 10.0
"""Seconds between two looks for requests that are too old."""

ROOM = 0.95
"""The share of the bound that is left when it was passed: so that not every batch passes it again."""

FORMAT = 5
"""Of the file. One of a higher format was written by a newer mcmock, and is not touched; an older one becomes one of this."""

APPLICATION = 0x6D634D6B  # in the header of the file: by this it is known to be ours


class SqliteStore:
    """The file at `path`, made if there is none. `max_bytes` and `max_age` (seconds) bound what it keeps of the log.

    Raises ValueError, with one line for the user and nothing touched, for a file that is no journal or is in use.
    """

    def __init__(
        self, path: Path, *, max_bytes: int | None = None, max_age: float | None = None, read_only: bool = False
    ) -> None:
        self.path = path
        self._max_bytes, self._max_age = DEFAULT_JOURNAL_BYTES if max_bytes is None else max_bytes, max_age
        self._touched: deque[SqliteLedger] = deque()  # the scopes in which something was done
        self._queue: deque[tuple[str, Delta]] = deque()  # what was taken from them
        self._since: float | None = None  # when the first of them was touched
        self._waiting_since: float | None = None  # the same of what is in the queue
        self.behind_after = math.inf  # from then on, by the monotonic clock, requests wait for the writer
        self.failure: str | None = None
        self._retained = -RETAINING
        self._wake, self._hurry, self._room, self._closing = (threading.Event() for _ in range(4))
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
            self._held = int(self._writing.execute("SELECT total(weight) FROM runs").fetchone()[0])
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

    def has_named_scopes(self) -> bool:
        return any(name != DEFAULT_SCOPE for name in self.scopes())

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
        self._hurry.set()
        self._wake.set()
        self._thread.join()
        self._writing.close()
        self._reading.close()
        self._file.release()
        self._take()
        if left := sum(len(delta.entries) or any(delta[1:]) for _, delta in self._queue):
            _logger.error("%s: the last %d changes were not written: %s", self.path, left, self.failure)

    def _open(self, fresh: bool) -> sqlite3.Connection:
        connection = _connect(self.path, "rwc")
        if fresh:
            connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        (page,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT // page}")
        if fresh:
            _make(connection)
        elif (earlier := _format_of(connection)) < FORMAT:
            journal_earlier.convert(connection, earlier, FORMAT)
        return connection

    # -- writing ------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        if self.failure is not None:
            raise StoreUnavailable(f"{self.path} cannot be written: {self.failure}")

    def touch(self, ledger: SqliteLedger) -> None:
        """Have what was done there written."""
        if self._file is None or self._closing.is_set():
            return
        ledger.is_touched = True
        self._touched.append(ledger)
        if self._since is None:
            self._since = clock.monotonic()
            self._note_since()
            self._wake.set()

    def _note_since(self) -> None:
        """Set when requests begin to wait for the writer, by what has waited for it longest."""
        since = self._waiting_since or self._since
        self.behind_after = math.inf if since is None else since + MAX_BEHIND

    def _is_behind(self) -> bool:
        """Return whether the writer has fallen far behind, though it can write."""
        return clock.monotonic() > self.behind_after and self.failure is None

    def wait_for_room(self) -> None:
        """Wait until the writer has caught up; one that does not is held to be unable to write."""
        self._room.clear()
        self._hurry.set()
        if self._is_behind() and not self._closing.is_set() and not self._room.wait(MAX_WAIT):
            self._fail(f"nothing was written for {MAX_WAIT:g} seconds")
            self._wake.set()  # a writer that has caught up just now says so again

    def _flush(self, scope: str) -> None:
        """Wait until all that was done in a scope is written. Raises StoreUnavailable if it cannot be."""
        latest = clock.monotonic() + MAX_WAIT
        while self._file is not None and self._has_waiting(scope) and not self._closing.is_set():
            self.check()
            if clock.monotonic() > latest:
                raise StoreUnavailable(f"{self.path} cannot be written: nothing was written for {MAX_WAIT:g} seconds")
            self._room.clear()
            self._hurry.set()
            self._wake.set()
            self._room.wait(BATCH_DELAY)

    def _has_waiting(self, scope: str) -> bool:
        touched = any(ledger.scope == scope for ledger in self._touched.copy())
        return touched or any(name == scope for name, _ in self._queue.copy())

    def _write_on(self) -> None:
        try:
            while not self._closing.is_set():
                self._wake.wait(LOOK)
                self._wake.clear()
                self._hurry.wait(BATCH_DELAY)
                self._hurry.clear()
                if not self._write_waiting():
                    self._closing.wait(PAUSE)
                    self._wake.set()
            self._write_waiting()
        finally:
            self.failure = self.failure or "its writer has ended"

    def _write_waiting(self) -> bool:
        """Write what waits; False, and the reason is known, if that cannot be."""
        assert self._file is not None
        try:
            happened = self._file.what_happened()
            if happened is None or self._file.is_whole():  # one that was moved gets what was answered up to now
                self._take()
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
        self.failure = self._waiting_since = None
        self._note_since()
        self._room.set()
        return True

    def _take(self) -> None:
        """Take what was done in each scope into the queue."""
        since, self._since = self._since, None
        self._waiting_since = self._waiting_since or since
        self._note_since()
        for _ in range(len(self._touched)):
            ledger = self._touched[0]
            ledger.is_touched = False
            self._queue.append((ledger.scope, ledger.take()))
            self._touched.popleft()

    def _gather_in_the_file(self) -> None:
        """Leave nothing in the log that SQLite keeps beside it: it is not by the same name any more, or not there."""
        assert self._file is not None
        if self._file.is_whole():
            self._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._file.note()

    def _fail(self, why: str, *, trace: bool = False) -> None:
        """Say so to whoever asks and, when it is news, in the server's own log."""
        known, self.failure = self.failure, why
        self._room.set()
        if known != why:
            _logger.error("%s cannot be written: %s", self.path, why, exc_info=trace)

    def _write(self, count: int) -> None:
        """Write as much of the queue. If one entry cannot be written, write those before it, and raise."""
        try:
            self._write_batch(count)
        except sqlite3.OperationalError:  # it is the file that cannot be written
            raise
        except Exception:
            if count > 1:
                self._write(count // 2)
                self._write(count - count // 2)
            elif self._split_first():
                self._write(1)
                self._write(1)
            else:
                raise

    def _split_first(self) -> bool:
        """Make two of the first in the queue; False if it is no more than one entry."""
        scope, delta = self._queue[0]
        half = len(delta.entries) // 2
        if not half:
            return False
        later = Delta(delta.entries.part(half), delta.deliveries, delta.rows)
        self._queue[0] = (scope, later)
        self._queue.appendleft((scope, Delta(delta.entries.part(0, half), {}, (), delta.notice, delta.origin)))
        return True

    def _write_batch(self, count: int) -> None:
        """Write the first that wait, whole or not at all."""
        assert self._file is not None
        batch = Batch(self._writing, clock.wall())
        with self._writing as connection:
            connection.execute("BEGIN IMMEDIATE")
            batch.write(list(islice(self._queue, count)))
            self._retain(batch)
        self._held += batch.grown
        for _ in range(count):
            self._queue.popleft()
        self._file.note()

    # -- what leaves --------------------------------------------------------------------------------------------------

    def _retain(self, batch: Batch) -> None:
        """Let the oldest requests go that are too old, or too many."""
        if clock.monotonic() >= self._retained + RETAINING:
            self._retained = clock.monotonic()
            if self._max_age is not None:
                too_old = clock.wall() - self._max_age
                batch.let_go(lambda written: written < too_old)
        if self._held + batch.grown > self._max_bytes:
            most = self._max_bytes * ROOM
            batch.let_go(lambda _: self._held + batch.grown > most, but_newest=True)

    # -- reading ------------------------------------------------------------------------------------------------------

    def load(self, scope: str, max_log_bytes: int) -> Snapshot:
        """Return what the file holds of a scope, and of its log as much as the memory may hold. Raises StoreUnavailable."""
        self._flush(scope)  # it may have been forgotten just now
        read = self._reading.execute
        cells = tuple(cell_from(*row) for row in read("SELECT place, value FROM cells WHERE scope = ?", (scope,)))
        counted = read("SELECT next_seq, origin FROM scopes WHERE scope = ?", (scope,)).fetchone()
        next_seq, origin = counted or (1, 1)
        log = tuple(reversed(list(self._latest(scope, max_log_bytes))))
        return Snapshot(cells, log, next_seq, max(0, (log[0].seq if log else next_seq) - origin))

    def _latest(self, scope: str, max_log_bytes: int) -> Iterator[Change]:
        """Yield the entries of a scope as the Changes that they came from, the newest first."""
        left = max_log_bytes
        latest = latest_of if _format_of(self._reading) >= FIRST_FORMAT else journal_earlier.latest_of
        for entry, delivery, weight in latest(self._reading, scope):
            left -= weight
            if left < 0:
                return
            settled = ((entry.seq, delivery),) if delivery is not Delivery.PENDING else ()
            yield Change(entry=entry, weight=weight, deliveries=settled, seq=entry.seq)


class SqliteLedger:
    """One scope of the file."""

    shared: Literal[False] = False

    def __init__(self, store: SqliteStore, scope: str, max_log_bytes: int) -> None:
        self._store, self.scope, self._max_log_bytes = store, scope, max_log_bytes
        self.check = store.check
        self.take: Callable[[], Delta]
        self.is_touched = False

    def load(self) -> Snapshot:
        return self._store.load(self.scope, self._max_log_bytes)

    def keep(self, take: Callable[[], Delta]) -> None:
        self.take = take

    def touch(self) -> None:
        if not self.is_touched:
            self._store.touch(self)
        elif clock.monotonic() > self._store.behind_after:
            self._store.wait_for_room()

    def close(self) -> None:
        """The file belongs to the store."""


def _opened(path: Path, connect: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    try:
        return connect()
    except sqlite3.Error as error:
        raise ValueError(f"{path} cannot be opened as a journal: {error}") from None
    except ValueError as error:  # of an entry that was to become one of today's format
        raise ValueError(f"{path} is damaged ({error}): move it away, or restore a copy") from None


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    file = real(path)
    address = f"file:{quote(str(file))}?mode={mode}"
    if mode == "ro" and not os.access(file.parent, os.W_OK) and not is_beside(file):
        address += "&immutable=1"  # SQLite would make files beside it, and there are none whose content is needed
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=10)


def _make(connection: sqlite3.Connection) -> None:
    with connection:
        connection.execute("BEGIN")
        for statement in (f"PRAGMA application_id = {APPLICATION}", f"PRAGMA user_version = {FORMAT}", *TABLES):
            connection.execute(statement)


def _format_of(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _inspect(path: Path) -> None:
    """Raise ValueError unless the file is a sound journal that this mcmock can read. Changes nothing."""
    try:
        with closing(_connect(path, "ro")) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            if application != APPLICATION:
                raise ValueError(f"{path} is not a mcmock journal: choose another file")
            if _format_of(connection) > FORMAT:
                raise ValueError(f"{path} was written by a newer mcmock: update this one, or choose another file")
            (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        raise ValueError(f"{path} cannot be opened as a journal: {error}") from None
    except sqlite3.Error as error:
        raise ValueError(
            f"{path} is damaged, or not a mcmock journal ({error}): move it away, or restore a copy"
        ) from None
    if sound != "ok":
        words = str(sound).replace("\n", " ")
        raise ValueError(f"{path} is damaged ({words}): move it away, or restore a copy")
