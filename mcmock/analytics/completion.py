"""Whether what is called complete can be: against its length, the time it took, and what the player said it was doing.

Also what was played without a word: content that runs before any play, and a playhead that nobody keeps up to date.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mcmock.analytics import playback, playhead, units
from mcmock.analytics.seen import Still
from mcmock.analytics.tally import Tally
from mcmock.core.events import Event
from mcmock.core.model import Finding

EARLY: Final = 0.75  # of its length: what is over before has not run to its end
LATE: Final = 1.5
LATE_SLACK_S: Final = 5.0
SLACK_S: Final = 0.5
MISSING_S: Final = 60.0  # of content that was not reached; credits are shorter, or less than a quarter
AT_END_MS: Final = 2_000  # players pause, or wait for data, in the moment in which they come to their end
UNSAID_S: Final = 3.0
STILL_S: Final = 15.0  # one ping and a half
NEVER_MOVED_S: Final = 30.0
STOOD_S: Final = 60.0


def check_completion(tally: Tally, event: Event, at: str, late: bool, watching: bool) -> Iterator[Finding | None]:
    """What is odd about an event that is about to be counted."""
    kind = event.event_type
    if kind == "ping":
        pass
    elif kind == "adComplete" and tally.ad is not None:
        yield from _check_ad(tally, at)
    elif kind == "chapterComplete" and tally.chapter is not None:
        yield from _check_chapter(tally, event, at)
    elif kind == "sessionComplete" and "content_completes" not in tally.counts:
        yield from _check_session(tally, event, at)
    elif kind == "chapterStart" and tally.chapter is not None:
        tally.seen = tally.seen._replace(overlapped=True)
    elif kind == "play" and "content_starts" not in tally.counts and not tally.playback.in_break:
        yield from _check_resume(tally, event, at)
    if not late and (tally.playback.main == playback.STARTING or tally.seen.before_play is not None):
        yield from _check_unsaid_play(tally, event, at)
    if watching:
        yield from _check_still(tally, event, at)
    elif tally.seen.still is not None and not late:
        tally.seen = tally.seen._replace(still=None)
    _note_pause(tally, event)


def _note_pause(tally: Tally, event: Event) -> None:
    """Since when a pause or buffering lasts; the same event again changes nothing."""
    state = playback.PLAYBACK_EVENTS.get(event.event_type)
    if state is not None and state != tally.playback.state:
        tally.seen = tally.seen._replace(paused_ms=tally.clock)


def _waited(tally: Tally) -> int | None:
    """Return how long, in ms, what was to be playing has been paused or buffering; None where it plays."""
    waits = tally.playback.state in (playback.PAUSED, playback.BUFFERING)
    return tally.clock - tally.seen.paused_ms if waits else None


# -- an ad ----------------------------------------------------------------------------------------------------------------


def _check_ad(tally: Tally, at: str) -> Iterator[Finding | None]:
    ad = tally.ad
    assert ad is not None
    path, took, waited = f"{at}.eventType", ad.time_ms / 1000, _waited(tally)
    if waited is not None and (waited >= AT_END_MS or tally.playback.state == playback.PAUSED):
        yield tally.say(
            "completed-while-paused", path,
            f"adComplete of {ad.id!r} while {tally.playback.state} for {waited / 1000:g} s: a play is missing",
        )  # fmt: skip
        return
    length = ad.length or 0.0
    if length <= 0 or "ad-length-unit" in tally.said:
        return
    if took < EARLY * length and length - took > SLACK_S:
        why = ": queued, and stamped when it was sent?" if took < 0.1 else ": adSkip?"
        yield tally.say("ad-completed-early", path, f"an ad of {length:g} s is complete after {took:g} s{why}")
    elif took > LATE * length + LATE_SLACK_S:
        yield tally.say("ad-completed-late", path, f"an ad of {length:g} s took {took:g} s")


# -- a chapter ------------------------------------------------------------------------------------------------------------


def _check_chapter(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    chapter = tally.chapter_so_far()
    assert chapter is not None
    path, waited, took = f"{at}.eventType", _waited(tally), chapter.time_ms / 1000
    at_rest = tally.paused_from is not None and abs(event.playhead - tally.paused_from[0]) <= 1
    if waited is not None and waited >= AT_END_MS and at_rest and not tally.playback.in_break:
        yield tally.say(
            "completed-while-paused", path,
            f"chapterComplete while {tally.playback.state} for {waited / 1000:g} s: a play is missing, or chapterSkip is meant",
        )  # fmt: skip
        return
    length, offset = chapter.length or 0.0, chapter.offset or 0.0
    if length <= 0 or tally.seen.overlapped or units.is_wrong(tally) or "chapter-unit" in tally.said:
        return
    reached = event.playhead >= offset + length - max(2.0, 0.1 * length)
    if took < EARLY * length and length - took > SLACK_S and not reached:
        yield tally.say(
            "chapter-completed-early", path,
            f"a chapter of {length:g} s is complete after {took:g} s, at playhead {event.playhead:g}: chapterSkip?",
        )  # fmt: skip
    elif took > LATE * length + STOOD_S and event.playhead > offset + LATE * length + STOOD_S:
        yield tally.say(
            "chapter-completed-late", path,
            f"a chapter of {length:g} s took {took:g} s, and ends at playhead {event.playhead:g}",
        )  # fmt: skip


# -- the session ----------------------------------------------------------------------------------------------------------


def _check_session(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    path, waited = f"{at}.eventType", _waited(tally)
    if "content_starts" not in tally.counts:
        yield tally.say(
            "completed-never-played", path, "sessionComplete, but no play was sent: nothing of it is counted"
        )
    elif waited is not None and not tally.playback.in_break:
        yield from _check_end_in_wait(tally, waited, path)
    missing = tally.length - event.playhead
    if tally.length <= 0 or tally.live or units.is_wrong(tally) or tally.length == playhead.DAY:
        return
    if missing > MISSING_S and event.playhead < EARLY * tally.length:
        yield tally.say(
            "completed-early", path,
            f"complete at playhead {event.playhead:g} of media.length {tally.length:g}: is this the end of the content?",
        )  # fmt: skip


def _check_end_in_wait(tally: Tally, waited: int, path: str) -> Iterator[Finding | None]:
    state = tally.playback.state
    if waited >= AT_END_MS:
        yield tally.say(
            "completed-while-paused", path, f"sessionComplete while {state} for {waited / 1000:g} s: a play is missing"
        )
    elif state == playback.PAUSED:
        yield tally.say(
            "pause-at-end",
            path,
            f"pauseStart {waited} ms before sessionComplete: the content's end is counted as a pause",
        )


def _check_resume(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    resumes = tally.start is not None and tally.start.params.get("media.resume") is True
    if resumes and abs(event.playhead) < 1 and not tally.live:
        yield tally.say(
            "resume-at-zero",
            at + event.paths.playhead,
            f"media.resume is true, but content plays from {event.playhead:g}",
        )


# -- played without a word ------------------------------------------------------------------------------------------------


def _check_unsaid_play(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    """The playhead runs with the time, but no play was sent."""
    starting = tally.playback.main == playback.STARTING and not tally.playback.in_break and tally.start is not None
    if not starting or event.event_type == "play":
        tally.seen = tally.seen._replace(before_play=None)
        return
    if tally.seen.before_play is None:
        tally.seen = tally.seen._replace(before_play=(event.playhead, tally.clock))
        return
    head, since_ms = tally.seen.before_play
    moved, seconds = event.playhead - head, (tally.clock - since_ms) / 1000
    if moved >= UNSAID_S and seconds / 2 <= moved <= 2 * seconds + 1 and tally.once("play-missing"):
        yield tally.say(
            "play-missing", at + event.paths.playhead,
            f"the playhead moved by {moved:g} s in {seconds:g} s, but no play was sent: none of it is counted",
        )  # fmt: skip


def _check_still(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    """A playhead that stands while content plays: nobody keeps it up to date, or nobody says that it waits."""
    still, here, path = tally.seen.still, event.playhead, at + event.paths.playhead
    if still is None:
        still = Still(here if tally.head is None else tally.head, tally.head_ms)
    seconds = (tally.clock - still.since_ms) / 1000
    if here == still.playhead:
        still = still._replace(pings=still.pings + (event.event_type == "ping"))
        yield from _check_standing(tally, still, seconds, path)
        tally.seen = tally.seen._replace(still=still)
        return
    moved = playhead.moved(still.playhead, here, tally.length)
    caught_up = (
        event.event_type != "ping" and still.pings and seconds >= STILL_S and 0.7 * seconds <= moved <= 1.5 * seconds
    )
    tally.seen = tally.seen._replace(still=Still(here, tally.clock), moved=True)
    if caught_up and tally.once("not-updated"):
        yield tally.say(
            "playhead-not-updated", path,
            f"pings had playhead {still.playhead:g} for {seconds:g} s, and {event.event_type} has {here:g}: "
            "it is brought up to date by other events only, and most of it counts as a stall",
        )  # fmt: skip


def _check_standing(tally: Tally, still: Still, seconds: float, path: str) -> Iterator[Finding | None]:
    least = STOOD_S if tally.seen.moved else NEVER_MOVED_S
    if still.pings < 2 or seconds < least or not tally.once("still"):
        return
    edge = ": an offset from the live edge?" if tally.live and not tally.seen.moved else ""
    yield tally.say(
        "playhead-still", path,
        f"the playhead stood at {still.playhead:g} for {seconds:g} s of playing{edge}: that is counted as a stall",
    )  # fmt: skip
