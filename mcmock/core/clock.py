"""Time as an argument. This is the only module of the core that reads it.

The emulator's clock begins with the machine's and then counts what passes by itself: a machine whose time is set, or that
sleeps, moves it neither back nor forward. Somebody may advance or freeze it. It never goes backwards.

The machine is asked by `clock_gettime`, which libraries that stop time for a test (freezegun) leave alone, even when this
module is first imported while time stands still.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from numbers import Integral, Real
from typing import NamedTuple

LATEST = 253_402_300_799.0
"""The last second that the Date line of an answer can tell: the end of the year 9999. The clock stops there."""

LATEST_STEP = LATEST - 366 * 86_400
"""How far a step may lead: a year before the end, so that the clock can run on."""


def _read(fallback: Callable[[], float], *names: str) -> Callable[[], float]:
    """Return a function that reads the first of these clocks that the system has."""
    numbers = [getattr(time, name) for name in names if hasattr(time, name)]
    return partial(time.clock_gettime, numbers[0]) if numbers else partial(fallback)


monotonic = _read(
    time.monotonic, "CLOCK_UPTIME_RAW", "CLOCK_MONOTONIC"
)  # macOS's CLOCK_MONOTONIC counts its sleep, too
"""Seconds of real time since some moment, without those that the machine slept (on Windows, with them)."""

machine = _read(time.time, "CLOCK_REALTIME")
"""The machine's own time in seconds since the epoch: it may be set, back as well as forward."""


class Steady:
    """A source of time: what the machine's clock said at one moment, and the seconds that passed since."""

    def __init__(self) -> None:
        self.begin_again()

    def begin_again(self) -> None:
        """Take over what the machine's clock says now."""
        self._began = machine() - monotonic()

    def __call__(self) -> float:
        return self._began + monotonic()


wall = Steady()
"""The time of this process: the machine's when it began, and what has passed since."""


def iso(seconds: float) -> str:
    """Seconds since the epoch as `2026-01-31T08:15:00.250Z`, to the millisecond."""
    return datetime.fromtimestamp(round(seconds, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> float:
    """Return the seconds since the epoch of a date and time in ISO 8601; without a zone it is UTC. ValueError for other text."""
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

    `source` is any function that returns such seconds; tests hand in their own. Without one it is Steady, which a reset
    sets by the machine. A source that steps back makes the clock run on from where it was. A frozen clock moves only by
    `advance`. Not locked: the Emulator, which owns it, holds its lock around every change.
    """

    def __init__(self, source: Callable[[], float] | None = None, *, frozen: bool = False) -> None:
        self._source = source or Steady()
        self._offset = 0.0
        self._frozen_at: float | None = self._source() if frozen else None
        self._told = 0.0
        self._begin()

    def _begin(self) -> None:
        """Forget what the source said before."""
        self._slipped = 0.0  # by how much the source has stepped back, in all
        self._latest = 0.0

    @property
    def setting(self) -> Setting:
        return Setting(self._offset, self._frozen_at, self._told)

    def set(self, setting: Setting) -> None:
        """Go on from there."""
        if setting != self.setting:
            self._begin()
        self._offset, self._frozen_at, self._told = setting

    def another(self) -> Clock:
        """Return a new clock over the same source, running."""
        return Clock(None if isinstance(self._source, Steady) else self._source)

    def now(self) -> float:
        if self._frozen_at is not None:
            return self._frozen_at
        running = self._source() + self._offset + self._slipped
        if running < self._latest:
            self._slipped += self._latest - running
            running = self._latest
        self._latest = running
        if self._told <= running <= LATEST:
            return running
        return min(max(running, self._told), LATEST)

    def not_before(self, moment: float) -> None:
        """Go on from `moment` if it is not reached yet: it was told in an earlier life of this clock."""
        if self._frozen_at is None and self.now() < moment <= LATEST:
            self._slipped += moment - self.now()

    @property
    def frozen(self) -> bool:
        return self._frozen_at is not None

    @property
    def offset(self) -> float:
        """How many seconds the emulator is ahead of its source."""
        return self.now() - self._source() if self.frozen else self._offset

    def advance(self, seconds: float) -> float:
        """Move forward by `seconds` and return the new time. Raises ValueError for a step back, or past the year 9998."""
        step = _step(seconds, LATEST_STEP - self.now())
        if self._frozen_at is not None:
            self._frozen_at += step
        else:
            self._told = self.now() + step
            self._offset += step
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
            self._begin()
        return self.now()

    def reset(self) -> float:
        """Back to the source, running; where that is the machine's clock, to what it says now."""
        if isinstance(self._source, Steady):
            self._source.begin_again()
        self.set(Setting())
        self._begin()
        return self.now()


def _step(seconds: object, most: float) -> float:
    """`seconds` as a number to go forward by. Raises ValueError, with one line for the user, if it is none."""
    if isinstance(seconds, bool) or not isinstance(seconds, Real):
        raise ValueError(f"seconds must be a finite number of 0 or more, not {repr(seconds)[:80]}")
    number = int(seconds) if isinstance(seconds, Integral) else float(seconds)  # NumPy's, too
    if not 0 <= number < float("inf"):
        raise ValueError(
            f"seconds must be a finite number of 0 or more, not {_shown(number)}: the clock cannot go back"
        )
    if number > max(0.0, most):  # this way round: an integer may be too large for a float
        raise ValueError(
            f"seconds must not lead past the year 9998, as {_shown(number)} would: dates end with the year 9999"
        )
    return float(number)


def _shown(number: float) -> str:
    """Return a number for a message; one of thousands of digits is not written out."""
    return str(number) if isinstance(number, float) or -(10**30) < number < 10**30 else "one of so many digits"
