"""The running account of one session: what has been counted, and the few ways in which it can grow.

Rules of this file:

1. The running clock is the largest `ts` so far and never goes back. The time it passes goes on exactly one account, so the
   accounts add up to last ts - first ts.
2. What only grows is a ForkableList and everything else a small value, so that `fork` costs the same at any length.

It must not know what an event means (effects.py), what is odd (oddities.py), or how a session is closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice
from typing import Any, Final, Generic, NamedTuple, TypeVar

from mcmock.analytics import playback, playhead
from mcmock.analytics.playback import Playback
from mcmock.analytics.playhead import Pace, Piece, StallDetector, WatchedRun
from mcmock.analytics.records import Ad, AdBreak, Chapter, Segment, State
from mcmock.analytics.seen import Seen
from mcmock.core import findings
from mcmock.core.events import Event
from mcmock.core.model import Finding, Mode

T = TypeVar("T")


class ForkableList(Generic[T]):
    """Items in the order they were appended. A fork sees what was there, and appends for itself alone.

    A judgement is asked for after every request, of sessions that run for thirty hours. Copying what such a session has
    collected would cost more than judging it, so the copy for the open window shares the past and keeps its own tail.
    """

    __slots__ = ("_own", "_past", "_shared")

    def __init__(self, past: list[T] | None = None) -> None:
        self._past: list[T] = past if past is not None else []
        self._shared = len(self._past)
        self._own: list[T] = []

    def append(self, item: T) -> None:
        self._own.append(item)

    def fork(self) -> ForkableList[T]:
        return ForkableList(self._own) if not self._shared else ForkableList(list(self))

    def __len__(self) -> int:
        return self._shared + len(self._own)

    def __iter__(self) -> Iterator[T]:
        return chain(islice(self._past, self._shared), self._own)

    def __getitem__(self, index: int) -> T:
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(f"there are {len(self)} items, not {index + 1}")
        return self._past[index] if index < self._shared else self._own[index - self._shared]

    def values(self) -> tuple[T, ...]:
        """Everything, as a tuple: one copy, done in C."""
        past = self._past if len(self._past) == self._shared else self._past[: self._shared]
        return (*past, *self._own)


class Stamp(NamedTuple):
    """An event's own time and name; `counted` is false where it was dropped."""

    ts: int
    event_type: str
    counted: bool = True


class Signature(NamedTuple):
    """What tells an event from a repetition of it."""

    event_type: str
    ts: int
    playhead: float
    params: Mapping[str, Any]
    qoe: Mapping[str, Any]
    id: str | None = None

    def is_again(self, other: Signature) -> bool:
        """Return whether the two are one event, sent twice: by its id, where it has one, else by all that it says."""
        return self.id == other.id if self.id is not None and other.id is not None else self == other


class EventContext(NamedTuple):
    """An event as it is being counted: its place in the processing order, and where its body stands in the request's."""

    event: Event
    place: int
    path: str

    @property
    def type_path(self) -> str:
        """Return where the request's body says what the event is."""
        return f"{self.path}.eventType"


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
    """See the file's head. Only counting.py and what it calls may change one."""

    def __init__(self, mode: Mode, downloaded: bool) -> None:
        self.mode = mode
        self.downloaded = downloaded
        self.start: Event | None = None
        self.media_id = ""
        self.length = 0.0
        self.live = False
        self.origin: int | None = None  # where the session's time begins; None until the first window
        self.clock = 0
        self.ended = False
        self.last_at: float | None = None  # the latest arrival that counted, and whose it was
        self.last_seq = 0
        # what happened, in processing order
        self.seqs: ForkableList[int] = ForkableList()
        self.stamps: ForkableList[Stamp] = ForkableList()
        self.marks: ForkableList[Mark] = ForkableList()
        self.counts: dict[str, int] = {}
        # whose time it was
        self.playback = Playback()
        self.totals: dict[str, int] = dict.fromkeys(playback.ALL_LABELS, 0)
        self.segments: ForkableList[Segment] = ForkableList()
        self.segment: Segment | None = None
        # the playhead
        self.head: float | None = None  # where the playhead was last heard while main content played, and when
        self.head_ms, self.playhead = 0, 0.0  # `playhead` is the latest, whatever plays
        self.pace = Pace()
        self.stillness: StallDetector | None = None
        self.run: WatchedRun | None = None
        self.runs: ForkableList[WatchedRun] = ForkableList()
        self.pieces: tuple[Piece, ...] = ()
        self.live_from: float | None = None  # where the playhead of live content stood when it first played
        self.lowest: Reported | None = None
        self.highest: Reported | None = None
        self.paused_from: tuple[float, int] | None = None  # playhead and clock when the open pause or buffering began
        # records
        self.ads: ForkableList[Ad] = ForkableList()
        self.ad: Ad | None = None
        self.last_ad_end: int | None = None
        self.breaks: ForkableList[AdBreak] = ForkableList()
        self.ad_break: AdBreak | None = None
        self.chapters: ForkableList[Chapter] = ForkableList()
        self.chapter: Chapter | None = None
        self.states: dict[str, State] = {}
        self.state_spans: ForkableList[Segment] = ForkableList()  # label is the state's name
        # quality
        self.rate: Rate | None = None
        self.rates: ForkableList[Rate] = ForkableList()
        self.rate_weight_ms = 0
        self.rate_sum = 0.0
        self.dropped_frames: Reported | None = None
        self.frames_per_second: Reported | None = None
        self.time_to_start: Reported | None = None
        self.errors: dict[str, tuple[tuple[str, int], ...]] = {"player": (), "external": ()}
        # what has been said already
        self.recent: tuple[Signature, ...] = ()
        self.said: frozenset[str] = frozenset()
        self.seen = Seen()

    def fork(self) -> Tally:
        """Return a tally that goes its own way from here on; this one stays as it is."""
        twin = object.__new__(Tally)
        twin.__dict__.update(self.__dict__)
        for name in _TRAILS:
            twin.__dict__[name] = getattr(self, name).fork()
        for name in _DICTS:
            twin.__dict__[name] = dict(getattr(self, name))
        return twin

    def begin(self, ts: int) -> None:
        """Set where the session's time begins: the earliest `ts` among sessionStart and the first window."""
        if self.origin is None:
            self.origin = self.clock = ts

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

    def say(self, rule: str, path: str, message: str) -> Finding | None:
        return findings.make_finding(rule, self.mode, path, message)

    def meet(self, found: Iterable[Finding]) -> None:
        """Remember which rules were met; a session meets few different ones."""
        for finding in found:
            if finding.rule not in self.seen.rules:
                self.seen = self.seen._replace(rules=self.seen.rules | {finding.rule})

    def once(self, what: str) -> bool:
        """True the first time it is asked about `what`, until `_again`."""
        if what in self.said:
            return False
        self.said |= {what}
        return True

    def again(self, what: str) -> None:
        self.said -= {what}

    def mark(self, metric: str, index: int) -> None:
        self.counts[metric] = self.counts.get(metric, 0) + 1
        self.marks.append(Mark(metric, index))

    def mark_once(self, metric: str, index: int) -> None:
        if metric not in self.counts:
            self.mark(metric, index)

    def since_head(self) -> float:
        """Seconds since the playhead was last heard."""
        return (self.clock - self.head_ms) / 1000

    def see(self, start: float, end: float, index: int) -> None:
        if self.run is not None and self.run.end == start:
            self.run = self.run._replace(end=end, last=index)
            return
        self.close_run()
        self.run = WatchedRun(start, end, max(0, index - 1), index)

    def close_run(self) -> None:
        if self.run is not None:
            self.runs.append(self.run)
            self.pieces = playhead.unite(self.pieces, self.run.start, self.run.end)
            self.run = None

    def watched_pieces(self) -> tuple[Piece, ...]:
        """Return the parts of the content seen at least once, in seconds of playhead, in order."""
        return self.pieces if self.run is None else playhead.unite(self.pieces, self.run.start, self.run.end)

    def chapter_so_far(self) -> Chapter | None:
        """Return the open chapter with the time it has taken until now."""
        if self.chapter is None:
            return None
        return replace(self.chapter, time_ms=self.totals["content"] - self.chapter.before_ms)

    def state_so_far(self, state: State) -> State:
        """`state` with the time it has taken until now, open or not."""
        since = self.clock if state.opened_ms is None else state.opened_ms
        return replace(state, time_ms=state.time_ms + self.clock - since)


_TRAILS: Final = (
    "seqs", "stamps", "marks", "segments", "runs", "ads", "breaks", "chapters", "state_spans", "rates",
)  # fmt: skip
_DICTS: Final = ("counts", "totals", "states", "errors")
