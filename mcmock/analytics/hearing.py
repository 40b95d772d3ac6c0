"""What rides on any event that is not ignored: the playhead and the quality. Taken in after the event's effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mcmock.analytics import playback, playhead
from mcmock.analytics.playback import Playback
from mcmock.analytics.playhead import Stillness
from mcmock.analytics.tally import Rate, Reported, Tally
from mcmock.core.events import Event, number_or_none

MARKERS: Final = (10, 25, 50, 75, 95)  # percent of the length -- metrics/progress-markers


def hear(tally: Tally, event: Event, index: int, before: Playback, started: bool, late: bool) -> None:
    """`before` is where the session stood, and `started` whether content had, before this event; `late` events are too old to
    tell where the playhead is."""
    if not late and before.plays:
        _watch(tally, event, index)
    _settle(tally, event, late)
    _mark_progress(tally, event, index)
    if event.qoe:
        _hear_quality(tally, event, index, started)


def _watch(tally: Tally, event: Event, index: int) -> None:
    """Main content played until this event: which part of it was seen, and did it move at all."""
    if tally.head is None:
        return
    tally.pace, seen = tally.pace.step(tally.head, event.playhead, tally.since_head(), tally.length, index)
    for (start, end), place in seen:
        tally.see(start, end, place)
    tally.head, tally.head_ms = event.playhead, tally.clock
    if tally.stillness is not None:
        was_stalled = tally.stillness.stalled
        tally.stillness = tally.stillness.sample(event.playhead, tally.clock)
        if tally.stillness.stalled and not was_stalled:
            tally.mark("stall_count", index)


def _settle(tally: Tally, event: Event, late: bool) -> None:
    """After the event's effect: begin or stop watching the playhead. A late event's playhead is too old to begin with."""
    if not tally.playback.plays:
        tally.head = None
        tally.pace = tally.pace._replace(doubt=None)
        tally.close_run()
    elif tally.head is None and not late:
        tally.head, tally.head_ms = event.playhead, tally.clock
    if not tally.playback.watching:
        tally.stillness = None
    elif tally.stillness is None and not late:
        tally.stillness = Stillness(event.playhead, tally.clock)
    waiting = not tally.playback.in_break and tally.playback.main in (playback.PAUSED, playback.BUFFERING)
    if not waiting or late:
        tally.paused_from = None
    elif event.event_type in playback.PLAYBACK_EVENTS or event.event_type == "adBreakComplete":
        tally.paused_from = (event.playhead, tally.clock)


def _mark_progress(tally: Tally, event: Event, index: int) -> None:
    _mark_range(tally, event, index)
    if tally.length <= 0 or "content_starts" not in tally.counts:
        return
    for percent in MARKERS:
        if event.playhead >= tally.length * percent / 100:
            tally.mark_once(f"progress_{percent}", index)


def _mark_range(tally: Tally, event: Event, index: int) -> None:
    """The lowest and highest playhead; of live content, relative to the first one heard while it played."""
    value = event.playhead
    if tally.live:
        if "content_starts" not in tally.counts:
            return
        tally.live_from = value if tally.live_from is None else tally.live_from
        value = playhead.relative(tally.live_from, value, tally.length)
    if tally.lowest is None or value < tally.lowest.value:
        tally.lowest = Reported(value, index)
    if tally.highest is None or value > tally.highest.value:
        tally.highest = Reported(value, index)


def _hear_quality(tally: Tally, event: Event, index: int, started: bool) -> None:
    kbps = number_or_none(event.qoe.get("media.qoe.bitrate"))
    if kbps is not None and (tally.rate is None or tally.rate.kbps != kbps):
        tally.rate = Rate(kbps, tally.clock, index)
        tally.rates.append(tally.rate)
    tally.dropped_frames = _reported(event.qoe, "media.qoe.droppedFrames", index) or tally.dropped_frames
    tally.frames_per_second = _reported(event.qoe, "media.qoe.framesPerSecond", index) or tally.frames_per_second
    if not started or tally.time_to_start is None:  # the last value until the first play wins
        tally.time_to_start = _reported(event.qoe, "media.qoe.timeToStart", index) or tally.time_to_start


def _reported(qoe: Mapping[str, Any], key: str, index: int) -> Reported | None:
    value = number_or_none(qoe.get(key))
    return None if value is None else Reported(value, index)
