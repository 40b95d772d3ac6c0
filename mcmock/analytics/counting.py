"""One event, counted: the one door through which a tally grows.

1. First the time since the last event goes on the account the session stood on, then the event has its effect.
2. An ignored event moves time between accounts at most: it adds to no count, opens no record, and is not heard.
3. What rides on any other event, the playhead and the quality, is taken in after the event's effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mcmock.analytics import playback, playhead
from mcmock.analytics.effects import EFFECTS, no_effect
from mcmock.analytics.mistakes import check_mistakes
from mcmock.analytics.order_findings import check_origin, check_playhead, check_time
from mcmock.analytics.playback import Playback
from mcmock.analytics.playhead import StallDetector
from mcmock.analytics.tally import EventContext, Rate, Reported, Stamp, Tally
from mcmock.core import findings
from mcmock.core.events import Event, number_or_none
from mcmock.core.model import Finding

MARKERS: Final = (10, 25, 50, 75, 95)  # percent of the length -- metrics/progress-markers


def count(tally: Tally, event: Event, at: str = "$") -> tuple[Finding, ...]:
    """Count `event` and say what is odd about it. `at` is where its body stands in the request's."""
    index = len(tally.seqs)
    tally.seqs.append(event.seq)
    tally.stamps.append(Stamp(event.ts, event.event_type, not event.after_end))
    if event.after_end:
        again = event.event_type == "sessionEnd"
        rule = "session-ended-before" if again else "event-after-end"
        found = [tally.say(rule, "", f"{event.event_type} came after the session had ended: dropped")]
    else:
        found = list(_take(tally, event, index, at))
    return tuple(finding for finding in found if finding is not None)


def _take(tally: Tally, event: Event, index: int, at: str) -> Iterator[Finding | None]:
    before, started, late = tally.playback, "content_starts" in tally.counts, event.ts < tally.clock
    elapsed = 0 if tally.origin is None else max(0, event.ts - tally.clock)
    tally.spend(event.ts, index)
    if tally.last_at is None or event.at >= tally.last_at:
        tally.last_at, tally.last_seq = event.at, event.seq
    yield from check_time(tally, event, index, elapsed, at)
    yield from check_mistakes(tally, event, at, late)
    if not late:
        yield from check_playhead(tally, event, at)
    effect = EFFECTS.get(event.event_type, no_effect)
    consequences = tuple(finding for finding in effect(tally, EventContext(event, index, at)) if finding is not None)
    yield from consequences
    yield from check_origin(tally, event, before, at)
    if not findings.ignores(consequences):
        _hear(tally, event, index, before, started, late)


def _hear(tally: Tally, event: Event, index: int, before: Playback, started: bool, late: bool) -> None:
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
        tally.stillness = StallDetector(event.playhead, tally.clock)
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
