"""The running account of one session: events go in one by one, in processing order, and everything countable comes out.

Rules of this file:

1. First the time since the last event is put on the account the session stood on, then the event has its effect.
2. The running clock is the largest `ts` so far and never goes back, so the accounts add up to last ts - first ts.
3. An ignored event moves time between accounts at most; it never adds to a count and never opens a record.
4. What only grows is a Trail and everything else a small value, so that `fork` costs the same at any length.

It must not know about arrival, windows, how a session is closed or how a report looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from mcmock import rules
from mcmock.model import Finding, Mode
from mcmock.report import playback, watched
from mcmock.report.playback import Playback
from mcmock.report.records import (
    Ad,
    AdBreak,
    Chapter,
    Event,
    Segment,
    State,
    hashed,
    number_or_none,
    text_or_none,
)
from mcmock.report.trail import Trail
from mcmock.report.watched import Piece, Run, Stillness

MARKERS: Final = (10, 25, 50, 75, 95)  # percent of the length -- metrics/progress-markers
MAX_STATES: Final = 10  # different names in a session -- events/player-state
STANDARD_STATES: Final = frozenset({"fullscreen", "closedcaptioning", "mute", "pictureinpicture", "infocus"})
AD_GAP_MS: Final = 250  # between two ads of one break -- events/ads
PING_GAP_MS: Final = 15_000  # 1.5 times the ping interval -- events/playback/ping
PING_GAP_DOWNLOADED_MS: Final = 75_000  # offline pings come every 50 s, observed in aep
PING_GAP_AD_MS: Final = 1_500
BEFORE_START_MS: Final = 1_000
QUEUED_AT_MOST_MS: Final = 600_000  # the idle timeout: nothing of this session can be older
RECENT: Final = 16  # events in which a repetition is looked for: more than a window holds

AD_ENDS: Final = {"adComplete": "complete", "adSkip": "skip"}
CHAPTER_ENDS: Final = {"chapterComplete": "complete", "chapterSkip": "skip"}


class Stamp(NamedTuple):
    """An event's own time and name; `counted` is false where it was dropped."""

    ts: int
    event_type: str
    counted: bool = True


class Moment(NamedTuple):
    """An event as it is being counted: its place in the processing order, and where its body stands in the request's."""

    event: Event
    place: int
    path: str


class Mark(NamedTuple):
    """That the event at `place` of the processing order added one to `metric`."""

    metric: str
    place: int


class Reported(NamedTuple):
    """A value that a client reported, and the place of the event that did."""

    value: float
    place: int


class Rate(NamedTuple):
    """A bitrate in force from `since_ms` on."""

    kbps: float
    since_ms: int
    place: int


class Tally:
    """See the file's head. `apply` is the one door; everything else is for reading."""

    def __init__(self, mode: Mode, downloaded: bool) -> None:
        self.mode = mode
        self.downloaded = downloaded
        self.start: Event | None = None
        self.media_id = ""
        self.length = 0.0
        self.origin: int | None = None  # where the session's time begins; None until the first window
        self.clock = 0
        self.ended = False
        self.last_at: float | None = None  # the latest arrival that counted, and whose it was
        self.last_seq = 0
        # what happened, in processing order
        self.seqs: Trail[int] = Trail()
        self.stamps: Trail[Stamp] = Trail()
        self.marks: Trail[Mark] = Trail()
        self.counts: dict[str, int] = {}
        # whose time it was
        self.playback = Playback()
        self.totals: dict[str, int] = dict.fromkeys(playback.ALL_LABELS, 0)
        self.segments: Trail[Segment] = Trail()
        self.segment: Segment | None = None
        # the playhead
        self.head: float | None = None  # where the playhead was last heard while main content played, and when
        self.head_ms = 0
        self.stillness: Stillness | None = None
        self.run: Run | None = None
        self.runs: Trail[Run] = Trail()
        self.pieces: tuple[Piece, ...] = ()
        self.lowest: Reported | None = None
        self.highest: Reported | None = None
        self.paused_from: tuple[float, int] | None = None  # playhead and clock when the open pause or buffering began
        # records
        self.ads: Trail[Ad] = Trail()
        self.ad: Ad | None = None
        self.last_ad_end: int | None = None
        self.breaks: Trail[AdBreak] = Trail()
        self.ad_break: AdBreak | None = None
        self.chapters: Trail[Chapter] = Trail()
        self.chapter: Chapter | None = None
        self.states: dict[str, State] = {}
        self.state_spans: Trail[Segment] = Trail()  # label is the state's name
        # quality
        self.rate: Rate | None = None
        self.rates: Trail[Rate] = Trail()
        self.rate_weight_ms = 0
        self.rate_sum = 0.0
        self.dropped_frames: Reported | None = None
        self.frames_per_second: Reported | None = None
        self.time_to_start: Reported | None = None
        self.errors: dict[str, tuple[tuple[str, int], ...]] = {"player": (), "external": ()}
        # what has been said already
        self.recent: tuple[tuple[str, int, float], ...] = ()
        self.said: frozenset[str] = frozenset()

    def fork(self) -> Tally:
        """A tally that goes its own way from here on; this one stays as it is."""
        twin = object.__new__(Tally)
        twin.__dict__.update(self.__dict__)
        for name in _TRAILS:
            twin.__dict__[name] = getattr(self, name).fork()
        for name in _DICTS:
            twin.__dict__[name] = dict(getattr(self, name))
        return twin

    # -- the one door ---------------------------------------------------------------------------------------------------

    def begin(self, ts: int) -> None:
        """Set where the session's time begins: the earliest `ts` among sessionStart and the first window."""
        if self.origin is None:
            self.origin = self.clock = ts

    def apply(self, event: Event, at: str = "$") -> tuple[Finding, ...]:
        """Count `event` and say what is odd about it. `at` is where its body stands in the request's."""
        index = len(self.seqs)
        self.seqs.append(event.seq)
        self.stamps.append(Stamp(event.ts, event.event_type, not event.after_end))
        if event.after_end:
            found = [self._say("event-after-end", "", f"{event.event_type} came after the session had ended: dropped")]
        else:
            found = list(self._take(event, index, at))
        return tuple(finding for finding in found if finding is not None)

    def _take(self, event: Event, index: int, at: str) -> Iterator[Finding | None]:
        before, started, late = self.playback, "content_starts" in self.counts, event.ts < self.clock
        elapsed = 0 if self.origin is None else max(0, event.ts - self.clock)
        self.spend(event.ts, index)
        if self.last_at is None or event.at >= self.last_at:
            self.last_at, self.last_seq = event.at, event.seq
        yield from self._check_time(event, index, elapsed, at)
        if not late:
            yield from self._check_playhead(event, at)
        effect = _EFFECTS.get(event.event_type, _no_effect)
        consequences = tuple(finding for finding in effect(self, Moment(event, index, at)) if finding is not None)
        yield from consequences
        yield from self._check_origin(event, before, at)
        if not rules.ignores(consequences):
            self._hear(event, index, before, started, late)

    def _hear(self, event: Event, index: int, before: Playback, started: bool, late: bool) -> None:
        """Take in what rides on any event that is not ignored: the playhead and the quality."""
        if not late and before.plays:
            self._watch(event, index)
        self._settle(event, late)
        self._mark_progress(event, index)
        if event.qoe:
            self._hear_quality(event, index, started)

    def spend(self, until_ms: int, index: int) -> None:
        """Put the time up to `until_ms` on the account the session stands on; `index` is the event that says so."""
        elapsed = until_ms - self.clock
        if self.origin is None or elapsed <= 0:
            return
        label = self._label()
        self.totals[label] += elapsed
        if label == "ad" and self.ad is not None and self.ad_break is not None:
            self.ad = replace(self.ad, time_ms=self.ad.time_ms + elapsed)
            self.ad_break = replace(self.ad_break, time_ms=self.ad_break.time_ms + elapsed)
        if self.rate is not None and label in ("content", "ad"):
            self.rate_weight_ms += elapsed
            self.rate_sum += self.rate.kbps * elapsed
        self._extend(label, until_ms, index)
        self.clock = until_ms

    def _label(self) -> str:
        label = self.playback.label
        stalled = label == "content" and self.stillness is not None and self.stillness.stalled
        return "stall" if stalled else label

    def _extend(self, label: str, until_ms: int, index: int) -> None:
        owner = len(self.ads) if label == "ad" else -1
        segment = self.segment
        if segment is not None and (segment.label, segment.owner) == (label, owner):
            self.segment = segment._replace(end_ms=until_ms, last=index)
            return
        if segment is not None:
            self.segments.append(segment)
        self.segment = Segment(self.clock, until_ms, label, owner, max(0, index - 1), index)

    def _say(self, rule: str, path: str, message: str) -> Finding | None:
        return rules.finding(rule, self.mode, path, message)

    def _once(self, what: str) -> bool:
        """True the first time it is asked about `what`, until `_again`."""
        if what in self.said:
            return False
        self.said |= {what}
        return True

    def _again(self, what: str) -> None:
        self.said -= {what}

    def _mark(self, metric: str, index: int) -> None:
        self.counts[metric] = self.counts.get(metric, 0) + 1
        self.marks.append(Mark(metric, index))

    def _mark_once(self, metric: str, index: int) -> None:
        if metric not in self.counts:
            self._mark(metric, index)

    # -- time -----------------------------------------------------------------------------------------------------------

    def _check_time(self, event: Event, index: int, elapsed: int, at: str) -> Iterator[Finding | None]:
        path = f"{at}.playerTime.ts"
        running = (
            elapsed if self.start is None else min(elapsed, event.ts - self.start.ts)
        )  # no pings before there is a session
        yield from self._check_cadence(running, path)
        signature = (event.event_type, event.ts, event.playhead)
        previous = self.stamps[index - 1] if index else None
        if signature in self.recent:
            yield self._say("duplicate-event", path, f"{event.event_type} with this ts and playhead was sent before")
        elif previous is not None and previous.ts == event.ts:
            yield self._say("equal-timestamps", path, f"the same ts as the {previous.event_type} before it")
        self.recent = (*self.recent[1 - RECENT :], signature)

    def _check_cadence(self, elapsed: int, path: str) -> Iterator[Finding | None]:
        if self.playback.main == playback.COMPLETED and not self.playback.in_break:
            return
        limit = PING_GAP_DOWNLOADED_MS if self.downloaded else PING_GAP_MS
        if elapsed > limit:
            yield self._say(
                "ping-gap",
                path,
                f"{elapsed / 1000:.1f} s since the event before it; a ping is due every {_pace(limit)}",
            )
        elif self.playback.where == "ad" and elapsed > PING_GAP_AD_MS and not self.downloaded:
            yield self._say(
                "ping-gap-in-ad",
                path,
                f"{elapsed / 1000:.1f} s since the event before it; in an ad a ping is due every 1 s",
            )

    def _check_origin(self, event: Event, before: Playback, at: str) -> Iterator[Finding | None]:
        if self.start is None or event is self.start:
            return
        early = self.start.ts - event.ts
        queued_ad = before.in_break or self.playback.in_break
        if early > QUEUED_AT_MOST_MS or (early > BEFORE_START_MS and not queued_ad):
            yield self._say(
                "event-of-another-session",
                f"{at}.playerTime.ts",
                f"{event.event_type} is {early / 1000:.1f} s older than this session's sessionStart, and no queued pre-roll",
            )

    # -- the playhead ---------------------------------------------------------------------------------------------------

    def _check_playhead(self, event: Event, at: str) -> Iterator[Finding | None]:
        path = f"{at}.playerTime.playhead"
        if self.length > 0 and event.playhead > self.length + 1 and self._once("past-end"):
            yield self._say(
                "playhead-past-end", path, f"playhead {event.playhead:g} is past media.length {self.length:g}"
            )
        yield from self._check_break_playhead(event, path)
        yield from self._check_paused_playhead(event, path)
        yield from self._check_playing_playhead(event, path)

    def _check_break_playhead(self, event: Event, path: str) -> Iterator[Finding | None]:
        if self.ad_break is None or abs(event.playhead - self.ad_break.playhead) <= 1:
            return
        if self._once("moved-in-break"):
            yield self._say(
                "playhead-moved-in-ad",
                path,
                f"playhead {event.playhead:g} in a break that began at {self.ad_break.playhead:g}",
            )

    def _check_paused_playhead(self, event: Event, path: str) -> Iterator[Finding | None]:
        if self.paused_from is None or event.event_type in playback.PLAYBACK_EVENTS:
            return
        head, since_ms = self.paused_from
        far, seconds = watched.moved(head, event.playhead, self.length), (event.ts - since_ms) / 1000
        if far > 1 and seconds / 2 <= far <= seconds * 1.5 + 1:  # more or less than that is a seek
            self.paused_from = None
            yield self._say(
                "playhead-moved-in-pause",
                path,
                f"the playhead ran on by {far:g} s in {seconds:g} s of {self.playback.main}",
            )

    def _check_playing_playhead(self, event: Event, path: str) -> Iterator[Finding | None]:
        if self.head is None or not self.playback.watching:
            return
        far, seconds = watched.moved(self.head, event.playhead, self.length), self._since_head()
        slow = seconds >= 5 and 0 < far < seconds / 2 - 1
        if not (slow or far < -1 or far > 2 * seconds + watched.SEEK_SLACK):
            self._again("off-clock")
        elif self._once("off-clock"):
            yield self._say("playhead-off-clock", path, f"the playhead moved by {far:g} s in {seconds:g} s of playing")

    def _since_head(self) -> float:
        """Seconds since the playhead was last heard."""
        return (self.clock - self.head_ms) / 1000

    def _watch(self, event: Event, index: int) -> None:
        """Main content played until this event: which part of it was seen, and did it move at all."""
        if self.head is None:
            return
        for start, end in watched.step(self.head, event.playhead, self._since_head(), self.length):
            self._see(start, end, index)
        self.head, self.head_ms = event.playhead, self.clock
        if self.stillness is not None:
            was_stalled = self.stillness.stalled
            self.stillness = self.stillness.sample(event.playhead, self.clock)
            if self.stillness.stalled and not was_stalled:
                self._mark("stall_count", index)

    def _see(self, start: float, end: float, index: int) -> None:
        if self.run is not None and self.run.end == start:
            self.run = self.run._replace(end=end, last=index)
            return
        self._close_run()
        self.run = Run(start, end, max(0, index - 1), index)

    def _close_run(self) -> None:
        if self.run is not None:
            self.runs.append(self.run)
            self.pieces = watched.unite(self.pieces, self.run.start, self.run.end)
            self.run = None

    def watched_pieces(self) -> tuple[Piece, ...]:
        """The parts of the content seen at least once, in seconds of playhead, in order."""
        return self.pieces if self.run is None else watched.unite(self.pieces, self.run.start, self.run.end)

    def _settle(self, event: Event, late: bool) -> None:
        """After the event's effect: begin or stop watching the playhead. A late event's playhead is too old to begin with."""
        if not self.playback.plays:
            self.head = None
            self._close_run()
        elif self.head is None and not late:
            self.head, self.head_ms = event.playhead, self.clock
        if not self.playback.watching:
            self.stillness = None
        elif self.stillness is None and not late:
            self.stillness = Stillness(event.playhead, self.clock)
        waiting = not self.playback.in_break and self.playback.main in (playback.PAUSED, playback.BUFFERING)
        if not waiting or late:
            self.paused_from = None
        elif event.event_type in playback.PLAYBACK_EVENTS or event.event_type == "adBreakComplete":
            self.paused_from = (event.playhead, self.clock)

    def _mark_progress(self, event: Event, index: int) -> None:
        if self.lowest is None or event.playhead < self.lowest.value:
            self.lowest = Reported(event.playhead, index)
        if self.highest is None or event.playhead > self.highest.value:
            self.highest = Reported(event.playhead, index)
        if self.length <= 0 or "content_starts" not in self.counts:
            return
        for percent in MARKERS:
            if event.playhead >= self.length * percent / 100:
                self._mark_once(f"progress_{percent}", index)

    # -- the events' effects --------------------------------------------------------------------------------------------

    def _on_session_start(self, now: Moment) -> Iterator[Finding | None]:
        if self.start is not None:
            return
        self.start = now.event
        self.media_id = text_or_none(now.event.params.get("media.id")) or ""
        length = number_or_none(now.event.params.get("media.length"))
        self.length = 0.0 if length is None else length
        self._mark("media_starts", now.place)
        if now.event.params.get("media.resume") is True:
            self._mark("content_resumes", now.place)
        yield from ()

    def _on_play(self, now: Moment) -> Iterator[Finding | None]:
        if self.playback.in_break:
            yield from self._check_before_ad(now)
        else:
            self._mark_once("content_starts", now.place)
            if "content_completes" in self.counts:
                yield self._say("play-after-complete", f"{now.path}.eventType", "play after sessionComplete")
        self.playback = self.playback.switch(playback.PLAYING)

    def _on_pause(self, now: Moment) -> Iterator[Finding | None]:
        yield from self._check_before_ad(now)
        if self.playback.declared != playback.PAUSED:
            self._mark("pause_count", now.place)
        self.playback = self.playback.switch(playback.PAUSED)

    def _on_buffer(self, now: Moment) -> Iterator[Finding | None]:
        yield from self._check_before_ad(now)
        if self.playback.declared != playback.BUFFERING:
            self._mark("buffer_count", now.place)
        self.playback = self.playback.switch(playback.BUFFERING)

    def _check_before_ad(self, now: Moment) -> Iterator[Finding | None]:
        if self.ad_break is not None and self.ad_break.ad_count == 0:
            yield self._say(
                "playback-before-ad",
                f"{now.path}.eventType",
                f"{now.event.event_type} between adBreakStart and its first adStart",
            )

    def _on_ad_break_start(self, now: Moment) -> Iterator[Finding | None]:
        if self.ad_break is not None:
            yield from self._abandon_ad(now)
            yield self._say(
                "ad-break-nested", f"{now.path}.eventType", "adBreakStart before the adBreakComplete of the one before"
            )
            self._close_break("abandoned")
        position = number_or_none(now.event.params.get("media.ad.podIndex"))
        number = int(position) if position is not None else len(self.breaks)
        self.ad_break = AdBreak(
            now.event.seq, hashed(self.media_id, number), number, now.event.params, now.event.playhead, self.clock
        )
        self.last_ad_end = None
        self._again("moved-in-break")
        self.playback = self.playback.open_break()
        self._mark("ad_break_count", now.place)

    def _on_ad_break_complete(self, now: Moment) -> Iterator[Finding | None]:
        if self.ad_break is None:
            yield self._say(
                "ad-break-close-without-start", f"{now.path}.eventType", "adBreakComplete, but no ad break is open"
            )
            return
        yield from self._abandon_ad(now)
        if self.ad_break.ad_count == 0:
            yield self._say("ad-break-without-ads", f"{now.path}.eventType", "the ad break ends without any ad")
        self._close_break("complete")

    def _close_break(self, outcome: str) -> None:
        if self.ad_break is not None:
            self.breaks.append(replace(self.ad_break, outcome=outcome, end_ts=self.clock))
        self.ad_break = None
        self.playback = self.playback.close_break()

    def _on_ad_start(self, now: Moment) -> Iterator[Finding | None]:
        if self.ad_break is None:
            self.playback, self.stillness = self.playback.open_stray(), None
            yield self._outside_break(now)
            return
        yield from self._abandon_ad(now)
        gap = 0 if self.last_ad_end is None else self.clock - self.last_ad_end
        if gap > AD_GAP_MS:
            yield self._say(
                "gap-between-ads", f"{now.path}.playerTime.ts", f"{gap} ms after the ad before it, in one break"
            )
        self.ad = Ad(
            now.event.seq, text_or_none(now.event.params.get("media.ad.id")) or "", now.event.params, now.event.metadata,
            len(self.breaks), self.ad_break.id, self.clock,
        )  # fmt: skip
        self.ad_break = replace(self.ad_break, ad_count=self.ad_break.ad_count + 1)
        self.playback = self.playback.open_ad()
        self._mark("ad_count", now.place)

    def _on_ad_end(self, now: Moment) -> Iterator[Finding | None]:
        if self.ad_break is None:
            self.playback = self.playback.end_stray()
            yield self._outside_break(now)
        elif self.ad is None:
            yield self._say(
                "ad-close-without-start", f"{now.path}.eventType", f"{now.event.event_type}, but no ad is open"
            )
        else:
            self._close_ad(AD_ENDS[now.event.event_type])
            if now.event.event_type == "adComplete":
                self._mark("ad_completes", now.place)

    def _outside_break(self, now: Moment) -> Finding | None:
        name = text_or_none(now.event.params.get("media.ad.id"))
        subject = now.event.event_type if name is None else f"{now.event.event_type} of {name!r}"
        return self._say(
            "ad-outside-break",
            f"{now.path}.eventType",
            f"{subject} outside adBreakStart … adBreakComplete: ignored, its time goes to main content",
        )

    def _abandon_ad(self, now: Moment) -> Iterator[Finding | None]:
        if self.ad is not None:
            message = f"{now.event.event_type} while the ad {self.ad.id!r} is open: adComplete or adSkip is missing"
            yield self._say("ad-not-closed", f"{now.path}.eventType", message)
            self._close_ad("abandoned")

    def _close_ad(self, outcome: str) -> None:
        if self.ad is not None:
            self.ads.append(replace(self.ad, outcome=outcome, end_ts=self.clock))
        self.ad = None
        self.last_ad_end = self.clock
        self.playback = self.playback.close_ad()

    def _on_chapter_start(self, now: Moment) -> Iterator[Finding | None]:
        if self.chapter is not None:
            message = f"chapterStart while chapter {self.chapter.index} is open: that one counts as skipped"
            yield self._say("chapter-overlap", f"{now.path}.eventType", message)
            self._close_chapter("skip")
        position = number_or_none(now.event.params.get("media.chapter.index"))
        number = int(position) if position is not None else len(self.chapters)
        self.chapter = Chapter(
            now.event.seq,
            hashed(self.media_id, number),
            number,
            now.event.params,
            now.event.metadata,
            self.clock,
            self.totals["content"],
        )
        self._mark("chapter_count", now.place)

    def _on_chapter_end(self, now: Moment) -> Iterator[Finding | None]:
        if self.chapter is None:
            yield self._say(
                "chapter-close-without-start",
                f"{now.path}.eventType",
                f"{now.event.event_type}, but no chapter is open",
            )
            return
        self._close_chapter(CHAPTER_ENDS[now.event.event_type])
        if now.event.event_type == "chapterComplete":
            self._mark("chapter_completes", now.place)

    def _close_chapter(self, outcome: str) -> None:
        closed = self.chapter_so_far()
        if closed is not None:
            self.chapters.append(replace(closed, outcome=outcome, end_ts=self.clock))
        self.chapter = None

    def chapter_so_far(self) -> Chapter | None:
        """The open chapter with the time it has taken until now."""
        if self.chapter is None:
            return None
        return replace(self.chapter, time_ms=self.totals["content"] - self.chapter.before_ms)

    def _on_state_start(self, now: Moment) -> Iterator[Finding | None]:
        yield self._open_state(
            now.event.params.get("media.state.name"), now.place, f"{now.path}.params['media.state.name']"
        )

    def _on_state_end(self, now: Moment) -> Iterator[Finding | None]:
        yield self._close_state(
            now.event.params.get("media.state.name"), now.place, f"{now.path}.params['media.state.name']"
        )

    def _on_states_update(self, now: Moment) -> Iterator[Finding | None]:
        for place, name in _state_names(now.event.params.get("statesEnd")):
            yield self._close_state(name, now.place, f"{now.path}.params.statesEnd[{place}]['media.state.name']")
        for place, name in _state_names(now.event.params.get("statesStart")):
            yield self._open_state(name, now.place, f"{now.path}.params.statesStart[{place}]['media.state.name']")

    def _open_state(self, sent: object, place: int, path: str) -> Finding | None:
        name = state_key(sent)
        state = self.states.get(name)
        if state is None and len(self.states) >= MAX_STATES:
            return self._say("too-many-states", path, f"{name!r} is past the tenth state name of this session: dropped")
        if state is not None and state.opened_ms is not None:
            return self._say("state-already-open", path, f"{name!r} is open already: dropped")
        state = state or State(name)
        self.states[name] = replace(state, count=state.count + 1, opened_ms=self.clock, opened_by=place)
        self._mark(f"states.{name}.count", place)
        return None

    def _close_state(self, sent: object, place: int, path: str) -> Finding | None:
        name = state_key(sent)
        state = self.states.get(name)
        if state is None or state.opened_ms is None:
            return self._say("state-not-open", path, f"{name!r} is not open: dropped")
        self.state_spans.append(Segment(state.opened_ms, self.clock, name, -1, state.opened_by, place))
        self.states[name] = replace(self.state_so_far(state), opened_ms=None)
        return None

    def state_so_far(self, state: State) -> State:
        """`state` with the time it has taken until now, open or not."""
        since = self.clock if state.opened_ms is None else state.opened_ms
        return replace(state, time_ms=state.time_ms + self.clock - since)

    def _on_error(self, now: Moment) -> Iterator[Finding | None]:
        self._mark("error_count", now.place)
        name, source = error_of(now.event)
        known = self.errors.get(source or "")
        if name and source and known is not None and all(name != other for other, _ in known):
            self.errors[source] = (*known, (name, now.place))
        yield from ()

    def _on_bitrate_change(self, now: Moment) -> Iterator[Finding | None]:
        self._mark("bitrate_change_count", now.place)
        yield from ()

    def _on_session_complete(self, now: Moment) -> Iterator[Finding | None]:
        self._mark_once("content_completes", now.place)
        self.playback = self.playback.complete()
        yield from ()

    def _on_session_end(self, now: Moment) -> Iterator[Finding | None]:
        self.ended = True
        self._mark_once("session_ends", now.place)
        yield from ()

    # -- quality --------------------------------------------------------------------------------------------------------

    def _hear_quality(self, event: Event, index: int, started: bool) -> None:
        kbps = number_or_none(event.qoe.get("media.qoe.bitrate"))
        if kbps is not None and (self.rate is None or self.rate.kbps != kbps):
            self.rate = Rate(kbps, self.clock, index)
            self.rates.append(self.rate)
        self.dropped_frames = _reported(event.qoe, "media.qoe.droppedFrames", index) or self.dropped_frames
        self.frames_per_second = _reported(event.qoe, "media.qoe.framesPerSecond", index) or self.frames_per_second
        if not started or self.time_to_start is None:  # the last value until the first play wins
            self.time_to_start = _reported(event.qoe, "media.qoe.timeToStart", index) or self.time_to_start


def state_key(sent: object) -> str:
    """A state's name as reports spell it: the standard ones in lower case however they were sent (C-14)."""
    name = sent if isinstance(sent, str) else ""
    return name.lower() if name.lower() in STANDARD_STATES else name


def error_of(event: Event) -> tuple[str | None, str | None]:
    """The id and source of an error: in qoeData, or in params as one page has it (C-05)."""
    name = event.qoe.get("media.qoe.errorID", event.params.get("media.errorId"))
    source = event.qoe.get("media.qoe.errorSource", event.params.get("media.errorSource"))
    return text_or_none(name), text_or_none(source)


def _state_names(sent: object) -> Iterator[tuple[int, object]]:
    for place, item in enumerate(sent if isinstance(sent, list | tuple) else ()):
        yield place, item.get("media.state.name") if isinstance(item, Mapping) else None


def _reported(qoe: Mapping[str, Any], key: str, index: int) -> Reported | None:
    value = number_or_none(qoe.get(key))
    return None if value is None else Reported(value, index)


def _no_effect(_tally: Tally, _now: Moment) -> Iterator[Finding | None]:
    yield from ()


def _pace(limit_ms: int) -> str:
    return "50 s" if limit_ms == PING_GAP_DOWNLOADED_MS else "10 s"


_TRAILS: Final = (
    "seqs", "stamps", "marks", "segments", "runs", "ads", "breaks", "chapters", "state_spans", "rates",
)  # fmt: skip
_DICTS: Final = ("counts", "totals", "states", "errors")

_EFFECTS: Final[dict[str, Callable[[Tally, Moment], Iterator[Finding | None]]]] = {
    "sessionStart": Tally._on_session_start,
    "play": Tally._on_play,
    "pauseStart": Tally._on_pause,
    "bufferStart": Tally._on_buffer,
    "adBreakStart": Tally._on_ad_break_start,
    "adBreakComplete": Tally._on_ad_break_complete,
    "adStart": Tally._on_ad_start,
    "adComplete": Tally._on_ad_end,
    "adSkip": Tally._on_ad_end,
    "chapterStart": Tally._on_chapter_start,
    "chapterComplete": Tally._on_chapter_end,
    "chapterSkip": Tally._on_chapter_end,
    "stateStart": Tally._on_state_start,
    "stateEnd": Tally._on_state_end,
    "statesUpdate": Tally._on_states_update,
    "error": Tally._on_error,
    "bitrateChange": Tally._on_bitrate_change,
    "sessionComplete": Tally._on_session_complete,
    "sessionEnd": Tally._on_session_end,
}  # ping is not here: it says that time has passed, which every event does
