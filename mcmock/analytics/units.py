"""Numbers in the wrong unit: playheads and lengths in milliseconds, playheads that are times of day or of the epoch.

Each is said once in a session, with the unit that is likely and what it does to the report. What the wrong unit would bring
about besides is not said: `is_wrong` tells the other finders.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mcmock.analytics import playhead
from mcmock.analytics.seen import is_thousandfold
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


def is_wrong(tally: Tally) -> bool:
    """Return whether the playhead's or the content's unit was found to be wrong, so that comparing the two says nothing."""
    return "playhead-unit" in tally.said or "length-unit" in tally.said


def check_units(tally: Tally, event: Event, at: str, late: bool, watching: bool) -> Iterator[Finding | None]:
    """The numbers of an event that is about to be counted."""
    kind = event.event_type
    if kind == "ping":
        pass
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
        yield from _check_thousands(tally, event, at + event.paths.playhead)


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


def _check_thousands(tally: Tally, event: Event, path: str) -> Iterator[Finding | None]:
    """A playhead that runs a thousand times as fast as time: at once where that leads past the end, else the second time."""
    if tally.head is None or tally.since_head() < 0.5 or event.playhead >= EPOCH_S:
        return
    fast = is_thousandfold(event.playhead - tally.head, tally.since_head())
    votes = tally.seen.thousands + 1 if fast else 0
    if votes != tally.seen.thousands:
        tally.seen = tally.seen._replace(thousands=votes)
    outside = tally.length > 0 and event.playhead > tally.length + 1
    if fast and (votes > 1 or outside):
        moved, seconds = event.playhead - tally.head, tally.since_head()
        yield _say_once(
            tally, "playhead-unit", "playhead-unit", path,
            f"the playhead moved by {moved:g} in {seconds:g} s of playing: milliseconds? Seconds are meant. {_PLAYHEAD_COST}",
        )  # fmt: skip


_PLAYHEAD_COST: Final = "Unique time, progress markers and the segment are wrong"


def _say_once(tally: Tally, what: str, rule: str, path: str, message: str) -> Finding | None:
    return tally.say(rule, path, message) if tally.once(what) else None
