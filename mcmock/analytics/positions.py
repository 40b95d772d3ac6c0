"""Where ads and chapters are said to be: positions that do not go on, and arguments in each other's place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mcmock.analytics import playhead
from mcmock.analytics.tally import Tally
from mcmock.core.events import Event, number_or_none
from mcmock.core.model import Finding

NEAR_S: Final = 2.0
BREAKS_BACK: Final = 4  # so many breaks are asked whether they had the same index
SWAPS: Final = 3
SMALL: Final = 10
"""An index or a position is seldom more, and a second of content seldom less."""


def check_positions(tally: Tally, event: Event, at: str, watching: bool) -> Iterator[Finding | None]:
    """What is odd about an event that is about to be counted."""
    if event.event_type == "adBreakStart":
        yield from _check_break(tally, event, at)
    elif event.event_type == "adStart" and tally.ad_break is not None:
        yield from _check_ad(tally, event, at)
    elif event.event_type == "chapterStart":
        yield from _check_chapter(tally, event, at)
    if watching:
        yield from _check_two_players(tally, event, at)


# -- ad breaks and ads ----------------------------------------------------------------------------------------------------


def _check_break(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    index, second = _number(event.params, "media.ad.podIndex"), _number(event.params, "media.ad.podSecond")
    if index is None or second is None:
        return
    path = f"{at}.params['media.ad.podIndex']"
    if _is_second(index, second, event):
        yield tally.say(
            "arguments-swapped", path,
            f"podIndex {index:g} is the playhead's second, and podSecond is {second:g}: in each other's place?",
        )  # fmt: skip
        return
    for earlier in range(len(tally.breaks) - 1, max(-1, len(tally.breaks) - 1 - BREAKS_BACK), -1):
        other = tally.breaks[earlier]
        again = abs(event.playhead - other.playhead) <= 1 or abs(second - (other.offset or 0.0)) <= 1
        if other.params.get("media.ad.podIndex") != index or again:
            continue  # the same break again, after a seek, has the same index
        preroll = index == 0 and other.playhead <= 1
        yield tally.say(
            "pod-index-of-preroll" if preroll else "pod-index-repeated", path,
            f"podIndex {index:g} is that of the break at {other.playhead:g}: reports take the two for one pod",
        )  # fmt: skip
        return


def _check_ad(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    position, length = _number(event.params, "media.ad.podPosition"), _number(event.params, "media.ad.length")
    assert tally.ad_break is not None
    path, place = f"{at}.params['media.ad.podPosition']", tally.ad_break.ad_count + 1
    if position is None:
        return
    if position > SMALL and length is not None and length in (place, place - 1):
        yield tally.say(
            "arguments-swapped", path, f"podPosition {position:g} of an ad of {length:g} s: in each other's place?"
        )
        return
    before = tally.ad or (tally.ads[-1] if len(tally.ads) else None)
    same_break = before is not None and before.break_ordinal == len(tally.breaks)
    if before is None or not same_break or before.pod_position is None or position > before.pod_position:
        tally.seen = tally.seen._replace(alike=0)
        return
    if before.params == event.params:
        return  # the same ad, sent twice
    alike = tally.seen.alike + 1
    tally.seen = tally.seen._replace(alike=alike)
    yield tally.say(
        "pod-position-stuck" if alike > 1 else "pod-position-repeated", path,
        f"podPosition {position:g} after {before.pod_position:g} in one break: ads are counted on from 1",
    )  # fmt: skip


def _is_second(index: float, second: float, event: Event) -> bool:
    """Return whether what should be an index is where the playhead stands, and what should be a second of content is not."""
    if abs(index - event.playhead) > NEAR_S:
        return False
    return not index.is_integer() or (index > SMALL and second < index and abs(second - event.playhead) > NEAR_S)


# -- chapters -------------------------------------------------------------------------------------------------------------


def _check_chapter(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    offset, length = _number(event.params, "media.chapter.offset"), _number(event.params, "media.chapter.length")
    if offset is None or length is None:
        return
    here, path = event.playhead, f"{at}.params['media.chapter.offset']"
    index = _number(event.params, "media.chapter.index")
    if index is not None and _is_second(index, offset, event):
        yield tally.say(
            "arguments-swapped", f"{at}.params['media.chapter.index']",
            f"the chapter's index {index:g} is the playhead's second, and its offset is {offset:g}: in each other's place?",
        )  # fmt: skip
        return
    if abs(here - length) <= NEAR_S and abs(here - offset) > NEAR_S and not offset <= here <= offset + length:
        yield tally.say(
            "arguments-swapped", path,
            f"the chapter's length {length:g} is where the playhead stands, its offset {offset:g} is not: in each other's place?",
        )  # fmt: skip
    elif length <= 0:
        yield tally.say("chapter-length-not-positive", f"{at}.params['media.chapter.length']", f"length {length:g}")
    elif not offset - NEAR_S <= here <= offset + length + NEAR_S and "chapter-unit" not in tally.said:
        yield tally.say(
            "chapter-offset-differs", path,
            f"the chapter is from {offset:g} to {offset + length:g}, but the playhead stands at {here:g}",
        )  # fmt: skip
    yield from _check_chapter_index(tally, event, offset, at)


def _check_chapter_index(tally: Tally, event: Event, offset: float, at: str) -> Iterator[Finding | None]:
    before = tally.chapter or (tally.chapters[-1] if len(tally.chapters) else None)
    index = _number(event.params, "media.chapter.index")
    if before is None or index != before.index or abs((before.offset or 0.0) - offset) <= 1:
        return
    yield tally.say(
        "chapter-index-repeated", f"{at}.params['media.chapter.index']",
        f"index {index:g} is that of the chapter before it, from {before.offset or 0:g}: reports take the two for one",
    )  # fmt: skip


# -- two players ----------------------------------------------------------------------------------------------------------


def _check_two_players(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    """The playhead goes to and fro between two places that both move on with the time."""
    if tally.head is None:
        return
    moved = playhead.moved(tally.head, event.playhead, tally.length)
    if -1 <= moved <= 2 * tally.since_head() + playhead.SEEK_SLACK:
        return
    other, here = tally.seen.other, (tally.head, tally.head_ms)
    swaps = tally.seen.swaps
    if other is not None:
        passed = (tally.clock - other[1]) / 1000
        back = -1 <= event.playhead - other[0] <= 2 * passed + playhead.SEEK_SLACK
        swaps = swaps + 1 if back else 0
    tally.seen = tally.seen._replace(other=here, swaps=swaps)
    if swaps >= SWAPS and tally.once("two-players"):
        yield tally.say(
            "two-players", at + event.paths.playhead,
            f"the playhead goes to and fro between {tally.head:g} and {event.playhead:g}: two players in one session?",
        )  # fmt: skip


def _number(params: Mapping[str, Any], key: str) -> float | None:
    value = number_or_none(params.get(key))
    return None if value is None else float(value)
