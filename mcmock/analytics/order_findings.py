"""What is odd about an event: its place in time, and where the playhead stood.

Nothing here changes a number. A tally is told only what has been said already, so that one oddity is not said at every ping.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mcmock.analytics import playback, playhead, tie_order, units
from mcmock.analytics.playback import Playback
from mcmock.analytics.seen import TS_WRONG
from mcmock.analytics.tally import Tally
from mcmock.analytics.tie_order import cannot_be_told
from mcmock.core.events import Event
from mcmock.core.model import Finding

PING_GAP_MS: Final = 15_000  # 1.5 times the ping interval -- events/playback/ping
PING_GAP_DOWNLOADED_MS: Final = 75_000  # offline pings come every 50 s, observed in aep
PING_GAP_AD_MS: Final = 1_500
BEFORE_START_MS: Final = 1_000
QUEUED_AT_MOST_MS: Final = 600_000  # the idle timeout: nothing of this session can be older
RECENT: Final = 16  # events in which a repetition is looked for: more than a window holds


def check_time(tally: Tally, event: Event, index: int, elapsed: int, at: str) -> Iterator[Finding | None]:
    """Too late after the event before it, or indistinguishable from one."""
    path = at + event.paths.ts
    since_start = elapsed if tally.start is None else event.ts - tally.start.ts
    yield from _check_cadence(tally, min(elapsed, since_start), path)  # no pings before there is a session
    signature = tie_order.signature(event)
    previous = tally.stamps[index - 1] if index else None
    if any(signature.is_again(one) for one in tally.recent):
        what = "ts, playhead and content" if event.id is None else "id"
        yield tally.say("duplicate-event", path, f"{event.event_type} with this {what} was sent before")
    elif previous is not None and previous.ts == event.ts and TS_WRONG not in tally.said:
        rival = next((one for one in tally.recent if one.ts == event.ts and cannot_be_told(one, signature)), None)
        told = f"the same ts as the {previous.event_type} before it"
        if rival is not None:
            told = f"the same ts as the {rival.event_type} before it: which of the two came first cannot be told"
        yield tally.say("equal-timestamps", path, told)
    tally.recent = (*tally.recent[1 - RECENT :], signature)


def _check_cadence(tally: Tally, elapsed: int, path: str) -> Iterator[Finding | None]:
    if TS_WRONG in tally.said or (tally.playback.main == playback.COMPLETED and not tally.playback.in_break):
        return
    limit = PING_GAP_DOWNLOADED_MS if tally.downloaded else PING_GAP_MS
    if elapsed > limit:
        yield tally.say(
            "ping-gap",
            path,
            f"{elapsed / 1000:.1f} s since the event before it; a ping is due every {_pace(limit)}",
        )
    elif tally.playback.where == "ad" and elapsed > PING_GAP_AD_MS and not tally.downloaded:
        yield tally.say(
            "ping-gap-in-ad",
            path,
            f"{elapsed / 1000:.1f} s since the event before it; in an ad a ping is due every 1 s",
        )


def check_origin(tally: Tally, event: Event, before: Playback, at: str) -> Iterator[Finding | None]:
    """Older than the session itself. `before` is where the session stood before the event's effect."""
    if tally.start is None or event is tally.start or TS_WRONG in tally.said:
        return
    early = tally.start.ts - event.ts
    queued_ad = before.in_break or tally.playback.in_break
    if early > QUEUED_AT_MOST_MS or (early > BEFORE_START_MS and not queued_ad):
        yield tally.say(
            "event-of-another-session",
            at + event.paths.ts,
            f"{event.event_type} is {early / 1000:.1f} s older than this session's sessionStart, and no queued pre-roll",
        )


def check_playhead(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    """Where it should not be, or moving as it should not."""
    path = at + event.paths.playhead
    if units.is_wrong(tally) or TS_WRONG in tally.said:
        return
    if tally.length > 0 and event.playhead > tally.length + 1 and tally.once("past-end"):
        yield tally.say("playhead-past-end", path, f"playhead {event.playhead:g} is past media.length {tally.length:g}")
    yield from _check_break_playhead(tally, event, path)
    yield from _check_paused_playhead(tally, event, path)
    yield from _check_playing_playhead(tally, event, path)


def _check_break_playhead(tally: Tally, event: Event, path: str) -> Iterator[Finding | None]:
    if tally.ad_break is None or abs(event.playhead - tally.ad_break.playhead) <= 1:
        return
    if tally.once("moved-in-break"):
        yield tally.say(
            "playhead-moved-in-ad",
            path,
            f"playhead {event.playhead:g} in a break that began at {tally.ad_break.playhead:g}",
        )


def _check_paused_playhead(tally: Tally, event: Event, path: str) -> Iterator[Finding | None]:
    if tally.paused_from is None or event.event_type in playback.PLAYBACK_EVENTS:
        return
    head, since_ms = tally.paused_from
    far, seconds = playhead.moved(head, event.playhead, tally.length), (event.ts - since_ms) / 1000
    if far > 1 and seconds / 2 <= far <= seconds * 1.5 + 1:  # more or less than that is a seek
        tally.paused_from = None
        yield tally.say(
            "playhead-moved-in-pause",
            path,
            f"the playhead ran on by {far:g} s in {seconds:g} s of {tally.playback.main}",
        )


def _check_playing_playhead(tally: Tally, event: Event, path: str) -> Iterator[Finding | None]:
    if tally.head is None or not tally.playback.watching:
        return
    far, seconds = playhead.moved(tally.head, event.playhead, tally.length), tally.since_head()
    slow = seconds >= 5 and 0 < far < seconds / 2 - 1
    if not (slow or far < -1 or far > tally.pace.reach(seconds)):
        tally.again("off-clock")
    elif tally.once("off-clock"):
        yield tally.say("playhead-off-clock", path, f"the playhead moved by {far:g} s in {seconds:g} s of playing")


def _pace(limit_ms: int) -> str:
    return "50 s" if limit_ms == PING_GAP_DOWNLOADED_MS else "10 s"
