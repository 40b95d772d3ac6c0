"""Pages of a list: which part of it is asked for, and where the next one begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

from mcmock.core.wording import shown

T = TypeVar("T")


class Window(NamedTuple):
    """What is asked for: at most `limit` of a list, all where it is None, behind its first `since`."""

    since: int = 0
    limit: int | None = None

    def of(self, values: Sequence[T]) -> Sequence[T]:
        """Return the part of a list that is asked for."""
        return values[self.since : None if self.limit is None else self.since + self.limit]

    def next(self, total: int) -> int | None:
        """Return the `since` of the next page of a list that has `total`, None where there is none."""
        stop = total if not self.limit else self.since + self.limit
        return stop if stop < total else None


EVERYTHING: Final = Window()


def page_by_name(
    values: Sequence[T], name_of: Callable[[T], str], since: str | None, limit: int | None
) -> tuple[Sequence[T], str | None]:
    """Return at most `limit` of the values, those behind the one named `since`, and the name of the last if there are more.

    Raises ValueError where nothing has that name.
    """
    names = [name_of(value) for value in values]
    if since is not None and since not in names:
        raise ValueError(f"since must be a name of this list, as next says it, not {shown(since)}")
    window = Window(0 if since is None else names.index(since) + 1, limit)
    end = window.next(len(names))
    return window.of(values), names[end - 1] if end is not None else None
