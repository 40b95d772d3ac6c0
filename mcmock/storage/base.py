"""What a store has to keep of an emulator: its log and a few tables, and the one way in which they change.

A Change is all that one request, or one call of the control API, does to an emulator. A ledger takes it whole or not at
all: not if a value that it rests on (`reads`) has been changed meanwhile by another process. So every process that follows
the same ledger takes the same Changes in the same order, and has the same log and the same sessions. It knows no files
and no sockets; `mcmock.storage` does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

from mcmock.engine.changes import Change, Delta, Row

DEFAULT_JOURNAL_BYTES = 1024**3
"""What a file keeps of the log; the memory of a server that starts holds `max_log_bytes` of it."""


JOURNAL = b"SQLite format 3\0"
"""What a file that keeps the log begins with."""


class CommitResult(NamedTuple):
    """What became of a Change: whether it was taken, where, its entry's number, and all that was new, oldest first.

    One that came too late is told, if there is no news, what stood at the places that it rested on, after which position.

    `lost` says that the ledger has gone on without us for too long, or was begun anew: it has to be loaded again.
    """

    accepted: bool
    seq: int = 0
    news: tuple[Change, ...] = ()
    lost: bool = False
    position: int = 0
    current: tuple[Row, ...] = ()


class Snapshot(NamedTuple):
    """What a ledger holds after the Change at `position`: the tables, and the log as the Changes that it came from.

    `next_seq` and `evicted` are how the log counts on; entries come with their `seq`, oldest first.
    """

    cells: tuple[Row, ...]
    log: tuple[Change, ...]
    next_seq: int = 1
    evicted: int = 0
    position: int = 0

    @property
    def first_seq(self) -> int:
        """The number of the oldest entry, or the one that the next entry gets."""
        return next((change.seq for change in self.log if change.entry is not None), self.next_seq)


class _Ledger(Protocol):
    """What keeps one scope. Every method may be called from any thread."""

    def load(self) -> Snapshot:
        """Return all of it; what comes after this moment is news."""
        ...

    def check(self) -> None:
        """Raise StoreUnavailable if nothing can be kept at the moment."""
        ...

    def close(self) -> None:
        """No more of this from now on; what was committed is safe."""
        ...


class PrivateLedger(_Ledger, Protocol):
    """One that nobody else changes: whatever was done is kept, a moment later."""

    shared: Literal[False]

    def keep(self, take: Callable[[], Delta]) -> None:
        """From now on keep what `take` returns: what was done since it was called last. Another thread calls it."""
        ...

    def touch(self) -> None:
        """Something was done. Waits, if the store is far behind: not to be called under the emulator's lock."""
        ...


class SharedLedger(_Ledger, Protocol):
    """One that other processes change, too. `load`, `commit_all` and `news` wait for the network and raise StoreUnavailable: none
    of them is called under the emulator's lock."""

    shared: Literal[True]

    def commit_all(self, changes: list[Change], since: int, news: bool) -> list[CommitResult]:
        """Take Changes that were decided, one upon the other, by what stood there after position `since`.

        Each is taken if what it rests on still stands. With `news`, the first answer brings all of it, and with it those of
        the Changes that were taken.
        """
        ...

    def news(self, since: int) -> CommitResult:
        """Return what was changed after position `since`."""
        ...

    def work(self, call: Callable[[], None]) -> None:
        """Call `call` at once, on the one thread of the store that waits for Changes to be taken; twice is once."""
        ...

    def soon(self, call: Callable[[], None]) -> None:
        """Call `call` once, on a thread of the store, in a moment."""
        ...

    def follow(self, wake: Callable[[], None]) -> None:
        """Call `wake`, on a thread of the store, when there is news."""
        ...

    def leave(self) -> None:
        """Tell of no more news."""
        ...


class Ledgers(Protocol):
    """What has a ledger for each scope of a server: a store, to the emulators that it keeps."""

    @property
    def name(self) -> str:
        """What a message calls it; no password."""
        ...

    @property
    def failure(self) -> str | None:
        """Why nothing can be kept at the moment; None while it can."""
        ...

    def now(self) -> float:
        """Seconds since the epoch, the same for all who share the store."""
        ...

    def ledger(self, scope: str, max_log_bytes: int) -> PrivateLedger | SharedLedger: ...

    def has_named_scopes(self) -> bool:
        """Return whether `scope_of` may find one by now."""
        ...

    def scope_of(self, mark: str) -> str | None:
        """Return the named scope whose session ids end in `mark`, if the store has one."""
        ...

    def close(self) -> None: ...
