"""Time as an argument. This is the only module of the core that reads it.

The emulator's clock runs with the wall clock until somebody advances or freezes it. It never goes backwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

monotonic = time.monotonic
wall = time.time

LATEST = 253_402_300_799.0
"""The last second that the Date line of an answer can tell: the end of the year 9999."""


def iso(seconds: float) -> str:
    """Seconds since the epoch as `2026-01-31T08:15:00.250Z`, to the millisecond."""
    return datetime.fromtimestamp(round(seconds, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> float:
    """The seconds since the epoch of a date and time in ISO 8601; without a zone it is UTC. ValueError for other text."""
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)).timestamp()


class Setting(NamedTuple):
    """What a clock goes on from, all in seconds: how far it is ahead of its source while it runs, where it stands if it is
    frozen, and the time that it has told for certain: processes that share it have sources that differ a little."""

    ahead: float = 0.0
    frozen_at: float | None = None
    told: float = 0.0


class Clock:
    """The emulator's time, in seconds since the epoch.

    `source` is any function that returns such seconds; tests hand in their own. A frozen clock moves only by `advance`.
    Not locked: the Emulator, which owns it, holds its lock around every change.
    """

    def __init__(self, source: Callable[[], float] = time.time, *, frozen: bool = False) -> None:
        self._source = source
        self._offset = 0.0
        self._frozen_at: float | None = source() if frozen else None
        self._told = 0.0

    @property
    def setting(self) -> Setting:
        return Setting(self._offset, self._frozen_at, self._told)

    def set(self, setting: Setting) -> None:
        """Go on from there."""
        self._offset, self._frozen_at, self._told = setting

    def another(self) -> Clock:
        """A new clock over the same source, running."""
        return Clock(self._source)

    def now(self) -> float:
        if self._frozen_at is not None:
            return self._frozen_at
        running = self._source() + self._offset
        return running if running > self._told else self._told

    @property
    def frozen(self) -> bool:
        return self._frozen_at is not None

    @property
    def offset(self) -> float:
        """How many seconds the emulator is ahead of the wall clock."""
        return self.now() - self._source() if self.frozen else self._offset

    def advance(self, seconds: float) -> float:
        """Move forward by `seconds` and return the new time. Raises ValueError for a step back, or past the year 9999."""
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"seconds must be a finite number of 0 or more, not {seconds!r}: the clock cannot go back")
        if seconds > LATEST - self.now():  # this way round: an integer may be too large for a float
            raise ValueError(f"seconds must not lead past the year 9999, as {seconds!r} does: no date is written there")
        if self._frozen_at is not None:
            self._frozen_at += seconds
        else:
            self._told = self.now() + seconds
            self._offset += seconds
        return self.now()

    def freeze(self) -> float:
        """Stop; from now on only `advance` moves time."""
        self._frozen_at = self.now()
        return self._frozen_at

    def resume(self) -> float:
        """Run again, from where the clock stood."""
        if self._frozen_at is not None:
            self._offset, self._told = self._frozen_at - self._source(), self._frozen_at
            self._frozen_at = None
        return self.now()

    def reset(self) -> float:
        """Back to the wall clock, running."""
        self.set(Setting())
        return self.now()
