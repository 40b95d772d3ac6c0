"""Quality that cannot be as it is reported: units, arguments in each other's place, counts that fall, silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mcmock.analytics.records import text_or_none
from mcmock.analytics.seen import TS_WRONG
from mcmock.analytics.tally import Tally
from mcmock.core.events import Event, number_or_none
from mcmock.core.model import Finding

LEAST_KBPS: Final = 6  # speech in Opus
LEAST_VIDEO_KBPS: Final = 40  # stamps of 144 lines; in megabits, more than any video has
MAX_AUDIO_KBPS: Final = 10_000  # what is not compressed, at 192 kHz and 24 bits
MAX_VIDEO_KBPS: Final = 100_000  # from there on lint.py says it
MAX_FPS: Final = 300
MAX_START_MS: Final = 600_000  # the idle timeout: nothing starts later
SILENT_S: Final = 240
REVISIONS: Final = 2


def check_quality(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    """What is odd about the quality that an event brings, or does not bring."""
    if event.qoe:
        yield from _check_bitrate(tally, event, at)
        yield from _check_frames(tally, event, at)
        yield from _check_time_to_start(tally, event, at)
    if event.event_type == "bitrateChange" and number_or_none(event.qoe.get("media.qoe.bitrate")) is None:
        yield _once(
            tally, "bitrate-missing", f"{at}.qoeData", "bitrateChange without media.qoe.bitrate: no bitrate changes"
        )
    silent = tally.rate is None and "media.qoe.bitrate" not in event.qoe
    if silent and not tally.downloaded and TS_WRONG not in tally.said and tally.totals["content"] > SILENT_S * 1000:
        seconds = tally.totals["content"] / 1000
        yield _once(
            tally, "bitrate-never-reported", f"{at}.qoeData", f"{seconds:.0f} s of content, and no bitrate was reported"
        )


def _stream_type(tally: Tally) -> str:
    sent = None if tally.start is None else text_or_none(tally.start.params.get("media.streamType"))
    return (sent or "").strip().lower()


def _check_bitrate(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    kbps, path = number_or_none(event.qoe.get("media.qoe.bitrate")), f"{at}.qoeData['media.qoe.bitrate']"
    if kbps is None:
        return
    video = tally.playback.watching and _stream_type(tally) == "video"
    if kbps < 0 or 0 < kbps < (LEAST_VIDEO_KBPS if video else LEAST_KBPS):
        yield _once(tally, "bitrate-too-low", path, f"a bitrate of {kbps:g} kbps: were megabits per second meant?")
    elif _stream_type(tally) == "audio" and MAX_AUDIO_KBPS < kbps <= MAX_VIDEO_KBPS and tally.once("audio-in-bits"):
        yield tally.say("bitrate-in-bits", path, f"{kbps:g} kbps of audio: were bits per second meant?")
    elif kbps == 0 and tally.playback.watching:
        yield _once(tally, "bitrate-zero", path, "a bitrate of 0 while content plays: the average counts it as one")


def _check_frames(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    fps = number_or_none(event.qoe.get("media.qoe.framesPerSecond"))
    path = f"{at}.qoeData['media.qoe.framesPerSecond']"
    if fps is not None and (fps > MAX_FPS or fps < 0):
        yield _once(
            tally, "frame-rate-impossible", path,
            f"{fps:g} frames per second: thousandths, or another number's place in the arguments?",
        )  # fmt: skip
    elif fps == 0 and tally.playback.watching and _stream_type(tally) != "audio":
        yield _once(tally, "frame-rate-zero", path, "0 frames per second while content plays")
    dropped = number_or_none(event.qoe.get("media.qoe.droppedFrames"))
    if dropped is None:
        return
    if dropped < tally.seen.dropped or dropped < 0:
        yield _once(
            tally, "dropped-frames-fall", f"{at}.qoeData['media.qoe.droppedFrames']",
            f"{dropped:g} dropped frames after {tally.seen.dropped:g}: all since the session's start are meant",
        )  # fmt: skip
    tally.seen = tally.seen._replace(dropped=dropped)


def _check_time_to_start(tally: Tally, event: Event, at: str) -> Iterator[Finding | None]:
    sent, path = number_or_none(event.qoe.get("media.qoe.timeToStart")), f"{at}.qoeData['media.qoe.timeToStart']"
    if sent is None:
        return
    if sent < 0 or sent > MAX_START_MS:
        why = "a moment, not a duration" if sent > 1e9 else "microseconds"
        words = f"{sent:g} ms to start: {'less than nothing' if sent < 0 else why + '?'}"
        yield _once(tally, "time-to-start-impossible", path, words)
    elif 0 < sent <= 10 and _took_s(tally, event) * 1000 >= 100 * sent:
        yield _once(
            tally, "time-to-start-impossible", path,
            f"{sent:g} ms to start, after {_took_s(tally, event):g} s: seconds? Milliseconds are meant",
        )  # fmt: skip
    yield from _check_revision(tally, event, sent, path)


def _took_s(tally: Tally, event: Event) -> float:
    """Return how long the session took up to the play that the event is; 0 where it started earlier or has not."""
    first = event.event_type == "play" and "content_starts" not in tally.counts and tally.start is not None
    return (event.ts - tally.start.ts) / 1000 if first and tally.start is not None else 0.0


def _check_revision(tally: Tally, event: Event, sent: float, path: str) -> Iterator[Finding | None]:
    """A content starts once: a time that goes on changing after it did is measured again and again, or is another one's."""
    if tally.time_to_start is None or "content_starts" not in tally.counts or tally.start is None:
        return
    known = tally.time_to_start.value if tally.seen.start_ms is None else tally.seen.start_ms
    if sent == known:
        return
    revisions = tally.seen.revisions + 1
    tally.seen = tally.seen._replace(start_ms=sent, revisions=revisions)
    passed = event.ts - tally.start.ts
    if revisions >= REVISIONS or sent <= 0 or sent > passed + 60_000:
        yield _once(
            tally, "time-to-start-revised", path,
            f"{sent:g} ms to start, {passed / 1000:g} s into the session, after {known:g}: content starts once",
        )  # fmt: skip


def _once(tally: Tally, rule: str, path: str, message: str) -> Finding | None:
    return tally.say(rule, path, message) if tally.once(rule) else None
