"""Where a server's state is kept, by the words of `--store`: in memory, in a file, or in a Redis that servers share.

`memory` is no store at all: an Emulator keeps what it has. The others implement `mcmock.ledger.Store`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcmock.emulator import Emulator
from mcmock.kept import KeptEmulator
from mcmock.ledger import Store
from mcmock.model import Exchange

KINDS = "memory, sqlite:FILE, or redis://HOST:PORT/DATABASE"


def open_store(spec: str, *, max_bytes: int | None = None, max_age: float | None = None) -> Store | None:
    """The store that `spec` names; None is memory. It has to be closed.

    `max_bytes` and `max_age` (seconds) bound what a file keeps of the log. Raises ValueError, with one line for the user,
    if there is no such store, or the file is no journal or cannot be opened.
    """
    kind, colon, rest = spec.partition(":")
    if spec == "memory":
        return None
    if kind == "sqlite" and rest:
        from mcmock.stores.sqlite import SqliteStore

        return SqliteStore(Path(rest), max_bytes=max_bytes, max_age=max_age)
    if kind in ("redis", "rediss", "unix") and colon:
        return _redis(spec)
    raise ValueError(f"there is no store {spec!r}: it is {KINDS}")


def _redis(url: str) -> Store:
    try:
        import redis  # noqa: F401
    except ImportError:
        raise ValueError("a Redis store needs the extra: pip install 'mcmock[redis]'") from None
    from mcmock.stores.redis import RedisStore

    return RedisStore(url)


def make_emulator(store: Store | None, *, lazy: bool = False, **options: Any) -> Emulator:
    """An Emulator that is kept by `store`; `lazy` is KeptEmulator's.

    Raises ValueError for options that contradict each other, StoreAway.
    """
    return Emulator(**options) if store is None else KeptEmulator(store, lazy=lazy, **options)


def read_journal(path: Path | str, scope: str | None = None) -> Iterator[Exchange]:
    """Every request that a journal file holds, of one scope or of all; a server may be writing it meanwhile.

    Raises ValueError, with one line for the user, if there is no such file or it is no journal.
    """
    from mcmock.stores.sqlite import SqliteStore

    store = SqliteStore(Path(path), read_only=True)
    try:
        for name in store.scopes() if scope is None else [scope]:
            yield from KeptEmulator(store, scope=name, max_log_bytes=2**62).each()
    finally:
        store.close()
