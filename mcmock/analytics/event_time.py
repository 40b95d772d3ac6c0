"""Whether `ts` can be what it should be, milliseconds since 1970: judged by itself and against its arrival.

In order of arrival, unlike all else that is found in a session. What arrives late is no concern here: offline content and
queued pre-rolls are years or seconds old, and right. Nothing here changes a number.
"""

from __future__ import annotations

from math import floor
from typing import Final, NamedTuple

from mcmock.core.clock import iso
from mcmock.core.events import LARGEST, Event

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
YEAR_MS: Final = 366 * DAY_MS
Y2000: Final = 946_684_800_000
Y2016: Final = 1_451_606_400_000
Y2026: Final = 1_767_225_600_000
Y2100: Final = 4_102_444_800_000

NO_NUMBER: Final = 10**19  # past nanoseconds
BEHIND_MS: Final = (
    36 * HOUR_MS
)  # a test that lets a day pass by the emulator's clock is not a device that is days behind
LIVE_SECONDS: Final = 5.0  # for so long a session's `ts` has to keep pace with its arrivals before a step in it is one
FROZEN_SECONDS: Final = 10.0  # a ping's distance: no client queues that long and stamps all with one moment
FROZEN_EVENTS: Final = 3
ZONE_SLACK_MS: Final = 30_000  # clocks of devices are that near to ours, but for the hour
ZONE_STEP_MS: Final = HOUR_MS // 4  # all time zones are whole quarters of an hour apart
ZONES_MS: Final = (-12 * HOUR_MS, 14 * HOUR_MS)
STEP_MS: Final = 30_000
SURE_STEP_MS: Final = 300_000


class Unit(NamedTuple):
    """A way to write a moment as a number: `per_ms` of them are a millisecond, and `zero` is where it counts from, in ms."""

    words: str
    per_ms: float
    zero: int = 0

    def ms(self, value: float) -> float:
        return value / self.per_ms + self.zero


UNITS: Final = (
    Unit("seconds since 1970", 0.001),
    Unit("microseconds since 1970", 1e3),
    Unit("nanoseconds since 1970", 1e6),
    Unit("100-nanosecond ticks since 1970", 1e4),
    Unit("seconds since 2001, as Apple counts", 0.001, 978_307_200_000),
    Unit("milliseconds since 2001, as Apple counts", 1, 978_307_200_000),
    Unit("seconds since 1900, as NTP counts", 0.001, -2_208_988_800_000),
    Unit(".NET ticks, since the year 1", 1e4, -62_135_596_800_000),
    Unit("milliseconds since the year 1", 1, -62_135_596_800_000),
    Unit("Windows file time, since 1601", 1e4, -11_644_473_600_000),
    Unit("microseconds since 1601, as WebKit counts", 1e3, -11_644_473_600_000),
)


class Odd(NamedTuple):
    """What is to be said of an event's `ts`."""

    rule: str
    message: str


class _Heard(NamedTuple):
    at: float
    ts: int
    playhead: float

    @property
    def skew(self) -> float:
        """How far the player's clock is ahead, in ms."""
        return self.ts - self.at * 1000


class EventTimes:
    """The times of one session's events as they arrive. A few values, however long the session is."""

    def __init__(self, downloaded: bool) -> None:
        self._downloaded = downloaded
        self._said: set[str] = set()
        self._first: _Heard | None = None
        self._last: _Heard | None = None
        self._latest_ts = 0
        self._pending: float | None = None  # the skew after a step back that the next event has to confirm
        self._frozen: tuple[_Heard, int] | None = (
            None  # the first event with the `ts` of the last, and how many have it
        )

    def look(self, event: Event) -> Odd | None:
        """Return what is odd about the next event's `ts`; each rule at most once."""
        sent = event.ts if event.sent_ts is None else event.sent_ts
        heard, last = _Heard(event.at, event.ts, event.playhead), self._last
        if not Y2000 <= sent <= Y2100:
            return self._once(*_not_ms(sent, event.at * 1000))
        odd = None
        if self._first is None:
            odd = self._behind(heard) or self._local_time(heard)
        elif last is not None and not self._downloaded:
            odd = self._step(last, heard) or self._stands_still(last, heard)
        self._first = self._first or heard
        self._last, self._latest_ts = heard, max(self._latest_ts, heard.ts)
        return odd

    def _once(self, rule: str, message: str) -> Odd | None:
        if rule in self._said:
            return None
        self._said.add(rule)
        return Odd(rule, message)

    def _behind(self, heard: _Heard) -> Odd | None:
        off = abs(heard.skew)
        if self._downloaded or heard.at * 1000 < Y2016 or off < BEHIND_MS or (off > YEAR_MS and heard.ts >= Y2016):
            return None
        which = "behind" if heard.skew < 0 else "ahead of"
        return self._once(
            "clock-skew",
            f"{off / DAY_MS:.1f} days {which} its arrival: the session is reported on {iso(heard.ts / 1000)[:10]}",
        )

    def _local_time(self, heard: _Heard) -> Odd | None:
        """Return that the time of day is that of a time zone, if it is ahead or behind by whole quarters of an hour."""
        quarters = round(heard.skew / ZONE_STEP_MS)
        off = quarters * ZONE_STEP_MS
        earliest, latest = ZONES_MS
        if self._downloaded or heard.at * 1000 < Y2016 or abs(quarters) < 2 or not earliest <= off <= latest:
            return None
        if abs(heard.skew - off) > ZONE_SLACK_MS:
            return None
        which = "ahead of" if off > 0 else "behind"
        return self._once(
            "local-time",
            f"ts is {abs(off) / HOUR_MS:g} hours {which} its arrival, to the minute: the local time, taken for UTC?",
        )

    def _stands_still(self, last: _Heard, heard: _Heard) -> Odd | None:
        """Return that different events came with one `ts` for longer than any queue explains."""
        if heard.ts != last.ts:
            self._frozen = None
            return None
        first, count = self._frozen or (last, 1)
        self._frozen = first, count + (heard.playhead != last.playhead and heard.at - last.at >= 1)
        if self._frozen[1] < FROZEN_EVENTS or heard.at - first.at < FROZEN_SECONDS:
            return None
        return self._once(
            "ts-unchanged",
            f"ts {heard.ts} was sent for {heard.at - first.at:.0f} s, while the playhead moved: read the clock for each event. "
            "No time is counted",
        )

    def _step(self, last: _Heard, heard: _Heard) -> Odd | None:
        """Return a step of the player's clock, in a session whose times were those of its arrivals until then."""
        if self._first is None or self._confirmed(heard):
            return self._set(heard, heard.skew - (self._first.skew if self._first else 0))
        live = last.at - self._first.at >= LIVE_SECONDS and abs(last.skew - self._first.skew) < STEP_MS / 6
        step = heard.skew - last.skew
        if not live or abs(step) < STEP_MS:
            return None
        if step > 0:
            return self._set(heard, step) if heard.ts > self._latest_ts else None
        passed = heard.at - last.at
        same_view = abs(heard.playhead - last.playhead) <= 2 * passed + 5
        if heard.ts > self._latest_ts - STEP_MS or not same_view:
            return None
        if step > -SURE_STEP_MS:
            self._pending = heard.skew
            return None
        return self._set(heard, step)

    def _confirmed(self, heard: _Heard) -> bool:
        pending, self._pending = self._pending, None
        return pending is not None and abs(heard.skew - pending) < STEP_MS / 6

    def _set(self, heard: _Heard, step_ms: float) -> Odd | None:
        self._first = heard
        where, cost = _AHEAD if step_ms > 0 else _BACK
        message = f"ts went {abs(step_ms) / 1000:.0f} s {where} of what passed: the device's clock was set, and {cost}"
        return self._once("clock-set", message)


_AHEAD: Final = ("ahead", "so much time is counted that did not pass")
_BACK: Final = ("back", "no time is counted until it is where it was")


def _not_ms(sent: float, at_ms: float) -> Odd:
    """Return what a `ts` is that is no time of this century as milliseconds, and what that does to the report."""
    if not abs(sent) < NO_NUMBER:
        return Odd("ts-unit", "ts is no time, whatever its unit; the arrival is counted in its place")
    unit = _likely(sent, at_ms)
    instead = "; the arrival is counted in its place" if abs(sent) > LARGEST else ""
    shown = f"ts {sent:.0f}"
    if unit is not None and unit.per_ms != 1:
        factor, off = (1 / unit.per_ms, "short") if unit.per_ms < 1 else (unit.per_ms, "long")
        cost = f"as milliseconds, all durations come out {factor:.0f} times too {off}"
        return Odd("ts-unit", f"{shown} is {unit.words}; {cost}{instead}")
    day = f"the session is reported in the year {_year(sent)}"
    if unit is not None:
        return Odd("ts-epoch", f"{shown} is {unit.words}; as milliseconds since 1970, {day}")
    if 0 <= sent < Y2000:
        words = "is not the time of day: milliseconds since the page was loaded or the player made?"
        return Odd("ts-epoch", f"{shown} {words} As it is, {day}")
    return Odd("ts-unit", f"{shown} is not milliseconds since 1970: {day}{instead}")


def _likely(sent: float, at_ms: float) -> Unit | None:
    """Return the unit in which `sent` is nearest to its arrival, if any brings it near."""
    known = at_ms >= Y2016
    near = at_ms if known else Y2026
    fits = []
    for unit in UNITS:
        off = abs(unit.ms(sent) - near)
        if off <= (20 * YEAR_MS if unit.zero == 0 else YEAR_MS if known else 10 * YEAR_MS):
            fits.append((off, unit))
    return min(fits)[1] if fits else None


def _year(ms: float) -> int:
    return 1970 + floor(ms / (365.2425 * DAY_MS))
