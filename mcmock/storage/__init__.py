"""Where a server's state is kept, by the words of `--store`: in memory, in a file, or in a Redis that servers share.

Each makes the emulators whose state it keeps. In memory, an Emulator has no backing; for a file it has a FileBacking, for a Redis
a SharedBacking, and each of these has a ledger for the emulator's scope (`mcmock.storage.base.Ledgers`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from mcmock.core.model import Exchange
from mcmock.engine import Emulator
from mcmock.storage.memory import MemoryStore
from mcmock.storage.write_behind import FileBacking


class Store(Protocol):
    """What keeps the state of a server."""

    @property
    def name(self) -> str:
        """What a message calls it; no password."""
        ...

    def emulator(self, *, lazy: bool = False, **options: Any) -> Emulator:
        """Return an emulator that knows what the store has kept, with the options of Emulator; `lazy` is SharedBacking's.

        Closing it closes the store. Raises ValueError for options that contradict each other, StoreUnavailable.
        """
        ...

    def close(self) -> None:
        """Let go of what it uses, once everything is in it."""
        ...


KINDS = "memory, sqlite:FILE, or redis://HOST:PORT/DATABASE"


def open_store(spec: str, *, max_bytes: int | None = None, max_age: float | None = None) -> Store:
    """Return the store that `spec` names. It has to be closed.

    `max_bytes` and `max_age` (seconds) bound what a file keeps of the log. Raises ValueError, with one line for the user,
    if there is no such store, or the file is no journal or cannot be opened.
    """
    kind, colon, rest = spec.partition(":")
    if spec == "memory":
        return MemoryStore()
    if kind == "sqlite" and rest:
        from mcmock.storage.sqlite import SqliteStore

        return SqliteStore(Path(rest), max_bytes=max_bytes, max_age=max_age)
    if kind in ("redis", "rediss", "unix") and colon:
        return _redis(spec)
    raise ValueError(f"there is no store {spec!r}: it is {KINDS}")


def _redis(url: str) -> Store:
    try:
        import redis  # noqa: F401
    except ImportError:
        raise ValueError("a Redis store needs the extra: pip install 'mcmock[redis]'") from None
    from mcmock.storage.redis import RedisStore

    return RedisStore(url)


def read_journal(path: Path | str, scope: str | None = None) -> Iterator[Exchange]:
    """Yield every request that a journal file holds, of one scope or of all; a server may be writing it meanwhile.

    Raises ValueError, with one line for the user, if there is no such file or it is no journal.
    """
    from mcmock.storage.sqlite import SqliteStore

    store = SqliteStore(Path(path), read_only=True)
    try:
        for name in store.scopes() if scope is None else [scope]:
            yield from Emulator(backing=FileBacking(store), scope=name, max_log_bytes=2**62).queries.iterate()
    finally:
        store.close()
