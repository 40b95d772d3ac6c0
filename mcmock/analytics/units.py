"""Numbers in the wrong unit: lengths in milliseconds, playheads in those, in frames or in parts of the length, times of day
or of the epoch.

Each is said once in a session, with the unit that is likely and what it does to the report. What the wrong unit would bring
about besides is not said: `is_wrong` tells the other finders.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from mcmock.analytics import playhead
from mcmock.analytics.event_time import Y2000, Y2100
from mcmock.analytics.playhead import MAX_RATE
from mcmock.analytics.seen import Stretch, is_thousandfold
from mcmock.analytics.tally import Tally
from mcmock.core.events import Event, number_or_none
from mcmock.core.model import Finding

EPOCH_S: Final = 1_000_000_000  # as a playhead, 31 years
EPOCH_MS: Final = 1_000_000_000_000
MAX_BOOK_S: Final = 1_000_000  # eleven days: more than the longest audiobook
MAX_AD_S: Final = 5_000
ON_DEMAND: Final = frozenset({"vod", "ugc", "dvod", "audiobook", "aod", "song", "podcast"})
SHORTEST_MS: Final = 1_000
FULL_VIEW: Final = (0.9, 1.1)
MIN_LENGTH: Final = 30.0  # s; a part of less moves too fast to be told from slow playing
QUARTER_S: Final = 900  # time zones are whole quarters of an hour apart
JOIN_S: Final = 60.0  # so near to 0 begins a playhead that counts from joining


def is_wrong(tally: Tally) -> bool:
    """Return whether the playhead's or the content's unit was found to be wrong, so that comparing the two says nothing."""
    return "playhead-unit" in tally.said or "length-unit" in tally.said


def check_units(tally: Tally, event: Event, at: str, late: bool, watching: bool) -> Iterator[Finding | None]:
    """The numbers of an event that is about to be counted."""
    kind = event.event_type
    if kind == "ping":
        pass
    elif kind == "play":
        yield from _check_live(tally, event, at, late)
    elif kind == "sessionStart":
        yield from _check_start(tally, event, at)
    elif kind == "adStart":
        yield from _check_ad_length(tally, event, at)
    elif kind == "adBreakStart":
        yield from _check_offset(tally, event, at)
    elif kind == "adComplete":
        yield from _check_ad_time(tally, event, at)
    elif kind == "chapterStart":
        yield from _check_chapter(tally, event, at)
    elif kind == "sessionComplete":
        yield from _check_whole(tally, event, at)
    if late:
        return
    if not 0 <= event.playhead < EPOCH_S or (tally.seen.ad_like and event.playhead > tally.length + 1):
        yield from _check_playhead(tally, event, at)
    if watching:
        yield from _check_pace(tally, event, at + event.paths.playhead)


# -- the content ----------------------------------------------------------------------------------------------------------


def _check_start(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    if tally.start is not None:
        return
    params = event.params
    kind = str(params.get("media.contentType", "")).strip().lower()
    length = number_or_none(params.get("media.length")) or 0.0
    longest = MAX_BOOK_S if kind == "audiobook" else playhead.DAY
    path = f"{at}.params['media.length']"
    if length > longest:
        yield _say_once(
            tally, "length-unit", "length-unit", path,
            f"media.length {length:g} s is {length / playhead.DAY:.1f} days: milliseconds? {_LENGTH_COST}",
        )  # fmt: skip
    elif length == playhead.DAY and kind in ON_DEMAND:
        yield tally.say(
            "day-on-demand", path,
            f"media.length 86400 is that of live content, but this is {kind}: no progress marker means what it says",
        )  # fmt: skip
    elif kind in ON_DEMAND and params.get("media.resume") is not True and _is_second_of_day(event):
        yield tally.say(
            "day-on-demand", at + event.paths.playhead,
            f"playhead {event.playhead:g} is the second of the day, as live content has it, but this is {kind}",
        )  # fmt: skip


def _is_second_of_day(event: Event) -> bool:
    second = event.ts / 1000 % playhead.DAY
    return event.playhead > 600 and abs(event.playhead - second) <= 60


def _check_whole(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    """A view that is complete where a thousandth of the length was played."""
    low, high = FULL_VIEW
    if tally.length >= 5 * SHORTEST_MS and low <= event.playhead * 1000 / tally.length <= high:
        yield _say_once(
            tally, "length-unit", "length-unit", at + event.paths.playhead,
            f"complete at playhead {event.playhead:g}, with media.length {tally.length:g}: milliseconds? {_LENGTH_COST}",
        )  # fmt: skip


_LENGTH_COST: Final = "The average minute audience is a thousandth of what it is, and no progress marker is reached"

# -- ads and chapters -----------------------------------------------------------------------------------------------------


def _check_ad_length(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    length = number_or_none(event.params.get("media.ad.length"))
    path = f"{at}.params['media.ad.length']"
    if length is None:
        return
    if length <= 0:
        yield _say_once(tally, "no-ad-length", "ad-length-not-positive", path, f"media.ad.length is {length:g}")
    elif length >= MAX_AD_S:
        yield _say_ad(tally, path, f"media.ad.length {length:g} s is {length / 3600:.1f} hours")
    if tally.length > 0 and abs(length - tally.length) < 0.05 and not tally.live:
        name = event.params.get("media.ad.id")
        tally.seen = tally.seen._replace(ad_like=name if isinstance(name, str) and name else "an ad")


def _check_ad_time(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    ad = tally.ad
    if ad is None or ad.length is None or ad.length < SHORTEST_MS or not is_thousandfold(ad.length, ad.time_ms / 1000):
        return
    yield _say_ad(
        tally, f"{at}.eventType", f"an ad of media.ad.length {ad.length:g} completed in {ad.time_ms / 1000:g} s"
    )


def _say_ad(tally: Tally, path: str, words: str) -> Finding | None:
    return _say_once(tally, "ad-length-unit", "part-unit", path, f"{words}: milliseconds? Seconds are meant")


def _check_offset(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    second = number_or_none(event.params.get("media.ad.podSecond")) or 0.0
    if second >= SHORTEST_MS and is_thousandfold(second, event.playhead):
        yield _say_once(
            tally, "offset-unit", "part-unit", f"{at}.params['media.ad.podSecond']",
            f"media.ad.podSecond {second:g} at playhead {event.playhead:g}: milliseconds? Seconds are meant",
        )  # fmt: skip


def _check_chapter(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    offset = number_or_none(event.params.get("media.chapter.offset")) or 0.0
    length = number_or_none(event.params.get("media.chapter.length")) or 0.0
    if tally.length <= 0 or is_wrong(tally) or offset + length <= tally.length + 1:
        return
    end = offset + length
    inside = end / 1000 <= tally.length + 1
    if inside and (length > tally.length or is_thousandfold(offset, event.playhead)):
        yield _say_once(
            tally, "chapter-unit", "part-unit", f"{at}.params['media.chapter.length']",
            f"the chapter is from {offset:g} to {end:g} in content of {tally.length:g} s: milliseconds? Seconds are meant",
        )  # fmt: skip
    else:
        yield _say_once(
            tally, "chapter-end", "chapter-past-end", f"{at}.params['media.chapter.offset']",
            f"the chapter is from {offset:g} to {end:g}, past media.length {tally.length:g}",
        )  # fmt: skip


# -- the playhead ---------------------------------------------------------------------------------------------------------


def _check_live(tally: Tally, event: Event, at: str, late: bool) -> Iterator[Finding | None]:
    """A live playhead near 0 where it is near midnight in no time zone."""
    if late or not tally.live or tally.live_from is not None or not 0 <= event.playhead <= JOIN_S:
        return
    if not Y2000 <= event.ts <= Y2100:
        return
    off = (event.ts / 1000 - event.playhead) % QUARTER_S
    if min(off, QUARTER_S - off) > JOIN_S:
        yield _say_once(
            tally, "live-from-join", "live-from-join", at + event.paths.playhead,
            f"live content plays from playhead {event.playhead:g}, which counts from joining; the second of the day is meant",
        )  # fmt: skip


def _check_playhead(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    path, here = at + event.paths.playhead, event.playhead
    if here >= EPOCH_S:
        unit = "milliseconds" if here >= EPOCH_MS else "seconds"
        yield _say_once(
            tally, "playhead-unit", "playhead-unit", path,
            f"playhead {here:g} is {unit} since 1970; live content has the second of the day. {_PLAYHEAD_COST}",
        )  # fmt: skip
        return
    if here < 0 and event.event_type != "sessionStart":
        words = "an offset from the live edge? The second of the day is meant" if tally.live else "less than nothing"
        yield _say_once(tally, "negative", "playhead-negative", path, f"playhead {here:g}: {words}. {_PLAYHEAD_COST}")
    if tally.seen.ad_like and here > tally.length + 1 and tally.playback.plays:
        yield _say_once(
            tally, "length-of-ad", "length-of-ad", path,
            f"playhead {here:g} is past media.length {tally.length:g}, which is the length of the ad {tally.seen.ad_like!r}",
        )  # fmt: skip


def _check_pace(tally: Tally, event: Event, path: str) -> Iterator[Finding | None]:
    """A playhead that runs at the pace of another unit: at once where that leads past the end, else as soon as it is sure."""
    seconds = tally.since_head()
    if tally.head is None or seconds < 0.5 or event.playhead >= EPOCH_S:
        return
    stretch = _stretch(tally, event.playhead - tally.head, seconds, event.playhead)
    if stretch != tally.seen.pace:
        tally.seen = tally.seen._replace(pace=stretch)
    unit = _unit_of(stretch, tally.length) if stretch is not None else None
    outside = tally.length > 0 and event.playhead > tally.length + 1
    if stretch is not None and unit is not None and (stretch.steps >= unit.steps or (outside and unit.steps == 2)):
        yield _say_once(
            tally, "playhead-unit", "playhead-unit", path,
            f"the playhead moved by {stretch.moved:g} in {stretch.seconds:g} s of playing: {unit.words}? Seconds are meant. "
            f"{_PLAYHEAD_COST}",
        )  # fmt: skip


class _Unit(NamedTuple):
    """What a playhead counts, and after how many steps at its pace that is sure."""

    words: str
    per_second: float
    slack: float
    steps: int


_FAST: Final = (_Unit("microseconds", 1e6, 1, 2), _Unit("milliseconds", 1e3, 1, 2))  # at a rate from a half to double
_FRAMES: Final = tuple(_Unit(f"frames, {rate} a second", rate, 0.03, 3) for rate in (24, 25, 30, 50, 60))
_MINUTES: Final = _Unit("minutes", 1 / 60, 0.1, 3)
_SLOW: Final = 0.2  # slower than slow motion
_STEADY: Final = 1.05  # a player that counts frames runs steadily, one whose viewer seeks does not
_SHORTEST_STRETCH: Final = 25.0  # s
_SURE_WHOLE: Final = 10.0  # whole numbers have to come so far before they tell a pace from a stream that stalls


def _stretch(tally: Tally, moved: float, seconds: float, here: float) -> Stretch | None:
    """Return the stretch that ends with this step; None where nothing odd runs."""
    rate, before = moved / seconds, tally.seen.pace
    whole = here == int(here)
    if rate > MAX_RATE:
        spread = 2 if rate > _FRAMES[-1].per_second * 2 else _STEADY
        alike = before is not None and before.rate > 0 and 1 / spread <= rate / before.rate <= spread
        return before.with_step(moved, seconds, whole) if before and alike else Stretch(moved, seconds, whole=whole)
    if not 0 <= rate <= _SLOW or tally.live:
        return None
    slow = before is not None and before.rate <= _SLOW
    return before.with_step(moved, seconds, whole) if before and slow else Stretch(moved, seconds, whole=whole)


def _unit_of(stretch: Stretch, length: float) -> _Unit | None:
    """Return the unit in which a stretch would have run at about the pace of time."""
    for unit in _FAST:
        if is_thousandfold(stretch.moved * 1000 / unit.per_second, stretch.seconds):
            return unit
    if stretch.rate > _SLOW:
        return next((unit for unit in _FRAMES if abs(stretch.rate / unit.per_second - 1) <= unit.slack), None)
    if stretch.seconds < _SHORTEST_STRETCH:
        return None
    return next((unit for unit in _slow_units(length) if _fits(stretch, unit)), None)


def _slow_units(length: float) -> tuple[_Unit, ...]:
    if length < 2 * MIN_LENGTH:
        return (_MINUTES,)
    parts = _Unit("a part of the length, from 0 to 1", 1 / length, 0.1, 3), _Unit("percent", 100 / length, 0.1, 3)
    return *(part for part in parts if part.per_second <= _SLOW), _MINUTES


def _fits(stretch: Stretch, unit: _Unit) -> bool:
    expected = stretch.seconds * unit.per_second
    rounded = 1.0 if stretch.whole else 0.0
    return expected >= _SURE_WHOLE * rounded and abs(stretch.moved - expected) <= unit.slack * expected + rounded


_PLAYHEAD_COST: Final = "Unique time, progress markers and the segment are wrong"


def _say_once(tally: Tally, what: str, rule: str, path: str, message: str) -> Finding | None:
    return tally.say(rule, path, message) if tally.once(what) else None
