"""Tables: values by key, as an operation reads and changes them. They know nothing of what they hold.

A table has no iteration. Who needs every key says so by `scan`, so that a store that several servers share knows that the
operation rests on all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import islice
from typing import Final, Protocol, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

MAX_KEY: Final = 128
"""Characters of a key that stands for a text from outside; longer texts are stood for by their hash."""


class Table(Protocol[Key, Value]):
    """Values by key."""

    def get(self, key: Key, /) -> Value | None:
        """Return the value of a key, None where there is none."""
        ...

    def put(self, key: Key, value: Value, /) -> None:
        """Set the value of a key."""
        ...

    def remove(self, key: Key, /) -> None:
        """Remove a key; one that is not there is passed over."""
        ...

    def scan(self) -> list[Key]:
        """Return every key, in the order in which they were put. The operation then rests on all of them."""
        ...

    def oldest(self, number: int, stays: Callable[[Key], bool]) -> list[Key]:
        """Return up to `number` keys, those first that were put first, without those that `stays` names.

        The operation does not rest on them.
        """
        ...

    def move_to_end(self, key: Key, value: Value, /) -> None:
        """Set the value of a key, and make it the one that was put last."""
        ...

    def __len__(self) -> int: ...


class DirectTable(dict[Key, Value]):
    """A Table in memory: what an operation puts is there at once. Its owner may use it as the dict that it is."""

    put = put_logged = dict.__setitem__
    """`put_logged` is for an operation that also logs an entry which names the key: a store finds it there."""

    def remove(self, key: Key, /) -> None:
        self.pop(key, None)

    def scan(self) -> list[Key]:
        return list(self)

    def oldest(self, number: int, stays: Callable[[Key], bool]) -> list[Key]:
        return list(islice((key for key in self if not stays(key)), number))

    def move_to_end(self, key: Key, value: Value, /) -> None:
        self.remove(key)
        self.put(key, value)


def drop_oldest(table: Table[Key, Value], most: int, stays: Callable[[Key], bool] = lambda _: False) -> list[Value]:
    """Forget the oldest hundredth of a table that has grown beyond `most`, but for keys that stay. Return what was there.

    Many at once: to find the first key of a dict takes longer, the more keys before it have been removed.
    """
    if len(table) <= most:
        return []
    gone = {key: table.get(key) for key in table.oldest(most // 100 + 1, stays)}
    for key in gone:
        table.remove(key)
    return [value for value in gone.values() if value is not None]


def short_key(text: str) -> str:
    """Return a key that stands for a text: the text itself, or its hash if it is long."""
    return text if len(text) <= MAX_KEY else hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
