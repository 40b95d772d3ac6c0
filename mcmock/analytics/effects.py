"""What each event does to a session: one function an event type, and the table of them at the end.

An effect changes the tally and yields what is to be said of it. Whatever it finds missing or doubled it puts right as the
documentation has it: what cannot count is ignored, what is left open is abandoned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from mcmock.analytics import playback
from mcmock.analytics.playhead import DAY
from mcmock.analytics.records import Ad, AdBreak, Chapter, Segment, State, hashed, state_key, text_or_none
from mcmock.analytics.tally import EventContext, Tally
from mcmock.core.events import Event, number_or_none
from mcmock.core.model import Finding

LIVE: Final = frozenset({"live", "linear"})  # media.contentType -- variables/core/content-type
MAX_STATES: Final = 10  # different names in a session -- events/player-state
AD_GAP_MS: Final = 250  # between two ads of one break -- events/ads
AD_ENDS: Final = {"adComplete": "complete", "adSkip": "skip"}
CHAPTER_ENDS: Final = {"chapterComplete": "complete", "chapterSkip": "skip"}


def _on_session_start(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    if tally.start is not None:
        return
    tally.start = now.event
    tally.media_id = text_or_none(now.event.params.get("media.id")) or ""
    length = number_or_none(now.event.params.get("media.length"))
    tally.length = 0.0 if length is None else length
    tally.live = tally.length == DAY or str(now.event.params.get("media.contentType")).lower() in LIVE
    tally.mark("media_starts", now.place)
    if now.event.params.get("media.resume") is True:
        tally.mark("content_resumes", now.place)
    yield from ()


def _on_play(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    if tally.playback.in_break:
        yield from _check_before_ad(tally, now)
    else:
        tally.mark_once("content_starts", now.place)
        if "content_completes" in tally.counts:
            yield tally.say("play-after-complete", now.type_path, "play after sessionComplete")
    tally.playback = tally.playback.switch(playback.PLAYING)


def _on_pause(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    yield from _check_before_ad(tally, now)
    if tally.playback.declared != playback.PAUSED:
        tally.mark("pause_count", now.place)
    tally.playback = tally.playback.switch(playback.PAUSED)


def _on_buffer(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    yield from _check_before_ad(tally, now)
    if tally.playback.declared != playback.BUFFERING:
        tally.mark("buffer_count", now.place)
    tally.playback = tally.playback.switch(playback.BUFFERING)


def _check_before_ad(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    if tally.ad_break is not None and tally.ad_break.ad_count == 0:
        yield tally.say(
            "playback-before-ad",
            now.type_path,
            f"{now.event.event_type} between adBreakStart and its first adStart",
        )


def _on_ad_break_start(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    if tally.ad_break is not None:
        yield from _abandon_ad(tally, now)
        yield tally.say("ad-break-nested", now.type_path, "adBreakStart before the adBreakComplete of the one before")
        _close_break(tally, "abandoned")
    position = number_or_none(now.event.params.get("media.ad.podIndex"))
    number = int(position) if position is not None else len(tally.breaks)
    tally.ad_break = AdBreak(
        now.event.seq, hashed(tally.media_id, number), number, now.event.params, now.event.playhead, tally.clock
    )
    tally.last_ad_end = None
    tally.again("moved-in-break")
    tally.playback = tally.playback.open_break()
    tally.mark("ad_break_count", now.place)


def _on_ad_break_complete(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    if tally.ad_break is None:
        yield tally.say("ad-break-close-without-start", now.type_path, "adBreakComplete, but no ad break is open")
        return
    yield from _abandon_ad(tally, now)
    if tally.ad_break.ad_count == 0:
        yield tally.say("ad-break-without-ads", now.type_path, "the ad break ends without any ad")
    _close_break(tally, "complete")


def _close_break(tally: Tally, outcome: str) -> None:
    if tally.ad_break is not None:
        tally.breaks.append(replace(tally.ad_break, outcome=outcome, end_ts=tally.clock))
    tally.ad_break = None
    tally.playback = tally.playback.close_break()


def _on_ad_start(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    if tally.ad_break is None:
        tally.playback, tally.stillness = tally.playback.open_stray(), None
        yield _outside_break(tally, now)
        return
    yield from _abandon_ad(tally, now)
    gap = 0 if tally.last_ad_end is None else tally.clock - tally.last_ad_end
    if gap > AD_GAP_MS:
        yield tally.say(
            "gap-between-ads", now.path + now.event.paths.ts, f"{gap} ms after the ad before it, in one break"
        )
    tally.ad = Ad(
        now.event.seq, text_or_none(now.event.params.get("media.ad.id")) or "", now.event.params, now.event.metadata,
        len(tally.breaks), tally.ad_break.id, tally.clock,
    )  # fmt: skip
    tally.ad_break = replace(tally.ad_break, ad_count=tally.ad_break.ad_count + 1)
    tally.playback = tally.playback.open_ad()
    tally.mark("ad_count", now.place)


def _on_ad_end(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    if tally.ad_break is None:
        tally.playback = tally.playback.end_stray()
        yield _outside_break(tally, now)
    elif tally.ad is None:
        yield tally.say("ad-close-without-start", now.type_path, f"{now.event.event_type}, but no ad is open")
    else:
        _close_ad(tally, AD_ENDS[now.event.event_type])
        if now.event.event_type == "adComplete":
            tally.mark("ad_completes", now.place)


def _outside_break(tally: Tally, now: EventContext) -> Finding | None:
    name = text_or_none(now.event.params.get("media.ad.id"))
    subject = now.event.event_type if name is None else f"{now.event.event_type} of {name!r}"
    return tally.say(
        "ad-outside-break",
        now.type_path,
        f"{subject} outside adBreakStart … adBreakComplete: ignored, its time goes to main content",
    )


def _abandon_ad(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    if tally.ad is not None:
        message = f"{now.event.event_type} while the ad {tally.ad.id!r} is open: adComplete or adSkip is missing"
        yield tally.say("ad-not-closed", now.type_path, message)
        _close_ad(tally, "abandoned")


def _close_ad(tally: Tally, outcome: str) -> None:
    if tally.ad is not None:
        tally.ads.append(replace(tally.ad, outcome=outcome, end_ts=tally.clock))
    tally.ad = None
    tally.last_ad_end = tally.clock
    tally.playback = tally.playback.close_ad()


def _on_chapter_start(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    if tally.chapter is not None:
        message = f"chapterStart while chapter {tally.chapter.index} is open: that one counts as skipped"
        yield tally.say("chapter-overlap", now.type_path, message)
        _close_chapter(tally, "skip")
    position = number_or_none(now.event.params.get("media.chapter.index"))
    number = int(position) if position is not None else len(tally.chapters)
    tally.chapter = Chapter(
        now.event.seq,
        hashed(tally.media_id, number),
        number,
        now.event.params,
        now.event.metadata,
        tally.clock,
        tally.totals["content"],
    )
    tally.mark("chapter_count", now.place)


def _on_chapter_end(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    if tally.chapter is None:
        yield tally.say(
            "chapter-close-without-start",
            now.type_path,
            f"{now.event.event_type}, but no chapter is open",
        )
        return
    _close_chapter(tally, CHAPTER_ENDS[now.event.event_type])
    if now.event.event_type == "chapterComplete":
        tally.mark("chapter_completes", now.place)


def _close_chapter(tally: Tally, outcome: str) -> None:
    closed = tally.chapter_so_far()
    if closed is not None:
        tally.chapters.append(replace(closed, outcome=outcome, end_ts=tally.clock))
    tally.chapter = None


def _on_state_start(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    yield _open_state(
        tally, now.event.params.get("media.state.name"), now.place, f"{now.path}.params['media.state.name']"
    )


def _on_state_end(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    yield _close_state(
        tally, now.event.params.get("media.state.name"), now.place, f"{now.path}.params['media.state.name']"
    )


def _on_states_update(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    for place, name in _state_names(now.event.params.get("statesEnd")):
        yield _close_state(tally, name, now.place, f"{now.path}.params.statesEnd[{place}]['media.state.name']")
    for place, name in _state_names(now.event.params.get("statesStart")):
        yield _open_state(tally, name, now.place, f"{now.path}.params.statesStart[{place}]['media.state.name']")


def _open_state(tally: Tally, sent: object, place: int, path: str) -> Finding | None:
    key, name = state_key(sent), text_or_none(sent) or ""
    state = tally.states.get(key)
    if state is None and len(tally.states) >= MAX_STATES:
        return tally.say("too-many-states", path, f"{name!r} is past the tenth state name of this session: dropped")
    if state is not None and state.opened_ms is not None:
        return tally.say("state-already-open", path, f"{name!r} is open already: dropped")
    state = state or State(name)
    tally.states[key] = replace(state, count=state.count + 1, opened_ms=tally.clock, opened_by=place)
    tally.mark(f"states.{state.name}.count", place)
    return None


def _close_state(tally: Tally, sent: object, place: int, path: str) -> Finding | None:
    key = state_key(sent)
    state = tally.states.get(key)
    if state is None or state.opened_ms is None:
        return tally.say("state-not-open", path, f"{text_or_none(sent) or ''!r} is not open: dropped")
    tally.state_spans.append(Segment(state.opened_ms, tally.clock, state.name, -1, state.opened_by, place))
    tally.states[key] = replace(tally.state_so_far(state), opened_ms=None)
    return None


def _on_error(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    tally.mark("error_count", now.place)
    name, source = error_of(now.event)
    known = tally.errors.get(source or "")
    if name and source and known is not None and all(name != other for other, _ in known):
        tally.errors[source] = (*known, (name, now.place))
    yield from ()


def _on_bitrate_change(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    tally.mark("bitrate_change_count", now.place)
    yield from ()


def _on_ping(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    """It says that time has passed, as every event does: nothing is counted. One may be on its way when the content ends."""
    is_over = tally.playback.main == playback.COMPLETED and not tally.playback.in_break
    if is_over and not tally.once("trailing-ping") and tally.once("ping-after-complete"):
        message = "pings go on after sessionComplete, with nothing played since"
        yield tally.say("ping-after-complete", now.type_path, message)


def _on_session_complete(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    tally.mark_once("content_completes", now.place)
    tally.playback = tally.playback.complete()
    yield from ()


def _on_session_end(tally: Tally, now: EventContext) -> Iterator[Finding | None]:
    tally.ended = True
    tally.mark_once("session_ends", now.place)
    yield from ()


def error_of(event: Event) -> tuple[str | None, str | None]:
    """Return the id and source of an error: in qoeData, or in params as one page has it (C-05)."""
    name = event.qoe.get("media.qoe.errorID", event.params.get("media.errorId"))
    source = event.qoe.get("media.qoe.errorSource", event.params.get("media.errorSource"))
    return text_or_none(name), text_or_none(source)


def _state_names(sent: object) -> Iterator[tuple[int, object]]:
    for place, item in enumerate(sent if isinstance(sent, list | tuple) else ()):
        yield place, item.get("media.state.name") if isinstance(item, Mapping) else None


def no_effect(_tally: Tally, _now: EventContext) -> Iterator[Finding | None]:
    yield from ()


EFFECTS: Final[dict[str, Callable[[Tally, EventContext], Iterator[Finding | None]]]] = {
    "sessionStart": _on_session_start,
    "play": _on_play,
    "pauseStart": _on_pause,
    "bufferStart": _on_buffer,
    "adBreakStart": _on_ad_break_start,
    "adBreakComplete": _on_ad_break_complete,
    "adStart": _on_ad_start,
    "adComplete": _on_ad_end,
    "adSkip": _on_ad_end,
    "chapterStart": _on_chapter_start,
    "chapterComplete": _on_chapter_end,
    "chapterSkip": _on_chapter_end,
    "stateStart": _on_state_start,
    "stateEnd": _on_state_end,
    "statesUpdate": _on_states_update,
    "error": _on_error,
    "bitrateChange": _on_bitrate_change,
    "ping": _on_ping,
    "sessionComplete": _on_session_complete,
    "sessionEnd": _on_session_end,
}
