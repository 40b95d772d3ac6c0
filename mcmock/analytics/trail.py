"""A list that only grows and can be forked at no cost. It decides nothing and knows nothing of sessions.

A judgement is asked for after every request, of sessions that run for thirty hours. Copying what such a session has
collected would cost more than judging it, so the copy for the open window shares the past and keeps its own tail.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Generic, TypeVar

T = TypeVar("T")


class Trail(Generic[T]):
    """Items in the order they were appended. A fork sees what was there, and appends for itself alone."""

    __slots__ = ("_own", "_past", "_shared")

    def __init__(self, past: list[T] | None = None) -> None:
        self._past: list[T] = past if past is not None else []
        self._shared = len(self._past)
        self._own: list[T] = []

    def append(self, item: T) -> None:
        self._own.append(item)

    def fork(self) -> Trail[T]:
        return Trail(self._own) if not self._shared else Trail(list(self))

    def __len__(self) -> int:
        return self._shared + len(self._own)

    def __iter__(self) -> Iterator[T]:
        return chain(islice(self._past, self._shared), self._own)

    def __getitem__(self, index: int) -> T:
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(f"there are {len(self)} items, not {index + 1}")
        return self._past[index] if index < self._shared else self._own[index - self._shared]

    def values(self) -> tuple[T, ...]:
        """Everything, as a tuple: one copy, done in C."""
        past = self._past if len(self._past) == self._shared else self._past[: self._shared]
        return (*past, *self._own)
